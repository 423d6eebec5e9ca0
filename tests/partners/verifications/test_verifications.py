"""Who may verify whom, what it comes to, and how it ends."""

from __future__ import annotations

import asyncio
import json
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from app.core.clock import add_months
from app.core.db import Binding, Database
from app.core.ids import new_id
from app.partners.restraints import Reason
from app.partners.verifications import rules
from app.partners.verifications.upkeep import give_notice, lapse
from tests.audit.support import add_officer, events_of
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.partners.verifications.factories import (
    BAD,
    GOOD,
    PURPOSE,
    body,
    change,
    complete_partner,
    lift,
    put,
    standing,
    verify,
)
from tests.support import Api, World


@pytest.fixture
async def unicef(api_for: ApiFor) -> Api:
    return await api_for("UNICEF")


@pytest.fixture
async def wfp(api_for: ApiFor) -> Api:
    return await api_for("WFP")


@pytest.fixture
async def partner(unicef: Api, operator_database: Database) -> str:
    return await complete_partner(unicef, operator_database)


async def refused(api: Api, partner_id: str, status: int = 409, **more: Any) -> dict[str, Any]:
    answer = await api.post(f"/v1/partners/{partner_id}/verifications", json=body(**more))
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def obstacles(api: Api, partner_id: str, **more: Any) -> set[str]:
    found = await refused(api, partner_id, **more)
    assert found["code"] == "verification_not_possible"
    assert all(one["message"] for one in found["errors"])
    return {one["code"] for one in found["errors"]}


async def published(database: Database, partner_id: str, kind: str) -> list[Any]:
    async with database.session() as session:
        rows = await session.execute(
            text("SELECT agency_id, data FROM outbox WHERE subject_id = :id AND type = :kind "
                 "ORDER BY id"),
            {"id": UUID(partner_id), "kind": f"partner.{kind}"},
        )  # fmt: skip
        return list(rows.all())


# ------------------------------------------------------------------------------- the questions


async def test_the_questions_are_served(unicef: Api) -> None:
    found = await unicef.read("/v1/verification-questions")
    assert {one["code"]: one["needed"] for one in found["questions"]} == GOOD
    assert (found["valid_months"], found["valid_months_confirmed"]) == (60, False)


async def test_the_file_and_the_table_say_the_same(operator_database: Database) -> None:
    async with operator_database.connection() as connection:
        rows = await connection.fetch(
            "SELECT version, effective_from, needed::text::jsonb = $1::jsonb AS same, "
            "partner_types, valid_months FROM verification_question_sets",
            json.dumps(GOOD),
        )
    assert [
        (row["version"], row["effective_from"], row["partner_types"], row["valid_months"])
        for row in rows
    ] == [
        (one.version, one.effective_from, list(one.partner_types.codes), one.validity.months)
        for one in rules.SETS
    ]
    assert all(row["same"] for row in rows)


# ------------------------------------------------------------------------------- recording


async def test_good_answers_verify_and_the_profile_says_so(unicef: Api, partner: str) -> None:
    before = await unicef.read(f"/v1/partners/{partner}")
    assert before["status"] == "pending_verification"
    made = await verify(unicef, partner)
    today = date.fromisoformat(made["verified_on"])
    assert made["result"] == "verified"
    assert made["valid_until"] == add_months(today, 60).isoformat()
    assert (made["current"], made["lapsed"], made["stale"]) == (True, False, False)
    after = await unicef.read(f"/v1/partners/{partner}")
    assert (after["status"], after["version"]) == ("verified", before["version"] + 1)
    assert await unicef.read(f"/v1/partners/{partner}/verifications/{made['id']}") == made


@pytest.mark.parametrize("code", sorted(GOOD))
async def test_one_answer_that_is_not_the_needed_one_is_enough(
    code: str, unicef: Api, partner: str
) -> None:
    made = await verify(unicef, partner, answers=GOOD | {code: not GOOD[code]})
    assert (made["result"], made["valid_until"]) == ("unverified", None)
    assert (await unicef.read(f"/v1/partners/{partner}"))["status"] == "unverified"


