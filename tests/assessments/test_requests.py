"""Access requests: asking, deciding, and what a decision gives."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

from tests.assessments.factories import PURPOSE, make_assessment, make_share, request_body
from tests.conftest import ApiFor
from tests.support import Api


async def ask(api: Api, assessment_id: str, **more: Any) -> dict[str, Any]:
    return await api.made("/v1/access-requests", request_body(assessment_id, **more))


async def decide(api: Api, request_id: str, version: int = 1, **more: Any) -> Any:
    body = {"decision": "approve", "reason": "Joint programme."} | more
    return await api.post(
        f"/v1/access-requests/{request_id}/decision",
        json=body,
        headers={"If-Match": f'"v{version}"'},
    )


async def test_a_request_is_seen_by_both_sides_and_nobody_else(api_for: ApiFor) -> None:
    unicef, wfp, fao = await api_for("UNICEF"), await api_for("WFP"), await api_for("FAO")
    made = await make_assessment(unicef)
    answer = await wfp.post("/v1/access-requests", json=request_body(made["id"]))
    assert answer.status_code == 201
    asked = answer.json()
    url = f"/v1/access-requests/{asked['id']}"
    assert answer.headers["location"] == url
    assert answer.headers["etag"] == '"v1"'
    assert asked["owner_agency"] == "UNICEF"
    assert asked["requested_by"] == "WFP"
    assert asked["status"] == "open"
    assert asked["justification"] == request_body("")["justification"]
    assert await unicef.read(url) == await wfp.read(url) == asked
    assert (await wfp.get(url, headers={"If-None-Match": '"v1"'})).status_code == 304
    assert (await fao.get(url)).json()["code"] == "access_request_not_found"
    query = f"/v1/access-requests?assessment_id={made['id']}"
    for api, direction, seen in (
        (unicef, "", 1),
        (unicef, "&direction=received", 1),
        (unicef, "&direction=sent", 0),
        (wfp, "&direction=sent", 1),
        (wfp, "&direction=received", 0),
        (wfp, "&status=open", 1),
        (wfp, "&status=denied", 0),
        (fao, "", 0),
    ):
        assert len((await api.read(query + direction))["items"]) == seen


async def test_requests_page_newest_first(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    made = (await make_assessment(unicef))["id"]
    asked = [
        (await ask(wfp, made, purpose=purpose))["id"]
        for purpose in ("AUDIT", "RENEWAL", "OVERSIGHT")
    ]
    url = f"/v1/access-requests?assessment_id={made}&limit=2"
    first = await unicef.read(url)
    second = await unicef.read(f"{url}&cursor={first['next_cursor']}")
    seen = [item["id"] for page in (first, second) for item in page["items"]]
    assert seen == asked[::-1]


async def test_approval_gives_the_share_that_was_asked_for(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    made = (await make_assessment(unicef, conducted_on="2022-01-15"))["id"]
    asked = await ask(wfp, made)
    detail = f"/v1/assessments/{made}/detail"
    assert (await wfp.get(detail, headers=PURPOSE)).status_code == 404
    answer = await decide(unicef, asked["id"])
    assert answer.status_code == 200, answer.text
    assert answer.headers["etag"] == '"v2"'
    decided = answer.json()
    assert decided["status"] == "approved"
    assert decided["version"] == 2
    assert decided["reason"] == "Joint programme."
    (share,) = (await unicef.read(f"/v1/assessments/{made}/shares"))["items"]
    assert share["id"] == decided["share_id"]
    assert share["access_request_id"] == asked["id"]
    assert share["purpose"] == "PARTNER_SELECTION"
    assert share["valid_until"] == "2027-01-15T23:59:59.000000Z"
    assert await wfp.read(f"/v1/access-requests/{asked['id']}") == decided
    assert (await wfp.get(detail, headers=PURPOSE)).status_code == 200


async def test_a_denial_says_why_and_gives_nothing(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    made = (await make_assessment(unicef))["id"]
    asked = await ask(wfp, made)
    silent = await decide(unicef, asked["id"], decision="deny", reason=None)
    assert silent.status_code == 422
    assert silent.json()["errors"][0]["pointer"] == "/reason"
    denied = await decide(unicef, asked["id"], decision="deny", reason="Under revision.")
    assert denied.json()["status"] == "denied"
    assert denied.json()["share_id"] is None
    assert (await wfp.read(f"/v1/access-requests/{asked['id']}"))["reason"] == "Under revision."
    answer = await wfp.get(f"/v1/assessments/{made}/detail", headers=PURPOSE)
    assert answer.status_code == 404
    assert (await ask(wfp, made))["status"] == "open", "one may ask again"


async def test_a_decision_is_made_once_on_the_version_that_was_read(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    asked = await ask(wfp, (await make_assessment(unicef))["id"])
    url = f"/v1/access-requests/{asked['id']}/decision"
    bare = await unicef.post(url, json={"decision": "approve"})
    assert bare.status_code == 428
    assert (await decide(unicef, asked["id"], 2)).status_code == 412
    assert (await decide(unicef, asked["id"], decision="perhaps")).status_code == 422
    assert (await decide(unicef, asked["id"])).status_code == 200
    assert (await decide(unicef, asked["id"])).status_code == 412
    again = await decide(unicef, asked["id"], 2, decision="deny")
    assert again.status_code == 409
    assert again.json()["code"] == "access_request_decided"


async def test_two_persons_who_decide_at_once_do_not_both(api_for: ApiFor) -> None:
    unicef, other = await api_for("UNICEF"), await api_for("UNICEF_APPROVER")
    made = (await make_assessment(unicef))["id"]
    asked = await ask(await api_for("WFP"), made)
    answers = await asyncio.gather(
        *(decide(api, asked["id"]) for api in (unicef, other)),
        *(decide(api, asked["id"], decision="deny") for api in (unicef, other)),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]
    shares = (await unicef.read(f"/v1/assessments/{made}/shares"))["items"]
    status = (await unicef.read(f"/v1/access-requests/{asked['id']}"))["status"]
    assert len(shares) == (status == "approved")


async def test_only_a_named_person_of_the_owner_decides(api_for: ApiFor, machine: Api) -> None:
    unicef, wfp, fao = await api_for("UNICEF"), await api_for("WFP"), await api_for("FAO")
    asked = await ask(wfp, (await make_assessment(unicef))["id"])
    absent = await decide(fao, str(uuid4()))
    for api in (wfp, fao):
        answer = await decide(api, asked["id"])
        assert answer.status_code == 404
        assert answer.json()["code"] == absent.json()["code"] == "access_request_not_found"
    refused = await decide(machine, asked["id"])
    assert (refused.status_code, refused.json()["code"]) == (403, "person_required")
    assert (await unicef.read(f"/v1/access-requests/{asked['id']}"))["status"] == "open"


async def test_a_request_without_point_is_refused(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    made = (await make_assessment(unicef))["id"]
    open_to_all = (await make_assessment(unicef, confidentiality="INTER_AGENCY"))["id"]

    async def refusal(api: Api, assessment_id: str, **more: Any) -> tuple[int, str]:
        body = request_body(assessment_id, **more)
        answer = await api.post("/v1/access-requests", json=body)
        return answer.status_code, answer.json()["code"]

    assert await refusal(unicef, made) == (422, "own_record")
    assert await refusal(wfp, open_to_all) == (422, "access_not_needed")
    assert await refusal(wfp, str(uuid4())) == (404, "assessment_not_found")
    assert await refusal(wfp, made, justification=" ") == (422, "invalid_request")
    await ask(wfp, made)
    assert await refusal(wfp, made) == (409, "access_request_open")
    assert (await ask(wfp, made, purpose="AUDIT"))["status"] == "open"


async def test_approval_of_what_is_shared_already_changes_nothing(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    made = (await make_assessment(unicef))["id"]
    asked = await ask(wfp, made)
    await make_share(unicef, made)
    answer = await decide(unicef, asked["id"])
    assert (answer.status_code, answer.json()["code"]) == (409, "share_exists")
    assert (await wfp.read(f"/v1/access-requests/{asked['id']}"))["status"] == "open"
