"""What an agency decided after a clearance. The registry informs; a person decides, and says so."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import insert, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.auth.caller import Caller, Person
from app.core.clock import add_months, utc_now
from app.core.crypto import KeyRing
from app.core.errors import violated_constraint
from app.core.http import PreconditionFailed
from app.core.ids import new_id
from app.partners.lineage import root, root_of
from app.recognition import service as clearances
from app.recognition import standing
from app.recognition.decisions.errors import (
    AlreadyDecided,
    ClearanceExpired,
    NotDecided,
    RequirementNotMet,
    SecurityCouncilNotWaived,
    WaiverCompleted,
    WaiverNotAllowed,
    WaiverNotFound,
)
from app.recognition.decisions.models import ClearanceDecision, ClearanceWaiver
from app.recognition.decisions.schemas import DecisionIn, WaiverFilter
from app.recognition.evidence import context
from app.recognition.schemas import ClearanceIn

MONTHS = 6
"""A waiver lasts no longer; the database says so, too."""
_SECURITY_COUNCIL = ("SANCTIONED_EXTERNAL", "unsc")

_DECISION = text(
    """SELECT clearance_id, decision, reason, level, agreement_reference, outcome_then, office,
      role, decided_at FROM clearance_decisions WHERE clearance_id = :id"""
)
_COLUMNS = """w.id, w.clearance_id, w.requirement, w.reason, w.office, w.given_on, w.complete_by,
    w.completed_on, w.completed_with, w.version,
    w.completed_on IS NULL AND w.complete_by < current_date AS overdue"""
_WAIVERS = text(
    f"SELECT {_COLUMNS} FROM clearance_waivers w WHERE w.clearance_id = :id ORDER BY w.requirement"  # noqa: S608 - texts of ours
)
_STATES = {
    "open": "w.completed_on IS NULL",
    "overdue": "w.completed_on IS NULL AND w.complete_by < current_date",
    "completed": "w.completed_on IS NOT NULL",
}
_ONE = text(f"SELECT {_COLUMNS} FROM clearance_waivers w WHERE w.id = :id")  # noqa: S608 - texts of ours
# Locked: a completed one is not to be changed, and row security shows none of those here.
_OPEN = text(
    f"""SELECT {_COLUMNS}, c.partner_id, c.evaluated_at,
      {root("c.partner_id")} AS partner FROM clearance_waivers w
    JOIN clearances c ON c.id = w.clearance_id WHERE w.id = :id FOR NO KEY UPDATE OF w"""  # noqa: S608 - texts of ours
)
_COMPLETE = text(
    """UPDATE clearance_waivers SET completed_on = current_date, completed_by = :person,
      completed_with = :clearance, version = version + 1 WHERE id = :id"""
)
_COUNTS = text(
    """SELECT w.office, w.reason, w.requirement, count(*) AS given,
      count(*) FILTER (WHERE w.completed_on IS NULL) AS open,
      count(*) FILTER (WHERE w.completed_on IS NULL AND w.complete_by < current_date) AS overdue,
      count(w.completed_on) AS completed
    FROM clearance_waivers w GROUP BY w.office, w.reason, w.requirement ORDER BY 1, 2, 3"""
)

_DECISIONS = text(
    """SELECT d.office, d.decision, d.reason, d.outcome_then, count(*) AS decisions
    FROM clearance_decisions d GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"""
)


async def decide(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    clearance_id: UUID,
    version: int,
    wanted: DecisionIn,
) -> dict[str, Any]:
    """Record the decision on an own open clearance, by the status that the person read.

    Raises PersonRequired, ClearanceNotFound, ContentsErased, PreconditionFailed, ClearanceExpired,
    AlreadyDecided, SecurityCouncilNotWaived or WaiverNotAllowed.
    """
    person = caller.require_person()
    row, body = await clearances.read_clearance(session, keys, caller, clearance_id)
    now = await standing.status_of(session, row)
    if await find(session, clearance_id) is not None:
        raise AlreadyDecided
    if now["status"] == "expired":
        raise ClearanceExpired
    if now["version"] != version:
        raise PreconditionFailed
    answer = json.loads(body)
    if wanted.decision != "not_signed":
        said = [*answer["reasons"], *now["causes"]]
        if _SECURITY_COUNCIL in {(one["code"], one["source"]) for one in said}:
            raise SecurityCouncilNotWaived
    if wanted.waivers:
        bound = context("request", clearance_id, caller.agency_id)
        asked = await keys.open(session, bound, row.sealed_request)
        _check_waivers(wanted, answer, now, ClearanceIn.model_validate_json(asked))
    await _store(session, caller, person, row, now, wanted)
    found = await find(session, clearance_id)
    assert found is not None
    return found


def _check_waivers(
    wanted: DecisionIn, answer: dict[str, Any], now: dict[str, Any], asked: ClearanceIn
) -> None:
    """Raises WaiverNotAllowed unless the policy lets sign with conditions in this emergency, and
    each waiver is of a requirement that it lets be met later, by the day that the answer names.
    """
    allowed = asked.context == "emergency" and now["outcome_now"] == "CLEAR_WITH_CONDITIONS"
    later = {line["requirement"]: line.get("complete_by") for line in answer["recognition"]}
    today = utc_now().date()
    for one in wanted.waivers:
        named = later.get(one.requirement)
        last = min(date.fromisoformat(named), add_months(today, MONTHS)) if named else None
        if last is None or not today <= one.complete_by <= last:
            allowed = False
    if not allowed:
        raise WaiverNotAllowed


async def _store(
    session: AsyncSession,
    caller: Caller,
    person: Person,
    row: Any,
    now: dict[str, Any],
    wanted: DecisionIn,
) -> None:
    said = wanted.model_dump(exclude={"waivers"})
    about = {"agency_id": caller.agency_id, "clearance_id": row.id}
    by = {"decided_by": person.id, "office": person.office, "role": person.role}
    try:
        async with session.begin_nested():
            await session.execute(
                insert(ClearanceDecision).values(
                    **about, **said, **by, outcome_then=now["outcome_now"]
                )
            )
    except IntegrityError as error:
        if violated_constraint(error) != "pk_clearance_decisions":
            raise
        raise AlreadyDecided from None
    if wanted.waivers:
        await session.execute(
            insert(ClearanceWaiver),
            [
                {
                    "id": new_id(),
                    **about,
                    "requirement": one.requirement,
                    "reason": wanted.reason,
                    "office": person.office,
                    "complete_by": one.complete_by,
                }
                for one in wanted.waivers
            ],
        )
    await audit.record(
        session,
        caller,
        Event.CLEARANCE_DECIDED,
        audit.Subject(row.id, caller.agency_id, row.partner_id),
        decision=wanted.decision,
        reason=wanted.reason,
        level=wanted.level,
        waived=[one.requirement for one in wanted.waivers],
    )


async def get(session: AsyncSession, caller: Caller, clearance_id: UUID) -> dict[str, Any]:
    """As `find`. Raises ClearanceNotFound or NotDecided."""
    await clearances.find_clearance(session, caller, clearance_id)
    found = await find(session, clearance_id)
    if found is None:
        raise NotDecided
    return found


async def find(session: AsyncSession, clearance_id: UUID) -> dict[str, Any] | None:
    """The decision on an own clearance with its waivers, if there is one."""
    row = (await session.execute(_DECISION, {"id": clearance_id})).one_or_none()
    if row is None:
        return None
    waivers = (await session.execute(_WAIVERS, {"id": clearance_id})).all()
    return {**row._mapping, "waivers": [dict(one._mapping) for one in waivers]}


async def complete(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    waiver_id: UUID,
    version: int,
    later: UUID,
) -> dict[str, Any]:
    """Record that a waived requirement is met, as a later own clearance of the partner shows.

    Raises PersonRequired, WaiverNotFound, WaiverCompleted, PreconditionFailed, ClearanceNotFound,
    ContentsErased or RequirementNotMet.
    """
    person = caller.require_person()
    row = (await session.execute(_OPEN, {"id": waiver_id})).one_or_none()
    if row is None:
        done = (await session.execute(_ONE, {"id": waiver_id})).one_or_none()
        raise WaiverNotFound if done is None else WaiverCompleted
    if row.version != version:
        raise PreconditionFailed
    shown, body = await clearances.read_clearance(session, keys, caller, later)
    met = {
        line["requirement"]
        for line in json.loads(body)["recognition"]
        if line["satisfied"] and line["by"] is not None
    }
    # What had been met before it was waived proves nothing.
    of_it = shown.partner_id is not None and await root_of(session, shown.partner_id) == row.partner
    later_one = of_it and shown.evaluated_at > row.evaluated_at
    if not later_one or row.requirement not in met:
        raise RequirementNotMet
    values = {"id": waiver_id, "person": person.id, "clearance": later}
    await session.execute(_COMPLETE, values)
    subject = audit.Subject(row.clearance_id, caller.agency_id, row.partner_id)
    about = {"requirement": row.requirement, "clearance": str(later)}
    await audit.record(session, caller, Event.WAIVER_COMPLETED, subject, **about)
    found = (await session.execute(_ONE, {"id": waiver_id})).one()
    return dict(found._mapping)


async def list_waivers(
    session: AsyncSession, filters: WaiverFilter, after: UUID | None, limit: int
) -> Sequence[Any]:
    """The own agency's waivers, newest first."""
    clauses = ["true"]
    values: dict[str, Any] = {"limit": limit}
    if filters.state is not None:
        clauses.append(_STATES[filters.state])
    if filters.requirement is not None:
        clauses.append("w.requirement = :requirement")
        values["requirement"] = filters.requirement
    if after is not None:
        clauses.append("w.id < :after")
        values["after"] = after
    sql = (
        f"SELECT {_COLUMNS} FROM clearance_waivers w WHERE {' AND '.join(clauses)} "  # noqa: S608 - texts of ours; values are bound
        "ORDER BY w.id DESC LIMIT :limit"
    )
    return (await session.execute(text(sql), values)).all()


async def counts(session: AsyncSession) -> list[dict[str, Any]]:
    """The own agency's waivers by office, reason and requirement."""
    return [dict(row._mapping) for row in (await session.execute(_COUNTS)).all()]


async def decision_counts(session: AsyncSession) -> list[dict[str, Any]]:
    """The own agency's decisions by office, reason, and the outcome that they were made on."""
    return [dict(row._mapping) for row in (await session.execute(_DECISIONS)).all()]
