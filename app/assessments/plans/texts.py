"""Sealed words of plans: actions and notes, their contexts, and how a reader gets them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments.plans import queries
from app.assessments.plans.access import Stated, readable, resource_of, wire
from app.audit import service as audit
from app.audit.events import Event
from app.audit.purposes import OWN_RECORD
from app.auth import policy
from app.auth.caller import Caller
from app.core.crypto import KeyRing, agency_scope, partner_scope

_TEXTS = ("text", "provider", "evidence_expected")
NOTHING = Stated(None, None)
"""What the partner states: it reads its own plan."""
_SEALED = ("plan_id", "owner_id", "sealed", "sealed_version")


def action_context(action_id: UUID, version: int, owner: UUID) -> str:
    """Encryption context of an action's words, as of one version of them."""
    return f"capacity_plan_actions|{action_id}|{version}|{owner}"


def step_context(step_id: UUID, owner: UUID) -> str:
    """Encryption context of the words of a step."""
    return f"capacity_plan_steps|{step_id}|{owner}"


async def seal_action(
    session: AsyncSession,
    keyring: KeyRing,
    action_id: UUID,
    version: int,
    owner: UUID,
    words: dict[str, Any],
) -> bytes:
    """The words of an action, sealed for the plan's owner; other fields are left out."""
    plain = to_json({name: words.get(name) for name in _TEXTS})
    context = action_context(action_id, version, owner)
    return await keyring.seal(session, agency_scope(owner), context, plain)


async def open_action(session: AsyncSession, keyring: KeyRing, row: Any) -> dict[str, Any]:
    """The words of a row of `queries.actions` or `queries.lock_actions`; none if redacted."""
    if row.redacted:
        return dict.fromkeys(_TEXTS)
    context = action_context(row.id, row.sealed_version, row.owner_id)
    opened: dict[str, Any] = json.loads(await keyring.open(session, context, row.sealed))
    return opened


async def seal_note(
    session: AsyncSession,
    keyring: KeyRing,
    step_id: UUID,
    owner: UUID,
    caller: Caller,
    words: dict[str, Any],
) -> bytes:
    """The note of a step, sealed for its author's side."""
    scope = partner_scope() if caller.subject == "partner" else agency_scope(owner)
    return await keyring.seal(session, scope, step_context(step_id, owner), to_json(words))


async def read_detail(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    plan_id: UUID,
    purpose_headers: Sequence[str],
) -> dict[str, Any]:
    """The plan with its actions, with the reading in the log of the same transaction.

    Raises PlanNotFound, then PurposeRequired: a purpose is asked only of a caller who may know
    that there is something to read.
    """
    row, stated = await _opened(session, caller, plan_id, purpose_headers)
    await log_reading(session, caller, row, stated, "detail")
    return await detail(session, keyring, row)


async def detail(session: AsyncSession, keyring: KeyRing, row: Any) -> dict[str, Any]:
    """A row of the list with its actions opened; whoever calls has logged it."""
    items: list[dict[str, Any]] = []
    costs: dict[str, Decimal] = {}
    for action in await queries.actions(session, row.id):
        facts = {name: x for name, x in action._mapping.items() if name not in _SEALED}
        items.append(facts | await open_action(session, keyring, action))
        if action.cost is not None and action.status != "dropped":
            costs[action.currency] = costs.get(action.currency, Decimal(0)) + action.cost
    summed = [{"currency": code, "amount": costs[code]} for code in sorted(costs)]
    return wire(row) | {"costs": summed, "items": items}


async def read_steps(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    plan_id: UUID,
    purpose_headers: Sequence[str],
    after: queries.After,
    limit: int,
) -> list[Any]:
    """One row more than a page of the steps, newest first; the reading is logged.

    Raises as `read_detail`.
    """
    row, stated = await _opened(session, caller, plan_id, purpose_headers)
    await log_reading(session, caller, row, stated, "steps")
    return list(await queries.steps(session, plan_id, after, limit + 1))


async def open_steps(
    session: AsyncSession, keyring: KeyRing, rows: Sequence[Any]
) -> list[dict[str, Any]]:
    """Rows of `read_steps` as StepOut needs them."""
    found = []
    for row in rows:
        words: dict[str, Any] = {}
        if row.sealed_note is not None and not row.redacted:
            context = step_context(row.id, row.owner_id)
            words = json.loads(await keyring.open(session, context, row.sealed_note))
        names = ("id", "step", "action_id", "by", "office", "redacted")
        facts = {name: getattr(row, name) for name in names}
        words = {"note": words.get("note"), "evidence": words.get("evidence")}
        found.append(facts | {"at": row.at} | words)
    return found


async def _opened(
    session: AsyncSession, caller: Caller, plan_id: UUID, headers: Sequence[str]
) -> tuple[Any, Stated]:
    row = await readable(session, caller, plan_id)
    return row, Stated.of(caller, row, headers)


async def log_reading(
    session: AsyncSession, caller: Caller, row: Any, stated: Stated, part: str
) -> None:
    """Write a reading of a plan's contents to the log, before they leave."""
    own = row.owner_id == caller.agency_id
    basis = (
        "self"
        if caller.subject == "partner"
        else policy.can(caller, "read", resource_of(row), stated.purpose).basis
    )
    await audit.record(
        session,
        caller,
        Event.PLAN_READ,
        audit.Subject(row.id, row.owner_id, row.partner_id),
        purpose=OWN_RECORD if own else stated.purpose,
        reference=stated.reference,
        basis=basis,
        version=row.version,
        part=part,
    )
