"""Observations and flags: who moves them how, and what they do."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from app.core.db import Database
from app.partners import restraints
from app.partners.flags.codes import CODES, RISK_CATEGORIES
from app.partners.flags.counts import counts
from app.partners.flags.upkeep import lapse_flags
from app.partners.restraints import Reason, Source
from tests.audit.support import add_officer, events_of
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.partners.flags.support import (
    COMMENT,
    PURPOSE,
    age,
    decide,
    escalate,
    flag_body,
    hq,
    locked,
    make_flag,
    make_red,
    partner_api,
    url_of,
)
from tests.support import Api, World

BAD = (
    ({"text": "He is said to be a crook."}, "/text"),
    ({"factual_basis": {"kind": "rumour", "on": "2026-03-01", "description": "x" * 30}}, "/f"),
    ({"factual_basis": {"kind": "report", "on": "2199-03-01", "description": "x" * 30}}, "/f"),
    ({"factual_basis": {"kind": "report", "on": "2026-03-01", "description": "hearsay"}}, "/f"),
    ({"category": "SANCTIONS_MATCH"}, "/category"),
    ({"category": "C90"}, "/category"),
    ({"risk_category": "WEATHER"}, "/risk_category"),
    ({"kind": "ESCALATED"}, "/kind"),
    ({"contact_email": "nobody"}, "/contact_email"),
    ({"state": "escalated"}, ""),
)


def test_the_code_lists_are_those_of_the_field() -> None:
    assert len(CODES.given_categories) == 7
    assert len(RISK_CATEGORIES) == 13
    assert "SANCTIONS_MATCH" not in CODES.given_categories
    assert not CODES.confirmed


@pytest.mark.parametrize(("wrong", "pointer"), BAD)
async def test_a_flag_without_facts_or_of_an_unknown_kind_is_refused(
    api_for: ApiFor, wrong: dict[str, Any], pointer: str
) -> None:
    api = await api_for("UNICEF")
    partner = (await make_partner(api))["id"]
    refused = await api.post(f"/v1/partners/{partner}/flags", json=flag_body(**wrong))
    assert refused.status_code == 422, refused.text
    assert refused.json()["errors"][0]["pointer"].startswith(pointer)
    assert (await api.read(f"/v1/partners/{partner}/flags"))["items"] == []


async def test_others_see_that_there_is_a_flag_and_read_it_for_a_purpose_only(
    api_for: ApiFor, operator_database: Database
) -> None:
    owner, other = await api_for("UNICEF"), await api_for("WFP")
    partner = (await make_partner(owner))["id"]
    flag = await make_flag(owner, partner)
    assert (flag["state"], flag["owner_agency"], flag["office"]) == ("open", "UNICEF", "HQ")
    listed = await other.get(f"/v1/partners/{partner}/flags")
    assert [item["id"] for item in listed.json()["items"]] == [flag["id"]]
    assert "Canary" not in listed.text
    url = f"{url_of(flag)}/text"
    assert (await other.get(url)).json()["code"] == "purpose_required"
    read = await other.read(url, headers=PURPOSE)
    assert read["text"].startswith("Canary")
    assert read["factual_basis"]["kind"] == "report"
    log = [row for row in await events_of(operator_database, flag["id"]) if "read" in row.event]
    assert [(row.purpose, row.client_id) for row in log] == [("PARTNER_SELECTION", "WFP")]
    assert (await owner.read(url))["steps"][0]["action"] == "made"


async def test_roles_without_the_right_and_other_countries_do_not_read(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    owner = await api_for("UNICEF")
    flag = await make_flag(owner, (await make_partner(owner))["id"])
    for role, status in (("PO", 403), ("CO", 404), ("SAO", 200)):
        name = await add_officer(operator_database, world, "WFP", f"F{role}", role)
        answer = await (await api_for(name)).get(f"{url_of(flag)}/text", headers=PURPOSE)
        assert answer.status_code == status, (role, answer.text)


async def test_red_is_for_the_headquarters_unit_on_every_path(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    """The portal asked for the permission on an update only: a POST locked the partner."""
    owner = await api_for("UNICEF")
    partner = (await make_partner(owner))["id"]
    url = f"/v1/partners/{partner}/flags"
    assert (await owner.post(url, json=flag_body(kind="RED"))).json()["code"] == "role_required"
    officer = await api_for(await add_officer(operator_database, world, "UNICEF", "FCO", "CO"))
    answer = await officer.post(url, json=flag_body(kind="RED"))
    assert answer.json()["code"] == "scope_missing"
    few = await api_for("UNICEF", "flags:write", "partners:read")
    assert (await few.post(url, json=flag_body(kind="RED"))).status_code == 403
    assert not await locked(operator_database, partner)
    head = await hq(api_for, operator_database, world)
    red = await make_red(head, partner)
    assert (red["kind"], red["state"]) == ("RED", "confirmed")
    assert await locked(operator_database, partner)


async def test_a_confirmed_escalation_locks_for_six_months_and_a_deferred_one_stays_yellow(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    owner = await api_for("UNICEF")
    head = await hq(api_for, operator_database, world)
    for decision in ("confirm", "defer"):
        partner = (await make_partner(owner))["id"]
        flag = await escalate(owner, await make_flag(owner, partner))
        assert flag["state"] == "escalated"
        assert not await locked(operator_database, partner)
        decided = (await decide(head, flag, decision)).json()
        assert await locked(operator_database, partner) == (decision == "confirm")
        again = await owner.post(f"{url_of(flag)}/escalation", json=COMMENT)
        assert again.json()["code"] == "flag_escalated_once"
        if decision == "confirm":
            days = datetime.fromisoformat(decided["until"]) - datetime.now(UTC)
            assert decided["kind"] == "RED"
            assert timedelta(180) < days < timedelta(185)
        else:
            assert (decided["kind"], decided["state"]) == ("YELLOW", "deferred")


async def test_who_wrote_or_escalated_does_not_decide(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    head = await hq(api_for, operator_database, world)
    owner = await api_for("UNICEF")
    partner = (await make_partner(owner))["id"]
    mine = await escalate(owner, await make_flag(head, partner))
    assert (await decide(head, mine, "confirm")).json()["code"] == "same_person"
    sent = await escalate(head, await make_flag(owner, partner))
    assert (await decide(head, sent, "confirm")).json()["code"] == "same_person"
    assert (await decide(owner, sent, "confirm")).json()["code"] == "role_required"
    second = await hq(api_for, operator_database, world, "IPUB")
    assert (await decide(second, sent | {"version": 1}, "confirm")).status_code == 412
    assert (await decide(second, sent, "confirm")).status_code == 200


async def test_a_flag_outlives_its_author_and_stays_with_the_office(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    """The portal let the author alone go on: a flag of a person who left stood for ever."""
    owner = await api_for("UNICEF")
    flag = await make_flag(owner, (await make_partner(owner))["id"])
    elsewhere = await api_for(await add_officer(operator_database, world, "UNICEF", "AWAY", "CO"))
    async with operator_database.connection() as connection:
        await connection.execute(
            "UPDATE persons SET office = 'Goma' WHERE id = $1", world.persons["UNICEF_AWAY"]
        )
    refused = await elsewhere.post(f"{url_of(flag)}/escalation", json=COMMENT)
    assert refused.json()["code"] == "office_required"
    colleague = await api_for("UNICEF_APPROVER")
    assert (await escalate(colleague, flag))["state"] == "escalated"
    assert (await (await api_for("WFP")).post(f"{url_of(flag)}/escalation", json=COMMENT)).json()[
        "code"
    ] == "flag_not_found"


async def test_an_invalid_flag_is_hidden_from_others_at_once_and_counted_by_nobody(
    api_for: ApiFor, world: World, database: Database
) -> None:
    """The portal's number of invalid flags was the number of the valid ones."""
    owner, other = await api_for("UNICEF"), await api_for("WFP")
    partner = (await make_partner(owner))["id"]
    flags = [await make_flag(owner, partner) for _ in range(3)]
    await make_flag(owner, partner, kind="OBSERVATION")
    await escalate(owner, flags[0])
    url = url_of(flags[2])
    empty = await owner.post(f"{url}/invalidation", json={"comment": ""})
    assert empty.status_code == 422
    done = await owner.post(f"{url}/invalidation", json=COMMENT)
    assert done.json()["state"] == "invalid"
    assert (await other.get(url)).status_code == 404
    assert (await other.get(f"{url}/text", headers=PURPOSE)).status_code == 404
    assert len((await other.read(f"/v1/partners/{partner}/flags"))["items"]) == 3
    kept = await owner.read(f"{url}/text")
    assert [step["action"] for step in kept["steps"]] == ["made", "invalidated"]
    for name in ("UNICEF", "WFP"):
        agency = world.agencies[name]
        async with database.session(agency) as session:
            found = await counts(session, UUID(partner), agency)
        own = found.own
        assert (own.observation, own.yellow, own.yellow_escalated, own.red) == (1, 1, 1, 0)
        assert found.mine == (3 if name == "UNICEF" else 0)
    assert (await owner.post(f"{url}/review", json=REVIEW)).json()["code"] == "flag_state"


