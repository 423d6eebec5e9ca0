"""How fresh each external list is. Pure.

A list that counts for all makes every answer stale when it is required and too old, or was never
imported. A list that an agency switched on for itself is a note in that agency's answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.core.clock import rfc3339
from app.sanctions import sources
from app.sanctions.lists.audience import audience_of, known
from app.sanctions.lists.models import ListSourceState
from app.sanctions.sources import ListSource

REQUIRED = tuple(code for code, source in sources.ALL.items() if source.required)
"""Lists that every answer needs."""
_NAMED = ", ".join(f"'{code}'" for code in REQUIRED) or "''"

# What is required without having been imported has a row or not.
FRESHNESS_SQL = f"""SELECT coalesce(json_agg(json_build_object('code', code, 'version', version,
    'last_success', last_success, 'max_staleness_s', max_staleness_s, 'required', required
    ) ORDER BY code), '[]')::text FROM list_sources
    WHERE (required AND 'inter_agency' = ANY (streams)) OR code IN ({_NAMED})"""  # noqa: S608 - constants of ours
"""Required sources as JSON, for statements that must know whether an answer is stale."""

OWN_LISTS_SQL = """SELECT coalesce(json_agg(json_build_object('code', l.code,
    'seq', coalesce(h.seq_to, 0), 'last_success', l.last_success,
    'max_staleness_s', l.max_staleness_s) ORDER BY l.code), '[]')::text
    FROM list_uses u JOIN list_sources l ON l.code = u.source
    LEFT JOIN feed_heads h ON h.stream = 'source.' || l.code
    WHERE u.agency_id = s.agency_id AND u.audience = 'opt_in' AND u.state = 'active'"""
"""Lists that the agency of ``s`` switched on, as JSON; needs a transaction bound to it."""


def is_stale(last_success: datetime | None, max_staleness_s: int, now: datetime) -> bool:
    """Whether a source is too old to answer from; one never imported is."""
    return last_success is None or (now - last_success).total_seconds() > max_staleness_s


def _last(item: Mapping[str, Any]) -> datetime | None:
    text = item["last_success"]
    return datetime.fromisoformat(text) if text else None


def required_stale(rows: list[dict[str, Any]], now: datetime) -> list[str]:
    """Codes of required sources that make every answer unsure; ``rows`` is FRESHNESS_SQL's."""
    missing = set(REQUIRED) - {item["code"] for item in rows}
    return sorted(
        missing
        | {
            item["code"]
            for item in rows
            if item["required"] and is_stale(_last(item), item["max_staleness_s"], now)
        }
    )


def checked_at(rows: list[dict[str, Any]]) -> datetime | None:
    """The oldest last check of the required sources; None while one was never checked."""
    checked = [_last(item) for item in rows if item["required"]]
    times = [moment for moment in checked if moment is not None]
    return min(times) if times and len(times) == len(checked) else None


def own_lists(rows: list[dict[str, Any]], now: datetime) -> list[dict[str, Any]]:
    """What an answer says of the agency's own lists; ``rows`` is OWN_LISTS_SQL's."""
    return [
        {
            "code": item["code"],
            "version": item["seq"],
            "checked_at": rfc3339(last) if (last := _last(item)) else None,
            "stale": is_stale(_last(item), item["max_staleness_s"], now),
        }
        for item in rows
    ]


def describe(states: Mapping[str, ListSourceState], now: datetime) -> list[dict[str, Any]]:
    """Every source as SourceOut needs it, those never imported included."""
    # A row of a source that this release does not know is not shown: nothing can be said of it.
    others = (known(code) for code in sorted(states) if code not in sources.ALL)
    every = [*sources.ALL.values(), *(source for source in others if source is not None)]
    return [_describe(source, states.get(source.code), now) for source in every]


def _describe(source: ListSource, state: ListSourceState | None, now: datetime) -> dict[str, Any]:
    staleness = state.max_staleness_s if state else int(source.max_staleness.total_seconds())
    last_success = state.last_success if state else None
    return {
        "code": source.code,
        "title": (state.title if state else "") or source.title,
        "publisher": (state.publisher if state else "") or source.publisher,
        "licence": (state.licence if state else "") or source.licence,
        "audience": audience_of(source),
        "regime": source.regime,
        "counts_for_you": "inter_agency" in state.streams if state else source.required,
        "required": state.required if state else source.required,
        "version": state.version if state else None,
        "digest": state.digest if state else None,
        "counts": state.counts if state else {},
        "published_at": state.published_at if state else None,
        "last_success": last_success,
        "max_staleness_s": staleness,
        "stale": is_stale(last_success, staleness, now),
    }


def unused(item: dict[str, Any]) -> dict[str, Any]:
    """A list that does not count for the reader: what it is, and nothing of what is held of it.

    What is held would tell that somebody uses it.
    """
    nothing = dict.fromkeys(("version", "digest", "published_at", "last_success"))
    return item | nothing | {"counts_for_you": False, "counts": {}, "stale": False}
