"""Matching as FollowTheMoney programs do it; shapes as yente-client 0.2.0 sends and reads them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app.core.db import Database
from tests.conftest import ApiFor, Settle
from tests.partners.factories import make_partner
from tests.sanctions.factories import impose
from tests.sanctions.screening.support import ALL, LANTERNS, LISTED, NOBODY, OWN, URL
from tests.support import BASE, Api, unique

pytestmark = pytest.mark.usefixtures("filled")
_PARTNERS = "partner_registry_inter_agency"


def _query(name: str = LISTED, schema: str = "Organization", **properties: Any) -> dict[str, Any]:
    return {"schema": schema, "properties": {"name": [name], **properties}}


def _body(*queries: dict[str, Any]) -> dict[str, Any]:
    """As the client sends it."""
    keyed = {"q" if n == 0 else f"q{n}": one for n, one in enumerate(queries)}
    return {"queries": keyed, "weights": {}, "config": {}}


async def _match(
    api: Api, *queries: dict[str, Any], dataset: str = "default", **params: Any
) -> list[dict[str, Any]]:
    answer = await api.post(f"/match/{dataset}", json=_body(*queries), params=params)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-batch-size"] == str(len(queries))
    responses = answer.json()["responses"]
    assert list(responses) == list(_body(*queries)["queries"])
    assert all(one["status"] == 200 for one in responses.values())
    return list(responses.values())


async def _refused(api: Api, body: Any, dataset: str = "default", **params: Any) -> tuple[int, str]:
    answer = await api.post(f"/match/{dataset}", json=body, params=params)
    return answer.status_code, answer.json()["code"]


async def test_an_entity_is_found_and_explained(api_for: ApiFor) -> None:
    wfp = await api_for("WFP")
    hit, none = await _match(wfp, _query(country=["ke"]), _query(NOBODY))
    [result] = hit["results"]
    assert (result["schema"], result["caption"], result["match"]) == ("Organization", LISTED, True)
    assert result["properties"]["name"][0] == LISTED
    assert (result["target"], result["referents"]) == (True, [])
    assert result["datasets"] == [_PARTNERS]
    assert result["score"] >= 0.9
    assert result["explanations"]["name_match"]["candidate"]
    assert result["explanations"]["country_shared"]["score"] > 0
    assert len(result["last_change"]) == len("2026-03-01T09:30:00")
    assert hit["total"] == {"value": 1, "relation": "eq"}
    assert hit["query"]["schema"] == "Organization"
    assert (none["results"], none["total"]["value"]) == ([], 0)


async def test_every_query_is_a_screening_that_is_stored_and_logged(
    api_for: ApiFor, operator_database: Database
) -> None:
    wfp = await api_for("WFP")
    name = unique("Canary Matched")
    answer = await wfp.post("/match/default", json=_body(_query(), _query(name, "Person")))
    items = (await wfp.read(URL, params={"limit": "2"}))["items"]
    assert {one["outcome"] for one in items} == {"potential_match", "no_hit"}
    assert len({one["batch_id"] for one in items}) == 1
    [person] = [one for one in items if one["kind"] == "person"]
    read = await wfp.read(f"{URL}/{person['screening_id']}")
    assert read["subject"]["names"] == [name]
    again = await wfp.post(f"{URL}/{person['screening_id']}/rerun", json={})
    assert again.json()["identical"] is True
    async with operator_database.connection() as connection:
        event = await connection.fetchrow(
            "SELECT event, detail FROM audit_events WHERE request_id = $1",
            answer.headers["x-request-id"],
        )
    assert event["event"] == "screening:batch:run"
    assert sorted(event["detail"]["screenings"]) == sorted(one["screening_id"] for one in items)


async def test_datasets_are_the_streams_the_caller_may_read(api_for: ApiFor) -> None:
    wfp, unhcr = await api_for("WFP"), await api_for("UNHCR")
    name = "Brassica Tidewater Holdings"
    own = f"partner_registry_source_{OWN}"
    for dataset in (own, f"source.{OWN}", "default"):
        [found] = await _match(unhcr, _query(name), dataset=dataset)
        assert [one["datasets"] for one in found["results"]] == [[own]], dataset
    assert (await _match(unhcr, _query(name), dataset=_PARTNERS))[0]["results"] == []
    [more] = await _match(unhcr, _query(name), dataset=_PARTNERS, include_dataset=own)
    assert len(more["results"]) == 1
    for dataset in (own, f"source.{OWN}", "nowhere", "source.nowhere", "sanctions", "x" * 300):
        assert await _refused(wfp, _body(_query()), dataset) == (404, "dataset_not_found")
        bad = {"include_dataset": "nowhere", "exclude_dataset": "nowhere"}
    for key, value in bad.items():
        assert await _refused(wfp, _body(_query()), **{key: value}) == (404, "dataset_not_found")
    [without] = await _match(wfp, _query(), exclude_dataset=f"source.{ALL}")
    assert without["results"] == []
    listed = {one["name"] for one in (await wfp.read("/catalog"))["datasets"]}
    assert {"default", _PARTNERS, f"partner_registry_source_{ALL}"} <= listed
    assert own not in listed
    assert own in {one["name"] for one in (await unhcr.read("/catalog"))["datasets"]}


async def test_what_its_parameters_leave_out(api_for: ApiFor, settle: Settle) -> None:
    wfp = await api_for("WFP")
    name = unique("Juniper Quay Alliance")
    partner = await make_partner(await api_for("UNICEF"), legal_name=name, aliases=[])
    entry = (await impose(api_for, partner["id"]))["entry_id"]
    await settle()

    async def ids(**params: Any) -> list[str]:
        [found] = await _match(wfp, _query(name), **params)
        return [one["id"] for one in found["results"] if one["id"] == entry]

    assert await ids() == await ids(topics=["debarment", "role.pep"]) == [entry]
    assert await ids(topics="sanction") == []
    assert await ids(exclude_schema=["Organization"]) == []
    assert await ids(exclude_schema=["Person", "Vessel"]) == [entry]
    assert await ids(exclude_entity_ids=[entry]) == []
    assert await ids(changed_since="2020-01-01") == [entry]
    assert await ids(changed_since="2199-01-01T00:00:00") == []
    [stored] = (await wfp.read(URL, params={"limit": "1"}))["items"]
    again = await wfp.post(f"{URL}/{stored['screening_id']}/rerun", json={})
    assert (again.status_code, again.json()["code"]) == (409, "rerun_unfit")


async def test_limit_threshold_and_cutoff(api_for: ApiFor) -> None:
    wfp = await api_for("WFP")
    query = _query(LANTERNS)
    [found] = await _match(wfp, query, limit=500, cutoff=0.5)
    assert len(found["results"]) == 8
    high_one = found["results"][3]["score"]
    as_high = [one["score"] >= high_one for one in found["results"]]
    [every] = await _match(wfp, query, limit=500, threshold=high_one, cutoff=0.5)
    assert [one["match"] for one in every["results"]] == as_high
    assert every["total"]["value"] == sum(as_high) in (4, 5, 6)
    [few] = await _match(wfp, query, limit=2, threshold=0.5)
    assert len(few["results"]) == 2
    assert few["total"]["value"] == 8
    scores = [one["score"] for one in every["results"]]
    assert scores == sorted(scores, reverse=True)
    [high] = await _match(wfp, query, threshold=high_one, cutoff=high_one)
    assert len(high["results"]) == min(5, sum(as_high))


@pytest.mark.parametrize(
    ("properties", "schema", "expected"),
    [
        ({"firstName": ["Ozymandias"], "middleName": ["Featherstonehaugh"],
          "lastName": ["Quill"]}, "Person", True),
        ({"alias": ["Ozymandias Featherstonehaugh Quill"]}, "Person", True),
        ({"name": "Ozymandias Featherstonehaugh Quill"}, "LegalEntity", True),
        ({"name": ["Ozymandias Featherstonehaugh Quill"]}, "Company", False),
        ({"name": [LISTED]}, "Company", True),
        ({"name": [LISTED]}, "PublicBody", True),
        ({"name": [LISTED], "country": ["eu", "suhh", "ke"], "unheardOf": ["x"],
          "birthDate": ["soon"], "topics": ["x"]}, "LegalEntity", True),
    ],
    ids=str,
)  # fmt: skip
async def test_properties_become_a_subject(
    api_for: ApiFor, properties: dict[str, Any], schema: str, expected: bool
) -> None:
    query = {"schema": schema, "properties": properties}
    [found] = await _match(await api_for("WFP"), query)
    assert any(one["match"] for one in found["results"]) is expected


async def test_dates_that_differ_contradict_nobody(api_for: ApiFor) -> None:
    wfp = await api_for("WFP")
    name = "Ozymandias Featherstonehaugh Quill"
    for dates in (["1970-01-01", "1980"], ["1970-01-01T00:00:00"], []):
        await _match(wfp, _query(name, "Person", birthDate=dates, gender=["male"]))
        [item] = (await wfp.read(URL, params={"limit": "1"}))["items"]
        asked = (await wfp.read(f"{URL}/{item['screening_id']}"))["subject"]
        assert asked["birth_date"] == ("1970-01-01" if len(dates) == 1 else None)
        assert asked["gender"] == "male"


@pytest.mark.parametrize(
    ("body", "params"),
    [
        (_body(), {}),
        ({"queries": {str(n): _query() for n in range(101)}}, {}),
        (_body(_query(schema="Vessel")), {}),
        (_body(_query(schema="Nothing")), {}),
        (_body(_query(), {"schema": "Person", "properties": {"country": ["ke"]}}), {}),
        (_body(_query(), _query("\u0000")), {}),
        (_body({"schema": "Person", "properties": {"name": [f"n {n}" for n in range(11)]}}), {}),
        (_body(_query(idNumber=[f"{n:06}" for n in range(11)])), {}),
        (_body(_query()) | {"weights": {"name_match": 0.5}}, {}),
        (_body(_query()) | {"config": {"nm_number_mismatch": 0.4}}, {}),
        (_body(_query()), {"algorithm": "logic-v2"}),
        (_body(_query()), {"changed_since": "2026-02-30"}),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_what_would_be_answered_wrongly_is_refused_whole(
    api_for: ApiFor, body: dict[str, Any], params: dict[str, Any]
) -> None:
    """One bad query fails all, as there: an empty result would read as `nobody`."""
    status, code = await _refused(await api_for("WFP"), body, **params)
    assert (status, code) in {(400, "match_unfit"), (422, "invalid_request")}


@pytest.mark.parametrize(
    "params",
    [
        {"limit": "0"},
        {"limit": "501"},
        {"limit": "1_0"},
        {"threshold": "1.1"},
        {"threshold": "nan"},
        {"cutoff": "x"},
        {"changed_since": "yesterday"},
        {"exclude_entity_ids": ["x"] * 51},
        {"fuzzy": "true"},
    ],
    ids=str,
)
async def test_parameters_that_do_not_fit(api_for: ApiFor, params: dict[str, Any]) -> None:
    found = await _refused(await api_for("WFP"), _body(_query()), **params)
    assert found == (422, "invalid_request")


async def test_a_stale_list_is_no_empty_result(
    api_for: ApiFor, operator_database: Database
) -> None:
    wfp = await api_for("WFP")
    async with operator_database.session() as session:
        await session.execute(
            text("UPDATE list_sources SET last_success = NULL WHERE code = 'unsc'")
        )
    assert len((await _match(wfp, _query()))[0]["results"]) == 1
    answer = await wfp.post("/match/default", json=_body(_query(), _query(NOBODY)))
    assert (answer.status_code, answer.json()["code"]) == (503, "list_stale")
    assert "unsc" in answer.json()["detail"]
    outcomes = {one["outcome"] for one in (await wfp.read(URL, params={"limit": "2"}))["items"]}
    assert outcomes == {"potential_match", "unknown_stale"}, "stored all the same"
    [alone] = await _match(wfp, _query(NOBODY), dataset=f"source.{ALL}")
    assert alone["results"] == []
    catalog = await wfp.read("/catalog")
    assert catalog["index_stale"] is True
    assert "default" in catalog["outdated"]


async def test_its_tokens_and_what_its_clients_call_around(app: FastAPI, api_for: ApiFor) -> None:
    wfp = await api_for("WFP")
    await wfp.take_token()
    token = wfp.headers["Authorization"].removeprefix("Bearer ")
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        for kind in ("ApiKey", "Token", "Bearer", "apikey"):
            headers = {"Authorization": f"{kind} {token}"}
            algorithms = await client.get("/algorithms", headers=headers)
            assert algorithms.status_code == 200, kind
        body = algorithms.json()
        assert body["best"] == body["default"] == body["algorithms"][0]["name"]
        best = {"algorithm": body["best"]}
        found = await client.post(
            "/match/default", json=_body(_query()), params=best, headers=headers
        )
        assert found.status_code == 200
        catalog = await client.get("/catalog", headers=headers)
        tagged = headers | {"If-None-Match": catalog.headers["etag"]}
        assert (await client.get("/catalog", headers=tagged)).status_code == 304
        for wrong in ("", "ApiKey", "ApiKey nonsense", "Basic eDp5", f"ApiKey  {token}x"):
            for method, url in (("POST", "/match/default"), ("GET", "/catalog")):
                answer = await client.request(
                    method, url, json=_body(_query()), headers={"Authorization": wrong}
                )
                assert answer.status_code == 401, wrong
    other = await api_for("WFP", "partners:read")
    assert (await other.get("/catalog")).status_code == 403
    assert await _refused(other, _body(_query())) == (403, "scope_missing")


async def test_an_entry_that_just_left_is_still_named(
    api_for: ApiFor, operator_database: Database
) -> None:
    """The index in memory may be a moment older than the table: nobody is lost meanwhile."""
    wfp = await api_for("WFP")
    [before] = await _match(wfp, _query())
    entry = before["results"][0]["id"]
    async with operator_database.session() as session:
        held = (
            await session.execute(
                text("DELETE FROM feed_entries WHERE entry_id = :id AND stream = 'inter_agency' "
                     "RETURNING stream, entry_id, seq, prefix, entry"),
                {"id": entry},
            )
        ).one()  # fmt: skip
    [after] = await _match(wfp, _query())
    async with operator_database.session() as session:
        await session.execute(
            text("INSERT INTO feed_entries (stream, entry_id, seq, prefix, entry) "
                 "VALUES (:stream, :entry_id, :seq, :prefix, :entry)"),
            dict(held._mapping),
        )  # fmt: skip
    assert UUID(after["results"][0]["id"]) == UUID(entry)
    assert after["results"][0]["caption"] == LISTED
