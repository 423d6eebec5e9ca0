"""kill -9 in the middle of an import: the old list or the new one, never a half."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sys
from pathlib import Path

import asyncpg
import pytest

from app.core.settings import Settings

_PARTIES = 1_200
_PROGRAM = """
import asyncio, os, sys
from pathlib import Path
from app.core.db import Database
from app.core.settings import Settings
from app.sanctions.lists.importer import import_list
from tests.sanctions.lists.support import LinesSource, registered

async def main():
    database = Database(os.environ["REGISTRY_DATABASE_WORKER_URL"], Settings())
    print("ready", flush=True)
    with registered(LinesSource("zz_crash", shrink_limit=1.0)):
        await import_list(database, "zz_crash", Path(sys.argv[1]), accept_older=True)
    await database.close()

asyncio.run(main())
"""


def _write(path: Path, letter: str, count: int) -> Path:
    head = {"zz_crash": "2026-01-01T00:00:00+00:00"}
    lines = [
        {"key": str(number), "names": [f"{letter} {number}"], "letter": letter}
        for number in range(count)
    ]
    path.write_text("\n".join(json.dumps(line) for line in (head, *lines)))
    return path


async def _import(settings: Settings, file: Path, kill_after: float | None) -> bool:
    """Run an import in a process of its own; whether it came to its end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _PROGRAM,
        str(file),
        env={
            "REGISTRY_DATABASE_WORKER_URL": settings.require("database_worker_url"),
            "PATH": "/usr/bin:/bin",
        },
        cwd=Path(__file__).parents[3],
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    if kill_after is not None:
        await asyncio.sleep(kill_after)
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
    return await process.wait() == 0


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
    files = {"A": _write(folder / "a", "A", _PARTIES), "B": _write(folder / "b", "B", _PARTIES)}
    began = asyncio.get_running_loop().time()
    assert await _import(settings, files["A"], None)
    whole = asyncio.get_running_loop().time() - began
    letters, parties, versions, pending = await _held(settings)
    assert (letters, parties, versions, pending) == ({"A"}, _PARTIES, 1, _PARTIES)
    now, dice = "A", random.Random(7)
    for _ in range(times):
        coming = "B" if now == "A" else "A"
        await _import(settings, files[coming], dice.random() * whole * 0.8)
        letters, parties, new_versions, new_pending = await _held(settings)
        assert len(letters) == 1
        assert parties == _PARTIES
        swapped = letters == {coming}
        assert new_versions == versions + swapped
        assert new_pending == pending + (_PARTIES if swapped else 0)
        now, versions, pending = letters.pop(), new_versions, new_pending
    coming = "B" if now == "A" else "A"
    assert await _import(settings, files[coming], None)
    assert (await _held(settings))[0] == {coming}


async def test_a_killed_import_leaves_the_old_list_or_the_new(
    empty_database: Settings, tmp_path: Path
) -> None:
    await _rounds(empty_database, tmp_path, 2)


@pytest.mark.drill
async def test_twenty_killed_imports(empty_database: Settings, tmp_path: Path) -> None:
    await _rounds(empty_database, tmp_path, 20)
