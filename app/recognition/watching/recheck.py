"""An open clearance is decided again when what it rests on changed, and its status moves.

The worker asks as the agency would ask now: in a transaction bound to it and in the API's role, so
that row security lets through what it lets an answer through, and nothing else. Evidence that was
visible then and stands, but that the agency may no longer see, counts on: a revoked share worsens
nothing.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import structlog
from pydantic_core import to_json

from app.audit.events import Event
from app.auth.caller import VerifiedToken, caller_of
from app.auth.scopes import Scope
from app.core.clock import rfc3339, utc_now
from app.core.crypto import KeyRing
from app.core.db import Database
from app.core.ids import new_id
from app.core.roles import APP
from app.events.catalogue import EventType
from app.recognition.clearing import facts_again, find_again
from app.recognition.decide import SEVERITY, Facts, Verdict, codes_of, decide
from app.recognition.evidence import context, facts_from
from app.recognition.moments import PASSING, first_moment
from app.recognition.rests_on import STALE_SOURCE, TIME
from app.recognition.schemas import ClearanceIn
from app.recognition.watching.clock import HELD_SQL
from app.sanctions.lists.freshness import REQUIRED
from app.sanctions.screening.service import Screener

log = structlog.get_logger()
TURN = 20

_TAKE = """SELECT r.clearance_id, r.agency_id, r.changed_at, r.unshared
  FROM clearance_rechecks r WHERE r.due_at <= clock_timestamp()
  ORDER BY r.bulk, r.due_at, r.clearance_id LIMIT $1"""
_LOCK = """SELECT r.changed_at, r.unshared FROM clearance_rechecks r WHERE r.clearance_id = $1
  FOR UPDATE SKIP LOCKED"""
_DONE = "DELETE FROM clearance_rechecks WHERE clearance_id = $1"
_FAILED = """UPDATE clearance_rechecks SET failures = failures + 1, due_at = clock_timestamp()
    + least(interval '1 hour', interval '1 second' * 2 ^ least(failures, 12))
  WHERE clearance_id = $1"""
_STANDING = """SELECT a.id::text FROM assessments a WHERE a.id = ANY ($1::uuid[])
  AND a.status = 'final'"""
_CLEARANCE = """SELECT c.client_id, c.partner_id, c.outcome, c.evaluated_at, c.expires_at,
    c.sealed_request, c.sealed_answer, c.sealed_inputs, n.version, n.status,
    n.outcome AS outcome_now, n.causes::text AS causes, n.notes::text AS notes
  FROM clearances c LEFT JOIN LATERAL (SELECT version, status, outcome, causes, notes
    FROM clearance_changes WHERE clearance_id = c.id ORDER BY version DESC LIMIT 1) n ON true
  WHERE c.id = $1"""
# A name is compared with lists that are numbered to the end, as in the re-screening.
_LATER = """UPDATE clearance_rechecks SET due_at = clock_timestamp() + interval '0.5 seconds'
  WHERE clearance_id = $1 AND EXISTS (SELECT FROM feed_pending)
    AND EXISTS (SELECT FROM clearances WHERE id = $1 AND partner_id IS NULL) RETURNING 1"""
# Its own client first; where that is gone, another of the agency that may ask.
_CLIENT = """SELECT s.client_id, s.scopes FROM client_status s WHERE s.agency_id = $1
    AND 'clearance:run' = ANY (s.scopes)
  ORDER BY s.client_id <> $2, s.max_level <> 'AGENCY_ONLY', s.client_id LIMIT 1"""
_WAIT_FOR = """INSERT INTO clearance_dependencies (clearance_id, agency_id, until, kind, ref)
  SELECT $1, $2, $3, w.kind, w.ref FROM unnest($4::text[], $5::text[]) AS w (kind, ref)
  ON CONFLICT DO NOTHING"""
_CHANGE = """WITH changed AS (
    INSERT INTO clearance_changes (id, clearance_id, agency_id, version, status, outcome, causes,
      notes, at) VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, $8::jsonb, $9)),
  published AS (
    INSERT INTO outbox (id, type, agency_id, subject_id, data)
    SELECT $10, $11, $3, $2, $12::jsonb WHERE $12 IS NOT NULL)
  INSERT INTO audit_events (id, event, owner_agency, subject_id, partner_id, detail)
  VALUES ($13, $14, $3, $2, $15, $16::jsonb)"""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a clearance stands: against the answer that was given."""

    status: str
    outcome: str
    causes: tuple[tuple[str, str], ...]


