"""Time and memory of list imports: ``python -m bench.list_imports FOLDER``.

Starts a server of its own and imports, for each source, every issue that the folder holds, the
oldest first, each in a process of its own. Prints a table for docs/lists.md.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from app.core import migrate, roles
from app.core.db import Database
from app.core.embedded import EmbeddedPostgres
from app.core.settings import Settings
from app.sanctions import sources
from app.sanctions.lists import files
from app.sanctions.lists.importer import ListHeld, import_list

_NAME = "bench_lists"


async def _prepare(server: EmbeddedPostgres) -> None:
    import asyncpg

    connection = await asyncpg.connect(server.url())
    try:
        await roles.create_roles(connection, "bench", "bench")
        await roles.create_database(connection, _NAME)
    finally:
        await connection.close()


def _peak() -> int:
    """KiB that this program held at most; what `getrusage` says is its parent's, too."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))


async def _one(url: str, code: str, paths: list[Path]) -> dict[str, object]:
    """In the child: one import, its time and the most memory the process ever held."""
    database = Database(url, Settings())
    before = _peak()
    began = time.perf_counter()
    held = False
    try:
        result = await import_list(database, code, *paths, accept_older=True)
        counts = (result.parties, result.added, result.changed, result.removed)
    except ListHeld:
        held, counts = True, (0, 0, 0, 0)
    seconds = time.perf_counter() - began
    await database.close()
    return {"counts": counts, "s": seconds, "peak": _peak(), "base": before, "held": held}


def _row(code: str, paths: tuple[Path, ...], done: dict[str, object]) -> str:
    parties, added, changed, removed = done["counts"]  # type: ignore[misc]  # written by _one
    peak, base = int(str(done["peak"])), int(str(done["base"]))
    size = sum(path.stat().st_size for path in paths) / 2**20
    delta = "held back" if done["held"] else f"+{added} ~{changed} -{removed}"
    return (
        f"| `{code}` | {paths[0].name}{' and others' if len(paths) > 1 else ''} | {size:.1f} | "
        f"{parties} | {delta} | {float(str(done['s'])):.1f} | {peak // 1024} "
        f"(+{(peak - base) // 1024}) |"
    )


def _issues(folder: Path) -> Iterator[tuple[str, tuple[Path, ...]]]:
    found = files.in_folder(folder)
    for code, source in sources.ALL.items():
        issues = files.issues(source, found)
        # A part of a set of files that can be read without the rest is no issue of its own.
        sets = [frozenset(issue.paths) for issue in issues]
        whole = [
            issue
            for issue in {frozenset(one.paths): one for one in issues}.values()
            if not any(frozenset(issue.paths) < other for other in sets)
        ]
        yield from ((code, issue.paths) for issue in sorted(whole, key=files.age))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        url, code, *names = asked.child
        print(json.dumps(asyncio.run(_one(url, code, [Path(name) for name in names]))))
        return
    with tempfile.TemporaryDirectory(prefix="bench-lists-") as name:
        server = EmbeddedPostgres(Path(name) / "pg")
        server.start()
        try:
            asyncio.run(_prepare(server))
            migrate.upgrade(server.url(database=_NAME))
            url = server.url(database=_NAME, user=roles.WORKER, password="bench")
            print("| source | file | MiB | parties | changes | s | peak MiB |")
            print("|---|---|---|---|---|---|---|")
            for code, paths in _issues(asked.folder):
                arguments = [str(asked.folder), "--child", url, code, *map(str, paths)]
                done = subprocess.run(
                    [sys.executable, "-m", "bench.list_imports", *arguments],
                    check=True,
                    capture_output=True,
                    env=os.environ,
                )
                print(_row(code, paths, json.loads(done.stdout)), flush=True)
        finally:
            server.stop("immediate")


if __name__ == "__main__":
    main()
