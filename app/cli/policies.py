"""``registry policies``: what agencies go by in clearances."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies.models import Agency
from app.cli.databases import operator
from app.cli.shell import Refused, group, load_settings, run, show
from app.core.clock import utc_now
from app.core.settings import Settings
from app.recognition.policies import checking, queries, service
from app.recognition.policies.errors import PolicyInvalid
from app.recognition.requirements import ALL

app = group()
T = TypeVar("T")
Code = Annotated[str, typer.Argument(help="short name of the agency, such as WFP")]


@app.command("show")
def show_policies(code: Code) -> None:
    """Show the policies of an agency that are in force today."""

    async def work(session: AsyncSession) -> list[list[str]]:
        found = await queries.in_force(session, code, utc_now().date())
        return [
            [row.requirement, str(row.version), str(row.effective_from), row.source[:60]]
            for row in found.values()
        ]

    show(["requirement", "version", "since", "source"], run(_once(load_settings(), work)))


@app.command("defaults")
def defaults(code: Code) -> None:
    """Give an agency the shipped policies for requirements that it has none for."""

    async def work(session: AsyncSession) -> list[str]:
        agency = await session.scalar(select(Agency.id).where(Agency.code == code))
        if agency is None:
            raise Refused(f"There is no agency {code}.")
        return await service.ensure_default_policies(session, agency)

    given = run(_once(load_settings(), work))
    typer.echo(f"Given: {', '.join(given)}." if given else "Nothing was lacking.")


@app.command("check")
def check(
    requirement: Annotated[str, typer.Argument(help="such as PSEA")],
    file: Annotated[Path, typer.Argument(help="JSON: a list of rules", exists=True)],
) -> None:
    """Check rules in a file. Needs no database, so it knows groups but no agencies."""
    if requirement not in ALL:
        raise Refused(f"Requirements are {', '.join(ALL)}.")
    try:
        rules = json.loads(file.read_text("utf-8"))
    except ValueError:
        raise Refused("The file is not JSON.") from None
    if not isinstance(rules, list):
        raise Refused("The file holds no list of rules.")
    try:
        checking.read(requirement, rules, None)
    except PolicyInvalid as error:
        for item in error.errors:
            typer.echo(f"{item.pointer}\t{item.code}\t{item.message}")
        raise Refused("The rules are not ones that the registry can go by.") from None
    typer.echo(f"The rules of {requirement} are good.")


async def _once(settings: Settings, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
    async with operator(settings) as database, database.session() as session:
        return await work(session)