async def test_the_newest_counts_and_never_the_oldest(
    unicef: Api, partner: str, database: Database, world: World
) -> None:
    for answers in (GOOD, BAD, GOOD, BAD):
        await verify(unicef, partner, answers=answers)
    found = (await unicef.read(f"/v1/partners/{partner}/verifications"))["items"]
    assert [one["result"] for one in found] == ["unverified", "verified"] * 2
    assert [one["current"] for one in found] == [True, False, False, False]
    now = await standing(unicef, partner)
    assert now["verification"]["status"] == now["status"] == "unverified"
    assert [one["id"] for one in now["verification"]["by_agency"]] == [found[0]["id"]]
    async with database.session(world.agencies["UNICEF"]) as session:
        current = await session.scalar(
            text("SELECT id FROM partner_verification_current WHERE partner_id = :id"),
            {"id": UUID(partner)},
        )
    assert str(current) == found[0]["id"]


async def test_history_is_paged_and_complete(unicef: Api, partner: str) -> None:
    made = [(await verify(unicef, partner, answers=one))["id"] for one in (GOOD, BAD, GOOD)]
    url = f"/v1/partners/{partner}/verifications"
    first = await unicef.read(url, params={"limit": 2})
    rest = await unicef.read(url, params={"limit": 2, "cursor": first["next_cursor"]})
    assert [one["id"] for one in first["items"] + rest["items"]] == made[::-1]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"answers": {}}, "answers_unfit"),
        ({"answers": GOOD | {"other": True}}, "answers_unfit"),
        ({"answers": {k: v for k, v in GOOD.items() if k != "mandate"}}, "answers_unfit"),
        ({"answers": GOOD | {"mandate": "yes"}}, "invalid_request"),
        ({"answers": GOOD | {"mandate": 1}}, "invalid_request"),
        ({"comments": {"nonsense": "x"}}, "answers_unfit"),
        ({"comments": {"mandate": ""}}, "invalid_request"),
        ({"result": "verified"}, "invalid_request"),
        ({"verified_on": "2020-01-01"}, "invalid_request"),
    ],
)
async def test_bad_input_is_refused(
    more: dict[str, Any], code: str, unicef: Api, partner: str
) -> None:
    found = await refused(unicef, partner, 422, **more)
    assert found["code"] == code
    assert "nonsense" not in str(found)


async def test_questions_that_are_not_in_force_are_refused(unicef: Api, partner: str) -> None:
    found = await refused(unicef, partner, question_set="2019-1")
    assert found["code"] == "question_set_not_in_force"


# ------------------------------------------------------------------------------- conditions


async def test_every_obstacle_is_named_at_once(unicef: Api, operator_database: Database) -> None:
    made = (await make_partner(unicef, partner_type="GOV_NATIONAL"))["id"]
    await put(operator_database, made, Reason.RED_FLAG)
    await put(operator_database, made, Reason.POTENTIAL_MATCH)
    assert await obstacles(unicef, made) == {
        "partner_type_not_verifiable",
        "profile_incomplete",
        "red_flag",
        "list_match_open",
    }


