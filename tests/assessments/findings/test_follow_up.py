"""Findings begin with the final report, and are settled, closed, verified and taken up again."""

from __future__ import annotations

from typing import Any

import pytest

from tests.assessments.audit_factories import (
    METHODOLOGIES,
    audit_detail,
    controls,
    finding,
    make_audit,
    spot_check_detail,
    visit_detail,
)
from tests.assessments.factories import make_assessment
from tests.assessments.findings.support import (
    AGREED,
    CLOSING,
    CONFIRMED,
    REOPENING,
    do,
    findings_of,
    make_finding,
    refund,
)
from tests.conftest import ApiFor


async def test_a_final_report_makes_its_findings(api_for: ApiFor) -> None:
    api = await api_for("UNICEF")
    detail = audit_detail(
        finding(
            "1000.00",
            resolved={"amount_refunded": "250.00"},
            recommendation="Canary: refund",
            due_on="2190-05-01",
            reference="2.1",
            partner_response="Canary: the bank is slow",
        ),
        key_controls=controls(PROCUREMENT="LOW"),
    )
    made = await make_audit(api, detail=detail)
    url = f"/v1/assessments/{made['id']}/findings"
    body = await api.read(url)
    money, weak = body["items"]
    assert (money["part"], money["position"], money["code"]) == (
        "financial_findings",
        0,
        "NO_PROOF_OF_PAYMENT",
    )
    assert (money["priority"], money["state"], money["overdue"]) == ("HIGH", "open", False)
    assert (money["amount_usd"], money["resolved_usd"], money["pending_usd"]) == (
        "1000.00",
        "250.00",
        "750.00",
    )
    assert (money["recommendation"], money["due_on"]) == ("Canary: refund", "2190-05-01")
    assert (money["reference"], money["partner_response"]) == ("2.1", "Canary: the bank is slow")
    assert (weak["part"], weak["code"], weak["amount_usd"]) == (
        "key_controls",
        "PROCUREMENT",
        "0.00",
    )
    assert body["totals"] == {
        "findings": 2,
        "open": 2,
        "open_high": 1,
        "overdue": 0,
        "amount_usd": "1000.00",
        "resolved_usd": "250.00",
        "pending_usd": "750.00",
    }
    history = await api.read(f"/v1/findings/{money['id']}")
    (settled,) = history["resolutions"]
    assert (settled["kind"], settled["amount_usd"], settled["settled_on"]) == (
        "amount_refunded",
        "250.00",
        "2026-03-01",
    )
    assert history["actions"] == []


async def test_a_draft_has_none_until_it_is_final(api_for: ApiFor) -> None:
    api = await api_for("UNICEF")
    made = await make_audit(api, finding(), status="draft")
    url = f"/v1/assessments/{made['id']}"
    assert await findings_of(api, made["id"]) == []
    more = {"detail": {"financial_findings": [finding("10.00"), finding("20.00", "LOW")]}}
    changed = await api.patch(url, json=more, headers={"If-Match": '"v1"'})
    assert changed.status_code == 200, changed.text
    assert await findings_of(api, made["id"]) == []
    filed = await api.patch(url, json={"status": "final"}, headers={"If-Match": '"v2"'})
    assert filed.status_code == 200, filed.text
    assert [one["amount_usd"] for one in await findings_of(api, made["id"])] == ["10.00", "20.00"]


@pytest.mark.parametrize(
    ("kind", "detail", "count"),
    [
        ("spot_check", spot_check_detail(finding("5.00"), finding("6.00", "LOW")), 2),
        ("programmatic_visit", visit_detail(observations=[{"observation": "Fine"}]), 0),
        (
            "special_audit",
            {"reported_value": "HIGH_FINDINGS", "report_reference": "R", "year": 2026},
            0,
        ),
    ],
)
async def test_each_type_has_its_own(
    api_for: ApiFor, kind: str, detail: dict[str, Any], count: int
) -> None:
    api = await api_for("UNICEF")
    body: dict[str, Any] = {
        "type": kind,
        "methodology": METHODOLOGIES[kind],
        "detail": detail,
    }
    made = await make_assessment(api, **body)
    assert made["rating"]["level"] is None
    assert len(await findings_of(api, made["id"])) == count


async def test_a_psea_assessment_has_none(api_for: ApiFor) -> None:
    api = await api_for("UNICEF")
    made = await make_assessment(api)
    assert await findings_of(api, made["id"]) == []


