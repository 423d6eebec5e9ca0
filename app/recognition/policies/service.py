"""Use cases of policies: one person proposes, another decides. Works inside the caller's
transaction.
"""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies import service as agencies
from app.agencies.models import Agency
from app.audit import service as audit
from app.audit.events import Event
from app.auth import policy as rights
from app.auth.caller import Caller
from app.auth.errors import RoleLacksRight
from app.core.clock import utc_now
from app.core.errors import violated_constraint
from app.core.http import PreconditionFailed
from app.core.ids import new_id
from app.events.catalogue import EventType
from app.events.service import publish
from app.recognition.policies import checking, comparing, queries
from app.recognition.policies.errors import (
    PolicyDecided,
    PolicyNotFound,
    PolicyPast,
    PolicyRace,
    SamePerson,
)
from app.recognition.policies.models import RecognitionPolicy
from app.recognition.policies.schemas import ComparisonFilter, PolicyDecisionIn, PolicyIn
from app.recognition.requirements import ALL
from app.recognition.rules import DEFAULTS, GROUPS

_KIND = "MRPOL"
_NUMBERED = "uq_recognition_policies_agency_id_requirement_version"
_OWN_ONLY = ("proposed_by", "decided_by", "reason")


async def ensure_default_policies(session: AsyncSession, agency_id: UUID) -> list[str]:
    """Give an agency the shipped policies where it has none of its own for a requirement; which
    ones it was given. Works as the operator.
    """
    code = await session.scalar(select(Agency.code).where(Agency.id == agency_id))
    given = []
    for shipped in DEFAULTS.of(code):
        ALL[shipped.requirement].parse(shipped.rules)
        version = await queries.last_version(session, agency_id, shipped.requirement)
        if version:
            continue
        await session.execute(
            insert(RecognitionPolicy)
            .values(
                id=new_id(),
                agency_id=agency_id,
                requirement=shipped.requirement,
                version=1,
                rules=[dict(rule) for rule in shipped.rules],
                source=shipped.source,
                note=shipped.note,
                effective_from=DEFAULTS.effective_from,
                state="approved",
                decided_at=utc_now(),
            )
            .on_conflict_do_nothing()
        )
        given.append(shipped.requirement)
    return given


def wire(row: Any, caller: Caller) -> dict[str, Any]:
    """A row as PolicyOut needs it: persons and reasons are for their own agency."""
    shown = {name: getattr(row, name) for name in _SHOWN}
    own = row.agency_id == caller.agency_id
    return shown if own else shown | dict.fromkeys(_OWN_ONLY)


_SHOWN = (
    *("id", "agency", "requirement", "version", "state", "rules", "source", "note"),
    *("effective_from", "effective_to", "proposed_by", "decided_by", "decided_at", "reason"),
)


async def get_policy(session: AsyncSession, policy_id: UUID) -> Any:
    """One that the caller's agency may see. Raises PolicyNotFound."""
    row = await queries.find_policy(session, policy_id)
    if row is None:
        raise PolicyNotFound
    return row


async def check(session: AsyncSession, requirement: str, rules: list[Any]) -> tuple[Any, ...]:
    """The rules, read. Raises PolicyInvalid."""
    codes = await agencies.active_by_code(session)
    return checking.read(requirement, rules, codes.keys())


async def propose(session: AsyncSession, caller: Caller, new: PolicyIn) -> Any:
    """The next version of the own policy; it holds when a second person approves it.

    Raises PersonRequired, RoleLacksRight, PolicyInvalid or PolicyRace.
    """
    person = caller.require_person()
    _require(caller, "create")
    await check(session, new.requirement, new.rules)
    version = await queries.last_version(session, caller.agency_id, new.requirement) + 1
    policy_id = new_id()
    values = new.model_dump() | {
        "id": policy_id,
        "agency_id": caller.agency_id,
        "version": version,
        "proposed_by": person.id,
    }
    try:
        async with session.begin_nested():
            await session.execute(insert(RecognitionPolicy).values(values).inline())
    except IntegrityError as error:
        if violated_constraint(error) != _NUMBERED:
            raise
        raise PolicyRace from error
    await _note(session, caller, Event.POLICY_PROPOSED, policy_id, new.requirement, version)
    return await get_policy(session, policy_id)


