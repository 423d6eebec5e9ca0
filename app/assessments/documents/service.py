"""Use cases of assessments' documents. Never commits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments import access, detail
from app.assessments.documents import codes, errors, papers, queries
from app.assessments.documents.papers import About, Draft
from app.assessments.documents.schemas import AssessmentDocumentIn
from app.assessments.errors import AssessmentFinal, AssessmentSubmitted
from app.assessments.types import ALL
from app.audit.events import Event
from app.audit.exceptions.errors import ContentRedacted, UnderLegalHold
from app.auth.caller import Caller
from app.core.blobs.frames import Spool
from app.core.blobs.service import Blobs
from app.core.blobs.serving import Content
from app.core.crypto import KeyRing


def about_of(row: Any) -> About:
    """The assessment of a row of `assessments.queries.COLUMNS`."""
    return About(row.id, row.partner_id, row.owner_id)


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
    return await papers.announce(session, keyring, caller, about_of(row), new)


async def draft_of(
    session: AsyncSession, caller: Caller, assessment_id: UUID, document_id: UUID, version: int
) -> Draft:
    """The announced document that waits for its file.

    Raises what `announce` raises but StandardUnfit, and what `papers.draft_of` raises.
    """
    row = await _own_draft(session, caller, assessment_id)
    return await papers.draft_of(session, about_of(row), document_id, version)


async def attach(
    session: AsyncSession, keyring: KeyRing, caller: Caller, draft: Draft, spool: Spool
) -> dict[str, Any]:
    """The stored file is the document's from now on.

    Raises what `draft_of` raises, when the assessment went on or another file came meanwhile.
    """
    await _own_draft(session, caller, draft.about.assessment_id)
    return await papers.attach(session, keyring, caller, draft, spool)


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

    Raises what `detail.permitted` raises, then what `papers.content_of` raises.
    """
    permit = await detail.permitted(session, caller, assessment_id, purposes)
    row = await papers.found(session, about_of(permit.row), document_id)
    content = await papers.content_of(session, blobs, row)
    event, about = Event.ASSESSMENT_DOCUMENT_READ, {"document": str(document_id)}
    await detail.record_reading(session, caller, permit, event, **about)
    return content


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
    row = await access.governed(session, caller, assessment_id)
    if row.redacted:
        raise ContentRedacted
    return await papers.change(
        session, caller, about_of(row), document_id, version, partner_visible=partner_visible
    )


async def remove(
    session: AsyncSession, caller: Caller, assessment_id: UUID, document_id: UUID
) -> None:
    """Take a document and its file away for good, while the assessment is a draft.

    Raises what `announce` raises but StandardUnfit, DocumentNotFound, or UnderLegalHold.
    """
    row = await _own_draft(session, caller, assessment_id)
    document = await papers.found(session, about_of(row), document_id)
    if row.held:
        raise UnderLegalHold
    await papers.remove(session, caller, about_of(row), document)
