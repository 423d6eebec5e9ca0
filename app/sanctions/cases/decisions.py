"""Decisions of cases, and what is due after one. Never commits."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.events import Event
from app.auth.caller import Caller
from app.core.clock import add_months
from app.core.crypto import KeyRing
from app.sanctions.cases import errors, listing
from app.sanctions.cases.follow_models import SanctionProcedure
from app.sanctions.cases.models import SanctionCase, SanctionRespondent
from app.sanctions.cases.procedures import procedure_of
from app.sanctions.cases.schemas import (
    DecisionIn,
    DecisionNoticeIn,
    DismissalIn,
    MeasureReviewIn,
)
from app.sanctions.cases.steps import moved, not_future, take, write_step
from app.sanctions.codes import CODES
from app.sanctions.entries import service as entries
from app.sanctions.entries.schemas import MeasureTerms
from app.sanctions.errors import DateNotPossible

OPEN = ("NOTICE_ISSUED", "REPLY_RECORDED", "UNDER_REVIEW")
"""States in which a respondent has been told and nothing is decided."""


def _may_depart(
    procedure: SanctionProcedure, respondent: SanctionRespondent, decision: DecisionIn
) -> bool:
    """Whether the decision departs from its review. Raises AdvisedAgainst where it may not."""
    if respondent.recommendation != "do_not_impose":
        return False
    if procedure.departure == "refused":
        raise errors.AdvisedAgainst("The procedure lets no decision depart from its review.")
    if decision.departure_reason is None:
        raise errors.AdvisedAgainst("Say in departure_reason why the decision departs from it.")
    return True


def review_due(terms: MeasureTerms, procedure: SanctionProcedure, now: datetime) -> Any:
    """When a measure without an end is to be reviewed; None for one that ends."""
    endless = terms.effective_to is None and CODES.measures.codes[terms.measure].blocking
    return add_months(now.date(), procedure.review_months) if endless else None


async def decide(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    case_id: UUID,
    version: int,
    decision: DecisionIn,
    now: datetime,
) -> dict[str, Any]:
    """A third person imposes the measure; the entry goes to the feed in the same transaction.

    It takes the place of an interim suspension. Raises SamePerson, StepOutOfOrder, AdvisedAgainst,
    AppealSuspends, PreconditionFailed, and what `listing.put` raises.
    """
    listing.not_interim(decision)
    case, respondent = await take(
        session, caller, case_id, decision.respondent_id, "approve", version=version
    )
    if respondent.state != "UNDER_REVIEW":
        raise errors.StepOutOfOrder
    person = caller.require_person()
    if person.id in (respondent.investigator_id, respondent.reviewer_id):
        raise errors.SamePerson
    procedure = await procedure_of(session, case)
    respondent.departed = _may_depart(procedure, respondent, decision)
    appealable = now.date() + timedelta(days=procedure.appeal_days)
    if procedure.appeal_suspensive and decision.effective_from <= appealable:
        raise errors.AppealSuspends
    respondent.state = "IMPOSED"
    respondent.decider_id = person.id
    respondent.decided_on = now.date()
    respondent.review_due_on = review_due(decision, procedure, now)
    await moved(session, case, respondent, "decision")
    terms = await listing.after_interims(session, keys, caller, respondent, decision, now)
    assert terms is not None
    entry = await listing.put(session, keys, caller, case, respondent, terms, now)
    respondent.entry_id = entry.id
    about = {"departed": respondent.departed}
    await write_step(
        session, keys, caller, case, "decision", Event.CASE_DECIDED, decision, respondent, **about
    )
    return await entries.get_entry(session, entry.id)


async def dismiss(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    case_id: UUID,
    dismissal: DismissalIn,
    now: datetime,
) -> SanctionCase:
    """Another person than the investigator ends the case without a measure.

    The respondent is told that its notice is closed, and nobody else anything. Raises
    StepOutOfOrder, SamePerson, and as `take`.
    """
    case, respondent = await take(session, caller, case_id, dismissal.respondent_id, "approve")
    if respondent.state not in OPEN:
        raise errors.StepOutOfOrder
    person = caller.require_person()
    if person.id in (respondent.investigator_id, respondent.reviewer_id):
        raise errors.SamePerson
    respondent.state = "DISMISSED"
    respondent.decider_id = person.id
    respondent.decided_on = now.date()
    await moved(session, case, respondent, "dismissal")
    await listing.after_interims(session, keys, caller, respondent, None, now)
    await write_step(
        session, keys, caller, case, "dismissal", Event.CASE_DISMISSED, dismissal, respondent
    )
    return case


async def record_decision_notice(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    case_id: UUID,
    notice: DecisionNoticeIn,
    now: datetime,
) -> SanctionCase:
    """The decision was sent with its route of appeal; the appeal period starts.

    Raises StepOutOfOrder, DateNotPossible, and as `take`.
    """
    case, respondent = await take(session, caller, case_id, notice.respondent_id, "create")
    if (
        respondent.state != "IMPOSED"
        or respondent.track != "FULL"
        or respondent.decided_on is None
        or respondent.decision_sent_on is not None
    ):
        raise errors.StepOutOfOrder
    not_future(notice.sent_on, now)
    if notice.sent_on < respondent.decided_on:
        raise DateNotPossible
    procedure = await procedure_of(session, case)
    respondent.decision_sent_on = notice.sent_on
    respondent.appeal_due_on = notice.sent_on + timedelta(days=procedure.appeal_days)
    await moved(session, case, respondent, "decision_notice")
    await write_step(
        session, keys, caller, case, "decision_notice", Event.CASE_DECISION_SENT, notice, respondent
    )
    return case


async def review_measure(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    case_id: UUID,
    review: MeasureReviewIn,
    now: datetime,
) -> SanctionCase:
    """A measure without an end was reviewed and stays; the next review is due in time. The list
    says when it was reviewed.

    Raises StepOutOfOrder where none is due or the measure has ended, and as `take`.
    """
    case, respondent = await take(session, caller, case_id, review.respondent_id, "approve")
    entry = await listing.running(session, respondent.entry_id, now)
    if respondent.review_due_on is None or entry is None:
        raise errors.StepOutOfOrder
    procedure = await procedure_of(session, case)
    respondent.last_reviewed_on = now.date()
    respondent.review_due_on = add_months(now.date(), procedure.review_months)
    await listing.reviewed(session, caller, entry, now)
    await moved(session, case, respondent, "measure_review")
    await write_step(
        session,
        keys,
        caller,
        case,
        "measure_review",
        Event.CASE_MEASURE_REVIEWED,
        review,
        respondent,
    )
    return case