REVIEW = {"review_by": "2027-11-01"} | COMMENT


async def test_the_end_of_one_flag_lifts_its_own_restraint_alone(
    api_for: ApiFor, world: World, operator_database: Database, worker_database: Database
) -> None:
    """In the portal a false match unlocked a partner whatever else had locked it."""
    head = await hq(api_for, operator_database, world)
    partner = (await make_partner(head))["id"]
    first, second = await make_red(head, partner), await make_red(head, partner)
    match = Source("match", UUID(first["id"]))
    async with worker_database.session() as session:
        await restraints.put(session, UUID(partner), Reason.CONFIRMED_MATCH, match, by=None)
    assert (await head.post(f"{url_of(first)}/invalidation", json=COMMENT)).status_code == 200
    assert await locked(operator_database, partner)
    async with worker_database.session() as session:
        assert await restraints.lift(session, match) == 1
    assert await locked(operator_database, partner), "the second flag still holds"
    assert (await head.post(f"{url_of(second)}/invalidation", json=COMMENT)).status_code == 200
    assert not await locked(operator_database, partner)


async def test_a_red_flag_lapses_and_is_renewed_once_by_another(
    api_for: ApiFor, world: World, operator_database: Database, worker_database: Database
) -> None:
    head = await hq(api_for, operator_database, world)
    second = await hq(api_for, operator_database, world, "IPUB")
    partner = (await make_partner(head))["id"]
    red = await make_red(head, partner)
    renewal = f"{url_of(red)}/renewal"
    assert (await head.post(renewal, json=COMMENT)).json()["code"] == "same_person"
    await age(operator_database, red["id"], 100)
    renewed = (await second.post(renewal, json=COMMENT)).json()
    assert datetime.fromisoformat(renewed["until"]) > datetime.now(UTC) + timedelta(180)
    assert (await second.post(renewal, json=COMMENT)).json()["code"] == "flag_renewed_once"
    await age(operator_database, red["id"], 100)
    assert await lapse_flags(worker_database) == 0
    assert await locked(operator_database, partner)
    await age(operator_database, red["id"], 100)
    assert not await locked(operator_database, partner), "over at its time, worker or not"
    assert (await head.read(url_of(red)))["state"] == "lapsed"
    assert await lapse_flags(worker_database) >= 1
    assert await lapse_flags(worker_database) == 0
    log = [row.event for row in await events_of(operator_database, red["id"])]
    assert log.count("partner:flag:lapse") == 1
    assert (await second.post(renewal, json=COMMENT)).json()["code"] == "flag_state"


