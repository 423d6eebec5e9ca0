"""Cases and measures. Works inside the caller's transaction and never commits.

The checks of the tables are the due process; the code here explains a refusal before the
database would make it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic_core import from_json, to_json
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.auth import policy
from app.auth.caller import Caller
from app.core.crypto import KeyRing, agency_scope
from app.core.errors import violated_constraint
from app.core.http import PreconditionFailed
from app.core.ids import new_id, new_secret_id
from app.events import service as events
from app.events.catalogue import EventType
from app.partners import service as partners
from app.partners.errors import PartnerNotFound
from app.partners.objections.contested import contested
from app.sanctions import errors, queries, restraining
from app.sanctions.codes import CODES
from app.sanctions.feed import service as feed
from app.sanctions.feed.entries import agency_entry
from app.sanctions.models import SanctionCase, SanctionCaseStep, SanctionEntry
from app.sanctions.redaction import redacted_steps
from app.sanctions.schemas import CaseIn, DecisionIn, LiftIn, NoticeIn, ReplyIn, ReviewIn


def _not_future(day: date, now: datetime) -> None:
    if day > now.date():
        raise errors.DateNotPossible


def step_context(step_id: UUID, case_id: UUID, agency_id: UUID) -> str:
    """Encryption context of what was written at a step."""
    return f"sanction_case_steps|{step_id}|{case_id}|{agency_id}"


async def _step(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    case: SanctionCase,
    kind: str,
    event: Event,
    content: Any,
) -> None:
    """Write down a step: sealed text, audit event."""
    step_id = new_id()
    sealed = await keys.seal(
        session,
        agency_scope(case.agency_id),
        step_context(step_id, case.id, case.agency_id),
        to_json(content),
    )
    await session.execute(
        insert(SanctionCaseStep).values(
            id=step_id,
            case_id=case.id,
            agency_id=case.agency_id,
            kind=kind,
            person_id=caller.require_person().id,
            sealed=sealed,
        )
    )
    subject = audit.Subject(case.id, case.agency_id, case.partner_id)
    await audit.record(session, caller, event, subject, version=case.version)


async def open_case(
    session: AsyncSession, keys: KeyRing, caller: Caller, new: CaseIn, now: datetime
) -> SanctionCase:
    """Open a case; its investigator is the calling person.

    Raises PartnerUnknown, PartnerMerged, RoleLacksRight or LevelAboveClient.
    """
    _not_future(new.finding.on, now)
    try:
        partner = await partners.visible_partner(session, caller, new.partner_id)
    except PartnerNotFound:
        raise errors.PartnerUnknown from None
    planned = policy.Resource("DEBAR_CASE", caller.agency_id, country=partner.country)
    policy.require_writable(policy.can(caller, "create", planned))
    case = SanctionCase(
        id=new_secret_id(),
        agency_id=caller.agency_id,
        partner_id=new.partner_id,
        practices=sorted(set(new.practices)),
        finding_on=new.finding.on,
        investigator_id=caller.require_person().id,
    )
    session.add(case)
    await session.flush()  # the step refers to the row
    await _step(session, keys, caller, case, "finding", Event.CASE_OPENED, new.finding)
    return case


async def get_case(
    session: AsyncSession, caller: Caller, case_id: UUID, *, lock: bool = False
) -> SanctionCase:
    """The own agency's case. Raises CaseNotFound for any other, and where the policy hides it."""
    found = await queries.find_case(session, case_id, lock=lock)
    if found is None:
        raise errors.CaseNotFound
    case, country = found
    file = policy.Resource("DEBAR_CASE", case.agency_id, country=country)
    policy.require_readable(policy.can(caller, "read", file), errors.CaseNotFound)
    return case


async def list_cases(
    session: AsyncSession, caller: Caller, partner_id: UUID | None, after: UUID | None, limit: int
) -> list[SanctionCase]:
    """Cases of the own agency that the caller may see, by id."""
    if not policy.reaches(caller, "AGENCY_ONLY"):
        return []
    return list(await queries.list_cases(session, caller.countries, partner_id, after, limit))


