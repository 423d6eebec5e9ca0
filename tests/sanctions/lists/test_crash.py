"""kill -9 in the middle of an import: the old list or the new one, never a half."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Self

import asyncpg
import pytest

from app.core.settings import Settings

_PARTIES = 1_200
# Starts once, which takes seconds, and forks for each import: its child is what is killed.
_PROGRAM = """
import asyncio, os, sys
from pathlib import Path
from app.core.db import Database
from app.core.settings import Settings
from app.sanctions.lists.importer import import_list
from tests.sanctions.lists.support import LinesSource, registered

async def work(file):
    database = Database(os.environ["REGISTRY_DATABASE_WORKER_URL"], Settings())
    with registered(LinesSource("zz_crash", shrink_limit=1.0)):
        await import_list(database, "zz_crash", Path(file), accept_older=True)
    await database.close()

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        asyncio.run(work(line.strip()))
        os._exit(0)
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""


def _write(path: Path, letter: str, count: int) -> Path:
    head = {"zz_crash": "2026-01-01T00:00:00+00:00"}
    lines = [
        {"key": str(number), "names": [f"{letter} {number}"], "letter": letter}
        for number in range(count)
    ]
    path.write_text("\n".join(json.dumps(line) for line in (head, *lines)))
    return path


class Importer:
    """Runs imports in processes of their own."""

    def __init__(self, settings: Settings) -> None:
        self._environment = {
            "REGISTRY_DATABASE_WORKER_URL": settings.require("database_worker_url"),
            "PATH": "/usr/bin:/bin",
        }

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            _PROGRAM,
            env=self._environment,
            cwd=Path(__file__).parents[3],
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        return self

    async def __aexit__(self, *error: object) -> None:
        self._process.kill()
        await self._process.wait()

    async def run(self, file: Path, kill_after: float | None = None) -> bool:
        """Import this file, to its end or until it is killed; whether it came to its end."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{file}\n".encode())
        child = await self._line()
        if kill_after is not None:
            await asyncio.sleep(kill_after)
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        return await self._line() == 0

    async def _line(self) -> int:
        assert self._process.stdout is not None
        return int(await self._process.stdout.readline())


async def _held(settings: Settings) -> tuple[set[str], int, int, int]:
    """Letters in force, how many parties, how many versions, how many rows wait for the feed."""
    connection = await asyncpg.connect(settings.require("database_migration_url"))
    try:
        rows = await connection.fetch(
            "SELECT original->>'letter' AS letter, count(*) AS parties FROM listed_parties "
            "WHERE source = 'zz_crash' AND to_version IS NULL GROUP BY 1"
        )
        versions = await connection.fetchval("SELECT count(*) FROM list_versions")
        pending = await connection.fetchval("SELECT count(*) FROM feed_pending")
    finally:
        await connection.close()
    return {row["letter"] for row in rows}, sum(row["parties"] for row in rows), versions, pending


async def _rounds(settings: Settings, folder: Path, times: int) -> None:
    async with Importer(settings) as importer:
        await _killed(importer, settings, folder, times)


async def _killed(importer: Importer, settings: Settings, folder: Path, times: int) -> None:
    files = {"A": _write(folder / "a", "A", _PARTIES), "B": _write(folder / "b", "B", _PARTIES)}
    assert await importer.run(files["A"])
    began = asyncio.get_running_loop().time()
    assert await importer.run(files["B"])
    whole = asyncio.get_running_loop().time() - began
    letters, parties, versions, pending = await _held(settings)
    assert (letters, parties, versions, pending) == ({"B"}, _PARTIES, 2, 2 * _PARTIES)
    now, dice = "B", random.Random(7)
    for _ in range(times):
        coming = "B" if now == "A" else "A"
        await importer.run(files[coming], dice.random() * whole)
        letters, parties, new_versions, new_pending = await _held(settings)
        assert len(letters) == 1
        assert parties == _PARTIES
        swapped = letters == {coming}
        assert new_versions == versions + swapped
        assert new_pending == pending + (_PARTIES if swapped else 0)
        now, versions, pending = letters.pop(), new_versions, new_pending
    coming = "B" if now == "A" else "A"
    assert await importer.run(files[coming])
    assert (await _held(settings))[0] == {coming}


async def test_a_killed_import_leaves_the_old_list_or_the_new(
    empty_database: Settings, tmp_path: Path
) -> None:
    await _rounds(empty_database, tmp_path, 2)


@pytest.mark.drill
async def test_twenty_killed_imports(empty_database: Settings, tmp_path: Path) -> None:
    await _rounds(empty_database, tmp_path, 20)
