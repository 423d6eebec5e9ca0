"""Persons: recorded and stopped by their own agency, unseen by every other."""

from __future__ import annotations

import secrets
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI

from app.core.db import Database
from tests.agencies.client_support import CLIENTS, PERSONS, caller_of, client_body, person_body
from tests.conftest import ApiFor
from tests.support import Api, World


@pytest.fixture
async def unicef(api_for: ApiFor) -> Api:
    return await api_for("UNICEF")


async def test_a_person_is_recorded_and_changed(unicef: Api, operator_database: Database) -> None:
    staff_id = secrets.token_hex(4)
    answer = await unicef.post(PERSONS, json=person_body(roles=["PO", "CO"], staff_id=staff_id))
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made["roles"] == ["CO", "PO"]
    url = answer.headers["location"]
    assert (await unicef.read(url)) == made
    twice = await unicef.post(PERSONS, json=person_body(staff_id=staff_id))
    assert (twice.status_code, twice.json()["code"]) == (409, "person_known")
    changed = await unicef.patch(
        url,
        json={"role": "head of office", "office": "Lamu", "roles": ["PO"], "staff_id": None},
        headers={"If-Match": answer.headers["etag"]},
    )
    assert changed.status_code == 200, changed.text
    assert changed.headers["etag"] == '"v2"'
    assert (changed.json()["office"], changed.json()["staff_id"]) == ("Lamu", None)
    for body, code in (
        ({}, "patch_empty"),
        ({"name": None}, "invalid_request"),
        ({"office": "x", "office_id": str(uuid4())}, "person_unfit"),
        ({"office_id": str(uuid4())}, "person_unfit"),
        ({"subject": "x"}, "person_unfit"),
        ({"issuer_id": str(uuid4()), "subject": "x"}, "person_unfit"),
    ):
        refused = await unicef.patch(url, json=body, headers={"If-Match": '"v2"'})
        assert (refused.status_code, refused.json()["code"]) == (422, code), body
    stale = await unicef.patch(url, json={"role": "x"}, headers={"If-Match": '"v1"'})
    assert stale.status_code == 412
    async with operator_database.connection() as connection:
        rows = await connection.fetch(
            "SELECT event, detail::text AS detail FROM audit_events WHERE subject_id = $1::uuid "
            "ORDER BY id",
            made["id"],
        )
    assert [row["event"] for row in rows] == ["person:record:create", "person:record:change"]
    assert not any(made["name"] in row["detail"] for row in rows), "the log holds no names"


@pytest.mark.parametrize(
    "more",
    [
        {"office": None},
        {"office_id": str(uuid4())},
        {"office": None, "office_id": str(uuid4())},
        {"subject": "x"},
        {"issuer_id": str(uuid4()), "subject": "x"},
    ],
)
async def test_an_unfit_person_is_not_recorded(more: dict[str, Any], unicef: Api) -> None:
    body = {key: value for key, value in person_body(**more).items() if value is not None}
    refused = await unicef.post(PERSONS, json=body)
    assert (refused.status_code, refused.json()["code"]) == (422, "person_unfit")


async def test_an_office_of_the_tree_gives_its_name(
    unicef: Api, world: World, operator_database: Database
) -> None:
    office, agency = uuid4(), world.agencies["UNICEF"]
    async with operator_database.connection() as connection:
        top = await connection.fetchval(
            "SELECT id FROM offices WHERE agency_id = $1 AND kind = 'hq' AND active", agency
        )
        await connection.execute(
            "INSERT INTO offices (id, agency_id, code, name, kind, parent_id) "
            "VALUES ($1, $2, $3, 'Turkana field office', $4, $5)",
            *(office, agency, secrets.token_hex(4).upper(), "country" if top else "hq", top),
        )
    body = {key: value for key, value in person_body().items() if key != "office"}
    made = await unicef.made(PERSONS, body | {"office_id": str(office)})
    assert made["office"] == "Turkana field office"
    url = f"{PERSONS}/{made['id']}"
    moved = await unicef.patch(url, json={"office": "Lamu"}, headers={"If-Match": '"v1"'})
    assert (moved.json()["office"], moved.json()["office_id"]) == ("Lamu", None)
    back = await unicef.patch(url, json={"office_id": str(office)}, headers={"If-Match": '"v2"'})
    assert back.json()["office"] == "Turkana field office"


