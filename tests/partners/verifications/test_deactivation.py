"""Deactivation: two persons, and nothing is lost."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from app.core.db import Database
from app.partners.restraints import Reason
from tests.audit.support import add_officer, events_of
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.partners.verifications.factories import complete_partner, put, standing, verify
from tests.support import Api, World

REASON = {"reason_code": "PARTNER_REQUEST", "reason": "Canary: the board asked for it."}


@pytest.fixture
async def unicef(api_for: ApiFor) -> Api:
    return await api_for("UNICEF")


@pytest.fixture
async def second(api_for: ApiFor) -> Api:
    return await api_for("UNICEF_APPROVER")


@pytest.fixture
async def partner(unicef: Api, operator_database: Database) -> str:
    return await complete_partner(unicef, operator_database)


async def decide(api: Api, made: dict[str, Any], word: str = "approve") -> httpx.Response:
    return await api.post(
        f"/v1/partners/{made['partner_id']}/deactivations/{made['id']}/decision",
        json={"decision": word, "reason": "Seen."},
        headers={"If-Match": f'"v{made["version"]}"'},
    )


async def deactivate(first: Api, second: Api, partner: str, kind: str = "deactivation") -> None:
    made = await first.made(f"/v1/partners/{partner}/{kind}", REASON)
    assert (await decide(second, made)).status_code == 201


async def test_two_persons_deactivate_and_take_in_again(
    unicef: Api, second: Api, partner: str
) -> None:
    await verify(unicef, partner)
    made = await unicef.made(f"/v1/partners/{partner}/deactivation", REASON)
    assert (made["state"], made["reason"]) == ("proposed", None)
    assert (await standing(unicef, partner))["status"] == "verified"
    same = await decide(unicef, made)
    assert (same.status_code, same.json()["code"]) == (409, "same_person")
    done = (await decide(second, made)).json()
    assert (done["state"], done["version"]) == ("approved", 2)
    now = await standing(unicef, partner)
    assert (now["status"], now["deactivated"], now["public"]) == ("deactivated", True, False)
    assert (await unicef.read(f"/v1/partners/{partner}"))["status"] == "deactivated"
    answer = await unicef.post(f"/v1/partners/{partner}/deactivation", json=REASON)
    assert answer.json()["code"] == "deactivation_not_possible"

    await deactivate(unicef, second, partner, "reactivation")
    now = await standing(unicef, partner)
    assert (now["status"], now["deactivated_at"]) == ("verified", None)


async def test_what_is_known_of_it_stays(
    unicef: Api, second: Api, partner: str, operator_database: Database
) -> None:
    await verify(unicef, partner)
    await put(operator_database, partner, Reason.RED_FLAG)
    await deactivate(unicef, second, partner)
    await deactivate(unicef, second, partner, "reactivation")
    assert (await standing(unicef, partner))["lock_reasons"] == ["RED_FLAG"]
    assert len((await unicef.read(f"/v1/partners/{partner}/verifications"))["items"]) == 1


async def test_refused_changes_nothing(unicef: Api, second: Api, partner: str) -> None:
    made = await unicef.made(f"/v1/partners/{partner}/deactivation", REASON)
    again = await unicef.post(f"/v1/partners/{partner}/deactivation", json=REASON)
    assert (again.status_code, again.json()["code"]) == (409, "deactivation_open")
    assert (await decide(second, made, "refuse")).json()["state"] == "refused"
    assert (await standing(unicef, partner))["deactivated"] is False
    late = await decide(second, made | {"version": 2})
    assert (late.status_code, late.json()["code"]) == (409, "deactivation_decided")
    assert (await decide(second, made)).status_code == 412
    await unicef.made(f"/v1/partners/{partner}/deactivation", REASON)


async def test_only_one_of_two_deciders_decides(
    unicef: Api, second: Api, api_for: ApiFor, partner: str
) -> None:
    made = await unicef.made(f"/v1/partners/{partner}/deactivation", REASON)
    third = await api_for("UNICEF_REVIEWER")
    answers = await asyncio.gather(decide(second, made), decide(third, made, "refuse"))
    assert sorted(one.status_code for one in answers) == [201, 412]


async def test_it_is_the_own_agencys_and_its_reason_is_sealed(
    unicef: Api, api_for: ApiFor, partner: str, operator_database: Database
) -> None:
    made = await unicef.made(f"/v1/partners/{partner}/deactivation", REASON)
    url = f"/v1/partners/{partner}/deactivations"
    assert (await unicef.read(f"{url}/{made['id']}"))["reason"] == REASON["reason"]
    assert [one["id"] for one in (await unicef.read(url))["items"]] == [made["id"]]
    other = await api_for("WFP_APPROVER")
    assert (await other.read(url))["items"] == []
    assert (await other.get(f"{url}/{made['id']}")).status_code == 404
    assert (await decide(other, made)).status_code == 404
    log = [one.event for one in await events_of(operator_database, made["id"])]
    assert log == ["partner:deactivation:propose", "partner:deactivation:read"]
    async with operator_database.connection() as connection:
        kept = await connection.fetchval(
            "SELECT d::text FROM partner_deactivations d WHERE id = $1", UUID(made["id"])
        )
    assert "Canary" not in kept


@pytest.mark.parametrize(("role", "status"), [("CO", 403), ("IPU", 201)])
async def test_headquarters_decides(
    role: str,
    status: int,
    api_for: ApiFor,
    partner: str,
    world: World,
    operator_database: Database,
) -> None:
    proposer = await api_for(await add_officer(operator_database, world, "FAO", "DCO", "CO"))
    decider = await add_officer(operator_database, world, "FAO", f"D2{role}", role)
    made = await proposer.made(f"/v1/partners/{partner}/deactivation", REASON)
    assert (await decide(await api_for(decider), made)).status_code == status


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("deactivation", REASON | {"reason_code": "GROUND_GONE"}, "reason_code_unknown"),
        ("reactivation", REASON | {"reason_code": "CEASED"}, "reason_code_unknown"),
        ("deactivation", {"reason_code": "CEASED"}, "invalid_request"),
        ("deactivation", REASON | {"reason": ""}, "invalid_request"),
        ("reactivation", REASON, "deactivation_not_possible"),
    ],
)
async def test_bad_input(path: str, body: dict[str, Any], code: str, unicef: Api) -> None:
    made = (await make_partner(unicef))["id"]
    assert (await unicef.post(f"/v1/partners/{made}/{path}", json=body)).json()["code"] == code


async def test_a_decision_needs_the_version(unicef: Api, second: Api, partner: str) -> None:
    made = await unicef.made(f"/v1/partners/{partner}/deactivation", REASON)
    url = f"/v1/partners/{partner}/deactivations/{made['id']}/decision"
    answer = await second.post(url, json={"decision": "approve", "reason": "x"})
    assert answer.status_code == 428


async def test_the_database_wants_two_persons_and_one_decision(
    unicef: Api, partner: str, database: Database, world: World
) -> None:
    made = await unicef.made(f"/v1/partners/{partner}/deactivation", REASON)
    decided = ("UPDATE partner_deactivations SET state = :state, decided_by = :person, "
               "decided_at = now(), sealed_decision = '\\x00', version = version + 1 "
               "WHERE id = :id")  # fmt: skip
    own = world.agencies["UNICEF"]
    for state, who, message in (
        ("approved", "UNICEF", "two_persons"),
        ("proposed", "UNICEF_APPROVER", "row-level security"),
    ):
        with pytest.raises((IntegrityError, DBAPIError), match=message):
            async with database.session(own) as session:
                await session.execute(
                    text(decided),
                    {"state": state, "person": world.persons[who], "id": UUID(made["id"])},
                )
    async with database.session(world.agencies["WFP"]) as session:
        done = await session.execute(
            text(decided + " RETURNING id"),
            {"state": "approved", "person": world.persons["WFP"], "id": UUID(made["id"])},
        )
        assert done.all() == []
