"""What every command shares: settings, one-sentence errors, progress, other parts by name."""

from __future__ import annotations

import asyncio
import pkgutil
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from typer.core import TyperGroup

from app.core.settings import Settings

T = TypeVar("T")


class Refused(Exception):
    """A command cannot do what was asked; the message is one sentence."""


class Commands(TyperGroup):
    """A group whose expected failures are one sentence on stderr and exit code 1."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as error:  # what no part knows is raised again
            # Named only now: it knows what every part can refuse, so it loads all of them.
            words = part("app.cli.errors:sentence")(error)
            if words is None:
                raise
            fail(words)


def fail(words: str) -> NoReturn:
    """End with exit code 1 and this sentence on stderr."""
    typer.echo(words, err=True)
    raise typer.Exit(1)


def group(help_: str | None = None, cls: type[Commands] = Commands) -> typer.Typer:
    """A Typer group in the house's manner: plain text, help when called with nothing."""
    return typer.Typer(
        cls=cls,
        help=help_,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )


def part(name: str) -> Any:
    """``module:attribute`` of another part of the top floor.

    The parts do not import each other: the command line names what it starts, as an ASGI server
    does, and `registry --help` need not load any of it.
    """
    return pkgutil.resolve_name(name)


def load_settings() -> Settings:
    """Settings from the environment."""
    return Settings()


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end."""
    return asyncio.run(work)


class Steps:
    """Progress of long work: bars on a terminal, a plain line per finished step elsewhere."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._tasks: dict[str, Any] = {}

    def __call__(self, step: str, done: int, total: int) -> None:
        if self._progress is None:
            if done >= total:
                typer.echo(f"{step}: {total}" if total > 1 else step, err=True)
            return
        if step not in self._tasks:
            self._tasks[step] = self._progress.add_task(step, total=total)
        self._progress.update(self._tasks[step], completed=done, total=total)


@contextmanager
def steps() -> Iterator[Steps]:
    """Where long work reports to."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Steps(None)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console) as progress:
        yield Steps(progress)


def show(columns: list[str], rows: list[list[str]]) -> None:
    """A table on a terminal, tab-separated lines elsewhere."""
    if not sys.stdout.isatty():
        for row in (columns, *rows):
            typer.echo("\t".join(row))
        return
    table = Table(*columns, box=None)
    for row in rows:
        table.add_row(*row)
    Console().print(table, markup=False)