async def test_findings_are_paged_in_the_order_of_the_report(api_for: ApiFor) -> None:
    api = await api_for("UNICEF")
    made = await make_audit(api, *(finding(f"{n}.00") for n in range(1, 6)))
    url: str | None = f"/v1/assessments/{made['id']}/findings?limit=2"
    seen: list[str] = []
    while url:
        answer = await api.get(url)
        seen += [one["amount_usd"] for one in answer.json()["items"]]
        url = answer.links.get("next", {}).get("url")
    assert seen == ["1.00", "2.00", "3.00", "4.00", "5.00"]


async def test_what_is_agreed_last_counts_and_the_earlier_stays(api_for: ApiFor) -> None:
    api = await api_for("UNICEF")
    one = await make_finding(api, agreed_action="As printed", due_on="2190-05-01")
    status, body = await do(api, one["id"], "actions", AGREED)
    assert (status, body["due_on"], body["version"]) == (201, "2190-01-01", 2)
    assert "Canary" not in str(body)
    later = {"agreed_action": "Canary: write it off"}
    assert (await do(api, one["id"], "actions", later))[1]["due_on"] is None
    read = await api.read(f"/v1/findings/{one['id']}")
    assert (read["agreed_action"], read["responsible"]) == ("Canary: write it off", None)
    assert [(step["kind"], step["text"], step["due_on"]) for step in read["actions"]] == [
        ("agreed", "Canary: refund it", "2190-01-01"),
        ("agreed", "Canary: write it off", None),
    ]


async def test_no_more_is_settled_than_is_pending(api_for: ApiFor) -> None:
    api = await api_for("UNICEF")
    one = await make_finding(api, usd="100.00")
    assert (await do(api, one["id"], "resolutions", refund("60.00")))[0] == 201
    status, body = await do(api, one["id"], "resolutions", refund("40.01", kind="write_off"))
    assert (status, body["code"], body["errors"][0]["pointer"]) == (
        422,
        "exceeds_finding",
        "/amount_usd",
    )
    assert (await do(api, one["id"], "resolutions", refund("40.00", kind="write_off")))[0] == 201
    read = await api.read(f"/v1/findings/{one['id']}")
    assert (read["pending_usd"], len(read["resolutions"])) == ("0.00", 2)
    assert read["resolutions"][0]["reference"] == "Canary RV-118"


async def test_a_wrong_entry_is_reversed_once_and_stays(api_for: ApiFor) -> None:
    api = await api_for("UNICEF")
    one = await make_finding(api, usd="100.00")
    await do(api, one["id"], "resolutions", refund("60.00"))
    read = await api.read(f"/v1/findings/{one['id']}")
    wrong = {"reverses": read["resolutions"][0]["id"], "settled_on": "2026-06-03"}
    wrong["reference"] = "Typed twice"
    assert (await do(api, one["id"], "resolutions", wrong))[0] == 201
    assert (await do(api, one["id"], "resolutions", wrong))[1]["code"] == "resolution_not_found"
    read = await api.read(f"/v1/findings/{one['id']}")
    assert read["pending_usd"] == "100.00"
    assert [item["amount_usd"] for item in read["resolutions"]] == ["60.00", "-60.00"]
    other = await make_finding(api, usd="100.00")
    foreign = wrong | {"reverses": read["resolutions"][0]["id"]}
    assert (await do(api, other["id"], "resolutions", foreign))[0] == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount_usd": "0.00"}, {"amount_usd": "-1.00"}, {"amount_usd": 5}, {"amount_usd": None},
        {"kind": None}, {"kind": "forgiven"}, {"settled_on": "2190-01-01"}, {"reference": ""},
        {"reverses": "00000000-0000-4000-8000-000000000000"}, {"amount_usd": "1.001"},
    ],
)  # fmt: skip
async def test_a_resolution_that_makes_no_sense_is_refused(
    api_for: ApiFor, wrong: dict[str, Any]
) -> None:
    api = await api_for("UNICEF")
    one = await make_finding(api)
    status, body = await do(api, one["id"], "resolutions", refund("1.00") | wrong)
    assert status == 422, body
    assert (await api.read(f"/v1/findings/{one['id']}"))["resolved_usd"] == "0.00"


async def test_a_finding_of_low_priority_is_closed_by_one_person(api_for: ApiFor) -> None:
    api = await api_for("UNICEF")
    one = await make_finding(api, priority="LOW", usd="0.00")
    status, body = await do(api, one["id"], "closing", {"action_taken": "Canary: done"})
    assert (status, body["state"]) == (200, "closed")
    assert body["closed_at"] is not None
    assert (await do(api, one["id"], "closing", CLOSING))[1]["code"] == "finding_not_open"
    assert (await do(api, one["id"], "actions", AGREED))[1]["code"] == "finding_not_open"
    assert (await do(api, one["id"], "resolutions", refund("1.00")))[0] == 409
    assert (await do(api, one["id"], "verification", CONFIRMED))[1]["code"] == "nothing_to_verify"


