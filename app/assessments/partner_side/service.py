"""What the partner reads of assessments of itself, and how it is asked and heard. Never commits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import func, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments import access, detail
from app.assessments.documents import papers
from app.assessments.documents import queries as documents
from app.assessments.documents.service import about_of
from app.assessments.errors import AssessmentNotFound, AssessmentNotSubmitted
from app.assessments.life_cycle import milestones
from app.assessments.life_cycle.schemas import MilestoneIn
from app.assessments.models import Assessment
from app.assessments.partner_side import queries
from app.assessments.queries import read_assessment
from app.assessments.types import ALL
from app.assessments.wire import wire
from app.audit import service as audit
from app.audit.events import Event
from app.audit.exceptions.errors import ContentRedacted
from app.auth.caller import Caller
from app.core.blobs.service import Blobs
from app.core.blobs.serving import Content
from app.core.crypto import KeyRing
from app.events import service as events
from app.events.catalogue import EventType
from app.partners.objections.contested import contested
from app.partners.self_service import comments
from app.partners.self_service.access import own_id
from app.partners.self_service.schemas import CommentQuery
from app.partners.self_service.statements import comment_until

_SHOWN = (
    *("id", "partner_id", "type", "methodology", "owner_agency", "conducted_on", "valid_until"),
    *("rating", "adjusted_rating", "summary", "participating_agencies", "held_until"),
    *("finalised_at", "withdrawn_at", "withdrawal_reason", "contested", "partner_comments"),
    "redacted",
)


def _subject(row: Any) -> audit.Subject:
    return audit.Subject(row.id, owner_agency=row.owner_id, partner_id=row.partner_id)


def _told(row: Any, objection: dict[str, Any] | None) -> dict[str, Any]:
    """A row as OwnAssessmentOut needs it."""
    found = wire(row, objection)
    state = found["status"]
    if row.status == "submitted":
        state = "draft_for_comment"
    elif row.held_until is not None:
        state = "held"
    stated_at = row.shown_to_partner_at if row.status == "submitted" else row.updated_at
    return {name: found[name] for name in _SHOWN} | {
        "state": state,
        "comment_until": comment_until(stated_at),
    }


async def list_own(
    session: AsyncSession, caller: Caller, after: queries.After, limit: int
) -> Sequence[Any]:
    """One row more than a page of summaries that the calling partner is told of."""
    return await queries.list_told(session, own_id(caller), after, limit + 1)


async def shown(session: AsyncSession, rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Rows as OwnAssessmentOut needs them, each with the objection to it."""
    objections = await contested(session, "assessment", [row.id for row in rows])
    return [_told(row, objections.get(row.id)) for row in rows]


async def _with_detail(session: AsyncSession, caller: Caller, assessment_id: UUID) -> Any:
    """The row of an assessment whose detail is for the calling partner.

    Raises AssessmentNotFound, also for one that is only shown for a comment, or ContentRedacted.
    """
    row = await queries.find_told(session, own_id(caller), assessment_id)
    if row is None or row.status == "submitted":
        raise AssessmentNotFound
    if row.redacted:
        raise ContentRedacted
    if row.sealed is None:
        raise AssessmentNotFound
    return row


async def read_own_detail(
    session: AsyncSession, keyring: KeyRing, caller: Caller, assessment_id: UUID
) -> dict[str, Any]:
    """What the partner gets of a detail; the reading is in the log of the same transaction.

    Raises AssessmentNotFound or ContentRedacted.
    """
    row = await _with_detail(session, caller, assessment_id)
    opened = await detail.unseal(session, keyring, row)
    about = {"version": row.version}
    await audit.record(
        session, caller, Event.ASSESSMENT_SELF_READ, _subject(row), basis="self", **about
    )
    objections = await contested(session, "assessment", [row.id])
    return _told(row, objections.get(row.id)) | {
        "detail": ALL[row.type].for_partner(opened),
        "milestones": await milestones.of_record(session, row.id),
    }


async def list_own_documents(
    session: AsyncSession, caller: Caller, assessment_id: UUID, after: UUID | None, limit: int
) -> Sequence[Any]:
    """One row more than a page of documents that the owner lets the partner see.

    Raises AssessmentNotFound or ContentRedacted.
    """
    await _with_detail(session, caller, assessment_id)
    return await documents.list_page(session, assessment_id, after, limit + 1)


async def open_own_document(
    session: AsyncSession, blobs: Blobs, caller: Caller, assessment_id: UUID, document_id: UUID
) -> Content:
    """A file that the owner lets the partner see; the reading is in the log.

    Raises AssessmentNotFound, ContentRedacted, and what `papers.content_of` raises.
    """
    about = await _with_detail(session, caller, assessment_id)
    row = await papers.found(session, about_of(about), document_id)
    content = await papers.content_of(session, blobs, row)
    more = {"document": str(document_id)}
    await audit.record(
        session, caller, Event.ASSESSMENT_SELF_READ, _subject(about), basis="self", **more
    )
    return content


# ------------------------------------------------------------------------------ asked and heard


async def ask_for_comment(
    session: AsyncSession, caller: Caller, assessment_id: UUID, today: date
) -> dict[str, Any]:
    """Show the summary of an own submitted assessment to the partner, for a comment.

    Raises AssessmentNotFound, RoleLacksRight, AssessmentNotSubmitted or MilestoneOrder.
    """
    row = await access.owned(session, caller, assessment_id, "create")
    if row.status != "submitted" or row.confidentiality == "AGENCY_ONLY":
        raise AssessmentNotSubmitted
    if not await milestones.reached(session, row.id, "draft_to_partner"):
        step = MilestoneIn(code="draft_to_partner", reached_on=today)
        await milestones.record(session, caller, assessment_id, step, today)
    await session.execute(
        update(Assessment)
        .where(Assessment.id == assessment_id)
        .values(shown_to_partner_at=func.now(), version=row.version + 1, updated_at=func.now())
        .execution_options(synchronize_session=False)
    )
    about = {"version": row.version + 1}
    await audit.record(session, caller, Event.ASSESSMENT_SHOWN, _subject(row), **about)
    kind = EventType.ASSESSMENT_SHOWN_TO_PARTNER
    partner = str(row.partner_id)
    await events.publish(session, kind, row.id, row.owner_id, partner_id=partner, type=row.type)
    changed = await read_assessment(session, assessment_id, holder=True)
    return wire(changed)


async def list_comments(
    session: AsyncSession,
    caller: Caller,
    assessment_id: UUID,
    purposes: Sequence[str],
    after: Any,
    limit: int,
) -> Sequence[Any]:
    """One row more than a page of the partner's comments, for whoever may read the detail.

    Raises what `detail.permitted` raises.
    """
    permit = await detail.permitted(session, caller, assessment_id, purposes)
    query = CommentQuery(subject_kind="assessment", subject_id=assessment_id, limit=limit)
    return await comments.rows_of(session, permit.row.partner_id, query, after)
