"""The answer to one request: the facts it rests on, and what is told of them. Pure, but that what
was found in the lists is remembered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic_core import from_json

from app.auth.caller import Caller
from app.core.clock import rfc3339
from app.core.ids import new_secret_id, registry_number
from app.recognition import assurance
from app.recognition.asking import Found
from app.recognition.decide import Facts, Policy, Verdict
from app.recognition.matches import joined
from app.recognition.reading import facts_of, verification
from app.recognition.receipts import NOTICE
from app.recognition.rules import DEFAULTS
from app.recognition.schemas import ClearanceIn
from app.sanctions.lists.freshness import checked_at
from app.sanctions.screening.service import Layers
from partner_registry_matcher import ALGORITHM, DEFAULT_THRESHOLD, Subject

_NOT_RECORDED = {"status": "not_recorded"}


@dataclass(frozen=True, slots=True)
class Ground:
    """What all answers of one agency rest on at one moment: lists and policies."""

    layers: Layers
    own: list[dict[str, Any]]
    policies: Mapping[str, Policy]
    now: datetime

    @property
    def used(self) -> dict[str, Any]:
        """Versions of the lists, as an answer tells them."""
        return {
            "version": self.layers.seq,
            "algorithm": ALGORITHM,
            "statistics_version": self.layers.statistics_version,
        }


def facts_and_hits(
    caller: Caller, wanted: ClearanceIn, found: Found, ground: Ground
) -> tuple[Facts, list[dict[str, Any]]]:
    """What the decision rests on, and the listed names in it."""
    hits = _hits(caller, wanted, found, ground)
    # The index may be ahead of this snapshot, and takes what it lacks from the rows; should it
    # still lack something, nothing is clear.
    stale = ["index"] if ground.layers.seq < found.row["seq_to"] else []
    stale += ["people"] if found.row["people_wait"] else []
    unsure = not found.known and (bool(found.candidates) or found.protected)
    facts = facts_of(
        caller,
        wanted,
        found.row,
        hits,
        stale,
        ground.policies,
        ground.now,
        ambiguous=unsure,
        hidden=found.hidden,
    )
    return facts, hits


def _hits(
    caller: Caller, wanted: ClearanceIn, found: Found, ground: Ground
) -> list[dict[str, Any]]:
    """Listed names that may be the partner's, and what was decided of each."""
    items = from_json(found.row["matches"]) if found.known else []
    codes = {one["code"] for one in ground.own}
    hits = joined(_screen(wanted, found, ground.layers), items, caller.agency_code, codes)
    # Work items of a profile that is protected would lead to it.
    return [hit | {"match_id": None} for hit in hits] if found.hidden else hits


def _screen(wanted: ClearanceIn, found: Found, layers: Layers) -> list[dict[str, Any]]:
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


def _match(found: Found) -> dict[str, Any]:
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


def answer_of(
    found: Found,
    facts: Facts,
    hits: list[dict[str, Any]],
    verdict: Verdict,
    ground: Ground,
) -> dict[str, Any]:
    """The body, under an id of its own."""
    row, known, now = found.row, found.known, ground.now
    oldest = checked_at(from_json(row["sources"]))
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
            **ground.used,
            "checked_at": rfc3339(oldest) if oldest else None,
            "stale_sources": list(facts.stale_sources),
            "own_lists": ground.own,
        },
        "evaluated_at": rfc3339(now),
        "expires_at": rfc3339(now + timedelta(days=DEFAULTS.answer_valid_days)),
        "status": "open",
        "notice": NOTICE,
    }