async def test_a_stopped_persons_clients_stop_on_their_next_request(
    app: FastAPI, unicef: Api
) -> None:
    person = await unicef.made(PERSONS, person_body())
    made = await unicef.made(CLIENTS, client_body(person_id=person["id"]))
    api = await caller_of(app, made["id"], made["secret"])
    assert (await api.get("/v1/partners?limit=1")).status_code == 200
    url = f"{PERSONS}/{person['id']}"
    stopped = await unicef.patch(url, json={"status": "inactive"}, headers={"If-Match": '"v1"'})
    assert stopped.json()["status"] == "inactive"
    assert (await api.get("/v1/partners?limit=1")).status_code == 401
    late = await unicef.post(CLIENTS, json=client_body(person_id=person["id"]))
    assert late.json()["errors"][0]["pointer"] == "/person_id"
    listed = await unicef.read(f"{PERSONS}?status=inactive&limit=200")
    assert person["id"] in [item["id"] for item in listed["items"]]
    back = await unicef.patch(url, json={"status": "active"}, headers={"If-Match": '"v2"'})
    assert back.status_code == 200
    assert (await api.get("/v1/partners?limit=1")).status_code == 200


async def test_other_agencies_see_nothing_of_a_person(unicef: Api, api_for: ApiFor) -> None:
    wfp = await api_for("WFP")
    made = await unicef.made(PERSONS, person_body())
    seen = []
    for person_id in (made["id"], str(uuid4())):
        url = f"{PERSONS}/{person_id}"
        read = await wfp.get(url)
        changed = await wfp.patch(url, json={"name": "x"}, headers={"If-Match": '"v1"'})
        assert (read.status_code, changed.status_code) == (404, 404)
        seen.append([answer.json() | {"instance": ""} for answer in (read, changed)])
    assert seen[0] == seen[1]
    following: str | None = f"{PERSONS}?limit=1"
    while following:
        page = await wfp.get(following)
        assert made["name"] not in page.text
        following = page.links["next"]["url"] if "next" in page.links else None
    assert (await unicef.read(f"{PERSONS}/{made['id']}"))["version"] == 1


async def test_only_oversight_makes_oversight(
    unicef: Api, world: World, app: FastAPI, operator_database: Database
) -> None:
    refused = await unicef.post(PERSONS, json=person_body(roles=["OVS"]))
    assert refused.json()["code"] == "beyond_caller"
    person = await unicef.made(PERSONS, person_body())
    url = f"{PERSONS}/{person['id']}"
    raised = await unicef.patch(url, json={"roles": ["OVS"]}, headers={"If-Match": '"v1"'})
    assert raised.json()["code"] == "beyond_caller"
    scopes = ["clients:admin", "partners:read"]
    made = await unicef.made(CLIENTS, client_body(person_id=person["id"], scopes=scopes))
    async with operator_database.connection() as connection:
        await connection.execute(
            "UPDATE persons SET roles = '{OVS}' WHERE id = $1::uuid", person["id"]
        )
        oversight = await caller_of(app, made["id"], made["secret"])
        alone = await oversight.post(PERSONS, json=person_body(roles=["OVS"]))
        # Oversight alone administers nobody: the role that does is held beside it.
        assert (alone.status_code, alone.json()["code"]) == (403, "scope_missing")
        await connection.execute(
            "UPDATE persons SET roles = '{IPU,OVS}' WHERE id = $1::uuid", person["id"]
        )
    colleague = await oversight.made(PERSONS, person_body(roles=["OVS"]))
    # Others can neither act through such a person nor take one over; only stop one.
    for attempt in (
        await unicef.post(f"{CLIENTS}/{made['id']}/secrets"),
        await unicef.post(CLIENTS, json=client_body(person_id=colleague["id"])),
        await unicef.patch(url, json={"name": "x"}, headers={"If-Match": '"v1"'}),
    ):
        assert attempt.json()["code"] == "beyond_caller"
    stopped = await unicef.patch(url, json={"status": "inactive"}, headers={"If-Match": '"v1"'})
    assert stopped.status_code == 200


@pytest.mark.parametrize("change", [{"roles": ["IPU", "SAO"]}, {"roles": []}, {"staff_id": "X1"}])
async def test_nobody_changes_the_own_rights(
    change: dict[str, Any], unicef: Api, world: World
) -> None:
    url = f"{PERSONS}/{world.persons['UNICEF']}"
    version = (await unicef.get(url)).headers["etag"]
    refused = await unicef.patch(url, json=change, headers={"If-Match": version})
    assert (refused.status_code, refused.json()["code"]) == (403, "own_rights")
    renamed = await unicef.patch(url, json={"office": "HQ"}, headers={"If-Match": version})
    assert renamed.status_code == 200
