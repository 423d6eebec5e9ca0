"""A POST that is sent again has one effect and one answer, whoever sends it how often at once."""

from __future__ import annotations

import asyncio
import secrets

import pytest
from fastapi import FastAPI

from app.core.db import Database
from app.core.idempotency import lock_number
from tests.conftest import ApiFor
from tests.partners.factories import make_partner, partner_body
from tests.support import World, plain_client, token_for

URL = "/v1/partners"


def _key() -> dict[str, str]:
    return {"Idempotency-Key": secrets.token_hex(16)}


async def _count(database: Database, name: str) -> int:
    async with database.connection() as connection:
        count: int = await connection.fetchval(
            "SELECT count(*) FROM partners WHERE legal_name = $1", name
        )
    return count


async def test_twelve_at_once_have_one_effect(api_for: ApiFor, operator_database: Database) -> None:
    unicef = await api_for("UNICEF")
    body, headers = partner_body(), _key()
    answers = await asyncio.gather(
        *(unicef.post(URL, json=body, headers=headers) for _ in range(12))
    )
    assert {answer.status_code for answer in answers} <= {201, 409}
    made = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    assert len(made) == 1
    for answer in answers:
        if answer.status_code == 409:
            assert answer.json()["code"] == "idempotency_in_progress"
            assert int(answer.headers["retry-after"]) >= 1
    assert await _count(operator_database, body["legal_name"]) == 1
    replay = await unicef.post(URL, json=body, headers=headers)
    assert replay.headers["idempotency-replayed"] == "true"
    assert replay.json()["id"] in made


async def test_a_key_in_flight_is_a_409_and_works_afterwards(
    api_for: ApiFor, operator_database: Database, world: World
) -> None:
    unicef, headers = await api_for("UNICEF"), _key()
    number = lock_number(world.agencies["UNICEF"], "UNICEF", URL, headers["Idempotency-Key"])
    body = partner_body()
    async with operator_database.connection() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", number)
        busy = await unicef.post(URL, json=body, headers=headers)
    assert busy.json()["code"] == "idempotency_in_progress"
    assert (await unicef.post(URL, json=body, headers=headers)).status_code == 201


async def test_a_failed_request_frees_its_key(api_for: ApiFor) -> None:
    unicef, headers = await api_for("UNICEF"), _key()
    taken = (await make_partner(unicef))["identifiers"][0]
    clash = partner_body(identifiers=[{key: taken[key] for key in ("scheme", "value")}])
    assert (await unicef.post(URL, json=clash, headers=headers)).status_code == 409
    bad = await unicef.post(URL, json=partner_body(country="XX"), headers=headers)
    assert bad.status_code == 422
    good = await unicef.post(URL, json=partner_body(), headers=headers)
    assert good.status_code == 201
    assert "idempotency-replayed" not in good.headers


async def test_the_same_json_in_another_spelling_is_the_same_request(api_for: ApiFor) -> None:
    unicef, headers = await api_for("UNICEF"), _key() | {"Content-Type": "application/json"}
    plain = '{"legal_name": "Caf\\u00e9 %s", "partner_type": "CBO", "country": "KE"}'
    other = '{ "country":"KE","partner_type":"CBO","legal_name":"Café %s"}'
    mark = secrets.token_hex(4)
    first = await unicef.post(URL, content=plain % mark, headers=headers)
    second = await unicef.post(URL, content=(other % mark).encode(), headers=headers)
    assert first.status_code == 201, first.text
    assert second.content == first.content
    assert second.headers["idempotency-replayed"] == "true"


async def test_a_replay_is_byte_for_byte_the_first_answer(api_for: ApiFor) -> None:
    unicef, headers, body = await api_for("UNICEF"), _key(), partner_body()
    first = await unicef.post(URL, json=body, headers=headers)
    patched = await unicef.patch(
        first.headers["location"], json={"acronym": "NEW"}, headers={"If-Match": '"v1"'}
    )
    assert patched.status_code == 200
    replay = await unicef.post(URL, json=body, headers=headers)
    assert replay.content == first.content, "what was answered then, not what is true now"
    for name in ("location", "etag", "content-type"):
        assert replay.headers[name] == first.headers[name]


async def test_a_stored_answer_is_sealed(api_for: ApiFor, operator_database: Database) -> None:
    unicef, headers = await api_for("UNICEF"), _key()
    canary = f"Finch{secrets.token_hex(8)}"
    made = await unicef.post(URL, json=partner_body(legal_name=canary), headers=headers)
    assert made.status_code == 201
    async with operator_database.connection() as connection:
        row = await connection.fetchrow(
            "SELECT k::text AS line, sealed_body FROM idempotency_keys k WHERE key = $1",
            headers["Idempotency-Key"],
        )
    for form in (canary, canary.encode().hex()):
        assert form not in row["line"]
    assert canary.encode() not in row["sealed_body"]


async def test_the_same_key_of_two_agencies_or_two_clients_does_not_meet(
    api_for: ApiFor,
) -> None:
    headers, made = _key(), set()
    for name in ("UNICEF", "WFP", "UNICEF_REVIEWER"):
        api = await api_for(name)
        answer = await api.post(URL, json=partner_body(), headers=headers)
        assert answer.status_code == 201
        assert "idempotency-replayed" not in answer.headers
        made.add(answer.json()["id"])
    assert len(made) == 3


@pytest.mark.parametrize(
    "key", ["", "short", "x" * 15, "x" * 65, "with a space in it", "é" * 16, "tab\tin it 0123456"]
)
async def test_an_unusable_key_is_a_400(key: str, app: FastAPI, world: World) -> None:
    token = await token_for(app, "UNICEF", world.secrets["UNICEF"])
    headers = [(b"Authorization", f"Bearer {token}".encode()), (b"Idempotency-Key", key.encode())]
    async with plain_client(app) as client:
        answer = await client.post(URL, json=partner_body(), headers=headers)
    assert answer.status_code == 400
    assert answer.json()["code"] == "idempotency_key_required"


@pytest.mark.parametrize("key", ["x" * 16, "x" * 64, "!~" * 8])
async def test_keys_at_the_bounds_work(key: str, api_for: ApiFor) -> None:
    fao = await api_for("FAO")
    headers = {"Idempotency-Key": key}
    assert (await fao.post(URL, json=partner_body(), headers=headers)).status_code == 201
