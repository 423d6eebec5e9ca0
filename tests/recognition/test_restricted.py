"""What records of others come to in an answer: as their owner says, and not a byte more."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest

from app.core.db import Database
from app.recognition.quota import QUOTA
from tests.assessments.factories import make_assessment
from tests.assessments.findings.support import make_finding
from tests.assessments.sea_restrictions.support import oversight, set_on
from tests.conftest import ApiFor
from tests.partners.flags.support import hq, make_red
from tests.recognition.support import (
    CERTIFICATE,
    ask,
    cleared,
    codes,
    good_partner,
    inquired,
    register,
)
from tests.support import Api, World, unique

pytestmark = pytest.mark.usefixtures("lists")
OWN = ("clearance_id", "evaluated_at", "expires_at")


async def set_facts(api: Api, agency: str, **said: str) -> None:
    """How the agency lets its facts count for others."""
    url = f"/v1/agencies/{agency}/settings/facts_in_clearances"
    version = (await api.read(url))["version"]
    answer = await api.put(url, json={"value": said}, headers={"If-Match": f'"v{version}"'})
    assert answer.status_code == 200, answer.text


def told(answer: dict[str, Any]) -> bytes:
    """Everything of an answer that is not of its own moment."""
    return json.dumps({key: value for key, value in answer.items() if key not in OWN}).encode()


async def decision(api: Api, partner: str) -> dict[str, Any]:
    return await cleared(api, {"id": partner}, amount_usd="90000.00")


async def test_an_sea_restriction_counts_as_its_owner_says(
    api_for: ApiFor, operator_database: Database, world: World
) -> None:
    fao, wfp = await api_for("FAO"), await api_for("WFP")
    partner = await good_partner(api_for, operator_database, unique("Heron Flats"))
    await make_assessment(await api_for("UNICEF"), partner)
    clean = told(await decision(wfp, partner))
    officer = await oversight(api_for, operator_database, world, "FAO")
    await set_on(officer, partner, contact_office="Sea office", contact_email="sea@fao.example")
    asked = await decision(wfp, partner)
    assert (asked["outcome"], codes(asked)) == ("REFER", ["CONSULT_OWNER"])
    assert "Sea office" not in json.dumps(asked)
    assert asked["required_next"][0]["kind"] == "ask"
    await set_facts(fao, "FAO", sea_restriction="named")
    named = await decision(wfp, partner)
    assert (named["reasons"][0]["code"], named["reasons"][0]["detail"]["contact_office"]) == (
        "SEA_RESTRICTION",
        "Sea office",
    )
    await set_facts(fao, "FAO", sea_restriction="not_counted")
    assert told(await decision(wfp, partner)) == clean
    own = await decision(fao, partner)
    assert "SEA_RESTRICTION" in codes(own)


async def test_findings_and_amounts_count_as_their_owner_says(
    api_for: ApiFor, operator_database: Database
) -> None:
    unhcr, wfp = await api_for("UNHCR"), await api_for("WFP")
    partner = await good_partner(api_for, operator_database, unique("Ibis Narrows"))
    await make_assessment(await api_for("UNICEF"), partner)
    await make_finding(unhcr, partner_id=partner, usd="30000.00")
    asked = await decision(wfp, partner)
    assert "CONSULT_OWNER" in codes(asked)
    assert {"OPEN_HIGH_FINDINGS", "UNSUPPORTED_AMOUNT"}.isdisjoint(codes(asked))
    assert asked["assurance"]["open_high_findings"] == []
    await set_facts(unhcr, "UNHCR", findings="named", unsupported_amounts="named")
    named = await decision(wfp, partner)
    assert "UNSUPPORTED_AMOUNT" in codes(named)
    assert "CONSULT_OWNER" not in codes(named)
    assert named["assurance"]["open_high_findings"][0]["count"] == 1
    assert named["assurance"]["pending_unsupported"][0]["agency"] == "UNHCR"
    assert "30000" not in json.dumps(named["assurance"])
    await set_facts(unhcr, "UNHCR", findings="not_counted", unsupported_amounts="not_counted")
    assert "UNSUPPORTED_AMOUNT" not in codes(await decision(wfp, partner))


async def test_a_restricted_assessment_counts_as_its_owner_says(
    api_for: ApiFor, operator_database: Database
) -> None:
    undp, wfp = await api_for("UNDP"), await api_for("WFP")
    partner = await good_partner(api_for, operator_database, unique("Stork Hollow"))
    made = await make_assessment(undp, partner)
    assert (await decision(wfp, partner))["outcome"] == "CLEAR"
    await set_facts(undp, "UNDP", psea="consult")
    asked = await decision(wfp, partner)
    assert codes(asked) == ["CONSULT_OWNER"]
    assert made["id"] not in json.dumps(asked)
    await set_facts(undp, "UNDP", psea="not_counted")
    assert codes(await decision(wfp, partner)) == ["NO_PSEA"]
    assert (await decision(undp, partner))["outcome"] == "CLEAR"
    await set_facts(undp, "UNDP")


async def test_what_is_anothers_alone_changes_no_byte(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef, unhcr, wfp = await api_for("UNICEF"), await api_for("UNHCR"), await api_for("WFP")
    partner = await good_partner(api_for, operator_database, unique("Egret Sound"))
    await make_assessment(unicef, partner)
    before = told(await decision(wfp, partner))
    await make_assessment(unhcr, partner, confidentiality="AGENCY_ONLY", conducted_on="2026-06-01")
    await make_finding(unhcr, partner_id=partner, confidentiality="AGENCY_ONLY", usd="90000.00")
    assert told(await decision(wfp, partner)) == before
    assert told(await decision(unhcr, partner)) != before


async def test_registration_is_valid_expired_or_missing_and_no_reason_is_told(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = await good_partner(api_for, operator_database, unique("Plover Bend"))
    await make_assessment(unicef, partner)
    await register(unicef, partner, certificates=[CERTIFICATE | {"expires_on": "2020-01-01"}])
    expired = await decision(wfp, partner)
    assert "REGISTRATION_EXPIRED" in codes(expired)
    assert expired["legal"]["registration"] == "expired"
    (reason, *_) = (await unicef.read("/v1/codelists/missing_registration_reasons"))["items"]
    await register(unicef, partner, certificates=None, missing_reason=reason["code"])
    missing = await decision(wfp, partner)
    found = next(one for one in missing["reasons"] if one["code"] == "REGISTRATION_MISSING")
    assert found["detail"] == {"alone": "CLEAR_WITH_CONDITIONS"}
    assert missing["legal"]["registration"] == "missing"
    assert "missing_reason" not in json.dumps(missing)


async def test_flags_of_the_caller_block_and_those_of_others_refer(
    api_for: ApiFor, operator_database: Database, world: World
) -> None:
    partner = await good_partner(api_for, operator_database, unique("Curlew Point"))
    await make_assessment(await api_for("UNICEF"), partner)
    await make_red(await hq(api_for, operator_database, world, "IPUREDCL"), partner)
    assert (await decision(await api_for("WFP"), partner))["outcome"] == "REFER"
    own = await decision(await api_for("UNICEF"), partner)
    assert own["outcome"] == "BLOCKED"
    assert own["reasons"][0]["code"] == "RED_FLAG"


async def test_too_many_variations_are_refused_and_the_owners_are_told_once(
    api_for: ApiFor, operator_database: Database, world: World
) -> None:
    unicef, fao = await api_for("UNICEF"), await api_for("FAO")
    partner = await good_partner(api_for, operator_database, unique("Probe Hill"))
    await make_assessment(unicef, partner)
    await inquired(operator_database, world.agencies["FAO"], partner, QUOTA.variations - 1)
    body = ask({"id": partner}, amount_usd="90000.00")
    answer = await fao.post("/v1/clearances", json=body)
    assert answer.status_code == 201
    # The same question again is none more.
    assert (await fao.post("/v1/clearances", json=body)).status_code == 201
    other = await fao.post("/v1/clearances", json=body | {"amount_usd": "90001.00"})
    assert (other.status_code, other.json()["code"]) == (429, "clearance_quota")
    assert (await cleared(await api_for("WFP"), {"id": partner}))["match"]
    async with operator_database.connection() as connection:
        rows = await connection.fetch(
            "SELECT a.code, o.data FROM outbox o JOIN agencies a ON a.id = o.agency_id "
            "WHERE o.type = 'clearance.quota_reached' AND o.subject_id = $1",
            UUID(partner),
        )
    assert [(row["code"], row["data"]["asked_by"]) for row in rows] == [("UNICEF", "FAO")]
    # In a stream it is the error of its line, and keeps no other from its answer.
    lines = [{"id": "too-many"} | body | {"amount_usd": "90002.00"}, {"id": "again"} | body]
    stream = "\n".join(json.dumps(line) for line in lines)
    kind = {"Content-Type": "application/x-ndjson"}
    answered = await fao.post("/v1/clearances/batch", content=stream, headers=kind)
    first, second = [json.loads(line) for line in answered.text.splitlines()]
    assert (first["error"]["code"], second["clearance"]["outcome"]) == (
        "clearance_quota",
        answer.json()["outcome"],
    )
