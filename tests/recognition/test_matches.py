"""What agencies decided of potential matches, in clearances."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app.core.db import Database
from app.recognition.matches import joined
from app.sanctions.matches.found import Found
from tests.conftest import ApiFor, Settle
from tests.partners.factories import make_partner
from tests.sanctions.factories import impose
from tests.sanctions.matches.support import (
    URL,
    Rescreening,
    a_find,
    confirmed,
    detail_of,
    match_of,
    say,
)
from tests.support import Api, World, unique


@pytest.fixture(scope="session")
def rescreening(app: FastAPI, worker_database: Database) -> Rescreening:
    return Rescreening(app, worker_database)


async def cleared(api: Api, partner: str, **more: Any) -> dict[str, Any]:
    body = {"partner": {"id": partner}, "country": "KEN", "purpose": "PARTNER_SELECTION"}
    return await api.made("/v1/clearances", body | more)


def reason(answer: dict[str, Any], code: str) -> dict[str, Any] | None:
    """The detail of a reason for matches."""
    found = [one for one in answer["reasons"] if one["code"] == code]
    return found[0]["detail"] if found else None


async def put_setting(api: Api, agency: str, value: Any) -> None:
    url = f"/v1/agencies/{agency}/settings/accept_not_a_match"
    version = (await api.read(url))["version"]
    done = await api.put(url, json={"value": value}, headers={"If-Match": f'"v{version}"'})
    assert done.status_code == 200, done.text


def coined() -> str:
    """A word that is in no other name, nor near one."""
    return "".join(random.choices("bcdfghjklmnpqrstvwxz", k=9)).capitalize()


async def lone(api: Api, **more: Any) -> str:
    """A partner with whose name nothing listed is near."""
    name = " ".join(coined() for _ in range(3))
    return str((await make_partner(api, **({"legal_name": name, "aliases": []} | more)))["id"])


async def near(api_for: ApiFor, settle: Settle) -> tuple[str, Found]:
    """A partner with the very name of another one that is listed, and the pair of the two."""
    name = " ".join(coined() for _ in range(3))
    unicef = await api_for("UNICEF")
    other = (await make_partner(unicef, legal_name=name, aliases=[], country="UG"))["id"]
    entry = await impose(api_for, other)
    await settle()
    partner = (await make_partner(unicef, legal_name=name, aliases=[]))["id"]
    return partner, a_find(
        partner, entry_id=UUID(entry["entry_id"]), source="agency", reference="UNDP-1"
    )


async def test_who_decided_is_referred_no_more_and_sees_its_decision(
    api_for: ApiFor, rescreening: Rescreening, settle: Settle
) -> None:
    wfp, fao = await api_for("WFP"), await api_for("FAO")
    partner, found = await near(api_for, settle)
    before = await cleared(wfp, partner)
    [hit] = before["potential_matches"]
    assert (reason(before, "POTENTIAL_MATCH_OPEN") or {})["count"] == 1
    assert (hit["decision"], hit["match_id"]) == (None, None), "no work item yet"
    await rescreening.subject(partner, found)
    match = await match_of(wfp, partner)
    assert reason(await cleared(wfp, partner), "POTENTIAL_MATCH_OPEN")
    await say(wfp, match)
    after = await cleared(wfp, partner)
    assert reason(after, "POTENTIAL_MATCH_OPEN") is None
    [hit] = after["potential_matches"]
    decided = hit["decision"]
    assert (decided["decision"], decided["by"], decided["agency"]) == ("NOT_A_MATCH", "own", "WFP")
    # Another agency takes it over only as it says itself.
    assert reason(await cleared(fao, partner), "POTENTIAL_MATCH_OPEN")
    for value, by in ((["WFP"], "policy"), (["UNDP"], None), ("all", "policy"), ("none", None)):
        await put_setting(fao, "FAO", value)
        answer = await cleared(fao, partner)
        [hit] = answer["potential_matches"]
        assert (hit["decision"] or {"by": None})["by"] == by
        assert (reason(answer, "POTENTIAL_MATCH_OPEN") is None) == (by is not None)
        assert (await match_of(fao, partner))["own"]["by"] == by


async def test_a_decision_counts_for_the_names_it_was_made_about(
    api_for: ApiFor, rescreening: Rescreening, settle: Settle
) -> None:
    wfp, unicef = await api_for("WFP"), await api_for("UNICEF")
    partner, found = await near(api_for, settle)
    await rescreening.subject(partner, found)
    await say(wfp, await match_of(wfp, partner))
    profile = await unicef.get(f"/v1/partners/{partner}")
    changed = await unicef.patch(
        f"/v1/partners/{partner}",
        json={"aliases": [unique("Another alias")]},
        headers={"If-Match": profile.headers["ETag"]},
    )
    assert changed.status_code == 200, changed.text
    # Not looked at again yet: the decision is about other names.
    assert reason(await cleared(wfp, partner), "POTENTIAL_MATCH_OPEN")
    await rescreening.subject(partner, found)
    assert reason(await cleared(wfp, partner), "POTENTIAL_MATCH_OPEN") is None
    other = replace(found, subject_hash=b"t" * 32)
    await rescreening.subject(partner, other)
    assert reason(await cleared(wfp, partner), "POTENTIAL_MATCH_OPEN")


async def test_only_what_persons_confirmed_blocks(
    api_for: ApiFor, rescreening: Rescreening
) -> None:
    wfp, fao = await api_for("WFP"), await api_for("FAO")
    partner = await lone(wfp)
    found = a_find(partner)
    await rescreening.subject(partner, found)
    match = await match_of(wfp, partner)
    assert (await cleared(fao, partner))["outcome"] == "REFER", "open, though nothing is near now"
    proposed = await say(wfp, match, "TRUE_MATCH")
    assert reason(await cleared(wfp, partner), "SANCTIONED_EXTERNAL") is None
    body = {"proposal_id": proposed["own"]["pending"], "decision": "confirm", "reason": "Yes."}
    await (await api_for("WFP_REVIEWER")).made(f"{URL}/{match['id']}/confirmation", body)
    for api in (wfp, fao):
        answer = await cleared(api, partner)
        detail = reason(answer, "SANCTIONED_EXTERNAL")
        assert detail is not None
        assert (answer["outcome"], detail["alone"], detail["by"]) == ("BLOCKED", "BLOCKED", "WFP")
        assert reason(answer, "POTENTIAL_MATCH_OPEN") is None
    # Whoever finds otherwise for itself is still told.
    await say(fao, await match_of(fao, partner))
    assert (await cleared(fao, partner))["outcome"] == "BLOCKED"
    await rescreening.entry(found.entry_id)
    assert reason(await cleared(wfp, partner), "SANCTIONED_EXTERNAL") is None


async def test_an_open_item_of_a_person_names_nobody(
    api_for: ApiFor, rescreening: Rescreening
) -> None:
    wfp = await api_for("WFP")
    partner = await lone(wfp)
    person = str(uuid4())
    found = a_find(partner, person=person)
    await rescreening.subject(partner, found, person=person)
    answer = await cleared(wfp, partner)
    assert (reason(answer, "POTENTIAL_MATCH_OPEN") or {})["people"] == 1
    [hit] = answer["potential_matches"]
    assert (hit["subject"], hit["entry_id"], hit["reference"]) == ("person", None, None)
    assert person not in str(answer)
    assert found.reference not in str(answer)
    await say(wfp, await match_of(wfp, partner))
    assert (await cleared(wfp, partner))["potential_matches"] == []


async def test_an_own_list_counts_while_it_is_on(
    api_for: ApiFor, rescreening: Rescreening, world: World
) -> None:
    wfp, fao = await api_for("WFP"), await api_for("FAO")
    partner = await lone(wfp)
    find = a_find(partner, source="eu_fsf", holder=world.agencies["WFP"])
    await rescreening.subject(partner, find)
    await confirmed(wfp, await api_for("WFP_REVIEWER"), await match_of(wfp, partner))
    for api in (wfp, fao):  # WFP has it not switched on any more
        assert reason(await cleared(api, partner), "SANCTIONED_EXTERNAL") is None


async def test_items_of_the_headquarters_pass_down(
    api_for: ApiFor, rescreening: Rescreening
) -> None:
    wfp = await api_for("WFP")
    above = await lone(wfp, partner_type="NGO_INTL", country="NOR")
    below = await lone(wfp, partner_type="NGO_INTL", hq_id=above)
    await rescreening.subject(above, a_find(above))
    [hit] = (await cleared(wfp, below))["potential_matches"]
    assert hit["inherited"] is True


async def test_an_emergency_brings_the_deadline_forward(
    api_for: ApiFor, rescreening: Rescreening, settle: Settle
) -> None:
    wfp = await api_for("WFP")
    partner = await lone(wfp)
    await rescreening.subject(partner, a_find(partner))
    await cleared(wfp, partner)
    await settle()
    assert (await match_of(wfp, partner))["emergency"] is False
    await cleared(wfp, partner, context="emergency")
    await settle()
    match = await match_of(wfp, partner)
    assert match["emergency"] is True
    assert match["due_at"] < (await detail_of(wfp, match))["opened_at"].replace("2026", "2027")
    async with rescreening.worker.session() as session:
        hours = await session.scalar(
            text("SELECT extract(epoch FROM due_at - now()) / 3600 FROM screening_matches "
                 "WHERE id = :id"), {"id": UUID(match["id"])})  # fmt: skip
    assert 47 < hours <= 48


def item(**more: Any) -> dict[str, Any]:
    return {
        "match_id": "m",
        "entry_id": "e",
        "source": "unsc",
        "reference": "r",
        "score": 0.9,
        "person": False,
        "own_list": False,
        "inherited": False,
        "fresh": True,
        "accepts": None,
        "words": None,
    } | more


def word(decision: str = "NOT_A_MATCH", agency: str = "WFP", **more: Any) -> dict[str, Any]:
    about = {"agency": agency, "decision": decision, "accepted": False, "on": "2026-11-23"}
    return about | more


@pytest.mark.parametrize(
    ("items", "decision"),
    [
        ([], None),
        ([item()], None),
        ([item(words=[word()])], ("NOT_A_MATCH", "own")),
        ([item(words=[word()], fresh=False)], None),
        ([item(words=[word("TRUE_MATCH", "FAO")], fresh=False)], ("TRUE_MATCH", "other")),
        ([item(words=[word(), word("TRUE_MATCH", "FAO")])], ("TRUE_MATCH", "other")),
        ([item(words=[word(agency="FAO")])], None),
        ([item(words=[word(agency="FAO")], accepts="all")], ("NOT_A_MATCH", "policy")),
        # What somebody only took over is nobody's to take over again.
        ([item(words=[word(agency="FAO", accepted=True)], accepts="all")], None),
        ([item(words=[word(accepted=True)])], ("NOT_A_MATCH", "accepted")),
        # Profiles that are one partner: every one of their items must be cleared.
        ([item(words=[word()]), item()], None),
        ([item(words=[word()], own_list=True)], None),
        ([item(words=[word()], own_list=True, source="eu_fsf")], ("NOT_A_MATCH", "own")),
    ],
)
def test_what_counts_of_words(items: list[Any], decision: Any) -> None:
    hit = {"entry_id": "e", "source": "unsc", "reference": "r", "score": 0.9}
    [shown] = joined([hit], items, "WFP", {"eu_fsf"})
    found = shown["decision"]
    assert (found and (found["decision"], found["by"])) == decision
