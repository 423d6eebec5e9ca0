"""Use cases of assessments' documents. Never commits."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import delete, func, insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments import access, detail
from app.assessments.documents import codes, errors, queries
from app.assessments.documents.models import AssessmentDocument
from app.assessments.documents.schemas import AssessmentDocumentIn
from app.assessments.errors import AssessmentFinal, AssessmentSubmitted
from app.assessments.types import ALL
from app.audit import service as audit
from app.audit.events import Event
from app.audit.exceptions.errors import ContentRedacted, UnderLegalHold
from app.auth.caller import Caller
from app.core.blobs import service as files
from app.core.blobs.frames import Spool
from app.core.blobs.kinds import EXTENSIONS, MediaType
from app.core.blobs.service import Blobs
from app.core.crypto import KeyRing, Undecipherable, agency_scope
from app.core.db import touched
from app.core.http import PreconditionFailed
from app.core.ids import new_secret_id
from app.partners.documents.service import Content


def seal_context(document_id: UUID, assessment_id: UUID, version: int, owner: UUID) -> str:
    """Encryption context of a title: in another document, assessment or version it stays shut."""
    return f"assessment_documents|{document_id}|{assessment_id}|{version}|{owner}"


def _subject(row: Any) -> audit.Subject:
    return audit.Subject(row.id, owner_agency=row.owner_id, partner_id=row.partner_id)


async def _own_draft(session: AsyncSession, caller: Caller, assessment_id: UUID) -> Any:
    """The caller's own draft, locked; papers come and go with it.

    Raises AssessmentNotFound, RoleLacksRight, ContentRedacted, AssessmentSubmitted or
    AssessmentFinal.
    """
    row = await access.owned(session, caller, assessment_id, "create")
    if row.redacted:
        raise ContentRedacted
    if row.status != "draft":
        raise AssessmentSubmitted if row.status == "submitted" else AssessmentFinal
    return row


async def _found(session: AsyncSession, assessment_id: UUID, document_id: UUID) -> Any:
    row = await queries.find(session, assessment_id, document_id)
    if row is None:
        raise errors.DocumentNotFound
    return row


def wire(row: Any) -> dict[str, Any]:
    """A row of the queries as AssessmentDocumentOut needs it."""
    hidden = ("owner_agency", "sealed", "sealed_version", "blob_id", "size", "sealed_key", "sha256")
    facts = {name: value for name, value in row._mapping.items() if name not in hidden}
    return facts | {
        "state": "announced" if row.blob_id is None else "available",
        "sha256": row.sha256.hex() if row.sha256 else None,
        "bytes": row.size,
    }


async def announce(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    assessment_id: UUID,
    new: AssessmentDocumentIn,
) -> dict[str, Any]:
    """Announce a document of the caller's own draft; its file comes next.

    Raises AssessmentNotFound, RoleLacksRight, ContentRedacted, AssessmentSubmitted,
    AssessmentFinal or StandardUnfit.
    """
    row = await _own_draft(session, caller, assessment_id)
    if new.standard is not None and (
        ALL[row.type].family != "PSEA" or not codes.fits(new.kind, new.standard)
    ):
        raise errors.StandardUnfit
    document_id = new_secret_id()
    values = new.model_dump(mode="python", exclude={"title"}) | {
        "id": document_id,
        "assessment_id": assessment_id,
        "owner_agency": caller.agency_id,
        "sealed": await _sealed(
            session, keyring, document_id, row, 1, {"title": new.title, "blob": None}
        ),
    }
    await session.execute(insert(AssessmentDocument).values(values).inline())
    about = {"document": str(document_id), "kind": new.kind.value}
    event = Event.ASSESSMENT_DOCUMENT_ANNOUNCED
    await audit.record(session, caller, event, _subject(row), **about)
    return wire(await _found(session, assessment_id, document_id))


async def _sealed(
    session: AsyncSession,
    keyring: KeyRing,
    document_id: UUID,
    row: Any,
    version: int,
    said: dict[str, Any],
) -> bytes:
    context = seal_context(document_id, row.id, version, row.owner_id)
    return await keyring.seal(
        session, agency_scope(row.owner_id), context, json.dumps(said).encode()
    )


async def _opened(session: AsyncSession, keyring: KeyRing, row: Any) -> dict[str, Any]:
    """What is sealed of a document. Raises Undecipherable, also for another document's file."""
    context = seal_context(row.id, row.assessment_id, row.sealed_version, row.owner_agency)
    said: dict[str, Any] = json.loads(await keyring.open(session, context, row.sealed))
    if said["blob"] != (str(row.blob_id) if row.blob_id else None):
        raise Undecipherable(context)
    return said


