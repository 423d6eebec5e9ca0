"""What agencies decided after clearances: by a person, once; waivers by name, and watched."""

from __future__ import annotations

import json
from contextlib import nullcontext
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app.core.clock import utc_now
from app.core.db import Database
from app.recognition.decisions.errors import WaiverNotAllowed
from app.recognition.decisions.schemas import DecisionIn
from app.recognition.decisions.service import _check_waivers
from app.recognition.decisions.upkeep import remind
from app.recognition.schemas import ClearanceIn
from app.sanctions.lists.importer import import_list
from tests.assessments.factories import make_assessment
from tests.audit.support import add_officer, events_of
from tests.conftest import ApiFor, Settle
from tests.partners.merges.support import merged
from tests.recognition.conftest import SAMPLE
from tests.recognition.support import SMALL, ask, cleared, good_partner, lone_name, lone_partner
from tests.recognition.watch import shift
from tests.sanctions.factories import impose
from tests.sanctions.matches.support import Rescreening, a_find, confirmed, match_of
from tests.support import Api, World

V1 = {"If-Match": '"v1"'}
SIGNED = {"decision": "signed", "reason": "NO_ADVERSE_INFORMATION", "level": "officer"}


@pytest.fixture(scope="module", autouse=True)
async def lists(worker_database: Database, settle: Settle) -> None:
    await import_list(worker_database, "unsc", SAMPLE)
    await settle()


def url_of(answer: dict[str, Any]) -> str:
    return f"/v1/clearances/{answer['clearance_id']}"


def waived(days: int = 100, requirement: str = "PSEA") -> dict[str, Any]:
    by = (utc_now() + timedelta(days=days)).date().isoformat()
    one = {"requirement": requirement, "complete_by": by}
    return {"decision": "waived", "reason": "LIFE_SAVING", "level": "regional", "waivers": [one]}


async def hurried(api_for: ApiFor, operator: Database) -> tuple[str, dict[str, Any]]:
    """An emergency with a partner that has no PSEA assessment: WFP may sign with conditions."""
    partner = await good_partner(api_for, operator, lone_name())
    asked = SMALL | {"context": "emergency"}
    answer = await cleared(await api_for("WFP"), {"id": partner}, **asked)
    assert answer["outcome"] == "CLEAR_WITH_CONDITIONS", answer["reasons"]
    return partner, answer


