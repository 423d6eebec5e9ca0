"""Audits, spot checks, special audits and visits over HTTP: filed, summarised, calculated."""

from __future__ import annotations

from typing import Any

import pytest

from tests.assessments.audit_factories import (
    METHODOLOGIES,
    audit_detail,
    finding,
    make_audit,
    special_audit_detail,
    spot_check_detail,
    visit_detail,
)
from tests.assessments.factories import PURPOSE, make_assessment, make_share
from tests.conftest import ApiFor
from tests.partners.factories import make_partner

DETAILS = {
    "audit": audit_detail(finding("12500.00")),
    "spot_check": spot_check_detail(finding("500.00")),
    "special_audit": special_audit_detail(),
    "programmatic_visit": visit_detail(),
}
VALUES = {
    "audit": ("QUALIFIED", "audit_opinion", "reported"),
    "spot_check": ("HIGH_FINDINGS", "assurance_result", "computed"),
    "special_audit": ("NO_HIGH_FINDINGS", "assurance_result", "computed"),
    "programmatic_visit": ("COMPLETED", "assurance_result", "computed"),
}


@pytest.mark.parametrize("kind", sorted(DETAILS))
async def test_filed_listed_shared_and_calculated(api_for: ApiFor, kind: str) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    body: dict[str, Any] = {"methodology": METHODOLOGIES[kind], "detail": DETAILS[kind]}
    made = await make_assessment(unicef, type=kind, **body)
    value, dimension, source = VALUES[kind]
    assert made["rating"] == {
        "scheme": METHODOLOGIES[kind],
        "value": value,
        "dimension": dimension,
        "level": None,
        "rating_source": source,
    }
    query = {"partner_id": made["partner_id"], "type": kind}
    listed = await wfp.get("/v1/assessments", params=query)
    assert [item["id"] for item in listed.json()["items"]] == [made["id"]]
    assert "Canary" not in listed.text
    url = f"/v1/assessments/{made['id']}/detail"
    assert (await wfp.get(url, headers=PURPOSE)).status_code == 404
    await make_share(unicef, made["id"])
    read = await wfp.read(url, headers=PURPOSE)
    assert read["detail"]["year"] == DETAILS[kind]["year"]
    calculated = await wfp.send(
        wfp.build_request("POST", f"/v1/assessment-types/{kind}/rate", json=body)
    )
    assert calculated.status_code == 200, calculated.text
    assert calculated.json()["rating"] == made["rating"]
    assert calculated.json()["summary"]["year"] == DETAILS[kind]["year"]
    assert "Canary" not in calculated.text


async def test_each_audit_stands_for_itself(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    first = await make_audit(unicef)
    await make_audit(unicef, partner_id=first["partner_id"])
    assert (await unicef.read(f"/v1/assessments/{first['id']}"))["status"] == "final"


async def test_the_owner_reads_the_computed_totals(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    made = await make_audit(unicef, finding("12500.00", resolved={"write_off": "500.00"}))
    detail = (await unicef.read(f"/v1/assessments/{made['id']}/detail"))["detail"]
    assert (detail["totals"]["pending_unsupported_usd"], detail["totals"]["percent"]) == (
        "12000.00",
        "6.25",
    )


async def test_what_is_wrong_is_said_with_its_place(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    partner = (await make_partner(unicef))["id"]
    body = {
        "partner_id": partner,
        "type": "audit",
        "methodology": "HACT-AUDIT-2014",
        "conducted_on": "2026-04-20",
        "confidentiality": "RESTRICTED",
        "detail": audit_detail(finding("10.00", resolved={"write_off": "10.01"})),
    }
    beyond = await unicef.post("/v1/assessments", json=body)
    assert (beyond.status_code, beyond.json()["code"]) == (422, "detail_invalid")
    pointers = [item["pointer"] for item in beyond.json()["errors"]]
    assert pointers == ["/detail/financial_findings/0/resolution"]
    number = await unicef.post(
        "/v1/assessments", json=body | {"detail": audit_detail(finding(amount={"usd": 10.5}))}
    )
    assert number.status_code == 422
    assert number.json()["errors"][0]["pointer"] == "/detail/financial_findings/0/amount/usd"
    other = await unicef.post("/v1/assessments", json=body | {"methodology": "UN-PSEA-2020"})
    assert other.json()["code"] == "methodology_unknown"


async def test_a_clearance_takes_an_opinion_for_no_rating(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    made = await make_audit(unicef, finding())
    partner = {"id": made["partner_id"]}
    asked = {"partner": partner, "country": "KEN", "purpose": "PARTNER_SELECTION"}
    cleared = await unicef.made("/v1/clearances", asked)
    assert cleared["outcome"] in ("REFER", "BLOCKED", "CLEAR_WITH_CONDITIONS")
    assert "Canary" not in str(cleared)
