"""Many who ask at once are answered together: who comes while a round is under way waits for it to
end and is in the next, with all who came meanwhile.

One statement for many costs little more than one for one. Who comes alone waits for nobody.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import asyncpg

Item = TypeVar("Item")
Told = TypeVar("Told")
Round = Callable[[Sequence[Item]], Awaitable[Sequence[Told | Exception]]]
"""Carries out items together: what each is told, or the error of each, in their order. Should it
raise, it has done nothing for any of them."""

OF_ONE = (ValueError, LookupError, TypeError, ArithmeticError, AssertionError, RecursionError)
"""What working on one item may fail by, whatever the item: for rounds that tell it to that one."""
_MAYBE_ONE = ("22", "23", "40")
"""Classes of SQLSTATE by which one item may have failed all: values, constraints, turns taken."""


@dataclass(frozen=True, slots=True)
class _Place(Generic[Item, Told]):
    item: Item
    told: asyncio.Future[Told]


@dataclass(slots=True)
class _Line(Generic[Item, Told]):
    """Who waits, and how many rounds are under way."""

    waiting: deque[_Place[Item, Told]] = field(default_factory=deque)
    rounds: int = 0


class Gathering(Generic[Item, Told]):
    """Rounds of at most ``most`` items of one key, ``rounds`` at a time for each key.

    Items of two keys never meet: nothing that one is told depends on another's.
    """

    def __init__(
        self,
        carry_out: Round[Item, Told],
        *,
        most: int = 32,
        rounds: int = 2,
        faults: tuple[type[Exception], ...] = (),
    ) -> None:
        """``faults``: errors of a round, beside those of the database, that may be one item's."""
        self._carry_out = carry_out
        self._most = most
        self._rounds = rounds
        self._faults = faults
        self._lines: dict[Hashable, _Line[Item, Told]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(self, key: Hashable, item: Item) -> Told:
        """What this item is told. Raises its error."""
        place: _Place[Item, Told] = _Place(item, asyncio.get_running_loop().create_future())
        line = self._lines.setdefault(key, _Line())
        line.waiting.append(place)
        if line.rounds < self._rounds:
            line.rounds += 1
            # It begins in the next turn of the loop, with all who ask in this one.
            task = asyncio.create_task(self._run(key, line))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await place.told

    async def _run(self, key: Hashable, line: _Line[Item, Told]) -> None:
        try:
            while line.waiting:
                count = min(self._most, len(line.waiting))
                group = [line.waiting.popleft() for _ in range(count)]
                group = [place for place in group if not place.told.done()]
                if group:
                    await self._round(group)
        finally:
            line.rounds -= 1
            if not line.rounds and self._lines.get(key) is line:
                del self._lines[key]

    async def _round(self, group: Sequence[_Place[Item, Told]]) -> None:
        """Answer all of the group. Where one may have failed the others, each is asked alone."""
        try:
            for place, told in zip(
                group, await self._carry_out([place.item for place in group]), strict=True
            ):
                _tell(place, told)
        except Exception as error:  # noqa: BLE001 - it is raised to everybody who asked
            if len(group) > 1 and self._one_may_have_failed(error):
                for place in group:
                    await self._round([place])
            for place in group:
                _tell(place, error)
        finally:
            for place in group:
                place.told.cancel()  # only where this task was cancelled: nobody waits for ever

    def _one_may_have_failed(self, error: Exception) -> bool:
        if isinstance(error, asyncpg.PostgresError):
            return (error.sqlstate or "")[:2] in _MAYBE_ONE
        return isinstance(error, self._faults)


def _tell(place: _Place[Item, Told], told: Told | Exception) -> None:
    if place.told.done():  # whoever asked went away
        return
    if isinstance(told, Exception):
        place.told.set_exception(told)
    else:
        place.told.set_result(told)
