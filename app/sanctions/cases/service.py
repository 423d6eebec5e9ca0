"""Cases. Works inside the caller's transaction and never commits.

The checks of the tables are the due process; the code here explains a refusal before the
database would make it.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic_core import from_json
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.auth import policy
from app.auth.caller import Caller
from app.core.crypto import KeyRing
from app.core.http import PreconditionFailed
from app.core.ids import new_secret_id
from app.partners import service as partners
from app.partners.errors import PartnerNotFound
from app.sanctions.cases import errors, queries
from app.sanctions.cases.models import SanctionCase
from app.sanctions.cases.redaction import redacted_steps
from app.sanctions.cases.schemas import CaseIn, DecisionIn, NoticeIn, ReplyIn, ReviewIn
from app.sanctions.cases.steps import get_case, step_context, write_step
from app.sanctions.codes import CODES
from app.sanctions.entries import service as entries
from app.sanctions.entries.service import NewEntry
from app.sanctions.errors import DateNotPossible


def _not_future(day: date, now: datetime) -> None:
    if day > now.date():
        raise DateNotPossible


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
    await write_step(session, keys, caller, case, "finding", Event.CASE_OPENED, new.finding)
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
        raise DateNotPossible
    case.state = "NOTICE_ISSUED"
    case.notice_sent_on = notice.sent_on
    period = timedelta(days=CODES.procedure_floor.reply_period_days)
    case.reply_due_on = notice.sent_on + period
    case.version += 1
    await write_step(session, keys, caller, case, "notice", Event.CASE_NOTICE, notice)
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
        raise DateNotPossible
    case.state = "REPLY_RECORDED"
    case.reply_received_on = reply.received_on
    case.reply_waived = reply.waiver
    case.version += 1
    await write_step(session, keys, caller, case, "reply", Event.CASE_REPLY, reply)
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
    await write_step(session, keys, caller, case, "review", Event.CASE_REVIEWED, review)
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
    case.state = "IMPOSED"
    case.decider_id = person.id
    case.decided_on = now.date()
    case.version += 1
    new = NewEntry(
        partner_id=case.partner_id,
        case_id=case.id,
        practices=case.practices,
        terms=decision,
    )
    entry = await entries.impose(session, caller, new, now)
    await write_step(session, keys, caller, case, "decision", Event.CASE_DECIDED, decision)
    return await entries.get_entry(session, entry.id)
