"""Use cases of partners' documents. Never commits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import func, insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.audit.purposes import OWN_RECORD, StatedPurpose
from app.auth import policy
from app.auth.caller import Caller
from app.core.blobs import service as files
from app.core.blobs.frames import Spool
from app.core.blobs.kinds import MediaType
from app.core.blobs.service import Blobs
from app.core.blobs.serving import Content, open_file, require_servable
from app.core.crypto import KeyRing, partner_scope
from app.core.db import touched
from app.core.http import PreconditionFailed
from app.core.ids import new_id, new_secret_id
from app.events import service as events
from app.events.catalogue import EventType
from app.partners.custody import require_editable
from app.partners.documents import errors, queries
from app.partners.documents.codes import OF_THE_PARTNER, DeletionReason
from app.partners.documents.models import PartnerDocument
from app.partners.documents.schemas import DocumentFilter, DocumentIn
from app.partners.purpose import stated_purpose
from app.partners.service import author, visible_partner


def _title_context(document_id: UUID) -> str:
    return f"partner_documents|{document_id}|title"


async def announce(
    session: AsyncSession, keyring: KeyRing, caller: Caller, partner_id: UUID, new: DocumentIn
) -> dict[str, Any]:
    """Make a draft, to which the file comes next.

    Raises PartnerNotFound, PeriodInvalid, SupersededUnknown, EditsFrozen or OwnedByPartner.
    """
    await visible_partner(session, caller, partner_id)
    if new.kind in OF_THE_PARTNER:
        await require_editable(session, caller, partner_id, hold=True)
    if new.issued_on and new.expires_on and new.expires_on < new.issued_on:
        raise errors.PeriodInvalid
    if new.supersedes is not None and not await queries.own_uploaded(
        session, partner_id, new.supersedes, author(caller)
    ):
        raise errors.SupersededUnknown
    restricted = new.level == "RESTRICTED"
    document_id = new_secret_id() if restricted else new_id()
    values = new.model_dump(mode="python", exclude={"title"})
    if restricted:
        context = _title_context(document_id)
        values["sealed_title"] = await keyring.seal(
            session, partner_scope(), context, new.title.encode()
        )
    else:
        values["title"] = new.title
    values |= {"id": document_id, "partner_id": partner_id, "uploaded_by": author(caller)}
    await session.execute(insert(PartnerDocument).values(values).inline())
    subject = audit.Subject(document_id, author(caller), partner_id)
    await audit.record(session, caller, Event.DOCUMENT_ANNOUNCED, subject, kind=new.kind.value)
    return await get(session, caller, partner_id, document_id)


async def get(
    session: AsyncSession, caller: Caller, partner_id: UUID, document_id: UUID
) -> dict[str, Any]:
    """A document without contents. Raises PartnerNotFound or DocumentNotFound."""
    await visible_partner(session, caller, partner_id)
    return wire(await _found(session, caller, partner_id, document_id))


async def _found(session: AsyncSession, caller: Caller, partner_id: UUID, document_id: UUID) -> Any:
    row = await queries.find(session, caller, partner_id, document_id)
    if row is None:
        raise errors.DocumentNotFound
    return row


def wire(row: Any) -> dict[str, Any]:
    """A row of the queries as DocumentOut needs it."""
    hidden = ("sealed_title", "uploader", "blob_id", "size", "sealed_key", "sha256")
    facts = {name: value for name, value in row._mapping.items() if name not in hidden}
    state = "draft" if row.blob_id is None else "superseded" if row.superseded_by else "available"
    return facts | {
        "state": state,
        "sha256": row.sha256.hex() if row.sha256 else None,
        "bytes": row.size,
    }


async def list_documents(
    session: AsyncSession,
    caller: Caller,
    partner_id: UUID,
    filters: DocumentFilter,
    after: Any,
) -> Sequence[Any]:
    """One row more than a page, newest first. Raises PartnerNotFound."""
    await visible_partner(session, caller, partner_id)
    return await queries.list_page(
        session, caller, partner_id, filters.kind, filters.superseded, after, filters.limit + 1
    )


# ------------------------------------------------------------------------------------- upload


class Draft(NamedTuple):
    """What a file is to be put to."""

    partner_id: UUID
    id: UUID
    version: int
    media_type: MediaType


async def draft_of(
    session: AsyncSession, caller: Caller, partner_id: UUID, document_id: UUID, version: int
) -> Draft:
    """The own draft that waits for its file.

    Raises PartnerNotFound, DocumentNotFound, DocumentUploaded, PreconditionFailed, EditsFrozen or
    OwnedByPartner.
    """
    await visible_partner(session, caller, partner_id)
    row = await _found(session, caller, partner_id, document_id)
    if row.uploader != author(caller):
        raise errors.DocumentNotFound
    if row.blob_id is not None:
        raise errors.DocumentUploaded
    if row.version != version:
        raise PreconditionFailed
    if row.kind in OF_THE_PARTNER:
        await require_editable(session, caller, row.partner_id)
    return Draft(row.partner_id, row.id, row.version, MediaType(row.media_type))


async def note_infected(session: AsyncSession, caller: Caller, draft: Draft, sha256: bytes) -> None:
    """Put into the log that malware was sent."""
    subject = audit.Subject(draft.id, author(caller), draft.partner_id)
    await audit.record(
        session, caller, Event.DOCUMENT_INFECTED, subject, sha256=sha256.hex(), at="upload"
    )


async def attach(
    session: AsyncSession, caller: Caller, draft: Draft, spool: Spool
) -> dict[str, Any]:
    """The stored file is the document's from now on; what it supersedes is superseded.

    Raises DocumentUploaded when another file came first, EditsFrozen or OwnedByPartner when the
    partner's own papers stopped being the agency's to put there meanwhile.
    """
    done = await session.execute(
        update(PartnerDocument)
        .where(
            PartnerDocument.id == draft.id,
            PartnerDocument.version == draft.version,
            PartnerDocument.blob_id.is_(None),
            PartnerDocument.deleted_at.is_(None),
        )
        .values(blob_id=spool.blob_id, uploaded_at=func.now(), version=draft.version + 1)
        .returning(PartnerDocument.supersedes, PartnerDocument.kind)
        .execution_options(synchronize_session=False)
    )
    row = done.one_or_none()
    if row is None:
        raise errors.DocumentUploaded
    if row.kind in OF_THE_PARTNER:
        await require_editable(session, caller, draft.partner_id, hold=True)
    await files.finish(session, spool.blob_id)
    if row.supersedes is not None:
        await session.execute(
            update(PartnerDocument)
            .where(PartnerDocument.id == row.supersedes, PartnerDocument.superseded_by.is_(None))
            .values(superseded_by=draft.id, version=PartnerDocument.version + 1)
            .execution_options(synchronize_session=False)
        )
    subject = audit.Subject(draft.id, author(caller), draft.partner_id)
    await audit.record(
        session,
        caller,
        Event.DOCUMENT_UPLOADED,
        subject,
        sha256=spool.sha256.hex(),
        bytes=spool.size,
        supersedes=str(row.supersedes) if row.supersedes else None,
    )
    await _publish(session, caller, draft.partner_id, draft.id, row.kind)
    return wire(await _found(session, caller, draft.partner_id, draft.id))


async def _publish(
    session: AsyncSession, caller: Caller, partner_id: UUID, document_id: UUID, kind: str
) -> None:
    await events.publish(
        session,
        EventType.PARTNER_DOCUMENTS_CHANGED,
        partner_id,
        author(caller),
        document_id=str(document_id),
        document_kind=kind,
    )


# ------------------------------------------------------------------------------ read and delete


async def open_content(
    session: AsyncSession,
    blobs: Blobs,
    caller: Caller,
    partner_id: UUID,
    document_id: UUID,
    purposes: Sequence[str],
) -> Content:
    """The file of a document, with the reading in the log of the same transaction.

    Raises PartnerNotFound, DocumentNotFound (drafts too), PurposeRequired, DocumentNotScanned or
    DocumentQuarantined, in this order.
    """
    partner = await visible_partner(session, caller, partner_id)
    row = await _found(session, caller, partner_id, document_id)
    if row.blob_id is None:
        raise errors.DocumentNotFound
    if caller.subject == "agency":
        resource = policy.Resource("PARTNER_DOCUMENTS", level=row.level, country=partner.country)
        policy.require_readable(policy.can(caller, "read", resource), errors.DocumentNotFound)
    own = row.uploader == author(caller)
    stated: StatedPurpose | None = None
    if purposes or (row.level == "RESTRICTED" and not own):
        stated = stated_purpose(purposes)
    require_servable(blobs, row.scan)
    title = row.title
    if title is None:
        context = _title_context(row.id)
        title = (await blobs.keyring.open(session, context, row.sealed_title)).decode()
    content = await open_file(session, blobs, row, title)
    await audit.record(
        session,
        caller,
        Event.DOCUMENT_READ,
        audit.Subject(row.id, row.uploader, row.partner_id),
        purpose=stated.purpose if stated else OWN_RECORD if own else None,
        reference=stated.reference if stated else None,
        basis="owner" if own else "self" if caller.subject == "partner" else "role",
        level=row.level,
    )
    return content


async def delete(
    session: AsyncSession,
    caller: Caller,
    partner_id: UUID,
    document_id: UUID,
    reason: DeletionReason,
) -> None:
    """Take an own document out of sight. Its file stays until retention ends.

    Raises PartnerNotFound or DocumentNotFound.
    """
    await visible_partner(session, caller, partner_id)
    row = await _found(session, caller, partner_id, document_id)
    done = await session.execute(
        update(PartnerDocument)
        .where(
            PartnerDocument.id == document_id,
            PartnerDocument.uploaded_by.is_not_distinct_from(author(caller)),
            PartnerDocument.deleted_at.is_(None),
        )
        .values(
            deleted_at=func.now(),
            deleted_reason=reason.value,
            version=PartnerDocument.version + 1,
        )
        .execution_options(synchronize_session=False)
    )
    if not touched(done):
        raise errors.DocumentNotFound
    subject = audit.Subject(document_id, caller.agency_id, row.partner_id)
    await audit.record(session, caller, Event.DOCUMENT_DELETED, subject, reason=reason.value)
    if row.blob_id is not None:
        await _publish(session, caller, row.partner_id, document_id, row.kind)
