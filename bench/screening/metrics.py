"""Figures from scores: what is found, what is alarmed for nothing, how honest the scores are."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any

Figures = dict[str, Any]
Judged = tuple[float, bool]
"""A score, and whether the two were the same party."""
NOTHING = -1.0  # the score of a party that was not among the hits
_RATES = (0.01, 0.001)
_BINS = 10
_CURVE = 60


def judged(pairs: Sequence[Judged], threshold: float) -> Figures:
    """The figures of labelled pairs at the engine's threshold and at its best one."""
    same = sorted(score for score, is_same in pairs if is_same)
    other = sorted(score for score, is_same in pairs if not is_same)
    return {
        "pairs": len(pairs),
        "same": len(same),
        "default": _at(same, other, threshold),
        "best": _best(same, other),
        **{f"recall_at_fpr_{rate}": _recall_at(same, other, rate) for rate in _RATES},
        "auc": _auc(same, other),
    }


def _at(same: list[float], other: list[float], threshold: float) -> Figures:
    found = len(same) - bisect_left(same, threshold)
    false = len(other) - bisect_left(other, threshold)
    return {"threshold": round(threshold, 4), **_rates(found, false, len(same), len(other))}


def _rates(found: int, false: int, same: int, other: int) -> Figures:
    precision = found / (found + false) if found + false else 1.0
    recall = found / same if same else 0.0
    both = precision + recall
    return {
        "precision": _r(precision),
        "recall": _r(recall),
        "f1": _r(2 * precision * recall / both if both else 0.0),
        "fpr": _r(false / other, 5) if other else None,
    }


def _best(same: list[float], other: list[float]) -> Figures:
    """At the threshold where F1 is highest; ties are settled by the lowest one."""
    tried = (_at(same, other, one) for one in sorted(set(same)) if one >= 0)
    return max(tried, key=lambda one: one["f1"], default=_at(same, other, 1.0))


def strict(negatives: list[float], rate: float) -> float:
    """The score that no more than this share of the (sorted) negatives exceeds."""
    allowed = int(rate * len(negatives) + 1e-9)
    return negatives[-1 - allowed] if allowed < len(negatives) else NOTHING


def _recall_at(same: list[float], other: list[float], rate: float) -> float | None:
    if not same or not other:
        return None
    return _r((len(same) - bisect_right(same, strict(other, rate))) / len(same))


def _auc(same: list[float], other: list[float]) -> float | None:
    if not same or not other:
        return None
    wins = sum(bisect_left(other, one) + bisect_right(other, one) for one in same)
    return _r(wins / (2 * len(same) * len(other)))


def retrieved(asked: Sequence[Figures], threshold: float) -> Figures:
    """The figures of queries; each has `truth` (bool), `top`, `found` and `rank`.

    `top` is the best score of all, `found` that of the party meant (``NOTHING`` if not a hit).
    A query that lists nobody raises a false alarm when anything reaches the threshold.
    """
    meant = sorted(one["found"] for one in asked if one["truth"])
    strangers = sorted(one["top"] for one in asked if not one["truth"])
    alarms = sum(one["alarms"] for one in asked)
    good = len(meant) - bisect_left(meant, threshold)
    at = _at(meant, strangers, threshold)
    at["precision"] = _r(good / alarms) if alarms else 1.0
    both = at["precision"] + at["recall"]
    at["f1"] = _r(2 * at["precision"] * at["recall"] / both) if both else 0.0
    return {
        "queries": len(asked),
        "meant": len(meant),
        "recall@1": _share(one["rank"] == 1 for one in asked if one["truth"]),
        "recall@5": _share(1 <= one["rank"] <= 5 for one in asked if one["truth"]),
        "default": at,
        "best": _best(meant, strangers),
        **{f"recall_at_fpr_{rate}": _recall_at(meant, strangers, rate) for rate in _RATES},
    }


def by(rows: Iterable[Figures], key: Callable[[Figures], str]) -> dict[str, list[Figures]]:
    """The rows in groups, in the order of the groups' names."""
    return {name: list(group) for name, group in groupby(sorted(rows, key=key), key=key)}


def reliability(pairs: Sequence[Judged]) -> list[Figures]:
    """Of the hits that scored about so much, which share was the same party."""
    bins: list[list[Judged]] = [[] for _ in range(_BINS)]
    for score, same in pairs:
        if score >= 0:
            bins[min(int(score * _BINS), _BINS - 1)].append((score, same))
    return [
        {
            "count": len(held),
            "score": _r(sum(score for score, _ in held) / len(held)),
            "same": _share(same for _, same in held),
        }
        for held in bins
        if held
    ]


def trade_off(same: Iterable[float], other: Iterable[float]) -> list[tuple[float, float]]:
    """(false-positive rate, recall) from strict to lax."""
    found, false = sorted(same), sorted(other)
    if not found or not false:
        return []
    steps = (0.0005 * (2000 ** (i / (_CURVE - 1))) for i in range(_CURVE))
    return [(_r(rate, 5), _recall_at(found, false, rate) or 0.0) for rate in steps]


def speed(seconds: Sequence[float]) -> Figures:
    """Calls a second, and the slow ones in milliseconds."""
    spent = sorted(seconds)
    if not spent:
        return {}
    at = {p: spent[min(len(spent) - 1, math.ceil(p / 100 * len(spent)) - 1)] for p in (50, 99)}
    return {
        "calls": len(spent),
        "per_second": round(len(spent) / sum(spent), 1),
        "p50_ms": round(at[50] * 1000, 3),
        "p99_ms": round(at[99] * 1000, 3),
    }


def _share(flags: Iterable[bool]) -> float | None:
    held = list(flags)
    return _r(sum(held) / len(held)) if held else None


def _r(value: float, digits: int = 4) -> float:
    return round(value, digits)
