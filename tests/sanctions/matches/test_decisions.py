"""What an agency says of a potential match: by whom, when, and what becomes of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.core.db import Database
from tests.audit.support import add_officer, events_of
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.sanctions.matches.support import (
    REASON,
    URL,
    Rescreening,
    a_find,
    confirmed,
    detail_of,
    match_of,
    say,
    second,
    standing_reasons,
)
from tests.support import World


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def opened(api_for: ApiFor, rescreening: Rescreening, **more: Any) -> dict[str, Any]:
    """A match that WFP reads."""
    wfp = await api_for("WFP")
    partner = (await make_partner(wfp))["id"]
    await rescreening.subject(partner, a_find(partner, **more))
    return await match_of(wfp, partner)


async def test_a_true_match_takes_two_persons_of_the_agency(
    api_for: ApiFor, rescreening: Rescreening
) -> None:
    wfp, reviewer = await api_for("WFP"), await api_for("WFP_REVIEWER")
    fao = await api_for("FAO")
    match = await opened(api_for, rescreening)
    proposed = await say(wfp, match, "TRUE_MATCH")
    assert (proposed["state"], proposed["own"]["state"]) == ("open", "open")
    pending = proposed["own"]["pending"]
    url = f"{URL}/{match['id']}"
    body = {"proposal_id": pending, "decision": "confirm", "reason": "Sure."}
    again = await wfp.post(f"{url}/confirmation", json=body)
    assert code(again) == (409, "match_second_person")
    stranger = await fao.post(f"{url}/confirmation", json=body)
    assert code(stranger) == (404, "match_proposal_not_found")
    late = await reviewer.post(
        f"{url}/decision",
        json={"decision": "NOT_A_MATCH", **REASON},
        headers={"If-Match": f'"v{proposed["version"]}"'},
    )
    assert code(late) == (409, "match_decision_pending")
    assert await standing_reasons(fao, match["partner_id"]) == []
    done = await second(reviewer, match, pending)
    assert (done["state"], done["own"]["state"]) == ("decided", "true_match")
    assert await standing_reasons(fao, match["partner_id"]) == ["CONFIRMED_MATCH"]
    settled = await reviewer.post(f"{url}/confirmation", json=body)
    assert code(settled) == (409, "match_proposal_settled")


async def test_a_refused_proposal_leaves_everything_as_it_was(
    api_for: ApiFor, rescreening: Rescreening
) -> None:
    wfp, reviewer = await api_for("WFP"), await api_for("WFP_REVIEWER")
    match = await opened(api_for, rescreening)
    proposed = await say(wfp, match, "TRUE_MATCH")
    refused = await second(reviewer, match, proposed["own"]["pending"], "refuse")
    assert (refused["state"], refused["own"]["pending"]) == ("open", None)
    [word] = (await detail_of(wfp, match))["decisions"]
    assert (word["state"], word["confirmation_reason"]) == ("refused", "Canary: compared.")
    assert (await say(wfp, refused))["state"] == "decided"


async def test_a_confirmed_match_is_revised_by_two_persons_and_unlocks_nothing_else(
    api_for: ApiFor, rescreening: Rescreening
) -> None:
    wfp, reviewer = await api_for("WFP"), await api_for("WFP_REVIEWER")
    fao, fao_2 = await api_for("FAO"), await api_for("FAO_REVIEWER")
    match = await confirmed(wfp, reviewer, await opened(api_for, rescreening))
    again = await say(wfp, match)
    assert again["own"]["state"] == "true_match", "what stands stands until it is revised"
    done = await second(reviewer, match, again["own"]["pending"])
    assert done["own"]["state"] == "not_a_match"
    assert await standing_reasons(fao, match["partner_id"]) == []
    states = [word["state"] for word in (await detail_of(wfp, match))["decisions"]]
    assert states == ["revised", "standing"]
    theirs = await match_of(fao, match["partner_id"])
    theirs = await confirmed(fao, fao_2, theirs)
    back = await say(wfp, await match_of(wfp, match["partner_id"]), "TRUE_MATCH")
    await second(reviewer, match, back["own"]["pending"])
    again = await say(wfp, await match_of(wfp, match["partner_id"]))
    await second(reviewer, match, again["own"]["pending"])
    # One agency's mistake is not the other's.
    assert await standing_reasons(wfp, match["partner_id"]) == ["CONFIRMED_MATCH"]


async def test_another_agencys_finding_is_offered_with_author_date_and_reason(
    api_for: ApiFor, rescreening: Rescreening, operator_database: Database, world: World
) -> None:
    wfp, fao = await api_for("WFP"), await api_for("FAO")
    match = await opened(api_for, rescreening)
    await say(wfp, match)
    seen = await detail_of(fao, match)
    [offer] = seen["offers"]
    assert (offer["agency"], offer["decision"]) == ("WFP", "NOT_A_MATCH")
    assert offer["reason"] == REASON["reason"]
    assert offer["proposed_at"]
    read = [one for one in await events_of(operator_database, match["id"]) if "reason" in one.event]
    assert [one.owner_agency for one in read] == [world.agencies["WFP"]], "its author sees who read"
    taken = await fao.made(
        f"{URL}/{match['id']}/acceptance", {"decision_id": offer["id"], "reason": "Convincing."}
    )
    assert (taken["own"]["state"], taken["own"]["by"], taken["own"]["agency"]) == (
        *("not_a_match", "accepted"),
        "WFP",
    )
    # What was taken over is not offered again, and falls with what it came from.
    undp = await detail_of(await api_for("UNDP"), match)
    assert [one["agency"] for one in undp["offers"]] == ["WFP"]
    [from_fao] = [one for one in undp["others"] if one["agency"] == "FAO"]
    for wrong in (from_fao["id"], str(uuid4())):
        body = {"decision_id": wrong, "reason": "x"}
        answer = await (await api_for("UNDP")).post(f"{URL}/{match['id']}/acceptance", json=body)
        assert code(answer) == (404, "match_offer_not_found")
    again = await say(wfp, await match_of(wfp, match["partner_id"]), "TRUE_MATCH")
    await second(await api_for("WFP_REVIEWER"), match, again["own"]["pending"])
    assert (await match_of(fao, match["partner_id"]))["own"]["state"] == "open"


async def test_what_is_true_is_read_before_it_is_decided(
    api_for: ApiFor, rescreening: Rescreening
) -> None:
    wfp = await api_for("WFP")
    match = await opened(api_for, rescreening)
    url, body = f"{URL}/{match['id']}/decision", {"decision": "NOT_A_MATCH", **REASON}
    assert code(await wfp.post(url, json=body)) == (428, "precondition_required")
    stale = await wfp.post(url, json=body, headers={"If-Match": '"v7"'})
    assert code(stale) == (412, "precondition_failed")
    await say(wfp, match)
    decided = await match_of(wfp, match["partner_id"])
    twice = await wfp.post(url, json=body, headers={"If-Match": f'"v{decided["version"]}"'})
    assert code(twice) == (409, "match_already_decided")
    await rescreening.entry(UUID(match["entry_id"]))
    gone = await match_of(wfp, match["partner_id"])
    late = await wfp.post(url, json=body, headers={"If-Match": f'"v{gone["version"]}"'})
    assert code(late) == (409, "match_obsolete")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"decision": "MAYBE", **REASON},
        {"decision": "NOT_A_MATCH"},
        {"decision": "NOT_A_MATCH", "reason": ""},
        {"decision": "NOT_A_MATCH", "reason": "x" * 4_001},
        {"decision": "NOT_A_MATCH", "reason": "\u202eevil"},
        {"decision": "NOT_A_MATCH", **REASON, "state": "standing"},
    ],
)
async def test_bad_words_are_refused(
    body: dict[str, Any], api_for: ApiFor, rescreening: Rescreening
) -> None:
    match = await opened(api_for, rescreening)
    answer = await (await api_for("WFP")).post(
        f"{URL}/{match['id']}/decision", json=body, headers={"If-Match": '"v1"'}
    )
    assert answer.status_code == 422
    assert "evil" not in answer.text


async def test_public_office_is_the_legal_offices(
    api_for: ApiFor, rescreening: Rescreening, operator_database: Database, world: World
) -> None:
    names = {
        role: await add_officer(operator_database, world, "WFP", f"MATCH_{role}", role)
        for role in ("SAO", "LEGAL", "OVS", "CO")
    }
    sao, legal = await api_for(names["SAO"]), await api_for(names["LEGAL"])
    overseer, officer = await api_for(names["OVS"]), await api_for(names["CO"])
    match = await opened(api_for, rescreening, public_office=True)
    proposed = await say(sao, match)
    assert (proposed["own"]["state"], proposed["state"]) == ("open", "open"), "also when it is none"
    url = f"{URL}/{match['id']}"
    body = {"proposal_id": proposed["own"]["pending"], "decision": "confirm", "reason": "Yes."}
    other = await add_officer(operator_database, world, "WFP", "MATCH_SAO_2", "SAO")
    refused = await (await api_for(other)).post(f"{url}/confirmation", json=body)
    assert code(refused) == (403, "role_lacks_right")
    assert (await second(legal, match, body["proposal_id"]))["own"]["state"] == "not_a_match"
    # An ordinary one is the secretariat's; oversight looks on, an officer sees REFER and no item.
    plain = await opened(api_for, rescreening)
    said: dict[str, Any] = {
        "json": {"decision": "NOT_A_MATCH", **REASON},
        "headers": {"If-Match": '"v1"'},
    }
    for api in (legal, overseer):
        assert (await detail_of(api, plain))["own"]["state"] == "open"
        answer = await api.post(f"{URL}/{plain['id']}/decision", **said)
        assert code(answer) == (403, "role_lacks_right")
    assert (await officer.get(URL)).status_code == 403
    assert (await say(sao, plain))["own"]["state"] == "not_a_match"


# --------------------------------------------------------------------------------------- races


async def test_of_two_adjudicators_at_once_one_is_asked_to_read_again(
    api_for: ApiFor, rescreening: Rescreening
) -> None:
    callers = [await api_for(name) for name in ("WFP", "WFP_REVIEWER", "WFP_APPROVER", "FAO")]
    for _ in range(3):
        match = await opened(api_for, rescreening)
        answers = await asyncio.gather(
            *(
                api.post(
                    f"{URL}/{match['id']}/decision",
                    json={"decision": "NOT_A_MATCH", **REASON},
                    headers={"If-Match": '"v1"'},
                )
                for api in callers
            )
        )
        states = sorted(answer.status_code for answer in answers)
        assert states == [201, 412, 412, 412], [answer.text for answer in answers]


async def test_nobody_decides_on_what_has_just_changed(
    api_for: ApiFor, rescreening: Rescreening
) -> None:
    """A list changes while somebody decides: the decision is about the old state, or refused."""
    wfp, reviewer = await api_for("WFP"), await api_for("WFP_REVIEWER")
    for turn in range(4):
        partner = (await make_partner(wfp))["id"]
        found = a_find(partner)
        await rescreening.subject(partner, found)
        match = await match_of(wfp, partner)
        proposed = await say(wfp, match, "TRUE_MATCH")
        changed = replace(found, entry_hash=bytes([turn]) * 32)
        body = {
            "proposal_id": proposed["own"]["pending"],
            "decision": "confirm",
            "reason": "Canary: compared.",
        }
        url = f"{URL}/{match['id']}/confirmation"
        answer, _ = await asyncio.gather(
            reviewer.post(url, json=body), rescreening.entry(found.entry_id, changed)
        )
        assert answer.status_code in (201, 409), answer.text
        now = await match_of(wfp, partner)
        assert (now["state"], now["round"], now["own"]["pending"]) == ("open", 2, None)
        [word] = (await detail_of(wfp, now))["decisions"]
        assert (word["state"], word["current"]) == (
            "standing" if answer.status_code == 201 else "lapsed",
            False,
        )


async def test_a_confirmation_and_a_refusal_at_once_leave_one_word(
    api_for: ApiFor, rescreening: Rescreening
) -> None:
    wfp, reviewer = await api_for("WFP"), await api_for("WFP_REVIEWER")
    approver = await api_for("WFP_APPROVER")
    for _ in range(3):
        match = await confirmed(wfp, reviewer, await opened(api_for, rescreening))
        again = await say(wfp, match)
        body = {"proposal_id": again["own"]["pending"], "reason": "Canary: compared."}
        url = f"{URL}/{match['id']}/confirmation"
        answers = await asyncio.gather(
            reviewer.post(url, json=body | {"decision": "confirm"}),
            approver.post(url, json=body | {"decision": "refuse"}),
        )
        assert sorted(one.status_code for one in answers) == [201, 409]
        won = "not_a_match" if answers[0].status_code == 201 else "true_match"
        assert (await match_of(wfp, match["partner_id"]))["own"]["state"] == won


# ------------------------------------------------------------------------- the database's floor

_WORD = """INSERT INTO match_decisions (id, match_id, owner_agency, match_version, round,
    subject_hash, entry_hash, decision, state, accepted_from, proposed_by, sealed)
  SELECT gen_random_uuid(), m.id, :agency, {version}, m.round, m.subject_hash, m.entry_hash,
    '{decision}', '{state}', NULL, {person}, 'x'
  FROM screening_matches m WHERE m.id = :match"""


@pytest.mark.parametrize(
    ("more", "refusal"),
    [
        ({"state": "standing", "decision": "TRUE_MATCH"}, "true_match_confirmed"),
        ({"state": "proposed", "decision": "NOT_A_MATCH"}, "match_second_person"),
        ({"state": "revised"}, "ended"),
        ({"version": "m.version + 1"}, "match_version"),
        ({"person": "(SELECT id FROM persons WHERE agency_id <> :agency LIMIT 1)"}, "match_person"),
    ],
)
async def test_raw_sql_gives_no_word_past_the_rules(
    more: dict[str, str],
    refusal: str,
    api_for: ApiFor,
    rescreening: Rescreening,
    database: Database,
    world: World,
) -> None:
    match = await opened(api_for, rescreening)
    parts = {
        "version": "m.version",
        "decision": "NOT_A_MATCH",
        "state": "standing",
        "person": "(SELECT id FROM persons WHERE agency_id = :agency LIMIT 1)",
    } | more
    values = {"agency": world.agencies["WFP"], "match": UUID(match["id"])}
    with pytest.raises(DBAPIError, match=refusal):
        async with database.session(world.agencies["WFP"]) as session:
            await session.execute(text(_WORD.format(**parts)), values)


async def test_raw_sql_confirms_no_own_proposal_and_changes_no_word(
    api_for: ApiFor, rescreening: Rescreening, database: Database, world: World
) -> None:
    wfp = await api_for("WFP")
    match = await say(wfp, await opened(api_for, rescreening), "TRUE_MATCH")
    change = (
        "UPDATE match_decisions SET state = 'standing', confirmed_at = now(), "
        "sealed_confirmation = 'x', confirmed_by = {by} WHERE id = :id"
    )
    for by, refusal in (
        ("proposed_by", "two_persons"),
        ("NULL", "match_person"),
        ("(SELECT id FROM persons WHERE agency_id <> owner_agency LIMIT 1)", "match_person"),
    ):
        values = {"id": UUID(match["own"]["pending"])}
        with pytest.raises(DBAPIError, match=refusal):
            async with database.session(world.agencies["WFP"]) as session:
                await session.execute(text(change.format(by=by)), values)
    with pytest.raises(DBAPIError, match="permission denied"):
        async with database.session(world.agencies["WFP"]) as session:
            await session.execute(text("UPDATE match_decisions SET decision = 'NOT_A_MATCH'"))
