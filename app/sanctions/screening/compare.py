"""Comparing two subjects by the scorer of screenings. Pure; nothing is stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import structlog

from app.core.ndjson import Line
from app.sanctions.screening import scorer
from app.sanctions.screening.errors import NotScreened
from app.sanctions.screening.lines import entries
from app.sanctions.screening.schemas import ComparisonIn
from app.sanctions.screening.scorer import Pairs

log = structlog.get_logger()


def compared(wanted: ComparisonIn, pairs: Pairs) -> dict[str, Any]:
    """The pair as ComparisonOut shows it."""
    score, explanation = pairs.described(wanted.a, wanted.b)
    return {
        "id": wanted.id,
        "score": score,
        "match": score >= wanted.threshold,
        "threshold": wanted.threshold,
        "algorithm": scorer.ALGORITHM,
        "explanation": explanation,
    }


def compared_lines(lines: Sequence[Line], pairs: Pairs) -> list[dict[str, Any]]:
    """Each pair, or what is wrong with its line, in order."""
    results = []
    for entry in entries(lines, ComparisonIn):
        found: dict[str, Any] = {}
        if entry.item is not None:
            try:
                found = compared(entry.item, pairs)
            except Exception as error:  # noqa: BLE001 - one line's trouble ends no stream
                log.error("comparison_failed", kind=type(error).__name__)
                entry.refuse(NotScreened())
        results.append(entry.wire(**{k: v for k, v in found.items() if k != "id"}))
    return results
