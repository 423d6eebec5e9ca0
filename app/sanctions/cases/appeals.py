"""Appeals against decisions, and requests to reconsider them. Never commits."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.events import Event
from app.auth.caller import Caller
from app.core.crypto import KeyRing
from app.core.explain import explained
from app.core.http import PreconditionFailed
from app.core.ids import new_secret_id
from app.sanctions.cases import errors, listing, queries
from app.sanctions.cases.after_schemas import AppealDecisionIn, AppealIn
from app.sanctions.cases.decisions import review_due
from app.sanctions.cases.follow_models import SanctionAppeal
from app.sanctions.cases.models import SanctionCase, SanctionRespondent
from app.sanctions.cases.procedures import procedure_of
from app.sanctions.cases.steps import get_case, moved, not_future, take, write_step
from app.sanctions.codes import CODES
from app.sanctions.entries.models import SanctionEntry
from app.sanctions.entries.schemas import MeasureTerms
from app.sanctions.errors import DateNotPossible


async def store(
    session: AsyncSession,
    respondent: SanctionRespondent,
    kind: str,
    filed_on: date,
    *,
    by_partner: bool,
) -> UUID:
    """Write down that an appeal was filed. Raises StepOutOfOrder, DateNotPossible,
    AppealPeriodOver or AppealOpen.
    """
    if respondent.state != "IMPOSED" or respondent.decided_on is None:
        raise errors.StepOutOfOrder
    if filed_on < respondent.decided_on:
        raise DateNotPossible
    due = respondent.appeal_due_on
    if kind == "appeal" and due is not None and filed_on > due:
        raise errors.AppealPeriodOver
    appeal_id = new_secret_id()
    values = {
        "id": appeal_id,
        "case_id": respondent.case_id,
        "agency_id": respondent.agency_id,
        "respondent_id": respondent.id,
        "partner_id": respondent.partner_id,
        "kind": kind,
        "by_partner": by_partner,
        "suspensive": kind == "appeal" and bool(respondent.appeal_suspensive),
        "filed_on": filed_on,
    }
    async with explained(session, {"uq_sanction_appeals_open": errors.AppealOpen}):
        await session.execute(insert(SanctionAppeal).values(**values).inline())
    return appeal_id


async def _one(session: AsyncSession, case: SanctionCase, appeal_id: UUID) -> SanctionAppeal:
    found = await queries.following(session, SanctionAppeal, case.id)
    appeal = next((one for one in found if one.id == appeal_id), None)
    if appeal is None:
        raise errors.AppealNotFound
    return appeal


async def file(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    case_id: UUID,
    new: AppealIn,
    now: datetime,
) -> SanctionAppeal:
    """An appeal reached the agency. One that suspends ends the measure until it is decided; of one
    that the partner files itself the database does the same.

    Raises what `store` and `take` raise.
    """
    case, respondent = await take(session, caller, case_id, new.respondent_id, "create")
    not_future(new.filed_on, now)
    appeal_id = await store(session, respondent, new.kind, new.filed_on, by_partner=False)
    appeal = await _one(session, case, appeal_id)
    if appeal.suspensive:
        await listing.end(session, keys, caller, respondent.entry_id, "An appeal suspends it.", now)
    await moved(session, case, respondent, "appeal")
    about = {"appeal": str(appeal_id), "appeal_kind": new.kind}
    await write_step(
        session, keys, caller, case, "appeal", Event.CASE_APPEALED, new, respondent, **about
    )
    return appeal


async def _held(
    session: AsyncSession, caller: Caller, case_id: UUID, appeal_id: UUID
) -> tuple[SanctionCase, SanctionRespondent, SanctionAppeal]:
    """An open appeal with its respondent and case, held. Raises AppealNotFound, StepOutOfOrder."""
    case = await get_case(session, caller, case_id, act="approve")
    known = await _one(session, case, appeal_id)
    case, respondent = await take(session, caller, case_id, known.respondent_id, "approve")
    appeal = await queries.lock_following(session, SanctionAppeal, case_id, appeal_id)
    if appeal is None or appeal.outcome is not None:
        raise errors.StepOutOfOrder
    return case, respondent, appeal


def _terms(
    decision: AppealDecisionIn, old: SanctionEntry, *, running: bool, suspended: bool
) -> MeasureTerms | None:
    """The measure that follows, if one does. Raises TermsNeeded, StepOutOfOrder where there is none
    left to reduce, MeasureTermsInvalid or AppealNotLess.
    """
    terms = decision.terms
    reduced = decision.outcome == "reduced"
    if (reduced or (decision.outcome == "upheld" and suspended)) != (terms is not None):
        raise errors.TermsNeeded
    if reduced and not running and not suspended:
        raise errors.StepOutOfOrder
    if terms is not None:
        listing.not_interim(terms)
        _no_harsher(terms, old, running=running)
    return terms


def _no_harsher(terms: MeasureTerms, old: SanctionEntry, *, running: bool) -> None:
    """Raises AppealNotLess where the measure would be harsher than the one appealed against."""
    if not CODES.measures.codes[terms.measure].blocking:
        return
    days, limit = _days(terms), _days(old)
    longer = limit is not None and (days is None or days > limit)
    if running and terms.effective_to is not None and old.effective_to is not None:
        longer = terms.effective_to > old.effective_to or terms.effective_from < old.effective_from
    if longer or not old.blocking:
        raise errors.AppealNotLess


def _days(of: MeasureTerms | SanctionEntry) -> int | None:
    return None if of.effective_to is None else (of.effective_to - of.effective_from).days


async def decide(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    case_id: UUID,
    appeal_id: UUID,
    version: int,
    decision: AppealDecisionIn,
    now: datetime,
) -> SanctionAppeal:
    """A person who had no part in the decision decides about it.

    Overturned, the measure ends; reduced, another one takes its place. Raises AppealNotFound,
    StepOutOfOrder, SamePerson, TermsNeeded, AppealNotLess, PreconditionFailed, and what
    `listing.put` raises.
    """
    case, respondent, appeal = await _held(session, caller, case_id, appeal_id)
    if appeal.version != version:
        raise PreconditionFailed
    person = caller.require_person()
    parts = (respondent.investigator_id, respondent.reviewer_id, respondent.decider_id)
    if person.id in parts:
        raise errors.SamePerson
    running = await listing.running(session, respondent.entry_id, now)
    old = running or await session.get(SanctionEntry, respondent.entry_id)
    assert old is not None
    # What ended for another reason is not brought back by an appeal.
    suspended = appeal.suspensive and running is None and old.end_reason == "lifted"
    terms = _terms(decision, old, running=running is not None, suspended=suspended)
    appeal.outcome = decision.outcome
    appeal.decided_by = person.id
    appeal.decided_on = now.date()
    appeal.version += 1
    await session.flush()
    if decision.outcome == "overturned":
        await listing.end(session, keys, caller, respondent.entry_id, "Appeal: overturned.", now)
        respondent.review_due_on = None
    if terms is not None:
        entry = await listing.replace(session, keys, caller, case, respondent, terms, now)
        respondent.entry_id = entry.id
        respondent.review_due_on = None
        if case.procedure_id is not None:
            respondent.review_due_on = review_due(terms, await procedure_of(session, case), now)
    await moved(session, case, respondent, "appeal_decision")
    about: dict[str, Any] = {"appeal": str(appeal_id), "outcome": decision.outcome}
    await write_step(
        session,
        keys,
        caller,
        case,
        "appeal_decision",
        Event.CASE_APPEAL_DECIDED,
        decision,
        respondent,
        **about,
    )
    return appeal
