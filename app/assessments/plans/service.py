"""Use cases of capacity-strengthening plans. In the caller's transaction; never commits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies import service as agencies
from app.assessments import access as assessments
from app.assessments.plans import access, actions, moves, queries
from app.assessments.plans.errors import (
    AssessmentUnfit,
    OutcomeUnfit,
    PlanNotFound,
    PlanStateUnfit,
    SupporterUnfit,
    WindowInvalid,
)
from app.assessments.plans.models import CapacityPlan
from app.assessments.plans.rules import RULES, follows
from app.assessments.plans.schemas import (
    AgreementIn,
    ClosureIn,
    ExtensionIn,
    MeasureIn,
    PlanFilter,
    PlanIn,
    PlanPatch,
)
from app.audit.events import Event
from app.auth import policy
from app.auth.caller import Caller
from app.core.clock import add_months
from app.core.crypto import KeyRing
from app.core.errors import FieldError, InvalidRequest
from app.core.http import PreconditionFailed
from app.core.ids import new_secret_id
from app.events.catalogue import EventType
from app.partners.errors import PatchEmpty
from app.partners.service import visible_partner
from app.partners.visibility import sees_protected


async def create(
    session: AsyncSession, keyring: KeyRing, caller: Caller, new: PlanIn
) -> dict[str, Any]:
    """Make a draft with its actions.

    Raises PartnerNotFound, PartnerMerged, RoleLacksRight, LevelAboveClient, AssessmentNotFound,
    AssessmentUnfit, AgencyUnknown, SupporterUnfit or AreaUnfit.
    """
    partner = await visible_partner(session, caller, new.partner_id)
    planned = policy.Resource("PLAN", caller.agency_id, "AGENCY_ONLY", partner.country)
    policy.require_writable(policy.can(caller, "create", planned))
    level = None
    if new.assessment_id is not None:
        about = await assessments.readable(session, caller, new.assessment_id)
        if about.owner_id != caller.agency_id or not follows(new.kind, about.type):
            raise AssessmentUnfit
        level = about.level
    plan_id = new_secret_id()
    values = {
        "id": plan_id,
        "partner_id": new.partner_id,
        "owner_agency": caller.agency_id,
        "kind": new.kind,
        "assessment_id": new.assessment_id,
        "assessment_level": level,
        "supporters": await _supporters(session, caller, new.supporters),
        "starts_on": new.starts_on,
    }
    async with moves.explained():
        await session.execute(insert(CapacityPlan).values(values).inline())
    row = await queries.lock_plan(session, plan_id)
    assert row is not None
    for number, action in enumerate(new.actions, 1):
        await actions.insert_action(session, keyring, row, number, action)
    await moves.note_step(session, keyring, caller, (plan_id, caller.agency_id), "created")
    await moves.tell(session, caller, Event.PLAN_CREATED, row, None, actions=len(new.actions))
    return await _written(session, plan_id)


async def _supporters(session: AsyncSession, caller: Caller, codes: Sequence[str]) -> list[UUID]:
    found = [(await agencies.recipient(session, code)).id for code in codes]
    if caller.agency_id in found or len(set(found)) != len(found):
        raise SupporterUnfit
    return found


async def _written(session: AsyncSession, plan_id: UUID) -> dict[str, Any]:
    row = await queries.read_plan(session, plan_id, holder=True)
    assert row is not None
    return access.wire(row)


async def change(
    session: AsyncSession, caller: Caller, plan_id: UUID, version: int, patch: PlanPatch
) -> dict[str, Any]:
    """Apply a merge patch to version ``version`` of an own plan that is not closed.

    Raises PlanNotFound, RoleLacksRight, PatchEmpty, PreconditionFailed, PlanStateUnfit,
    AgencyUnknown or SupporterUnfit.
    """
    row = await access.owned(session, caller, plan_id)
    fields = patch.model_dump(exclude_unset=True)
    if not fields:
        raise PatchEmpty
    if row.version != version:
        raise PreconditionFailed
    if row.status not in ("draft", "agreed"):
        raise PlanStateUnfit
    changed = sorted(fields)
    if "supporters" in fields:
        fields["supporters"] = await _supporters(session, caller, fields["supporters"] or [])
    await moves.move(session, row, **fields)
    await _tell_change(session, caller, Event.PLAN_CHANGED, row, fields=changed)
    return await _written(session, plan_id)


async def _tell_change(
    session: AsyncSession, caller: Caller, event: Event, row: Any, **about: Any
) -> None:
    kind = EventType.PLAN_CHANGED if row.agreed_on is not None else None
    await moves.tell(session, caller, event, row, kind, **about)


async def agree(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    plan_id: UUID,
    agreed: AgreementIn,
    today: date,
) -> dict[str, Any]:
    """The plan was agreed with the partner: its window runs, and others see that it is there.

    Raises PlanNotFound, RoleLacksRight, PersonRequired, PlanStateUnfit, PlanEmpty, InvalidRequest
    or WindowInvalid.
    """
    caller.require_person()
    row = await access.owned(session, caller, plan_id)
    if row.status != "draft":
        raise PlanStateUnfit
    on = agreed.agreed_on or today
    if on > today:
        why = FieldError(pointer="/agreed_on", code="value_error", message="lies in the future")
        raise InvalidRequest(errors=[why])
    window = RULES.kinds[row.kind]
    latest = add_months(on, window.window_months)
    ends = agreed.window_ends_on or latest
    if not on < ends <= latest:
        raise WindowInvalid
    await moves.move(
        session,
        row,
        status="agreed",
        agreed_on=on,
        window_ends_on=ends,
        window_limit_on=add_months(on, window.total_months),
    )
    await moves.note_step(session, keyring, caller, (row.id, row.owner_id), "agreed")
    about = {"window_ends_on": ends.isoformat()}
    await moves.tell(session, caller, Event.PLAN_AGREED, row, EventType.PLAN_AGREED, **about)
    return await _written(session, plan_id)


async def extend(
    session: AsyncSession, keyring: KeyRing, caller: Caller, plan_id: UUID, longer: ExtensionIn
) -> dict[str, Any]:
    """Let the window end later, within the limit that was set when the plan was agreed.

    Raises PlanNotFound, PersonRequired, RoleLacksRight for all but who approves, PlanStateUnfit or
    WindowInvalid.
    """
    person = caller.require_person()
    row = await queries.lock_plan(session, plan_id)
    if row is None:
        raise PlanNotFound
    level = "AGENCY_ONLY" if row.assessment_level == "AGENCY_ONLY" else "RESTRICTED"
    resource = policy.Resource("PLAN_EXTENSION", row.owner_id, level, row.country)
    policy.require_writable(policy.can(caller, "approve", resource), PlanNotFound)
    if row.status != "agreed":
        raise PlanStateUnfit
    ends = longer.window_ends_on
    if not row.window_ends_on < ends <= row.window_limit_on:
        raise WindowInvalid
    await moves.move(
        session,
        row,
        window_ends_on=ends,
        extended_by=person.id,
        extended_at=func.clock_timestamp(),
        reminded_days=None,
        window_ended_at=None,
    )
    plan = (row.id, row.owner_id)
    await moves.note_step(session, keyring, caller, plan, "extended", note=longer.reason)
    about = {"window_ends_on": ends.isoformat(), "window_ended_on": row.window_ends_on.isoformat()}
    await _tell_change(session, caller, Event.PLAN_EXTENDED, row, **about)
    return await _written(session, plan_id)


async def close(
    session: AsyncSession, keyring: KeyRing, caller: Caller, plan_id: UUID, how: ClosureIn
) -> dict[str, Any]:
    """A person of the owner says how the plan ended.

    Raises PlanNotFound, RoleLacksRight, PersonRequired, PlanStateUnfit, or ActionsOpen for one
    that is not complete.
    """
    person = caller.require_person()
    row = await access.owned(session, caller, plan_id)
    possible = {"draft": ("cancelled",), "agreed": ("completed", "not_completed", "cancelled")}
    if how.outcome not in possible.get(row.status, ()):
        raise PlanStateUnfit
    # Whoever reports progress at this moment comes first, or finds the plan closed.
    await queries.lock_actions(session, plan_id)
    await moves.move(session, row, status=how.outcome, closed_by=person.id, closed_at=func.now())
    plan = (row.id, row.owner_id)
    await moves.note_step(session, keyring, caller, plan, how.outcome, note=how.reason)
    kind = EventType.PLAN_CLOSED if row.agreed_on is not None else None
    await moves.tell(session, caller, Event.PLAN_CLOSED, row, kind, outcome=how.outcome)
    return await _written(session, plan_id)


async def measure(
    session: AsyncSession, keyring: KeyRing, caller: Caller, plan_id: UUID, by: MeasureIn
) -> dict[str, Any]:
    """Compare the plan's assessment with a later one; again with a still later one, if there is.

    Raises PlanNotFound, RoleLacksRight, AssessmentNotFound, PlanStateUnfit or OutcomeUnfit.
    """
    row = await access.owned(session, caller, plan_id)
    if row.agreed_on is None or row.status == "cancelled":
        raise PlanStateUnfit
    after = await assessments.readable(session, caller, by.assessment_id)
    if row.assessment_id is None:
        raise OutcomeUnfit
    result = await queries.compare(session, row.assessment_id, after.id)
    if result is None or (row.assessment_level != "AGENCY_ONLY" and after.level == "AGENCY_ONLY"):
        raise OutcomeUnfit
    await moves.move(
        session, row, after_assessment_id=after.id, outcome=result, measured_at=func.now()
    )
    await moves.note_step(session, keyring, caller, (row.id, row.owner_id), "measured")
    about = {"assessment": str(after.id), "result": result}
    await moves.tell(session, caller, Event.PLAN_MEASURED, row, EventType.PLAN_MEASURED, **about)
    return await _written(session, plan_id)


async def get(session: AsyncSession, caller: Caller, plan_id: UUID) -> dict[str, Any]:
    """The summary. Raises PlanNotFound, also when the caller may not see it."""
    return access.wire(await access.readable(session, caller, plan_id))


async def list_plans(
    session: AsyncSession, caller: Caller, filters: PlanFilter, after: queries.After
) -> list[Any]:
    """One row more than a page of summaries the caller may see, newest first."""
    if not policy.has_right(caller, "summary", "PLAN"):
        return []
    wanted: dict[str, Any] = filters.model_dump(exclude={"limit", "cursor"})
    wanted["countries"] = sorted(caller.countries) or None
    wanted["open_only"] = None if policy.reaches(caller, "AGENCY_ONLY") else True
    holder = sees_protected(caller)
    found = await queries.list_plans(session, wanted, after, filters.limit + 1, holder=holder)
    return list(found)
