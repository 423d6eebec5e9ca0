"""One clearance: facts from one snapshot, the decision, and everything stored in one transaction.

The answer is persisted before anything is signed; the signature is made later, by its first
reader (`receipts`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
from pydantic_core import to_json

from app.auth.caller import Caller, FastWriter, caller_from
from app.auth.scopes import Scope
from app.core.clock import rfc3339
from app.core.db import Fields
from app.core.ids import new_secret_id, registry_number
from app.partners.errors import PartnerNotFound
from app.partners.matching import queries as matching
from app.partners.matching.rank import Wanted, rank
from app.partners.matching.schemas import Candidate
from app.partners.visibility import sees_protected
from app.recognition import assurance, queries, quota
from app.recognition.decide import Facts, Policy, Verdict, decide
from app.recognition.evidence import Answered, store
from app.recognition.matches import joined
from app.recognition.policies import memory
from app.recognition.reading import facts_of, verification
from app.recognition.receipts import NOTICE
from app.recognition.rules import DEFAULTS
from app.recognition.schemas import ClearanceIn
from app.sanctions.lists.freshness import checked_at, own_lists
from app.sanctions.screening.service import Layers, Screener
from partner_registry_matcher import ALGORITHM, DEFAULT_THRESHOLD, Subject

_SURE = 0.97
"""From this name score, in the same country and without a rival, a name means one profile."""
_NOT_RECORDED = {"status": "not_recorded"}


@dataclass(frozen=True, slots=True)
class Given:
    """The stored answer and what the HTTP layer needs of it."""

    clearance_id: UUID
    body: bytes


@dataclass(frozen=True, slots=True)
class _Found:
    row: asyncpg.Record
    by: str
    score: float
    candidates: list[Candidate]
    inquiry: bytes | None
    """Digest of what is asked."""
    protected: bool = False
    """A profile fits that is protected from the caller."""

    @property
    def hidden(self) -> bool:
        """The profile itself is protected from the caller: it is judged by, and never named."""
        return self.protected and self.row["partner_id"] is not None and self.by == "identifier"


async def give_clearance(
    request: Any,
    connection: asyncpg.Connection,
    screener: Screener,
    writer: FastWriter,
    wanted: ClearanceIn,
    raw: bytes,
    now: datetime,
    *,
    once: bool = True,
) -> Given:
    """Answer and store: in two messages in autocommit, or in the transaction that is open.

    Raises PartnerNotFound for an unknown id, Replay for a known key, and as `bound.store`.
    ``once``: what the Idempotency-Key stands for is stored, too.
    """
    sees_all = Scope.PARTNERS_PROTECTED in writer.token.scopes
    found = await _find(connection, writer, wanted, sees_all)
    caller = caller_from(request, writer.token, found.row, Scope.CLEARANCE_RUN)
    if sees_all and not sees_protected(caller):
        # The right was withdrawn after the token was given.
        found = await _find(connection, writer, wanted, False)
    await writer.key.check(writer.keys, connection, found.row)
    unknown = found.row["partner_id"] is None or found.protected
    if wanted.partner.id is not None and unknown:
        raise PartnerNotFound
    known = found.row["partner_id"] is not None
    inquiries = found.row["inquiries"] + found.row["new_inquiry"] if known else 0
    own = own_lists(json.loads(found.row["own_lists"]), now)
    layers = await screener.layers(connection, found.row["seq_to"], own)
    policies = await memory.in_force(connection, found.row, caller.client_id)
    facts, hits = _facts(caller, wanted, found, layers, own, policies, now)
    if known:
        quota.check(inquiries)
    verdict = decide(facts)
    if known:
        assurance.minimums(caller, wanted, facts, verdict)
    used = {
        "version": layers.seq,
        "algorithm": ALGORITHM,
        "statistics_version": layers.statistics_version,
        "own_lists": own,
    }
    answer = _answer(found, facts, hits, verdict, used, now)
    body, partner_id = to_json(answer), found.row["partner_id"]
    inquiry = found.inquiry if known and found.row["new_inquiry"] else None
    given = Answered(
        wanted, raw, partner_id, found.hidden, facts, verdict, answer, body, now, once, inquiry
    )
    await _store(request, connection, writer, caller, given, inquiries)
    return Given(answer["clearance_id"], body)


async def _store(
    request: Any,
    connection: asyncpg.Connection,
    writer: FastWriter,
    caller: Caller,
    given: Answered,
    inquiries: int,
) -> None:
    if given.inquiry is None or not quota.is_last(inquiries):
        await store(request, connection, writer, caller, given)
        return
    assert given.partner_id is not None  # without one nothing is counted
    async with connection.transaction():
        await quota.tell(connection, caller.agency_code, given.partner_id, given.facts)
        await store(request, connection, writer, caller, given)


async def _find(
    connection: asyncpg.Connection,
    writer: FastWriter,
    wanted: ClearanceIn,
    sees_all: bool,
    *,
    counts: bool = True,
) -> _Found:
    key = (writer.token.client_id, writer.key.route, writer.key.key)
    asked_for = quota.digest(wanted) if counts else None
    if wanted.partner.identifier is not None:
        item = wanted.partner.identifier
        row = await connection.fetchrow(
            queries.FACTS_BY_IDENTIFIER,
            *key,
            item.scheme.value,
            item.value,
            item.country,
            asked_for,
        )
        return _Found(row, "identifier", 1.0, [], asked_for, _protected(row, sees_all))
    if wanted.partner.id is not None:
        row = await connection.fetchrow(queries.FACTS_BY_ID, *key, wanted.partner.id, asked_for)
        return _Found(row, "id", 1.0, [], asked_for, _protected(row, sees_all))
    name, country = wanted.partner.name or "", wanted.partner.country
    asked = Wanted([("legal_name", name)], country=country)
    probes, near = asked.asked()
    rows = await connection.fetch(
        matching.CANDIDATES, *matching.sent(probes), near, writer.agency_id, sees_all
    )
    ranked = rank((Fields(row) for row in rows), asked)
    candidates = ranked.candidates
    sure = [item for item in candidates if item.score >= _SURE and item.country == country]
    # Where a profile the caller may not know of may be meant, no other one is taken for sure.
    partner = sure[0].partner_id if len(sure) == 1 and not ranked.hidden else None
    row = await connection.fetchrow(queries.FACTS_BY_ID, *key, partner, asked_for)
    score = sure[0].score if partner else 0.0
    others = [item for item in candidates if item.partner_id != partner]
    return _Found(row, "name", score, others, asked_for, ranked.hidden)


def _protected(row: Any, sees_all: bool) -> bool:
    if row is None or row["partner_id"] is None:
        return False
    return not row["visible"] and not sees_all


def _facts(
    caller: Caller,
    wanted: ClearanceIn,
    found: _Found,
    layers: Layers,
    own: list[dict[str, Any]],
    policies: Mapping[str, Policy],
    now: datetime,
) -> tuple[Facts, list[dict[str, Any]]]:
    """What the decision rests on, and the listed names in it."""
    hits = _hits(caller, wanted, found, layers, own)
    # The index may be ahead of this snapshot, and takes what it lacks from the rows; should it
    # still lack something, nothing is clear.
    stale = ["index"] if layers.seq < found.row["seq_to"] else []
    stale += ["people"] if found.row["people_wait"] else []
    known = found.row["partner_id"] is not None
    unsure = not known and (bool(found.candidates) or found.protected)
    facts = facts_of(
        caller,
        wanted,
        found.row,
        hits,
        stale,
        policies,
        now,
        ambiguous=unsure,
        hidden=found.hidden,
    )
    return facts, hits


def _hits(
    caller: Caller,
    wanted: ClearanceIn,
    found: _Found,
    layers: Layers,
    own: list[dict[str, Any]],
) -> list[dict[str, Any]]:
    """Listed names that may be the partner's, and what was decided of each."""
    items = json.loads(found.row["matches"]) if found.row["partner_id"] is not None else []
    codes = {one["code"] for one in own}
    hits = joined(_screen(wanted, found, layers), items, caller.agency_code, codes)
    # Work items of a profile that is protected would lead to it.
    return [hit | {"match_id": None} for hit in hits] if found.hidden else hits


