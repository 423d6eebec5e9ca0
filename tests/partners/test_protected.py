"""Profiles whose naming endangers people: absent for whoever has no right to know of them."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from app.core.db import Database
from tests.assessments.factories import assessment_body, make_assessment
from tests.conftest import ApiFor
from tests.partners.factories import make_partner, partner_body
from tests.sanctions.factories import impose
from tests.support import Api, unique

ORDINARY = (
    *("partners:read", "partners:write", "clearance:run", "clearance:read", "assessments:read"),
    *("assessments:write", "assessments:detail", "sanctions:read", "sanctions:write"),
)


@pytest.fixture
async def wfp(api_for: ApiFor) -> Api:
    """Another agency, without the scope `partners:protected`."""
    return await api_for("WFP", *ORDINARY)


async def protect(api: Api, partner: dict[str, Any], **fields: Any) -> dict[str, Any]:
    now = await api.read(f"/v1/partners/{partner['id']}")
    answer = await api.patch(
        f"/v1/partners/{partner['id']}",
        json={"protected": True} | fields,
        headers={"If-Match": f'"v{now["version"]}"'},
    )
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def key(partner: dict[str, Any]) -> dict[str, str]:
    return {name: partner["identifiers"][0][name] for name in ("scheme", "value")}


def same_404(hidden: Any, absent: Any) -> None:
    assert hidden.status_code == absent.status_code == 404
    assert {**hidden.json(), "instance": ""} == {**absent.json(), "instance": ""}


async def listed(api: Api, partner_id: str, **params: str) -> bool:
    page = await api.read("/v1/partners", params={"limit": "200"} | params)
    while True:
        if any(item["id"] == partner_id for item in page["items"]):
            return True
        if page["next_cursor"] is None:
            return False
        page = await api.read(
            "/v1/partners", params={"limit": "200", "cursor": page["next_cursor"]} | params
        )


async def test_a_protected_profile_is_absent_for_others(api_for: ApiFor, wfp: Api) -> None:
    unicef, holder = await api_for("UNICEF"), await api_for("UNDP")
    partner = await make_partner(unicef, protected=True, country="MMR")
    assert await listed(unicef, partner["id"], country="MMR")
    assert await listed(holder, partner["id"], country="MMR")
    assert not await listed(wfp, partner["id"], country="MMR")
    for path in ("", "/history", "/sources", "/offices", "?as_of=2030-01-01T00:00:00Z"):
        assert (await unicef.get(f"/v1/partners/{partner['id']}{path}")).status_code == 200
        same_404(
            await wfp.get(f"/v1/partners/{partner['id']}{path}"),
            await wfp.get(f"/v1/partners/{uuid4()}{path}"),
        )
    for verb, path, body in (
        ("PATCH", "", {"acronym": "A"}),
        ("POST", "/confirmation", None),
    ):
        headers = {"If-Match": '"v1"'}
        same_404(
            await wfp.request(
                verb, f"/v1/partners/{partner['id']}{path}", json=body, headers=headers
            ),
            await wfp.request(verb, f"/v1/partners/{uuid4()}{path}", json=body, headers=headers),
        )


async def test_whoever_keeps_a_vendor_number_for_it_knows_of_it(
    api_for: ApiFor, wfp: Api, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    partner = await make_partner(unicef, protected=True, country="MMR")
    async with operator_database.session() as session:
        await session.execute(
            text(
                "INSERT INTO partner_identifiers (id, partner_id, scheme, value, country, "
                "agency_id, created_by) SELECT uuidv7(), :id, 'AGENCY_VENDOR', :value, 'MMR', "
                "id, id FROM agencies WHERE code = 'WFP'"
            ),
            {"id": UUID(partner["id"]), "value": uuid4().hex},
        )
    assert (await wfp.get(f"/v1/partners/{partner['id']}")).status_code == 200
    assert await listed(wfp, partner["id"], country="MMR")


async def test_its_identifier_leads_to_the_registry_and_to_nothing_else(
    api_for: ApiFor, wfp: Api, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    partner = await make_partner(unicef, protected=True)
    again = await wfp.post("/v1/partners", json=partner_body(identifiers=[key(partner)]))
    assert (again.status_code, again.json()["code"]) == (409, "identifier_taken")
    assert again.json()["contact_registry"] is True
    resolved = await wfp.get("/v1/partners/resolve", params=key(partner))
    assert (resolved.status_code, resolved.json()["code"]) == (409, "contact_registry")
    matched = await wfp.post(
        "/v1/partners/match", json={"legal_name": "Nobody", "identifiers": [key(partner)]}
    )
    assert matched.json()["contact_registry"] is True
    for answer in (again, resolved, matched):
        assert partner["id"] not in answer.text
        assert partner["legal_name"] not in answer.text
    async with operator_database.connection() as connection:
        for answer in (again, resolved):
            # Whoever was kept from it is in the log.
            assert await connection.fetchval(
                "SELECT count(*) FROM audit_events WHERE request_id = $1 "
                "AND event = 'access:request:refuse'",
                answer.headers["x-request-id"],
            )
    assert (await unicef.read("/v1/partners/resolve", params=key(partner)))["id"] == partner["id"]


async def test_of_many_who_create_it_at_once_none_learns_its_id(api_for: ApiFor, wfp: Api) -> None:
    """Also where the index decides and not the question before it."""
    unicef = await api_for("UNICEF")
    item = {"scheme": "ORG_ID", "value": f"KE-NCB-{secrets.token_hex(6)}"}
    mine = partner_body(identifiers=[item], protected=True)
    theirs = partner_body(identifiers=[item])
    answers = await asyncio.gather(
        unicef.post("/v1/partners", json=mine),
        *(wfp.post("/v1/partners", json=theirs) for _ in range(3)),
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    if answers[0].status_code == 201:
        assert all(answers[0].json()["id"] not in answer.text for answer in answers[1:])


async def test_a_match_says_to_ask_and_not_whom(api_for: ApiFor, wfp: Api) -> None:
    unicef = await api_for("UNICEF")
    name = unique("Sanctuary Circle Kachinland")
    partner = await make_partner(unicef, legal_name=name, protected=True, country="MMR")
    wanted = {"legal_name": name, "country": "MMR"}
    found = (await wfp.post("/v1/partners/match", json=wanted)).json()
    assert found["contact_registry"] is True
    assert partner["id"] not in [item["partner_id"] for item in found["candidates"]]
    open_to = (await unicef.post("/v1/partners/match", json=wanted)).json()
    assert open_to["candidates"][0]["partner_id"] == partner["id"]
    assert open_to["contact_registry"] is False


async def test_a_clearance_by_identifier_judges_it_and_does_not_name_it(
    api_for: ApiFor, wfp: Api, world: Any
) -> None:
    unicef = await api_for("UNICEF")
    partner = await make_partner(unicef)
    await impose(api_for, partner["id"])
    await protect(unicef, partner)
    ask = {"country": "KEN", "purpose": "PARTNER_SELECTION"}
    answer = await wfp.made("/v1/clearances", {"partner": {"identifier": key(partner)}, **ask})
    assert "SANCTIONED_OTHER_AGENCY" in [reason["code"] for reason in answer["reasons"]]
    assert answer["contact_registry"] is True
    assert answer["match"] == {
        "partner_id": None,
        "registry_number": None,
        "legal_name": None,
        "partner_version": None,
        "by": "identifier",
        "score": 1.0,
        "contact_registry": True,
    }
    assert answer["legal"] is None
    own = await unicef.made("/v1/clearances", {"partner": {"identifier": key(partner)}, **ask})
    assert own["match"]["partner_id"] == partner["id"]
    receipt = await wfp.get(f"/v1/clearances/{answer['clearance_id']}/receipt")
    assert receipt.status_code == 200
    mine = await wfp.read("/v1/clearances")
    shown = next(one for one in mine["items"] if one["clearance_id"] == answer["clearance_id"])
    assert shown["partner_id"] is None
    filtered = await wfp.read("/v1/clearances", params={"partner_id": partner["id"]})
    assert filtered["items"] == []


async def test_a_clearance_by_id_or_name_does_not_find_it(api_for: ApiFor, wfp: Api) -> None:
    unicef = await api_for("UNICEF")
    name = unique("Refuge Circle Shanland")
    partner = await make_partner(unicef, legal_name=name, protected=True, country="MMR")
    ask = {"country": "MMR", "purpose": "PARTNER_SELECTION"}
    by_id = await wfp.post("/v1/clearances", json={"partner": {"id": partner["id"]}, **ask})
    unknown = await wfp.post("/v1/clearances", json={"partner": {"id": str(uuid4())}, **ask})
    same_404(by_id, unknown)
    named = {"name": name, "country": "MMR"}
    by_name = await wfp.made("/v1/clearances", {"partner": named, **ask})
    assert (by_name["outcome"], by_name["match"]) == ("REFER", None)
    assert by_name["contact_registry"] is True
    assert partner["id"] not in str(by_name)
    own = await unicef.made("/v1/clearances", {"partner": named, **ask})
    assert own["match"]["partner_id"] == partner["id"]


async def test_its_assessments_are_for_their_owner_and_whoever_may_know(
    api_for: ApiFor, wfp: Api
) -> None:
    unicef = await api_for("UNICEF")
    partner = await make_partner(unicef)
    level = {"confidentiality": "INTER_AGENCY"}
    theirs = await make_assessment(unicef, partner["id"], **level)
    own = await make_assessment(wfp, partner["id"], **level)
    url = f"/v1/assessments/{theirs['id']}"
    assert (await wfp.get(url)).status_code == 200
    await protect(unicef, partner)
    same_404(await wfp.get(url), await wfp.get(f"/v1/assessments/{uuid4()}"))
    same_404(await wfp.get(f"{url}/detail"), await wfp.get(f"/v1/assessments/{uuid4()}/detail"))
    assert (await wfp.get(f"/v1/assessments/{own['id']}")).status_code == 200
    ids = {"partner_id": partner["id"]}
    assert [one["id"] for one in (await wfp.read("/v1/assessments", params=ids))["items"]] == [
        own["id"]
    ]
    assert len((await unicef.read("/v1/assessments", params=ids))["items"]) == 2
    fresh = await wfp.post("/v1/assessments", json=assessment_body(partner["id"]))
    assert fresh.json()["code"] == "partner_not_found"


async def test_a_measure_on_it_stays_on_the_shared_list(api_for: ApiFor, wfp: Api) -> None:
    """Safety first: who looks for a sanctioned body must find the sanction."""
    unicef = await api_for("UNICEF")
    partner = await make_partner(unicef)
    entry = await impose(api_for, partner["id"])
    await protect(unicef, partner)
    seen = await wfp.read("/v1/sanctions/entries", params={"partner_id": partner["id"]})
    assert [item["entry_id"] for item in seen["items"]] == [entry["entry_id"]]
    case = {
        "partner_id": partner["id"],
        "practices": ["FRAUDULENT"],
        "finding": {"reference": "R", "on": "2026-04-02"},
    }
    assert (await wfp.post("/v1/sanctions/cases", json=case)).json()["code"] == "partner_unknown"


async def test_any_agency_protects_and_few_take_it_away(api_for: ApiFor, wfp: Api) -> None:
    unicef = await api_for("UNICEF", "partners:read", "partners:write")
    fao = await api_for("FAO", "partners:read", "partners:write")
    number = {"scheme": "AGENCY_VENDOR", "value": uuid4().hex, "country": "KEN"}
    partner = await make_partner(wfp, identifiers=[number])
    await protect(unicef, partner)
    url = f"/v1/partners/{partner['id']}"
    assert (await unicef.get(url)).status_code == 404
    assert (await fao.get(url)).status_code == 404
    holder = await api_for("FAO")
    assert (await protect(holder, partner, protected=False))["protected"] is False
    await protect(unicef, partner)
    assert (await protect(wfp, partner, protected=False))["protected"] is False


async def test_to_know_of_it_is_not_to_unprotect_it(
    api_for: ApiFor, wfp: Api, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    partner = await make_partner(unicef, protected=True)
    async with operator_database.session() as session:
        await session.execute(
            text(
                "INSERT INTO partner_identifiers (id, partner_id, scheme, value, country, "
                "agency_id, created_by) SELECT uuidv7(), :id, 'AGENCY_VENDOR', :value, 'KEN', "
                "id, id FROM agencies WHERE code = 'WFP'"
            ),
            {"id": UUID(partner["id"]), "value": uuid4().hex},
        )
    answer = await wfp.patch(
        f"/v1/partners/{partner['id']}", json={"protected": False}, headers={"If-Match": '"v1"'}
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")


async def test_headquarters_and_country_profiles_are_protected_together(
    api_for: ApiFor, wfp: Api
) -> None:
    unicef = await api_for("UNICEF")
    main = await make_partner(unicef, partner_type="NGO_INTL", country="NOR")
    below = {"partner_type": "NGO_INTL", "hq_id": main["id"]}
    office = await make_partner(unicef, country="KEN", **below)
    await protect(unicef, main)
    assert (await wfp.get(f"/v1/partners/{office['id']}")).status_code == 404
    assert (await unicef.read(f"/v1/partners/{office['id']}"))["version"] == 2
    later = await make_partner(unicef, country="SOM", **below)
    assert later["protected"] is True
    refused = await wfp.post("/v1/partners", json=partner_body(country="SSD", **below))
    assert refused.json()["code"] == "headquarters_unknown"
    alone = await unicef.patch(
        f"/v1/partners/{office['id']}", json={"protected": False}, headers={"If-Match": '"v2"'}
    )
    assert (alone.status_code, alone.json()["code"]) == (409, "headquarters_protected")


async def test_protection_and_a_new_country_profile_take_turns(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    for _ in range(4):
        main = await make_partner(unicef, partner_type="NGO_INTL", country="NOR")
        body = partner_body(partner_type="NGO_INTL", hq_id=main["id"], country="KEN")
        made, done = await asyncio.gather(
            unicef.post("/v1/partners", json=body),
            unicef.patch(
                f"/v1/partners/{main['id']}",
                json={"protected": True},
                headers={"If-Match": '"v1"'},
            ),
        )
        assert done.status_code in (200, 409), done.text
        assert made.status_code in (201, 409), made.text
        top = await unicef.read(f"/v1/partners/{main['id']}")
        offices = await unicef.read(f"/v1/partners/{main['id']}/offices")
        assert all(one["protected"] or not top["protected"] for one in offices["items"])
