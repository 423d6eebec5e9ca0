"""``registry partners``: loading files of partners in an agency's name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal
from uuid import UUID

import typer

from app.auth.caller import Caller
from app.auth.scopes import Scope
from app.cli.acting import agency_of, as_operator
from app.cli.databases import operator
from app.cli.shell import Refused, Steps, group, load_settings, run, steps
from app.core.crypto import KeyRing
from app.core.db import Database
from app.core.errors import ServiceError
from app.core.key_provider import load_root_keys
from app.core.settings import Settings
from app.partners.bulk import undo
from app.partners.bulk.files import reading, templates
from app.partners.bulk.files.tables import FileRefused
from app.partners.bulk.runner import Outcome, Run

app = group()
loads_app = group("Loads that were made.")
app.add_typer(loads_app, name="loads")
_SOME_REFUSED = 2
Code = Annotated[str, typer.Option(help="code of the agency whose partners these are")]


async def _caller(database: Database, code: str) -> Caller:
    async with database.session() as session:
        agency = await agency_of(session, code)
    return replace(as_operator(agency.id, agency.code), scopes=frozenset({Scope.PARTNERS_WRITE}))


@app.command("load")
def load(
    file: Annotated[Path, typer.Argument(help="NDJSON, CSV or XLSX", exists=True, dir_okay=False)],
    agency: Code,
    format_: Annotated[
        Literal["ndjson", "csv", "xlsx", "unpp"] | None,
        typer.Option("--format", help="default: by the ending; unpp: a CSV or XLSX of the portal"),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="say what would become of each line; store nothing")
    ] = False,
    key_column: Annotated[
        str | None, typer.Option(help="column that holds your own keys, if it is not `key`")
    ] = None,
    load_id: Annotated[UUID | None, typer.Option(help="continue this load, after a cut")] = None,
) -> None:
    """Load partners from a file.

    Exit code 0: every line was stored or had not changed; 2: some lines were not, each is named
    on standard error with its place; 1: the file as a whole could not be read.
    """
    try:
        kind = format_ or reading.guess_format(file)
        size = file.stat().st_size
        with steps() as report:
            outcome = run(
                _load(
                    load_settings(), file, size, kind, agency, key_column, dry_run, load_id, report
                )
            )
    except FileRefused as error:
        raise Refused(str(error)) from None
    except ServiceError as error:
        raise Refused(error.title) from None
    _show(outcome, dry_run)
    if not outcome.clean:
        raise typer.Exit(_SOME_REFUSED)


async def _load(
    settings: Settings,
    file: Path,
    size: int,
    kind: reading.Format,
    code: str,
    key_column: str | None,
    dry_run: bool,
    load_id: UUID | None,
    report: Steps,
) -> Outcome:
    keyring = KeyRing(load_root_keys(settings))
    async with operator(settings) as database:
        caller = await _caller(database, code)
        work = Run(database, keyring, caller, file, kind, key_column, dry_run, load_id)
        # How many lines a file has is known only at its end.
        work.progress = lambda done: report("lines", done, max(done + 1, size // 300))
        outcome = await work.go()
    total = sum(outcome.counts[name] for name in _COUNTED)
    report("lines", total, max(1, total))
    return outcome


_COUNTED = ("created", "updated", "unchanged", "conflict", "invalid")


def _show(outcome: Outcome, dry_run: bool) -> None:
    for problem in outcome.problems:
        typer.echo(problem, err=True)
    hidden = outcome.counts["problems"] - len(outcome.problems)
    if hidden > 0:
        typer.echo(f"and {hidden} more.", err=True)
    if outcome.ignored:
        typer.echo(f"Columns not used: {', '.join(outcome.ignored)}.", err=True)
    words = ", ".join(f"{outcome.counts[name]} {name}" for name in _COUNTED)
    typer.echo(f"{'Dry run: ' if dry_run else ''}{words}.")
    if outcome.reports or outcome.statements:
        typer.echo(
            f"{outcome.reports} reports of the portal kept; {outcome.statements} flags and "
            "comments wait for their author agencies."
        )
    if outcome.load_id is not None:
        typer.echo(f"Load {outcome.load_id}")


@loads_app.command("undo")
def undo_load(
    load_id: Annotated[UUID, typer.Argument(help="the load, as its answer or report names it")],
) -> None:
    """Undo a load: profiles that it made and nobody touched since are deactivated.

    Nothing is deleted; their identifiers end and their keys are free again.
    """
    ended, kept = run(_undo(load_settings(), load_id))
    typer.echo(f"{ended} profiles deactivated, {kept} kept because they are in use or changed.")


async def _undo(settings: Settings, load_id: UUID) -> tuple[int, int]:
    async with operator(settings) as database:
        async with database.session() as session:
            found = await undo.find_load(session, load_id)
        if found is None:
            raise Refused(f"There is no load {load_id}.")
        caller = as_operator(found.agency_id)
        return await undo.undo(database, caller, load_id)


@app.command("template")
def template(
    out: Annotated[Path, typer.Argument(help="file to write")],
    format_: Annotated[
        Literal["csv", "xlsx"], typer.Option("--format", help="kind of table")
    ] = "xlsx",
) -> None:
    """Write an empty table to fill in, with lists to choose from and an example row."""
    (templates.write_csv if format_ == "csv" else templates.write_xlsx)(out)
    typer.echo(f"Wrote {out}.")