def _screen(wanted: ClearanceIn, found: _Found, layers: Layers) -> list[dict[str, Any]]:
    row = found.row
    if row["partner_id"] is not None:
        # The names of profiles that were merged into this one, too: they are its own.
        others = row["other_names"]
        names = [row["legal_name"], row["legal_name_native"], *row["aliases"], *row["former_names"]]
        names += others
        countries, own = [row["country"]], {str(one) for one in row["lineage"]}
        key: tuple[object, ...] = (row["partner_id"], row["version"], *others)
    elif wanted.partner.name is not None:
        names, countries, own = [wanted.partner.name], [wanted.partner.country], set()
        key = (wanted.partner.name, wanted.partner.country)
    else:
        return []
    subject = Subject("organisation", [name for name in names if name], countries)
    return [
        {
            "entry_id": listed.entry_id,
            "source": listed.source,
            "reference": listed.reference,
            "score": hit.score,
        }
        for hit, listed in layers.screen_known(key, subject, DEFAULT_THRESHOLD)
        # Measures on this very partner are restrictions, read from their own table.
        if listed.partner_id not in own
    ]


def _match(found: _Found) -> dict[str, Any]:
    row = found.row
    named = {
        "partner_id": row["partner_id"],
        "registry_number": registry_number(row["number"]),
        "legal_name": row["legal_name"],
        "partner_version": row["version"],
    }
    if found.hidden:
        named = dict.fromkeys(named)
    by = {"by": found.by, "score": found.score, "contact_registry": found.hidden}
    return named | by


