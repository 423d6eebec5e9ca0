"""Which roles file and read a type follows from its family alone (domain.md 9.3)."""

from __future__ import annotations

from typing import Any

import pytest

from app.assessments.types import ALL
from tests.assessments.factories import PURPOSE, make_share
from tests.auth.scoped import ScopedApi, scoped
from tests.conftest import ApiFor
from tests.partners.factories import make_partner

__all__ = ["scoped"]


def body_of(code: str, partner: str) -> dict[str, Any]:
    """The example of the contract, about this partner."""
    example: dict[str, Any] = ALL[code].body_model.model_json_schema()["examples"][0]
    return example | {"partner_id": partner, "confidentiality": "RESTRICTED"}


@pytest.mark.parametrize(
    ("code", "filing", "reading"),
    [
        ("capacity_other", {"HFP"}, {"PO", "CO", "HFP", "OVS", "IPU"}),
        ("performance", {"PO"}, {"PO", "CO", "OVS", "IPU"}),
    ],
)
async def test_who_files_and_who_reads_the_own_agencys(
    code: str, filing: set[str], reading: set[str], api_for: ApiFor, scoped: ScopedApi
) -> None:
    wfp = await api_for("WFP")
    partner = (await make_partner(wfp))["id"]
    record = (await wfp.made("/v1/assessments", body_of(code, partner)))["id"]
    filed, read = set(), set()
    for role in ("PO", "CO", "HFP", "PFP", "OVS", "IPU", "RCO", "SAO"):
        api = await scoped("WFP", roles=(role,))
        answer = await api.post("/v1/assessments", json=body_of(code, partner))
        if answer.status_code == 201:
            filed.add(role)
        if (await api.get(f"/v1/assessments/{record}/detail")).status_code == 200:
            read.add(role)
    assert (filed, read) == (filing, reading)


async def test_a_review_is_read_by_a_share_and_by_few_roles(
    api_for: ApiFor, scoped: ScopedApi
) -> None:
    unicef = await api_for("UNICEF")
    partner = (await make_partner(unicef))["id"]
    record = (await unicef.made("/v1/assessments", body_of("performance", partner)))["id"]
    url = f"/v1/assessments/{record}/detail"
    wfp = await api_for("WFP")
    assert (await wfp.get(url, headers=PURPOSE)).status_code == 404
    summary = await wfp.read(f"/v1/assessments/{record}")
    assert summary["rating"]["value"] == "SATISFACTORY"
    assert "ethical" not in str(summary)
    await make_share(unicef, record)
    read = await wfp.read(url, headers=PURPOSE)
    assert read["detail"]["ethical_concerns"] is False
    for role, status in (("CO", 200), ("HFP", 404), ("PO", 404)):
        api = await scoped("WFP", roles=(role,))
        assert (await api.get(url, headers=PURPOSE)).status_code == status, role


async def test_the_example_of_every_type_is_filed_read_and_cleared(api_for: ApiFor) -> None:
    wfp = await api_for("WFP")
    partner = (await make_partner(wfp))["id"]
    for code in ALL:
        body = body_of(code, partner)
        draft = await wfp.made("/v1/assessments", body | {"status": "draft", "detail": {}})
        url = f"/v1/assessments/{draft['id']}"
        change = {"status": "final", "confidentiality": "RESTRICTED", "detail": body["detail"]}
        filed = await wfp.patch(url, json=change, headers={"If-Match": '"v1"'})
        assert filed.status_code == 200, filed.text
        assert filed.json()["rating"]["scheme"] == body["methodology"]
        read = (await wfp.read(f"{url}/detail"))["detail"]
        shape = ALL[code].detail_model
        assert shape.model_validate(read) == shape.model_validate(body["detail"]), code
    asked = {"partner": {"id": partner}, "country": "KEN", "purpose": "PARTNER_SELECTION"}
    cleared = await wfp.made("/v1/clearances", asked)
    assert {item["type"] for item in cleared["assessments"]} == set(ALL)