async def decide(
    session: AsyncSession,
    caller: Caller,
    policy_id: UUID,
    version: int,
    said: PolicyDecisionIn,
    today: date,
) -> Any:
    """A second person approves or refuses. What is approved is what was proposed.

    Raises PersonRequired, RoleLacksRight, PolicyNotFound, PreconditionFailed, PolicyDecided,
    SamePerson or PolicyPast.
    """
    person = caller.require_person()
    _require(caller, "approve")
    row = await _open(session, caller, policy_id, version)
    if row.proposed_by == person.id:
        raise SamePerson
    approved = said.decision == "approve"
    if approved and row.effective_to is not None and row.effective_to < today:
        raise PolicyPast
    row.state = "approved" if approved else "refused"
    row.decided_by, row.reason = person.id, said.reason
    row.row_version += 1
    await session.flush()
    event = Event.POLICY_APPROVED if approved else Event.POLICY_REFUSED
    await _note(session, caller, event, policy_id, row.requirement, row.version)
    if approved:
        told = {"requirement": row.requirement, "version": row.version}
        await publish(session, EventType.POLICY_APPROVED, policy_id, caller.agency_id, **told)
    return await get_policy(session, policy_id)


async def withdraw(session: AsyncSession, caller: Caller, policy_id: UUID) -> None:
    """Take back an own proposal that waits. Raises as `decide`."""
    person = caller.require_person()
    _require(caller, "create")
    row = await _open(session, caller, policy_id, None)
    row.state, row.decided_by = "withdrawn", person.id
    row.row_version += 1
    await session.flush()
    await _note(session, caller, Event.POLICY_WITHDRAWN, policy_id, row.requirement, row.version)


async def _open(
    session: AsyncSession, caller: Caller, policy_id: UUID, version: int | None
) -> RecognitionPolicy:
    row: RecognitionPolicy | None = await queries.lock_policy(session, policy_id, caller.agency_id)
    if row is None:
        # Locked is what may still change; whoever may see it is told that it may not.
        found = await queries.find_policy(session, policy_id)
        if found is None or found.agency_id != caller.agency_id:
            raise PolicyNotFound
        raise PolicyDecided
    if version is not None and row.row_version != version:
        raise PreconditionFailed
    if row.state != "proposed":
        raise PolicyDecided
    return row


def _require(caller: Caller, act: Any) -> None:
    if not rights.has_right(caller, act, _KIND):
        raise RoleLacksRight


async def _note(
    session: AsyncSession,
    caller: Caller,
    event: Event,
    policy_id: UUID,
    requirement: str,
    version: int,
) -> None:
    subject = audit.Subject(policy_id, caller.agency_id)
    await audit.record(session, caller, event, subject, requirement=requirement, version=version)


def catalogue() -> dict[str, Any]:
    """What policies may say, as CatalogueOut needs it."""
    return {
        "requirements": [
            {
                "code": kind.code,
                "title": kind.title,
                "needed": kind.needed,
                "one_rule": kind.one_rule,
                "rule_schema": kind.rule.model_json_schema(),
            }
            for kind in ALL.values()
        ],
        "groups": [{"code": code, **group.model_dump()} for code, group in GROUPS.groups.items()],
        "groups_version": GROUPS.version,
    }


async def compare(session: AsyncSession, wanted: ComparisonFilter, today: date) -> dict[str, Any]:
    """Two agencies' policies of a day, as ComparisonOut needs it. Raises AgencyUnknown."""
    day = wanted.on or today
    sides = []
    for code in (wanted.left, wanted.right):
        await agencies.recipient(session, code)
        sides.append(await queries.in_force(session, code, day, wanted.requirement))
    left, right = sides
    asked = [wanted.requirement] if wanted.requirement else list(ALL)
    items = [_compared(code, left.get(code), right.get(code)) for code in asked]
    return {"left": wanted.left, "right": wanted.right, "on": day, "items": items}


def _compared(requirement: str, left: Any, right: Any) -> dict[str, Any]:
    one, other = (
        None if row is None else comparing.whole(requirement, row.rules) for row in (left, right)
    )
    found = list(comparing.differences(one, other))
    return {
        "requirement": requirement,
        "left_version": left.version if left else None,
        "right_version": right.version if right else None,
        "same": not found,
        "differences": found,
    }