async def test_a_person_decides_once_on_the_status_that_was_read(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = await good_partner(api_for, operator_database, lone_name())
    await make_assessment(unicef, partner)
    answer = await cleared(wfp, {"id": partner}, **SMALL)
    url = f"{url_of(answer)}/decision"
    body = SIGNED | {"agreement_reference": "WFP-KE-2026-17"}
    assert (await wfp.get(url)).json()["code"] == "clearance_not_decided"
    assert (await wfp.post(url, json=body)).status_code == 428
    old = await wfp.post(url, json=body, headers={"If-Match": '"v2"'})
    assert old.status_code == 412
    assert (await unicef.post(url, json=body, headers=V1)).status_code == 404
    made = await wfp.made(url, body, headers=V1)
    assert (made["decision"], made["office"], made["outcome_then"]) == ("signed", "HQ", "CLEAR")
    assert await wfp.read(url) == made
    status = await wfp.read(f"{url_of(answer)}/status")
    assert (status["decided"], status["version"]) == (True, 2)
    again = await wfp.post(url, json=body, headers={"If-Match": '"v2"'})
    assert (again.status_code, again.json()["code"]) == (409, "clearance_decided")
    events = [row.event for row in await events_of(operator_database, answer["clearance_id"])]
    assert [one for one in events if one.startswith("clearance:")] == [
        "clearance:answer:give",
        "clearance:answer:decide",
    ]


async def test_waivers_are_for_emergencies_and_for_what_is_missing(
    api_for: ApiFor, operator_database: Database
) -> None:
    wfp = await api_for("WFP")
    partner, answer = await hurried(api_for, operator_database)
    regular = await cleared(wfp, {"id": partner})
    entry = await impose(api_for, partner)
    listed = await cleared(wfp, {"id": entry["partner_id"]}, context="emergency")
    for one, body in (
        (answer, waived(days=190)),
        (answer, waived(days=-1)),
        (answer, waived(requirement="SANCTIONS")),
        (answer, waived(requirement="HACT_MICRO")),
        (regular, waived()),
        (listed, waived()),
    ):
        refused = await wfp.post(f"{url_of(one)}/decision", json=body, headers=V1)
        assert (refused.status_code, refused.json()["code"]) == (422, "waiver_not_allowed")
    for body in (waived() | {"waivers": []}, SIGNED | {"waivers": waived()["waivers"]}):
        refused = await wfp.post(f"{url_of(answer)}/decision", json=body, headers=V1)
        assert refused.json()["code"] == "invalid_request", refused.text


def test_a_waiver_lasts_no_longer_than_the_policy_lets_it() -> None:
    """What no policy lets be met later is not waived at all."""
    (one,) = waived(60)["waivers"]
    line = {"requirement": "PSEA", "satisfied": False}
    now = {"outcome_now": "CLEAR_WITH_CONDITIONS"}
    asked = ClearanceIn.model_validate_json(
        json.dumps(ask({"id": str(uuid4())}, context="emergency"))
    )
    for days, named, allowed in (
        (60, one["complete_by"], True),
        (61, one["complete_by"], False),
        (60, None, False),
    ):
        answer = {"recognition": [line | {"complete_by": named}]}
        wanted = DecisionIn.model_validate_json(json.dumps(waived(days)))
        with nullcontext() if allowed else pytest.raises(WaiverNotAllowed):
            _check_waivers(wanted, answer, now, asked)


async def test_the_security_council_check_is_waived_by_nobody(
    api_for: ApiFor, operator_database: Database, app: FastAPI, worker_database: Database
) -> None:
    wfp = await api_for("WFP")
    partner, before = await hurried(api_for, operator_database)
    for source, refused in (("world_bank", 422), ("unsc", 409)):
        found = a_find(partner, source=source)
        await Rescreening(app, worker_database).subject(partner, found)
        await confirmed(
            wfp, await api_for("WFP_REVIEWER"), await match_of(wfp, partner, source=source)
        )
        answer = await cleared(wfp, {"id": partner}, **SMALL | {"context": "emergency"})
        # An agency may sign past a bank's list, and says so; waived is neither of the two.
        for body, status in ((waived(), refused), (SIGNED, 201 if refused == 422 else 409)):
            said = await wfp.post(f"{url_of(answer)}/decision", json=body, headers=V1)
            assert said.status_code == status, said.text
        if refused == 409:
            assert answer["outcome"] == "BLOCKED"
            assert said.json()["code"] == "security_council_not_waived"
            no = SIGNED | {"decision": "not_signed", "reason": "NOT_SELECTED"}
            await wfp.made(f"{url_of(answer)}/decision", no, headers=V1)
        await Rescreening(app, worker_database).subject(partner)
    # Given before it was found, and moved by the watch: what came since counts.
    await shift(
        operator_database,
        """INSERT INTO clearance_changes (id, clearance_id, agency_id, version, status, outcome,
          causes, notes, at) SELECT uuidv7(), id, agency_id, 2, 'worsened', 'BLOCKED',
          '[{"code": "SANCTIONED_EXTERNAL", "source": "unsc", "at": "2026-11-23T00:00:00Z"}]', '[]',
          now() FROM clearances WHERE id = CAST(:id AS uuid)""",
        id=before["clearance_id"],
    )
    late = await wfp.post(f"{url_of(before)}/decision", json=waived(), headers={"If-Match": '"v2"'})
    assert (late.status_code, late.json()["code"]) == (409, "security_council_not_waived")


async def test_a_waiver_is_watched_counted_and_completed_by_a_later_clearance(
    api_for: ApiFor,
    settle: Settle,
    worker_database: Database,
    operator_database: Database,
    world: World,
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner, answer = await hurried(api_for, operator_database)
    made = await wfp.made(f"{url_of(answer)}/decision", waived(), headers=V1)
    (waiver,) = made["waivers"]
    assert (waiver["requirement"], waiver["overdue"]) == ("PSEA", False)
    await _age(operator_database, waiver["id"])
    assert await remind(worker_database) >= 1
    assert await remind(worker_database) == 0
    await settle()
    page = await wfp.read("/v1/clearance-waivers?state=overdue")
    assert waiver["id"] in [one["id"] for one in page["items"]]
    theirs = (await unicef.read("/v1/clearance-waivers"))["items"]
    assert waiver["id"] not in [one["id"] for one in theirs]
    overseer = await api_for(await add_officer(operator_database, world, "WFP", "OVSD", "OVS"))
    counts = (await overseer.read("/v1/clearance-waivers/statistics"))["items"]
    (mine,) = [one for one in counts if one["reason"] == "LIFE_SAVING"]
    assert (mine["office"], mine["requirement"], mine["overdue"] >= 1) == ("HQ", "PSEA", True)
    counts = (await overseer.read("/v1/clearance-decisions/statistics"))["items"]
    [same] = [one for one in counts if one["reason"] == "LIFE_SAVING"]
    assert (same["office"], same["decision"], same["decisions"] >= 1) == ("HQ", "waived", True)
    assert same["outcome_then"] == "CLEAR_WITH_CONDITIONS"
    assert await _told(wfp, answer) == ["clearance.waiver_overdue"]
    await _complete(api_for, operator_database, partner, waiver, answer)


async def _age(operator: Database, waiver: str) -> None:
    async with operator.session() as session:
        await session.execute(
            text(
                """UPDATE clearance_waivers SET given_on = current_date - 30,
                  complete_by = current_date - 1 WHERE id = CAST(:id AS uuid)"""
            ),
            {"id": waiver},
        )


async def _told(api: Api, answer: dict[str, Any]) -> list[str]:
    found, cursor, more = [], None, True
    while more:
        after: dict[str, str] = {"after": cursor} if cursor else {}
        page = await api.read("/v1/events", params={"limit": "200"} | after)
        found += [
            one["type"]
            for one in page["items"]
            if one["data"].get("clearance") == answer["clearance_id"]
        ]
        cursor, more = page["cursor"], page["more"]
    return found


async def _moved(operator: Database, clearance: str, days: int) -> None:
    async with operator.session() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(
            text(
                """UPDATE clearances SET evaluated_at = evaluated_at + make_interval(days => :days)
                WHERE id = CAST(:id AS uuid)"""
            ),
            {"id": clearance, "days": days},
        )


async def _complete(
    api_for: ApiFor,
    operator: Database,
    partner: str,
    waiver: dict[str, Any],
    answer: dict[str, Any],
) -> None:
    wfp, url = await api_for("WFP"), f"/v1/clearance-waivers/{waiver['id']}/completion"
    early = await wfp.post(url, json={"clearance_id": answer["clearance_id"]}, headers=V1)
    assert early.json()["code"] == "requirement_not_met"
    await make_assessment(await api_for("UNICEF"), partner)
    # Meanwhile the profile was found to be a second one of the same partner.
    first = await lone_partner(wfp)
    await merged(api_for, await wfp.read(f"/v1/partners/{partner}"), first)
    later = await cleared(wfp, {"id": partner})
    assert later["match"]["partner_id"] == first["id"]
    body = {"clearance_id": later["clearance_id"]}
    await _moved(operator, later["clearance_id"], -1)
    former = await wfp.post(url, json=body, headers=V1)
    assert former.json()["code"] == "requirement_not_met", "it was met before it was waived"
    await _moved(operator, later["clearance_id"], 1)
    done = await wfp.made(url, body, headers=V1)
    assert (done["completed_with"], done["overdue"]) == (later["clearance_id"], False)
    again = await wfp.post(url, json=body, headers={"If-Match": '"v2"'})
    assert again.json()["code"] == "waiver_completed"


async def test_the_database_itself_keeps_waivers_short(
    api_for: ApiFor, operator_database: Database
) -> None:
    _, answer = await hurried(api_for, operator_database)
    wfp = await api_for("WFP")
    (waiver,) = (await wfp.made(f"{url_of(answer)}/decision", waived(), headers=V1))["waivers"]
    async with operator_database.connection() as connection:
        for change in ("complete_by = current_date + 200", "requirement = 'SANCTIONS'"):
            sql = f"UPDATE clearance_waivers SET {change} WHERE id = $1"
            with pytest.raises(asyncpg.CheckViolationError, match="ck_clearance_waivers"):
                await connection.execute(sql, UUID(waiver["id"]))
