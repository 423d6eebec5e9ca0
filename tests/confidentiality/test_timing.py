"""Time tells nothing either: a hidden record answers as fast as one that does not exist."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable

import pytest

from tests.confidentiality.scene import Scene, absent
from tests.conftest import ApiFor


async def _times(api_for: ApiFor, scene: Scene, rounds: int) -> tuple[list[float], list[float]]:
    """Seconds of 404s for hidden and for absent records, in random order."""
    stranger = await api_for("UNHCR")
    hidden: list[float] = []
    missing: list[float] = []
    for _ in range(rounds):
        pair = [(scene.ids["restricted"], hidden), (absent(), missing)]
        random.shuffle(pair)
        for one, times in pair:
            started = time.perf_counter()
            answer = await stranger.get(f"/v1/assessments/{one}/detail")
            times.append(time.perf_counter() - started)
            assert answer.status_code == 404
    return hidden, missing


def _distinguishable(hidden: list[float], missing: list[float]) -> float:
    """Area under the curve of telling the two apart by time: 0.5 is a coin."""
    ranked = sorted([(value, 1) for value in hidden] + [(value, 0) for value in missing])
    ranks = sum(rank for rank, (_, kind) in enumerate(ranked, 1) if kind)
    area = (ranks - len(hidden) * (len(hidden) + 1) / 2) / (len(hidden) * len(missing))
    return max(area, 1 - area)


async def test_one_hundred_rounds_are_far_from_telling(api_for: ApiFor, scene: Scene) -> None:
    hidden, missing = await _times(api_for, scene, 100)
    # A second query for the one and not for the other would give 0.9 and more.
    assert _distinguishable(hidden, missing) < 0.75


@pytest.mark.drill
async def test_two_thousand_rounds_tell_nothing(
    api_for: ApiFor, scene: Scene, record_property: Callable[[str, object], None]
) -> None:
    hidden, missing = await _times(api_for, scene, 2_000)
    area = _distinguishable(hidden, missing)
    slower = statistics.median(hidden) / statistics.median(missing) - 1
    record_property("area", area)
    record_property("median_difference", slower)
    assert area <= 0.55
    assert abs(slower) <= 0.03
