"""``registry persons``: natural persons of agencies who decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

import typer
from sqlalchemy import select

from app.agencies.models import Agency
from app.agencies.persons import queries, service
from app.auth.models import Person
from app.cli.acting import agency_of, as_operator
from app.cli.databases import operator
from app.cli.shell import Refused, group, load_settings, run, show
from app.core.settings import Settings

app = group()


@dataclass(frozen=True)
class NewPerson:
    """Who is to be recorded."""

    agency: str
    name: str
    office: str
    role: str
    roles: tuple[str, ...]
    staff_id: str | None


@app.command("add")
def add(
    agency: Annotated[str, typer.Argument(help="code of the agency", metavar="AGENCY")],
    name: Annotated[str, typer.Option(help="full name")],
    office: Annotated[str, typer.Option(help="office of the person")],
    role: Annotated[str, typer.Option(help="title that others read beside a decision")],
    roles: Annotated[
        list[str] | None, typer.Option(help="codes of the permission matrix; repeatable")
    ] = None,
    staff_id: Annotated[str | None, typer.Option(help="the agency's own key of the person")] = None,
) -> None:
    """Record a person; prints the id to bind clients to."""
    new = NewPerson(agency, name, office, role, words(roles), staff_id)
    typer.echo(run(_add(load_settings(), new)))


def words(texts: list[str] | None) -> tuple[str, ...]:
    """The words of a repeatable option that may hold several in quotes."""
    return tuple(sorted({word for text in texts or () for word in text.split()}))


async def _add(settings: Settings, new: NewPerson) -> UUID:
    async with operator(settings) as database, database.session() as session:
        agency = await agency_of(session, new.agency)
        if new.staff_id is not None and await session.scalar(
            select(Person.id).where(Person.agency_id == agency.id, Person.staff_id == new.staff_id)
        ):
            raise Refused(f"{new.agency} has a person {new.staff_id} already.")
        person = await service.register(
            session,
            as_operator(agency.id, agency.code),
            new.name,
            new.office,
            new.role,
            roles=new.roles,
            staff_id=new.staff_id,
        )
        return person.id


@app.command("list")
def list_persons(
    agency: Annotated[str | None, typer.Option(help="of this agency only")] = None,
) -> None:
    """Show persons, their office and roles."""
    columns = ["person", "agency", "status", "name", "office", "role", "roles"]
    show(columns, run(_list(load_settings(), agency)))


async def _list(settings: Settings, agency: str | None) -> list[list[str]]:
    query = (
        select(Person, Agency.code)
        .join(Agency, Agency.id == Person.agency_id)
        .order_by(Agency.code, Person.name, Person.id)
    )
    async with operator(settings) as database, database.session() as session:
        if agency is not None:
            query = query.where(Person.agency_id == (await agency_of(session, agency)).id)
        return [
            [str(p.id), code, p.status, p.name, p.office, p.role, " ".join(p.roles) or "-"]
            for p, code in await session.execute(query)
        ]


@app.command("deactivate")
def deactivate(
    person: Annotated[UUID, typer.Argument(help="the person's id", metavar="PERSON")],
) -> None:
    """Stop a person: the next request of each of their clients is refused."""
    run(_deactivate(load_settings(), person))
    typer.echo(f"Person {person} is inactive.")


async def _deactivate(settings: Settings, person_id: UUID) -> None:
    async with operator(settings) as database, database.session() as session:
        known = await session.get(Person, person_id)
        if known is None:
            raise Refused(f"There is no person {person_id}.")
        person = await queries.find_person(session, known.agency_id, person_id, lock=True)
        if person is not None and person.status == "active":
            acting = as_operator(known.agency_id)
            await service.apply(session, acting, person, {"status": "inactive"})
