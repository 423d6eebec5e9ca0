"""``registry clients`` and ``registry persons``: what the operator makes works, and is logged."""

from __future__ import annotations

import json
import secrets
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI

from app.agencies.clients.upkeep import watch_secrets
from app.core.db import Database
from app.core.metrics import registry as metrics
from app.core.settings import Settings
from tests.agencies.client_support import caller_of
from tests.cli.commands import environment_of, registry
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.support import World, plain_client

FTM = "/v1/feeds/sanctions/ftm/index.json"


@pytest.fixture
def env(settings: Settings, world: World) -> dict[str, str]:
    return environment_of(settings)


def _name() -> str:
    return f"cli-{secrets.token_hex(4)}"


async def _events(database: Database, field: str, value: str) -> list[dict[str, Any]]:
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT event, agency_id, client_id, partner_id, detail::text AS detail "
            f"FROM audit_events WHERE {field} = $1 ORDER BY id",
            value,
        )
    return [dict(row) for row in rows]


async def _create(env: dict[str, str], client: str, *more: str) -> str:
    made = await registry(
        *("clients", "create", client, "--agency", "UNDP", "--auth", "client_secret_basic"),
        *more,
        env=env,
    )
    assert made.exit_code == 0, made.output
    return made.stdout.splitlines()[-1]


async def test_the_operators_acts_are_logged_for_the_agency(
    env: dict[str, str], app: FastAPI, world: World, operator_database: Database
) -> None:
    client = _name()
    rights = ("--scope", "partners:read feed:read", "--roles", "ERP PO", "--countries", "KE TZA")
    secret = await _create(env, client, *rights, "--max-level", "RESTRICTED")
    api = await caller_of(app, client, secret)
    assert (await api.get("/v1/partners?limit=1")).status_code == 200
    shown = (await registry("clients", "show", client, env=env)).stdout
    assert "roles\tERP PO\n" in shown
    assert "countries\tKEN TZA\n" in shown
    assert "max level\tRESTRICTED\n" in shown
    assert "\nsecret " in shown
    assert secret not in shown
    assert (await registry("clients", "rotate", client, env=env)).exit_code == 0
    feed = await registry("clients", "feed-token", client, "--name", "Engine", env=env)
    assert "365 days" in feed.stderr
    async with plain_client(app) as reader:
        headers = {"Authorization": f"ApiKey {feed.stdout.strip()}"}
        assert (await reader.get(FTM, headers=headers)).status_code in (200, 404)
        for _ in range(2):
            assert (await registry("clients", "revoke", client, env=env)).exit_code == 0
        assert (await reader.get(FTM, headers=headers)).status_code == 401
    assert (await api.get("/v1/partners?limit=1")).status_code == 401
    events = await _events(operator_database, "detail ->> 'client'", client)
    assert [item["event"] for item in events] == [
        "client:record:create", "client:secret:rotate", "client:feed_token:create",
        "client:record:revoke",
    ]  # fmt: skip
    assert {item["client_id"] for item in events} == {"operator"}
    assert {item["agency_id"] for item in events} == {world.agencies["UNDP"]}
    assert secret not in json.dumps([item["detail"] for item in events])


