"""Assurance plans: written by one person, approved by another, amended with their history kept.

Works inside the caller's transaction and never commits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments.assurance import access, errors, queries, returns
from app.assessments.assurance.models import AssurancePlan
from app.assessments.assurance.schemas import PlanDecisionIn, PlanFilter, PlanIn
from app.audit import service as audit
from app.audit.events import Event
from app.audit.exceptions.errors import SecondPersonRequired
from app.auth import policy
from app.auth.caller import Caller
from app.core.crypto import KeyRing
from app.core.http import PreconditionFailed
from app.core.ids import new_id
from app.events import service as events
from app.events.catalogue import EventType

_COPY = text(
    """INSERT INTO assurance_rows (id, plan_id, revision, owner_agency, country, year, line,
      partner_id, type, quarter, basis, joint_with, lead_agency, status, reason, to_year,
      to_quarter, done_by)
    SELECT gen_random_uuid(), plan_id, CAST(:new AS smallint), owner_agency, country, year, line,
      partner_id, type, quarter, basis, joint_with, lead_agency, status, reason, to_year,
      to_quarter, done_by
    FROM assurance_rows WHERE plan_id = :plan AND revision = :old"""
)


async def create(session: AsyncSession, caller: Caller, new: PlanIn) -> dict[str, Any]:
    """Begin a plan of the calling agency. Raises RoleLacksRight, LevelAboveClient,
    CountryOutsideScope or PlanExists."""
    wanted = policy.Resource(access.REPORT, caller.agency_id, "AGENCY_ONLY", new.country)
    policy.require_writable(policy.can(caller, "create", wanted))
    plan_id = new_id()
    await _insert(session, caller, plan_id, 1, new.country, new.year, 1)
    row = await access.readable(session, caller, plan_id)
    await _record(session, caller, Event.ASSURANCE_PLAN_CREATED, row)
    return wire(row, caller)


async def _insert(
    session: AsyncSession,
    caller: Caller,
    plan_id: UUID,
    revision: int,
    country: str,
    year: int,
    version: int,
) -> None:
    values = {
        "id": plan_id,
        "revision": revision,
        "owner_agency": caller.agency_id,
        "country": country,
        "year": year,
        "version": version,
        "created_by": caller.person.id if caller.person else None,
    }
    async with errors.explained(session):
        await session.execute(insert(AssurancePlan).values(values).inline())


async def _record(
    session: AsyncSession, caller: Caller, event: Event, row: Any, **about: str
) -> None:
    subject = audit.Subject(row.id, owner_agency=row.owner_id)
    await audit.record(
        session,
        caller,
        event,
        subject,
        revision=row.revision,
        version=row.version,
        status=row.status,
        country=row.country,
        year=row.year,
        **about,
    )


def wire(row: Any, caller: Caller) -> dict[str, Any]:
    """A row of `queries` as PlanOut needs it; who signed is the owner's to know."""
    own = row.owner_id == caller.agency_id
    names = (
        *("id", "revision", "agency", "country", "year", "status", "version", "created_at"),
        # Row security tells the plan's agency alone when it was sent back.
        *("submitted_at", "approved_at", "returned_at"),
    )
    return {name: getattr(row, name) for name in names} | {
        "submitted_by": row.submitted_by if own else None,
        "approved_by": row.approved_by if own else None,
    }


async def get(
    session: AsyncSession, caller: Caller, plan_id: UUID, revision: int | None
) -> dict[str, Any]:
    """A plan: the newest revision that the caller may see, or the one named.

    Raises PlanNotFound.
    """
    return wire(await access.readable(session, caller, plan_id, revision), caller)


async def list_plans(
    session: AsyncSession, caller: Caller, filters: PlanFilter, after: UUID | None
) -> Sequence[Any]:
    """One row more than a page of plans that the caller may see. Raises RoleLacksRight."""
    access.require_reader(caller)
    wanted = filters.model_dump(exclude={"limit", "cursor"})
    wanted["countries"] = sorted(caller.countries) or None
    drafts = policy.reaches(caller, "AGENCY_ONLY")
    return await queries.list_plans(session, wanted, after, filters.limit + 1, drafts=drafts)


async def revisions(
    session: AsyncSession, caller: Caller, plan_id: UUID, before: int | None, limit: int
) -> list[Any]:
    """Revisions of a plan that the caller may see, newest first. Raises PlanNotFound."""
    await access.readable(session, caller, plan_id)
    rows = await queries.revisions(session, plan_id, before, limit)
    return [
        row
        for row in rows
        if policy.can(caller, "summary", access.plan_of(row, access.SUMMARY)).allowed
    ]


