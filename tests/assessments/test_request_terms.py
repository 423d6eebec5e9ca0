"""Access requests: their day, reminders, withdrawal, and decisions that give less than asked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.assessments.request_rules import RULES
from app.assessments.request_upkeep import remind_of_requests
from app.core.clock import utc_now
from app.core.db import Database
from tests.assessments.factories import PURPOSE, make_assessment, request_body
from tests.assessments.support import code, denied, run
from tests.assessments.test_requests import ask, decide
from tests.assessments.test_standing import status
from tests.auth.scoped import ScopedApi, scoped
from tests.conftest import ApiFor
from tests.support import World

__all__ = ["scoped"]
URL = "/v1/access-requests"
_END = "2189-06-30T00:00:00.000000Z"


def _in(days: int) -> str:
    return (utc_now().date() + timedelta(days=days)).isoformat()


async def test_an_answer_is_due_in_time(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    made = (await make_assessment(unicef))["id"]
    asked = await ask(wfp, made)
    assert (asked["answer_by"], asked["overdue"]) == (_in(RULES.answer_days), False)
    sooner = await ask(wfp, made, purpose="AUDIT", answer_by=_in(2))
    assert sooner["answer_by"] == _in(2)
    for day in (_in(0), _in(-1), _in(RULES.most_days + 1)):
        body = request_body(made, purpose="RENEWAL", answer_by=day)
        answer = await wfp.post(URL, json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "answer_day_invalid")
    past = request_body(made, purpose="RENEWAL", valid_until="2026-01-01T00:00:00Z")
    assert (await wfp.post(URL, json=past)).json()["code"] == "share_period_invalid"


async def _age(operator: Database, request_id: str, days: int) -> None:
    day = "current_date + CAST(:days AS integer)"
    sql = f"UPDATE access_requests SET answer_by = {day} WHERE id = :id"
    await run(operator, None, sql, id=UUID(request_id), days=days)


async def _told(operator: Database, request_id: str) -> list[int]:
    sql = (
        "SELECT CAST(data ->> 'days_before' AS integer) FROM outbox WHERE subject_id = :id "
        "AND type = 'access_request.due' ORDER BY id"
    )
    return [row[0] for row in await run(operator, None, sql, id=UUID(request_id))]


async def test_the_owner_is_reminded_once_at_each_stage(
    api_for: ApiFor, operator_database: Database, worker_database: Database
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    asked = (await ask(wfp, (await make_assessment(unicef))["id"]))["id"]
    seen: list[list[int]] = []
    for days in (6, 5, 5, 4, 1, 0, -3):
        await _age(operator_database, asked, days)
        await remind_of_requests(worker_database)
        seen.append(await _told(operator_database, asked))
    assert seen == [[], [5], [5], [5], [5, 1], [5, 1, 0], [5, 1, 0]]
    # A worker that was away says it once; what was answered is not spoken of.
    late = (await ask(wfp, (await make_assessment(unicef))["id"]))["id"]
    done = (await ask(wfp, (await make_assessment(unicef))["id"]))["id"]
    await decide(unicef, done)
    for one in (late, done):
        await _age(operator_database, one, 0)
    await remind_of_requests(worker_database)
    assert (await _told(operator_database, late), await _told(operator_database, done)) == ([0], [])
    assert await remind_of_requests(worker_database) == 0


async def test_what_is_overdue_is_shown_and_found(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    made = await make_assessment(unicef)
    late = await ask(wfp, made["id"])
    fresh = await ask(wfp, made["id"], purpose="AUDIT")
    await _age(operator_database, late["id"], -1)
    assert (await unicef.read(f"{URL}/{late['id']}"))["overdue"] is True
    query = f"{URL}?partner_id={made['partner_id']}"
    for api in (unicef, wfp):
        found = {
            flag: [one["id"] for one in (await api.read(f"{query}{flag}"))["items"]]
            for flag in ("", "&overdue=true", "&overdue=false")
        }
        assert found == {
            "": [fresh["id"], late["id"]],
            "&overdue=true": [late["id"]],
            "&overdue=false": [fresh["id"]],
        }
    assert (await unicef.read(f"{URL}?partner_id={uuid4()}"))["items"] == []
    for bad in ("yes", "1", "True"):
        assert await code(unicef, f"{query}&overdue={bad}") == (422, "invalid_request")
    await decide(unicef, late["id"], decision="deny", reason="Too late.")
    assert (await unicef.read(f"{URL}/{late['id']}"))["overdue"] is False


async def test_who_asked_takes_it_back_and_may_ask_anew(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    made = (await make_assessment(unicef))["id"]
    asked = (await ask(wfp, made))["id"]
    for api in (unicef, await api_for("FAO")):
        answer = await api.post(f"{URL}/{asked}/withdrawal")
        assert (answer.status_code, answer.json()["code"]) == (404, "access_request_not_found")
    answer = await wfp.post(f"{URL}/{asked}/withdrawal")
    assert (answer.status_code, answer.headers["etag"]) == (200, '"v2"')
    assert (answer.json()["status"], answer.json()["overdue"]) == ("withdrawn", False)
    again = await wfp.post(f"{URL}/{asked}/withdrawal")
    assert (again.status_code, again.json()["code"]) == (409, "access_request_decided")
    late = await decide(unicef, asked, 2)
    assert (late.status_code, late.json()["code"]) == (409, "access_request_decided")
    assert await status(wfp, made) == 404
    assert (await ask(wfp, made))["status"] == "open"


@pytest.mark.parametrize(
    "more",
    [
        {"purpose": "AUDIT"},
        {"valid_until": "2189-07-01T00:00:00Z"},
        {"level": "detail", "valid_until": "2190-01-01T00:00:00Z"},
    ],
)
async def test_a_decision_gives_no_more_than_was_asked_for(
    api_for: ApiFor, more: dict[str, Any]
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    made = (await make_assessment(unicef))["id"]
    asked = await ask(wfp, made, valid_until=_END)
    answer = await decide(unicef, asked["id"], **more)
    assert (answer.status_code, answer.json()["code"]) == (422, "decision_exceeds_request")
    assert (await wfp.read(f"{URL}/{asked['id']}"))["status"] == "open"
    assert await status(wfp, made) == 404


async def test_a_decision_gives_less(api_for: ApiFor, scoped: ScopedApi) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    made = (await make_assessment(unicef))["id"]
    shares = f"/v1/assessments/{made}/shares"
    asked = await ask(wfp, made, valid_until=_END, legal_basis="mandate", legal_reference="Art. 4")
    assert (await decide(unicef, asked["id"])).status_code == 200
    (share,) = (await unicef.read(shares))["items"]
    assert (share["valid_until"], share["level"]) == (_END, "detail")
    assert (share["legal_basis"], share["legal_reference"]) == ("mandate", "Art. 4")
    narrow = await ask(wfp, made, purpose="AUDIT")
    basis = {"legal_basis": "joint_assessment", "legal_reference": "JA-7"}
    less: dict[str, Any] = {
        "level": "summary",
        "valid_until": "2180-01-01T00:00:00Z",
        "roles": ["CO"],
    } | basis
    assert (await decide(unicef, narrow["id"], **less)).status_code == 200
    share = (await unicef.read(shares))["items"][0]
    assert (share["level"], share["valid_until"][:4], share["roles"]) == ("summary", "2180", ["CO"])
    assert {name: share[name] for name in basis} == basis
    assert share["access_request_id"] == narrow["id"]
    for_roles = (await make_assessment(unicef))["id"]
    third = await ask(wfp, for_roles)
    assert (await decide(unicef, third["id"], roles=["PFP"])).status_code == 200
    assert await status(wfp, for_roles) == 404
    assert await status(await scoped("WFP", roles=("PFP",)), for_roles) == 200
    fourth = await ask(wfp, for_roles, purpose="AUDIT")
    refused: list[dict[str, Any]] = [
        {"roles": ["KING"]},
        {"legal_basis": "partner_consent"},
        {"legal_reference": "alone"},
    ]
    for bad in refused:
        assert (await decide(unicef, fourth["id"], **bad)).status_code == 422


async def test_the_database_holds_a_share_to_its_request(
    api_for: ApiFor, database: Database, world: World
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    made, other = (await make_assessment(unicef))["id"], (await make_assessment(unicef))["id"]
    open_one = (await ask(wfp, made, purpose="AUDIT"))["id"]
    asked = (await ask(wfp, made, valid_until=_END))["id"]
    await decide(unicef, asked)
    share = (await unicef.read(f"/v1/assessments/{made}/shares"))["items"][0]
    await unicef.delete(f"/v1/assessments/{made}/shares/{share['id']}")
    owner = world.agencies["UNICEF"]
    sql = (
        "INSERT INTO assessment_shares (id, assessment_id, owner_agency, shared_with, level, "
        "purpose, valid_from, valid_until, created_by_person, created_by_client, "
        "access_request_id) VALUES (gen_random_uuid(), :record, :owner, :to, 'detail', :purpose, "
        "now(), :until, :person, 'x', :request)"
    )
    until = utc_now() + timedelta(days=1)
    honest = {
        "record": UUID(made),
        "owner": owner,
        "to": world.agencies["WFP"],
        "purpose": "PARTNER_SELECTION",
        "until": until,
        "person": world.persons["UNICEF"],
        "request": UUID(asked),
    }
    for lie in (
        {"record": UUID(other)},
        {"to": world.agencies["FAO"]},
        {"purpose": "AUDIT"},
        {"until": until.replace(year=2190)},
        {"request": UUID(open_one), "purpose": "AUDIT"},
    ):
        assert await denied(database, owner, sql, **(honest | lie)) == "23514"
    # Even the very same again: a request is answered once.
    assert await denied(database, owner, sql, **honest) == "23505"
    assert (await wfp.get(f"/v1/assessments/{made}/detail", headers=PURPOSE)).status_code == 404