@pytest.mark.parametrize(
    ("kind", "fits"),
    [("CBO", True), ("ACADEMIC", True), ("RCRC_NATIONAL", True), ("FOUNDATION", False),
     ("UN_ENTITY", False), ("PPP_NETWORK", False)],
)  # fmt: skip
async def test_only_civil_society_is_verified(
    kind: str, fits: bool, unicef: Api, operator_database: Database
) -> None:
    made = await complete_partner(unicef, operator_database, partner_type=kind)
    if fits:
        await verify(unicef, made)
    else:
        assert await obstacles(unicef, made) == {"partner_type_not_verifiable"}


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (Reason.RED_FLAG, "red_flag"),
        (Reason.CONFIRMED_MATCH, "confirmed_match"),
        (Reason.POTENTIAL_MATCH, "list_match_open"),
        (Reason.SANCTION, "sanction"),
    ],
)
async def test_a_restraint_stops_a_good_result_and_no_bad_news(
    reason: Reason, code: str, unicef: Api, partner: str, operator_database: Database
) -> None:
    source = await put(operator_database, partner, reason)
    assert await obstacles(unicef, partner) == {code}
    await verify(unicef, partner, answers=BAD)
    await lift(operator_database, source)
    await verify(unicef, partner)


async def test_a_disputed_control_does_not_stop_it(
    unicef: Api, partner: str, operator_database: Database
) -> None:
    await put(operator_database, partner, Reason.CONTROL_DISPUTED)
    await verify(unicef, partner)


async def test_a_country_profile_needs_its_headquarters(
    api_for: ApiFor, unicef: Api, operator_database: Database
) -> None:
    hq = await complete_partner(unicef, operator_database, partner_type="NGO_INTL", country="FR")
    office = await complete_partner(
        unicef, operator_database, partner_type="NGO_INTL", country="KE", hq_id=hq
    )
    assert await obstacles(unicef, office) == {"headquarters_not_verified"}
    await verify(unicef, hq)
    source = await put(operator_database, hq, Reason.RED_FLAG)
    assert await obstacles(unicef, office) == {"headquarters_red_flag"}
    await lift(operator_database, source)
    made = await verify(unicef, office)
    assert made["result"] == "verified"

    # Lapsed, though the worker has not been there yet.
    yesterday = date.fromisoformat(made["verified_on"]) - timedelta(days=1)
    await change(operator_database, hq, verified_until=yesterday)
    assert await obstacles(unicef, office) == {"headquarters_not_verified"}


async def test_merged_and_deactivated_profiles_are_not_verified(
    unicef: Api, partner: str, operator_database: Database
) -> None:
    survivor = (await make_partner(unicef))["id"]
    await change(operator_database, partner, merged_into=UUID(survivor))
    assert (await refused(unicef, partner))["code"] == "partner_merged"


@pytest.mark.parametrize(
    ("role", "headquarters", "status"),
    [("CO", False, 201), ("CO", True, 403), ("IPU", False, 201), ("IPU", True, 201),
     ("SAO", False, 403)],
)  # fmt: skip
async def test_who_verifies_whom(
    role: str,
    headquarters: bool,
    status: int,
    api_for: ApiFor,
    unicef: Api,
    world: World,
    operator_database: Database,
) -> None:
    kind = "NGO_INTL" if headquarters else "NGO_NATIONAL"
    made = await complete_partner(unicef, operator_database, partner_type=kind)
    officer = await add_officer(operator_database, world, "UNDP", f"V{role}", role)
    answer = await (await api_for(officer)).post(f"/v1/partners/{made}/verifications", json=body())
    assert answer.status_code == status, answer.text


async def test_outside_the_country_scope_the_partner_is_absent(
    api_for: ApiFor, partner: str, world: World, operator_database: Database
) -> None:
    officer = await add_officer(operator_database, world, "UNDP", "VUGA", "CO")
    async with operator_database.session() as session:
        await session.execute(
            text("UPDATE clients SET countries = '{UGA}' WHERE id = :id"), {"id": officer}
        )
    api = await api_for(officer)
    answer = await api.post(f"/v1/partners/{partner}/verifications", json=body())
    assert (answer.status_code, answer.json()["code"]) == (404, "partner_not_found")
    for path in ("verifications", "standing"):
        assert (await api.get(f"/v1/partners/{partner}/{path}")).status_code == 404


# --------------------------------------------------------------- what the database does alone