def _legal(facts: Facts) -> dict[str, Any]:
    """Why there may be no registration is not told here: the profile says it to who may read it."""
    assert facts.partner is not None  # asked before
    state = facts.partner["registration"]["state"]
    return {
        "partner_type": facts.partner["partner_type"],
        "country": facts.partner["country"],
        "registration": "missing" if state == "explained" else state,
    }


def _answer(
    found: _Found,
    facts: Facts,
    hits: list[dict[str, Any]],
    verdict: Verdict,
    used: dict[str, Any],
    now: datetime,
) -> dict[str, Any]:
    row = found.row
    known = row["partner_id"] is not None
    oldest = checked_at(json.loads(row["sources"]))
    return {
        "clearance_id": new_secret_id(),
        "outcome": verdict.outcome,
        "reasons": verdict.reasons,
        "match": _match(found) if known else None,
        "candidates": [item.model_dump(exclude={"explanation"}) for item in found.candidates[:10]],
        "contact_registry": found.protected,
        "legal": _legal(facts) if known and not found.hidden else None,
        "verification": verification(row, now.date()) if known else _NOT_RECORDED,
        "restrictions": facts.sanctions,
        "potential_matches": hits,
        "flags": _NOT_RECORDED if facts.flags is None else facts.flags,
        "assessments": [one for one in facts.assessments if not one.get("consult")],
        "assurance": assurance.told(facts) if known else _NOT_RECORDED,
        "recognition": verdict.recognition,
        "required_next": verdict.required_next,
        "exposure": _NOT_RECORDED,
        "list": {
            **{name: used[name] for name in ("version", "algorithm", "statistics_version")},
            "checked_at": rfc3339(oldest) if oldest else None,
            "stale_sources": list(facts.stale_sources),
            "own_lists": used["own_lists"],
        },
        "evaluated_at": rfc3339(now),
        "expires_at": rfc3339(now + timedelta(days=DEFAULTS.answer_valid_days)),
        "status": "open",
        "notice": NOTICE,
    }


async def find_again(
    connection: asyncpg.Connection, writer: FastWriter, wanted: ClearanceIn, partner_id: UUID | None
) -> _Found:
    """The profile of an answer as it is now; without one, what is meant now by what was asked for.
    Nobody asked: nothing counts into the quota.
    """
    sees_all = Scope.PARTNERS_PROTECTED in writer.token.scopes
    if partner_id is None:
        return await _find(connection, writer, wanted, sees_all, counts=False)
    key = (writer.token.client_id, writer.key.route, writer.key.key)
    row = await connection.fetchrow(queries.FACTS_BY_ID, *key, partner_id, None)
    return _Found(row, "id", 1.0, [], None, _protected(row, sees_all))


async def facts_again(
    connection: asyncpg.Connection,
    screener: Screener,
    caller: Caller,
    wanted: ClearanceIn,
    found: _Found,
    now: datetime,
) -> Facts:
    """What the answer to the same question would rest on now, in a transaction bound to the
    caller's agency.
    """
    own = own_lists(json.loads(found.row["own_lists"]), now)
    layers = await screener.layers(connection, found.row["seq_to"], own)
    policies = await memory.in_force(connection, found.row, caller.client_id)
    return _facts(caller, wanted, found, layers, own, policies, now)[0]
