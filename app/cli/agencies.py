"""``registry agencies``: who takes part."""

from __future__ import annotations

import re
from typing import Annotated

import typer
from sqlalchemy import select

from app.agencies import queries
from app.agencies.models import Agency
from app.cli.errors import Refused
from app.cli.shell import group, load_settings, operator, run, show
from app.core.ids import new_id
from app.core.settings import Settings
from app.recognition import service as recognition

app = group("Agencies that take part. Works as the operator: REGISTRY_DATABASE_MIGRATION_URL.")
_CODE = re.compile(r"[A-Z][A-Z0-9_]{1,15}")


@app.command("create")
def create(
    code: Annotated[str, typer.Argument(help="short name, stable for ever, such as UNICEF")],
    name: Annotated[str, typer.Option(help="full name")],
    office: Annotated[str, typer.Option(help="office to write to")],
    email: Annotated[str, typer.Option(help="mailbox of that office, not of a person")],
    xm_dac: Annotated[
        list[str] | None, typer.Option("--xm-dac", help="CRS channel code; repeatable")
    ] = None,
) -> None:
    """Take in an agency; it is active at once, with the default recognition policies."""
    if not _CODE.fullmatch(code):
        raise Refused(f"{code!r} is no agency code: 2 to 16 capitals, digits and _.")
    if "@" not in email:
        raise Refused(f"{email!r} is no e-mail address.")
    agency = Agency(
        id=new_id(),
        code=code,
        name=name,
        xm_dac=xm_dac or [],
        contact_office=office,
        contact_email=email,
    )
    run(_create(load_settings(), agency))
    typer.echo(f"Agency {code} takes part.")


async def _create(settings: Settings, agency: Agency) -> None:
    async with operator(settings) as database, database.session() as session:
        if await queries.find_agency(session, agency.code) is not None:
            raise Refused(f"There is an agency {agency.code} already.")
        session.add(agency)
        await session.flush()  # the policies refer to the row
        await recognition.ensure_default_policies(session, agency.id)


@app.command("list")
def list_agencies() -> None:
    """Show all agencies."""
    agencies = run(_all(load_settings()))
    rows = [[a.code, a.name, a.status, " ".join(a.xm_dac), a.contact_email] for a in agencies]
    show(["code", "name", "status", "xm_dac", "contact"], rows)


async def _all(settings: Settings) -> list[Agency]:
    async with operator(settings) as database, database.session() as session:
        return list(await session.scalars(select(Agency).order_by(Agency.code)))
