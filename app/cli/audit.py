"""``registry audit``: checking the log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.audit import verify as walk
from app.audit.notes import NoteInvalid
from app.cli.databases import opened
from app.cli.shell import Refused, Steps, group, load_settings, run, steps
from app.core.settings import Settings

app = group()
_SHOWN = 100


@app.command("verify")
def verify(
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            help="a checkpoint that was kept outside; the log must continue it",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
) -> None:
    """Check every record, subtree and checkpoint; name what was changed. Exit code 1 if any was.

    The keys are those the database holds: whoever can change them too is found out only by
    --checkpoint, a note that an agency kept.
    """
    try:
        outside = checkpoint.read_text("utf-8") if checkpoint is not None else None
        with steps() as report:
            result = run(_verify(load_settings(), report, outside))
    except (NoteInvalid, UnicodeDecodeError) as invalid:
        raise Refused(f"{checkpoint} is no checkpoint of this registry: {invalid}") from None
    for fault in result.faults[:_SHOWN]:
        typer.echo(f"BROKEN {fault}")
    if len(result.faults) > _SHOWN:
        typer.echo(f"and {len(result.faults) - _SHOWN} more")
    if result.waiting:
        typer.echo(f"{result.waiting} events wait for a number: does `registry worker` run?")
    typer.echo(
        f"{result.records} records ({result.erased} erased) and {result.checkpoints} checkpoints "
        + ("hold." if not result.faults else f"checked: {len(result.faults)} faults.")
    )
    if result.faults:
        raise typer.Exit(1)


async def _verify(settings: Settings, report: Steps, outside: str | None) -> walk.Result:
    url = "database_migration_url" if settings.database_migration_url else "database_worker_url"
    async with opened(settings, url) as database:
        return await walk.verify(database, report, outside)
