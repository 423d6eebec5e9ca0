"""What tests of assurance share: plans of their own, and activities of types yet to come."""

from __future__ import annotations

from datetime import date
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from app.core.clock import utc_now
from app.core.db import Database
from tests.partners.factories import make_partner
from tests.support import Api

YEAR = utc_now().year
PLANS = "/v1/assurance-plans"
# fmt: off
_COUNTRIES = [
    "ABW", "AFG", "AGO", "AIA", "ALA", "ALB", "ARE", "ARG", "ARM", "ATA", "ATF", "ATG", "AUS",
    "AZE", "BES", "BGR", "BHS", "BIH", "BLM", "BLR", "BLZ", "BMU", "BOL", "BRA", "BRB", "BVT",
    "BWA", "CAF", "CCK", "CHL", "CHN", "CMR", "COL", "COM", "CRI", "CUB", "CUW", "CXR", "CYM",
    "CYP", "DJI", "DNK", "DZA", "ECU", "EGY", "ERI", "ESH", "ESP", "EST", "ETH", "FIN", "FLK",
    "FRA", "FRO", "GAB", "GEO", "GGY", "GHA", "GIB", "GLP", "GRC", "GRL", "GTM", "GUF", "GUY",
    "HMD", "HND", "HRV", "HTI", "IDN", "IMN", "IND", "IOT", "IRL", "IRQ", "ISL", "ISR", "ITA",
    "JAM", "JEY", "JPN", "KAZ", "KGZ", "KNA", "KWT", "LBN", "LBR", "LBY", "LKA", "LSO", "LTU",
    "LUX", "LVA", "MAC", "MAF", "MAR", "MDA", "MKD", "MLT", "MNE", "MNG", "MOZ", "MRT", "MSR",
    "MTQ", "MUS", "MWI", "MYS", "MYT", "NAM", "NCL", "NFK", "NIU", "NLD", "NPL", "NZL", "OMN",
    "PAK", "PAN", "PCN", "PER", "PHL", "POL", "PRI", "PRT", "PRY", "PYF", "QAT", "REU", "ROU",
    "SAU", "SEN", "SGP", "SGS", "SJM", "SLE", "SLV", "SPM", "SRB", "SUR", "SVK", "SVN", "SWE",
    "SWZ", "SXM", "SYC", "TCA", "TGO", "THA", "TJK", "TKL", "TKM", "TTO", "TUN", "UKR", "UMI",
    "URY", "UZB", "VEN", "VGB", "VIR", "YEM", "ZAF", "ZMB", "ZWE",
]
# fmt: on
"""Countries that no other test counts partners or plans of."""
_places = count()


def fresh_country() -> str:
    """A country for which no agency has a plan of this year yet."""
    return _COUNTRIES[next(_places)]


async def partner_in(api: Api, country: str, **more: Any) -> str:
    """Id of a new profile in this country."""
    made = await make_partner(api, country=country, identifiers=[], **more)
    return str(made["id"])


async def make_plan(api: Api, country: str | None = None, year: int = YEAR) -> dict[str, Any]:
    """A draft of the caller's agency."""
    return await api.made(PLANS, {"country": country or fresh_country(), "year": year})


async def plan_row(api: Api, plan_id: str, partner_id: str, **more: Any) -> dict[str, Any]:
    """An activity in the draft: a spot check in the second quarter."""
    body = {"partner_id": partner_id, "type": "spot_check", "quarter": 2}
    return await api.made(f"{PLANS}/{plan_id}/activities", body | more)


async def approve(api: Api, approver: Api, plan_id: str) -> dict[str, Any]:
    """Submit as one person, approve as another; the plan."""
    submitted = await api.post(f"{PLANS}/{plan_id}/submission")
    assert submitted.status_code == 200, submitted.text
    answer = await approver.post(
        f"{PLANS}/{plan_id}/approval",
        json={"decision": "approve"},
        headers={"If-Match": submitted.headers["etag"]},
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def file_final(
    operator: Database, agency: UUID, partner_id: str, kind: str, **more: Any
) -> str:
    """A final assessment of any type, as its own feature would store it; its id."""
    values: dict[str, Any] = {
        "id": uuid4(),
        "partner": UUID(partner_id),
        "type": kind,
        "owner": agency,
        "status": "final",
        "conducted_on": date(YEAR, 1, 1),
        "valid_until": date(YEAR + 4, 12, 31),
        "confidentiality": "RESTRICTED",
        "scheme": "TEST",
        "value": "DONE",
        "level": None,
    } | more
    async with operator.session() as session:
        await session.execute(
            text(
                "INSERT INTO assessments (id, partner_id, type, methodology, owner_agency, status, "
                "conducted_on, valid_until, confidentiality, level, rating_scheme, rating_value, "
                "rating_dimension, rating_level, rating_source, finalised_at) "
                "VALUES (:id, :partner, :type, 'TEST', :owner, :status, :conducted_on, "
                ":valid_until, :confidentiality, "
                "CASE WHEN :status = 'draft' THEN 'AGENCY_ONLY' ELSE :confidentiality END, "
                ":scheme, :value, 'test', :level, 'computed', "
                "CASE WHEN :status <> 'draft' THEN now() END)"
            ),
            values,
        )
    return str(values["id"])


async def rate(
    operator: Database, agency: UUID, partner_id: str, kind: str, value: str, **more: Any
) -> str:
    """A final rating: of `hact_micro` or `psea`. ``level`` is the value unless given."""
    given = {"value": value, "level": value if value in LEVELS else None} | more
    return await file_final(operator, agency, partner_id, kind, **given)


LEVELS = ("LOW", "MODERATE", "SIGNIFICANT", "HIGH")
