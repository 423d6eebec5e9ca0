"""Merges: one person proposes that two profiles are one partner, another decides.

Nothing is moved. The row's change of state writes the aliases by which every feature reads (a
trigger, `apply_merge`), in the caller's transaction; undoing takes exactly these away. The
service explains a refusal before the database would make it. Never commits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.audit.exceptions.errors import SecondPersonRequired
from app.auth import policy
from app.auth.caller import Caller
from app.core.errors import violated_constraint
from app.core.http import PreconditionFailed
from app.core.ids import new_id
from app.events import service as events
from app.events.catalogue import EventType
from app.partners import lineage
from app.partners import queries as profiles
from app.partners import service as partners
from app.partners.errors import PartnerMerged, PartnerNotFound
from app.partners.matching import duplicates
from app.partners.merges import errors, queries
from app.partners.merges.models import PartnerMerge, PartnerMergeStep
from app.partners.merges.schemas import MergeFilter, MergeIn
from app.partners.sections import queries as sections
from app.partners.sections import refresh

_OPEN = "uq_partner_merges_loser_id"


def _may(caller: Caller, country: str) -> None:
    """Raises PersonRequired or RoleLacksRight."""
    caller.require_person()
    policy.require_writable(
        policy.can(caller, "approve", policy.Resource("MERGE", None, country=country))
    )


async def propose(
    session: AsyncSession, caller: Caller, partner_id: UUID, version: int, new: MergeIn
) -> dict[str, Any]:
    """Propose to merge a profile into another.

    Raises PartnerNotFound, PartnerMerged (either one; names the profile that stands for it),
    PersonRequired, RoleLacksRight, PreconditionFailed, SameProfile, SurvivorUnknown, MergeOpen
    and what `errors.OBSTACLES` holds.
    """
    loser = await partners.visible_partner(session, caller, partner_id)
    _may(caller, loser.country)
    if loser.version != version:
        raise PreconditionFailed
    if new.into == partner_id:
        raise errors.SameProfile
    try:
        await partners.visible_partner(session, caller, new.into)
    except PartnerNotFound:
        raise errors.SurvivorUnknown from None
    await _refuse(session, partner_id, new.into)
    merge_id = new_id()
    values = {
        "id": merge_id,
        "loser_id": partner_id,
        "survivor_id": new.into,
        "proposed_by": caller.require_person().id,
        **new.evidence.model_dump(),
    }
    try:
        async with session.begin_nested():
            await session.execute(insert(PartnerMerge).values(values).inline())
    except IntegrityError as error:
        if violated_constraint(error) != _OPEN:
            raise
        if await queries.is_open(session, partner_id):
            raise errors.MergeOpen from error
        raise PartnerMerged(await lineage.root_of(session, partner_id)) from error
    await _step(session, caller, merge_id, partner_id, "proposed", new.reason, Event.MERGE_PROPOSED)
    return await get(session, caller, merge_id)


async def _refuse(session: AsyncSession, loser_id: UUID, survivor_id: UUID) -> None:
    found = await queries.obstacle(session, loser_id, survivor_id)
    if found == "merged":
        raise PartnerMerged(await _standing_for(session, loser_id, survivor_id))
    if found is not None:
        raise errors.OBSTACLES[found]


async def _standing_for(session: AsyncSession, loser_id: UUID, survivor_id: UUID) -> UUID:
    """Of two profiles the one that was merged: what stands for it."""
    root = await lineage.root_of(session, loser_id)
    return root if root != loser_id else await lineage.root_of(session, survivor_id)


async def _step(
    session: AsyncSession,
    caller: Caller,
    merge_id: UUID,
    partner_id: UUID,
    kind: str,
    reason: str,
    event: Event,
) -> None:
    person = caller.require_person()
    await session.execute(
        insert(PartnerMergeStep)
        .values(
            id=new_id(),
            merge_id=merge_id,
            kind=kind,
            agency_id=caller.agency_id,
            person_id=person.id,
            office=person.office,
            role=person.role,
            reason=reason,
        )
        .inline()
    )
    subject = audit.Subject(merge_id, partner_id=partner_id)
    await audit.record(session, caller, event, subject, step=kind)


async def decide(
    session: AsyncSession,
    caller: Caller,
    merge_id: UUID,
    version: int,
    *,
    approve: bool,
    reason: str,
) -> dict[str, Any]:
    """A second person merges the two profiles, or rejects it.

    Raises MergeNotFound, PersonRequired, RoleLacksRight, PreconditionFailed, MergeDecided,
    SecondPersonRequired, and on approval PartnerMerged or what `errors.OBSTACLES` holds: the
    profiles may have changed since it was proposed.
    """
    row = await _to_change(session, caller, merge_id, version)
    if row.state != "proposed":
        raise errors.MergeDecided
    person = caller.require_person()
    if person.id == row.proposed_by:
        raise SecondPersonRequired
    state = "merged" if approve else "rejected"
    await _change(session, row, state=state, decided_by=person.id, decided_at=func.now())
    event = Event.MERGE_APPROVED if approve else Event.MERGE_REJECTED
    kind = "approved" if approve else "rejected"
    await _step(session, caller, merge_id, row.loser_id, kind, reason, event)
    if approve:
        await duplicates.mark_merged(session, row.loser_id, row.survivor_id)
        await _recompute(session, caller, row.survivor_id)
        await _publish(session, caller, row, EventType.PARTNER_MERGED)
    return await get(session, caller, merge_id)


async def withdraw(
    session: AsyncSession, caller: Caller, merge_id: UUID, reason: str
) -> dict[str, Any]:
    """The proposal ends undecided. Raises MergeNotFound, PersonRequired, RoleLacksRight or
    MergeDecided."""
    row = await _to_change(session, caller, merge_id)
    if row.state != "proposed":
        raise errors.MergeDecided
    person = caller.require_person()
    await _change(session, row, state="withdrawn", decided_by=person.id, decided_at=func.now())
    await _step(session, caller, merge_id, row.loser_id, "withdrawn", reason, Event.MERGE_WITHDRAWN)
    return await get(session, caller, merge_id)


async def propose_undo(
    session: AsyncSession, caller: Caller, merge_id: UUID, reason: str
) -> dict[str, Any]:
    """Propose to undo a merge. Raises MergeNotFound, PersonRequired, RoleLacksRight,
    MergeNotInForce or UndoOpen."""
    row = await _to_change(session, caller, merge_id)
    if row.state != "merged":
        raise errors.MergeNotInForce
    if row.undo == "proposed":
        raise errors.UndoOpen
    person = caller.require_person()
    await _change(session, row, undo="proposed", undo_proposed_by=person.id, undo_decided_by=None)
    event = Event.MERGE_UNDO_PROPOSED
    await _step(session, caller, merge_id, row.loser_id, "undo_proposed", reason, event)
    return await get(session, caller, merge_id)


async def decide_undo(
    session: AsyncSession,
    caller: Caller,
    merge_id: UUID,
    version: int,
    *,
    approve: bool,
    reason: str,
) -> dict[str, Any]:
    """A second person undoes the merge, or lets it stand.

    Raises MergeNotFound, PersonRequired, RoleLacksRight, PreconditionFailed, MergeNotInForce,
    UndoNotProposed or SecondPersonRequired.
    """
    row = await _to_change(session, caller, merge_id, version)
    if row.state != "merged":
        raise errors.MergeNotInForce
    if row.undo != "proposed":
        raise errors.UndoNotProposed
    person = caller.require_person()
    if person.id == row.undo_proposed_by:
        raise SecondPersonRequired
    if approve:
        await _change(session, row, state="undone", undo="approved", undo_decided_by=person.id)
    else:
        await _change(session, row, undo="rejected", undo_decided_by=person.id)
    event = Event.MERGE_UNDO_APPROVED if approve else Event.MERGE_UNDO_REJECTED
    kind = "undo_approved" if approve else "undo_rejected"
    await _step(session, caller, merge_id, row.loser_id, kind, reason, event)
    if approve:
        await duplicates.mark_parted(session, row.loser_id, row.survivor_id)
        for part in sorted((row.loser_id, row.survivor_id)):
            await _recompute(session, caller, await lineage.root_of(session, part))
        await _publish(session, caller, row, EventType.PARTNER_UNMERGED)
    return await get(session, caller, merge_id)


async def _to_change(
    session: AsyncSession, caller: Caller, merge_id: UUID, version: int | None = None
) -> Any:
    """The merge, locked. Raises MergeNotFound, PersonRequired, RoleLacksRight or
    PreconditionFailed."""
    row = await queries.find_merge(session, caller, merge_id, lock=True)
    if row is None:
        raise errors.MergeNotFound
    _may(caller, row.country)
    if version is not None and row.version != version:
        raise PreconditionFailed
    return row


async def _change(session: AsyncSession, row: Any, **values: Any) -> None:
    """Write it; the trigger does the rest, or says what stands against it."""
    statement = (
        update(PartnerMerge)
        .where(PartnerMerge.id == row.id)
        .values(version=row.version + 1, **values)
        .execution_options(synchronize_session=False)
    )
    try:
        async with session.begin_nested():
            await session.execute(statement)
    except IntegrityError as error:
        name = violated_constraint(error) or ""
        found = name.removeprefix("merge_")
        if found == "merged":
            raise PartnerMerged(
                await _standing_for(session, row.loser_id, row.survivor_id)
            ) from error
        if found not in errors.OBSTACLES:
            raise
        raise errors.OBSTACLES[found] from error


async def _recompute(session: AsyncSession, caller: Caller, partner_id: UUID) -> None:
    """What a profile and its country profiles repeat of declarations, which go by lineage."""
    partner = await profiles.find_partner(session, partner_id)
    assert partner is not None
    await refresh.lock(session, partner)
    await refresh.refresh(session, caller, partner)
    for office in await sections.locked_offices(session, partner_id):
        await refresh.refresh(session, caller, office)


async def _publish(session: AsyncSession, caller: Caller, row: Any, kind: EventType) -> None:
    await events.publish(
        session,
        kind,
        row.loser_id,
        caller.agency_id,
        loser_id=str(row.loser_id),
        survivor_id=str(row.survivor_id),
        merge_id=str(row.id),
    )


async def get(session: AsyncSession, caller: Caller, merge_id: UUID) -> dict[str, Any]:
    """A merge with its steps. Raises MergeNotFound, also where a profile of it is hidden."""
    row = await queries.find_merge(session, caller, merge_id)
    if row is None:
        raise errors.MergeNotFound
    found = [dict(step._mapping) for step in await queries.steps(session, merge_id)]
    return wire(row) | {"steps": found}


async def list_merges(
    session: AsyncSession, caller: Caller, filters: MergeFilter, after: UUID | None
) -> Sequence[Any]:
    """One row more than a page of merges whose profiles the caller may know of, newest first."""
    wanted = filters.model_dump(include={"partner_id", "state"}) | {"after": after}
    return await queries.list_merges(session, caller, wanted, filters.limit + 1)


def wire(row: Any) -> dict[str, Any]:
    """A row of `queries` as MergeSummaryOut needs it."""
    names = ("id", "version", "state", "loser_id", "survivor_id", "proposed_at", "decided_at")
    evidence = {"matched_on": row.matched_on, "document_ids": row.document_ids}
    return {name: getattr(row, name) for name in names} | {"evidence": evidence, "undo": row.undo}
