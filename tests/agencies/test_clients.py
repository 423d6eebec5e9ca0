"""Clients: within their maker's rights, rotated, changed, revoked; seen by their agency only."""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.auth import jose
from app.core.db import Database, bind
from app.core.idempotency import context
from tests.agencies.client_support import (
    CLIENTS,
    PERSONS,
    administrator,
    caller_of,
    client_body,
    person_body,
)
from tests.auth.forge import jwk, new_key
from tests.conftest import ApiFor
from tests.support import Api, World, plain_client


@pytest.fixture
async def unicef(api_for: ApiFor) -> Api:
    return await api_for("UNICEF")


@pytest.fixture
async def made(unicef: Api) -> dict[str, Any]:
    """A client of UNICEF with a secret."""
    return await unicef.made(CLIENTS, client_body())


async def _works(app: FastAPI, client_id: str, secret: str) -> bool:
    async with plain_client(app) as client:
        answer = await client.post(
            "/oauth/token", data={"grant_type": "client_credentials"}, auth=(client_id, secret)
        )
    return answer.status_code == 200


async def _events(database: Database, client_id: str) -> list[str]:
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT event FROM audit_events WHERE detail ->> 'client' = $1 ORDER BY id", client_id
        )
    return [row["event"] for row in rows]


async def test_a_client_is_made_read_and_works(
    app: FastAPI, unicef: Api, world: World, operator_database: Database
) -> None:
    person = world.persons["UNICEF"]
    body = client_body(
        id=f"UNICEF_{secrets.token_hex(4)}", roles=["ERP"], countries=["KE", "TZA"],
        max_level="RESTRICTED", person_id=str(person), certificate_bound=False,
    )  # fmt: skip
    answer = await unicef.post(CLIENTS, json=body)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"{CLIENTS}/{body['id']}"
    new = answer.json()
    assert new["countries"] == ["KEN", "TZA"]
    assert len(new["secret"]) >= 43
    read = await unicef.get(answer.headers["location"])
    assert read.headers["etag"] == answer.headers["etag"] == '"v1"'
    assert read.json() == {key: value for key, value in new.items() if key != "secret"}
    assert read.json()["secrets"][0].keys() == {"id", "created_at", "expires_at"}
    api = await caller_of(app, new["id"], new["secret"])
    assert (await api.get("/v1/partners?limit=1")).status_code == 200
    assert (await api.get("/v1/agencies")).status_code == 403
    of_person = await unicef.read(f"{CLIENTS}?person_id={person}&status=active&limit=200")
    assert new["id"] in [item["id"] for item in of_person["items"]]
    assert {item["person_id"] for item in of_person["items"]} == {str(person)}
    assert await _events(operator_database, new["id"]) == ["client:record:create"]


async def test_the_list_goes_page_by_page(unicef: Api) -> None:
    mine = {(await unicef.made(CLIENTS, client_body()))["id"] for _ in range(3)}
    found: list[str] = []
    url: str | None = f"{CLIENTS}?limit=2"
    while url:
        page = await unicef.get(url)
        found += [item["id"] for item in page.json()["items"]]
        url = page.links["next"]["url"] if "next" in page.links else None
    assert found == sorted(set(found))
    assert mine <= set(found)


async def test_a_replay_never_shows_a_secret(
    app: FastAPI, unicef: Api, made: dict[str, Any], world: World, database: Database
) -> None:
    for url, body, field in (
        (CLIENTS, client_body(), "secret"),
        (f"{CLIENTS}/{made['id']}/secrets", None, "secret"),
        (f"{CLIENTS}/{(await _follower(unicef))['id']}/feed-tokens", {"name": "Engine"}, "token"),
    ):
        key = secrets.token_hex(16)
        headers = {"Idempotency-Key": key}
        first = await unicef.post(url, json=body, headers=headers)
        again = await unicef.post(url, json=body, headers=headers)
        assert (first.status_code, again.status_code) == (201, 201), first.text
        secret = first.json()[field]
        assert secret
        assert "idempotency-replayed" not in first.headers
        assert again.headers["idempotency-replayed"] == "true"
        assert again.json() == first.json() | {field: None}
        # Nor is it kept anywhere: what is stored of the answer is what the replay says.
        agency = world.agencies["UNICEF"]
        async with database.sessions() as session, session.begin():
            bind(session, agency)
            sealed = await session.scalar(
                text("SELECT sealed_body FROM idempotency_keys WHERE key = :key"), {"key": key}
            )
            stored = await app.state.keyring.open(
                session, context(agency, "UNICEF", url, key), sealed
            )
        assert json.loads(stored)[field] is None
        assert secret.encode() not in stored


