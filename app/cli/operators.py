"""``registry operators``: who may take part in break-glass."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import select

from app.audit.exceptions import break_glass
from app.audit.exceptions.models import Operator
from app.cli.databases import operator
from app.cli.shell import Refused, group, load_settings, run, show
from app.core.clock import utc_now
from app.core.settings import Settings

app = group()
_NAME = re.compile(r"[a-z][a-z0-9._-]{1,39}")
Name = Annotated[str, typer.Argument(help="short name, as it will stand in the log")]


@app.command("add")
def add(
    name: Name,
    public_key: Annotated[Path, typer.Argument(help="PEM file, Ed25519 or EC P-256")],
) -> None:
    """Take in an operator by the public half of a key that only this person holds."""
    if not _NAME.fullmatch(name):
        raise Refused(f"{name!r} is no operator's name: small letters, digits, . _ and -.")
    run(_add(load_settings(), name, public_key.read_bytes()))
    typer.echo(f"{name} may take part in break-glass.")


async def _add(settings: Settings, name: str, pem: bytes) -> None:
    async with operator(settings) as database, database.session() as session:
        await break_glass.add_operator(session, name, break_glass.read_public(pem))


@app.command("remove")
def remove(name: Name) -> None:
    """End an operator's part; what this person asked for or approved is closed at once."""
    run(_remove(load_settings(), name))
    typer.echo(f"{name} takes no part in break-glass any more.")


async def _remove(settings: Settings, name: str) -> None:
    async with operator(settings) as database, database.session() as session:
        await break_glass.remove_operator(session, name, utc_now())


@app.command("list")
def list_operators() -> None:
    """Show all operators."""
    rows = [
        [row.name, "removed" if row.removed_at else "active", row.added_at.date().isoformat()]
        for row in run(_all(load_settings()))
    ]
    show(["operator", "status", "since"], rows)


async def _all(settings: Settings) -> list[Operator]:
    async with operator(settings) as database, database.session() as session:
        return list(await session.scalars(select(Operator).order_by(Operator.name)))