async def insert(database: Database, agency: UUID, person: UUID, partner: str, **more: Any) -> None:
    values: dict[str, Any] = {
        "id": new_id(), "partner": UUID(partner), "agency": agency, "person": person,
        "answers": json.dumps(GOOD), "set": body()["question_set"],
    } | more  # fmt: skip
    async with database.session(Binding(agency)) as session:
        await session.execute(
            text("INSERT INTO partner_verifications (id, partner_id, agency_id, person_id, "
                 "question_set, answers) VALUES (:id, :partner, :agency, :person, :set, "
                 "CAST(:answers AS jsonb))"),
            values,
        )  # fmt: skip


async def test_raw_sql_cannot_pass_the_conditions(
    database: Database, unicef: Api, world: World, operator_database: Database
) -> None:
    agency, person = world.agencies["UNICEF"], world.persons["UNICEF"]
    draft = (await make_partner(unicef))["id"]
    with pytest.raises(IntegrityError, match="profile_incomplete, declaration_missing"):
        await insert(database, agency, person, draft)
    draft = await complete_partner(unicef, operator_database)
    for answers in ("{}", '{"mandate": true}', '{"mandate": "yes"}'):
        with pytest.raises(IntegrityError):
            await insert(database, agency, person, draft, answers=answers)
    with pytest.raises(IntegrityError):
        await insert(database, agency, person, draft, set="2019-1")
    await insert(database, agency, person, draft)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE partners SET verification = 'verified', version = version + 1 WHERE id = :id",
        "UPDATE partners SET verified_until = '2100-01-01', version = version + 1 WHERE id = :id",
        "UPDATE partners SET deactivated_at = now(), version = version + 1 WHERE id = :id",
        "UPDATE partner_verifications SET result = 'verified' WHERE partner_id = :id",
        "DELETE FROM partner_verifications WHERE partner_id = :id",
        "INSERT INTO partner_verifications (id, partner_id, agency_id, person_id, question_set, "
        "answers, verified_on) SELECT gen_random_uuid(), partner_id, agency_id, person_id, "
        "question_set, answers, '2020-01-01' FROM partner_verifications WHERE partner_id = :id",
        "SELECT partner FROM lapse_verifications(1) WHERE partner = :id",
    ],
)
async def test_the_application_cannot_write_the_outcome_itself(
    statement: str, database: Database, unicef: Api, partner: str, world: World
) -> None:
    await verify(unicef, partner, answers=BAD)
    with pytest.raises(DBAPIError, match="permission denied"):
        async with database.session(world.agencies["UNICEF"]) as session:
            await session.execute(text(statement), {"id": UUID(partner)})


async def test_a_verification_is_never_changed(
    operator_database: Database, unicef: Api, partner: str
) -> None:
    await verify(unicef, partner)
    for statement in ("UPDATE partner_verifications SET answers = '{}'",
                      "DELETE FROM partner_verifications",
                      "TRUNCATE partner_verifications CASCADE"):  # fmt: skip
        with pytest.raises(DBAPIError, match="append-only"):
            async with operator_database.session() as session:
                await session.execute(text(statement))


async def test_two_at_once_are_both_kept_and_the_later_one_counts(
    unicef: Api, wfp: Api, partner: str
) -> None:
    url = f"/v1/partners/{partner}/verifications"
    answers = await asyncio.gather(
        *(api.post(url, json=body(one, reason="seen otherwise")) for api, one in
          ((unicef, GOOD), (wfp, BAD), (unicef, BAD), (wfp, GOOD)))
    )  # fmt: skip
    assert [one.status_code for one in answers] == [201] * 4, [one.text for one in answers]
    found = (await unicef.read(url))["items"]
    assert sum(one["current"] for one in found) == 1
    (current,) = (one for one in found if one["current"])
    now = await standing(unicef, partner)
    assert now["verification"]["status"] == current["result"]
    assert now["verification"]["agency"] == current["agency"]


