"""Fraud cases of the own oversight office. Works inside the caller's transaction, never commits.

The triggers and checks of the tables keep the order of the milestones, the sums and the two
persons; the code here explains a refusal.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.events import Event
from app.audit.exceptions.errors import SecondPersonRequired
from app.audit.exceptions.roles import LEGAL, require_role
from app.auth import policy
from app.auth.caller import Caller
from app.core.errors import FieldError, InvalidRequest
from app.core.http import PreconditionFailed
from app.core.ids import new_secret_id
from app.events import service as events
from app.events.catalogue import EventType
from app.partners.service import visible_partner
from app.sanctions.fraud_cases import access, errors, queries
from app.sanctions.fraud_cases.models import FraudCase, FraudCaseAct, FraudCaseAmount
from app.sanctions.fraud_cases.schemas import (
    ActDecisionIn,
    ActIn,
    FraudCaseIn,
    FraudCasePatch,
    RecoveryIn,
    ReferralIn,
    StageIn,
)

_STATE = {"approve": "approved", "reject": "rejected"}


def wire(row: Any) -> dict[str, Any]:
    """A row of the queries as FraudCaseOut needs it."""
    hidden = ("owner_id", "country")
    return {name: value for name, value in row._mapping.items() if name not in hidden}


def _not_future(day: date, today: date, pointer: str) -> None:
    # A day of grace: somewhere it is tomorrow already.
    if day > today + timedelta(days=1):
        message = "must not lie in the future"
        raise InvalidRequest(
            errors=[FieldError(pointer=pointer, code="in_future", message=message)]
        )


async def open_case(session: AsyncSession, caller: Caller, new: FraudCaseIn) -> dict[str, Any]:
    """Record a case of the own oversight office.

    Raises PersonRequired, PartnerNotFound, PartnerMerged, RoleLacksRight, LevelAboveClient,
    CountryOutsideScope, MarkerOnly or FraudCaseExists.
    """
    person = caller.require_person()
    partner = await visible_partner(session, caller, new.partner_id)
    planned = policy.Resource(access.KIND, caller.agency_id, country=partner.country)
    policy.require_writable(policy.can(caller, "create", planned))
    case_id = new_secret_id()
    values = new.model_dump() | {
        "id": case_id,
        "owner_agency": caller.agency_id,
        "changed_by": person.id,
    }
    async with access.explained(session):
        await session.execute(insert(FraudCase).values(values).inline())
    row = await queries.lock(session, case_id)
    return await _told(session, caller, Event.FRAUD_CASE_OPENED, row)


async def _told(
    session: AsyncSession, caller: Caller, event: Event, row: Any, **about: Any
) -> dict[str, Any]:
    await access.log(session, caller, event, row, basis="owner", stage=row.stage, **about)
    kind = EventType.FRAUD_CASE_CHANGED
    await events.publish(session, kind, row.id, row.owner_id, level="AGENCY_ONLY")
    return wire(row)


async def _move(
    session: AsyncSession, caller: Caller, row: Any, event: Event, **values: Any
) -> dict[str, Any]:
    """Change an own case that is locked, so that its version cannot have moved."""
    # What is set, by its code; ids and days are in the history.
    about = {name: value for name, value in values.items() if isinstance(value, str)}
    values |= {"version": row.version + 1, "changed_by": caller.require_person().id}
    async with access.explained(session):
        await session.execute(
            update(FraudCase)
            .where(FraudCase.id == row.id)
            .values(**values)
            .execution_options(synchronize_session=False)
        )
    changed = await queries.lock(session, row.id)
    about.pop("stage", None)
    return await _told(session, caller, event, changed, **about)


async def change(
    session: AsyncSession, caller: Caller, case_id: UUID, version: int, patch: FraudCasePatch
) -> dict[str, Any]:
    """Correct the loss, say how assets are recovered, link a sanction.

    Raises PersonRequired, FraudCaseNotFound, RoleLacksRight, PreconditionFailed, InvalidRequest,
    FraudCaseClosed, LossLowered, ExceedsOutstanding, RecoveryOutOfOrder, LinkUnknown or MarkerOnly.
    """
    row = await access.owned(session, caller, case_id)
    if row.version != version:
        raise PreconditionFailed
    fields = {name: getattr(patch, name) for name in patch.model_fields_set}
    for name in ("loss_usd", "asset_recovery"):
        if name in fields and fields[name] is None:
            fault = FieldError(pointer=f"/{name}", code="null", message="cannot be taken away")
            raise InvalidRequest(errors=[fault])
    if not fields:
        fault = FieldError(pointer="", code="empty", message="names no field")
        raise InvalidRequest(errors=[fault])
    return await _move(session, caller, row, Event.FRAUD_CASE_CHANGED, **fields)


async def go_on(
    session: AsyncSession, caller: Caller, case_id: UUID, new: StageIn, today: date
) -> dict[str, Any]:
    """Reach the next stage. What is unsubstantiated is at once nobody else's.

    Raises PersonRequired, FraudCaseNotFound, RoleLacksRight, FraudCaseStageUnfit, FraudCaseClosed
    or FraudCaseOutstanding.
    """
    row = await access.owned(session, caller, case_id)
    values: dict[str, Any] = {"stage": new.stage}
    if new.stage == "unsubstantiated":
        values |= {"outcome": "unsubstantiated", "outcome_on": today}
    if new.stage == "closed":
        if row.outcome is None:
            raise errors.FraudCaseStageUnfit
        values["closed_on"] = today
    if new.stage == row.stage or (row.outcome is not None and new.stage != "closed"):
        raise errors.FraudCaseStageUnfit
    return await _move(session, caller, row, Event.FRAUD_CASE_CHANGED, **values)


async def refer(
    session: AsyncSession, caller: Caller, case_id: UUID, new: ReferralIn, today: date
) -> dict[str, Any]:
    """Say what became of a referral; from `referred` on the legal office says it.

    Raises PersonRequired, RoleRequired, FraudCaseNotFound, RoleLacksRight, InvalidRequest,
    ReferralOutOfOrder, MarkerOnly or FraudCaseClosed.
    """
    row = await access.owned(session, caller, case_id, "share")
    values: dict[str, Any] = {"national_referral": new.state}
    if new.state != "under_legal_review":
        require_role(caller, frozenset({LEGAL}), unless_none=True)
    if new.referred_on is not None:
        _not_future(new.referred_on, today, "/referred_on")
        values |= new.model_dump(exclude={"state"})
    elif new.state not in ("under_legal_review",) and row.referred_on is None:
        raise errors.ReferralOutOfOrder
    if new.state == row.national_referral:
        raise errors.ReferralOutOfOrder
    if new.state == "under_legal_review" and row.referred_on is not None:
        raise errors.ReferralOutOfOrder
    return await _move(session, caller, row, Event.FRAUD_CASE_CHANGED, **values)


async def recover(
    session: AsyncSession, caller: Caller, case_id: UUID, new: RecoveryIn, today: date
) -> dict[str, Any]:
    """Record money that came back, or take back an amount that was wrong.

    Raises PersonRequired, FraudCaseNotFound, RoleLacksRight, InvalidRequest, FraudCaseClosed,
    ExceedsOutstanding or FraudAmountNotFound.
    """
    row = await access.owned(session, caller, case_id)
    _not_future(new.booked_on, today, "/booked_on")
    kind, usd = "recovered", new.amount_usd
    if new.reverses is not None:
        wrong = await queries.reversible(session, case_id, new.reverses)
        if wrong is None:
            raise errors.FraudAmountNotFound
        kind, usd = wrong.kind, -wrong.amount_usd
    return await _book(
        session,
        caller,
        row,
        kind=kind,
        amount_usd=usd,
        booked_on=new.booked_on,
        reference=new.reference,
        reverses=new.reverses,
    )


async def _book(session: AsyncSession, caller: Caller, row: Any, **values: Any) -> dict[str, Any]:
    amount_id = new_secret_id()
    async with access.explained(session):
        await session.execute(
            insert(FraudCaseAmount)
            .values(
                id=amount_id,
                fraud_case_id=row.id,
                owner_agency=row.owner_id,
                recorded_by=caller.require_person().id,
                **values,
            )
            .inline()
        )
    changed = await queries.lock(session, row.id)
    about = {"amount": str(amount_id), "kind": values["kind"]}
    return await _told(session, caller, Event.FRAUD_CASE_AMOUNT_RECORDED, changed, **about)


async def propose(
    session: AsyncSession, caller: Caller, case_id: UUID, new: ActIn
) -> dict[str, Any]:
    """Ask a second person to substantiate the case, or to write money off.

    Raises PersonRequired, FraudCaseNotFound, RoleLacksRight, FraudCaseStageUnfit, MarkerOnly,
    ExceedsOutstanding or FraudActPending.
    """
    row = await access.owned(session, caller, case_id)
    if new.amount_usd is not None and row.case_type == "sea":
        raise errors.MarkerOnly
    if new.amount_usd is not None and new.amount_usd > row.outstanding_usd:
        raise errors.ExceedsOutstanding
    act_id = new_secret_id()
    async with access.explained(session):
        await session.execute(
            insert(FraudCaseAct)
            .values(
                id=act_id,
                fraud_case_id=row.id,
                owner_agency=row.owner_id,
                proposed_by=caller.require_person().id,
                **new.model_dump(),
            )
            .inline()
        )
    about = {"act": str(act_id), "kind": new.kind}
    await access.log(session, caller, Event.FRAUD_CASE_ACT_PROPOSED, row, basis="owner", **about)
    act = await queries.lock_act(session, case_id, act_id)
    assert act is not None
    return dict(act._mapping)


async def decide(
    session: AsyncSession,
    caller: Caller,
    case_id: UUID,
    act_id: UUID,
    version: int,
    said: ActDecisionIn,
    today: date,
) -> dict[str, Any]:
    """A second person decides; what is approved is done at once.

    Raises PersonRequired, FraudCaseNotFound, RoleLacksRight, FraudActNotFound, PreconditionFailed,
    FraudActDecided, SecondPersonRequired, FraudCaseStageUnfit, FraudCaseClosed or
    ExceedsOutstanding.
    """
    row = await access.owned(session, caller, case_id, "approve")
    act = await queries.lock_act(session, case_id, act_id)
    if act is None:
        raise errors.FraudActNotFound
    if act.version != version:
        raise PreconditionFailed
    if act.state != "proposed":
        raise errors.FraudActDecided
    person = caller.require_person()
    if act.proposed_by == person.id:
        raise SecondPersonRequired
    values = {"state": _STATE[said.decision], "decided_by": person.id, "decided_at": func.now()}
    async with access.explained(session):
        await session.execute(
            update(FraudCaseAct)
            .where(FraudCaseAct.id == act_id)
            .values(**values, version=version + 1)
            .execution_options(synchronize_session=False)
        )
    about = {"act": str(act_id), "kind": act.kind, "decision": said.decision}
    await access.log(session, caller, Event.FRAUD_CASE_ACT_DECIDED, row, basis="owner", **about)
    if said.decision == "approve":
        await _carry_out(session, caller, row, act, today)
    decided = await queries.lock_act(session, case_id, act_id)
    assert decided is not None
    return dict(decided._mapping)


async def _carry_out(
    session: AsyncSession, caller: Caller, row: Any, act: Any, today: date
) -> None:
    if act.kind == "substantiate":
        done = {"stage": "substantiated", "outcome": "substantiated", "outcome_on": today}
        await _move(session, caller, row, Event.FRAUD_CASE_CHANGED, **done)
        return
    await _book(
        session,
        caller,
        row,
        kind="written_off",
        amount_usd=act.amount_usd,
        booked_on=today,
        reference=act.reference,
        act_id=act.id,
    )


async def publish(
    session: AsyncSession, caller: Caller, case_id: UUID, version: int
) -> dict[str, Any]:
    """Let every agency know of a substantiated case, in summary. It is not taken back.

    Raises PersonRequired, FraudCaseNotFound, RoleLacksRight, PreconditionFailed, NotPublishable or
    MarkerOnly.
    """
    row = await access.owned(session, caller, case_id, "approve")
    if row.version != version:
        raise PreconditionFailed
    if row.stage != "substantiated" or row.published_at is not None:
        raise errors.NotPublishable
    values = {"published_by": caller.require_person().id, "published_at": func.now()}
    found = await _move(session, caller, row, Event.FRAUD_CASE_PUBLISHED, **values)
    kind = EventType.FRAUD_CASE_PUBLISHED
    about = {"partner_id": str(row.partner_id), "level": "INTER_AGENCY"}
    await events.publish(session, kind, row.id, row.owner_id, **about)
    return found
