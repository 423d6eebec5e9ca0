"""``registry screening``: comparing names by the scorer of the service, without the service."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, BinaryIO

import asyncpg
import typer
from pydantic_core import to_json

from app.cli.databases import opened
from app.cli.shell import Refused, group, load_settings, run, steps
from app.core.ndjson import Line, cut_lines
from app.core.settings import Settings
from app.sanctions.screening import statistics
from app.sanctions.screening.compare import compared_lines
from app.sanctions.screening.scorer import EMPTY, Pairs, Statistics

app = group()
_CHUNK = 100
_PIECE = 262_144
_SOME_WRONG = 3


@app.command("compare")
def compare(
    file: Annotated[
        str, typer.Argument(help="pairs, a JSON document a line; `-` reads from stdin")
    ],
    general: Annotated[
        bool, typer.Option("--general", help="by what is known of words in general, without a list")
    ] = False,
) -> None:
    """Compare the pairs {"a", "b", "threshold"?, "id"?} of a file; one result a line on stdout.

    Words weigh as they do for the service, by the list in its database; where none is configured,
    or with --general, by what is known of words in general.

    Exit code 0 when every line was compared, 3 when some could not be (their results say why),
    1 when the file cannot be read.
    """
    done, wrong = 0, 0
    pairs = Pairs(EMPTY if general else _statistics(load_settings()))
    with steps() as report, _opened(file) as source:
        for chunk in _chunks(source):
            results = compared_lines(chunk, pairs)
            sys.stdout.buffer.write(b"".join(to_json(result) + b"\n" for result in results))
            done += len(results)
            wrong += sum("error" in result for result in results)
            report("comparing", done, done + 1)
        sys.stdout.buffer.flush()
        report("compared", done, done)
    if wrong:
        typer.echo(f"{wrong} of {done} lines could not be compared.", err=True)
        raise typer.Exit(_SOME_WRONG)


def _statistics(settings: Settings) -> Statistics:
    return EMPTY if settings.database_url is None else run(_newest(settings))


async def _newest(settings: Settings) -> Statistics:
    async with opened(settings, "database_url") as database:
        try:
            async with database.fast_read() as connection:
                return await statistics.newest(connection) or EMPTY
        except (OSError, asyncpg.PostgresError) as error:
            raise Refused(
                "The database with the list cannot be read; --general compares without it."
            ) from error


def _opened(file: str) -> BinaryIO:
    if file == "-":
        return sys.stdin.buffer
    try:
        return Path(file).open("rb")
    except OSError as error:
        raise Refused(f"{file} cannot be read: {error.strerror}.") from error


def _chunks(source: BinaryIO) -> Iterator[list[Line]]:
    chunk: list[Line] = []
    for line in cut_lines(iter(lambda: source.read(_PIECE), b"")):
        chunk.append(line)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
