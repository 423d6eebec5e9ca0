"""``registry lists``: external sanction lists."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic_core import to_json
from sqlalchemy import text

from app.cli.databases import opened
from app.cli.shell import Refused, Steps, group, load_settings, run, show, steps
from app.core.clock import utc_now
from app.core.db import Database
from app.core.settings import Settings
from app.sanctions import sources
from app.sanctions.lists import approval, files, freshness, importer, quarantine, queries
from app.sanctions.lists.audience import find_source
from app.sanctions.lists.importer import ImportResult, Plan
from app.sanctions.lists.staging import Delta

app = group()
Source = Annotated[
    str, typer.Argument(help=f"one of: {', '.join(sorted(sources.ALL))}; csv:NAME for a mapped one")
]
Paths = Annotated[
    list[Path],
    typer.Argument(help="the files of one issue, or a folder: then its newest issue", exists=True),
]
Json = Annotated[bool, typer.Option("--json", help="one JSON document on stdout")]
Correcting = Annotated[
    bool,
    typer.Option(
        "--correcting",
        help="the issue in force was a mistake: who followed it erases what this one has not",
    ),
]
Limit = Annotated[int, typer.Option(min=1, max=100_000, help="changes shown")]


@app.command("import")
def import_files(
    source: Source,
    paths: Paths,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="do everything but put it in force")
    ] = False,
    accept_older: Annotated[
        bool, typer.Option("--accept-older", help="take an issue older than the one in force")
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="read the files in force once more")
    ] = False,
    correcting: Correcting = False,
    as_json: Json = False,
) -> None:
    """Import a published issue: checked whole, then put in force at once, or not at all.

    An issue that lost more parties than its list may is held back for a person, who looks at it
    with `registry lists diff SOURCE --held` and decides with `registry lists approve SOURCE`.
    """

    async def work(database: Database, report: Steps) -> ImportResult:
        return await importer.import_list(
            database,
            source,
            *files.issue_of(find_source(source), paths),
            accept_older=accept_older,
            again=again,
            correcting=correcting,
            dry_run=dry_run,
            progress=lambda done, total: report("parties", done, total),
        )

    result = _with(work)
    if as_json:
        _print({"source": source, "dry_run": dry_run, **_result(result)})
    elif result.unchanged:
        typer.echo(f"{source}: no change, version {result.version}, {result.parties} parties.")
    else:
        would = " if it were put in force" if dry_run else ""
        typer.echo(
            f"{source}: version {result.version}, {result.parties} parties; {result.added} added, "
            f"{result.changed} changed, {result.removed} removed{would}."
            + (" It would be held back for a person: it lost too many." if result.held else "")
        )


@app.command("plan")
def plan(source: Source, paths: Paths, as_json: Json = False) -> None:
    """Say what an import of these files would be: no change, a delta, the full list, or older."""

    async def work(database: Database, report: Steps) -> tuple[Plan, Sequence[Path]]:
        found = files.issue_of(find_source(source), paths)
        return await importer.plan_list(database, source, *found), found

    made, found = _with(work)
    if as_json:
        names = [str(path) for path in found]
        _print({"source": source, "files": names, **_plan(made)})
        return
    typer.echo(
        f"{source}: {made.kind.replace('_', ' ')}; {made.parties} parties in "
        f"{', '.join(path.name for path in found)}, {made.in_force or 0} in force."
    )


@app.command("diff")
def diff(
    source: Source,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="the files of one issue, or a folder", exists=True),
    ] = None,
    held: Annotated[bool, typer.Option("--held", help="of the issue that is held back")] = False,
    limit: Limit = 200,
    as_json: Json = False,
) -> None:
    """Show what an issue would add, change and remove. Nothing is stored."""
    if held == bool(paths):
        raise Refused("Name files, or say --held for the issue that waits: one of the two.")

    async def work(database: Database, report: Steps) -> tuple[Delta, list[dict[str, Any]]]:
        if held:
            return await approval.diff_held(database, source, limit)
        found = files.issue_of(find_source(source), paths or [])
        return await importer.diff_list(
            database,
            source,
            *found,
            limit=limit,
            progress=lambda done, total: report("parties", done, total),
        )

    delta, changes = _with(work)
    if as_json:
        _print({"source": source, **_delta(delta), "changes": changes})
        return
    show(
        ["change", "reference", "name"],
        [[item["change"], item["reference"], item["name"]] for item in changes],
    )
    more = delta.added + delta.changed + delta.removed - len(changes)
    typer.echo(
        f"{delta.added} added, {delta.changed} changed, {delta.removed} removed of {delta.before}"
        + (f"; {more} not shown." if more > 0 else "."),
        err=True,
    )


@app.command("approve")
def approve(
    source: Source,
    reason: Annotated[str, typer.Option(help="why; kept with the issue")],
    refuse: Annotated[
        bool, typer.Option("--refuse", help="drop it instead; the same files are not taken again")
    ] = False,
    by: Annotated[str | None, typer.Option(help="who decides; default: the user's name")] = None,
    correcting: Correcting = False,
    as_json: Json = False,
) -> None:
    """Put the issue that is held back in force, or refuse it. Logged, with name and reason."""
    who = by or getpass.getuser()
    if not reason.strip() or len(reason) > 1_000 or len(who) > 200:
        raise Refused("A reason of at most 1,000 characters is needed.")

    async def work(database: Database, report: Steps) -> ImportResult | None:
        if refuse:
            await approval.refuse(database, source, who, reason)
            return None
        return await approval.approve(database, source, who, reason, correcting=correcting)

    result = _with(work)
    if as_json:
        state = "refused" if result is None else "approved"
        _print({"source": source, "state": state, **(_result(result) if result else {})})
    elif result is None:
        typer.echo(f"{source}: the issue that waited is refused; the list in force stands.")
    else:
        typer.echo(
            f"{source}: version {result.version}, {result.parties} parties; {result.added} added, "
            f"{result.changed} changed, {result.removed} removed."
        )


@app.command("status")
def status(as_json: Json = False) -> None:
    """Show what is held of each source, whether it is too old to answer from, and what waits."""
    items = run(_status(load_settings()))
    if as_json:
        _print({"sources": items})
        return
    rows = [
        [
            item["code"],
            item["audience"],
            str(item["version"] or "-"),
            str(sum(item["counts"].values())),
            _moment(item["published_at"]),
            _moment(item["last_success"]),
            _state(item),
        ]
        for item in items
    ]
    columns = ["source", "audience", "version", "parties", "published", "last checked", "state"]
    show(columns, rows)


async def _status(settings: Settings) -> list[dict[str, Any]]:
    async with opened(settings, "database_worker_url") as database, database.session() as session:
        items = freshness.describe(await queries.source_states(session), utc_now())
        held = {row.source: row for row in await quarantine.all_waiting(session)}
        checks = {row.source: row for row in await session.execute(_CHECKS)}
    for item in items:
        waiting, check = held.get(item["code"]), checks.get(item["code"])
        item["held"] = quarantine.shown(waiting) if waiting else None
        item["failures"] = check.failures if check else 0
        item["failure"] = check.failure if check else None
    return items


_CHECKS = text("SELECT source, failures, failure FROM list_fetches")


def _state(item: dict[str, Any]) -> str:
    parts = ["stale" if item["stale"] else "fresh"]
    if item["held"]:
        parts.append(f"an issue waits for a person: registry lists diff {item['code']} --held")
    if item["failures"]:
        parts.append(f"{item['failures']} checks failed: {item['failure']}")
    return ", ".join(parts)


def _with(work: Any) -> Any:
    async def inner(report: Steps) -> Any:
        async with opened(load_settings(), "database_worker_url") as database:
            return await work(database, report)

    with steps() as report:
        return run(inner(report))


def _result(result: ImportResult) -> dict[str, Any]:
    names = ("version", "added", "changed", "removed", "parties", "unchanged", "held")
    return {name: getattr(result, name) for name in names}


def _plan(made: Plan) -> dict[str, Any]:
    names = ("kind", "digest", "parties", "layout", "published_at", "in_force")
    return {name: getattr(made, name) for name in names}


def _delta(delta: Delta) -> dict[str, Any]:
    names = ("added", "changed", "removed", "before")
    return {name: getattr(delta, name) for name in names}


def _print(document: dict[str, Any]) -> None:
    typer.echo(to_json(document, indent=2).decode())


def _moment(value: datetime | None) -> str:
    return value.strftime("%Y-%m-%d %H:%M") if value else "-"
