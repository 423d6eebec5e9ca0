"""``registry openapi``: the published contract."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli.shell import fail, group, part
from app.openapi import check, export, offline_app

app = group()
_FILE = Path("openapi/openapi.json")


@app.callback()
def _group() -> None:
    """The OpenAPI document that clients rely on."""


@app.command("export")
def export_document(
    output: Annotated[Path, typer.Option(help="where to write it, or - for standard output")] = (
        _FILE
    ),
    check_only: Annotated[
        bool, typer.Option("--check", help="write nothing; fail when file and code differ")
    ] = False,
) -> None:
    """Write the document that the code describes, or compare the file with the code."""
    application = offline_app(part("app.main:create_app"))
    if check_only:
        for line in (differences := check(application, output)):
            typer.echo(line)
        if differences:
            fail(f"{output} is not what the code says: run `registry openapi export`.")
        return
    text = export(application)
    if str(output) == "-":
        typer.echo(text, nl=False)
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text, "utf-8")
    typer.echo(f"{output} is written.")
