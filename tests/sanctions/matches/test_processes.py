"""Re-screening by several processes at once, and by one that is killed: none twice, none lost."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import pytest
from sqlalchemy import text

from app.core.db import Database
from app.core.settings import Settings
from app.sanctions.feed.entries import listed_entry_id
from tests.cli.commands import environment_of
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.sanctions.lists.support import party
from tests.sanctions.matches.conftest import SHARED, Again, Put

# Starts once, which takes seconds, and forks for each worker: its children are what is killed.
_PROGRAM = """
import asyncio, os, sys
from sqlalchemy import text
from app import models
from app.core.crypto import KeyRing
from app.core.db import Database
from app.core.key_provider import load_root_keys
from app.core.settings import Settings
from app.sanctions.matches import items
from app.sanctions.matches.rescreen import Rescreener

done = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

async def slow(kind, subject):
    os.write(done, f"{os.getpid()} {kind} {subject}\\n".encode())
    await asyncio.sleep(0.01)

async def to_subject(session, keyring, ref, found):
    await items.found_for_subject(session, keyring, ref, found)
    await slow("subject", ref.person_id or ref.partner_id)

async def to_entry(session, keyring, entry_id, found):
    await items.found_for_entry(session, keyring, entry_id, found)
    await slow("entry", entry_id)

async def work():
    settings = Settings()
    database = Database(settings.require("database_worker_url"), settings)
    again = Rescreener(
        database, KeyRing(load_root_keys(settings)), to_subject=to_subject, to_entry=to_entry
    )
    waits = True
    while waits:
        # Whoever finds the other at work tries again, as the next round of a worker would.
        if not await again.round():
            await asyncio.sleep(0.002)
            async with database.session() as session:
                waits = await session.scalar(text("SELECT EXISTS (SELECT FROM rescreen_tasks)"))
    await database.close()

for line in sys.stdin:
    children = []
    for _ in range(int(line)):
        child = os.fork()
        if child == 0:
            asyncio.run(work())
            os._exit(0)
        children.append(child)
    print(*children, flush=True)
    print(*(os.waitpid(child, 0)[1] for child in children), flush=True)
