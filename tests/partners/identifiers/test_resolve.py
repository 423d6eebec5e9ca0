"""From an identifier to its partner."""

from __future__ import annotations

import secrets
from uuid import UUID

from app.core.db import Database
from tests.conftest import ApiFor
from tests.partners.identifiers.test_service import bare, of, unpp, vendor

URL = "/v1/partners/resolve"


async def test_a_registry_number_and_an_id_name_their_profile(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    partner = await bare(unicef)
    for value in (partner["registry_number"].lower(), partner["id"]):
        assert (await unicef.read(f"{URL}?scheme=REGISTRY&value={value}"))["id"] == partner["id"]
        cleared = await unicef.made(
            "/v1/clearances",
            {"partner": {"identifier": {"scheme": "REGISTRY", "value": value}},
             "country": "KEN", "purpose": "PARTNER_SELECTION"},
        )  # fmt: skip
        assert cleared["match"]["partner_id"] == partner["id"]
    wrong = partner["registry_number"][:-1] + "?"
    assert (await unicef.get(URL, params={"scheme": "REGISTRY", "value": wrong})).status_code == 422
    refused = await unicef.post(
        of(partner), json={"scheme": "REGISTRY", "value": partner["registry_number"]}
    )
    assert refused.status_code == 422


async def test_a_vendor_number_is_the_own_agencys_unless_another_is_named(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner, number = await bare(unicef), vendor()
    await wfp.made(of(partner), number)
    query = f"{URL}?scheme=AGENCY_VENDOR&value={number['value']}&country=KE"
    assert (await wfp.read(query))["id"] == partner["id"]
    assert (await unicef.get(query)).status_code == 404
    assert (await unicef.read(f"{query}&issued_by=WFP"))["id"] == partner["id"]
    assert (await unicef.get(f"{query}&issued_by=NOBODY")).status_code == 404
    assert (await unicef.get(f"{URL}?scheme=UNPP&value=1&issued_by=WFP")).status_code == 422


async def test_the_area_tells_equal_numbers_apart(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    number, found = vendor(), {}
    for area in ("2400", "2410"):
        found[area] = await bare(unicef)
        await unicef.made(of(found[area]), number | {"area": area})
    query = f"{URL}?scheme=AGENCY_VENDOR&value={number['value']}&country=KE"
    assert (await unicef.get(query)).json()["code"] == "identifier_ambiguous"
    assert (await unicef.read(f"{query}&area=2410"))["id"] == found["2410"]["id"]


async def test_what_has_ended_is_found_when_asked_for(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    before, after, item = await bare(unicef), await bare(unicef), unpp()
    made = await unicef.made(of(before), item)
    await unicef.post(f"{of(before)}/{made['id']}/end", json={"reason": "wrong"})
    query = f"{URL}?scheme=UNPP&value={item['value']}"
    assert (await unicef.get(query)).status_code == 404
    found = await unicef.get(f"{query}&include=ended")
    assert (found.json()["id"], found.headers["identifier-status"]) == (before["id"], "ended")
    await unicef.made(of(after), item)
    found = await unicef.get(f"{query}&include=ended")
    assert (found.json()["id"], found.headers["identifier-status"]) == (after["id"], "active")


async def test_a_merged_profile_resolves_to_the_one_that_stands_for_it(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    gone, survivor, item = await bare(unicef), await bare(unicef), unpp()
    made = await unicef.made(of(gone), item)
    async with operator_database.connection() as connection:
        await connection.execute(
            "INSERT INTO partner_aliases (partner_id, survivor_id) VALUES ($1, $2)",
            UUID(gone["id"]), UUID(survivor["id"]),
        )  # fmt: skip
    for query in (f"scheme=UNPP&value={item['value']}",
                  f"scheme=REGISTRY&value={gone['registry_number']}"):  # fmt: skip
        assert (await unicef.read(f"{URL}?{query}"))["id"] == survivor["id"]
    kept = (await unicef.read(of(survivor)))["items"]
    assert [(row["id"], row["partner_id"]) for row in kept] == [(made["id"], gone["id"])]
    taken = await unicef.post(of(await bare(unicef)), json=item)
    assert taken.json()["partner_id"] == survivor["id"]
    refused = await unicef.post(of(gone), json=unpp())
    assert (refused.json()["code"], refused.json()["partner_id"]) == (
        "partner_merged",
        survivor["id"],
    )
    ended = await unicef.post(f"{of(survivor)}/{made['id']}/end", json={"reason": "duplicate"})
    assert ended.status_code == 200


async def test_bad_questions_are_refused(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    for query, pointer in (
        ("scheme=LEI&value=1", "query:value"),
        ("scheme=UNPP&value=1&country=KE", "query:country"),
        ("scheme=NAT_REG&value=1", "query:country"),
        ("scheme=TAX_ID&value=1&country=KE", "query:scheme"),
    ):
        refused = await unicef.get(f"{URL}?{query}")
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["pointer"] == pointer
    assert (await unicef.get(f"{URL}?scheme=UNPP&value={secrets.token_hex(8)}")).status_code == 404
