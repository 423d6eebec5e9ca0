"""``registry lists``: external sanction lists."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.shell import Steps, group, load_settings, opened, run, show, steps
from app.core.clock import utc_now
from app.core.settings import Settings
from app.sanctions import sources
from app.sanctions.lists import freshness, queries
from app.sanctions.lists.importer import ImportResult, import_list

app = group("External sanction lists. Works as reg_worker: REGISTRY_DATABASE_WORKER_URL.")


@app.command("import")
def import_file(
    source: Annotated[
        str, typer.Argument(help=f"one of: {', '.join(sorted(sources.ALL))}, csv:<name>")
    ],
    file: Annotated[
        Path, typer.Argument(help="the list as published", exists=True, dir_okay=False)
    ],
    accept_shrink: Annotated[
        bool,
        typer.Option("--accept-shrink", help="take a list that lost over a fifth of its names"),
    ] = False,
) -> None:
    """Import a published file: checked whole, then put in force at once, or not at all."""
    with steps() as report:
        result = run(_import(load_settings(), source, file, accept_shrink, report))
    if result.unchanged:
        typer.echo(f"{source}: no change, version {result.version}, {result.parties} parties.")
    else:
        typer.echo(
            f"{source}: version {result.version}, {result.parties} parties; {result.added} added, "
            f"{result.changed} changed, {result.removed} removed."
        )


async def _import(
    settings: Settings, source: str, file: Path, accept_shrink: bool, report: Steps
) -> ImportResult:
    async with opened(settings, "database_worker_url") as database:
        return await import_list(
            database,
            source,
            file,
            accept_shrink=accept_shrink,
            progress=lambda done, total: report("parties", done, total),
        )


@app.command("status")
def status() -> None:
    """Show what is held of each source, and whether it is too old to answer from."""
    rows = [
        [
            item["code"],
            str(item["version"] or "-"),
            str(sum(item["counts"].values())),
            _moment(item["published_at"]),
            _moment(item["last_success"]),
            "stale" if item["stale"] else "fresh",
        ]
        for item in run(_status(load_settings()))
    ]
    show(["source", "version", "parties", "published", "last checked", "state"], rows)


async def _status(settings: Settings) -> list[dict[str, Any]]:
    async with opened(settings, "database_worker_url") as database, database.session() as session:
        return freshness.describe(await queries.source_states(session), utc_now())


def _moment(value: datetime | None) -> str:
    return value.strftime("%Y-%m-%d %H:%M") if value else "-"