async def _follower(api: Api) -> dict[str, Any]:
    return await api.made(CLIENTS, client_body(scopes=["feed:read"]))


async def test_a_revoked_client_is_refused_on_its_next_request(
    app: FastAPI, unicef: Api, made: dict[str, Any], operator_database: Database
) -> None:
    api = await caller_of(app, made["id"], made["secret"])
    assert (await api.get("/v1/partners?limit=1")).status_code == 200
    for _ in range(2):  # once more is no error, and no second event
        assert (await unicef.delete(f"{CLIENTS}/{made['id']}")).status_code == 204
    refused = await api.get("/v1/partners?limit=1")
    assert (refused.status_code, refused.json()["code"]) == (401, "not_authenticated")
    assert not await _works(app, made["id"], made["secret"])
    read = await unicef.read(f"{CLIENTS}/{made['id']}")
    assert (read["status"], read["secrets"]) == ("revoked", [])
    rotated = await unicef.post(f"{CLIENTS}/{made['id']}/secrets")
    assert rotated.json()["code"] == "client_revoked"
    changed = await unicef.patch(
        f"{CLIENTS}/{made['id']}", json={"name": "x"}, headers={"If-Match": '"v2"'}
    )
    assert changed.json()["code"] == "client_revoked"
    events = await _events(operator_database, made["id"])
    assert events == ["client:record:create", "client:record:revoke"]


async def test_rotations_at_once_leave_two_secrets_that_work(
    app: FastAPI, unicef: Api, made: dict[str, Any], operator_database: Database
) -> None:
    url = f"{CLIENTS}/{made['id']}/secrets"
    answers = await asyncio.gather(*(unicef.post(url) for _ in range(6)))
    assert [answer.status_code for answer in answers] == [201] * 6
    secret_of = {answer.json()["id"]: answer.json()["secret"] for answer in answers}
    left = [item["id"] for item in (await unicef.read(f"{CLIENTS}/{made['id']}"))["secrets"]]
    assert len(left) == 2
    assert left == sorted(left, reverse=True)
    assert not await _works(app, made["id"], made["secret"])
    for key, secret in secret_of.items():
        assert await _works(app, made["id"], secret) == (key in left)
    ended = [item for answer in answers for item in answer.json()["ended"]]
    assert len(ended) == len(set(ended)) == 5
    events = await _events(operator_database, made["id"])
    assert events.count("client:secret:rotate") == 6


async def test_one_secret_is_ended_and_the_other_goes_on(
    app: FastAPI, unicef: Api, made: dict[str, Any], operator_database: Database
) -> None:
    second = (await unicef.post(f"{CLIENTS}/{made['id']}/secrets")).json()
    first = made["secrets"][0]["id"]
    assert (await unicef.delete(f"{CLIENTS}/{made['id']}/secrets/{first}")).status_code == 204
    assert not await _works(app, made["id"], made["secret"])
    assert await _works(app, made["id"], second["secret"])
    gone = await unicef.delete(f"{CLIENTS}/{made['id']}/secrets/{first}")
    assert gone.json()["code"] == "secret_not_found"
    other = await unicef.made(CLIENTS, client_body())
    foreign = await unicef.delete(f"{CLIENTS}/{other['id']}/secrets/{second['id']}")
    assert foreign.status_code == 404
    assert "client:secret:end" in await _events(operator_database, made["id"])
    assert (await unicef.read(f"{CLIENTS}/{made['id']}"))["version"] == 3