@pytest.mark.parametrize("kind", ["GOV_NATIONAL", "GOV_LOCAL", "UN_ENTITY"])
async def test_no_government_or_un_entity_gets_a_red_flag(
    api_for: ApiFor, world: World, operator_database: Database, kind: str
) -> None:
    owner = await api_for("UNICEF")
    head = await hq(api_for, operator_database, world)
    partner = (await make_partner(owner, partner_type=kind))["id"]
    refused = await head.post(f"/v1/partners/{partner}/flags", json=flag_body(kind="RED"))
    assert (refused.status_code, refused.json()["code"]) == (422, "government_entity")
    assert "transfer restriction" in refused.json()["title"]
    flag = await escalate(owner, await make_flag(owner, partner))
    assert (await decide(head, flag, "confirm")).json()["code"] == "government_entity"
    assert (await decide(head, flag, "defer")).status_code == 200


async def test_flags_pass_down_from_headquarters_and_never_up(
    api_for: ApiFor, world: World, operator_database: Database, database: Database
) -> None:
    head = await hq(api_for, operator_database, world)
    top = (await make_partner(head, partner_type="NGO_INTL"))["id"]
    country = (await make_partner(head, partner_type="NGO_INTL", hq_id=top, country="UGA"))["id"]
    below = await make_red(head, country)
    assert not await locked(operator_database, top)
    assert (await head.post(f"{url_of(below)}/invalidation", json=COMMENT)).status_code == 200
    above = await make_red(head, top)
    assert await locked(operator_database, top)
    assert await locked(operator_database, country)
    listed = (await head.read(f"/v1/partners/{country}/flags?state=confirmed"))["items"]
    assert [(item["id"], item["inherited_from"]) for item in listed] == [(above["id"], top)]
    agency = world.agencies["UNICEF"]
    async with database.session(agency) as session:
        found = await counts(session, UUID(country), agency)
    assert (found.own.red, found.inherited.red) == (0, 1)
    upward = f"/v1/partners/{top}/flags/{below['id']}"
    assert (await head.get(upward)).status_code == 404


