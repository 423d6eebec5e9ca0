"""Conditions, releases and annulments: what each needs, and that two persons take part."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from app.core.db import Database
from tests.conftest import ApiFor, Settle
from tests.sanctions.entries.support import day, lift, measure, shift, version
from tests.sanctions.factories import ended, released
from tests.support import World

_CONDITIONS = [
    {"condition": "Repay what was lost.", "due_on": "2027-06-30"},
    {"condition": "An independent compliance programme is in place."},
]
_TERMS: dict[str, Any] = {
    "measure": "DEBARMENT_CONDITIONAL_RELEASE",
    "effective_to": None,
    "conditions": _CONDITIONS,
}


def _url(entry: dict[str, Any]) -> str:
    return f"/v1/sanctions/entries/{entry['entry_id']}"


async def _verify(
    api_for: ApiFor, entry: dict[str, Any], number: int, state: str, at: int = 1
) -> tuple[int, str | None]:
    condition = entry["conditions"][number]["id"]
    answer = await (await api_for("UNDP")).post(
        f"{_url(entry)}/conditions/{condition}/verification",
        json={"state": state, "note": "Canary: the monitor's report."},
        headers={"If-Match": f'"v{at}"'},
    )
    return answer.status_code, answer.json().get("code")


async def _ask(api_for: ApiFor, entry: dict[str, Any], kind: str) -> tuple[int, dict[str, Any]]:
    answer = await (await api_for("UNDP")).post(
        f"{_url(entry)}/{kind}", json={"reason": "Canary reason."}, headers=version(entry)
    )
    return answer.status_code, answer.json()


async def test_a_release_waits_for_every_condition(api_for: ApiFor) -> None:
    entry = await measure(api_for, **_TERMS)
    assert [one["state"] for one in entry["conditions"]] == ["open", "open"]
    assert (await _ask(api_for, entry, "release"))[1]["code"] == "conditions_not_met"
    assert await _verify(api_for, entry, 0, "breached") == (200, None)
    assert await _verify(api_for, entry, 0, "met") == (412, "precondition_failed")
    assert await _verify(api_for, entry, 0, "met", 2) == (200, None)
    assert await _verify(api_for, entry, 0, "waived", 3) == (409, "condition_settled")
    assert (await _ask(api_for, entry, "release"))[1]["code"] == "conditions_not_met"
    assert await _verify(api_for, entry, 1, "waived") == (200, None)
    shown = (await (await api_for("WFP")).read(_url(entry)))["conditions"]
    assert [(one["state"], one["verified_on"]) for one in shown] == [
        ("met", day(0)),
        ("waived", day(0)),
    ]
    assert (await _ask(api_for, entry, "release"))[1]["code"] == "release_in_case"
    assert (await released(api_for, entry))["status"] == "RELEASED"


async def test_a_release_waits_for_its_earliest_day(
    api_for: ApiFor, operator_database: Database
) -> None:
    terms = _TERMS | {"conditions": [], "release_not_before": day(1)}
    entry = await measure(api_for, **terms)
    assert (await _ask(api_for, entry, "release"))[1]["code"] == "conditions_not_met"
    await shift(operator_database, entry, release_not_before="current_date")
    assert (await _ask(api_for, entry, "release"))[1]["code"] == "release_in_case"
    assert (await released(api_for, entry))["status"] == "RELEASED"


async def test_who_asks_does_not_decide(api_for: ApiFor) -> None:
    entry = await measure(api_for)
    asked = (await _ask(api_for, entry, "annul"))[1]
    url, body = f"{_url(entry)}/acts/{asked['id']}/decision", {"decision": "approve", "reason": "x"}
    undp = await api_for("UNDP")
    same = await undp.post(url, json=body, headers={"If-Match": '"v1"'})
    assert (same.status_code, same.json()["code"]) == (409, "entry_second_person")
    assert (await _ask(api_for, entry, "annul"))[1]["code"] == "entry_act_pending"
    other = await (await api_for("FAO_APPROVER")).post(url, json=body, headers={"If-Match": '"v1"'})
    assert other.status_code == 404
    rejected = await (await api_for("UNDP_APPROVER")).post(
        url, json=body | {"decision": "reject"}, headers={"If-Match": '"v1"'}
    )
    assert (rejected.json()["state"], rejected.json()["entry_status"]) == ("rejected", "ACTIVE")
    again = await (await api_for("UNDP_APPROVER")).post(
        url, json=body, headers={"If-Match": '"v2"'}
    )
    assert again.json()["code"] == "entry_act_decided"
    acts = (await undp.read(f"{_url(entry)}/acts"))["items"]
    assert [(one["reason"], one["decision_reason"]) for one in acts] == [("Canary reason.", "x")]
    assert (await (await api_for("WFP")).read(f"{_url(entry)}/acts"))["items"] == []


async def test_what_has_ended_is_not_released_but_may_be_annulled(api_for: ApiFor) -> None:
    entry = await measure(api_for)
    lifted = (await lift(api_for, entry)).json()
    assert (await _ask(api_for, lifted, "release"))[1]["code"] == "entry_ended"
    assert (await ended(api_for, lifted, "annul"))["entry_status"] == "ANNULLED"
    now = await (await api_for("UNDP")).read(_url(entry))
    assert (await _ask(api_for, now, "annul"))[1]["code"] == "entry_ended"
    assert (await lift(api_for, now)).json()["code"] == "entry_ended"


_TOLD = text("SELECT reason FROM feed_changes WHERE entry_id = :id ORDER BY seq DESC LIMIT 1")


@pytest.mark.parametrize("cause", ["void", "error", "duplicate"])
async def test_the_feed_is_told_why_it_is_annulled(
    cause: str, api_for: ApiFor, settle: Settle, operator_database: Database
) -> None:
    entry = await measure(api_for)
    body: dict[str, Any] = {"reason": "Canary reason.", "cause": cause}
    undp, url = await api_for("UNDP"), _url(entry)
    if cause == "duplicate":
        for wrong in (entry, await measure(api_for)):
            named = body | {"duplicate_of": wrong["entry_id"]}
            answer = await undp.post(f"{url}/annul", json=named, headers=version(entry))
            assert answer.json()["code"] == "duplicate_unknown"
        answer = await undp.post(f"{url}/annul", json=body, headers=version(entry))
        assert answer.status_code == 422
        terms = {"effective_from": day(401), "effective_to": day(500)}
        body["duplicate_of"] = (await measure(api_for, entry["partner_id"], **terms))["entry_id"]
    asked = await undp.made(f"{url}/annul", body, headers=version(entry))
    assert (asked["cause"], asked["duplicate_of"]) == (cause, body.get("duplicate_of"))
    decision = {"decision": "approve", "reason": "x"}
    done = await (await api_for("UNDP_APPROVER")).post(
        f"{url}/acts/{asked['id']}/decision", json=decision, headers={"If-Match": '"v1"'}
    )
    assert done.json()["entry_status"] == "ANNULLED"
    await settle()
    async with operator_database.session() as session:
        reason = await session.scalar(_TOLD, {"id": entry["entry_id"]})
    assert reason == {"void": "annulled"}.get(cause, cause)


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("ended_on = current_date, end_reason = 'released'", "takes two persons"),
        (
            "ended_on = current_date, end_reason = 'annulled', voided_at = now()",
            "takes two persons",
        ),
        ("voided_at = now()", "ck_sanction_entries_voided|two persons"),
        ("ended_on = current_date", "ck_sanction_entries_ended"),
        ("level = 'HIDDEN'", "ck_sanction_entries_level"),
    ],
)
async def test_the_database_refuses_what_the_service_would(
    change: str, constraint: str, api_for: ApiFor, database: Database, world: World
) -> None:
    entry = UUID((await measure(api_for))["entry_id"])
    with pytest.raises(Exception, match=constraint):
        async with database.session(world.agencies["UNDP"]) as session:
            await session.execute(
                text(f"UPDATE sanction_entries SET {change} WHERE id = :id"), {"id": entry}
            )


async def test_what_is_over_does_not_come_back(
    api_for: ApiFor, database: Database, world: World
) -> None:
    entry = await measure(api_for)
    await lift(api_for, entry)
    for change in ("ended_on = NULL, end_reason = NULL", "ended_on = current_date - 1"):
        with pytest.raises(Exception, match="the measure has ended"):
            async with database.session(world.agencies["UNDP"]) as session:
                await session.execute(
                    text(f"UPDATE sanction_entries SET {change} WHERE id = :id"),
                    {"id": UUID(entry["entry_id"])},
                )


async def test_nothing_is_found_where_there_is_nothing(api_for: ApiFor) -> None:
    entry = await measure(api_for)
    undp, nothing, v1 = await api_for("UNDP_APPROVER"), uuid4(), {"If-Match": '"v1"'}
    verified = {"state": "met", "note": "x"}
    decided = {"decision": "approve", "reason": "x"}
    for url, body, code in (
        (f"{_url(entry)}/conditions/{nothing}/verification", verified, "condition_not_found"),
        (f"{_url(entry)}/acts/{nothing}/decision", decided, "entry_act_not_found"),
        (f"/v1/sanctions/entries/{nothing}/annul", {"reason": "x"}, "entry_not_found"),
    ):
        answer = await undp.post(url, json=body, headers=v1)
        assert (answer.status_code, answer.json()["code"]) == (404, code)
    assert (await undp.post(f"{_url(entry)}/annul", json={"reason": "x"})).status_code == 428


async def test_a_custodian_has_no_case_and_releases_by_two_persons(
    api_for: ApiFor, operator_database: Database, world: World
) -> None:
    entry = await measure(api_for, **_TERMS | {"conditions": _CONDITIONS[:1]})
    await shift(operator_database, entry, custodian_agency=f"'{world.agencies['FAO']}'")
    first, second = await api_for("FAO"), await api_for("FAO_APPROVER")
    body = {"reason": "Canary: the programme is in place."}
    early = await first.post(f"{_url(entry)}/release", json=body, headers=version(entry))
    assert early.json()["code"] == "conditions_not_met"
    condition = entry["conditions"][0]["id"]
    await first.post(
        f"{_url(entry)}/conditions/{condition}/verification",
        json={"state": "met", "note": "Canary"},
        headers={"If-Match": '"v1"'},
    )
    asked = await first.made(f"{_url(entry)}/release", body, headers=version(entry))
    url = f"{_url(entry)}/acts/{asked['id']}/decision"
    decision, v1 = {"decision": "approve", "reason": "Canary: seen."}, {"If-Match": '"v1"'}
    same = await first.post(url, json=decision, headers=v1)
    assert same.json()["code"] == "entry_second_person"
    done = await second.post(url, json=decision, headers=v1)
    assert (done.status_code, done.json()["entry_status"]) == (200, "RELEASED")