"""


class Workers:
    """Processes of their own that work the queue off."""

    def __init__(self, settings: Settings, done: Path) -> None:
        self._environment = environment_of(settings, PATH="/usr/bin:/bin")
        self._done = done
        done.touch()

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-c", _PROGRAM, str(self._done)),
            env=self._environment,
            cwd=Path(__file__).parents[3],
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        return self

    async def __aexit__(self, *error: object) -> None:
        self._process.kill()
        await self._process.wait()

    async def run(self, count: int, *, killed_at: int | None = None) -> list[list[str]]:
        """Let so many work until nothing waits. ``killed_at``: or until that many tasks are done
        or half done, and a SIGKILL. Who did what: process, kind, id.
        """
        assert self._process.stdin is not None
        self._done.write_text("")
        self._process.stdin.write(f"{count}\n".encode())
        children = await self._line()
        if killed_at is not None:
            while len(self._said()) < killed_at:  # noqa: ASYNC110 - another process writes
                await asyncio.sleep(0.001)
            for child in children:
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
        ended = await self._line()
        assert ended == [0] * count or killed_at is not None, ended
        return self._said()

    def _said(self) -> list[list[str]]:
        return [line.split() for line in self._done.read_text().splitlines()]

    async def _line(self) -> list[int]:
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), 60)
        return [int(word) for word in line.split()]


_NAMES = (
    *("Amaranth Trellis Orphanage", "Bistre Galleon Nurses", "Cerulean Paddock Wells"),
    *("Damson Turret Farmers", "Ecru Sluice Midwives", "Fuchsia Rampart Weavers"),
)
_REST = 18


async def _world(
    api_for: ApiFor, lists: Put, again: Again
) -> tuple[list[UUID], list[dict[str, Any]]]:
    """Profiles, and as many parties of the same names among others, which are not listed yet."""
    await lists(party("q0", "Zinc Quarry Holding 000"))
    await again()
    partners = []
    for name in _NAMES:
        made = await make_partner(
            await api_for("UNICEF"), legal_name=name, aliases=[], acronym=None
        )
        partners.append(UUID(made["id"]))
    rest = [party(f"q{n}", f"Zinc Quarry Holding {n:03d}") for n in range(_REST)]
    return partners, [*rest, *(party(f"p{n}", name) for n, name in enumerate(_NAMES))]


async def _pairs(database: Database, partners: list[UUID]) -> Counter[tuple[Any, Any, str]]:
    """Pairs of these profiles with their states; and none of them twice."""
    async with database.session() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        rows = await session.execute(
            text(
                "SELECT partner_id, entry_id, state FROM screening_matches "
                "WHERE partner_id = ANY (:ids)"
            ),
            {"ids": partners},
        )
        return Counter((row.partner_id, row.entry_id, row.state) for row in rows)


async def _told(database: Database, partners: list[UUID]) -> set[tuple[str, ...]]:
    """Of each pair what was told of it, in order."""
    async with database.session() as session:
        rows = await session.execute(
            text(
                "SELECT (SELECT string_agg(o.type, ' ' ORDER BY o.id) FROM outbox o "
                "WHERE o.subject_id = m.id) AS told FROM screening_matches m "
                "WHERE m.partner_id = ANY (:ids)"
            ),
            {"ids": partners},
        )
        return {tuple(row.told.replace("match.", "").split()) for row in rows}


def _expected(partners: list[UUID], state: str) -> Counter[tuple[Any, Any, str]]:
    return Counter(
        (partner, listed_entry_id(SHARED, f"p{n}"), state) for n, partner in enumerate(partners)
    )


async def _waits(database: Database) -> int:
    async with database.session() as session:
        return int(await session.scalar(text("SELECT count(*) FROM rescreen_tasks")) or 0)


async def test_two_processes_do_each_task_once_and_lose_none(
    api_for: ApiFor,
    again: Again,
    lists: Put,
    settings: Settings,
    operator_database: Database,
    tmp_path: Path,
) -> None:
    partners, parties = await _world(api_for, lists, again)
    async with Workers(settings, tmp_path / "done") as workers:
        await lists(*parties)
        waited = await _waits(operator_database)
        assert waited >= len(parties) + len(partners) - 1
        done = await workers.run(2)
    subjects = [name for _, kind, name in done if kind == "subject"]
    entries = [name for _, kind, name in done if kind == "entry"]
    assert len(subjects) == len(set(subjects)), "a task was done twice"
    assert len(entries) == len(set(entries)), "a task was done twice"
    assert set(subjects) >= {str(one) for one in partners}
    wanted = {str(listed_entry_id(SHARED, one["key"])) for one in parties[1:]}
    assert set(entries) >= wanted
    assert await _waits(operator_database) == 0
    assert await _pairs(operator_database, partners) == _expected(partners, "open")
    assert await _told(operator_database, partners) == {("opened",)}


async def _killed(
    workers: Workers,
    lists: Put,
    operator: Database,
    partners: list[UUID],
    parties: list[dict[str, Any]],
    times: int,
) -> None:
    """Each time the list changes, and whoever compares is killed in the middle of a round."""
    dice, told, broken_off = random.Random(7), [], 0
    for time in range(times):
        there = time % 2 == 0
        await lists(*(parties if there else parties[:1]))
        waited = await _waits(operator)
        assert waited > 13
        done = await workers.run(2, killed_at=dice.choice((3, 4, 12, 13)))
        left = await _waits(operator)
        assert left > 0, "all was done before the kill"
        broken_off += len(done) > waited - left
        await workers.run(2)
        assert await _waits(operator) == 0
        told.append("obsolete" if not there else "reopened" if time else "opened")
        state = "open" if there else "obsolete"
        assert await _pairs(operator, partners) == _expected(partners, state)
        assert await _told(operator, partners) == {tuple(told)}
    assert broken_off > times / 2, "too few were killed in the middle of a transaction"


async def _drilled(
    api_for: ApiFor,
    again: Again,
    lists: Put,
    settings: Settings,
    operator: Database,
    folder: Path,
    times: int,
) -> None:
    partners, parties = await _world(api_for, lists, again)
    async with Workers(settings, folder / "done") as workers:
        await _killed(workers, lists, operator, partners, parties, times)


async def test_a_killed_worker_loses_nothing_and_nothing_is_told_twice(
    api_for: ApiFor,
    again: Again,
    lists: Put,
    settings: Settings,
    operator_database: Database,
    tmp_path: Path,
) -> None:
    await _drilled(api_for, again, lists, settings, operator_database, tmp_path, 2)


@pytest.mark.drill
@pytest.mark.timeout(600)
async def test_twenty_kills_of_workers_that_compare(
    api_for: ApiFor,
    again: Again,
    lists: Put,
    settings: Settings,
    operator_database: Database,
    tmp_path: Path,
) -> None:
    await _drilled(api_for, again, lists, settings, operator_database, tmp_path, 20)
