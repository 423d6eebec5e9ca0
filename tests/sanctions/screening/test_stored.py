"""Stored screenings: who reads them, how they are run again, and when their subject goes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app.core.db import Database
from app.partners.retention import run as job
from app.sanctions.screening.service import Screener
from app.worker import RETENTION
from partner_registry_matcher import ALGORITHM
from tests.audit.support import add_officer
from tests.conftest import ApiFor, Settle
from tests.partners.factories import make_partner
from tests.sanctions.factories import impose
from tests.sanctions.lists.support import party
from tests.sanctions.screening.conftest import Put
from tests.sanctions.screening.support import ALL, LANTERNS, LISTED, NOBODY, PEOPLE, URL, screened
from tests.support import Api, World, unique

pytestmark = pytest.mark.usefixtures("filled")
_AGED = "UPDATE screenings SET at = now() - make_interval(days => :days) WHERE id = :id"


async def _rerun(api: Api, screening: str, against: str = "then") -> dict[str, Any]:
    answer = await api.post(f"{URL}/{screening}/rerun", json={"against": against})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_a_screening_is_read_as_it_was_answered(
    api_for: ApiFor, operator_database: Database
) -> None:
    wfp = await api_for("WFP")
    made = await screened(
        wfp, "Ozymandias Quill", kind="person", role="PARTNER_OFFICER", acting_for={"name": "Aman"}
    )
    answer = await wfp.get(f"{URL}/{made['screening_id']}")
    read = answer.json()
    assert {name: read[name] for name in made} == made
    assert read["subject"]["names"] == ["Ozymandias Quill"]
    assert (read["acting_for"]["name"], read["client_id"]) == ("Aman", "WFP")
    async with operator_database.connection() as connection:
        event = await connection.fetchrow(
            "SELECT event, purpose FROM audit_events WHERE request_id = $1",
            answer.headers["x-request-id"],
        )
    assert tuple(event) == ("screening:subject:read", "OWN_RECORD")
    other = await (await api_for("FAO")).get(f"{URL}/{made['screening_id']}")
    absent = await (await api_for("FAO")).get(f"{URL}/{uuid4()}")
    assert other.status_code == absent.status_code == 404
    assert other.json()["code"] == absent.json()["code"] == "screening_not_found"


async def test_the_list_pages_and_filters_and_has_no_names(api_for: ApiFor) -> None:
    unhcr = await api_for("UNHCR_REVIEWER")
    start = datetime.now(UTC)
    wanted = [
        (await screened(unhcr, LISTED, role="VENDOR"))["screening_id"],
        (await screened(unhcr, NOBODY, role="VENDOR"))["screening_id"],
        (await screened(unhcr, NOBODY, role="SUB_PARTNER"))["screening_id"],
    ]
    params = {"from": start.isoformat().replace("+00:00", "Z"), "limit": "2"}
    page = await unhcr.get(URL, params=params)
    first = page.json()
    rest = (await unhcr.read(URL, params=params | {"cursor": first["next_cursor"]}))["items"]
    ids = [one["screening_id"] for one in [*first["items"], *rest]]
    assert ids == wanted[::-1]
    assert "Thistledown" not in page.text
    for more, expected in (
        ({"role": "VENDOR"}, {wanted[0], wanted[1]}),
        ({"outcome": "potential_match"}, {wanted[0]}),
        ({"algorithm": "names-0"}, set()),
        ({"to": params["from"]}, set()),
    ):
        found = (await unhcr.read(URL, params=params | more | {"limit": "200"}))["items"]
        assert {one["screening_id"] for one in found} == expected, more
    for wrong in ({"role": "X"}, {"from": "yesterday"}, {"since": params["from"]}, {"cursor": "x"}):
        assert (await unhcr.get(URL, params=wrong)).status_code == 422, wrong
    other = (await (await api_for("FAO")).read(URL, params=params))["items"]
    assert not {one["screening_id"] for one in other} & set(wanted)


async def test_what_oversight_asked_for_an_investigation_is_for_oversight(
    api_for: ApiFor, operator_database: Database, world: World
) -> None:
    officer = await api_for(await add_officer(operator_database, world, "WFP", "OVS", "OVS"))
    made = (await screened(officer, NOBODY, purpose="INVESTIGATION"))["screening_id"]
    plain = (await screened(officer, NOBODY, purpose="AUDIT"))["screening_id"]
    open_one = (await screened(officer, NOBODY, purpose="MONITORING"))["screening_id"]
    wfp = await api_for("WFP")
    assert (await officer.get(f"{URL}/{made}")).status_code == 200
    for held in (made, plain):
        assert (await wfp.get(f"{URL}/{held}")).status_code == 404
        answer = await wfp.post(f"{URL}/{held}/rerun", json={})
        assert answer.status_code == 404
    assert (await wfp.get(f"{URL}/{open_one}")).status_code == 200
    seen = {one["screening_id"] for one in (await wfp.read(URL, params={"limit": "200"}))["items"]}
    assert open_one in seen
    assert not {made, plain} & seen


async def test_a_profile_that_became_protected_is_named_no_more(
    api_for: ApiFor, operator_database: Database
) -> None:
    wfp = await api_for("WFP", "screening:run")
    partner = (await make_partner(await api_for("UNICEF")))["id"]
    made = await screened(wfp, NOBODY, partner_id=partner)
    url = f"{URL}/{made['screening_id']}"
    assert (await wfp.read(url))["partner_id"] == partner
    async with operator_database.session() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(
            text("UPDATE partners SET protected = true WHERE id = :id"), {"id": UUID(partner)}
        )
    assert (await wfp.read(url))["partner_id"] is None
    [item] = (await wfp.read(URL, params={"limit": "1"}))["items"]
    assert (item["screening_id"], item["partner_id"]) == (made["screening_id"], None)


# --------------------------------------------------------------------------------- run again


async def test_the_same_lists_give_the_same_answer(
    api_for: ApiFor, settle: Settle, filled: Put
) -> None:
    wfp = await api_for("WFP")
    made = await screened(wfp, lists=[ALL, "agency"])
    assert made["outcome"] == "potential_match"
    # One party leaves, one is renamed to the very name, one is new.
    others = [one for one in PEOPLE if one["key"] not in ("1", "30")]
    await filled(*others, party("30", LISTED), party("9", f"{LISTED} Ltd"))
    entry = await impose(api_for, (await make_partner(wfp, legal_name=LISTED, aliases=[]))["id"])
    await settle()
    then = await _rerun(wfp, made["screening_id"])
    assert then["identical"] is True
    assert (then["added"], then["removed"]) == ([], [])
    assert then["screening"] == made
    now = await _rerun(wfp, made["screening_id"], "current")
    assert now["identical"] is False
    assert now["removed"] == [made["hits"][0]["entry_id"]]
    assert entry["entry_id"] in now["added"]
    assert now["screening"]["screening_id"] != made["screening_id"]
    stored = await wfp.read(f"{URL}/{now['screening']['screening_id']}")
    assert stored["rerun_of"] == made["screening_id"]
    assert stored["hits"] == now["screening"]["hits"]
    # And once more, from another process that never held the old list.
    await filled(*PEOPLE)
    assert (await _rerun(wfp, made["screening_id"]))["identical"] is True


async def test_another_process_finds_the_same(api_for: ApiFor, app: FastAPI, filled: Put) -> None:
    wfp = await api_for("WFP")
    made = await screened(wfp, LANTERNS, threshold=0.5, limit=50)
    # Most left, and one has the very name now: an index of today knows nothing else.
    await filled(*PEOPLE[:4], party("34", LANTERNS))
    held, app.state.screener = app.state.screener, Screener()
    try:
        then = await _rerun(wfp, made["screening_id"])
    finally:
        app.state.screener = held
    assert (then["identical"], then["screening"]) == (True, made)
    await filled(*PEOPLE)


async def test_what_cannot_be_had_any_more_is_said(
    api_for: ApiFor, operator_database: Database, filled: Put
) -> None:
    wfp = await api_for("WFP")
    made = (await screened(wfp))["screening_id"]
    values = {"id": UUID(made)}
    async with operator_database.session() as session:
        await session.execute(
            text("UPDATE screenings SET algorithm = 'names-0' WHERE id = :id"), values
        )
    gone = await wfp.post(f"{URL}/{made}/rerun", json={})
    assert (gone.status_code, gone.json()["code"]) == (409, "algorithm_gone")
    assert (await _rerun(wfp, made, "current"))["screening"]["outcome"] == "potential_match"
    other = (await screened(wfp))["screening_id"]
    async with operator_database.session() as session:
        await session.execute(
            text("""UPDATE screenings SET own_lists = '[{"code": "zz_own", "version": 1}]'
                WHERE id = :id"""),
            {"id": UUID(other)},
        )
    gone = await wfp.post(f"{URL}/{other}/rerun", json={})
    assert (gone.status_code, gone.json()["code"]) == (409, "list_version_gone")
    wrong: tuple[Any, ...] = ({"against": "tomorrow"}, {"threshold": 0.1}, [])
    for body in wrong:
        assert (await wfp.post(f"{URL}/{made}/rerun", json=body)).status_code == 422


async def test_history_that_was_taken_away_is_not_guessed(
    api_for: ApiFor, operator_database: Database, filled: Put, settle: Settle
) -> None:
    wfp = await api_for("WFP")
    made = await screened(wfp)
    renamed = [party("1", unique("Somebody Else")), *PEOPLE[1:]]
    await filled(*renamed)
    assert (await screened(wfp))["list_version"] > made["list_version"]
    seq = made["list_version"]
    async with operator_database.session() as session:
        await session.execute(
            text("CREATE TEMP TABLE kept ON COMMIT DROP AS SELECT * FROM feed_changes")
        )
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(
            text("DELETE FROM feed_changes WHERE stream = 'inter_agency' AND seq <= :seq"),
            {"seq": seq},
        )
        await session.execute(text("CREATE TABLE IF NOT EXISTS kept_changes AS TABLE kept"))
    gone = await wfp.post(f"{URL}/{made['screening_id']}/rerun", json={})
    async with operator_database.session() as session:
        await session.execute(
            text("INSERT INTO feed_changes SELECT * FROM kept_changes ON CONFLICT DO NOTHING")
        )
        await session.execute(text("DROP TABLE kept_changes"))
    assert (gone.status_code, gone.json()["code"]) == (409, "list_version_gone")
    await filled(*PEOPLE)
    assert (await _rerun(wfp, made["screening_id"]))["identical"] is True


# --------------------------------------------------------------------------------- erasure


def _silent(step: str, done: int, total: int) -> None:
    return


async def test_the_subject_goes_after_ninety_days_and_the_facts_stay(
    api_for: ApiFor, operator_database: Database, worker_database: Database
) -> None:
    wfp = await api_for("WFP")
    made = await screened(wfp, lists=[ALL])
    young = (await screened(wfp))["screening_id"]
    async with operator_database.session() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        for screening, days in ((made["screening_id"], 91), (young, 89)):
            await session.execute(text(_AGED), {"days": days, "id": UUID(screening)})
    rules = job.chosen(RETENTION, "screening_subjects")
    await job.apply(worker_database, rules, None, None, _silent, whole=False)
    read = await wfp.read(f"{URL}/{made['screening_id']}")
    assert (read["subject"], read["acting_for"]) == (None, None)
    assert read["subject_erased_at"] is not None
    old, hit = made["hits"][0], read["hits"][0]
    for name in ("entry_id", "source", "reference", "score", "cleared"):
        assert hit[name] == old[name]
    assert (hit["caption"], hit["explanation"]) == (None, None)
    for name in ("outcome", "list_version", "threshold", "algorithm", "lists", "role"):
        assert read[name] == made[name]
    gone = await wfp.post(f"{URL}/{made['screening_id']}/rerun", json={"against": "current"})
    assert (gone.status_code, gone.json()["code"]) == (410, "subject_erased")
    assert (await wfp.read(f"{URL}/{young}"))["subject"] is not None
    async with operator_database.session() as session:
        told = await session.scalar(
            text(
                "SELECT count(*) FROM outbox WHERE type = 'records.erased' AND data->'ids' ? :id"
            ),
            {"id": made["screening_id"]},
        )  # fmt: skip
        logged = await session.scalar(
            text("SELECT count(*) FROM audit_events WHERE event = 'retention:batch:erase' "
                 "AND detail->'ids' ? :id"),
            {"id": made["screening_id"]},
        )  # fmt: skip
    assert (told, logged) == (1, 1)


async def test_the_database_keeps_a_subject_for_its_ninety_days(
    api_for: ApiFor, worker_database: Database, database: Database, world: World
) -> None:
    made = (await screened(await api_for("WFP")))["screening_id"]
    statement = "UPDATE screenings SET sealed = NULL, subject_erased_at = now() WHERE id = :id"
    with pytest.raises(Exception, match="retention keeps this record"):
        async with worker_database.session() as session:
            await session.execute(text(statement), {"id": UUID(made)})
    with pytest.raises(Exception, match="permission denied"):
        async with database.session(world.agencies["WFP"]) as session:
            await session.execute(text(statement), {"id": UUID(made)})


async def test_the_terms_say_whom_it_is_not_for(api_for: ApiFor) -> None:
    answer = await (await api_for("WFP")).read(f"{URL}/algorithms")
    [item] = answer["items"]
    assert (answer["default"], item["name"]) == (item["name"], ALGORITHM)
    made = await screened(await api_for("WFP"))
    assert (made["threshold"], made["algorithm"]) == (item["default_threshold"], item["name"])
    assert {one["role"] for one in answer["roles"]} == {
        *("PARTNER", "PARTNER_OFFICER", "SUB_PARTNER", "VENDOR")
    }
    assert "beneficiaries or affected people" in answer["terms"]
    nobody = await (await api_for("WFP", "partners:read")).get(f"{URL}/algorithms")
    assert nobody.status_code == 403