@pytest.mark.parametrize("first", ["restraint", "verification"])
async def test_a_restraint_that_is_being_put_is_waited_for(
    first: str, unicef: Api, partner: str, operator_database: Database, database: Database,
    world: World,
) -> None:  # fmt: skip
    """Whichever comes first: never a partner verified although the flag was there."""
    agency, person = world.agencies["UNICEF"], world.persons["UNICEF"]
    if first == "restraint":
        async with operator_database.session() as session:
            await session.execute(
                text("INSERT INTO restraints (id, partner_id, reason, source_kind, source_id) "
                     "VALUES (:id, :partner, 'RED_FLAG', 'test', :id)"),
                {"id": uuid4(), "partner": UUID(partner)},
            )  # fmt: skip
            waiting = asyncio.create_task(insert(database, agency, person, partner))
            await asyncio.sleep(0.3)
            assert not waiting.done()
        with pytest.raises(IntegrityError, match="red_flag"):
            await waiting
        return
    async with database.session(Binding(agency)) as session:
        await session.execute(
            text(
                "INSERT INTO partner_verifications (id, partner_id, agency_id, person_id, "
                "question_set, answers) SELECT :id, :partner, :agency, :person, version, needed "
                "FROM verification_question_sets"
            ),
            {"id": new_id(), "partner": UUID(partner), "agency": agency, "person": person},
        )
        waiting_put = asyncio.create_task(put(operator_database, partner, Reason.RED_FLAG))
        await asyncio.sleep(0.3)
        assert not waiting_put.done()
    await waiting_put
    now = await standing(unicef, partner)
    assert (now["verification"]["status"], now["locked"]) == ("verified", True)


# ------------------------------------------------------------------------------- contradiction


async def test_contradicting_another_agency_needs_a_reason_and_tells_both(
    unicef: Api, wfp: Api, partner: str, world: World, operator_database: Database
) -> None:
    earlier = await verify(unicef, partner)
    assert (await refused(wfp, partner, 422, answers=BAD))["code"] == "reason_required"
    made = await verify(wfp, partner, answers=BAD, reason="The mandate has changed.")
    assert made["contradicts"] == [earlier["id"]]

    now = (await standing(unicef, partner))["verification"]
    assert (now["status"], now["agency"]) == ("unverified", "WFP")
    assert [(one["agency"], one["result"]) for one in now["by_agency"]] == [
        ("UNICEF", "verified"),
        ("WFP", "unverified"),
    ]
    told = await published(operator_database, partner, "verification_contradicted")
    assert [(one.agency_id, one.data["to"]) for one in told] == [
        (None, "partner"),
        (world.agencies["UNICEF"], "agency"),
    ]
    assert told[1].data["contradicts"] == earlier["id"]
    assert "mandate" not in str(told)


@pytest.mark.parametrize("case", ["own", "negative", "lapsed"])
async def test_no_reason_is_asked_where_nothing_that_holds_is_contradicted(
    case: str, unicef: Api, wfp: Api, partner: str, operator_database: Database
) -> None:
    if case == "negative":
        await verify(wfp, partner, answers=BAD)
    elif case == "own":
        await verify(unicef, partner)
    else:
        await aged(operator_database, (await verify(wfp, partner))["id"], -1)
    made = await verify(unicef, partner, answers=BAD)
    assert made["contradicts"] == []


async def test_the_database_wants_the_reason_too(
    database: Database, unicef: Api, partner: str, world: World
) -> None:
    await verify(unicef, partner)
    bad = json.dumps(BAD)
    with pytest.raises(DBAPIError, match="needs a reason"):
        await insert(database, world.agencies["WFP"], world.persons["WFP"], partner, answers=bad)
    assert (await unicef.read(f"/v1/partners/{partner}"))["status"] == "verified"


# ------------------------------------------------------------------------------- comments