async def submit(session: AsyncSession, caller: Caller, plan_id: UUID) -> dict[str, Any]:
    """Hand the draft in for approval; nothing of it changes from then on.

    Raises PersonRequired, PlanNotFound, RoleLacksRight or PlanNotDraft.
    """
    person = caller.require_person()
    row = access.open_one(await access.owned(session, caller, plan_id))
    if row is None or row.status != "draft":
        raise errors.PlanNotDraft
    values = {"status": "submitted", "submitted_by": person.id, "submitted_at": func.now()}
    return await _move(session, caller, row, Event.ASSURANCE_PLAN_SUBMITTED, values)


async def decide(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    plan_id: UUID,
    version: int,
    decision: PlanDecisionIn,
) -> dict[str, Any]:
    """A second person approves what was submitted, or returns it, with a reason, to be written on.

    Raises PersonRequired, PlanNotFound, RoleLacksRight, PlanNotSubmitted, PreconditionFailed,
    SecondPersonRequired, or DoneLeftOut.
    """
    person = caller.require_person()
    rows = await access.owned(session, caller, plan_id, "approve")
    row, before = access.open_one(rows), access.approved_one(rows)
    if row is None or row.status != "submitted":
        raise errors.PlanNotSubmitted
    if row.version != version:
        raise PreconditionFailed
    if person.id == row.submitted_by:
        raise SecondPersonRequired
    if decision.reason is not None:
        why = await returns.write(session, keyring, person, row, decision.reason)
        back = {"status": "draft", "submitted_by": None, "submitted_at": None}
        about = {"return": str(why)}
        return await _move(session, caller, row, Event.ASSURANCE_PLAN_RETURNED, back, **about)
    if before is not None:
        if await queries.done_left_out(session, plan_id, before.revision, row.revision):
            raise errors.DoneLeftOut
        await _change(session, before, {"status": "superseded"})
    values = {"status": "approved", "approved_by": person.id, "approved_at": func.now()}
    found = await _move(session, caller, row, Event.ASSURANCE_PLAN_APPROVED, values)
    await events.publish(
        session,
        EventType.ASSURANCE_PLAN_APPROVED,
        plan_id,
        caller.agency_id,
        revision=row.revision,
        country=row.country,
        year=row.year,
    )
    return found


async def _move(
    session: AsyncSession,
    caller: Caller,
    row: Any,
    event: Event,
    values: dict[str, Any],
    **about: str,
) -> dict[str, Any]:
    await _change(session, row, values)
    found = (await queries.find_plan(session, row.id, row.revision))[0]
    await _record(session, caller, event, found, **about)
    return wire(found, caller)


async def _change(session: AsyncSession, row: Any, values: dict[str, Any]) -> None:
    """Write it; the rows of the revision follow by their key."""
    async with errors.explained(session):
        await session.execute(
            update(AssurancePlan)
            .where(AssurancePlan.id == row.id, AssurancePlan.revision == row.revision)
            .values(version=row.version + 1, **values)
            .execution_options(synchronize_session=False)
        )


async def amend(session: AsyncSession, caller: Caller, plan_id: UUID) -> dict[str, Any]:
    """Begin the next revision, a draft with all activities as they stand; the approved one stays
    in force until the draft is approved.

    Raises PlanNotFound, RoleLacksRight, AmendmentOpen or PlanNotApproved.
    """
    rows = await access.owned(session, caller, plan_id)
    if access.open_one(rows) is not None:
        raise errors.AmendmentOpen
    row = access.approved_one(rows)
    if row is None:
        raise errors.PlanNotApproved
    new = row.revision + 1
    await _insert(session, caller, plan_id, new, row.country, row.year, row.version + 1)
    await session.execute(_COPY, {"plan": plan_id, "old": row.revision, "new": new})
    found = (await queries.find_plan(session, plan_id, new))[0]
    await _record(session, caller, Event.ASSURANCE_PLAN_AMENDED, found)
    return wire(found, caller)


async def discard(session: AsyncSession, caller: Caller, plan_id: UUID) -> None:
    """Throw the draft away; an approved revision stays in force.

    Raises PlanNotFound, RoleLacksRight or PlanNotDraft.
    """
    row = access.open_one(await access.owned(session, caller, plan_id))
    if row is None or row.status != "draft":
        raise errors.PlanNotDraft
    # Its activities go with it.
    await session.execute(
        delete(AssurancePlan)
        .where(AssurancePlan.id == plan_id, AssurancePlan.revision == row.revision)
        .execution_options(synchronize_session=False)
    )
    await _record(session, caller, Event.ASSURANCE_PLAN_DISCARDED, row)
