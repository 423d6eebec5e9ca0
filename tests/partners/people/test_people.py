"""People of a profile: sealed, read for a purpose, kept in versions, erased on request."""

from __future__ import annotations

import asyncio
import secrets
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from app.core.db import Database
from app.partners.people.upkeep import announce_overdue
from app.partners.restraints import Reason, Source, put
from tests.audit.support import add_officer, events_of
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.partners.people.factories import (
    PURPOSE,
    add_person,
    file_request,
    person_body,
    request_body,
)
from tests.support import Api, World

V1, V2 = {"If-Match": '"v1"'}, {"If-Match": '"v2"'}


async def _profile(api: Api) -> tuple[str, str]:
    partner = (await make_partner(api))["id"]
    return partner, f"/v1/partners/{partner}/people"


async def test_a_person_is_read_for_a_purpose_and_the_log_names_everyone_shown(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner, url = await _profile(unicef)
    body = person_body(native_name="وانجيرو")
    made = await unicef.made(url, body)
    other = await add_person(wfp, partner, role="board_member", board_member=True)
    assert "person" not in made
    assert body["full_name"] not in str(made)
    for answer in (await wfp.get(url), await unicef.get(f"{url}/{made['id']}")):
        assert (answer.status_code, answer.json()["code"]) == (422, "purpose_required")
    listed = await wfp.read(url, headers=PURPOSE)
    assert [item["id"] for item in listed["items"]] == [made["id"], other["id"]]
    assert listed["items"][0]["person"]["native_name"] == "وانجيرو"
    assert listed["items"][0]["added_by"] == "UNICEF"
    one = await wfp.read(f"{url}/{made['id']}", headers=PURPOSE)
    assert one == listed["items"][0]
    reads = [row for row in await events_of(operator_database, partner) if "people" in row.event]
    assert [row.detail["people"] for row in reads] == [[made["id"], other["id"]], [made["id"]]]
    assert {row.purpose for row in reads} == {"CONTRACTING"}


async def test_no_name_lies_in_the_database(api_for: ApiFor, operator_database: Database) -> None:
    unicef = await api_for("UNICEF")
    partner, url = await _profile(unicef)
    secret = secrets.token_hex(12)
    made = await add_person(unicef, partner, full_name=f"Name {secret}")
    patch = {"full_name": f"Other {secret}"}
    answer = await unicef.patch(f"{url}/{made['id']}", json=patch, headers=V1)
    assert answer.status_code == 200
    asked = await file_request(unicef, partner, made["id"], text=f"I am {secret}")
    answer = await unicef.post(
        f"{url}/{made['id']}/requests/{asked['id']}/decision",
        json={"decision": "refused", "reason": f"Not {secret}"},
        headers=V1,
    )
    assert answer.status_code == 200, answer.text
    tables = (
        "partner_people", "partner_people_versions", "partner_people_requests",
        "idempotency_keys", "audit_events", "outbox",
    )  # fmt: skip
    async with operator_database.connection() as connection:
        for table in tables:
            found = await connection.fetchval(
                f"SELECT count(*) FROM {table} t WHERE position($1 IN t::text) > 0 "
                "OR position($2 IN t::text) > 0",
                secret,
                secret.encode().hex(),
            )
            assert found == 0, table


async def test_a_change_keeps_what_was_and_two_changes_do_not_meet(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    partner, url = await _profile(unicef)
    made = await add_person(unicef, partner)
    one = f"{url}/{made['id']}"
    answers = await asyncio.gather(
        *(unicef.patch(one, json={"job_title": f"Chair {n}"}, headers=V1) for n in range(4))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]
    assert (await unicef.patch(one, json={"phone": None, "role": "other"})).status_code == 428
    answer = await unicef.patch(one, json={"phone": None, "role": "other"}, headers=V2)
    assert answer.json()["version"] == 3
    read = await unicef.read(one, headers=PURPOSE)
    assert (read["person"]["phone"], read["role"]) == (None, "other")
    async with operator_database.connection() as connection:
        rows = await connection.fetch(
            "SELECT version, role, sealed IS NULL AS empty FROM partner_people_versions "
            "WHERE person_id = $1 ORDER BY version",
            UUID(made["id"]),
        )
    assert [tuple(row) for row in rows] == [(1, "head", False), (2, "head", False)]


@pytest.mark.parametrize(
    "patch",
    [
        {},
        {"full_name": None},
        {"role": None},
        {"birth_date": "1975-05-01"},
        {"needed_for": "match 17"},
        {"notice_given_on": "2026-03-01"},
    ],
)
async def test_a_patch_that_leaves_no_valid_person_is_refused(
    api_for: ApiFor, patch: dict[str, Any]
) -> None:
    unicef = await api_for("UNICEF")
    partner, url = await _profile(unicef)
    made = await add_person(unicef, partner)
    answer = await unicef.patch(f"{url}/{made['id']}", json=patch, headers=V1)
    assert (answer.status_code, answer.json()["code"]) == (422, "person_patch_invalid")


@pytest.mark.parametrize(
    "more",
    [
        {"full_name": ""},
        {"birth_date": "1975-05-01"},
        {"nationality": "KEN"},
        {"needed_for": "match 17"},
        {"bank_account": "1"},
        {"passport": "A1"},
        {"gender": "f"},
        {"phone": "call me"},
        {"email": "nobody"},
        {"role": "driver"},
        {"notice_version": "2026.1"},
        {"authorised": "yes"},
    ],
)
async def test_no_more_is_taken_of_a_person_than_is_needed(
    api_for: ApiFor, more: dict[str, Any]
) -> None:
    unicef = await api_for("UNICEF")
    _, url = await _profile(unicef)
    answer = await unicef.post(url, json=person_body(**more))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_a_birth_date_comes_with_the_match_that_needs_it(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    partner, url = await _profile(unicef)
    made = await add_person(
        unicef, partner, birth_date="1975-05-01", nationality="KE", needed_for="UNSC match 17",
        notice_version="2026.1", notice_given_on="2026-03-01",
    )  # fmt: skip
    read = await unicef.read(f"{url}/{made['id']}", headers=PURPOSE)
    assert read["person"]["birth_date"] == "1975-05-01"
    assert read["person"]["nationality"] == "KEN"
    assert read["notice_version"] == "2026.1"
    unknown = person_body(notice_version="1999.1", notice_given_on="2026-03-01")
    assert (await unicef.post(url, json=unknown)).json()["code"] == "notice_unknown"


async def test_an_entry_ends_once_and_names_who_came_after(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    partner, url = await _profile(unicef)
    old = await add_person(unicef, partner, valid_from="2020-01-01")
    new = await add_person(unicef, partner)
    elsewhere = await add_person(unicef, (await make_partner(unicef))["id"])
    end = f"{url}/{old['id']}/end"
    tomorrow = str(datetime.now(UTC).date() + timedelta(days=2))
    for body, code in (
        ({"valid_to": "2019-12-31"}, "period_invalid"),
        ({"valid_to": tomorrow}, "period_invalid"),
        ({"valid_to": "2026-03-01", "replaced_by": old["id"]}, "replacement_unknown"),
        ({"valid_to": "2026-03-01", "replaced_by": elsewhere["id"]}, "replacement_unknown"),
        ({"valid_to": "2026-03-01", "replaced_by": str(uuid4())}, "replacement_unknown"),
    ):
        answer = await unicef.post(end, json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
    body = {"valid_to": "2026-03-01", "replaced_by": new["id"]}
    assert (await unicef.made(end, body))["replaced_by"] == new["id"]
    assert (await unicef.post(end, json=body)).json()["code"] == "person_ended"
    now = await unicef.read(url, headers=PURPOSE)
    assert [item["id"] for item in now["items"]] == [new["id"]]
    every = await unicef.read(url, headers=PURPOSE, params={"ended": "true"})
    assert len(every["items"]) == 2


async def test_who_may_and_where(
    api_for: ApiFor, operator_database: Database, world: World
) -> None:
    unicef = await api_for("UNICEF")
    partner, url = await _profile(unicef)
    await add_person(unicef, partner)
    officer = await api_for(await add_officer(operator_database, world, "WFP", "PO1", "PO"))
    assert (await officer.get(url, headers=PURPOSE)).status_code == 403
    contracting = await add_officer(operator_database, world, "WFP", "COUG", "CO")
    async with operator_database.session() as session:
        await session.execute(
            text("UPDATE clients SET countries = '{UGA}' WHERE id = :id"), {"id": contracting}
        )
    away = await api_for(contracting)
    assert (await away.get(url, headers=PURPOSE)).status_code == 404
    assert (await away.post(url, json=person_body())).status_code == 403  # people:write is IPU's


async def test_a_protected_profile_shows_no_people_to_strangers(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    partner, url = await _profile(unicef)
    made = await add_person(unicef, partner)
    async with operator_database.session() as session:
        await session.execute(
            text("UPDATE partners SET protected = true, version = version + 1 WHERE id = :id"),
            {"id": UUID(partner)},
        )
    stranger = await api_for("WFP", "partners:read", "people:read", "people:write")
    for answer in (
        await stranger.get(url, headers=PURPOSE),
        await stranger.get(f"{url}/{made['id']}", headers=PURPOSE),
        await stranger.post(url, json=person_body()),
        await stranger.get(f"/v1/partners/{partner}/documents"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "partner_not_found")
    assert (await unicef.get(url, headers=PURPOSE)).status_code == 200


async def test_a_claimed_profile_is_no_agencys_to_edit(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    partner, url = await _profile(unicef)
    made = await add_person(unicef, partner)
    async with operator_database.session() as session:
        await session.execute(
            text("UPDATE partners SET control = 'partner', version = version + 1 WHERE id = :id"),
            {"id": UUID(partner)},
        )
    for answer in (
        await unicef.post(url, json=person_body()),
        await unicef.patch(f"{url}/{made['id']}", json={"phone": None}, headers=V1),
        await unicef.post(f"{url}/{made['id']}/end", json={"valid_to": "2026-03-01"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "owned_by_partner")
    await file_request(unicef, partner, made["id"])


# ------------------------------------------------------------------------------------ requests


async def _decide(api: Api, url: str, decision: str) -> Any:
    body = {"decision": decision, "reason": "Canary: because"}
    return await api.post(f"{url}/decision", json=body, headers=V1)


async def test_any_agency_files_and_who_made_the_entry_answers(api_for: ApiFor) -> None:
    unicef, wfp, undp = await api_for("UNICEF"), await api_for("WFP"), await api_for("UNDP")
    partner, people = await _profile(unicef)
    made = await add_person(unicef, partner)
    asked = await file_request(wfp, partner, made["id"], received_on="2026-03-01")
    assert (asked["owner_agency"], asked["filed_by"]) == ("UNICEF", "WFP")
    assert (asked["due_on"], asked["overdue"], asked["state"]) == ("2026-03-31", True, "open")
    url = f"{people}/{made['id']}/requests/{asked['id']}"
    for api in (unicef, wfp):
        assert (await api.read(url))["text"].startswith("Canary")
    assert (await undp.get(url)).status_code == 404
    assert (await undp.read(f"{people}/{made['id']}/requests"))["items"] == []
    work = await unicef.read("/v1/person-requests", params={"overdue": "true", "state": "open"})
    assert asked["id"] in [item["id"] for item in work["items"]]
    assert (await _decide(wfp, url, "granted")).status_code == 404
    answer = await _decide(unicef, url, "partly")
    assert (answer.status_code, answer.json()["decision"]) == (200, "partly")
    assert "Canary" not in answer.text
    assert (await wfp.read(url))["reason"] == "Canary: because"
    again = await _decide(unicef, url, "refused")
    assert (again.status_code, again.json()["code"]) == (409, "person_request_decided")


async def test_an_erasure_leaves_an_empty_row_and_nothing_to_open(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    partner, people = await _profile(unicef)
    made = await add_person(unicef, partner)
    one = f"{people}/{made['id']}"
    assert (await unicef.patch(one, json={"phone": None}, headers=V1)).status_code == 200
    asked = await file_request(unicef, partner, made["id"], kind="erasure")
    url = f"{one}/requests/{asked['id']}"
    assert (await _decide(unicef, url, "partly")).json()["code"] == "erasure_not_partial"
    assert (await _decide(unicef, url, "granted")).status_code == 200
    left = await unicef.read(one, headers=PURPOSE)
    assert left["person"] is None
    assert left["erased_at"]
    assert left["role"] == "head"
    async with operator_database.connection() as connection:
        kept = await connection.fetchval(
            "SELECT count(*) FROM (SELECT sealed FROM partner_people WHERE id = $1 UNION ALL "
            "SELECT sealed FROM partner_people_versions WHERE person_id = $1) s "
            "WHERE sealed IS NOT NULL",
            UUID(made["id"]),
        )
    assert kept == 0
    assert (await unicef.patch(one, json={"phone": "+2541"}, headers=V2)).status_code == 410
    repeat = await unicef.post(f"{one}/requests", json=request_body())
    assert (repeat.status_code, repeat.json()["code"]) == (410, "person_erased")
    events = [row.event for row in await events_of(operator_database, made["id"])]
    assert events[-1] == "partner:person:erase"


async def test_a_legal_hold_keeps_a_person_from_being_erased(
    api_for: ApiFor, operator_database: Database, world: World, database: Database
) -> None:
    unicef = await api_for("UNICEF")
    partner, people = await _profile(unicef)
    made = await add_person(unicef, partner)
    asked = await file_request(unicef, partner, made["id"], kind="erasure")
    oversight = await api_for(await add_officer(operator_database, world, "FAO", "OVSH", "OVS"))
    hold = {
        "subject_kind": "partner",
        "subject_id": partner,
        "reason": "Canary: an investigation",
        "review_on": str(datetime.now(UTC).date() + timedelta(days=30)),
    }
    await oversight.made("/v1/legal-holds", hold)
    answer = await _decide(unicef, f"{people}/{made['id']}/requests/{asked['id']}", "granted")
    assert (answer.status_code, answer.json()["code"]) == (409, "legal_hold")
    assert (await unicef.read(f"{people}/{made['id']}", headers=PURPOSE))["person"]
    # Whatever the program asks: the database itself refuses.
    with pytest.raises(Exception, match="legal hold"):
        async with database.session(world.agencies["UNICEF"]) as session:
            await session.execute(
                text("UPDATE partner_people SET sealed = NULL, version = 2 WHERE id = :id"),
                {"id": UUID(made["id"])},
            )


async def test_a_sanction_keeps_a_person_from_being_erased(
    api_for: ApiFor, database: Database, world: World
) -> None:
    unicef = await api_for("UNICEF")
    partner, people = await _profile(unicef)
    made = await add_person(unicef, partner)
    asked = await file_request(unicef, partner, made["id"], kind="erasure")
    async with database.session(world.agencies["UNICEF"]) as session:
        source = Source("sanction_entry", uuid4())
        await put(session, UUID(partner), Reason.SANCTION, source, by=world.agencies["UNICEF"])
    url = f"{people}/{made['id']}/requests/{asked['id']}"
    answer = await _decide(unicef, url, "granted")
    assert (answer.status_code, answer.json()["code"]) == (409, "person_tied")
    with pytest.raises(Exception, match="a sanction ties"):
        async with database.session(world.agencies["UNICEF"]) as session:
            await session.execute(
                text("UPDATE partner_people SET sealed = NULL, version = 2 WHERE id = :id"),
                {"id": UUID(made["id"])},
            )
    assert (await _decide(unicef, url, "refused")).status_code == 200


async def test_of_two_answers_at_once_one_counts(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    partner, people = await _profile(unicef)
    made = await add_person(unicef, partner)
    asked = await file_request(unicef, partner, made["id"])
    url = f"{people}/{made['id']}/requests/{asked['id']}"
    answers = await asyncio.gather(*(_decide(unicef, url, "granted") for _ in range(4)))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses[0] == 200
    assert set(statuses[1:]) <= {409, 412}


async def test_an_overdue_request_is_announced_once(
    api_for: ApiFor, worker_database: Database, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    partner, _ = await _profile(unicef)
    made = await add_person(unicef, partner)
    late = await file_request(unicef, partner, made["id"], received_on="2026-01-02")
    today = str(datetime.now(UTC).date())
    timely = await file_request(unicef, partner, made["id"], received_on=today)
    while await announce_overdue(worker_database):
        continue
    assert await announce_overdue(worker_database) == 0

    async def announced(request: str) -> int:
        events = await events_of(operator_database, request)
        return sum(row.event == "partner:person_request:overdue" for row in events)

    assert (await announced(late["id"]), await announced(timely["id"])) == (1, 0)


async def test_a_request_is_received_before_it_is_filed(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    partner, people = await _profile(unicef)
    made = await add_person(unicef, partner)
    body = request_body(received_on=str(date.today() + timedelta(days=3)))  # noqa: DTZ011 - as the database has it
    answer = await unicef.post(f"{people}/{made['id']}/requests", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "received_in_future")


async def test_the_notice_is_served_by_version(api_for: ApiFor) -> None:
    wfp = await api_for("WFP")
    now = await wfp.read("/v1/privacy-notice")
    assert "What you can ask for" in now["text"]
    assert await wfp.read(f"/v1/privacy-notice?version={now['version']}") == now
    assert (await wfp.get("/v1/privacy-notice?version=1999.1")).status_code == 404
