"""Documents of findings: what shows that a finding was acted on. Never commits.

They come and go while the finding is open; what it was closed with stays. They are read as the
finding is, on the terms of the detail of its assessment.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments.detail import Permit, permitted, record_reading
from app.assessments.documents import papers
from app.assessments.documents import queries as documents
from app.assessments.documents.errors import EvidenceKept
from app.assessments.documents.papers import About, Draft
from app.assessments.documents.schemas import FindingDocumentIn
from app.assessments.findings import access, own, queries
from app.assessments.findings.errors import FindingNotFound, FindingNotOpen
from app.audit import service as audit
from app.audit.events import Event
from app.audit.exceptions.errors import UnderLegalHold
from app.audit.exceptions.queries import is_held
from app.auth.caller import Caller
from app.core.blobs.frames import Spool
from app.core.blobs.service import Blobs
from app.core.blobs.serving import Content
from app.core.crypto import KeyRing


def _about(row: Any) -> About:
    return About(row.assessment_id, row.partner_id, row.owner_id, row.id)


async def _open(session: AsyncSession, caller: Caller, finding_id: UUID) -> About:
    """The caller's own open finding, locked. Raises FindingNotFound, RoleLacksRight or
    FindingNotOpen.
    """
    row = await access.owned(session, caller, finding_id)
    if row.state != "open":
        raise FindingNotOpen
    return _about(row)


async def announce(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    finding_id: UUID,
    new: FindingDocumentIn,
) -> dict[str, Any]:
    """Announce a document of the caller's own open finding; its file comes next.

    Raises FindingNotFound, RoleLacksRight or FindingNotOpen.
    """
    about = await _open(session, caller, finding_id)
    return await papers.announce(session, keyring, caller, about, new)


async def draft_of(
    session: AsyncSession, caller: Caller, finding_id: UUID, document_id: UUID, version: int
) -> Draft:
    """The announced document that waits for its file.

    Raises what `announce` raises, and what `papers.draft_of` raises.
    """
    about = await _open(session, caller, finding_id)
    return await papers.draft_of(session, about, document_id, version)


async def attach(
    session: AsyncSession, keyring: KeyRing, caller: Caller, draft: Draft, spool: Spool
) -> dict[str, Any]:
    """The stored file is the document's from now on.

    Raises what `draft_of` raises, when the finding was closed or another file came meanwhile.
    """
    assert draft.about.finding_id is not None
    await _open(session, caller, draft.about.finding_id)
    return await papers.attach(session, keyring, caller, draft, spool)


async def change(
    session: AsyncSession,
    caller: Caller,
    finding_id: UUID,
    document_id: UUID,
    version: int,
    *,
    partner_visible: bool,
) -> dict[str, Any]:
    """Say whether the partner may see a document of an own finding, open or not.

    Raises FindingNotFound, RoleLacksRight, DocumentNotFound or PreconditionFailed.
    """
    about = _about(await access.owned(session, caller, finding_id))
    return await papers.change(
        session, caller, about, document_id, version, partner_visible=partner_visible
    )


async def remove(
    session: AsyncSession, caller: Caller, finding_id: UUID, document_id: UUID
) -> None:
    """Take a document and its file away for good, while the finding is open.

    Raises what `announce` raises, DocumentNotFound, EvidenceKept or UnderLegalHold.
    """
    about = await _open(session, caller, finding_id)
    row = await papers.found(session, about, document_id)
    if await documents.closed_with(session, document_id):
        raise EvidenceKept
    if await is_held(session, about.assessment_id, about.partner_id):
        raise UnderLegalHold
    await papers.remove(session, caller, about, row)


# ---------------------------------------------------------------------------------------- reading


async def _permitted(
    session: AsyncSession, caller: Caller, finding_id: UUID, purposes: Sequence[str]
) -> tuple[About, Permit]:
    """Raises FindingNotFound, ContentRedacted, PurposeRequired or PurposeNotShared."""
    row = await queries.find(session, finding_id)
    if row is None:
        raise FindingNotFound
    permit = await permitted(session, caller, row.assessment_id, purposes, FindingNotFound)
    return _about(row), permit


async def list_documents(
    session: AsyncSession,
    caller: Caller,
    finding_id: UUID,
    purposes: Sequence[str],
    after: UUID | None,
    limit: int,
) -> Sequence[Any]:
    """One row more than a page, for whoever may read the finding; the reading is in the log.

    Raises FindingNotFound, ContentRedacted, PurposeRequired or PurposeNotShared.
    """
    about, permit = await _permitted(session, caller, finding_id, purposes)
    rows = await documents.list_page(session, about.assessment_id, after, limit + 1, finding_id)
    event = Event.ASSESSMENT_DOCUMENT_READ
    await record_reading(session, caller, permit, event, finding=str(finding_id))
    return rows


async def open_content(
    session: AsyncSession,
    blobs: Blobs,
    caller: Caller,
    finding_id: UUID,
    document_id: UUID,
    purposes: Sequence[str],
) -> Content:
    """The file, with the reading in the log of the same transaction.

    Raises what `list_documents` raises, then what `papers.content_of` raises.
    """
    about, permit = await _permitted(session, caller, finding_id, purposes)
    row = await papers.found(session, about, document_id)
    content = await papers.content_of(session, blobs, row)
    event, more = Event.ASSESSMENT_DOCUMENT_READ, {"document": str(document_id)}
    await record_reading(session, caller, permit, event, finding=str(finding_id), **more)
    return content


async def list_own(
    session: AsyncSession, caller: Caller, finding_id: UUID, after: UUID | None, limit: int
) -> Sequence[Any]:
    """One row more than a page of what the owner lets the calling partner see.

    Raises FindingNotFound.
    """
    row = await own.find_own(session, caller, finding_id)
    return await documents.list_page(session, row.assessment_id, after, limit + 1, finding_id)


async def open_own(
    session: AsyncSession, blobs: Blobs, caller: Caller, finding_id: UUID, document_id: UUID
) -> Content:
    """A file that the owner lets the partner see; the reading is in the log.

    Raises FindingNotFound, and what `papers.content_of` raises.
    """
    about = _about(await own.find_own(session, caller, finding_id))
    content = await papers.content_of(
        session, blobs, await papers.found(session, about, document_id)
    )
    subject = audit.Subject(about.assessment_id, about.owner_id, about.partner_id)
    more = {"document": str(document_id), "finding": str(finding_id)}
    event = Event.ASSESSMENT_SELF_READ
    await audit.record(session, caller, event, subject, basis="self", **more)
    return content
