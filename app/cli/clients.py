"""``registry clients``: machine clients of agencies, and the persons they are bound to."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies import queries as agencies
from app.agencies.models import Agency
from app.auth import clients as auth
from app.auth.models import Client, Person
from app.auth.scopes import AGENCY
from app.cli.errors import Refused
from app.cli.shell import group, load_settings, operator, run, show
from app.core.settings import Settings

app = group("Machine clients of agencies. Works as the operator: REGISTRY_DATABASE_MIGRATION_URL.")
ClientId = Annotated[str, typer.Argument(help="the client's id", metavar="CLIENT")]
_SHOWN_ONCE = "Keep it now: it is shown this once and expires after 180 days."


@app.command("create")
def create(
    client: ClientId,
    agency: Annotated[str, typer.Option(help="code of the agency it acts for")],
    scope: Annotated[
        list[str], typer.Option(help="what it may do; repeatable, or several in quotes")
    ],
    name: Annotated[str | None, typer.Option(help="what it is; default: its id")] = None,
    auth_method: Annotated[
        Literal["private_key_jwt", "client_secret_basic"],
        typer.Option("--auth", help="how it proves itself"),
    ] = "private_key_jwt",
    jwks: Annotated[
        Path | None, typer.Option(help="file with its public keys (JWKS), for private_key_jwt")
    ] = None,
    person: Annotated[str | None, typer.Option(help="natural person it acts for")] = None,
    office: Annotated[str | None, typer.Option(help="office of that person")] = None,
    role: Annotated[str | None, typer.Option(help="role of that person")] = None,
) -> None:
    """Create a client. A deciding scope needs --person, --office and --role."""
    bound = (person, office, role) if person and office and role else None
    if bound is None and (person or office or role):
        raise Refused("--person, --office and --role belong together.")
    scopes = tuple(sorted({word for text in scope for word in text.split()}))
    keys = _read_jwks(jwks) if jwks else None
    new = _New(client, agency, name or client, scopes, auth_method, keys, bound)
    secret = run(_create(load_settings(), new))
    typer.echo(f"Client {client} of {agency} is ready.")
    _show_secret(secret)


@dataclass(frozen=True)
class _New:
    """What `create` was asked for."""

    client: str
    agency: str
    name: str
    scopes: tuple[str, ...]
    auth_method: Literal["private_key_jwt", "client_secret_basic"]
    jwks: dict[str, Any] | None
    person: tuple[str, str, str] | None


def _read_jwks(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise Refused(f"{path} does not hold a JWKS.")
    return content


def _show_secret(secret: str | None) -> None:
    if secret is not None:
        # The secret alone on stdout, so that a script can catch it.
        typer.echo(_SHOWN_ONCE, err=True)
        typer.echo(secret)


async def _create(settings: Settings, new: _New) -> str | None:
    async with operator(settings) as database, database.session() as session:
        agency = await _agency(session, new.agency)
        person_id = None
        if new.person is not None:
            person = await auth.add_person(session, agency.id, *new.person)
            person_id = person.id
        return await auth.create_client(
            session,
            auth.NewClient(
                id=new.client,
                agency_id=agency.id,
                name=new.name,
                scopes=new.scopes,
                auth_method=new.auth_method,
                jwks=new.jwks,
                person_id=person_id,
            ),
        )


async def _agency(session: AsyncSession, code: str) -> Agency:
    agency = await agencies.find_agency(session, code)
    if agency is None:
        raise Refused(f"There is no agency {code}.")
    return agency


@app.command("rotate")
def rotate(client: ClientId) -> None:
    """Give a client a second secret; the older of two stops working."""
    _show_secret(run(_rotate(load_settings(), client)))


async def _rotate(settings: Settings, client: str) -> str:
    async with operator(settings) as database, database.session() as session:
        return await auth.rotate_secret(session, client)


@app.command("revoke")
def revoke(client: ClientId) -> None:
    """Stop a client for good: its next request is refused."""
    run(_revoke(load_settings(), client))
    typer.echo(f"Client {client} is revoked.")


async def _revoke(settings: Settings, client: str) -> None:
    async with operator(settings) as database, database.session() as session:
        await auth.revoke_client(session, client)


@app.command("list")
def list_clients(
    agency: Annotated[str | None, typer.Option(help="of this agency only")] = None,
) -> None:
    """Show clients, whom they are bound to, and what they may do."""
    rows = run(_list(load_settings(), agency))
    show(["client", "agency", "status", "auth", "person", "scopes"], rows)


async def _list(settings: Settings, agency: str | None) -> list[list[str]]:
    query = (
        select(Client, Agency.code, Person.name)
        .join(Agency, Agency.id == Client.agency_id)
        .join(Person, Person.id == Client.person_id, isouter=True)
        .order_by(Agency.code, Client.id)
    )
    async with operator(settings) as database, database.session() as session:
        if agency is not None:
            query = query.where(Client.agency_id == (await _agency(session, agency)).id)
        return [
            [client.id, code, client.status, client.auth_method, person or "-", _words(client)]
            for client, code, person in await session.execute(query)
        ]


def _words(client: Client) -> str:
    return "all" if set(client.scopes) >= AGENCY else " ".join(client.scopes)
