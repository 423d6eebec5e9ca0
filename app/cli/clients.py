"""``registry clients``: clients of agencies and partners, and the persons they are bound to."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import typer
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies.clients import service
from app.agencies.models import Agency
from app.agencies.persons import service as persons
from app.auth import clients as auth
from app.auth import queries
from app.auth.caller import Caller
from app.auth.models import Client, ClientSecret, Person
from app.auth.scopes import AGENCY
from app.cli.acting import agency_of, as_operator
from app.cli.databases import operator
from app.cli.persons import words
from app.cli.shell import Refused, group, load_settings, run, show
from app.core.clock import utc_now
from app.core.countries import parse_country
from app.core.settings import Settings
from app.partners.queries import find_partner

app = group()
ClientId = Annotated[str, typer.Argument(help="the client's id", metavar="CLIENT")]
_SHOWN_ONCE = "Keep it now: it is shown this once and expires after {days} days."


@dataclass(frozen=True)
class Bound:
    """The natural person a client acts for: one that is recorded, or a new one."""

    id: UUID | None
    new: tuple[str, str, str] | None


@app.command("create")
def create(
    client: ClientId,
    scope: Annotated[
        list[str], typer.Option(help="what it may do; repeatable, or several in quotes")
    ],
    agency: Annotated[str | None, typer.Option(help="code of the agency it acts for")] = None,
    partner: Annotated[
        UUID | None, typer.Option(help="or id of the partner it acts for: self:* scopes only")
    ] = None,
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
    person_id: Annotated[UUID | None, typer.Option(help="or a person on record, by id")] = None,
    roles: Annotated[
        list[str] | None, typer.Option(help="codes of the permission matrix; repeatable")
    ] = None,
    countries: Annotated[
        list[str] | None, typer.Option(help="countries it works in; none: all; repeatable")
    ] = None,
    max_level: Annotated[
        Literal["INTER_AGENCY", "RESTRICTED", "AGENCY_ONLY"],
        typer.Option(help="most confidential level it may read"),
    ] = "AGENCY_ONLY",
) -> None:
    """Create a client. A deciding scope needs --person-id, or --person, --office and --role."""
    if (agency is None) == (partner is None):
        raise Refused("Give either --agency or --partner.")
    described = (person, office, role) if person and office and role else None
    if described is None and (person or office or role):
        raise Refused("--person, --office and --role belong together.")
    if person_id and described:
        raise Refused("Give either --person-id or --person.")
    if partner and (person_id or described):
        raise Refused("A partner's client is bound to no person of an agency.")
    new = auth.NewClient(
        id=client,
        name=name or client,
        scopes=words(scope),
        partner_id=partner,
        auth_method=auth_method,
        jwks=_read_jwks(jwks) if jwks else None,
        roles=words(roles),
        countries=_countries(countries),
        max_level=max_level,
    )
    secret = run(_create(load_settings(), new, agency, Bound(person_id, described)))
    typer.echo(f"Client {client} of {agency or partner} is ready.")
    _show_once(secret, auth.SECRET_LIFE.days)


def _countries(texts: list[str] | None) -> tuple[str, ...]:
    try:
        return tuple(parse_country(word) for word in words(texts))
    except ValueError:
        raise Refused("A country is not one of ISO 3166-1.") from None


def _read_jwks(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise Refused(f"{path} does not hold a JWKS.")
    return content


def _show_once(secret: str | None, days: int) -> None:
    if secret is not None:
        # The secret alone on stdout, so that a script can catch it.
        typer.echo(_SHOWN_ONCE.format(days=days), err=True)
        typer.echo(secret)


async def _create(
    settings: Settings, new: auth.NewClient, agency: str | None, bound: Bound
) -> str | None:
    async with operator(settings) as database, database.session() as session:
        if agency is None:
            if new.partner_id is None or await find_partner(session, new.partner_id) is None:
                raise Refused(f"There is no partner {new.partner_id}.")
            acting, owned = as_operator(None, partner_id=new.partner_id), new
        else:
            owner = await agency_of(session, agency)
            acting = as_operator(owner.id, owner.code)
            person_id = await _person(session, acting, bound)
            owned = replace(new, agency_id=owner.id, person_id=person_id)
        _, secret = await service.register(session, acting, owned)
        return secret


async def _person(session: AsyncSession, acting: Caller, bound: Bound) -> UUID | None:
    if bound.new is not None:
        return (await persons.register(session, acting, *bound.new)).id
    if bound.id is not None:
        person = await queries.find_person(session, bound.id)
        if person is None or person.agency_id != acting.agency_id or person.status != "active":
            raise Refused(f"The agency has no active person {bound.id}.")
    return bound.id


@app.command("rotate")
def rotate(client: ClientId) -> None:
    """Give a client a second secret; the older of two stops working."""
    _show_once(run(_rotate(load_settings(), client)), auth.SECRET_LIFE.days)


async def _rotate(settings: Settings, client_id: str) -> str:
    async with operator(settings) as database, database.session() as session:
        client = await _client(session, client_id)
        return (await service.rotate(session, await _acting(session, client), client)).secret


async def _client(session: AsyncSession, client_id: str) -> Client:
    client = await queries.lock_client(session, client_id)
    if client is None:
        raise Refused(f"There is no client {client_id}.")
    return client


async def _acting(session: AsyncSession, client: Client) -> Caller:
    agency = await session.get(Agency, client.agency_id) if client.agency_id else None
    return as_operator(
        client.agency_id, agency.code if agency else "", partner_id=client.partner_id
    )


@app.command("revoke")
def revoke(client: ClientId) -> None:
    """Stop a client for good: its next request is refused."""
    run(_revoke(load_settings(), client))
    typer.echo(f"Client {client} is revoked.")


async def _revoke(settings: Settings, client_id: str) -> None:
    async with operator(settings) as database, database.session() as session:
        client = await _client(session, client_id)
        if client.status == "active":
            await auth.revoke_client(session, client_id)
            await service.record_revocation(session, await _acting(session, client), client)


@app.command("feed-token")
def feed_token(
    client: ClientId,
    name: Annotated[str, typer.Option(help="what will read the feed with it")],
    days: Annotated[int, typer.Option(help="how long it lives", min=1, max=365)] = 365,
) -> None:
    """Give a client a long-lived token for the FollowTheMoney files only."""
    _show_once(run(_feed_token(load_settings(), client, name, days)), days)


async def _feed_token(settings: Settings, client_id: str, name: str, days: int) -> str:
    async with operator(settings) as database, database.session() as session:
        client = await _client(session, client_id)
        acting = await _acting(session, client)
        _, token = await service.issue_feed_token(session, acting, client, name, days)
        return token


@app.command("list")
def list_clients(
    agency: Annotated[str | None, typer.Option(help="of this agency only")] = None,
) -> None:
    """Show clients, whom they are bound to, what they may do, and secrets that end soon."""
    found = run(_list(load_settings(), agency))
    columns = ["client", "agency", "status", "auth", "person", "secret ends", "scopes"]
    show(columns, [row for row, _ in found])
    late = [row[0] for row, soon in found if soon]
    if late:
        days = auth.SECRET_WARNING.days
        typer.echo(f"The secret ends within {days} days: {', '.join(late)}.", err=True)


async def _list(settings: Settings, agency: str | None) -> list[tuple[list[str], bool]]:
    ends = (
        select(ClientSecret.client_id, func.max(ClientSecret.expires_at).label("at"))
        .group_by(ClientSecret.client_id)
        .subquery()
    )
    query = (
        select(Client, Agency.code, Person.name, ends.c.at)
        .join(Agency, Agency.id == Client.agency_id, isouter=True)
        .join(Person, Person.id == Client.person_id, isouter=True)
        .join(ends, ends.c.client_id == Client.id, isouter=True)
        .order_by(Agency.code, Client.id)
    )
    async with operator(settings) as database, database.session() as session:
        if agency is not None:
            query = query.where(Client.agency_id == (await agency_of(session, agency)).id)
        return [_line(*row) for row in await session.execute(query)]


def _line(
    client: Client, code: str | None, person: str | None, ends: datetime | None
) -> tuple[list[str], bool]:
    row = [
        client.id,
        code or f"partner {client.partner_id}",
        client.status,
        client.auth_method,
        person or "-",
        ends.strftime("%Y-%m-%d") if ends else "-",
        "all" if set(client.scopes) >= AGENCY else " ".join(client.scopes),
    ]
    return row, ends is not None and ends - utc_now() < auth.SECRET_WARNING


@app.command("show")
def show_client(client: ClientId) -> None:
    """Show one client: its rights, and when its secrets end."""
    show(["field", "value"], run(_show(load_settings(), client)))


async def _show(settings: Settings, client_id: str) -> list[list[str]]:
    async with operator(settings) as database, database.session() as session:
        client = await _client(session, client_id)
        agency = await session.get(Agency, client.agency_id) if client.agency_id else None
        held = await queries.secrets_of(session, client_id)
        facts = {
            "client": client.id,
            "name": client.name,
            "agency": agency.code if agency else None,
            "partner": client.partner_id,
            "status": client.status,
            "auth": client.auth_method,
            "person": client.person_id,
            "office": client.office_id,
            "scopes": " ".join(client.scopes),
            "roles": " ".join(client.roles),
            "countries": " ".join(client.countries) or "all",
            "max level": client.max_level,
            "certificate-bound": "yes" if client.certificate_bound else "no",
            "version": client.version,
        }
        rows = [[name, str(value or "-")] for name, value in facts.items()]
        return rows + [[f"secret {row.id}", f"ends {row.expires_at:%Y-%m-%d}"] for row in held]
