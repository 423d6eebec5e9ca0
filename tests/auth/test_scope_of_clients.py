"""What a client's countries and level keep from it, through HTTP: the same 404 as for nothing."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx

from tests.assessments.factories import (
    PURPOSE,
    assessment_body,
    make_assessment,
    make_share,
    psea_detail,
    request_body,
    share_body,
)
from tests.auth.scoped import ScopedApi, scoped
from tests.conftest import ApiFor
from tests.partners.factories import make_partner, partner_body
from tests.support import unique

__all__ = ["scoped"]


def seen(response: httpx.Response) -> tuple[int, Any, dict[str, str]]:
    """All a caller can see of an answer but what names the request itself."""
    body = response.json()
    body.pop("instance", None)
    headers = {name: value for name, value in response.headers.items() if name != "x-request-id"}
    return response.status_code, body, headers


async def test_partners_outside_the_countries_are_absent(
    api_for: ApiFor, scoped: ScopedApi
) -> None:
    unicef = await api_for("UNICEF")
    name = unique("Scoped Relief")
    there = await make_partner(unicef, country="BGD", legal_name=name)
    here = await make_partner(unicef, country="KEN", legal_name=name)
    office = await scoped("WFP", countries=("KEN", "UGA", "KEN"))
    absent = seen(await office.get(f"/v1/partners/{uuid4()}"))
    assert seen(await office.get(f"/v1/partners/{there['id']}")) == absent
    read = await office.read(f"/v1/partners/{here['id']}")
    # The answer to a creation also tells of possible duplicates.
    assert read == {name: here[name] for name in read}
    item = there["identifiers"][0]
    query = {"scheme": item["scheme"], "value": item["value"]}
    assert (await office.get("/v1/partners/resolve", params=query)).status_code == 404
    assert (await unicef.get("/v1/partners/resolve", params=query)).status_code == 200
    wish = {"legal_name": name, "identifiers": [query]}
    found = (await office.post("/v1/partners/match", json=wish)).json()["candidates"]
    assert [one["partner_id"] for one in found] == [here["id"]]
    change = await office.patch(
        f"/v1/partners/{there['id']}", json={"acronym": "X"}, headers={"If-Match": '"v1"'}
    )
    assert change.json()["code"] == "partner_not_found"
    made = await office.post("/v1/partners", json=partner_body(country="BGD"))
    assert (made.status_code, made.json()["code"]) == (403, "country_outside_scope")
    assert (await office.post("/v1/partners", json=partner_body(country="UGA"))).status_code == 201


async def test_a_list_of_partners_keeps_to_the_countries_on_every_page(
    api_for: ApiFor, scoped: ScopedApi
) -> None:
    unicef = await api_for("UNICEF")
    made = [
        (await make_partner(unicef, country=code))["id"]
        for code in ("VUT", "BGD", "TON", "VUT", "BGD", "TON")
    ]
    wanted = [one for n, one in enumerate(made) if n % 3 != 1][::-1]
    office = await scoped("WFP", countries=("VUT", "TON"))
    found: list[str] = []
    page = await office.read("/v1/partners?limit=1")
    while True:
        assert {one["country"] for one in page["items"]} <= {"VUT", "TON"}
        found += [one["id"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        page = await office.read(f"/v1/partners?limit=1&cursor={page['next_cursor']}")
    # Other tests may have made partners of these countries, too.
    assert [one for one in found if one in made] == wanted
    assert (await office.read("/v1/partners?country=BGD"))["items"] == []
    only = await office.read("/v1/partners?country=VUT")
    assert {one["country"] for one in only["items"]} == {"VUT"}


async def test_assessments_outside_the_countries_are_absent(
    api_for: ApiFor, scoped: ScopedApi
) -> None:
    unicef = await api_for("UNICEF")
    far = (await make_partner(unicef, country="BGD"))["id"]
    shared = await make_assessment(unicef, far)
    await make_share(unicef, shared["id"])
    own = await make_assessment(await api_for("WFP"), far)
    near = await make_assessment(unicef)
    office = await scoped("WFP", countries=("KEN",))
    for one in (shared, own):
        for path in ("", "/detail", "/shares", "/disclosures"):
            answer = await office.get(f"/v1/assessments/{one['id']}{path}", headers=PURPOSE)
            absent = await office.get(f"/v1/assessments/{uuid4()}{path}", headers=PURPOSE)
            assert seen(answer) == seen(absent), path
    assert (await office.read(f"/v1/assessments?partner_id={far}"))["items"] == []
    assert (await office.read(f"/v1/assessments?partner_id={near['partner_id']}"))["items"]
    filed = await office.post("/v1/assessments", json=assessment_body(far))
    assert filed.json()["code"] == "partner_not_found"
    asked = await office.post("/v1/access-requests", json=request_body(shared["id"]))
    assert asked.json()["code"] == "assessment_not_found"
    given = await office.post(
        f"/v1/assessments/{own['id']}/shares", json=share_body(shared_with="FAO")
    )
    assert given.json()["code"] == "assessment_not_found"


async def test_requests_about_other_countries_are_absent(
    api_for: ApiFor, scoped: ScopedApi
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    far = await make_assessment(unicef, (await make_partner(unicef, country="BGD"))["id"])
    asked = await wfp.made("/v1/access-requests", request_body(far["id"]))
    url = f"/v1/access-requests/{asked['id']}"
    listed = f"/v1/access-requests?assessment_id={far['id']}"
    for limits in ({"countries": ("KEN",)}, {"max_level": "INTER_AGENCY"}):
        office = await scoped("WFP", **limits)
        assert (await office.get(url)).json()["code"] == "access_request_not_found"
        assert (await office.read(listed))["items"] == []
    assert (await (await scoped("WFP", countries=("BGD",))).read(url))["id"] == asked["id"]


async def test_a_client_gets_nothing_above_its_level(api_for: ApiFor, scoped: ScopedApi) -> None:
    unicef = await api_for("UNICEF")
    made = {
        level: await make_assessment(unicef, confidentiality=level)
        for level in ("INTER_AGENCY", "RESTRICTED", "AGENCY_ONLY")
    }
    expected = {
        "INTER_AGENCY": {"INTER_AGENCY": (200, 200), "RESTRICTED": (200, 404)},
        "RESTRICTED": {"INTER_AGENCY": (200, 200), "RESTRICTED": (200, 200)},
        "AGENCY_ONLY": dict.fromkeys(made, (200, 200)),
    }
    for ceiling, rows in expected.items():
        client = await scoped("UNICEF", max_level=ceiling)
        for level, one in made.items():
            url = f"/v1/assessments/{one['id']}"
            found = (
                (await client.get(url)).status_code,
                (await client.get(f"{url}/detail")).status_code,
            )
            assert found == rows.get(level, (404, 404)), (ceiling, level)
            listed = await client.read(f"/v1/assessments?partner_id={one['partner_id']}")
            assert bool(listed["items"]) == (rows.get(level) is not None)


async def test_a_client_writes_nothing_above_its_level(api_for: ApiFor, scoped: ScopedApi) -> None:
    partner = (await make_partner(await api_for("WFP")))["id"]
    client = await scoped("WFP", max_level="RESTRICTED")
    for more in ({"confidentiality": "AGENCY_ONLY"}, {"status": "draft"}):
        refused = await client.post("/v1/assessments", json=assessment_body(partner, **more))
        assert (refused.status_code, refused.json()["code"]) == (403, "level_above_client")
    filed = await client.post("/v1/assessments", json=assessment_body(partner))
    assert filed.status_code == 201
    theirs = await make_assessment(await api_for("UNICEF"))
    low = await scoped("WFP", max_level="INTER_AGENCY")
    asked = await low.post("/v1/access-requests", json=request_body(theirs["id"]))
    assert asked.json()["code"] == "level_above_client"
    reads = await low.get(f"/v1/assessments/{filed.json()['id']}/disclosures")
    assert reads.json()["code"] == "assessment_not_found"


async def test_roles_decide_who_of_an_agency_reads_files_and_shares(
    api_for: ApiFor, scoped: ScopedApi
) -> None:
    unicef = await api_for("UNICEF")
    made = await make_assessment(unicef)
    await make_share(unicef, made["id"])
    url = f"/v1/assessments/{made['id']}"
    officer, hact = await scoped("WFP", roles=("CO",)), await scoped("WFP", roles=("HFP",))
    assert (await officer.read(f"{url}/detail", headers=PURPOSE))["detail"] == psea_detail()
    # A HACT focal point has no right to PSEA details: the matrix, not the share, says no.
    assert (await hact.get(f"{url}/detail", headers=PURPOSE)).status_code == 404
    refused = await hact.post("/v1/assessments", json=assessment_body(made["partner_id"]))
    assert (refused.status_code, refused.json()["code"]) == (403, "role_lacks_right")
    asked = await hact.post("/v1/access-requests", json=request_body(made["id"]))
    assert asked.json()["code"] == "role_lacks_right"
    focal = await scoped("UNICEF", roles=("PFP",))
    own = await make_assessment(focal, made["partner_id"])
    wrong = await scoped("UNICEF", roles=("HFP",))
    given = await wrong.post(f"/v1/assessments/{own['id']}/shares", json=share_body())
    assert (given.status_code, given.json()["code"]) == (403, "role_lacks_right")
    await make_share(focal, own["id"])
    log = f"/v1/assessments/{own['id']}/disclosures"
    assert (await focal.get(log)).json()["code"] == "role_lacks_right"
    assert (await (await scoped("UNICEF", roles=("OVS",))).get(log)).status_code == 200


async def test_cases_are_agency_only_and_of_a_country(api_for: ApiFor, scoped: ScopedApi) -> None:
    undp = await api_for("UNDP")
    partner = (await make_partner(undp, country="BGD"))["id"]
    body = {
        "partner_id": partner,
        "practices": ["FRAUDULENT"],
        "finding": {"reference": "F-1", "on": "2026-01-05"},
    }
    case = await undp.made("/v1/sanctions/cases", body)
    url = f"/v1/sanctions/cases/{case['id']}"
    notice = {"sent_on": "2026-01-06", "summary": "Notice"}
    for limits in ({"max_level": "RESTRICTED"}, {"countries": ("KEN",)}):
        client = await scoped("UNDP", **limits)
        assert seen(await client.get(url)) == seen(
            await client.get(f"/v1/sanctions/cases/{uuid4()}")
        )
        assert (await client.post(f"{url}/notice", json=notice)).status_code == 404
        listed = (await client.read("/v1/sanctions/cases?limit=200"))["items"]
        assert case["id"] not in [one["id"] for one in listed]
    low = await scoped("UNDP", max_level="RESTRICTED")
    assert (await low.post("/v1/sanctions/cases", json=body)).json()["code"] == "level_above_client"
    far = await scoped("UNDP", countries=("KEN",))
    assert (await far.post("/v1/sanctions/cases", json=body)).json()["code"] == "partner_unknown"
    near = await scoped("UNDP", countries=("BGD",))
    assert (await near.get(url)).status_code == 200
    listed = (await near.read("/v1/sanctions/cases?limit=200"))["items"]
    assert case["id"] in [one["id"] for one in listed]


async def test_a_clearance_is_for_every_country_and_holds_no_more_than_its_client_may_see(
    api_for: ApiFor, scoped: ScopedApi
) -> None:
    wfp = await api_for("WFP")
    partner = (await make_partner(wfp, country="BGD"))["id"]
    hidden = await make_assessment(wfp, partner, confidentiality="AGENCY_ONLY")
    body = {"partner": {"id": partner}, "country": "BGD", "purpose": "PARTNER_SELECTION"}
    full = await wfp.made("/v1/clearances", body)
    assert hidden["id"] in str(full["assessments"])
    low = await scoped("WFP", countries=("KEN",), max_level="INTER_AGENCY")
    answer = await low.made("/v1/clearances", body)
    assert answer["assessments"] == []
    assert (await low.get(f"/v1/clearances/{answer['clearance_id']}")).status_code == 200
    for path in ("", "/receipt"):
        absent = seen(await low.get(f"/v1/clearances/{uuid4()}{path}"))
        assert seen(await low.get(f"/v1/clearances/{full['clearance_id']}{path}")) == absent
    assert (await wfp.get(f"/v1/clearances/{answer['clearance_id']}")).status_code == 200
