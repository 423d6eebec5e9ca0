"""Many who ask at once are answered together, and nobody pays for another."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import asyncpg
import pytest

from app.core.gathering import Gathering


class _Rounds:
    """Carries out numbers: ten times each; rounds wait until they are let go."""

    def __init__(self) -> None:
        self.seen: list[list[int]] = []
        self.go = asyncio.Event()
        self.fails: dict[int, Exception] = {}

    async def __call__(self, items: Sequence[int]) -> Sequence[int | Exception]:
        self.seen.append(list(items))
        await self.go.wait()
        for item in items:
            if item in self.fails:
                raise self.fails[item]
        return [ValueError("odd") if item % 2 else item * 10 for item in items]


async def _asked(gathering: Gathering[int, int], *items: int, key: str = "a") -> list[object]:
    return await asyncio.gather(
        *(gathering.ask(key, item) for item in items), return_exceptions=True
    )


async def test_who_comes_while_a_round_is_under_way_is_in_the_next() -> None:
    rounds = _Rounds()
    gathering: Gathering[int, int] = Gathering(rounds, most=3, rounds=1)
    first = asyncio.create_task(_asked(gathering, 2))
    await asyncio.sleep(0.01)
    others = asyncio.create_task(_asked(gathering, 4, 6, 7, 8))
    elsewhere = asyncio.create_task(_asked(gathering, 12, key="b"))
    await asyncio.sleep(0.01)
    assert rounds.seen == [[2], [12]], "keys do not wait for each other"
    rounds.go.set()
    assert (await first, await elsewhere) == ([20], [120])
    told = await others
    assert [type(one) for one in told] == [int, int, ValueError, int]
    assert rounds.seen[2:] == [[4, 6, 7], [8]]
    assert not gathering._lines


@pytest.mark.parametrize("error", [asyncpg.CheckViolationError("no"), KeyError("a fault")])
async def test_what_one_may_have_failed_is_tried_one_by_one(error: Exception) -> None:
    rounds = _Rounds()
    rounds.go.set()
    rounds.fails[6] = error
    if isinstance(error, asyncpg.PostgresError):
        error.sqlstate = "23514"
    gathering: Gathering[int, int] = Gathering(rounds, faults=(KeyError,))
    assert await _asked(gathering, 4, 6, 8) == [40, error, 80]
    assert rounds.seen == [[4, 6, 8], [4], [6], [8]]


async def test_what_none_of_them_did_is_told_to_all_at_once() -> None:
    rounds = _Rounds()
    rounds.go.set()
    rounds.fails[6] = ConnectionResetError()
    gathering: Gathering[int, int] = Gathering(rounds)
    told = await _asked(gathering, 4, 6, 8)
    assert [type(one) for one in told] == [ConnectionResetError] * 3
    assert rounds.seen == [[4, 6, 8]]
    assert await _asked(gathering, 4) == [40]


async def test_who_goes_away_takes_nobody_along() -> None:
    rounds = _Rounds()
    gathering: Gathering[int, int] = Gathering(rounds, rounds=1)
    gone, stays = (asyncio.create_task(gathering.ask("a", item)) for item in (2, 4))
    await asyncio.sleep(0.01)
    late = asyncio.create_task(gathering.ask("a", 6))
    await asyncio.sleep(0)
    gone.cancel()
    late.cancel()
    rounds.go.set()
    assert await stays == 40
    assert rounds.seen == [[2, 4]], "nothing is done for who went before its round began"