async def test_a_change_holds_on_the_next_request(
    app: FastAPI, unicef: Api, made: dict[str, Any], operator_database: Database
) -> None:
    url = f"{CLIENTS}/{made['id']}"
    api = await caller_of(app, made["id"], made["secret"])
    assert (await unicef.patch(url, json={"name": "x"})).status_code == 428
    changed = await unicef.patch(
        url,
        json={"name": "Other", "scopes": ["agencies:read"], "roles": ["PO"], "countries": ["KEN"],
              "max_level": "RESTRICTED"},
        headers={"If-Match": '"v1"'},
    )  # fmt: skip
    assert changed.status_code == 200, changed.text
    assert changed.headers["etag"] == '"v2"'
    body = changed.json()
    assert (body["name"], body["scopes"], body["roles"]) == ("Other", ["agencies:read"], ["PO"])
    assert (await api.get("/v1/partners?limit=1")).status_code == 403
    stale = await unicef.patch(url, json={"name": "x"}, headers={"If-Match": '"v1"'})
    assert stale.status_code == 412
    for wrong, code in (
        ({}, "patch_empty"),
        ({"name": None}, "invalid_request"),
        ({"scopes": []}, "invalid_request"),
        ({"scopes": ["self:read"]}, "invalid_request"),
        ({"scopes": ["sanctions:decide"]}, "client_unfit"),
        ({"office_id": str(uuid4())}, "client_unfit"),
        ({"jwks": {"keys": [jwk(new_key())]}}, "client_unfit"),
        ({"status": "revoked"}, "invalid_request"),
    ):
        refused = await unicef.patch(url, json=wrong, headers={"If-Match": '"v2"'})
        assert (refused.status_code, refused.json()["code"]) == (422, code), wrong
    assert (await unicef.read(url))["version"] == 2
    assert (await _events(operator_database, made["id"]))[-1] == "client:record:change"


async def test_a_client_with_keys_changes_them(app: FastAPI, unicef: Api) -> None:
    keys = {"keys": [jwk(new_key(), alg="ES256")]}
    made = await unicef.made(CLIENTS, client_body(auth_method="private_key_jwt", jwks=keys))
    assert made["secret"] is None
    assert made["secrets"] == []
    url = f"{CLIENTS}/{made['id']}"
    rotated = await unicef.post(f"{url}/secrets")
    assert rotated.json()["code"] == "client_unfit"
    fresh = {"keys": [jwk(new_key(), alg="ES256")]}
    changed = await unicef.patch(url, json={"jwks": fresh}, headers={"If-Match": '"v1"'})
    assert changed.json()["jwks"]["keys"][0]["x"] == fresh["keys"][0]["x"]
    emptied = await unicef.patch(url, json={"jwks": None}, headers={"If-Match": '"v2"'})
    assert emptied.json()["code"] == "client_unfit"
    private = {"keys": [jwk(new_key(), d="c2VjcmV0")]}
    refused = await unicef.post(
        CLIENTS, json=client_body(auth_method="private_key_jwt", jwks=private)
    )
    assert refused.json()["code"] == "invalid_request"


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        ({"scopes": ["sanctions:decide"]}, "/scopes"),
        ({"scopes": ["clients:admin"]}, "/scopes"),
        ({"auth_method": "private_key_jwt"}, "/jwks"),
        ({"auth_method": "trusted_issuer"}, "/issuer_id"),
        (
            {"auth_method": "trusted_issuer", "issuer_id": str(uuid4()), "subject": "x"},
            "/issuer_id",
        ),
        ({"subject": "x"}, "/subject"),
        ({"id": "WFP_ERP"}, "/id"),
        ({"id": "UNICEFERP"}, "/id"),
        ({"person_id": str(uuid4())}, "/person_id"),
        ({"office_id": str(uuid4())}, "/office_id"),
    ],
)  # fmt: skip
async def test_an_unfit_client_is_not_made(more: dict[str, Any], pointer: str, unicef: Api) -> None:
    refused = await unicef.post(CLIENTS, json=client_body(**more))
    assert (refused.status_code, refused.json()["code"]) == (422, "client_unfit"), refused.text
    assert refused.json()["errors"][0]["pointer"] == pointer


async def test_another_agencys_person_and_office_look_absent(
    unicef: Api, world: World, offices: dict[str, UUID]
) -> None:
    fits = await unicef.post(CLIENTS, json=client_body(office_id=str(offices["UNICEF"])))
    assert fits.json()["office_id"] == str(offices["UNICEF"])
    for field, theirs in (("person_id", world.persons["WFP"]), ("office_id", offices["WFP"])):
        foreign = await unicef.post(CLIENTS, json=client_body(**{field: str(theirs)}))
        absent = await unicef.post(CLIENTS, json=client_body(**{field: str(uuid4())}))
        assert foreign.status_code == 422
        assert foreign.json() | {"instance": ""} == absent.json() | {"instance": ""}


@pytest.fixture
async def offices(operator_database: Database, world: World) -> dict[str, UUID]:
    """An office of UNICEF and one of WFP, below a headquarters each."""
    made: dict[str, UUID] = {}
    async with operator_database.connection() as connection:
        for code in ("UNICEF", "WFP"):
            agency = world.agencies[code]
            top = await connection.fetchval(
                "SELECT id FROM offices WHERE agency_id = $1 AND kind = 'hq' AND active", agency
            )
            if top is None:
                top = await _office(connection, agency, "hq", None)
            made[code] = await _office(connection, agency, "country", top)
    return made