# ------------------------------------------------------------------------------------- upload


class Draft(NamedTuple):
    """What a file is to be put to."""

    assessment_id: UUID
    partner_id: UUID
    owner_id: UUID
    id: UUID
    version: int
    media_type: MediaType


async def draft_of(
    session: AsyncSession, caller: Caller, assessment_id: UUID, document_id: UUID, version: int
) -> Draft:
    """The announced document that waits for its file.

    Raises what `announce` raises but StandardUnfit; DocumentNotFound, DocumentUploaded or
    PreconditionFailed.
    """
    about = await _own_draft(session, caller, assessment_id)
    row = await _found(session, assessment_id, document_id)
    if row.blob_id is not None:
        raise errors.DocumentUploaded
    if row.version != version:
        raise PreconditionFailed
    return Draft(
        *(about.id, about.partner_id, about.owner_id),
        *(row.id, row.version, MediaType(row.media_type)),
    )


async def note_infected(session: AsyncSession, caller: Caller, draft: Draft, sha256: bytes) -> None:
    """Put into the log that malware was sent."""
    subject = audit.Subject(draft.assessment_id, draft.owner_id, draft.partner_id)
    about = {"document": str(draft.id), "sha256": sha256.hex(), "at": "upload"}
    await audit.record(session, caller, Event.ASSESSMENT_DOCUMENT_INFECTED, subject, **about)


async def attach(
    session: AsyncSession, keyring: KeyRing, caller: Caller, draft: Draft, spool: Spool
) -> dict[str, Any]:
    """The stored file is the document's from now on.

    Raises what `draft_of` raises, when the assessment went on or another file came meanwhile.
    """
    about = await _own_draft(session, caller, draft.assessment_id)
    row = await _found(session, draft.assessment_id, draft.id)
    if row.blob_id is not None or row.version != draft.version:
        raise errors.DocumentUploaded
    said = await _opened(session, keyring, row) | {"blob": str(spool.blob_id)}
    version = row.version + 1
    # The record is locked: nothing can have come in between.
    await session.execute(
        update(AssessmentDocument)
        .where(AssessmentDocument.id == draft.id)
        .values(
            blob_id=spool.blob_id,
            uploaded_at=func.now(),
            version=version,
            sealed=await _sealed(session, keyring, draft.id, about, version, said),
            sealed_version=version,
        )
        .execution_options(synchronize_session=False)
    )
    await files.finish(session, spool.blob_id)
    more = {"document": str(draft.id), "sha256": spool.sha256.hex()}
    event = Event.ASSESSMENT_DOCUMENT_UPLOADED
    await audit.record(session, caller, event, _subject(about), bytes=spool.size, **more)
    return wire(await _found(session, draft.assessment_id, draft.id))


# ------------------------------------------------------------------------------ read and change


async def list_documents(
    session: AsyncSession,
    caller: Caller,
    assessment_id: UUID,
    purposes: Sequence[str],
    after: UUID | None,
    limit: int,
) -> Sequence[Any]:
    """One row more than a page, for whoever may read the detail; the reading is in the log.

    Raises what `detail.permitted` raises.
    """
    permit = await detail.permitted(session, caller, assessment_id, purposes)
    rows = await queries.list_page(session, assessment_id, after, limit + 1)
    await detail.record_reading(session, caller, permit, Event.ASSESSMENT_DOCUMENT_READ)
    return rows


