"""Documents of an assessment and of its findings: how they are kept, whoever lets them come.

Callers have asked whether this caller may do it now, and have locked what the document is of.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import delete, func, insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments.documents import errors, queries
from app.assessments.documents.models import AssessmentDocument
from app.assessments.documents.schemas import FindingDocumentIn
from app.audit import service as audit
from app.audit.events import Event
from app.auth.caller import Caller
from app.core.blobs import service as files
from app.core.blobs.frames import Spool
from app.core.blobs.kinds import MediaType
from app.core.blobs.service import Blobs
from app.core.blobs.serving import Content, open_file, require_servable
from app.core.crypto import KeyRing, Undecipherable, agency_scope
from app.core.db import touched
from app.core.http import PreconditionFailed
from app.core.ids import new_secret_id


class About(NamedTuple):
    """What a document is of."""

    assessment_id: UUID
    partner_id: UUID
    owner_id: UUID
    finding_id: UUID | None = None


class Draft(NamedTuple):
    """What a file is to be put to."""

    about: About
    id: UUID
    version: int
    media_type: MediaType

    @property
    def partner_id(self) -> UUID:
        """Whose profile the file is about."""
        return self.about.partner_id


def seal_context(
    document_id: UUID, assessment_id: UUID, version: int, owner: UUID, finding: UUID | None = None
) -> str:
    """Encryption context of a title: in another document, record or version it stays shut."""
    context = f"assessment_documents|{document_id}|{assessment_id}|{version}|{owner}"
    return f"{context}|{finding}" if finding else context


async def _record(
    session: AsyncSession,
    caller: Caller,
    event: Event,
    about: About,
    document_id: UUID,
    **more: Any,
) -> None:
    subject = audit.Subject(about.assessment_id, about.owner_id, about.partner_id)
    if about.finding_id is not None:
        more["finding"] = str(about.finding_id)
    await audit.record(session, caller, event, subject, document=str(document_id), **more)


async def found(session: AsyncSession, about: About, document_id: UUID) -> Any:
    """The row of a document. Raises DocumentNotFound."""
    row = await queries.find(session, about.assessment_id, document_id, about.finding_id)
    if row is None:
        raise errors.DocumentNotFound
    return row


def wire(row: Any) -> dict[str, Any]:
    """A row of the queries as AssessmentDocumentOut needs it, or FindingDocumentOut."""
    hidden = ["owner_agency", "sealed", "sealed_version", "blob_id", "size", "sealed_key", "sha256"]
    if row.finding_id is None:
        hidden.append("finding_id")
    facts = {name: value for name, value in row._mapping.items() if name not in hidden}
    return facts | {
        "state": "announced" if row.blob_id is None else "available",
        "sha256": row.sha256.hex() if row.sha256 else None,
        "bytes": row.size,
    }


async def announce(
    session: AsyncSession, keyring: KeyRing, caller: Caller, about: About, new: FindingDocumentIn
) -> dict[str, Any]:
    """Announce a document; its file comes next."""
    document_id = new_secret_id()
    said = {"title": new.title, "blob": None}
    values = new.model_dump(mode="python", exclude={"title"}) | {
        "id": document_id,
        "assessment_id": about.assessment_id,
        "finding_id": about.finding_id,
        "owner_agency": about.owner_id,
        "sealed": await _sealed(session, keyring, document_id, about, 1, said),
    }
    await session.execute(insert(AssessmentDocument).values(values).inline())
    event = Event.ASSESSMENT_DOCUMENT_ANNOUNCED
    await _record(session, caller, event, about, document_id, kind=new.kind.value)
    return wire(await found(session, about, document_id))


async def _sealed(
    session: AsyncSession,
    keyring: KeyRing,
    document_id: UUID,
    about: About,
    version: int,
    said: dict[str, Any],
) -> bytes:
    context = seal_context(
        document_id, about.assessment_id, version, about.owner_id, about.finding_id
    )
    return await keyring.seal(
        session, agency_scope(about.owner_id), context, json.dumps(said).encode()
    )


async def _opened(session: AsyncSession, keyring: KeyRing, row: Any) -> dict[str, Any]:
    """What is sealed of a document. Raises Undecipherable, also for another document's file."""
    context = seal_context(
        row.id, row.assessment_id, row.sealed_version, row.owner_agency, row.finding_id
    )
    said: dict[str, Any] = json.loads(await keyring.open(session, context, row.sealed))
    if said["blob"] != (str(row.blob_id) if row.blob_id else None):
        raise Undecipherable(context)
    return said


