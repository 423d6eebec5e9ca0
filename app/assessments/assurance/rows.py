"""Activities of assurance plans: planned in a draft, followed once it is approved.

Works inside the caller's transaction and never commits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies import service as agencies
from app.assessments.assurance import access, errors, queries
from app.assessments.assurance.models import AssuranceRow
from app.assessments.assurance.schemas import ActivityIn, ActivityPatch, ProgressIn, RowsQuery
from app.audit import service as audit
from app.audit.events import Event
from app.auth.caller import Caller
from app.core.db import touched
from app.core.errors import FieldError, InvalidRequest
from app.core.http import PreconditionFailed
from app.core.ids import new_id
from app.events import service as events
from app.events.catalogue import EventType
from app.partners import service as partners
from app.partners.errors import PatchEmpty
from app.partners.visibility import sees_protected

MOST = 2_000
"""Activities that one revision may have."""


async def list_rows(
    session: AsyncSession,
    caller: Caller,
    plan_id: UUID,
    query: RowsQuery,
    after: tuple[int, UUID] | None,
) -> list[dict[str, Any]]:
    """One more than a page of a revision's activities. Raises PlanNotFound."""
    plan = await access.readable(session, caller, plan_id, query.revision)
    held = sees_protected(caller)
    found = await queries.list_rows(
        session, (plan_id, plan.revision), after, query.limit + 1, holder=held
    )
    codes = await agencies.codes_by_id(session)
    return [wire(row, caller, codes) for row in found]


def wire(row: Any, caller: Caller, codes: Mapping[UUID, str]) -> dict[str, Any]:
    """A row of `queries` as ActivityOut needs it; others learn what the calendar says."""
    own = row.owner_id == caller.agency_id
    names = (
        *("id", "plan_id", "revision", "line", "partner_id", "type", "year", "quarter"),
        *("status", "version"),
    )
    return {name: getattr(row, name) for name in names} | {
        "basis": row.basis if own else None,
        "reason": row.reason if own else None,
        "done_by": row.done_by if own else None,
        **shown(row, codes),
    }


def shown(row: Any, codes: Mapping[UUID, str]) -> dict[str, Any]:
    """Who takes part, and the new quarter of what was put off."""
    later = None
    if row.to_year is not None:
        later = {"year": row.to_year, "quarter": row.to_quarter}
    return {
        "joint_with": sorted(codes[one] for one in row.joint_with),
        "lead_agency": codes[row.lead_agency],
        "postponed_to": later,
    }


async def _joint(
    session: AsyncSession, caller: Caller, others: Sequence[str], lead: str
) -> tuple[list[UUID], UUID]:
    """Ids of the agencies that take part, and of the one that leads.

    Raises JointUnfit or AgencyUnknown.
    """
    if len(set(others)) < len(others) or caller.agency_code in others:
        raise errors.JointUnfit
    if lead not in (caller.agency_code, *others):
        raise errors.JointUnfit
    ids = {caller.agency_code: caller.agency_id}
    for code in others:
        ids[code] = (await agencies.recipient(session, code)).id
    return sorted(ids[code] for code in others), ids[lead]


async def _answer(
    session: AsyncSession, caller: Caller, plan_id: UUID, row_id: UUID
) -> dict[str, Any]:
    row = await queries.find_row(session, plan_id, row_id)
    assert row is not None
    return wire(row, caller, await agencies.codes_by_id(session))


async def _record(
    session: AsyncSession, caller: Caller, event: Event, row: Any, **detail: Any
) -> None:
    subject = audit.Subject(row.plan_id, owner_agency=row.owner_id, partner_id=row.partner_id)
    await audit.record(
        session,
        caller,
        event,
        subject,
        activity=str(row.id),
        line=str(row.line),
        revision=row.revision,
        type=row.type,
        **detail,
    )


def _draft(rows: Sequence[Any]) -> Any:
    row = access.open_one(rows)
    if row is None or row.status != "draft":
        raise errors.PlanNotDraft
    return row


async def add(
    session: AsyncSession, caller: Caller, plan_id: UUID, new: ActivityIn
) -> dict[str, Any]:
    """Plan an activity in the draft.

    Raises PlanNotFound, RoleLacksRight, PlanNotDraft, PartnerNotFound, PartnerMerged,
    ActivityCountryDiffers, JointUnfit, AgencyUnknown or PlanFull.
    """
    plan = _draft(await access.owned(session, caller, plan_id))
    partner = await partners.visible_partner(session, caller, new.partner_id)
    if partner.country != plan.country:
        raise errors.ActivityCountryDiffers
    lead = new.lead_agency or caller.agency_code
    joint_with, lead_id = await _joint(session, caller, new.joint_with, lead)
    # The plan is locked: nobody else adds one meanwhile.
    if await queries.count_rows(session, plan_id, plan.revision) >= MOST:
        raise errors.PlanFull
    row_id = new_id()
    values = new.model_dump(exclude={"joint_with", "lead_agency"}) | {
        "id": row_id,
        "line": row_id,
        "plan_id": plan_id,
        "revision": plan.revision,
        "owner_agency": caller.agency_id,
        "country": plan.country,
        "year": plan.year,
        "joint_with": joint_with,
        "lead_agency": lead_id,
    }
    async with errors.explained(session):
        await session.execute(insert(AssuranceRow).values(values).inline())
    row = await queries.find_row(session, plan_id, row_id)
    await _record(session, caller, Event.ASSURANCE_ACTIVITY_PLANNED, row)
    return await _answer(session, caller, plan_id, row_id)


