"""Invented agencies that take part: papers, focal points and offices of the demo world."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies.life_cycle import Contact, NewAgency, Paper, admit
from app.agencies.models import AGREEMENTS, Agency, Office
from app.core.clock import utc_now
from app.core.ids import new_id

_SUBJECTS = (
    "implementing_partners",
    "data_protection",
    "legal",
    "oversight",
    "sanctions",
    "psea",
)
_SIGNED = date(2026, 1, 15)
_REGIONS = {
    "AFR": ("Regional office for Africa", ("ETH", "KEN")),
    "WEST": ("Regional office for Arab States", ("JOR", "LBN")),
    "LAC": ("Regional office for Latin America", ("COL",)),
    "APAC": ("Regional office for Asia and the Pacific", ("BGD",)),
}


async def take_in(
    session: AsyncSession, code: str, name: str, xm_dac: Sequence[str] = ()
) -> Agency:
    """An active agency with everything that takes; the papers are invented."""
    mail = f"{code.lower().replace('_', '-')}.example"
    papers = [
        Paper(kind, f"{code}-{kind}-2026", _SIGNED, _digest(f"{code} {kind}"))
        for kind in AGREEMENTS
    ]
    contacts = [
        Contact(
            subject,
            f"{code} {subject.replace('_', ' ')} unit",
            f"{subject.replace('_', '-')}@{mail}",
        )
        for subject in _SUBJECTS
    ]
    unit = "Implementing partner management unit"
    return await admit(
        session,
        NewAgency(code, name, unit, f"partners@{mail}", tuple(xm_dac)),
        papers,
        contacts,
        reason="Invented agreement of the demo world.",
        by="demo",
        today=utc_now().date(),
    )


def _digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


async def open_offices(session: AsyncSession, agency: Agency, country_office: str) -> UUID:
    """Headquarters, regions, a multi-country office and country offices; id of the headquarters.

    ``country_office`` is the name of the office that the agency's persons work at.
    """
    hq = _office(agency, "HQ", "Headquarters", "hq", None, ())
    session.add(hq)
    await session.flush()
    for code, (name, countries) in _REGIONS.items():
        region = _office(agency, code, name, "region", hq.id, countries)
        session.add(region)
        await session.flush()
        parent = region.id
        if len(countries) > 1:
            shared = _office(
                agency, f"{code}-MCO", f"Multi-country office, {name}", "multi_country", parent,
                countries,
            )  # fmt: skip
            session.add(shared)
            await session.flush()
            parent = shared.id
        for country in countries:
            named = _OFFICE_COUNTRY.get(country_office) == country
            title = country_office if named else f"Country office {country}"
            session.add(_office(agency, f"{country}-CO", title, "country", parent, (country,)))
    await session.flush()
    return hq.id


_OFFICE_COUNTRY = {
    "Nairobi country office": "KEN",
    "Amman branch office": "JOR",
    "Dhaka country office": "BGD",
    "Bogotá country office": "COL",
    "Addis Ababa subregional office": "ETH",
}


def _office(
    agency: Agency,
    code: str,
    name: str,
    kind: str,
    parent_id: UUID | None,
    countries: Sequence[str],
) -> Office:
    return Office(
        id=new_id(),
        agency_id=agency.id,
        code=code,
        name=name,
        kind=kind,
        parent_id=parent_id,
        countries=sorted(countries),
    )
