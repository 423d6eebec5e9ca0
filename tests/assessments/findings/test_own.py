"""The partner reads the findings about itself and answers them."""

from __future__ import annotations

from app.core.db import Database
from tests.assessments.audit_factories import finding, make_audit
from tests.assessments.findings.support import CLOSING, CONFIRMED, do, findings_of, make_finding
from tests.audit.support import add_officer, events_of
from tests.confidentiality.scene import until
from tests.conftest import ApiFor
from tests.partners.claims.support import claimed_partner
from tests.partners.factories import make_partner
from tests.partners.merges.support import merged
from tests.support import World

URL = "/v1/self/findings"
ANSWER = {"text": "Canary: the bank has sent the records"}


async def test_it_reads_what_final_reports_found(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    partner, own = await claimed_partner(api_for, world)
    _, other = await claimed_partner(api_for, world)
    one = await make_finding(unicef, partner_id=partner, recommendation="Canary: refund")
    await make_finding(unicef, partner_id=partner, confidentiality="AGENCY_ONLY")
    await make_audit(unicef, finding(), partner_id=partner, status="draft")
    (seen,) = (await own.read(URL))["items"]
    assert (seen["id"], seen["owner_agency"], seen["pending_usd"]) == (
        one["id"],
        "UNICEF",
        "1000.00",
    )
    assert seen["recommendation"] == "Canary: refund"
    assert (await own.read(f"{URL}/{one['id']}"))["amount_usd"] == "1000.00"
    logged = await events_of(operator_database, one["assessment_id"])
    assert [item.event for item in logged][-2:] == ["assessment:findings:read"] * 2
    assert (await other.read(URL))["items"] == []
    assert (await other.get(f"{URL}/{one['id']}")).json()["code"] == "finding_not_found"
    assert (await other.post(f"{URL}/{one['id']}/responses", json=ANSWER)).status_code == 404
    assert (await unicef.get(URL)).status_code == 403


async def test_its_newest_answer_counts_until_the_finding_is_closed(
    api_for: ApiFor, world: World
) -> None:
    unicef, second = await api_for("UNICEF"), await api_for("UNICEF_APPROVER")
    partner, own = await claimed_partner(api_for, world)
    one = await make_finding(unicef, partner_id=partner, usd="0.00", partner_response="As printed")
    assert one["partner_response"] == "As printed"
    url = f"{URL}/{one['id']}"
    assert "Canary" not in str(await own.made(f"{url}/responses", ANSWER))
    await own.made(f"{url}/responses", {"text": "Canary: and the receipts"})
    (seen,) = await findings_of(unicef, one["assessment_id"])
    assert seen["partner_response"] == "Canary: and the receipts"
    history = await unicef.read(f"/v1/findings/{one['id']}")
    assert [(step["by"], step["text"]) for step in history["actions"]] == [
        ("partner", ANSWER["text"]),
        ("partner", "Canary: and the receipts"),
    ]
    await do(unicef, one["id"], "closing", CLOSING)
    await own.made(f"{url}/responses", {"text": "Canary: thank you"})
    await do(second, one["id"], "verification", CONFIRMED)
    late = await own.post(f"{url}/responses", json=ANSWER)
    assert (late.status_code, late.json()["code"]) == (409, "finding_closed")
    told = (await own.read(url))["actions"][-1]
    assert (told["kind"], told["text"], told["evidence"]) == ("confirmed", None, None)
    empty = await own.post(f"{url}/responses", json={"text": " "})
    assert empty.status_code == 422


async def test_not_what_oversight_keeps_back_nor_what_is_redacted(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    partner, own = await claimed_partner(api_for, world)
    kept = await make_finding(unicef, partner_id=partner)
    hidden = await make_finding(unicef, partner_id=partner)
    officer = await api_for(await add_officer(operator_database, world, "UNICEF", "OVSF", "OVS"))
    mark = {"subject_kind": "statement", "subject_id": kept["assessment_id"]}
    await officer.made("/v1/withholdings", mark | {"until": until(), "reason": "Canary"})
    url = f"/v1/assessments/{hidden['assessment_id']}/redaction"
    await unicef.made(url, {"reason": "Canary: a name"})
    assert (await own.read(URL))["items"] == []
    for one in (kept, hidden):
        assert (await own.get(f"{URL}/{one['id']}")).status_code == 404
        assert (await own.post(f"{URL}/{one['id']}/responses", json=ANSWER)).status_code == 404


async def test_what_was_found_of_a_profile_that_was_merged_into_it(
    api_for: ApiFor, world: World
) -> None:
    unicef = await api_for("UNICEF")
    loser = await make_partner(unicef)
    partner, own = await claimed_partner(api_for, world)
    one = await make_finding(unicef, partner_id=loser["id"])
    assert (await own.read(URL))["items"] == []
    await merged(api_for, loser, {"id": partner})
    assert [item["id"] for item in (await own.read(URL))["items"]] == [one["id"]]
