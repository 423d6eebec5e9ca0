"""Actions of plans: added, changed while they may, reported on, verified. Never commits."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import func, insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments.plans import access, moves, queries, texts
from app.assessments.plans.errors import (
    ActionNotFound,
    ActionsFull,
    ActionStateUnfit,
    ActionTextFixed,
    AreaUnfit,
    PlanNotFound,
    PlanStateUnfit,
)
from app.assessments.plans.models import CapacityPlanAction
from app.assessments.plans.rules import RULES, area_fits
from app.assessments.plans.schemas import (
    ActionIn,
    ActionPatch,
    OwnProgressIn,
    ProgressIn,
    VerificationIn,
)
from app.audit.events import Event
from app.audit.exceptions.errors import ContentRedacted, SecondPersonRequired
from app.auth.caller import Caller
from app.core.crypto import KeyRing
from app.core.errors import FieldError, InvalidRequest
from app.core.http import PreconditionFailed
from app.core.ids import new_secret_id
from app.events.catalogue import EventType
from app.partners.errors import PatchEmpty

_WORDS = ("text", "provider", "evidence_expected")
_AGREED = (*_WORDS, "area", "responsible")
"""What was agreed with the partner, and so stays."""
_HIDDEN = ("plan_id", "owner_id", "sealed", "sealed_version")


async def insert_action(
    session: AsyncSession, keyring: KeyRing, plan: Any, number: int, new: ActionIn
) -> UUID:
    """Store an action of a locked plan; its id. Raises AreaUnfit."""
    if not area_fits(plan.kind, new.area):
        raise AreaUnfit
    action_id = new_secret_id()
    words = new.model_dump(include=set(_WORDS))
    values = new.model_dump(include={"area", "responsible", "due_on", "cost", "currency"})
    sealed = await texts.seal_action(session, keyring, action_id, 1, plan.owner_id, words)
    fixed = {"id": action_id, "plan_id": plan.id, "owner_agency": plan.owner_id, "number": number}
    async with moves.explained():
        await session.execute(
            insert(CapacityPlanAction).values(fixed | values | {"sealed": sealed}).inline()
        )
    return action_id


async def add(
    session: AsyncSession, keyring: KeyRing, caller: Caller, plan_id: UUID, new: ActionIn
) -> dict[str, Any]:
    """Add an action to an own plan that is not closed.

    Raises PlanNotFound, RoleLacksRight, PlanStateUnfit, ActionsFull or AreaUnfit.
    """
    plan = await access.owned(session, caller, plan_id)
    if plan.status not in ("draft", "agreed"):
        raise PlanStateUnfit
    there = await queries.lock_actions(session, plan_id)
    if len(there) >= RULES.most_actions:
        raise ActionsFull
    action_id = await insert_action(session, keyring, plan, len(there) + 1, new)
    await _tell(session, caller, Event.PLAN_ACTION_ADDED, plan, EventType.PLAN_CHANGED, action_id)
    return await _shown(session, keyring, plan_id, action_id)


async def _tell(
    session: AsyncSession,
    caller: Caller,
    event: Event,
    plan: Any,
    kind: EventType,
    action_id: UUID,
    **about: Any,
) -> None:
    said = {"action": str(action_id)} | about
    told = kind if plan.agreed_on is not None else None
    await moves.tell(session, caller, event, plan, told, **said)


async def _shown(
    session: AsyncSession, keyring: KeyRing, plan_id: UUID, action_id: UUID
) -> dict[str, Any]:
    row = (await queries.actions(session, plan_id, action_id))[0]
    facts = {name: value for name, value in row._mapping.items() if name not in _HIDDEN}
    return facts | await texts.open_action(session, keyring, row)


async def _own_action(
    session: AsyncSession, caller: Caller, plan_id: UUID, action_id: UUID
) -> tuple[Any, Any]:
    """An own plan and one action of it, both locked. Raises PlanNotFound or ActionNotFound."""
    plan = await access.owned(session, caller, plan_id)
    found = await queries.lock_actions(session, plan_id, action_id)
    if not found:
        raise ActionNotFound
    return plan, found[0]


async def change(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    plan_id: UUID,
    action_id: UUID,
    version: int,
    patch: ActionPatch,
) -> dict[str, Any]:
    """Apply a merge patch to version ``version`` of an action of an own plan.

    Raises PlanNotFound, ActionNotFound, RoleLacksRight, PatchEmpty, PreconditionFailed,
    PlanStateUnfit, ActionStateUnfit, ActionTextFixed, AreaUnfit, InvalidRequest, UnderLegalHold, or
    ContentRedacted: what nobody reads is not changed, but dropped and added anew.
    """
    plan, row = await _own_action(session, caller, plan_id, action_id)
    fields = patch.model_dump(exclude_unset=True)
    if not fields:
        raise PatchEmpty
    if row.version != version:
        raise PreconditionFailed
    if row.redacted:
        raise ContentRedacted
    if plan.status not in ("draft", "agreed"):
        raise PlanStateUnfit
    if plan.status != "draft" and fields.keys() & set(_AGREED):
        raise ActionTextFixed
    values = await _changed(session, keyring, plan, row, fields)
    await moves.move_action(session, row, **values)
    changed = sorted(fields)
    kind = EventType.PLAN_CHANGED
    await _tell(session, caller, Event.PLAN_ACTION_CHANGED, plan, kind, action_id, fields=changed)
    return await _shown(session, keyring, plan_id, action_id)


async def _changed(
    session: AsyncSession, keyring: KeyRing, plan: Any, row: Any, fields: dict[str, Any]
) -> dict[str, Any]:
    """Columns after a patch, checked as a whole as a new action is."""
    now = (await queries.actions(session, plan.id, row.id))[0]
    said = await texts.open_action(session, keyring, row)
    before = {name: getattr(now, name) for name in ("area", "responsible", "due_on", "cost")}
    merged = before | {"currency": now.currency} | said | fields
    # ValueError of the model as the body's own: pointers say which field.
    for name in ("area", "text", "responsible", "due_on"):
        if merged[name] is None:
            why = FieldError(pointer=f"/{name}", code="missing", message="cannot be removed")
            raise InvalidRequest(errors=[why])
    if (merged["cost"] is None) != (merged["currency"] is None):
        why = FieldError(pointer="/currency", code="value_error", message="goes with the cost")
        raise InvalidRequest(errors=[why])
    if merged["responsible"] == "provider" and merged["provider"] is None:
        why = FieldError(pointer="/provider", code="missing", message="name the provider")
        raise InvalidRequest(errors=[why])
    if not area_fits(plan.kind, merged["area"]):
        raise AreaUnfit
    values = {name: value for name, value in fields.items() if name not in _WORDS}
    if fields.keys() & set(_WORDS):
        number = row.sealed_version + 1
        values["sealed_version"] = number
        values["sealed"] = await texts.seal_action(
            session, keyring, row.id, number, row.owner_id, merged
        )
    return values


async def report(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    plan_id: UUID,
    action_id: UUID,
    said: ProgressIn | OwnProgressIn,
) -> dict[str, Any]:
    """Report progress: as the owner agency, or as the partner on what is not the agency's to do.

    Raises PlanNotFound, ActionNotFound, RoleLacksRight, PersonRequired (an agency's `done`),
    PlanStateUnfit or ActionStateUnfit.
    """
    if caller.subject == "partner":
        plan, row = await _told_action(session, plan_id, action_id)
    else:
        plan, row = await _own_action(session, caller, plan_id, action_id)
    if plan.status not in ("draft", "agreed", "in_progress"):
        raise PlanStateUnfit
    if plan.status == "draft" and said.status != "dropped":
        raise PlanStateUnfit
    if row.status in ("verified", "dropped") or (row.status == "done" and said.status != "dropped"):
        raise ActionStateUnfit
    values: dict[str, Any] = {"status": said.status}
    if said.status != "dropped" and row.started_at is None:
        values["started_at"] = func.now()
    if said.status == "done":
        person = caller.require_person() if caller.subject == "agency" else None
        values |= {"done_at": func.now(), "done_by": person.id if person else None}
    await moves.move_action(session, row, **values)
    await moves.note_step(
        session,
        keyring,
        caller,
        (plan_id, row.owner_id),
        "progress" if said.status == "in_progress" else said.status,
        action=action_id,
        note=said.note,
        evidence=said.evidence,
    )
    event, kind = Event.PLAN_ACTION_REPORTED, EventType.PLAN_PROGRESSED
    await _tell(session, caller, event, plan, kind, action_id, status=said.status)
    return await _shown(session, keyring, plan_id, action_id)


async def _told_action(session: AsyncSession, plan_id: UUID, action_id: UUID) -> tuple[Any, Any]:
    """A plan of the calling partner and one action of it, which is locked.

    Raises PlanNotFound, ActionNotFound, or ActionStateUnfit for one that the agency does.
    """
    plan = await queries.read_plan(session, plan_id, holder=True)
    if plan is None:
        raise PlanNotFound
    found = await queries.lock_actions(session, plan_id, action_id)
    if not found:
        if await queries.actions(session, plan_id, action_id):
            raise ActionStateUnfit
        raise ActionNotFound
    return plan, found[0]


async def verify(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    plan_id: UUID,
    action_id: UUID,
    seen: VerificationIn,
) -> dict[str, Any]:
    """A person of the owner verifies what was reported as done by another, or sends it back.

    Raises PlanNotFound, ActionNotFound, RoleLacksRight, PersonRequired, PlanStateUnfit,
    ActionStateUnfit or SecondPersonRequired.
    """
    person = caller.require_person()
    plan, row = await _own_action(session, caller, plan_id, action_id)
    if plan.status != "agreed":
        raise PlanStateUnfit
    if row.status != "done":
        raise ActionStateUnfit
    if seen.outcome == "verified":
        if row.done_by == person.id:
            raise SecondPersonRequired
        values = {"status": "verified", "verified_at": func.now(), "verified_by": person.id}
    else:
        values = {"status": "in_progress", "done_at": None, "done_by": None}
    await moves.move_action(session, row, **values)
    await moves.note_step(
        session,
        keyring,
        caller,
        (plan_id, row.owner_id),
        seen.outcome,
        action=action_id,
        note=seen.note,
    )
    event, kind = Event.PLAN_ACTION_VERIFIED, EventType.PLAN_PROGRESSED
    await _tell(session, caller, event, plan, kind, action_id, status=seen.outcome)
    return await _shown(session, keyring, plan_id, action_id)
