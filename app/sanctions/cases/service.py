"""Cases from the finding to the review. Works inside the caller's transaction, never commits.

The checks and triggers of the tables are the due process; the code here explains a refusal
before the database would make it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.events import Event
from app.auth import policy
from app.auth.caller import Caller
from app.core.crypto import KeyRing, agency_scope
from app.core.explain import explained
from app.core.ids import new_secret_id
from app.partners import public_authority
from app.partners import service as partners
from app.partners.errors import PartnerNotFound
from app.partners.models import Partner
from app.sanctions.cases import errors, queries
from app.sanctions.cases.decisions import decide as decide
from app.sanctions.cases.follow_models import SanctionProcedure
from app.sanctions.cases.models import SanctionCase, SanctionRespondent
from app.sanctions.cases.procedures import procedure_of
from app.sanctions.cases.reading import list_cases as list_cases
from app.sanctions.cases.reading import read_case as read_case
from app.sanctions.cases.schemas import (
    CaseIn,
    NoticeIn,
    ReplyIn,
    RespondentIn,
    ReviewIn,
    WithdrawalIn,
)
from app.sanctions.cases.steps import get_case, individual_context, moved, not_future, take
from app.sanctions.cases.steps import write_step as write_step
from app.sanctions.errors import DateNotPossible


async def known_partner(session: AsyncSession, caller: Caller, partner_id: UUID) -> Partner:
    """The partner that a body names, of which a case may speak; it is locked.

    Raises PartnerUnknown, PartnerMerged, or GovernmentEntity.
    """
    try:
        partner = await partners.visible_partner(session, caller, partner_id)
    except PartnerNotFound:
        raise errors.PartnerUnknown from None
    await public_authority.refuse(session, partner.id)
    return partner


async def open_case(
    session: AsyncSession, keys: KeyRing, caller: Caller, new: CaseIn, now: datetime
) -> SanctionCase:
    """Open a case; its investigator is the calling person, its partner the main respondent.

    Raises PartnerUnknown, PartnerMerged, GovernmentEntity, DateNotPossible, RoleLacksRight or
    LevelAboveClient.
    """
    not_future(new.finding.on, now)
    partner = await known_partner(session, caller, new.partner_id)
    planned = policy.Resource("DEBAR_CASE", caller.agency_id, country=partner.country)
    policy.require_writable(policy.can(caller, "create", planned))
    person = caller.require_person()
    case_id = new_secret_id()
    await session.execute(
        insert(SanctionCase)
        .values(
            id=case_id,
            agency_id=caller.agency_id,
            partner_id=new.partner_id,
            practices=sorted(set(new.practices)),
            finding_on=new.finding.on,
            investigator_id=person.id,
        )
        .inline()
    )
    await session.execute(
        insert(SanctionRespondent)
        .values(
            id=new_secret_id(),
            case_id=case_id,
            agency_id=caller.agency_id,
            investigator_id=person.id,
            track="FULL",
            main=True,
            kind="PARTNER",
            relation="PRINCIPAL",
            partner_id=new.partner_id,
        )
        .inline()
    )
    case = await get_case(session, caller, case_id)
    await write_step(session, keys, caller, case, "finding", Event.CASE_OPENED, new.finding)
    return case


async def add_respondent(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    case_id: UUID,
    new: RespondentIn,
    now: datetime,
) -> SanctionCase:
    """An affiliate or an individual shall answer, too, with a notice and a decision of its own.

    Raises CaseNotFound, RoleLacksRight, PartnerUnknown, PartnerMerged, GovernmentEntity,
    StepOutOfOrder on a recorded or closed case, or RespondentExists.
    """
    case = await get_case(session, caller, case_id, lock=True, act="create")
    if case.track != "FULL" or case.state in ("DISMISSED", "WITHDRAWN"):
        raise errors.StepOutOfOrder
    if new.partner_id is not None:
        await known_partner(session, caller, new.partner_id)
    respondent_id, sealed = new_secret_id(), None
    if new.individual is not None:
        context = individual_context(respondent_id, case.id, case.agency_id)
        scope = agency_scope(case.agency_id)
        sealed = await keys.seal(session, scope, context, to_json(new.individual))
    values = {
        "id": respondent_id,
        "case_id": case.id,
        "agency_id": case.agency_id,
        "investigator_id": case.investigator_id,
        "track": case.track,
        "kind": "PARTNER" if new.individual is None else "INDIVIDUAL",
        "relation": new.relation,
        "partner_id": new.partner_id,
        "sealed": sealed,
    }
    async with explained(session, {"uq_sanction_respondents_partner": errors.RespondentExists}):
        await session.execute(insert(SanctionRespondent).values(**values).inline())
    respondent = await queries.find_respondent(session, case_id, respondent_id)
    assert respondent is not None
    await moved(session, case, respondent, "respondent")
    await write_step(
        session,
        keys,
        caller,
        case,
        "finding",
        Event.CASE_RESPONDENT_ADDED,
        {"relation": new.relation},
        respondent,
    )
    return case


async def _bound(session: AsyncSession, case: SanctionCase, notice: NoticeIn) -> SanctionProcedure:
    """The procedure of the case; its first notice binds the one in force on that day."""
    if case.procedure_id is None:
        procedure = await queries.procedure_on(session, case.agency_id, notice.sent_on)
        case.procedure_id = procedure.id
        await session.flush()
        return procedure
    return await procedure_of(session, case)


async def record_notice(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    case_id: UUID,
    notice: NoticeIn,
    now: datetime,
) -> SanctionCase:
    """The respondent was told; the reply period of the procedure starts.

    Raises StepOutOfOrder, DateNotPossible, and as `take`.
    """
    case, respondent = await take(session, caller, case_id, notice.respondent_id, "create")
    if respondent.state != "DRAFT":
        raise errors.StepOutOfOrder
    not_future(notice.sent_on, now)
    if case.finding_on is None or notice.sent_on < case.finding_on:
        raise DateNotPossible
    procedure = await _bound(session, case, notice)
    respondent.state = "NOTICE_ISSUED"
    respondent.notice_sent_on = notice.sent_on
    respondent.reply_due_on = notice.sent_on + timedelta(days=procedure.reply_period_days)
    respondent.appeal_suspensive = procedure.appeal_suspensive
    await moved(session, case, respondent, "notice")
    await write_step(session, keys, caller, case, "notice", Event.CASE_NOTICE, notice, respondent)
    return case


async def record_reply(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    case_id: UUID,
    reply: ReplyIn,
    now: datetime,
) -> SanctionCase:
    """The respondent replied or waived its reply. Raises StepOutOfOrder, DateNotPossible."""
    case, respondent = await take(session, caller, case_id, reply.respondent_id, "create")
    if respondent.state != "NOTICE_ISSUED" or respondent.notice_sent_on is None:
        raise errors.StepOutOfOrder
    not_future(reply.received_on, now)
    if reply.received_on < respondent.notice_sent_on:
        raise DateNotPossible
    respondent.state = "REPLY_RECORDED"
    respondent.reply_received_on = reply.received_on
    respondent.reply_waived = reply.waiver
    await moved(session, case, respondent, "reply")
    await write_step(session, keys, caller, case, "reply", Event.CASE_REPLY, reply, respondent)
    return case


async def record_review(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    case_id: UUID,
    review: ReviewIn,
    now: datetime,
) -> SanctionCase:
    """A second person reviewed, also one of an agency that lends its panel.

    Raises SamePerson, ReplyPeriodOpen, PanelTooSmall, StepOutOfOrder, and as `take`.
    """
    await _may_review(session, caller, await get_case(session, caller, case_id, joined=True))
    case, respondent = await take(
        session, caller, case_id, review.respondent_id, "approve", joined=True
    )
    if respondent.state not in ("NOTICE_ISSUED", "REPLY_RECORDED"):
        raise errors.StepOutOfOrder
    due = respondent.reply_due_on
    if respondent.state == "NOTICE_ISSUED" and (due is None or now.date() <= due):
        raise errors.ReplyPeriodOpen
    person = caller.require_person()
    if person.id == case.investigator_id:
        raise errors.SamePerson
    procedure = await procedure_of(session, case)
    members = max(len(review.panel), 1)
    named = bool(review.panel) or procedure.panel_form != "panel"
    if members < procedure.panel_members or not named:
        raise errors.PanelTooSmall
    respondent.state = "UNDER_REVIEW"
    respondent.reviewer_id = person.id
    respondent.reviewed_on = now.date()
    respondent.recommendation = review.recommendation
    respondent.panel_members = members
    await moved(session, case, respondent, "review")
    await write_step(session, keys, caller, case, "review", Event.CASE_REVIEWED, review, respondent)
    return case


async def _may_review(session: AsyncSession, caller: Caller, case: SanctionCase) -> None:
    """Raises CaseNotFound for an agency that has joined without lending its panel."""
    if case.agency_id == caller.agency_id:
        return
    for party in await queries.parties(session, case_id=case.id, party_agency=caller.agency_id):
        if (party.role, party.state) == ("panel", "accepted"):
            return
    raise errors.CaseNotFound


async def withdraw(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    case_id: UUID,
    withdrawal: WithdrawalIn,
) -> SanctionCase:
    """The case is not pursued, before the respondent was told of it.

    With the main respondent go all that were not told either. Raises StepOutOfOrder, and as
    `take`.
    """
    case, respondent = await take(session, caller, case_id, withdrawal.respondent_id, "create")
    if respondent.state not in ("DRAFT", "RECORDED"):
        raise errors.StepOutOfOrder
    respondent.state = "WITHDRAWN"
    if respondent.main:
        for other in (await queries.respondents_of(session, [case.id]))[case.id]:
            if other.state == "DRAFT":
                other.state = "WITHDRAWN"
    await moved(session, case, respondent, "withdrawal")
    await write_step(
        session, keys, caller, case, "withdrawal", Event.CASE_WITHDRAWN, withdrawal, respondent
    )
    return case
