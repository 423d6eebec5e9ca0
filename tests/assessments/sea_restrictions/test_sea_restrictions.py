"""SEA restriction markers: who sets and lifts them, who reads them, and that they say nothing."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.assessments.sea_restrictions.rules import RULES
from app.assessments.sea_restrictions.service import sea_restrictions_of
from app.assessments.sea_restrictions.upkeep import remind
from app.core.db import BINDING, Binding, Database, touched
from tests.assessments.plans.support import day
from tests.assessments.sea_restrictions.support import (
    PURPOSE,
    URL,
    oversight,
    restriction_body,
    set_on,
)
from tests.audit.support import add_officer, events_of
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.partners.flags.support import partner_api
from tests.support import Api, World

V1 = {"If-Match": '"v1"'}
STORIES = (
    ({"reason": "x"}, ""),
    ({"note": "x"}, ""),
    ({"allegation": "x"}, ""),
    ({"contact_office": "x" * 81}, "/contact_office"),
    ({"contact_office": "Audit office\nThe allegation is"}, "/contact_office"),
    ({"contact_office": "Audit office\tThe allegation is"}, "/contact_office"),
    ({"contact_office": ""}, "/contact_office"),
    ({"contact_office": ["Audit"]}, "/contact_office"),
    ({"contact_email": "not an address, but a story"}, "/contact_email"),
    ({"contact_email": None}, "/contact_email"),
    ({"review_by": "2026-13-01"}, "/review_by"),
)


async def _office(api_for: ApiFor, operator: Database, world: World) -> tuple[Api, str]:
    partner = (await make_partner(await api_for("UNICEF")))["id"]
    return await oversight(api_for, operator, world), partner


@pytest.mark.parametrize(("wrong", "pointer"), STORIES)
async def test_no_field_takes_a_story(
    api_for: ApiFor,
    world: World,
    operator_database: Database,
    wrong: dict[str, Any],
    pointer: str,
) -> None:
    office, partner = await _office(api_for, operator_database, world)
    refused = await office.post(URL, json=restriction_body(partner) | wrong)
    assert refused.status_code == 422, refused.text
    assert refused.json()["errors"][0]["pointer"] == pointer
    assert (await office.read(f"{URL}?mine=true&partner_id={partner}"))["items"] == []


async def test_no_step_takes_a_text_and_no_column_could_hold_one(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    office, partner = await _office(api_for, operator_database, world)
    made = await set_on(office, partner)
    told = await office.post(f"{URL}/{made['id']}/review", json={"comment": "x"})
    assert told.status_code == 422
    async with operator_database.session() as session:
        rows = await session.execute(
            text(
                "SELECT attname FROM pg_attribute WHERE attrelid = 'sea_restrictions'::regclass "
                "AND attnum > 0 AND NOT attisdropped "
                "AND atttypid IN ('text'::regtype, 'bytea'::regtype, 'jsonb'::regtype)"
            )
        )
        assert sorted(row[0] for row in rows) == ["contact_email", "contact_office"]
        spoilt = text("UPDATE sea_restrictions SET contact_office = :story")
        for story in ("x" * 81, "a\nb"):
            savepoint = await session.begin_nested()
            with pytest.raises(DBAPIError, match="contact_office"):
                await session.execute(spoilt, {"story": story})
            await savepoint.rollback()


async def test_an_oversight_person_of_the_owner_alone_sets_reviews_and_lifts(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    office, partner = await _office(api_for, operator_database, world)
    other = (await make_partner(await api_for("UNICEF")))["id"]
    made = await set_on(office, partner)
    url = f"{URL}/{made['id']}"
    for role in ("IPU", "PFP", "LEGAL", None):
        name = "UNICEF"
        if role is not None:
            name = await add_officer(operator_database, world, "UNICEF", f"S{role}", role)
        api = await api_for(name)
        for answer in (
            await api.post(URL, json=restriction_body(other)),
            await api.post(f"{url}/review", json={}),
            await api.post(f"{url}/lift", headers=V1),
        ):
            assert answer.status_code == 403, (role, answer.text)
            assert answer.json()["code"] in ("role_required", "scope_missing")
    stranger = await oversight(api_for, operator_database, world, "WFP")
    for answer in (
        await stranger.post(f"{url}/review", json={}),
        await stranger.post(f"{url}/lift", headers=V1),
        await stranger.post(f"{URL}/{uuid4()}/lift", headers=V1),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "sea_restriction_not_found")
    again = await office.post(URL, json=restriction_body(partner))
    assert again.json()["code"] == "sea_restriction_exists"
    assert (await stranger.post(URL, json=restriction_body(partner))).status_code == 201
    assert (await office.post(f"{url}/lift")).status_code == 428
    assert (await office.post(f"{url}/lift", headers={"If-Match": '"v9"'})).status_code == 412
    lifted = await office.post(f"{url}/lift", headers=V1)
    assert (lifted.status_code, lifted.json()["in_force"]) == (200, False)
    for answer in (
        await office.post(f"{url}/lift", headers={"If-Match": '"v2"'}),
        await office.post(f"{url}/review", json={}),
    ):
        assert answer.json()["code"] == "sea_restriction_lifted"
    assert (await set_on(office, partner))["in_force"]


async def test_the_review_lies_at_most_six_months_ahead(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    office, partner = await _office(api_for, operator_database, world)
    for wrong in (day(0), day(-1), day(190)):
        refused = await office.post(URL, json=restriction_body(partner, review_by=wrong))
        assert refused.json()["code"] == "sea_restriction_review", wrong
    made = await set_on(office, partner, review_by=day(10))
    url = f"{URL}/{made['id']}/review"
    late = await office.post(url, json={"review_by": day(190)})
    assert late.json()["code"] == "sea_restriction_review"
    done = (await office.post(url, json={"review_by": day(100)})).json()
    assert (done["review_by"], done["version"]) == (day(100), 2)
    default = (await office.post(url, json={})).json()
    assert day(180) <= default["review_by"] <= day(184)
    assert (RULES.longest_review_months, RULES.confirmed) == (6, False)
    for change in (
        "review_by = review_by + 200, reviewed_at = clock_timestamp()",
        "review_by = review_by - 1",  # without a review
        "lifted_at = now(), lifted_by = (SELECT id FROM persons WHERE roles = '{}' LIMIT 1)",
    ):
        sql = f"UPDATE sea_restrictions SET {change}, version = version + 1 WHERE id = :id"
        async with operator_database.session() as session:
            savepoint = await session.begin_nested()
            with pytest.raises(DBAPIError):
                await session.execute(text(sql), {"id": UUID(made["id"])})
            await savepoint.rollback()


async def test_the_floor_lets_oversight_of_the_owner_write_and_no_partner_read(
    api_for: ApiFor, world: World, operator_database: Database, database: Database
) -> None:
    office, partner = await _office(api_for, operator_database, world)
    made = await set_on(office, partner)
    unicef, wfp = world.agencies["UNICEF"], world.agencies["WFP"]
    touch = "UPDATE sea_restrictions SET version = version WHERE id = :id"
    look = "SELECT id FROM sea_restrictions WHERE id = :id"

    async def rows(binding: Binding, sql: str) -> int:
        async with database.sessions(info={BINDING: binding}) as session, session.begin():
            result = await session.execute(text(sql), {"id": UUID(made["id"])})
            count = touched(result)
            await session.rollback()
        return count

    assert await rows(Binding(unicef), touch) == 0
    assert await rows(Binding(wfp, None, True), touch) == 0
    assert await rows(Binding(wfp), look) == 1
    assert await rows(Binding(UUID(int=0), UUID(partner)), look) == 0
    with pytest.raises(DBAPIError):
        await rows(Binding(unicef, None, True), touch)  # let through, to the trigger


async def test_each_role_reads_as_the_matrix_says_for_a_purpose_and_in_its_countries(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    office, partner = await _office(api_for, operator_database, world)
    made = await set_on(office, partner)
    url, listed = f"{URL}/{made['id']}", f"{URL}?partner_id={partner}"
    for role, reads in (
        ("CO", True), ("PFP", True), ("OVS", True), ("IPU", True), ("LEGAL", True),
        ("ERP", False), ("PO", False), ("HFP", False), ("SAO", False), ("RCO", False),
    ):  # fmt: skip
        for agency in ("UNICEF", "WFP"):
            name = await add_officer(operator_database, world, agency, f"R{role}", role)
            api = await api_for(name)
            answer = await api.get(url, headers=PURPOSE)
            assert (answer.status_code == 200) == reads, (role, agency, answer.text)
            assert answer.status_code in (200, 403, 404)
            found = await api.get(listed, headers=PURPOSE)
            shown = found.status_code == 200 and len(found.json()["items"]) == 1
            assert shown == reads, (role, agency)
            if reads and agency == "WFP":
                assert (await api.get(url)).json()["code"] == "purpose_required"
                assert (await api.get(listed)).json()["code"] == "purpose_required"
            elif reads:
                assert (await api.get(url)).status_code == 200
    far = await add_officer(operator_database, world, "WFP", "FARPFP", "PFP")
    async with operator_database.session() as session:
        sql = "UPDATE clients SET countries = '{UGA}' WHERE id = :id"
        await session.execute(text(sql), {"id": far})
    api = await api_for(far)
    assert (await api.get(url, headers=PURPOSE)).status_code == 404
    assert (await api.get(listed, headers=PURPOSE)).status_code == 404
    assert made["id"] not in (await api.get(URL, headers=PURPOSE)).text
    low = await add_officer(operator_database, world, "WFP", "LOWCO", "CO")
    async with operator_database.session() as session:
        sql = "UPDATE clients SET max_level = 'INTER_AGENCY' WHERE id = :id"
        await session.execute(text(sql), {"id": low})
    api = await api_for(low)
    assert (await api.get(url, headers=PURPOSE)).status_code == 404
    assert (await api.read(listed, headers=PURPOSE))["items"] == []


async def test_a_reading_is_logged_and_the_partner_learns_of_nothing(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    office, partner = await _office(api_for, operator_database, world)
    own = await partner_api(api_for, operator_database, world, partner)
    before = (await own.read("/v1/audit/events"))["items"]
    made = await set_on(office, partner)
    reader = await api_for(await add_officer(operator_database, world, "WFP", "RCO2", "CO"))
    await reader.read(f"{URL}/{made['id']}", headers=PURPOSE)
    await reader.read(f"{URL}?partner_id={partner}", headers=PURPOSE)
    await office.post(f"{URL}/{made['id']}/review", json={})
    log = await events_of(operator_database, made["id"])
    assert [(row.event.split(":")[-1], row.client_id, row.purpose) for row in log] == [
        ("set", "UNICEF_OVSSEA", None),
        ("read", "WFP_RCO2", "CONTRACTING"),
        ("read", "WFP_RCO2", "CONTRACTING"),
        ("review", "UNICEF_OVSSEA", None),
    ]
    assert {row.detail["profile"] for row in log} == {partner}
    for path in ("/v1/audit/events", "/v1/self/statements", "/v1/self/flags", "/v1/self/standing"):
        answer = await own.get(path)
        assert answer.status_code == 200, (path, answer.text)
        assert made["id"] not in answer.text
        assert "Internal audit" not in answer.text
    assert (await own.read("/v1/audit/events"))["items"] == before
    assert (await own.get(URL)).status_code == 403
    lifted = await office.post(f"{URL}/{made['id']}/lift", headers={"If-Match": '"v2"'})
    assert lifted.status_code == 200
    assert (await reader.get(f"{URL}/{made['id']}", headers=PURPOSE)).status_code == 404
    listed = await reader.read(f"{URL}?partner_id={partner}", headers=PURPOSE)
    assert listed["items"] == []
    mine = await office.read(f"{URL}?partner_id={partner}&mine=true")
    assert [item["in_force"] for item in mine["items"]] == [False]


async def test_a_headquarters_restriction_is_shown_as_such_and_counts_for_recognition(
    api_for: ApiFor, world: World, operator_database: Database, database: Database
) -> None:
    owner = await api_for("UNICEF")
    office = await oversight(api_for, operator_database, world)
    top = (await make_partner(owner, partner_type="NGO_INTL"))["id"]
    country = (await make_partner(owner, partner_type="NGO_INTL", hq_id=top, country="UGA"))["id"]
    above, below = await set_on(office, top), await set_on(office, country)
    listed = (await office.read(f"{URL}?mine=true&partner_id={country}"))["items"]
    assert [(item["id"], item["inherited_from"]) for item in listed] == [
        (below["id"], None),
        (above["id"], top),
    ]
    upward = (await office.read(f"{URL}?mine=true&partner_id={top}"))["items"]
    assert [item["id"] for item in upward] == [above["id"]]
    async with database.session(world.agencies["WFP"]) as session:
        counted = await sea_restrictions_of(session, UUID(country))
        of_top = await sea_restrictions_of(session, UUID(top))
    assert [(str(one["id"]), one["inherited_from"] and str(one["inherited_from"]))
        for one in counted] == [(above["id"], top), (below["id"], None)]  # fmt: skip
    assert [str(one["id"]) for one in of_top] == [above["id"]]


async def test_an_overdue_review_is_reminded_of_and_the_restriction_stays_in_force(
    api_for: ApiFor, world: World, operator_database: Database, worker_database: Database
) -> None:
    office, partner = await _office(api_for, operator_database, world)
    made = await set_on(office, partner)
    while await remind(worker_database):
        continue

    async def shift(change: str) -> None:
        async with operator_database.session() as session:
            await session.execute(text("SET LOCAL session_replication_role = replica"))
            await session.execute(
                text(f"UPDATE sea_restrictions SET {change} WHERE id = :id"),
                {"id": UUID(made["id"])},
            )

    await shift("review_by = current_date - 1")
    assert (await remind(worker_database), await remind(worker_database)) == (1, 0)
    await shift("reminded_at = now() - interval '8 days'")
    assert await remind(worker_database) == 1
    read = await office.read(f"{URL}/{made['id']}")
    assert (read["review_overdue"], read["in_force"]) == (True, True)
    reader = await api_for(await add_officer(operator_database, world, "WFP", "RCO2", "CO"))
    assert (await reader.read(f"{URL}/{made['id']}", headers=PURPOSE))["in_force"]
    found = await office.read(f"{URL}?mine=true&review_overdue=true&partner_id={partner}")
    assert [item["id"] for item in found["items"]] == [made["id"]]
    events = [row.event for row in await events_of(operator_database, made["id"])]
    assert events.count("assessment:sea_restriction:overdue") == 2
    async with operator_database.session() as session:
        sent = await session.scalar(
            text("SELECT count(*) FROM outbox WHERE subject_id = :id AND type LIKE '%overdue'"),
            {"id": UUID(made["id"])},
        )
    assert sent == 2
    await office.post(f"{URL}/{made['id']}/review", json={})
    assert await remind(worker_database) == 0