async def read_case(
    session: AsyncSession, keys: KeyRing, caller: Caller, case_id: UUID
) -> dict[str, Any]:
    """The case with what was written at its steps; the reading is logged."""
    case = await get_case(session, caller, case_id)
    steps: list[dict[str, Any]] = [
        {
            "id": step.id,
            "kind": step.kind,
            "at": step.at,
            "content": from_json(
                await keys.open(
                    session,
                    step_context(step.id, case.id, case.agency_id),
                    step.sealed,
                )
            ),
        }
        for step in await queries.case_steps(session, case_id)
    ]
    steps += [
        dict(step._mapping) | {"content": {}, "redacted": True}
        for step in await redacted_steps(session, case_id)
    ]
    steps.sort(key=lambda step: str(step["id"]))
    subject = audit.Subject(case.id, case.agency_id, case.partner_id)
    await audit.record(session, caller, Event.CASE_READ, subject, basis="own_record")
    fields = (
        "id",
        "version",
        "state",
        "partner_id",
        "practices",
        "finding_on",
        "notice_sent_on",
        "reply_due_on",
        "reply_received_on",
        "reviewed_on",
        "recommendation",
        "decided_on",
        "opened_at",
    )
    return {name: getattr(case, name) for name in fields} | {"steps": steps}


async def record_notice(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    case_id: UUID,
    notice: NoticeIn,
    now: datetime,
) -> SanctionCase:
    """The partner was told; the reply period starts. Raises StepOutOfOrder, DateNotPossible."""
    case = await get_case(session, caller, case_id, lock=True)
    if case.state != "DRAFT":
        raise errors.StepOutOfOrder
    _not_future(notice.sent_on, now)
    if notice.sent_on < case.finding_on:
        raise errors.DateNotPossible
    case.state = "NOTICE_ISSUED"
    case.notice_sent_on = notice.sent_on
    period = timedelta(days=CODES.procedure_floor.reply_period_days)
    case.reply_due_on = notice.sent_on + period
    case.version += 1
    await _step(session, keys, caller, case, "notice", Event.CASE_NOTICE, notice)
    return case


async def record_reply(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    case_id: UUID,
    reply: ReplyIn,
    now: datetime,
) -> SanctionCase:
    """The partner replied or waived its reply. Raises StepOutOfOrder, DateNotPossible."""
    case = await get_case(session, caller, case_id, lock=True)
    if case.state != "NOTICE_ISSUED" or case.notice_sent_on is None:
        raise errors.StepOutOfOrder
    _not_future(reply.received_on, now)
    if reply.received_on < case.notice_sent_on:
        raise errors.DateNotPossible
    case.state = "REPLY_RECORDED"
    case.reply_received_on = reply.received_on
    case.reply_waived = reply.waiver
    case.version += 1
    await _step(session, keys, caller, case, "reply", Event.CASE_REPLY, reply)
    return case