async def open_content(
    session: AsyncSession,
    blobs: Blobs,
    caller: Caller,
    assessment_id: UUID,
    document_id: UUID,
    purposes: Sequence[str],
) -> Content:
    """The file, with the reading in the log of the same transaction.

    Raises what `detail.permitted` raises, then DocumentNotFound (also without a file),
    DocumentNotScanned, DocumentQuarantined or Undecipherable.
    """
    permit = await detail.permitted(session, caller, assessment_id, purposes)
    row = await _found(session, assessment_id, document_id)
    content = await content_of(session, blobs, row)
    event, about = Event.ASSESSMENT_DOCUMENT_READ, {"document": str(document_id)}
    await detail.record_reading(session, caller, permit, event, **about)
    return content


async def content_of(session: AsyncSession, blobs: Blobs, row: Any) -> Content:
    """The file of a row of the queries. Raises as `open_content` says of documents."""
    if row.blob_id is None:
        raise errors.DocumentNotFound
    if not blobs.may_be_served(row.scan):
        raise errors.DocumentQuarantined if row.scan == "infected" else errors.DocumentNotScanned
    said = await _opened(session, blobs.keyring, row)
    blob = _Blob(row.blob_id, row.size, row.sha256, row.sealed_key)
    cipher = await blobs.cipher(session, blob)
    media_type = MediaType(row.media_type)
    name = f"{said['title']}.{EXTENSIONS[media_type]}"
    return Content(media_type.value, name, row.size, row.sha256, blobs.read(blob, cipher))


class _Blob(NamedTuple):
    """What reading a file needs of its row."""

    id: UUID
    size: int
    sha256: bytes
    sealed_key: bytes


async def change(
    session: AsyncSession,
    caller: Caller,
    assessment_id: UUID,
    document_id: UUID,
    version: int,
    *,
    partner_visible: bool,
) -> dict[str, Any]:
    """Say whether the partner may see a document of the caller's own; also when it is final.

    Raises AssessmentNotFound, RoleLacksRight, ContentRedacted, DocumentNotFound or
    PreconditionFailed.
    """
    about = await access.governed(session, caller, assessment_id)
    if about.redacted:
        raise ContentRedacted
    await _found(session, assessment_id, document_id)
    done = await session.execute(
        update(AssessmentDocument)
        .where(AssessmentDocument.id == document_id, AssessmentDocument.version == version)
        .values(partner_visible=partner_visible, version=version + 1)
        .execution_options(synchronize_session=False)
    )
    if not touched(done):
        raise PreconditionFailed
    more: dict[str, Any] = {"document": str(document_id), "partner_visible": partner_visible}
    event = Event.ASSESSMENT_DOCUMENT_CHANGED
    await audit.record(session, caller, event, _subject(about), **more)
    return wire(await _found(session, assessment_id, document_id))


async def remove(
    session: AsyncSession, caller: Caller, assessment_id: UUID, document_id: UUID
) -> None:
    """Take a document and its file away for good, while the assessment is a draft.

    Raises what `announce` raises but StandardUnfit, DocumentNotFound, or UnderLegalHold.
    """
    about = await _own_draft(session, caller, assessment_id)
    row = await _found(session, assessment_id, document_id)
    if about.held:
        raise UnderLegalHold
    await session.execute(
        delete(AssessmentDocument)
        .where(AssessmentDocument.id == document_id)
        .execution_options(synchronize_session=False)
    )
    if row.blob_id is not None:
        await files.remove(session, row.blob_id)
    event, more = Event.ASSESSMENT_DOCUMENT_DELETED, {"document": str(document_id)}
    await audit.record(session, caller, event, _subject(about), **more)