def compare(given: Mapping[str, Any], now: Verdict) -> Standing:
    """An answer and the decision of now: worse where the outcome is, or where reasons came that
    mean something alone; better where it is, or where only some went. Pure.
    """
    before, after = _weighty(given["reasons"]), _weighty(now.reasons)
    came, went = tuple(sorted(after - before)), tuple(sorted(before - after))
    step = SEVERITY[now.outcome] - SEVERITY[given["outcome"]]
    if step > 0 or (step == 0 and came):
        return Standing("worsened", now.outcome, came or tuple(sorted(after)))
    if step < 0 or went:
        return Standing("improved", now.outcome, went)
    return Standing("open", now.outcome, ())


def _weighty(reasons: Sequence[Mapping[str, Any]]) -> set[tuple[str, str]]:
    return {
        (str(reason["code"]), str(reason["source"]))
        for reason in reasons
        if SEVERITY[reason["detail"].get("alone", "CLEAR")] > 0
    }


def kept(then: Facts, now: Facts, standing: set[str]) -> Facts:
    """The facts of now, with assessments of then that stand and can only no longer be seen."""
    seen = {str(item["id"]) for item in (*now.assessments, *now.headquarters)}

    def hidden(items: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        return [one for one in items if str(one["id"]) in standing - seen]

    return replace(
        now,
        assessments=[*now.assessments, *hidden(then.assessments)],
        headquarters=[*now.headquarters, *hidden(then.headquarters)],
    )


def stale_now(given: Mapping[str, Any], now: Facts, held: Collection[str]) -> list[str]:
    """What makes the answer stale: also lists of which an issue is held back, as far as it counts
    for this agency. What is only being worked off worsens nothing that was asked before.
    """
    listed = given["list"]
    counted = {*REQUIRED, *(one["code"] for one in listed["own_lists"])}
    passing = PASSING - {*listed["stale_sources"]}
    return sorted(({*now.stale_sources} - passing) | (counted & {*held}))


async def work_off(database: Database, keys: KeyRing, screener: Screener) -> int:
    """Some clearances of the list; how many there were. What fails is tried again later."""
    async with database.connection() as connection:
        tasks = await connection.fetch(_TAKE, TURN)
    for task in tasks:
        one = UUID(str(task["clearance_id"]))
        try:
            await _recheck(database, keys, screener, one, UUID(str(task["agency_id"])))
        except Exception as error:  # noqa: BLE001 - one clearance's trouble holds up no other
            log.warning("recheck_failed", clearance=str(one), kind=type(error).__name__)
            async with database.connection() as connection:
                await connection.execute(_FAILED, one)
    return len(tasks)


async def _recheck(
    database: Database, keys: KeyRing, screener: Screener, one: UUID, agency: UUID
) -> None:
    async with database.fast_write(agency) as connection:
        task = await connection.fetchrow(_LOCK, one)
        if task is None:
            return
        if await connection.fetchval(_LATER, one):
            return
        held = [row["source"] for row in await connection.fetch(HELD_SQL)]
        await connection.execute(_DONE, one)
        await connection.execute(f"SET LOCAL ROLE {APP}")
        row = await connection.fetchrow(_CLEARANCE, one)
        now = utc_now()
        if row is None or row["sealed_inputs"] is None or row["expires_at"] <= now:
            return
        given = json.loads(await _open(connection, keys, row, "answer", one, agency))
        then = facts_from(await _open(connection, keys, row, "inputs", one, agency))
        wanted = ClearanceIn.model_validate_json(
            await _open(connection, keys, row, "request", one, agency)
        )
        facts = await _facts_now(connection, keys, screener, row, wanted, one, agency, now)
        # From here on as the worker again: what stands, whoever may see it, and what is written.
        await connection.execute("SET LOCAL ROLE NONE")
        facts = replace(facts, stale_sources=stale_now(given, facts, held))
        facts = kept(then, facts, await _final(connection, then))
        notes = _notes(row, then, task["unshared"])
        await _move(connection, row, (one, agency), compare(given, decide(facts)), notes, task)
        waits = _waits(row, facts, now)
        if waits:
            await connection.execute(
                _WAIT_FOR, one, agency, row["expires_at"], *map(list, zip(*waits, strict=True))
            )


def _waits(row: asyncpg.Record, facts: Facts, now: datetime) -> list[tuple[str, str]]:
    """What it rests on from now on, beside what it did: as (kind, ref)."""
    waits = [(STALE_SOURCE, code) for code in facts.stale_sources]
    moment = first_moment(facts, row["evaluated_at"], now)
    if moment is not None:
        waits.append((TIME, rfc3339(moment)))
    if row["partner_id"] is None and facts.partner is not None:
        waits.append(("partner", str(facts.partner["id"])))
    return waits


async def _final(connection: asyncpg.Connection, then: Facts) -> set[str]:
    ids = [UUID(str(item["id"])) for item in (*then.assessments, *then.headquarters)]
    return {row["id"] for row in await connection.fetch(_STANDING, ids)}


async def _open(
    connection: asyncpg.Connection,
    keys: KeyRing,
    row: asyncpg.Record,
    name: str,
    one: UUID,
    agency: UUID,
) -> bytes:
    return await keys.open(connection, context(name, one, agency), row[f"sealed_{name}"])


async def _facts_now(
    connection: asyncpg.Connection,
    keys: KeyRing,
    screener: Screener,
    row: asyncpg.Record,
    wanted: ClearanceIn,
    one: UUID,
    agency: UUID,
    now: datetime,
) -> Facts:
    client = await connection.fetchrow(_CLIENT, agency, row["client_id"])
    named, scopes = (client["client_id"], client["scopes"]) if client else ("", ())
    token = VerifiedToken(named, frozenset(scopes), 0.0)
    found = await find_again(connection, token, agency, wanted, row["partner_id"])
    caller = caller_of(token, found.row, Scope.CLEARANCE_RUN)
    return await facts_again(connection, screener, caller, wanted, found, now)


def _notes(row: asyncpg.Record, then: Facts, unshared: Sequence[str]) -> list[dict[str, Any]]:
    """What the agency may no longer see in full, once each."""
    seen = {str(item["id"]) for item in (*then.assessments, *then.headquarters)}
    before = json.loads(row["notes"]) if row["notes"] else []
    named = {item["id"] for item in before}
    new = sorted(set(unshared) & seen - named)
    return [*before, *({"kind": "assessment", "id": one, "what": "not_viewable"} for one in new)]


async def _move(
    connection: asyncpg.Connection,
    row: asyncpg.Record,
    ids: tuple[UUID, UUID],
    now: Standing,
    notes: list[dict[str, Any]],
    task: asyncpg.Record,
) -> None:
    """Store where it stands now, if that is elsewhere; the agency is told when its status moved."""
    before = Standing(
        row["status"] or "open",
        row["outcome_now"] or row["outcome"],
        tuple((one["code"], one["source"]) for one in json.loads(row["causes"] or "[]")),
    )
    if before == now and notes == json.loads(row["notes"] or "[]"):
        return
    at = task["changed_at"]
    causes = [{"code": code, "source": by, "at": rfc3339(at)} for code, by in now.causes]
    told = {"status": now.status, "outcome": now.outcome, "outcome_given": row["outcome"]}
    event = None if before == now else to_json(told | {"reasons": codes_of(causes)}).decode()
    version = (row["version"] or 1) + 1
    await connection.execute(
        _CHANGE,
        new_id(),
        *ids,
        version,
        now.status,
        now.outcome,
        to_json(causes).decode(),
        to_json(notes).decode(),
        at,
        new_id(),
        EventType.CLEARANCE_CHANGED.value,
        event,
        new_id(),
        Event.CLEARANCE_CHANGED.value,
        row["partner_id"],
        to_json(told | {"version": version}).decode(),
    )
