"""How fresh each external list is. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.sanctions import sources
from app.sanctions.lists.models import ListSourceState

FRESHNESS_SQL = """SELECT coalesce(json_agg(json_build_object('code', code, 'version', version,
    'last_success', last_success, 'max_staleness_s', max_staleness_s)), '[]')::text
    FROM list_sources WHERE required"""
"""Required sources as JSON, for statements that must know whether an answer is stale."""


def is_stale(last_success: datetime | None, max_staleness_s: int, now: datetime) -> bool:
    """Whether a source is too old to answer from; one never imported is."""
    return last_success is None or (now - last_success).total_seconds() > max_staleness_s


def required_stale(known: list[dict[str, Any]], now: datetime) -> list[str]:
    """Codes of required sources that make every answer unsure; ``known`` is FRESHNESS_SQL's."""
    by_code = {item["code"]: item for item in known}
    stale = []
    for source in sources.ALL.values():
        if not source.required:
            continue
        item = by_code.get(source.code)
        last = (
            datetime.fromisoformat(item["last_success"]) if item and item["last_success"] else None
        )
        if item is None or is_stale(last, item["max_staleness_s"], now):
            stale.append(source.code)
    return stale


def describe(states: Mapping[str, ListSourceState], now: datetime) -> list[dict[str, Any]]:
    """Every source as SourceOut needs it, those never imported included."""
    return [_describe(source, states.get(source.code), now) for source in sources.ALL.values()]


def _describe(
    source: sources.ListSource, state: ListSourceState | None, now: datetime
) -> dict[str, Any]:
    staleness = state.max_staleness_s if state else int(source.max_staleness.total_seconds())
    last_success = state.last_success if state else None
    return {
        "code": source.code,
        "title": source.title,
        "publisher": source.publisher,
        "licence": source.licence,
        "required": source.required,
        "version": state.version if state else None,
        "digest": state.digest if state else None,
        "counts": state.counts if state else {},
        "published_at": state.published_at if state else None,
        "last_success": last_success,
        "max_staleness_s": staleness,
        "stale": is_stale(last_success, staleness, now),
    }
