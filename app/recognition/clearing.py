"""One clearance: facts from one snapshot, the decision, and everything stored in one transaction.

The answer is persisted before anything is signed; the signature is made later, by its first
reader (`receipts`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
from pydantic_core import to_json

from app.auth import policy
from app.auth.caller import Caller, FastWriter, caller_from
from app.auth.scopes import Scope
from app.core.clock import rfc3339
from app.core.db import Fields
from app.core.ids import new_secret_id, registry_number
from app.core.names import ALGORITHM, DEFAULT_THRESHOLD, Subject
from app.partners.errors import PartnerNotFound
from app.partners.matching import queries as matching
from app.partners.matching.rank import Wanted, rank
from app.partners.matching.schemas import Candidate
from app.partners.visibility import sees_protected
from app.recognition import queries
from app.recognition.decide import Facts, Policy, Verdict, decide
from app.recognition.evidence import Answered, store
from app.recognition.matches import joined
from app.recognition.receipts import NOTICE
from app.recognition.rules import DEFAULTS
from app.recognition.schemas import ClearanceIn
from app.sanctions.lists.freshness import checked_at, own_lists, required_stale
from app.sanctions.screening.service import Layers, Screener

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
    """Answer and store. Raises PartnerNotFound for an unknown id, Replay for a known key.

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
    own = own_lists(json.loads(found.row["own_lists"]), now)
    layers = await screener.layers(connection, found.row["seq_to"], own)
    facts, hits = _facts(caller, wanted, found, layers, own, now)
    used = {
        "version": layers.seq,
        "algorithm": ALGORITHM,
        "statistics_version": layers.statistics_version,
        "own_lists": own,
    }
    verdict = decide(facts)
    answer = _answer(wanted, found, facts, hits, verdict, used, now)
    body, partner_id = to_json(answer), found.row["partner_id"]
    given = Answered(
        wanted, raw, partner_id, found.hidden, facts, verdict, answer, body, now, once=once
    )
    await store(request, connection, writer, caller, given)
    return Given(answer["clearance_id"], body)


async def _find(
    connection: asyncpg.Connection, writer: FastWriter, wanted: ClearanceIn, sees_all: bool
) -> _Found:
    key = (writer.token.client_id, *writer.key.args)
    if wanted.partner.identifier is not None:
        item = wanted.partner.identifier
        row = await connection.fetchrow(
            queries.FACTS_BY_IDENTIFIER, *key, item.scheme.value, item.value, item.country
        )
        return _Found(row, "identifier", 1.0, [], _protected(row, sees_all))
    if wanted.partner.id is not None:
        row = await connection.fetchrow(queries.FACTS_BY_ID, *key, wanted.partner.id)
        return _Found(row, "id", 1.0, [], _protected(row, sees_all))
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
    row = await connection.fetchrow(queries.FACTS_BY_ID, *key, partner)
    score = sure[0].score if partner else 0.0
    others = [item for item in candidates if item.partner_id != partner]
    return _Found(row, "name", score, others, ranked.hidden)


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
    now: datetime,
) -> tuple[Facts, list[dict[str, Any]]]:
    row = found.row
    partner = {"status": row["status"], "partner_type": row["partner_type"]}
    known = row["partner_id"] is not None
    items = json.loads(row["matches"]) if known else []
    codes = {one["code"] for one in own}
    hits = joined(_screen(wanted, found, layers), items, caller.agency_code, codes)
    sanctions = json.loads(row["sanctions"]) if known else []
    if found.hidden:
        # Its headquarters would lead to it, and so would its work items.
        sanctions = [item | {"inherited_from": None} for item in sanctions]
        hits = [hit | {"match_id": None} for hit in hits]
    policies = {
        item["requirement"]: Policy(item["id"], item["version"], item["requirement"], item["rules"])
        for item in json.loads(row["policies"])
    }
    facts = Facts(
        agency=caller.agency_code,
        today=now.date(),
        context=wanted.context,
        contact_with_beneficiaries=wanted.contact_with_beneficiaries,
        partner=partner if known else None,
        ambiguous=not known and (bool(found.candidates) or found.protected),
        sanctions=sanctions,
        potential_matches=hits,
        stale_sources=required_stale(json.loads(row["sources"]), now),
        assessments=json.loads(row["assessments"]) if known else [],
        policies=policies,
        flags=json.loads(row["flags"]) if known else None,
        country=wanted.country,
        modality=wanted.modality,
        suspended=json.loads(row["suspended"]) if known else [],
        transfers=_transfers(caller, wanted, json.loads(row["transfers"])) if known else [],
    )
    return facts, hits


def _transfers(
    caller: Caller, wanted: ClearanceIn, found: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Each with whether this caller may read it for the purpose of its clearance."""
    told = []
    for item in found:
        owner, country = UUID(item.pop("owner_id")), item["country"]
        about = policy.Resource("TRANSFER_RESTRICTION", owner, country=country)
        shown = policy.can(caller, "read", about, wanted.purpose).allowed
        told.append(item | {"shown": shown})
    return told


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


def _answer(
    wanted: ClearanceIn,
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
        "legal": {"partner_type": row["partner_type"], "country": row["country"]}
        if known and not found.hidden
        else None,
        "verification": _verification(row, now) if known else _NOT_RECORDED,
        "restrictions": facts.sanctions,
        "potential_matches": hits,
        "flags": _NOT_RECORDED if facts.flags is None else facts.flags,
        "assessments": facts.assessments,
        "recognition": verdict.recognition,
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


def _verification(row: asyncpg.Record, now: datetime) -> dict[str, Any]:
    """What is in force; past its last day a verification counts as none."""
    until = row["verified_until"]
    status = row["verification"]
    if status is None or (until is not None and until < now.date()):
        return {"status": "pending_verification", "on": None, "until": None, "by": None}
    return {"status": status, "on": row["verified_on"], "until": until, "by": row["verified_by"]}


async def facts_again(
    connection: asyncpg.Connection,
    screener: Screener,
    caller: Caller,
    wanted: ClearanceIn,
    row: asyncpg.Record,
    now: datetime,
) -> Facts:
    """What the answer to the same question would rest on now, for a profile that was found then.

    ``row`` is that of FACTS_BY_ID, read in a transaction bound to the caller's agency.
    """
    found = _Found(row, "id", 1.0, [], _protected(row, sees_protected(caller)))
    own = own_lists(json.loads(row["own_lists"]), now)
    layers = await screener.layers(connection, row["seq_to"], own)
    return _facts(caller, wanted, found, layers, own, now)[0]