async def record_review(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    case_id: UUID,
    review: ReviewIn,
    now: datetime,
) -> SanctionCase:
    """A second person reviewed. Raises SamePerson, ReplyPeriodOpen or StepOutOfOrder."""
    case = await get_case(session, caller, case_id, lock=True)
    if case.state not in ("NOTICE_ISSUED", "REPLY_RECORDED") or case.reply_due_on is None:
        raise errors.StepOutOfOrder
    if case.state == "NOTICE_ISSUED" and now.date() <= case.reply_due_on:
        raise errors.ReplyPeriodOpen
    person = caller.require_person()
    if person.id == case.investigator_id:
        raise errors.SamePerson
    case.state = "UNDER_REVIEW"
    case.reviewer_id = person.id
    case.reviewed_on = now.date()
    case.recommendation = review.recommendation
    case.version += 1
    await _step(session, keys, caller, case, "review", Event.CASE_REVIEWED, review)
    return case


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

    Raises SamePerson, StepOutOfOrder, MeasureNeedsPeriod, EntryOverlaps or PreconditionFailed.
    """
    case = await get_case(session, caller, case_id, lock=True)
    if case.version != version:
        raise PreconditionFailed
    if case.state != "UNDER_REVIEW":
        raise errors.StepOutOfOrder
    person = caller.require_person()
    if person.id in (case.investigator_id, case.reviewer_id):
        raise errors.SamePerson
    entry = _new_entry(case, decision, now)
    case.state = "IMPOSED"
    case.decider_id = person.id
    case.decided_on = now.date()
    case.version += 1
    try:
        async with session.begin_nested():
            session.add(entry)
    except IntegrityError as error:
        if violated_constraint(error) != "ex_sanction_entries_no_overlap":
            raise
        raise errors.EntryOverlaps from error
    await restraining.hold_back(session, entry)
    await _step(session, keys, caller, case, "decision", Event.CASE_DECIDED, decision)
    await publish_entry(session, entry, caller.agency_code)
    await events.publish(
        session,
        EventType.SANCTION_IMPOSED,
        entry.id,
        caller.agency_id,
        partner_id=str(entry.partner_id),
        measure=entry.measure,
    )
    return await get_entry(session, entry.id)


def _new_entry(case: SanctionCase, decision: DecisionIn, now: datetime) -> SanctionEntry:
    measure = CODES.measures.codes[decision.measure]
    if (decision.effective_to is None and measure.end == "required") or (
        decision.effective_to is not None and measure.end == "none"
    ):
        raise errors.MeasureNeedsPeriod
    if decision.effective_to is not None and decision.effective_to < max(
        decision.effective_from, now.date()
    ):
        raise errors.DateNotPossible
    return SanctionEntry(
        id=new_secret_id(),
        partner_id=case.partner_id,
        imposing_agency=case.agency_id,
        case_id=case.id,
        measure=decision.measure,
        blocking=measure.blocking,
        practices=case.practices,
        procedure="full",
        decided_on=now.date(),
        effective_from=decision.effective_from,
        effective_to=decision.effective_to,
        status="ACTIVE",
        version=1,
    )


async def publish_entry(session: AsyncSession, entry: SanctionEntry, agency_code: str) -> None:
    """Put the entry, as it is now, into the feed."""
    profiles = await queries.partner_facts(session, entry.partner_id)
    await feed.put(session, agency_entry(entry, profiles, agency_code), feed.AGENCY_STREAMS)


async def get_entry(session: AsyncSession, entry_id: UUID) -> dict[str, Any]:
    """A measure as it is served. Raises EntryNotFound."""
    row = await queries.find_entry(session, entry_id)
    if row is None:
        raise errors.EntryNotFound
    return (await shown_entries(session, [row]))[0]


async def shown_entries(session: AsyncSession, rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Rows of `queries.ENTRY_COLUMNS` as EntryOut needs them, each with the objection to it."""
    objections = await contested(session, "sanction_entry", [row.entry_id for row in rows])
    return [_entry_wire(row, objections.get(row.entry_id)) for row in rows]


def _entry_wire(row: Any, objection: dict[str, Any] | None) -> dict[str, Any]:
    return dict(row._mapping) | {
        "contested": objection,
        "effect": {
            "eligible": not row.blocking,
            "text": CODES.measures.codes[row.measure].effect,
        },
    }


def end_reason_context(entry: Any) -> str:
    """Encryption context of what a custodian wrote when it lifted a measure."""
    return f"sanction_entries|{entry.id}|end_reason|{entry.custodian_agency}"


async def lift_entry(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    entry_id: UUID,
    version: int,
    lift: LiftIn,
    now: datetime,
) -> dict[str, Any]:
    """End a measure of the own agency, or one in its custody, early.

    The reason is kept, sealed: with its case, which a custodian does not see, or with the entry.
    Raises EntryNotFound (also for another agency's), EntryEnded, PreconditionFailed.
    """
    entry = await queries.lock_entry(session, entry_id)
    if entry is None or (entry.custodian_agency or entry.imposing_agency) != caller.agency_id:
        raise errors.EntryNotFound
    if entry.version != version:
        raise PreconditionFailed
    if entry.status != "ACTIVE":
        raise errors.EntryEnded
    entry.status = "LIFTED"
    entry.ended_on = now.date()
    entry.end_reason = "lifted"
    entry.ended_by = caller.require_person().id
    entry.version += 1
    if entry.custodian_agency is not None:
        scope, context = agency_scope(caller.agency_id), end_reason_context(entry)
        entry.sealed_end_reason = await keys.seal(session, scope, context, to_json(lift))
    await session.flush()  # the answer reads the row
    await restraining.let_go(session, entry.id)
    await feed.remove(session, str(entry.id), "lifted", feed.AGENCY_STREAMS)
    if entry.case_id is not None and entry.custodian_agency is None:
        case = await get_case(session, caller, entry.case_id)
        await _step(session, keys, caller, case, "lift", Event.CASE_LIFTED, lift)
    subject = audit.Subject(entry.id, entry.imposing_agency, entry.partner_id)
    await audit.record(session, caller, Event.ENTRY_LIFTED, subject, version=entry.version)
    await events.publish(
        session,
        EventType.SANCTION_LIFTED,
        entry.id,
        caller.agency_id,
        partner_id=str(entry.partner_id),
    )
    return await get_entry(session, entry_id)