async def test_comments_are_sealed_and_read_for_a_purpose(
    unicef: Api, wfp: Api, partner: str, world: World, operator_database: Database
) -> None:
    made = await verify(unicef, partner, comments={"mandate": "Canary remark"})
    assert made["has_comments"] is True
    assert "Canary" not in str(await wfp.read(f"/v1/partners/{partner}/verifications"))
    url = f"/v1/partners/{partner}/verifications/{made['id']}/comments"

    own = await unicef.read(url)
    assert (own["comments"], own["reason"]) == ({"mandate": "Canary remark"}, None)
    assert own["answers"] == GOOD
    for headers in ({}, {"Access-Purpose": "nonsense"}):
        answer = await wfp.get(url, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "purpose_required")
    read = await wfp.read(url, headers=PURPOSE)
    assert read["comments"] == {"mandate": "Canary remark"}
    reads = [
        (one.agency_id, one.purpose, one.owner_agency)
        for one in await events_of(operator_database, made["id"])
        if one.event == "partner:verification:read"
    ]
    owner = world.agencies["UNICEF"]
    assert reads == [
        (owner, "OWN_RECORD", owner),
        (world.agencies["WFP"], "PARTNER_SELECTION", owner),
    ]
    async with operator_database.connection() as connection:
        kept = await connection.fetchval(
            "SELECT n::text FROM partner_verification_notes n WHERE verification_id = $1",
            UUID(made["id"]),
        )
    assert "Canary" not in kept


@pytest.mark.parametrize("name", ["standing", "verifications", "verifications/{id}/comments"])
async def test_a_protected_partner_is_absent_for_others(
    name: str, unicef: Api, api_for: ApiFor, partner: str, operator_database: Database
) -> None:
    made = await verify(unicef, partner)
    await change(operator_database, partner, protected=True)
    other = await api_for("WFP", "partners:read", "flags:read")
    url = f"/v1/partners/{partner}/{name.format(id=made['id'])}"
    answer = await other.get(url, headers=PURPOSE)
    assert (answer.status_code, answer.json()["code"]) == (404, "partner_not_found")
    assert (await unicef.get(url)).status_code == 200


# ------------------------------------------------------------------------------- falling back


async def test_a_new_legal_name_asks_for_a_new_verification(unicef: Api, partner: str) -> None:
    await verify(unicef, partner)
    read = await unicef.read(f"/v1/partners/{partner}")
    for patch, status in (({"acronym": "ARZ"}, "verified"),
                          ({"legal_name": "Another Trust"}, "pending_verification")):  # fmt: skip
        answer = await unicef.patch(
            f"/v1/partners/{partner}", json=patch, headers={"If-Match": f'"v{read["version"]}"'}
        )
        read = answer.json()
        assert read["status"] == status, read
    (kept,) = (await unicef.read(f"/v1/partners/{partner}/verifications"))["items"]
    assert (kept["result"], kept["stale"]) == ("verified", True)
    (mine,) = (await standing(unicef, partner))["verification"]["by_agency"]
    assert mine["stale"] is True
    await verify(unicef, partner)


async def test_a_negative_result_is_not_shaken_off_by_a_new_name(
    unicef: Api, partner: str, operator_database: Database
) -> None:
    await verify(unicef, partner, answers=BAD)
    await change(operator_database, partner, legal_name="Another Trust")
    assert (await standing(unicef, partner))["status"] == "unverified"


