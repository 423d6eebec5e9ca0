"""Rules tried on clearances that were given: what would be answered otherwise.

Each is asked again with the facts of now, once by the policies in force and once by the rules to
try. Nothing is stored but that it was done.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.auth.caller import Caller
from app.core.crypto import KeyRing
from app.core.http import parse_json
from app.partners.visibility import sees_protected
from app.recognition.asking import protected
from app.recognition.decide import Policy, Verdict, codes_of, decide
from app.recognition.evidence import context
from app.recognition.matches import joined
from app.recognition.policies import memory, service
from app.recognition.policies.schemas import DryRunIn
from app.recognition.reading import facts_of
from app.recognition.schemas import ClearanceIn
from app.recognition.snapshot import Question, read

_DAYS = 90
_AT_ONCE = 20
"""Partners that are read by one statement."""
_TRIED = "to-be-tried"
# The newest for each partner and purpose would hide how often something is asked; all of them are
# examined, up to the limit.
_PAST = text(
    """SELECT c.id, c.partner_id, c.outcome, c.evaluated_at, c.sealed_request, c.sealed_answer,
      c.contents_erased_at
    FROM clearances c WHERE c.agency_id = :agency AND c.evaluated_at >= :since
    ORDER BY c.evaluated_at DESC, c.id DESC LIMIT :limit"""
)


async def dry_run(
    session: AsyncSession, keys: KeyRing, caller: Caller, wanted: DryRunIn, now: datetime
) -> dict[str, Any]:
    """What would change, as DryRunOut needs it. Raises PolicyInvalid."""
    await service.check(session, wanted.requirement, wanted.rules)
    since = now - timedelta(days=_DAYS)
    if wanted.since is not None:
        since = datetime.combine(wanted.since, datetime.min.time(), tzinfo=now.tzinfo)
    values = {"agency": caller.agency_id, "since": since, "limit": wanted.limit}
    past = (await session.execute(_PAST, values)).all()
    about = {row.partner_id for row in past if row.partner_id is not None}
    facts = await _rows(await _raw(session), caller, about)
    items, skipped, outcomes = [], 0, Counter[str]()
    for row in past:
        pair = await _again(facts.get(row.partner_id), session, keys, caller, row, wanted, now)
        if pair is None:
            skipped += 1
            continue
        before, after = pair
        outcomes[after.outcome] += 1
        if _told(before) != _told(after):
            items.append(_line(row, before, after))
    subject = audit.Subject(None, caller.agency_id)
    await audit.record(session, caller, Event.POLICY_TRIED, subject, requirement=wanted.requirement)
    return {
        "examined": len(past) - skipped,
        "changed": len(items),
        "skipped": skipped,
        "outcomes": dict(outcomes),
        "items": items,
    }


async def _raw(session: AsyncSession) -> asyncpg.Connection:
    fairy = await (await session.connection()).get_raw_connection()
    connection: asyncpg.Connection = fairy.driver_connection
    return connection


async def _rows(
    connection: asyncpg.Connection, caller: Caller, partner_ids: set[UUID]
) -> dict[UUID, Any]:
    """The facts of those partners that the caller may see, by the ids that were asked for: each is
    read once however many clearances are about it.
    """
    found: dict[UUID, Any] = {}
    asked = sorted(partner_ids)
    for first in range(0, len(asked), _AT_ONCE):
        some = asked[first : first + _AT_ONCE]
        # The digest that would count against the quota is left out.
        rows = await read(connection, caller.client_id, "", [Question(one) for one in some])
        found |= {
            partner_id: row
            for partner_id, row in zip(some, rows, strict=bool(rows))
            if row["partner_id"] is not None and not protected(row, sees_protected(caller))
        }
    return found


async def _again(
    row: Any | None,
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    past: Any,
    wanted: DryRunIn,
    now: datetime,
) -> tuple[Verdict, Verdict] | None:
    if row is None or past.contents_erased_at is not None:
        return None
    request, answer = [
        await keys.open(
            session, context(name, past.id, caller.agency_id), getattr(past, f"sealed_{name}")
        )
        for name in ("request", "answer")
    ]
    asked = ClearanceIn.model_validate(parse_json(request))
    hits = [hit for hit in json.loads(answer)["potential_matches"] if hit.get("entry_id")]
    lists = {one["code"] for one in json.loads(row["own_lists"])}
    matched = joined(hits, json.loads(row["matches"]), caller.agency_code, lists)
    in_force = await memory.in_force(await _raw(session), row, caller.client_id)
    facts = facts_of(caller, asked, row, matched, (), in_force, now, ambiguous=False, hidden=False)
    tried = Policy(_TRIED, id(wanted), wanted.requirement, wanted.rules)
    policies = {**facts.policies, wanted.requirement: tried}
    return decide(facts), decide(replace(facts, policies=policies))


def _told(verdict: Verdict) -> tuple[str, list[tuple[str, str]]]:
    """What the two are compared by: outcome, codes, and what each means alone."""
    return verdict.outcome, [(one["code"], one["detail"]["alone"]) for one in verdict.reasons]


def _line(row: Any, before: Verdict, after: Verdict) -> dict[str, Any]:
    old, new = codes_of(before.reasons), codes_of(after.reasons)
    return {
        "clearance_id": row.id,
        "evaluated_at": row.evaluated_at,
        "outcome_given": row.outcome,
        "outcome_before": before.outcome,
        "outcome_after": after.outcome,
        "reasons_added": [code for code in new if code not in old],
        "reasons_removed": [code for code in old if code not in new],
    }
