"""Agencies, persons and clients of the demo world, and where their secrets are kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies.models import Agency
from app.auth import clients
from app.auth import service as auth
from app.auth.caller import Caller, Person
from app.auth.errors import TokenRefused
from app.auth.models import Client
from app.auth.models import Person as PersonRow
from app.auth.scopes import AGENCY, DECIDING
from app.demo.agencies import open_offices, take_in
from app.recognition.policies import service as recognition

READER = "READER"
READ_SCOPES = tuple(sorted(scope for scope in AGENCY - DECIDING if scope.endswith(":read")))


@dataclass(frozen=True, slots=True)
class AgencyPlan:
    """An agency and the three persons its clients act for: officer, reviewer, approver."""

    code: str
    name: str
    xm_dac: str
    office: str
    persons: tuple[str, str, str]


AGENCIES = (
    AgencyPlan(
        "UNICEF",
        "United Nations Children's Fund",
        "41122",
        "Nairobi country office",
        ("Wanjala Tereki", "Ilse Brandhove", "Mateus Corvelo"),
    ),
    AgencyPlan(
        "UNHCR",
        "Office of the United Nations High Commissioner for Refugees",
        "41121",
        "Amman branch office",
        ("Rania Quddar", "Tomasz Wielgor", "Aiyana Brightwell"),
    ),
    AgencyPlan(
        "WFP",
        "World Food Programme",
        "41140",
        "Dhaka country office",
        ("Farzana Hoquelin", "Luca Tiborelli", "Sade Okonjaye"),
    ),
    AgencyPlan(
        "UNDP",
        "United Nations Development Programme",
        "41114",
        "Bogotá country office",
        ("Camila Restrovar", "Henrik Aalborsen", "Thandiwe Mokoridi"),
    ),
    AgencyPlan(
        "FAO",
        "Food and Agriculture Organization of the United Nations",
        "41301",
        "Addis Ababa subregional office",
        ("Dawit Lemmanuel", "Marguerite Fontelle", "Keiko Asanumari"),
    ),
)
SUFFIXES = ("", "_REVIEWER", "_APPROVER")
_ROLES = ("programme officer", "legal reviewer", "head of office")
_RIGHTS = (
    ("PO", "CO", "HFP", "PFP", "IPU", "SAO"),
    ("SAO", "LEGAL", "OVS", "IPU", "HFP", "PFP"),
    ("SAO", "LEGAL", "OVS", "IPU", "CO", "HFP", "PFP"),
)
"""Roles of the three in the matrix. The officer holds no oversight role; the other two do, because
what oversight sets a second person of it renews or releases."""


def client_ids() -> list[str]:
    """Every client of the demo world."""
    return [plan.code + suffix for plan in AGENCIES for suffix in SUFFIXES] + [READER]


async def ensure_people(session: AsyncSession) -> dict[str, str]:
    """Create agencies, their policies, persons and clients; secrets of the new clients.

    Works as the operator.
    """
    secrets: dict[str, str] = {}
    known = {row.code: row.id for row in await session.execute(select(Agency.code, Agency.id))}
    present = set(await session.scalars(select(Client.id)))
    for plan in AGENCIES:
        if plan.code not in known:
            agency = await take_in(session, plan.code, plan.name, [plan.xm_dac])
            await open_offices(session, agency, plan.office)
            known[plan.code] = agency.id
        await recognition.ensure_default_policies(session, known[plan.code])
        for suffix, person, role, rights in zip(
            SUFFIXES, plan.persons, _ROLES, _RIGHTS, strict=True
        ):
            name = plan.code + suffix
            if name in present:
                continue
            bound = await clients.add_person(session, known[plan.code], person, plan.office, role)
            bound.roles = list(rights)
            new = clients.NewClient(
                id=name,
                agency_id=known[plan.code],
                name=f"{plan.code} demo system, for its {role}",
                scopes=tuple(sorted(AGENCY)),
                auth_method="client_secret_basic",
                person_id=bound.id,
                demo=True,
            )
            secrets[name] = await clients.create_client(session, new) or ""
    if READER not in present:
        new = clients.NewClient(
            id=READER,
            agency_id=known["UNHCR"],
            name="UNHCR demo dashboard, reads only",
            scopes=READ_SCOPES,
            auth_method="client_secret_basic",
            demo=True,
        )
        secrets[READER] = await clients.create_client(session, new) or ""
    return secrets


async def working_secrets(
    session: AsyncSession, kept: Mapping[str, str], issuer: str, now: datetime
) -> dict[str, str]:
    """A secret that works for every client: the kept one if it does, else a new one."""
    found: dict[str, str] = {}
    for client in client_ids():
        offered = auth.Credentials(client_id=client, client_secret=kept.get(client, ""))
        try:
            await auth.authenticate(session, offered, issuer, now)
            found[client] = kept[client]
        except TokenRefused:
            found[client] = (await clients.rotate_secret(session, client)).secret
    return found


async def read_callers(session: AsyncSession) -> dict[str, Caller]:
    """The callers behind the persons' clients, by client id, as a request would see them."""
    rows = await session.execute(
        select(Client, Agency.code, PersonRow)
        .join(Agency, Agency.id == Client.agency_id)
        .join(PersonRow, PersonRow.id == Client.person_id)
        .where(Client.id.in_(client_ids()))
    )
    return {
        client.id: Caller(
            agency_id=person.agency_id,
            agency_code=code,
            client_id=client.id,
            scopes=frozenset(client.scopes),
            person=Person(person.id, person.name, person.office, person.role),
            roles=frozenset(person.roles),
        )
        for client, code, person in rows
    }
