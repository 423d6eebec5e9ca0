"""Sections that are complete, and saving them."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

import httpx

from tests.support import Api

YEAR = datetime.now(UTC).year
PURPOSE = {"Access-Purpose": 'PARTNER_SELECTION; ref="T-1"'}
FULL: dict[str, dict[str, Any]] = {
    "registration": {
        "has_governing_document": True,
        "registered_to_operate": True,
        "certificates": [
            {"number": "OP.1", "authority": "Ministry", "issued_on": "2020-01-31",
             "expires_on": f"{YEAR + 2}-01-31"},
        ],
    },
    "contact": {
        "mailing_type": "STREET", "street": "12 Moi Avenue", "city": "Nairobi",
        "phone": "+254 20 555 0100", "email": "office@amani.example", "connectivity": True,
        "working_languages": ["ENG"],
    },
    "mandate": {
        "background": "B", "mandate_and_mission": "M", "governance_structure": "G",
        "safeguarding_policy": True, "anti_fraud_policy": True,
        "populations": ["REFUGEES", "IDP"], "works_in_high_risk_locations": False,
        "staff_in_country": "11_25",
        "specialisations": [{"code": "WASH.HYGIENE", "years": "1_5"},
                            {"code": "HEALTH.CHILD_HEALTH", "years": "5_10"}],
    },
    "funding": {
        "budgets": [{"year": YEAR - n, "band": "LT_500K"} for n in range(3)],
        "donor_kinds": ["GOVERNMENT"], "main_donors": "D", "core_funding": "C",
    },
    "collaboration": {
        "un_entities": [], "networks": ["WASH cluster"], "accreditations": [], "references": [],
    },
    "implementation": {
        "results_based_management": True, "monitoring_system": True, "feedback_mechanism": True,
        "accounting_system": "COMPUTERISED", "accounting_method": "CASH",
        "tracks_expenditure": True,
        "controls": [
            {"function": function, "segregated": True}
            for function in ("PROCUREMENT", "AUTHORISATION", "RECORDING", "PAYMENT", "CUSTODY",
                             "BANK_RECONCILIATION")
        ],
        "experienced_finance_staff": True,
        "policies": [{"area": area, "documented": True}
                     for area in ("HUMAN_RESOURCES", "PROCUREMENT", "ASSETS")],
        "bank_account": True, "separate_un_account": False, "regularly_audited": False,
        "major_findings": False, "capacity_assessments": [], "key_results": "K",
        "annual_reports": False,
    },
    "other": {"data_confirmed": True},
}  # fmt: skip


async def save(
    api: Api, partner: str, section: str, body: dict[str, Any], version: int = 0
) -> httpx.Response:
    """PATCH a section at this version."""
    return await api.patch(
        f"/v1/partners/{partner}/sections/{section}",
        json=body,
        headers={"If-Match": f'"v{version}"'},
    )


async def saved(
    api: Api, partner: str, section: str, body: dict[str, Any] | None = None, version: int = 0
) -> dict[str, Any]:
    """As `save`, which must succeed; a complete body if none is given."""
    answer = await save(api, partner, section, FULL[section] if body is None else body, version)
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


async def save_all(api: Api, partner: str, **changed: dict[str, Any]) -> None:
    """Save every section; ``changed`` replaces fields of a section, None leaves one out."""
    for section, body in copy.deepcopy(FULL).items():
        merged = body | changed.get(section, {})
        done = await saved(api, partner, section, merged)
        assert done["version"] == 1


async def missing(api: Api, partner: str) -> dict[str, list[str]]:
    """What the profile lacks, by section."""
    read = await api.read(f"/v1/partners/{partner}/completeness")
    assert read["complete"] == all(item["complete"] for item in read["sections"])
    return {item["section"]: item["missing"] for item in read["sections"] if item["missing"]}