async def test_the_partner_is_told_and_reads_the_text_of_red_and_what_its_owner_shows(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    head = await hq(api_for, operator_database, world)
    partner = (await make_partner(head))["id"]
    yellow, shown = await make_flag(head, partner), await make_flag(head, partner)
    await head.post(f"{url_of(shown)}/review", json=REVIEW | {"partner_visible": True})
    red, gone = await make_red(head, partner), await make_flag(head, partner)
    await head.post(f"{url_of(gone)}/invalidation", json=COMMENT)
    own = await partner_api(api_for, operator_database, world, partner)
    told = {item["id"]: item for item in (await own.read("/v1/self/flags"))["items"]}
    assert set(told) == {yellow["id"], shown["id"], red["id"]}
    assert [bool(told[one["id"]]["text"]) for one in (yellow, shown, red)] == [False, True, True]
    assert told[red["id"]]["agency"] == "UNICEF"
    stranger = (await make_partner(head))["id"]
    other = await partner_api(api_for, operator_database, world, stranger)
    assert (await other.read("/v1/self/flags"))["items"] == []
    assert (await head.get("/v1/self/flags")).status_code == 403


async def test_oversight_keeps_a_flag_from_its_partner_from_the_first_instant(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    owner = await api_for("UNICEF")
    partner = (await make_partner(owner))["id"]
    until = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    withhold = {"withhold": {"until": until, "reason": "Canary: under investigation."}}
    url = f"/v1/partners/{partner}/flags"
    refused = await owner.post(url, json=flag_body(**withhold))
    assert refused.json()["code"] == "role_required"
    oversight = await api_for(await add_officer(operator_database, world, "UNICEF", "OVSF", "OVS"))
    kept = await make_flag(oversight, partner, **withhold)
    later = await make_flag(owner, partner)
    own = await partner_api(api_for, operator_database, world, partner)
    assert [item["id"] for item in (await own.read("/v1/self/flags"))["items"]] == [later["id"]]
    mark = {"subject_kind": "flag", "subject_id": later["id"], "until": until, "reason": "Canary."}
    made = await oversight.made("/v1/withholdings", mark)
    assert (await own.read("/v1/self/flags"))["items"] == []
    objection = {
        "subject_kind": "flag",
        "subject_id": kept["id"],
        "reason": "This is not true at all; see the letter.",
    }
    answer = await own.post("/v1/self/objections", json=objection)
    assert answer.json()["code"] == "statement_not_found"
    await oversight.delete(f"/v1/withholdings/{made['id']}")
    assert len((await own.read("/v1/self/flags"))["items"]) == 1
    assert len((await (await api_for("WFP")).read(url))["items"]) == 2, "agencies see both"


async def test_the_event_tells_who_works_with_the_partner_and_none_of_the_text(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    """The portal told the flag's own agency alone."""
    owner, user = await api_for("UNICEF"), await api_for("WFP")
    vendor = {"scheme": "AGENCY_VENDOR", "value": "V-1", "country": "KEN"}
    partner = (await make_partner(user, identifiers=[vendor]))["id"]
    flag = await make_flag(owner, partner)
    async with operator_database.connection() as connection:
        row = await connection.fetchrow(
            "SELECT type, data::text AS data FROM outbox WHERE subject_id = $1", UUID(flag["id"])
        )
    assert row["type"] == "partner.flagged"
    assert str(world.agencies["WFP"]) in row["data"]
    assert partner in row["data"]
    assert "Canary" not in row["data"]


async def test_pages_of_flags(api_for: ApiFor) -> None:
    owner = await api_for("UNICEF")
    partner = (await make_partner(owner))["id"]
    made = [(await make_flag(owner, partner))["id"] for _ in range(3)]
    url, seen = f"/v1/partners/{partner}/flags?limit=2", []
    page = await owner.read(url)
    seen += [item["id"] for item in page["items"]]
    page = await owner.read(f"{url}&cursor={page['next_cursor']}")
    seen += [item["id"] for item in page["items"]]
    assert seen == made[::-1]
    assert page["next_cursor"] is None


async def test_of_two_decisions_at_once_one_wins(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    owner = await api_for("UNICEF")
    heads = [await hq(api_for, operator_database, world, name) for name in ("IPUA", "IPUB")]
    partner = (await make_partner(owner))["id"]
    flag = await escalate(owner, await make_flag(owner, partner))
    done = await asyncio.gather(decide(heads[0], flag, "confirm"), decide(heads[1], flag, "defer"))
    assert sorted(answer.status_code for answer in done) == [200, 412]
    won = next(answer.json() for answer in done if answer.status_code == 200)
    assert await locked(operator_database, partner) == (won["kind"] == "RED")


async def test_a_hidden_profile_has_no_flags(
    api_for: ApiFor, operator_database: Database, world: World
) -> None:
    owner = await api_for("UNICEF")
    partner = (await make_partner(owner))["id"]
    flag = await make_flag(owner, partner)
    async with operator_database.connection() as connection:
        await connection.execute(
            "UPDATE partners SET protected = true, version = version + 1 WHERE id = $1",
            UUID(partner),
        )
    other: Api = await api_for("WFP", "partners:read", "flags:read", "flags:write")
    for url in (f"/v1/partners/{partner}/flags", url_of(flag)):
        assert (await other.get(url)).json()["code"] == "partner_not_found"
    posted = await other.post(f"/v1/partners/{partner}/flags", json=flag_body())
    assert posted.json()["code"] == "partner_not_found"
