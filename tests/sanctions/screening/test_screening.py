"""One screening: which lists count, what was decided before, and what is stored of it."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from app.core.db import Database
from tests.conftest import ApiFor, Settle
from tests.partners.factories import make_partner
from tests.recognition.test_matches import put_setting
from tests.sanctions.factories import impose
from tests.sanctions.matches.support import (
    PURPOSE,
    REASON,
    Rescreening,
    a_find,
    confirmed,
    match_of,
    say,
)
from tests.sanctions.screening.support import (
    ALL,
    LANTERNS,
    LISTED,
    NOBODY,
    OWN,
    URL,
    refused,
    screened,
    subject,
)
from tests.support import Api, World, unique

pytestmark = pytest.mark.usefixtures("filled")
_ID = "6a1f0c52-8f0d-4a37-9c53-2b7f6d0a4e11"
_NEVER = "UPDATE list_sources SET last_success = NULL WHERE code = :code"


async def _stale(database: Database, code: str) -> None:
    async with database.session() as session:
        await session.execute(text(_NEVER), {"code": code})


async def test_lists_that_are_named_are_those_that_count(api_for: ApiFor) -> None:
    wfp = await api_for("WFP")
    found = await screened(wfp, lists=[ALL])
    assert [hit["source"] for hit in found["hits"]] == [ALL]
    assert [(one["code"], one["audience"]) for one in found["lists"]] == [(ALL, "all")]
    assert found["lists"][0]["version"] >= 1
    other = await screened(wfp, lists=["agency", "unsc"])
    assert (other["hits"], other["outcome"]) == ([], "no_hit")
    every = {one["code"] for one in (await screened(wfp))["lists"]}
    assert every >= {ALL, "agency", "unsc"}
    assert OWN not in every


async def test_an_unknown_list_and_one_of_another_agency_look_the_same(api_for: ApiFor) -> None:
    wfp, unhcr = await api_for("WFP"), await api_for("UNHCR")
    answers = []
    for code in ("nowhere", OWN):
        answer = await wfp.post(URL, json={"subject": subject(), "lists": [code]})
        answers.append(answer.json() | {"instance": None})
    assert answers[0] == answers[1]
    assert (answers[0]["status"], answers[0]["code"]) == (422, "list_unknown")
    own = await screened(unhcr, "Brassica Tidewater Holdings", lists=[OWN])
    assert [hit["source"] for hit in own["hits"]] == [OWN]
    assert own["lists"][0]["audience"] == "own"
    # By default it counts, too; of the lists of all alone it does not.
    assert (await screened(unhcr, "Brassica Tidewater Holdings"))["hits"]
    assert not (await screened(unhcr, "Brassica Tidewater Holdings", lists=[ALL]))["hits"]


async def test_hits_count_though_a_list_is_stale_and_their_absence_does_not(
    api_for: ApiFor, operator_database: Database
) -> None:
    wfp = await api_for("WFP")
    await _stale(operator_database, "unsc")
    hit, none = await screened(wfp), await screened(wfp, NOBODY)
    assert (hit["outcome"], hit["stale_sources"]) == ("potential_match", ["unsc"])
    assert (none["outcome"], none["stale_sources"]) == ("unknown_stale", ["unsc"])
    # Of lists that are named each must be fresh, and no other.
    assert (await screened(wfp, NOBODY, lists=[ALL]))["outcome"] == "no_hit"
    await _stale(operator_database, ALL)
    named = await screened(wfp, NOBODY, lists=[ALL])
    assert (named["outcome"], named["stale_sources"]) == ("unknown_stale", [ALL])


async def test_what_is_not_shown_is_counted(api_for: ApiFor) -> None:
    wfp = await api_for("WFP")
    body: dict[str, Any] = {"lists": [ALL], "threshold": 0.5}
    every = await screened(wfp, LANTERNS, limit=50, **body)
    assert (len(every["hits"]), every["more"]) == (8, 0)
    scores = [hit["score"] for hit in every["hits"]]
    assert scores == sorted(scores, reverse=True)
    few = await screened(wfp, LANTERNS, limit=2, **body)
    assert (few["hits"], few["more"]) == (every["hits"][:2], 6)
    default = await screened(wfp, LANTERNS, **body)
    assert (len(default["hits"]), default["more"]) == (5, 3)


async def test_an_unknown_kind_is_compared_as_either(api_for: ApiFor) -> None:
    wfp = await api_for("WFP")
    for name in (LISTED, "Ozymandias Featherstonehaugh Quill"):
        assert (await screened(wfp, name, kind="unknown"))["outcome"] == "potential_match"
    assert (await screened(wfp, LISTED, kind="person"))["hits"] == []


@pytest.mark.parametrize(
    "body",
    [
        {"role": "BENEFICIARY"},
        {"role": None},
        {"limit": 0},
        {"limit": 51},
        {"limit": True},
        {"limit": "5"},
        {"lists": []},
        {"lists": ["UNSC"]},
        {"lists": ["x"] * 41},
        {"threshold": 1.01},
        {"acting_for": {"name": "Amani"}},
        {"partner_id": "x"},
        {"subject": subject(kind="person"), "acting_for": {}},
        {"subject": subject(kind="person"), "acting_for": {"name": " "}},
        {"subject": subject(kind="person"), "partner_id": _ID},
        {"subject": subject(kind="person"), "acting_for": {"name": "A", "partner_id": _ID}},
        {"subject": subject(kind="vessel")},
        {"subject": subject(gender="F")},
        {"subject": {"kind": "person", "names": []}},
        {"subject": {"kind": "person", "names": ["\u0000"]}},
        {"beneficiary": True},
    ],
    ids=str,
)
async def test_what_does_not_fit_is_refused(api_for: ApiFor, body: dict[str, Any]) -> None:
    assert await refused(await api_for("WFP"), {"subject": subject()} | body) == (
        422,
        "invalid_request",
    )


async def test_a_profile_that_the_caller_may_not_know_of_is_absent(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP", "screening:run")
    hidden = (await make_partner(unicef, protected=True))["id"]
    for partner in (hidden, str(uuid4())):
        found = await refused(wfp, {"subject": subject(), "partner_id": partner})
        assert found == (404, "partner_not_found")
        acting = {"subject": subject(kind="person"), "acting_for": {"partner_id": partner}}
        assert await refused(wfp, acting) == (404, "partner_not_found")
    own = await api_for("UNICEF", "screening:run")
    assert (await screened(own, partner_id=hidden))["partner_id"] == hidden


# -------------------------------------------------------------------------- what was decided


async def _near(
    api_for: ApiFor, settle: Settle, rescreening: Rescreening
) -> tuple[str, str, str, dict[str, Any]]:
    """A partner with the very name of a listed one; name, partner, entry and match."""
    name = unique("Verbena Causeway Mission")
    unicef = await api_for("UNICEF")
    other = (await make_partner(unicef, legal_name=name, country="UG", aliases=[]))["id"]
    entry = (await impose(api_for, other))["entry_id"]
    await settle()
    partner = (await make_partner(unicef, legal_name=name, aliases=[]))["id"]
    found = a_find(partner, entry_id=UUID(entry), source="agency", reference="UNDP-1")
    await rescreening.subject(partner, found)
    return name, partner, entry, await match_of(unicef, partner)


def _hit(answer: dict[str, Any], entry: str) -> dict[str, Any]:
    [hit] = [one for one in answer["hits"] if one["entry_id"] == entry]
    return dict(hit)


async def test_what_was_decided_to_be_none_is_shown_and_counts_no_more(
    api_for: ApiFor, settle: Settle, rescreening: Rescreening
) -> None:
    wfp, fao = await api_for("WFP"), await api_for("FAO")
    name, partner, entry, match = await _near(api_for, settle, rescreening)
    before = await screened(wfp, name, partner_id=partner)
    assert (before["outcome"], before["memory"]) == ("potential_match", "honoured")
    assert _hit(before, entry)["cleared"] is False
    await say(wfp, match)
    after = await screened(wfp, name, partner_id=partner)
    hit = _hit(after, entry)
    assert (after["outcome"], hit["cleared"]) == ("no_hit", True)
    decision = hit["decision"]
    assert (decision["agency"], decision["by"], decision["reason"]) == ("WFP", "own", None)
    assert decision["match_id"] == match["id"]
    # Nobody who does not ask about the partner, and no other agency unless it says so.
    assert (await screened(wfp, name))["outcome"] == "potential_match"
    assert (await screened(fao, name, partner_id=partner))["outcome"] == "potential_match"
    for value, outcome in ((["WFP"], "no_hit"), (["UNDP"], "potential_match"), ("all", "no_hit")):
        await put_setting(fao, "FAO", value)
        told = await screened(fao, name, partner_id=partner)
        assert told["outcome"] == outcome
        assert (_hit(told, entry)["decision"] or {"by": None})["by"] == (
            "policy" if outcome == "no_hit" else None
        )
    await put_setting(fao, "FAO", "none")


async def test_reasons_are_for_a_purpose_and_are_not_stored(
    api_for: ApiFor, settle: Settle, rescreening: Rescreening, operator_database: Database
) -> None:
    wfp = await api_for("WFP")
    name, partner, entry, match = await _near(api_for, settle, rescreening)
    await say(wfp, match)
    body = {"subject": subject(name), "partner_id": partner}
    key = {"Idempotency-Key": uuid4().hex}
    first = await wfp.post(URL, json=body, headers=PURPOSE | key)
    assert _hit(first.json(), entry)["decision"]["reason"] == REASON["reason"]
    again = await wfp.post(URL, json=body, headers=PURPOSE | key)
    assert again.headers["idempotency-replayed"] == "true"
    stored = await wfp.read(f"{URL}/{first.json()['screening_id']}")
    for one in (again.json(), stored):
        assert _hit(one, entry)["decision"]["reason"] is None
    async with operator_database.connection() as connection:
        events = await connection.fetch(
            "SELECT event, purpose, owner_agency::text FROM audit_events WHERE request_id = $1",
            first.headers["x-request-id"],
        )
    assert ("screening:subject:run", None) in {(row[0], row[1]) for row in events}
    assert ("sanction:match_reason:read", "AUDIT") in {(row[0], row[1]) for row in events}
    # Without the right to decisions there are no reasons, whatever is stated.
    runner = await api_for("WFP", "screening:run")
    told = await runner.made(URL, body, headers=PURPOSE)
    assert _hit(told, entry)["decision"]["reason"] is None


@pytest.mark.parametrize(
    "more",
    [
        {"names": ["{name}", LISTED]},
        {"countries": ["UG"]},
        {"identifiers": ["UG-1234567"]},
        {"birth_date": "1999"},
    ],
    ids=str,
)
async def test_a_decision_does_not_clear_what_it_was_not_about(
    api_for: ApiFor, settle: Settle, rescreening: Rescreening, more: dict[str, Any]
) -> None:
    """Whoever names the profile but asks about somebody else is not told that all is well."""
    wfp = await api_for("WFP")
    name, partner, entry, match = await _near(api_for, settle, rescreening)
    await say(wfp, match)
    about = subject(name, countries=["KE"]) | more
    about["names"] = [one.format(name=name) for one in about["names"]]
    answer = await wfp.made(URL, {"subject": about, "partner_id": partner})
    assert (answer["memory"], answer["outcome"]) == ("subject_differs", "potential_match")
    assert _hit(answer, entry)["decision"] is None


async def test_a_decision_ends_when_either_side_changes(
    api_for: ApiFor, settle: Settle, rescreening: Rescreening
) -> None:
    wfp, unicef = await api_for("WFP"), await api_for("UNICEF")
    name, partner, entry, match = await _near(api_for, settle, rescreening)
    await say(wfp, match)
    url = f"/v1/partners/{partner}"
    etag = (await unicef.get(url)).headers["ETag"]
    patched = await unicef.patch(
        url, json={"aliases": [unique("Another")]}, headers={"If-Match": etag}
    )
    assert patched.status_code == 200
    answer = await screened(wfp, name, partner_id=partner)
    assert (answer["outcome"], _hit(answer, entry)["cleared"]) == ("potential_match", False)


async def test_a_confirmed_match_is_named_and_counts(
    api_for: ApiFor, settle: Settle, rescreening: Rescreening
) -> None:
    wfp, fao = await api_for("WFP"), await api_for("FAO")
    name, partner, entry, match = await _near(api_for, settle, rescreening)
    await confirmed(wfp, await api_for("WFP_REVIEWER"), match)
    answer = await screened(fao, name, partner_id=partner)
    decision = _hit(answer, entry)["decision"]
    assert (decision["decision"], decision["by"]) == ("TRUE_MATCH", "other")
    assert answer["outcome"] == "potential_match"


async def test_what_counts_comes_before_what_was_cleared(
    api_for: ApiFor, settle: Settle, rescreening: Rescreening
) -> None:
    wfp = await api_for("WFP")
    name, partner, _, match = await _near(api_for, settle, rescreening)
    like = f"{name} Guild"  # less alike than the one that was cleared
    third = (await make_partner(await api_for("UNICEF"), legal_name=like, aliases=[]))["id"]
    live = (await impose(api_for, third))["entry_id"]
    await settle()
    await say(wfp, match)
    answer = await screened(wfp, name, partner_id=partner, limit=1)
    assert [hit["entry_id"] for hit in answer["hits"]] == [live]
    # What was cleared is among the rest, with what other tests left of alike names.
    assert answer["more"] >= 1
    assert answer["outcome"] == "potential_match"


# ----------------------------------------------------------------------------- what is stored


async def test_the_table_holds_no_name(
    api_for: ApiFor, operator_database: Database, world: World
) -> None:
    wfp: Api = await api_for("WFP")
    answer = await wfp.made(
        URL,
        {
            "subject": subject("Canary Quill Ozymandias", "person", birth_date="1975"),
            "role": "PARTNER_OFFICER",
            "acting_for": {"name": "Canary Relief"},
        },
    )
    async with operator_database.connection() as connection:
        row = await connection.fetchrow(
            "SELECT to_jsonb(s) - 'sealed' AS facts, sealed FROM screenings s WHERE id = $1",
            UUID(answer["screening_id"]),
        )
    facts = json.dumps(row["facts"])
    assert "anary" not in facts
    assert b"anary" not in row["sealed"]
    assert '"role": "PARTNER_OFFICER"' in facts
    assert str(world.agencies["WFP"]) in facts
