"""Transfer restrictions: who sets and reads them, until when, and that nobody else knows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from app.core.db import BINDING, Binding, Database, touched
from app.sanctions.transfer_restrictions.models import SINGLE_PERSON_DAYS
from app.sanctions.transfer_restrictions.rules import RULES
from app.sanctions.transfer_restrictions.upkeep import announce
from tests.audit.support import add_officer, events_of
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.partners.flags.support import partner_api
from tests.sanctions.cases.support import code, day, version
from tests.sanctions.transfer_restrictions.support import (
    PURPOSE,
    STATEMENT,
    URL,
    body,
    close_offices,
    government,
    offices,
    open_head_office,
    open_office,
    set_on,
)
from tests.support import World

LONG = {"ends_on": day(200)}
WRONG: tuple[tuple[dict[str, Any], str], ...] = (
    ({"suspended": []}, "/suspended"),
    ({"suspended": ["barter"]}, "/suspended/0"),
    ({"suspended": ["direct_payment"]}, ""),
    ({"reason": "gossip"}, "/reason"),
    ({"reason": None}, "/reason"),
    ({"statement": ""}, "/statement"),
    ({"statement": "x" * 4001}, "/statement"),
    ({"statement": "a\x00b"}, "/statement"),
    ({"country": "XX"}, "/country"),
    ({"ends_on": "2026-13-01"}, "/ends_on"),
    ({"ends_on": "9999-12-31"}, "/ends_on"),
    ({"state": "set"}, ""),
    ({"owner_agency": "WFP"}, ""),
)


@pytest.fixture
async def engaged(operator_database: Database, world: World) -> AsyncIterator[None]:
    """UNICEF and WFP are in Kenya, FAO looks at it from a region, the others are not there."""
    before = await offices(operator_database)
    for agency, kind in (("WFP", "country"), ("FAO", "region")):
        await open_head_office(operator_database, world, agency)
        await open_office(operator_database, world, agency, "KEN", kind)
    yield
    await close_offices(operator_database, before)


def test_the_rules_and_the_table_say_the_same() -> None:
    assert RULES.single_person_days == SINGLE_PERSON_DAYS
    assert not RULES.confirmed


@pytest.mark.parametrize(("wrong", "pointer"), WRONG)
async def test_bad_input_is_refused(api_for: ApiFor, wrong: dict[str, Any], pointer: str) -> None:
    unicef = await api_for("UNICEF")
    refused = await unicef.post(URL, json=body(str(uuid4())) | wrong)
    assert refused.status_code == 422, refused.text
    if pointer:
        assert refused.json()["errors"][0]["pointer"] == pointer


async def test_only_a_public_authority_bears_one(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    ngo = (await make_partner(unicef))["id"]
    assert code(await unicef.post(URL, json=body(ngo))) == (422, "not_a_public_authority")
    tagged = await government(
        unicef, partner_type="NGO_NATIONAL", tags=["EXERCISES_PUBLIC_FUNCTIONS"]
    )
    assert (await set_on(unicef, tagged))["exercises_public_functions"] is True
    ministry = await set_on(unicef, await government(unicef))
    assert ministry["exercises_public_functions"] is False
    assert (ministry["status"], ministry["country"]) == ("ACTIVE", "KEN")


async def test_who_is_engaged_reads_it_for_a_purpose_and_nobody_else_knows(
    api_for: ApiFor, world: World, operator_database: Database, engaged: None
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = await government(unicef)
    made = await set_on(unicef, partner)
    url = f"{URL}/{made['id']}"
    assert code(await wfp.get(url)) == (422, "purpose_required")
    shown = await wfp.read(url, headers=PURPOSE)
    assert (shown["statement"], shown["allowed"]) == (STATEMENT, ["direct_payment"])
    assert code(await wfp.get(f"{URL}?partner_id={partner}")) == (422, "purpose_required")
    listed = await wfp.read(f"{URL}?partner_id={partner}", headers=PURPOSE)
    assert [item["id"] for item in listed["items"]] == [made["id"]]
    assert "statement" not in listed["items"][0]
    for name in ("UNHCR", "FAO", await _role(operator_database, world, "WFP", "PFP")):
        other = await api_for(name)
        absent = await other.get(f"{URL}/{uuid4()}", headers=PURPOSE)
        hidden = await other.get(url, headers=PURPOSE)
        assert hidden.status_code in (403, 404), name
        assert hidden.json()["code"] == absent.json()["code"]
        lists = await other.get(f"{URL}?partner_id={partner}", headers=PURPOSE)
        assert lists.status_code == 403 or lists.json()["items"] == [], name
    own = await partner_api(api_for, operator_database, world, partner)
    assert (await own.get(url, headers=PURPOSE)).status_code == 403
    assert (await own.get("/v1/self/statements")).text.count(made["id"]) == 0
    read = [row for row in await events_of(operator_database, made["id"]) if "read" in row.event]
    assert [(row.purpose, row.owner_agency) for row in read] == [
        ("CONTRACTING", world.agencies["UNICEF"])
    ] * 2
    told = (await unicef.read(f"{url}/disclosures"))["items"]
    assert {(item["agency"], item["reference"]) for item in told} == {("WFP", "WFP-KE-2026-17")}
    assert (await wfp.get(f"{url}/disclosures")).status_code == 404


async def _role(operator: Database, world: World, agency: str, *roles: str) -> str:
    return await add_officer(operator, world, agency, f"TR{''.join(roles)}", *roles)


async def test_the_resident_coordinators_office_reads_in_its_countries(
    api_for: ApiFor, world: World, operator_database: Database, engaged: None
) -> None:
    unicef = await api_for("UNICEF")
    kenya = await set_on(unicef, await government(unicef))
    chad = await set_on(unicef, await government(unicef, country="TCD"))
    name = await _role(operator_database, world, "UNHCR", "RCO")
    async with operator_database.session() as session:
        await session.execute(
            text("UPDATE clients SET countries = '{KEN}' WHERE id = :id"), {"id": name}
        )
    office = await api_for(name)
    shown = await office.read(f"{URL}/{kenya['id']}", headers=PURPOSE)
    assert shown["statement"] == STATEMENT
    assert (await office.get(f"{URL}/{chad['id']}", headers=PURPOSE)).status_code == 404
    listed = (await office.read(f"{URL}?limit=200", headers=PURPOSE))["items"]
    assert {item["country"] for item in listed} == {"KEN"}
    await unicef.post(f"{URL}/{kenya['id']}/lift", headers=version(1))
    assert (await office.get(f"{URL}/{kenya['id']}", headers=PURPOSE)).status_code == 404


async def test_a_long_one_and_one_that_follows_wait_for_a_second_person(
    api_for: ApiFor, engaged: None
) -> None:
    unicef, second = await api_for("UNICEF"), await api_for("UNICEF_REVIEWER")
    wfp = await api_for("WFP")
    partner = await government(unicef)
    for more in (LONG, {"ends_on": None}):
        made = await set_on(unicef, partner, **more)
        url = f"{URL}/{made['id']}"
        assert made["status"] == "PROPOSED"
        assert (await wfp.get(url, headers=PURPOSE)).status_code == 404
        said = {"decision": "approve"}
        alone = await unicef.post(f"{url}/decision", json=said, headers=version(1))
        assert code(alone) == (409, "same_person")
        assert (await second.post(f"{url}/decision", json=said)).status_code == 428
        done = await second.post(f"{url}/decision", json=said, headers=version(1))
        assert done.json()["status"] == "ACTIVE", done.text
        again = await second.post(f"{url}/decision", json=said, headers=version(2))
        assert code(again) == (409, "transfer_restriction_not_proposed")
        assert (await wfp.get(url, headers=PURPOSE)).status_code == 200
        assert (await unicef.post(f"{url}/lift", headers=version(2))).status_code == 200
    # One short period after another would be a long one by one person.
    first = await set_on(unicef, await government(unicef), ends_on=day(20))
    following = {"starts_on": day(21), "ends_on": day(60)}
    made = await set_on(unicef, first["partner_id"], **following)
    assert (first["status"], made["status"]) == ("ACTIVE", "PROPOSED")
    refuse = {"decision": "refuse"}
    refused = await second.post(f"{URL}/{made['id']}/decision", json=refuse, headers=version(1))
    assert refused.json()["status"] == "REFUSED"


async def test_raw_sql_needs_the_second_person_too(
    api_for: ApiFor, database: Database, world: World
) -> None:
    made = await set_on(await api_for("UNICEF"), await government(await api_for("UNICEF")), **LONG)
    persons = world.persons
    for by, person in (("NULL", None), ("set_by", None), (":person", persons["WFP"])):
        async with database.sessions() as session:
            session.sync_session.info[BINDING] = Binding(world.agencies["UNICEF"])
            with pytest.raises(Exception, match=r"transfer|restriction"):
                await session.execute(
                    text(
                        "UPDATE transfer_restrictions SET state = 'set', version = version + 1, "
                        f"decided_by = {by}, decided_at = CASE WHEN {by} IS NULL THEN NULL "
                        "ELSE now() END WHERE id = :id"
                    ),
                    {"id": UUID(made["id"])} | ({"person": person} if person else {}),
                )


async def test_it_ends_by_its_day_and_the_worker_says_so_once(
    api_for: ApiFor,
    world: World,
    operator_database: Database,
    worker_database: Database,
    engaged: None,
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    made = await set_on(unicef, await government(unicef))
    url = f"{URL}/{made['id']}"
    await _back(operator_database, made["id"], "starts_on = current_date - 60")
    await _back(operator_database, made["id"], "ends_on = current_date - 1")
    assert (await wfp.get(url, headers=PURPOSE)).status_code == 404
    assert (await unicef.read(url))["status"] == "EXPIRED"
    while await announce(worker_database):
        pass
    log = [row.event for row in await events_of(operator_database, made["id"])]
    assert log.count("sanction:transfer_restriction:end") == 1
    assert code(await unicef.post(f"{url}/review", json={})) == (409, "transfer_restriction_over")
    lifted = await unicef.post(f"{url}/lift", headers=version(1))
    assert code(lifted) == (409, "transfer_restriction_over")


async def _back(operator: Database, restriction: str, change: str) -> None:
    """What only time could change."""
    async with operator.session() as session:
        done = await session.execute(
            text(f"UPDATE transfer_restrictions SET {change} WHERE id = :id"),
            {"id": UUID(restriction)},
        )
        assert touched(done) == 1


async def test_a_review_that_is_overdue_is_told_and_ends_nothing(
    api_for: ApiFor, operator_database: Database, worker_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    made = await set_on(unicef, await government(unicef), ends_on=day(80))
    url = f"{URL}/{made['id']}"
    await unicef.post(f"{url}/review", json={})
    async with operator_database.session() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(
            text("UPDATE transfer_restrictions SET review_by = current_date - 1 WHERE id = :id"),
            {"id": UUID(made["id"])},
        )
    while await announce(worker_database):
        pass
    shown = await unicef.read(url)
    assert (shown["status"], shown["review_overdue"]) == ("ACTIVE", True)
    log = [row.event for row in await events_of(operator_database, made["id"])]
    assert log.count("sanction:transfer_restriction:overdue") == 1
    far = {"review_by": day(400)}
    assert code(await unicef.post(f"{url}/review", json=far)) == (
        422,
        "transfer_restriction_review",
    )
    reviewed = await unicef.post(f"{url}/review", json={"review_by": day(30)})
    assert reviewed.json()["review_overdue"] is False


async def test_of_two_that_set_one_at_once_one_wins(api_for: ApiFor) -> None:
    unicef, second = await api_for("UNICEF"), await api_for("UNICEF_REVIEWER")
    for _ in range(5):
        partner = await government(unicef)
        answers = await asyncio.gather(
            unicef.post(URL, json=body(partner)), second.post(URL, json=body(partner))
        )
        assert sorted(answer.status_code for answer in answers) == [201, 409]
        (lost,) = (answer for answer in answers if answer.status_code == 409)
        assert code(lost) == (409, "transfer_restriction_overlaps")
    lifting = (await unicef.read(f"{URL}?mine=true&partner_id={partner}"))["items"][0]
    url = f"{URL}/{lifting['id']}/lift"
    done = await asyncio.gather(*(api.post(url, headers=version(1)) for api in (unicef, second)))
    assert sorted(answer.status_code for answer in done) == [200, 412]
    assert (await unicef.post(URL, json=body(partner))).status_code == 201, "the day is free again"


async def test_nothing_of_it_is_on_a_list_or_a_flag(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    partner = await government(unicef)
    before = await unicef.read(f"/v1/partners/{partner}/standing")
    await set_on(unicef, partner)
    assert await unicef.read(f"/v1/partners/{partner}/standing") == before
    listed = await unicef.read(f"/v1/sanctions/entries?partner_id={partner}")
    assert listed["items"] == []


async def test_a_statement_is_redacted_by_two_persons(
    api_for: ApiFor, operator_database: Database, engaged: None
) -> None:
    unicef, second = await api_for("UNICEF"), await api_for("UNICEF_REVIEWER")
    wfp = await api_for("WFP")
    for decision, status in (("undo", 200), ("confirm", 410)):
        made = await set_on(unicef, await government(unicef))
        url = f"{URL}/{made['id']}"
        await wfp.read(url, headers=PURPOSE)
        hidden = await unicef.made(f"{url}/redaction", {"reason": "Canary: names a person."})
        assert [item["agency"] for item in hidden["readers"]] == ["WFP"]
        gone = await wfp.get(url, headers=PURPOSE)
        assert gone.status_code == (await unicef.get(url)).status_code == 410
        listed = await unicef.read(f"{URL}?mine=true&partner_id={made['partner_id']}")
        assert listed["items"][0]["redacted"] is True
        said = {"decision": decision, "reason": "Canary: seen."}
        await second.made(f"{url}/redaction/decision", said, headers=version(1))
        assert (await wfp.get(url, headers=PURPOSE)).status_code == status
        async with operator_database.session() as session:
            left = await session.scalar(
                text(
                    "SELECT length(sealed) + coalesce(length(sealed_hidden), 0) "
                    "FROM transfer_restrictions WHERE id = :id"
                ),
                {"id": UUID(made["id"])},
            )
        assert (left == 0) == (decision == "confirm")


async def test_scopes_and_roles(api_for: ApiFor, world: World, operator_database: Database) -> None:
    unicef = await api_for("UNICEF")
    partner = await government(unicef)
    reader = await api_for("UNICEF", "transfers:read", "partners:read")
    assert code(await reader.post(URL, json=body(partner))) == (403, "scope_missing")
    for role, expected in (("HFP", 201), ("CO", 403), ("OVS", 403), ("RCO", 403)):
        api = await api_for(await _role(operator_database, world, "UNICEF", role))
        answer = await api.post(URL, json=body(partner))
        assert answer.status_code == expected, (role, answer.text)
    wfp = await api_for("WFP")
    made = (await unicef.read(f"{URL}?mine=true&partner_id={partner}"))["items"][0]
    for step in ("review", "lift", "decision"):
        sent: dict[str, str] | None = {"decision": "approve"} if step == "decision" else {}
        if step == "lift":
            sent = None
        answer = await wfp.post(f"{URL}/{made['id']}/{step}", json=sent, headers=version(1))
        assert answer.status_code == 404, (step, answer.text)
    assert datetime.now(UTC).date().isoformat() == made["starts_on"]