async def test_a_partners_client_is_the_operators_to_make(
    env: dict[str, str], api_for: ApiFor, app: FastAPI, operator_database: Database
) -> None:
    partner = (await make_partner(await api_for("UNICEF")))["id"]
    client, create = _name(), ("clients", "create")
    of_partner = ("--partner", partner, "--auth", "client_secret_basic", "--scope")
    wrong = await registry(*create, client, *of_partner, "partners:read", env=env)
    assert wrong.stderr == "A partner's client cannot hold: partners:read.\n"
    mixed = await registry(*create, client, "--agency", "UNDP", "--scope", "self:read", env=env)
    assert mixed.stderr == "Unknown scope: self:read.\n"
    made = await registry(*create, client, *of_partner, "self:read", env=env)
    assert made.exit_code == 0, made.output
    api = await caller_of(app, client, made.stdout.splitlines()[-1])
    assert (await api.get("/v1/partners?limit=1")).status_code == 403
    listed = (await registry("clients", "list", env=env)).stdout
    assert f"{client}\tpartner {partner}\tactive" in listed
    assert (await registry("clients", "rotate", client, env=env)).exit_code == 0
    [event, _] = await _events(operator_database, "detail ->> 'client'", client)
    assert (event["agency_id"], event["client_id"]) == (None, "operator")
    assert str(event["partner_id"]) == partner


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ([], "Give either --agency or --partner."),
        (["--agency", "UNDP", "--partner", str(uuid4())], "Give either --agency or --partner."),
        (["--partner", str(uuid4())], "There is no partner"),
        (["--partner", str(uuid4()), "--person-id", str(uuid4())], "bound to no person"),
        (["--agency", "UNDP", "--person-id", str(uuid4())], "has no active person"),
        (["--agency", "UNDP", "--countries", "XX"], "not one of ISO 3166-1"),
        (["--agency", "UNDP", "--roles", "x"], "A role is not one of the code list."),
        (["--agency", "UNDP", "--person-id", str(uuid4()), "--person", "a", "--office", "b",
          "--role", "c"], "Give either --person-id or --person."),
    ],
)  # fmt: skip
async def test_what_does_not_fit_is_one_sentence(
    more: list[str], words: str, env: dict[str, str]
) -> None:
    basic = ("--auth", "client_secret_basic", "--scope", "feed:read")
    refused = await registry("clients", "create", _name(), *basic, *more, env=env)
    assert refused.exit_code == 1
    assert words in refused.stderr
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["rotate", "revoke", "show", "feed-token"])
async def test_an_unknown_client_is_one_sentence(command: str, env: dict[str, str]) -> None:
    more = ("--name", "x") if command == "feed-token" else ()
    refused = await registry("clients", command, "NOT_THERE", *more, env=env)
    assert refused.stderr == "There is no client NOT_THERE.\n"


async def test_the_life_of_a_person(
    env: dict[str, str], app: FastAPI, world: World, operator_database: Database
) -> None:
    staff_id, name = secrets.token_hex(4), f"Person {secrets.token_hex(4)}"
    add = ("persons", "add", "UNDP", "--name", name, "--office", "Bogota", "--role", "head",
           "--roles", "OVS IPU", "--staff-id", staff_id)  # fmt: skip
    made = await registry(*add, env=env)
    assert made.exit_code == 0, made.output
    person = made.stdout.strip()
    again = await registry(*add, env=env)
    assert again.stderr == f"UNDP has a person {staff_id} already.\n"
    client = _name()
    secret = await _create(env, client, "--scope", "sanctions:decide", "--person-id", person)
    api = await caller_of(app, client, secret)
    listed = (await registry("persons", "list", "--agency", "UNDP", env=env)).stdout
    assert f"{person}\tUNDP\tactive\t{name}\tBogota\thead\tIPU OVS" in listed
    for _ in range(2):
        stopped = await registry("persons", "deactivate", person, env=env)
        assert stopped.stdout == f"Person {person} is inactive.\n"
    assert (await api.get("/v1/sanctions/cases")).status_code == 401
    assert "inactive" in (await registry("persons", "list", env=env)).stdout
    missing = await registry("persons", "deactivate", str(uuid4()), env=env)
    assert missing.stderr.startswith("There is no person")
    events = await _events(operator_database, "subject_id::text", person)
    assert [item["event"] for item in events] == ["person:record:create", "person:record:change"]
    assert {item["agency_id"] for item in events} == {world.agencies["UNDP"]}


async def test_secrets_that_end_soon_are_pointed_out(
    env: dict[str, str], operator_database: Database, worker_database: Database
) -> None:
    soon, rotated = _name(), _name()
    for client in (soon, rotated):
        await _create(env, client, "--scope", "feed:read")
    before = await watch_secrets(worker_database)
    async with operator_database.connection() as connection:
        await connection.execute(
            "UPDATE client_secrets SET expires_at = now() + interval '29 days' "
            "WHERE client_id = ANY($1::text[])",
            [soon, rotated],
        )
    assert (await registry("clients", "rotate", rotated, env=env)).exit_code == 0
    assert await watch_secrets(worker_database) == before + 1
    assert metrics.get_sample_value("client_secrets_expiring") == before + 1
    listed = await registry("clients", "list", "--agency", "UNDP", env=env)
    assert "within 30 days" in listed.stderr
    assert soon in listed.stderr
    assert rotated not in listed.stderr