@pytest.mark.parametrize("how", ["type", "new", "ended", "gone", "other"])
async def test_what_else_asks_for_a_new_verification(
    how: str, unicef: Api, partner: str, operator_database: Database, world: World
) -> None:
    add = (
        "INSERT INTO partner_identifiers (id, partner_id, scheme, value, country, authority, "
        "authority_key, created_by) VALUES (gen_random_uuid(), :id, '{0}', :value, "
        "CASE WHEN '{0}' = 'NAT_REG' THEN 'KEN' END, "
        "CASE WHEN '{0}' = 'NAT_REG' THEN 'NGO Board' END, "
        "CASE WHEN '{0}' = 'NAT_REG' THEN 'ngo board' END, :agency)"
    )
    values = {"id": UUID(partner), "value": uuid4().hex, "agency": world.agencies["UNICEF"]}

    async def run(sql: str, **more: Any) -> None:
        async with operator_database.session() as session:
            await session.execute(text(sql), {n: v for n, v in (values | more).items()
                                              if f":{n}" in sql})  # fmt: skip

    if how in ("ended", "gone"):
        await run(add.format("NAT_REG"))
    await verify(unicef, partner)
    where = "WHERE partner_id = :id AND scheme = 'NAT_REG'"
    await {
        "type": lambda: change(operator_database, partner, partner_type="CBO"),
        "new": lambda: run(add.format("NAT_REG")),
        "ended": lambda: run(
            "UPDATE partner_identifiers SET active = false, ended_at = now(), "
            f"end_reason = 'replaced' {where}"
        ),
        "gone": lambda: run(f"DELETE FROM partner_identifiers {where}"),
        "other": lambda: run(add.format("UNGM")),
    }[how]()
    wanted = "verified" if how == "other" else "pending_verification"
    assert (await unicef.read(f"/v1/partners/{partner}"))["status"] == wanted


async def aged(database: Database, verification: str, days: int) -> None:
    """Let a verification end so many days from now, as only time could."""
    async with database.session() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(
            text(
                "UPDATE partner_verifications "
                "SET valid_until = current_date + CAST(:days AS integer) WHERE id = :id"
            ),
            {"days": days, "id": UUID(verification)},
        )
        await session.execute(
            text("UPDATE partners p SET verified_until = v.valid_until, version = p.version + 1 "
                 "FROM partner_verification_current v WHERE v.partner_id = p.id AND v.id = :id"),
            {"id": UUID(verification)},
        )  # fmt: skip


async def test_a_verification_lapses_by_itself_and_the_worker_says_so_once(
    unicef: Api, partner: str, operator_database: Database, worker_database: Database,
    world: World,
) -> None:  # fmt: skip
    made = await verify(unicef, partner)
    await aged(operator_database, made["id"], 0)
    await lapse(worker_database)
    assert (await standing(unicef, partner))["status"] == "verified", "its last day is included"

    await aged(operator_database, made["id"], -1)
    now = await standing(unicef, partner)
    assert now["status"] == now["verification"]["status"] == "pending_verification"
    assert (now["public"], now["verification"]["by_agency"][0]["lapsed"]) == (False, True)

    before = (await unicef.read(f"/v1/partners/{partner}"))["version"]
    assert await lapse(worker_database) >= 1
    assert await lapse(worker_database) == 0
    after = await unicef.read(f"/v1/partners/{partner}")
    assert (after["status"], after["version"]) == ("pending_verification", before + 1)
    (told,) = await published(operator_database, partner, "verification_lapsed")
    assert told.agency_id == world.agencies["UNICEF"]


async def test_the_end_is_told_of_at_each_mark_once(
    unicef: Api, partner: str, operator_database: Database, worker_database: Database
) -> None:
    made = await verify(unicef, partner)
    for days in (91, 90, 89, 45, 31, 30, 29, 0):
        await aged(operator_database, made["id"], days)
        await give_notice(worker_database)
        await give_notice(worker_database)
    told = await published(operator_database, partner, "verification_ending")
    assert [one.data["days"] for one in told] == [90, 60, 30]


async def test_a_worker_that_was_away_tells_of_the_nearest_mark_alone(
    unicef: Api, partner: str, operator_database: Database, worker_database: Database
) -> None:
    await aged(operator_database, (await verify(unicef, partner))["id"], 20)
    await give_notice(worker_database)
    told = await published(operator_database, partner, "verification_ending")
    assert [one.data["days"] for one in told] == [30]