async def _office(connection: Any, agency: UUID, kind: str, parent: UUID | None) -> UUID:
    office = uuid4()
    await connection.execute(
        "INSERT INTO offices (id, agency_id, code, name, kind, parent_id) "
        "VALUES ($1, $2, $3, $4, $5, $6)",
        *(office, agency, secrets.token_hex(4).upper(), "Nairobi office", kind, parent),
    )
    return office


async def test_an_id_is_given_once(unicef: Api) -> None:
    body = client_body(id=f"UNICEF_{secrets.token_hex(4)}")
    answers = await asyncio.gather(*(unicef.post(CLIENTS, json=body) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert {a.json()["code"] for a in answers if a.status_code == 409} == {"client_exists"}


async def test_other_agencies_see_nothing_of_a_client(
    unicef: Api, made: dict[str, Any], api_for: ApiFor
) -> None:
    wfp = await api_for("WFP")
    token = await unicef.made(
        f"{CLIENTS}/{(await _follower(unicef))['id']}/feed-tokens", {"name": "Engine"}
    )
    for method, path, body in (
        ("GET", "", None),
        ("PATCH", "", {"name": "x"}),
        ("DELETE", "", None),
        ("POST", "/secrets", None),
        ("DELETE", f"/secrets/{made['secrets'][0]['id']}", None),
        ("POST", "/feed-tokens", {"name": "x"}),
        ("GET", "/feed-tokens", None),
        ("DELETE", f"/feed-tokens/{token['id']}", None),
    ):
        seen = []
        for client_id in (made["id"], "UNICEF_NOT_THERE"):
            headers = {"If-Match": '"v1"'} if method == "PATCH" else {}
            answer = await wfp.request(
                method, f"{CLIENTS}/{client_id}{path}", json=body, headers=headers
            )
            assert answer.status_code == 404, (method, path)
            seen.append(answer.json() | {"instance": ""})
        assert seen[0] == seen[1]
    listed = await wfp.read(f"{CLIENTS}?limit=200")
    assert {item["agency"] for item in listed["items"]} == {"WFP"}
    assert (await unicef.read(f"{CLIENTS}/{made['id']}"))["version"] == 1


async def test_only_a_named_person_administers(
    app: FastAPI, unicef: Api, operator_database: Database
) -> None:
    admin = await administrator(app, unicef)
    listed = await admin.get(CLIENTS)
    assert listed.status_code == 200
    async with operator_database.connection() as connection:
        # As no client is made: a deciding scope without a person.
        await connection.execute(
            "UPDATE clients SET person_id = NULL WHERE id = $1", await _id_of(admin)
        )
    for url in (CLIENTS, PERSONS):
        assert (await admin.get(url)).json()["code"] == "person_required"


async def _id_of(api: Api) -> str:
    claims = jose.unverified_claims(api.headers["Authorization"].removeprefix("Bearer "))
    return str(claims["sub"])


# ------------------------------------------------------------------- never more than the maker


async def test_a_client_never_exceeds_its_maker(app: FastAPI, unicef: Api) -> None:
    maker = await administrator(app, unicef, countries=["KEN", "TZA"], max_level="RESTRICTED")
    fits = {"countries": ["KEN"], "max_level": "INTER_AGENCY"}
    for more, fields in (
        ({}, []),
        ({"max_level": "RESTRICTED"}, []),
        ({"max_level": "AGENCY_ONLY"}, ["/max_level"]),
        ({"countries": []}, ["/countries"]),
        ({"countries": ["KEN", "UGA"]}, ["/countries"]),
        ({"scopes": ["partners:read", "partners:write"]}, ["/scopes"]),
        ({"roles": ["OVS"]}, ["/roles"]),
        ({"scopes": ["screening:run"], "countries": [], "max_level": "AGENCY_ONLY"},
         ["/scopes", "/max_level", "/countries"]),
    ):  # fmt: skip
        answer = await maker.post(CLIENTS, json=client_body(**(fits | more)))
        if not fields:
            assert answer.status_code == 201, answer.text
            continue
        assert (answer.status_code, answer.json()["code"]) == (422, "beyond_caller"), more
        assert [item["pointer"] for item in answer.json()["errors"]] == fields


async def test_nobody_gets_hold_of_a_stronger_client(app: FastAPI, unicef: Api) -> None:
    maker = await administrator(app, unicef, countries=["KEN"])
    strong = await unicef.made(CLIENTS, client_body(scopes=["partners:write", "feed:read"]))
    url = f"{CLIENTS}/{strong['id']}"
    for attempt in (
        await maker.post(f"{url}/secrets"),
        await maker.patch(url, json={"name": "mine"}, headers={"If-Match": '"v1"'}),
        await maker.patch(url, json={"countries": ["KEN"]}, headers={"If-Match": '"v1"'}),
    ):
        assert attempt.json()["code"] == "beyond_caller"
    unchanged = await unicef.read(url)
    assert unchanged["version"] == 1
    # Taking rights away is everybody's who administers.
    assert (await maker.delete(url)).status_code == 204


async def test_a_feed_token_needs_a_maker_who_follows_the_feed(app: FastAPI, unicef: Api) -> None:
    maker = await administrator(app, unicef, scopes=["clients:admin"])
    follower = await _follower(unicef)
    refused = await maker.post(f"{CLIENTS}/{follower['id']}/feed-tokens", json={"name": "x"})
    assert refused.json()["code"] == "beyond_caller"
    deaf = await unicef.made(CLIENTS, client_body())
    unfit = await unicef.post(f"{CLIENTS}/{deaf['id']}/feed-tokens", json={"name": "x"})
    assert unfit.json()["code"] == "client_unfit"


# ---------------------------------------------------------------------- what the database holds


@pytest.mark.parametrize(
    ("column", "value"),
    [("person_id", "person"), ("office_id", "office"), ("scopes", ["self:read"])],
)
async def test_the_database_ties_a_client_to_its_own_agency(
    column: str, value: Any, made: dict[str, Any], world: World, offices: dict[str, UUID],
    operator_database: Database,
) -> None:  # fmt: skip
    foreign = {"person": world.persons["WFP"], "office": offices["WFP"]}.get(str(value), value)
    with pytest.raises(IntegrityError):
        async with operator_database.session() as session:
            await session.execute(
                text(f"UPDATE clients SET {column} = :value WHERE id = :id"),
                {"value": foreign, "id": made["id"]},
            )


async def test_a_partners_client_holds_scopes_of_partners_only(
    operator_database: Database, world: World
) -> None:
    insert = text(
        "INSERT INTO clients (id, partner_id, office_id, name, scopes, auth_method) "
        "VALUES (:id, :partner, :office, 'x', :scopes, 'client_secret_basic')"
    )
    values: dict[str, Any] = {"partner": uuid4(), "office": None}
    for scopes, office, good in (
        (["self:read"], None, True),
        ([], None, True),
        (["self:read", "partners:read"], None, False),
        (["partners:read"], None, False),
        (["self:read"], uuid4(), False),
    ):
        row = values | {"id": secrets.token_hex(8), "scopes": scopes, "office": office}
        if good:
            async with operator_database.session() as session:
                await session.execute(insert, row)
            continue
        with pytest.raises(IntegrityError):
            async with operator_database.session() as session:
                await session.execute(insert, row)


async def test_a_client_of_an_issuer_is_known_once(
    unicef: Api, world: World, operator_database: Database
) -> None:
    issuer = uuid4()
    async with operator_database.connection() as connection:
        await connection.execute(
            "INSERT INTO trusted_issuers (id, issuer, agency_id, jwks_uri, algorithms, audience, "
            "token_type, client_claim, max_life_s, scope_ceiling, status, key_set, proposed_by, "
            "approved_by) VALUES ($1, $2, $3, 'https://x/k', '{ES256}', 'x', 'JWT', 'azp', 3600, "
            "'{partners:read}', 'active', '{\"keys\": []}', $4, $5)",
            *(issuer, f"https://{issuer}", world.agencies["UNICEF"]),
            *(world.persons["UNICEF"], world.persons["UNICEF_REVIEWER"]),
        )
    body = client_body(auth_method="trusted_issuer", issuer_id=str(issuer), subject="erp-1")
    made = await unicef.made(CLIENTS, body)
    assert (made["secret"], made["subject"]) == (None, "erp-1")
    again = await unicef.post(CLIENTS, json=body)
    assert (again.status_code, again.json()["code"]) == (409, "client_exists")
    person = person_body(issuer_id=str(issuer), subject="somebody")
    await unicef.made(PERSONS, person)
    twice = await unicef.post(PERSONS, json=person_body(issuer_id=str(issuer), subject="somebody"))
    assert (twice.status_code, twice.json()["code"]) == (409, "person_known")