async def draft_of(session: AsyncSession, about: About, document_id: UUID, version: int) -> Draft:
    """The announced document that waits for its file.

    Raises DocumentNotFound, DocumentUploaded or PreconditionFailed.
    """
    row = await found(session, about, document_id)
    if row.blob_id is not None:
        raise errors.DocumentUploaded
    if row.version != version:
        raise PreconditionFailed
    return Draft(about, row.id, row.version, MediaType(row.media_type))


async def note_infected(session: AsyncSession, caller: Caller, draft: Draft, sha256: bytes) -> None:
    """Put into the log that malware was sent."""
    event, more = Event.ASSESSMENT_DOCUMENT_INFECTED, {"sha256": sha256.hex(), "at": "upload"}
    await _record(session, caller, event, draft.about, draft.id, **more)


async def attach(
    session: AsyncSession, keyring: KeyRing, caller: Caller, draft: Draft, spool: Spool
) -> dict[str, Any]:
    """The stored file is the document's from now on.

    Raises DocumentNotFound, or DocumentUploaded when another file came meanwhile.
    """
    about = draft.about
    row = await found(session, about, draft.id)
    if row.blob_id is not None or row.version != draft.version:
        raise errors.DocumentUploaded
    said = await _opened(session, keyring, row) | {"blob": str(spool.blob_id)}
    version = row.version + 1
    # What it is of is locked: nothing can have come in between.
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
    event, more = Event.ASSESSMENT_DOCUMENT_UPLOADED, {"sha256": spool.sha256.hex()}
    await _record(session, caller, event, about, draft.id, bytes=spool.size, **more)
    return wire(await found(session, about, draft.id))


async def content_of(session: AsyncSession, blobs: Blobs, row: Any) -> Content:
    """The file of a row of the queries.

    Raises DocumentNotFound (also without a file), DocumentNotScanned, DocumentQuarantined or
    Undecipherable.
    """
    if row.blob_id is None:
        raise errors.DocumentNotFound
    require_servable(blobs, row.scan)
    said = await _opened(session, blobs.keyring, row)
    return await open_file(session, blobs, row, said["title"])


async def change(
    session: AsyncSession,
    caller: Caller,
    about: About,
    document_id: UUID,
    version: int,
    *,
    partner_visible: bool,
) -> dict[str, Any]:
    """Say whether the partner may see a document. Raises DocumentNotFound or PreconditionFailed."""
    await found(session, about, document_id)
    done = await session.execute(
        update(AssessmentDocument)
        .where(AssessmentDocument.id == document_id, AssessmentDocument.version == version)
        .values(partner_visible=partner_visible, version=version + 1)
        .execution_options(synchronize_session=False)
    )
    if not touched(done):
        raise PreconditionFailed
    event, more = Event.ASSESSMENT_DOCUMENT_CHANGED, {"partner_visible": partner_visible}
    await _record(session, caller, event, about, document_id, **more)
    return wire(await found(session, about, document_id))


async def remove(session: AsyncSession, caller: Caller, about: About, row: Any) -> None:
    """Take a document and its file away for good; ``row`` of `found`."""
    await session.execute(
        delete(AssessmentDocument)
        .where(AssessmentDocument.id == row.id)
        .execution_options(synchronize_session=False)
    )
    if row.blob_id is not None:
        await files.remove(session, row.blob_id)
    await _record(session, caller, Event.ASSESSMENT_DOCUMENT_DELETED, about, row.id)
