"""Who relied on whose assessment, counted from both sides; questions to owners decide nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.assessments.factories import make_assessment
from tests.conftest import ApiFor, Settle
from tests.recognition.support import cleared, lone_partner
from tests.support import Api

V1 = {"If-Match": '"v1"'}


@pytest.fixture
async def relied(api_for: ApiFor) -> tuple[dict[str, Any], dict[str, Any]]:
    """An assessment of UNICEF's, and a clearance of WFP's that rests on it."""
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = (await lone_partner(unicef))["id"]
    made = await make_assessment(unicef, partner)
    return made, await cleared(wfp, {"id": partner})


async def _of(api: Api, assessment: dict[str, Any], **more: str) -> list[dict[str, Any]]:
    params = {"assessment_id": assessment["id"]} | more
    items: list[dict[str, Any]] = (await api.read("/v1/recognitions", params=params))["items"]
    return items


async def test_both_sides_see_who_relied_and_nobody_else(
    api_for: ApiFor, relied: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    made, answer = relied
    (mine,) = await _of(await api_for("WFP"), made)
    assert (mine["clearance_id"], mine["by"], mine["owner_agency"], mine["signed"]) == (
        answer["clearance_id"],
        "recognised",
        "UNICEF",
        None,
    )
    (theirs,) = await _of(await api_for("UNICEF"), made, side="relied_on")
    assert (theirs["agency"], theirs["clearance_id"], theirs["signed"]) == ("WFP", None, None)
    assert await _of(await api_for("UNICEF"), made, side="relying") == []
    assert await _of(await api_for("FAO"), made) == []


async def test_recognised_refused_and_avoided_are_counted(
    api_for: ApiFor, relied: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    wfp, unicef = await api_for("WFP"), await api_for("UNICEF")
    before = await wfp.read("/v1/recognitions/statistics")
    relied_on = (await unicef.read("/v1/recognitions/statistics"))["relied_on_by_others"]
    made, _ = relied
    again = await cleared(wfp, {"id": made["partner_id"]})
    assert again["recognition"][0]["satisfied"] is True
    await cleared(wfp, {"id": (await lone_partner(unicef))["id"]})
    after = await wfp.read("/v1/recognitions/statistics")
    # The same partner twice is one assessment that was not made again.
    assert after["duplicates_avoided"] == before["duplicates_avoided"] >= 1
    reasons = {(one["reason"], one["from_agency"]): one["clearances"] for one in after["items"]}
    assert reasons["ACCEPTED", "UNICEF"] >= 2
    assert reasons["NO_PSEA", None] >= 1
    more = (await unicef.read("/v1/recognitions/statistics"))["relied_on_by_others"]
    assert more == relied_on + 1
    # Without a period it is the last year: work does not grow for ever.
    none = await wfp.read("/v1/recognitions/statistics?until=2020-01-01")
    assert (none["items"], none["duplicates_avoided"]) == ([], 0)
    assert (none["since"], none["until"]) == ("2019-01-01", "2020-01-01")
    wrong = await wfp.get("/v1/recognitions/statistics?since=2026-01-02&until=2026-01-01")
    assert wrong.status_code == 422


async def test_an_owner_is_asked_answers_and_nothing_is_decided(
    api_for: ApiFor, settle: Settle, relied: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    made, answer = relied
    unicef, wfp, fao = [await api_for(name) for name in ("UNICEF", "WFP", "FAO")]
    url = f"/v1/clearances/{answer['clearance_id']}/questions"
    body = {"subject_kind": "assessment", "subject_id": made["id"], "question": "STILL_VALID"}
    foreign = await wfp.post(url, json=body | {"subject_kind": "measure"})
    assert (foreign.status_code, foreign.json()["code"]) == (422, "statement_not_in_answer")
    asked = await wfp.made(url, body | {"reference": "WFP-KE-17"})
    one = f"/v1/clearance-questions/{asked['id']}"
    assert (await fao.get(one)).status_code == 404
    assert (await unicef.read(one))["clearance_id"] is None
    assert (
        await wfp.post(f"{one}/answer", json={"outcome": "stands"}, headers=V1)
    ).status_code == 404
    done = await unicef.made(f"{one}/answer", {"outcome": "under_review"}, headers=V1)
    assert (done["state"], done["outcome"], done["version"]) == ("answered", "under_review", 2)
    again = await wfp.post(f"{one}/withdrawal", headers={"If-Match": '"v2"'})
    assert again.json()["code"] == "clearance_question_closed"
    await settle()
    status = await wfp.read(f"/v1/clearances/{answer['clearance_id']}/status")
    assert (status["status"], status["causes"]) == ("open", [])
    second = await wfp.made(url, body)
    gone = await wfp.post(f"/v1/clearance-questions/{second['id']}/withdrawal", headers=V1)
    assert gone.json()["state"] == "withdrawn"
    listed = await unicef.read("/v1/clearance-questions?state=answered")
    assert asked["id"] in [item["id"] for item in listed["items"]]
