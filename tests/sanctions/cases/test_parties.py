"""Other agencies in a case: by invitation and answer, and no more than is shared with them."""

from __future__ import annotations

from tests.conftest import ApiFor
from tests.sanctions.cases.support import REVIEW, Case, code, day
from tests.support import Api

INVITATIONS = "/v1/sanctions/case-invitations"


async def _joined(case: Case, other: Api, **more: object) -> str:
    body = {"agency": "WFP", "parts": ["notice", "decision"]} | more
    invited = await (await case.investigator()).made(f"{case.url}/parties", body)
    url = f"{INVITATIONS}/{invited['id']}/answer"
    return str((await other.made(url, {"answer": "accept"}))["id"])


async def test_an_agency_reads_the_parts_shared_with_it_once_it_has_joined(
    api_for: ApiFor,
) -> None:
    case = await Case.open(api_for)
    await case.told()
    await case.replied()
    wfp, fao = await api_for("WFP"), await api_for("FAO")
    assert code(await wfp.get(case.url)) == (404, "case_not_found")
    investigator = await case.investigator()
    body = {"agency": "WFP", "parts": ["notice"]}
    invited = await investigator.made(f"{case.url}/parties", body)
    again = await investigator.post(f"{case.url}/parties", json=body)
    assert code(again) == (409, "case_invitation_exists")
    # Asked is not joined.
    assert code(await wfp.get(case.url)) == (404, "case_not_found")
    (seen,) = [
        item for item in (await wfp.read(INVITATIONS))["items"] if item["id"] == invited["id"]
    ]
    assert (seen["lead_agency"], seen["partner_id"]) == ("UNDP", case.partner)
    url = f"{INVITATIONS}/{invited['id']}/answer"
    stranger = await fao.post(url, json={"answer": "accept"})
    assert code(stranger) == (404, "case_invitation_not_found")
    lead = await investigator.post(url, json={"answer": "accept"})
    assert code(lead) == (404, "case_invitation_not_found")
    await wfp.made(url, {"answer": "accept"})
    assert code(await wfp.post(url, json={"answer": "decline"})) == (409, "step_out_of_order")
    shown = await wfp.read(case.url)
    assert [step["kind"] for step in shown["steps"]] == ["notice"]
    assert shown["agency"] == "UNDP"
    assert case.opened["id"] in [
        item["id"] for item in (await wfp.read("/v1/sanctions/cases?limit=200"))["items"]
    ]
    ended = await investigator.delete(f"{case.url}/parties/{invited['id']}")
    assert ended.status_code == 204
    assert code(await wfp.get(case.url)) == (404, "case_not_found")


async def test_who_has_joined_takes_no_step(api_for: ApiFor) -> None:
    case = await Case.open(api_for)
    wfp = await api_for("WFP")
    await _joined(case, wfp)
    for path, body in (
        ("notice", {"sent_on": "2026-05-04", "summary": "S"}),
        ("withdrawal", {"reason": "R"}),
        ("review", REVIEW),
        ("respondents", {"relation": "PRINCIPAL", "individual": {"names": ["N"]}}),
        ("parties", {"agency": "FAO"}),
    ):
        answer = await wfp.post(f"{case.url}/{path}", json=body)
        assert code(answer) == (404, "case_not_found"), path


async def test_a_lent_panel_reviews_and_reads_what_it_reviews(api_for: ApiFor) -> None:
    case = await Case.open(api_for)
    wfp = await api_for("WFP_REVIEWER")
    await _joined(case, wfp, role="panel", parts=[])
    person = {"relation": "PRINCIPAL", "individual": {"names": ["Canary Person"]}}
    added = await (await case.investigator()).made(f"{case.url}/respondents", person)
    early = await wfp.post(f"{case.url}/review", json=REVIEW)
    assert code(early) == (409, "step_out_of_order")
    await case.told(sent_on=day(-1))
    await case.told(respondent_id=added["respondents"][1]["id"])
    early = await wfp.post(f"{case.url}/review", json=REVIEW)
    assert code(early) == (409, "reply_period_open")
    shown = await wfp.read(case.url)
    assert {step["kind"] for step in shown["steps"]} == {"finding", "notice"}
    assert shown["individuals"][0]["facts"]["names"] == ["Canary Person"]
    await case.replied(received_on=day())
    await wfp.made(f"{case.url}/review", REVIEW)
    read = await case.read()
    assert (read["state"], read["steps"][-1]["kind"]) == ("UNDER_REVIEW", "review")
    assert (await case.decide()).status_code == 201


async def test_only_another_active_agency_is_asked(api_for: ApiFor) -> None:
    case = await Case.open(api_for)
    investigator = await case.investigator()
    for name in ("UNDP", "NOBODY"):
        answer = await investigator.post(f"{case.url}/parties", json={"agency": name})
        assert code(answer) == (422, "agency_unfit")
    wrong = {"agency": "WFP", "parts": ["everything"]}
    assert (await investigator.post(f"{case.url}/parties", json=wrong)).status_code == 422
    nobody = await investigator.delete(f"{case.url}/parties/{case.opened['id']}")
    assert code(nobody) == (404, "case_invitation_not_found")