async def test_money_that_is_pending_keeps_a_finding_open(api_for: ApiFor) -> None:
    api = await api_for("UNICEF")
    one = await make_finding(api, priority="LOW", usd="10.00")
    assert (await do(api, one["id"], "closing", CLOSING))[1]["code"] == "finding_unsettled"
    await do(api, one["id"], "resolutions", refund("10.00"))
    assert (await do(api, one["id"], "closing", CLOSING))[1]["state"] == "closed"


async def test_high_priority_needs_evidence_and_another_person(api_for: ApiFor) -> None:
    api, second = await api_for("UNICEF"), await api_for("UNICEF_APPROVER")
    one = await make_finding(api, usd="0.00")
    bare = {"action_taken": "Canary: done"}
    assert (await do(api, one["id"], "closing", bare))[1]["code"] == "evidence_required"
    assert (await do(api, one["id"], "closing", CLOSING))[1]["state"] == "to_verify"
    assert (await do(api, one["id"], "verification", CONFIRMED))[1]["code"] == "same_person"
    status, body = await do(second, one["id"], "verification", CONFIRMED)
    assert (status, body["state"]) == (200, "closed")
    assert body["verified_at"] is not None
    read = await api.read(f"/v1/findings/{one['id']}")
    assert [(step["kind"], step["text"], step["evidence"]) for step in read["actions"]] == [
        ("closed", "Canary: receipts were brought", "DMS-1"),
        ("confirmed", "Canary: seen", "V-12"),
    ]


async def test_what_is_not_confirmed_is_open_again(api_for: ApiFor) -> None:
    api, second = await api_for("UNICEF"), await api_for("UNICEF_APPROVER")
    one = await make_finding(api, usd="0.00")
    await do(api, one["id"], "closing", CLOSING)
    refused = CONFIRMED | {"outcome": "not_confirmed"}
    assert (await do(second, one["id"], "verification", refused))[1]["state"] == "open"
    # Now the second may act, and the first verify.
    assert (await do(second, one["id"], "closing", CLOSING))[1]["state"] == "to_verify"
    assert (await do(api, one["id"], "verification", CONFIRMED))[1]["state"] == "closed"


async def test_a_closed_finding_is_taken_up_again_with_a_reason(api_for: ApiFor) -> None:
    api = await api_for("UNICEF")
    one = await make_finding(api, priority="MEDIUM", usd="0.00")
    assert (await do(api, one["id"], "reopening", REOPENING))[1]["code"] == "finding_open"
    await do(api, one["id"], "closing", CLOSING)
    assert (await do(api, one["id"], "reopening", {}))[0] == 422
    status, body = await do(api, one["id"], "reopening", REOPENING)
    assert (status, body["state"], body["closed_at"]) == (200, "open", None)
    read = await api.read(f"/v1/findings/{one['id']}")
    assert [step["kind"] for step in read["actions"]] == ["closed", "reopened"]


async def test_a_machine_closes_nothing(api_for: ApiFor, machine: Any) -> None:
    one = await make_finding(await api_for("UNICEF"), usd="0.00")
    for step, body in (
        ("closing", CLOSING),
        ("verification", CONFIRMED),
        ("reopening", REOPENING),
    ):
        status, answer = await do(machine, one["id"], step, body)
        assert (status, answer["code"]) == (403, "person_required"), step


async def test_own_findings_are_listed_by_state_priority_and_deadline(api_for: ApiFor) -> None:
    api = await api_for("UNICEF")
    late = await make_finding(api, due_on="2026-01-31")
    partner = late["partner_id"]
    done = await make_finding(api, partner_id=partner, priority="LOW", usd="0.00")
    await do(api, done["id"], "closing", CLOSING)

    async def ids(**filters: Any) -> list[str]:
        found = await api.read("/v1/findings", params={"partner_id": partner} | filters)
        assert "Canary" not in str(found)
        assert "amount_usd" not in str(found)
        return [item["id"] for item in found["items"]]

    assert await ids() == [done["id"], late["id"]]
    assert await ids(overdue="true") == [late["id"]]
    assert await ids(overdue="false") == [done["id"]]
    assert await ids(state="closed") == [done["id"]]
    assert await ids(priority="HIGH", owner_agency="UNICEF") == [late["id"]]
    assert await ids(owner_agency="WFP") == []
    assert await ids(assessment_id=late["assessment_id"]) == [late["id"]]
    first = await api.get("/v1/findings", params={"partner_id": partner, "limit": "1"})
    second = await api.get(first.links["next"]["url"])
    assert [item["id"] for item in second.json()["items"]] == [late["id"]]
    assert (await api.get("/v1/findings?state=lost")).status_code == 422
