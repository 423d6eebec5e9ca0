"""An open clearance is watched: each kind of thing it rests on moves its status, and no other's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from app.core.clock import utc_now
from app.core.db import Database
from app.recognition import desk
from app.recognition.decide import Verdict
from app.recognition.storing import store
from app.recognition.watching import affected
from app.recognition.watching.recheck import compare
from tests.assessments.factories import make_assessment, make_share
from tests.assessments.life_cycle.test_life_cycle import withdraw
from tests.conftest import ApiFor
from tests.partners.flags.support import hq, make_red
from tests.partners.merges.support import merged
from tests.recognition.support import SMALL, cleared, good_partner, lone_name, lone_partner
from tests.recognition.watch import Watch, codes, status, told
from tests.sanctions.factories import ended, impose
from tests.sanctions.transfer_restrictions.support import government, open_head_office, set_on
from tests.support import World


async def test_a_measure_worsens_and_its_end_brings_it_back(api_for: ApiFor, watch: Watch) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner, other = [await good_partner(api_for, watch.operator, lone_name()) for _ in range(2)]
    for one in (partner, other):
        await make_assessment(unicef, one)
    answer = await cleared(wfp, {"id": partner}, **SMALL)
    beside = await cleared(wfp, {"id": other}, **SMALL)
    assert answer["outcome"] == "CLEAR"
    before = await status(wfp, answer)
    assert (before["status"], before["version"], before["causes"]) == ("open", 1, [])
    await watch.settle()
    entry = await impose(api_for, partner)
    assert await watch.settle() == 1
    now = await status(wfp, answer)
    assert (now["status"], now["outcome_given"], now["outcome_now"]) == (
        "worsened",
        "CLEAR",
        "REFER",
    )
    assert [(one["code"], one["source"]) for one in now["causes"]] == [
        ("SANCTIONED_OTHER_AGENCY", "UNDP")
    ]
    reread = await wfp.get(f"/v1/clearances/{answer['clearance_id']}")
    assert (reread.json(), reread.headers["clearance-status"]) == (
        answer,
        "worsened; changed-facts=0",
    )
    assert (await status(wfp, beside))["status"] == "open"
    assert [one["status"] for one in await told(wfp, answer)] == ["worsened"]
    await ended(api_for, entry, "annul")
    await watch.settle()
    back = await status(wfp, answer)
    assert (back["status"], back["version"]) == ("open", 3)
    assert [one["status"] for one in await told(wfp, answer)] == ["worsened", "open"]


async def test_what_changes_while_an_answer_is_being_stored_is_not_missed(
    api_for: ApiFor, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    wfp = await api_for("WFP")
    partner = await good_partner(api_for, watch.operator, lone_name())
    await make_assessment(await api_for("UNICEF"), partner)

    async def late(*given: Any) -> None:
        await impose(api_for, partner)
        await watch.settle()
        await store(*given)

    monkeypatch.setattr(desk, "store", late)
    answer = await cleared(wfp, {"id": partner}, **SMALL)
    monkeypatch.undo()
    assert answer["outcome"] == "CLEAR"
    assert await watch.settle() == 1
    assert (await status(wfp, answer))["status"] == "worsened"


async def test_what_concerns_all_waits_behind_what_concerns_a_few(
    api_for: ApiFor, watch: Watch
) -> None:
    wfp = await api_for("WFP")
    partner = (await lone_partner(wfp))["id"]
    answer, other = [await cleared(wfp, {"id": partner}) for _ in range(2)]
    await watch.settle()
    async with watch.worker.session() as session:
        await affected.put(session, [affected.about("source", "unsc", utc_now())])
        about = affected.about("partner", partner, utc_now())
        await affected.put(session, [about], [UUID(other["clearance_id"])])
        await session.flush()
        first = text(
            "SELECT clearance_id::text, bulk FROM clearance_rechecks ORDER BY bulk, due_at LIMIT 1"
        )
        assert tuple((await session.execute(first)).one()) == (other["clearance_id"], False)
        bulk = text("SELECT bulk FROM clearance_rechecks WHERE clearance_id = :id")
        assert await session.scalar(bulk, {"id": UUID(answer["clearance_id"])}) is True
        await session.rollback()


async def test_the_end_of_a_measure_that_was_there_improves(api_for: ApiFor, watch: Watch) -> None:
    wfp = await api_for("WFP")
    entry = await impose(api_for)
    answer = await cleared(wfp, {"id": entry["partner_id"]})
    await ended(api_for, entry, "annul")
    await watch.settle()
    now = await status(wfp, answer)
    assert (now["status"], codes(now)) == ("improved", ["SANCTIONED_OTHER_AGENCY"])
    assert {"kind": "measure", "id": entry["entry_id"], "what": "annulled"} in now["changed_facts"]


async def test_an_assessment_that_is_withdrawn_worsens_and_is_named(
    api_for: ApiFor, watch: Watch
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = (await lone_partner(unicef))["id"]
    made = await make_assessment(unicef, partner)
    answer = await cleared(wfp, {"id": partner})
    assert (await withdraw(unicef, made)).status_code == 201
    await watch.settle()
    now = await status(wfp, answer)
    assert (now["status"], codes(now)) == ("worsened", ["NO_PSEA"])
    assert now["changed_facts"] == [{"kind": "assessment", "id": made["id"], "what": "withdrawn"}]


async def test_a_new_assessment_improves(api_for: ApiFor, watch: Watch) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = await good_partner(api_for, watch.operator, lone_name())
    answer = await cleared(wfp, {"id": partner}, **SMALL)
    await make_assessment(unicef, partner)
    await watch.settle()
    now = await status(wfp, answer)
    assert (now["status"], now["outcome_now"], codes(now)) == ("improved", "CLEAR", ["NO_PSEA"])


async def test_a_revoked_share_worsens_nothing(api_for: ApiFor, watch: Watch) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = await good_partner(api_for, watch.operator, lone_name())
    made = await make_assessment(unicef, partner)
    share = await make_share(unicef, made["id"], shared_with="WFP")
    answer = await cleared(wfp, {"id": partner}, **SMALL)
    other = await cleared(await api_for("UNDP"), {"id": partner}, **SMALL)
    await watch.settle()
    url = f"/v1/assessments/{made['id']}/shares/{share['id']}"
    assert (await unicef.delete(url)).status_code == 204
    assert await watch.settle() == 1
    now = await status(wfp, answer)
    assert (now["status"], now["outcome_now"]) == ("open", "CLEAR")
    assert now["changed_facts"] == [
        {"kind": "assessment", "id": made["id"], "what": "not_viewable"}
    ]
    assert await told(wfp, answer) == []
    assert (await status(await api_for("UNDP"), other))["changed_facts"] == []


async def test_a_red_flag_on_headquarters_worsens(
    api_for: ApiFor, watch: Watch, operator_database: Database, world: World
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    above = await lone_partner(unicef, partner_type="NGO_INTL", country="CHE")
    office = await lone_partner(unicef, partner_type="NGO_INTL", hq_id=above["id"])
    answer = await cleared(wfp, {"id": office["id"]})
    await make_red(await hq(api_for, operator_database, world), above["id"])
    await watch.settle()
    now = await status(wfp, answer)
    assert now["status"] == "worsened"
    assert "RED_FLAG" in codes(now)


async def test_a_merge_brings_the_measures_of_both(api_for: ApiFor, watch: Watch) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    loser, survivor = [await lone_partner(unicef) for _ in range(2)]
    answer = await cleared(wfp, {"id": survivor["id"]})
    await impose(api_for, loser["id"])
    await watch.settle()
    assert (await status(wfp, answer))["status"] == "open"
    await merged(api_for, loser, survivor)
    await watch.settle()
    assert "SANCTIONED_OTHER_AGENCY" in codes(await status(wfp, answer))


async def test_a_list_that_is_held_back_worsens_until_its_next_issue(
    api_for: ApiFor, watch: Watch
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = (await lone_partner(unicef))["id"]
    await make_assessment(unicef, partner)
    answer = await cleared(wfp, {"id": partner})
    await _hold(watch, "waiting", affected.about("source", "unsc", utc_now()))
    await watch.settle()
    assert codes(await status(wfp, answer)) == ["LIST_STALE"]
    await _hold(watch, "refused", affected.about("stale_source", "unsc", utc_now()))
    await watch.settle()
    assert (await status(wfp, answer))["status"] == "open"


async def _hold(watch: Watch, state: str, what: dict[str, Any]) -> None:
    """An issue of the list waits for a person, or does no longer."""
    async with watch.worker.session() as session:
        await session.execute(
            text(
                """INSERT INTO list_candidates (id, source, digest, header, added, changed, removed,
                  before, state) VALUES (uuidv7(), 'unsc', 'held', '{}', 0, 0, 9, 9, :state)"""
            )
            if state == "waiting"
            else text(
                """UPDATE list_candidates SET state = :state, decided_by = 'test', reason = 'test',
                  decided_at = now() WHERE source = 'unsc' AND state = 'waiting'"""
            ),
            {"state": state},
        )
        await affected.put(session, [what])


async def test_an_expired_clearance_is_left_alone(
    api_for: ApiFor, watch: Watch, operator_database: Database
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = (await lone_partner(unicef))["id"]
    answer = await cleared(wfp, {"id": partner})
    past = {"id": answer["clearance_id"], "end": utc_now() - timedelta(hours=1)}
    async with operator_database.session() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        for table, column, key in (
            ("clearances", "expires_at", "id"),
            ("clearance_dependencies", "until", "clearance_id"),
        ):
            sql = f"UPDATE {table} SET {column} = :end WHERE {key} = CAST(:id AS uuid)"
            await session.execute(text(sql), past)
    await impose(api_for, partner)
    await watch.settle()
    now = await status(wfp, answer)
    assert (now["status"], now["outcome_now"], now["causes"]) == ("expired", answer["outcome"], [])


async def test_what_an_agency_may_not_know_moves_nothing_of_its_own(
    api_for: ApiFor, watch: Watch
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = (await lone_partner(unicef))["id"]
    answer, own = await cleared(wfp, {"id": partner}), await cleared(unicef, {"id": partner})
    await make_assessment(unicef, partner, confidentiality="AGENCY_ONLY")
    await watch.settle()
    assert (await status(wfp, answer))["status"] == "open"
    assert await told(wfp, answer) == []
    assert (await status(unicef, own))["status"] == "improved"


def _verdict(outcome: str, *reasons: tuple[str, str]) -> Verdict:
    found = [{"code": code, "source": "x", "detail": {"alone": alone}} for code, alone in reasons]
    return Verdict(outcome=outcome, reasons=found)  # type: ignore[arg-type]  # the few fields that matter here


@pytest.mark.parametrize(
    ("given", "now", "wanted"),
    [
        (("REFER", ("A", "REFER")), ("REFER", ("A", "REFER"), ("B", "REFER")), "worsened"),
        (("REFER", ("A", "REFER"), ("B", "REFER")), ("REFER", ("A", "REFER")), "improved"),
        (("REFER", ("A", "REFER")), ("REFER", ("A", "REFER"), ("N", "CLEAR")), "open"),
        (("BLOCKED", ("A", "BLOCKED")), ("REFER", ("B", "REFER")), "improved"),
        (("CLEAR",), ("BLOCKED", ("A", "BLOCKED")), "worsened"),
    ],
)
def test_worse_and_better(given: Any, now: Any, wanted: str) -> None:
    before = _verdict(*given)
    answer = {"outcome": before.outcome, "reasons": before.reasons}
    assert compare(answer, _verdict(*now)).status == wanted


async def test_a_transfer_restriction_reaches_those_who_may_know_of_it(
    api_for: ApiFor, watch: Watch, operator_database: Database, world: World
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    await open_head_office(operator_database, world, "WFP")
    ministry = await government(unicef)
    own = await cleared(unicef, {"id": ministry})
    await set_on(unicef, ministry)
    await watch.settle()
    assert "TRANSFER_RESTRICTION" in codes(await status(unicef, own))
    assert wfp is not None
