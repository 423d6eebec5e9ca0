"""Texts of shares and access requests: hidden by one person, destroyed or brought back by two."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from app.core.db import Database
from tests.assessments.factories import make_assessment, make_share, request_body
from tests.assessments.support import denied, run
from tests.audit.support import add_officer, events_of
from tests.audit.test_holds import set_hold
from tests.audit.test_redaction import CONFIRM, REASON, UNDO, decide
from tests.auth.scoped import ScopedApi, scoped
from tests.conftest import ApiFor
from tests.support import Api, World

__all__ = ["scoped"]
NOTE = "Canary: the survivor lives at the lake"
ANSWER = {"decision": "deny", "reason": "Canary: the survivor objects"}


async def _shared(api_for: ApiFor) -> tuple[str, dict[str, Any]]:
    """An assessment, and a share of it with WFP that has a note."""
    unicef = await api_for("UNICEF")
    record = (await make_assessment(unicef))["id"]
    return record, await make_share(unicef, record, note=NOTE)


async def _asked(api_for: ApiFor, *, answered: bool = True) -> tuple[str, str]:
    """URL of a request of WFP to UNICEF, refused with a reason; and the assessment."""
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    record = (await make_assessment(unicef))["id"]
    made = await wfp.made("/v1/access-requests", request_body(record))
    url = f"/v1/access-requests/{made['id']}"
    if answered:
        done = await unicef.post(f"{url}/decision", json=ANSWER, headers={"If-Match": '"v1"'})
        assert done.status_code == 200, done.text
    return url, record


async def _second(api_for: ApiFor, world: World, database: Database, agency: str) -> Api:
    return await api_for(await add_officer(database, world, agency, "OVSD", "OVS"))


async def _notes(apis: list[Api], record: str) -> list[str | None]:
    return [
        (await api.read(f"/v1/assessments/{record}/shares"))["items"][0]["note"] for api in apis
    ]


async def _said(apis: list[Api], url: str) -> list[tuple[str, str | None, bool]]:
    found = [await api.read(url) for api in apis]
    return [(one["justification"], one["reason"], one["redacted"]) for one in found]


SAID = ("Canary: selection for the lake shore", ANSWER["reason"], False)
GONE = ("", None, True)
HALF = ("", ANSWER["reason"], True)


async def _left(database: Database, where: str) -> int:
    """How many stored answers of requests repeat what was said."""
    async with database.session() as session:
        sql = f"SELECT count(*) FROM idempotency_keys WHERE {where}"
        return int(await session.scalar(text(sql)) or 0)


async def test_a_note_is_hidden_from_both_brought_back_and_destroyed(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    record, share = await _shared(api_for)
    second = await _second(api_for, world, operator_database, "UNICEF")
    url = f"/v1/assessments/{record}/shares/{share['id']}"
    both = [unicef, wfp]
    hidden = await unicef.made(f"{url}/redaction", REASON)
    assert (hidden["subject_kind"], hidden["subject_id"], hidden["record_id"]) == (
        "share",
        share["id"],
        record,
    )
    assert hidden["readers"] == []
    assert await _notes(both, record) == [None, None]
    assert (await decide(unicef, url, CONFIRM)).json()["code"] == "same_person"
    assert (await decide(second, url, CONFIRM, 7)).status_code == 412
    assert (await decide(second, url, UNDO)).status_code == 201
    assert await _notes(both, record) == [NOTE, NOTE]
    await unicef.made(f"{url}/redaction", REASON)
    assert (await decide(second, url, CONFIRM)).status_code == 201
    assert await _notes(both, record) == [None, None]
    async with operator_database.session() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        sql = "SELECT length(sealed_note) FROM assessment_shares WHERE id = :id"
        assert await session.scalar(text(sql), {"id": UUID(share["id"])}) == 0
    location = f"/v1/assessments/{record}/shares"
    assert await _left(operator_database, f"route = '{location}'") == 0
    # The share itself stands.
    detail = f"/v1/assessments/{record}/detail"
    purpose = {"Access-Purpose": 'PARTNER_SELECTION; ref="W-1"'}
    assert (await wfp.get(detail, headers=purpose)).status_code == 200
    assert (await unicef.read(f"/v1/assessments/{record}"))["redacted"] is False
    names = [row.event for row in await events_of(operator_database, record)]
    assert names.count("redaction:content:hide") == 2
    assert "redaction:content:destroy" in names


async def test_the_confirmed_redaction_of_an_assessment_takes_the_notes_of_its_shares(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    record, share = await _shared(api_for)
    second = await _second(api_for, world, operator_database, "UNICEF")
    url = f"/v1/assessments/{record}"
    await unicef.made(f"{url}/redaction", REASON)
    assert (await decide(second, url, CONFIRM)).status_code == 201
    async with operator_database.session() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        sql = "SELECT length(sealed_note) FROM assessment_shares WHERE id = :id"
        assert await session.scalar(text(sql), {"id": UUID(share["id"])}) == 0
    assert await _left(operator_database, f"route = '{url}/shares'") == 0


async def test_the_owner_hides_both_texts_of_a_request_and_the_asker_its_own(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    both = [await api_for("UNICEF"), await api_for("WFP")]
    unicef, wfp = both
    other = await _second(api_for, world, operator_database, "WFP")
    second = await _second(api_for, world, operator_database, "UNICEF")
    url, record = await _asked(api_for)
    assert await _said(both, url) == [SAID, SAID]
    await wfp.made(f"{url}/redaction", REASON)
    assert await _said(both, url) == [HALF, HALF]
    # Another agency's redaction is not the owner's to decide on, nor known to it.
    assert (await decide(second, url, UNDO)).json()["code"] == "redaction_not_found"
    await unicef.made(f"{url}/redaction", REASON)
    assert await _said(both, url) == [GONE, GONE]
    assert (await decide(other, url, UNDO)).status_code == 201
    assert await _said(both, url) == [GONE, GONE], "the owner still hides it"
    assert (await decide(second, url, UNDO)).status_code == 201
    assert await _said(both, url) == [SAID, SAID]
    await wfp.made(f"{url}/redaction", REASON)
    assert (await decide(other, url, CONFIRM)).status_code == 201
    assert await _said(both, url) == [HALF, HALF]
    await unicef.made(f"{url}/redaction", REASON)
    assert (await decide(second, url, CONFIRM)).status_code == 201
    assert await _said(both, url) == [GONE, GONE]
    sizes = (
        "SELECT length(sealed_justification) + length(sealed_reason) FROM access_requests "
        "WHERE assessment_id = :id"
    )
    async with operator_database.session() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        assert await session.scalar(text(sizes), {"id": UUID(record)}) == 0
    where = f"route LIKE '{url}/%' AND route NOT LIKE '%/redaction%'"
    assert await _left(operator_database, where) == 0
    assert await _left(operator_database, f"headers ->> 'location' = '{url}'") == 0
    assert (await unicef.read(url))["status"] == "denied"


async def test_a_reason_that_is_given_after_the_justification_was_hidden_is_shown(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    second = await _second(api_for, world, operator_database, "UNICEF")
    url, _ = await _asked(api_for, answered=False)
    await unicef.made(f"{url}/redaction", REASON)
    answer = await unicef.post(f"{url}/decision", json=ANSWER, headers={"If-Match": '"v1"'})
    assert answer.status_code == 200, answer.text
    assert (await decide(second, url, CONFIRM)).status_code == 201
    assert await _said([unicef, wfp], url) == [HALF, HALF]


async def test_who_is_no_party_or_may_not_know_of_it_hides_nothing(
    api_for: ApiFor, scoped: ScopedApi, database: Database, world: World
) -> None:
    wfp, fao = await api_for("WFP"), await api_for("FAO")
    record, share = await _shared(api_for)
    url, _ = await _asked(api_for)
    note = f"/v1/assessments/{record}/shares/{share['id']}/redaction"
    texts = f"{url}/redaction"
    abroad = await scoped("UNICEF", countries=("UGA",))
    low = await scoped("UNICEF", max_level="INTER_AGENCY")
    # The recipient of a share did not write its note.
    for api, path, problem in (
        (wfp, note, "assessment_not_found"),
        (fao, note, "assessment_not_found"),
        (fao, texts, "access_request_not_found"),
        (wfp, f"/v1/access-requests/{uuid4()}/redaction", "access_request_not_found"),
        (abroad, note, "assessment_not_found"),
        (abroad, texts, "access_request_not_found"),
        (low, texts, "access_request_not_found"),
    ):
        answer = await api.post(path, json=REASON)
        assert (answer.status_code, answer.json()["code"]) == (404, problem), path
    unicef = await api_for("UNICEF")
    unknown = f"/v1/assessments/{record}/shares/{uuid4()}/redaction"
    assert (await unicef.post(unknown, json=REASON)).json()["code"] == "share_not_found"
    elsewhere, _ = await _shared(api_for)
    wrong = f"/v1/assessments/{elsewhere}/shares/{share['id']}/redaction"
    assert (await unicef.post(wrong, json=REASON)).json()["code"] == "share_not_found"
    bad: list[Any] = [{}, {"reason": " "}, {"reason": "x", "text": "note"}, {"reason": None}, []]
    for body in bad:
        assert (await unicef.post(note, json=body)).status_code == 422
    # Nor by raw SQL: whose text it is, the database asks.
    insert = (
        "INSERT INTO redactions (id, agency_id, subject_kind, subject_id, record_id, partner_id, "
        "sealed_reason, requested_by) VALUES (gen_random_uuid(), :agency, :kind, :id, :record, "
        "gen_random_uuid(), 'x', :person)"
    )
    for agency, kind, subject in (
        ("WFP", "share", share["id"]),
        ("FAO", "access_request", url.rsplit("/", 1)[1]),
    ):
        values = {"agency": world.agencies[agency], "kind": kind, "id": UUID(subject)}
        values |= {"record": UUID(record), "person": world.persons[agency]}
        assert await denied(database, world.agencies[agency], insert, **values) == "42501"
    for table, column in (
        ("assessment_shares", "redacted"),
        ("access_requests", "justification_redacted"),
    ):
        sql = f"UPDATE {table} SET {column} = true"
        assert await denied(database, world.agencies["UNICEF"], sql) == "42501"


async def test_under_a_legal_hold_they_stay_hidden(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    second = await _second(api_for, world, operator_database, "UNICEF")
    other = await _second(api_for, world, operator_database, "WFP")
    record, share = await _shared(api_for)
    url, asked_for = await _asked(api_for)
    for subject in (record, asked_for):
        await set_hold(second, subject)
    note = f"/v1/assessments/{record}/shares/{share['id']}"
    for api, decider, path in ((unicef, second, note), (wfp, other, url)):
        await api.made(f"{path}/redaction", REASON)
        refused = await decide(decider, path, CONFIRM)
        assert (refused.status_code, refused.json()["code"]) == (409, "legal_hold")
    assert await _notes([unicef, wfp], record) == [None, None]
    assert await _said([unicef, wfp], url) == [HALF, HALF]


async def test_two_who_hide_at_once_leave_one_redaction(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    second = await _second(api_for, world, operator_database, "UNICEF")
    url, _ = await _asked(api_for)
    answers = await asyncio.gather(
        *(api.post(f"{url}/redaction", json=REASON) for api in (unicef, second))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409]


@pytest.mark.parametrize("agency", ["UNICEF", "WFP"])
async def test_each_agency_sees_only_its_own_redaction_of_a_request(
    agency: str, api_for: ApiFor, database: Database, world: World
) -> None:
    url, _ = await _asked(api_for)
    made = await (await api_for(agency)).made(f"{url}/redaction", REASON)
    sql = "SELECT id FROM redactions WHERE subject_id = :id"
    for name in ("UNICEF", "WFP", "FAO"):
        rows = await run(database, world.agencies[name], sql, id=UUID(made["subject_id"]))
        assert len(rows) == (name == agency)
        answer = await (await api_for(name)).get(f"/v1/redactions/{made['id']}")
        assert answer.status_code == (200 if name == agency else 404)