async def _of_draft(
    session: AsyncSession, caller: Caller, plan_id: UUID, row_id: UUID
) -> tuple[Any, Any]:
    """The draft, locked, and an activity of it."""
    plan = _draft(await access.owned(session, caller, plan_id))
    row = await queries.find_row(session, plan_id, row_id)
    if row is None or row.revision != plan.revision:
        raise errors.ActivityNotFound
    if row.status == "done":
        raise errors.ActivityDone
    return plan, row


async def change(
    session: AsyncSession,
    caller: Caller,
    plan_id: UUID,
    row_id: UUID,
    version: int,
    patch: ActivityPatch,
) -> dict[str, Any]:
    """Apply a merge patch to an activity of the draft.

    Raises PlanNotFound, RoleLacksRight, PlanNotDraft, ActivityNotFound, ActivityDone,
    PreconditionFailed, PatchEmpty, JointUnfit, AgencyUnknown or InvalidRequest.
    """
    _, row = await _of_draft(session, caller, plan_id, row_id)
    fields = patch.model_dump(exclude_unset=True)
    if not fields:
        raise PatchEmpty
    if row.version != version:
        raise PreconditionFailed
    codes = await agencies.codes_by_id(session)
    if fields.keys() & {"joint_with", "lead_agency"}:
        others = fields.get("joint_with", [codes[one] for one in row.joint_with])
        lead = fields.get("lead_agency", codes[row.lead_agency])
        joint_with, lead_id = await _joint(session, caller, others, lead)
        fields |= {"joint_with": joint_with, "lead_agency": lead_id}
    if "quarter" in fields and row.status == "postponed":
        _require_later(row, fields["quarter"], row.to_year, row.to_quarter, "/quarter")
    await _write(session, AssuranceRow.id == row_id, fields)
    await _record(
        session,
        caller,
        Event.ASSURANCE_ACTIVITY_CHANGED,
        row,
        fields=sorted(patch.model_fields_set),
    )
    return await _answer(session, caller, plan_id, row_id)


async def _write(
    session: AsyncSession, which: ColumnElement[bool], values: Mapping[str, Any]
) -> int:
    async with errors.explained(session):
        done = await session.execute(
            update(AssuranceRow)
            .where(which)
            .values(version=AssuranceRow.version + 1, updated_at=func.now(), **values)
            .execution_options(synchronize_session=False)
        )
    return touched(done)


async def remove(session: AsyncSession, caller: Caller, plan_id: UUID, row_id: UUID) -> None:
    """Take an activity out of the draft.

    Raises PlanNotFound, RoleLacksRight, PlanNotDraft, ActivityNotFound or ActivityDone.
    """
    _, row = await _of_draft(session, caller, plan_id, row_id)
    await session.execute(
        delete(AssuranceRow)
        .where(AssuranceRow.id == row_id)
        .execution_options(synchronize_session=False)
    )
    await _record(session, caller, Event.ASSURANCE_ACTIVITY_REMOVED, row)


async def progress(
    session: AsyncSession, caller: Caller, plan_id: UUID, row_id: UUID, new: ProgressIn
) -> dict[str, Any]:
    """Write down how an activity of the approved revision went, also in a draft that amends it.

    Raises PlanNotFound, RoleLacksRight, PlanNotApproved, ActivityNotFound, InvalidRequest,
    DoneByUnfit or AssessmentCounted.
    """
    rows = await access.owned(session, caller, plan_id, share=True)
    plan, amending = access.approved_one(rows), access.open_one(rows)
    if plan is None:
        raise errors.PlanNotApproved
    row = await queries.find_row(session, plan_id, row_id)
    if row is None:
        raise errors.ActivityNotFound
    if row.revision != plan.revision:
        raise errors.PlanNotApproved
    later = new.postponed_to
    if later is not None:
        _require_later(row, row.quarter, later.year, later.quarter, "/postponed_to")
    values = {
        "status": new.status,
        "reason": new.reason,
        "to_year": later.year if later else None,
        "to_quarter": later.quarter if later else None,
        "done_by": new.assessment_id,
    }
    await _write(session, AssuranceRow.id == row_id, values)
    if amending is not None:
        await _carry_over(session, row, amending.revision, values)
    await _record(
        session,
        caller,
        Event.ASSURANCE_ACTIVITY_FOLLOWED,
        row,
        status=new.status,
        reason=new.reason,
        assessment=str(new.assessment_id) if new.assessment_id else None,
    )
    await events.publish(
        session,
        EventType.ASSURANCE_ACTIVITY_FOLLOWED,
        plan_id,
        caller.agency_id,
        partner_id=str(row.partner_id),
        activity=str(row.id),
        type=row.type,
        status=new.status,
    )
    return await _answer(session, caller, plan_id, row_id)


async def _carry_over(
    session: AsyncSession, row: Any, revision: int, values: Mapping[str, Any]
) -> None:
    """The same in the revision that amends this one, unless it plans another quarter anyway."""
    same = (
        (AssuranceRow.plan_id == row.plan_id)
        & (AssuranceRow.revision == revision)
        & (AssuranceRow.line == row.line)
    )
    if values["status"] == "postponed":
        same &= AssuranceRow.quarter == row.quarter
    await _write(session, same, values)


def _require_later(row: Any, quarter: int, to_year: int, to_quarter: int, pointer: str) -> None:
    """Raises InvalidRequest unless what was put off comes after the quarter it was planned for,
    within five years."""
    if (to_year, to_quarter) > (row.year, quarter) and to_year <= row.year + 5:
        return
    message = "what is put off comes later, within five years"
    raise InvalidRequest(errors=[FieldError(pointer=pointer, code="value_error", message=message)])
