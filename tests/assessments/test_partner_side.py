"""What the partner sees of assessments of itself, when, and how its word is heard."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from app.assessments.types import psea
from app.core.db import Binding, Database
from tests.assessments.documents.factories import announce, move, upload, url_of
from tests.assessments.factories import PURPOSE, SECRET, make_assessment, make_share
from tests.assessments.findings import papers as finding_papers
from tests.assessments.findings.support import make_finding
from tests.assessments.support import code, run
from tests.audit.support import add_officer, events_of
from tests.confidentiality.scene import until
from tests.conftest import ApiFor, Settle
from tests.partners.claims.support import claimed_partner
from tests.partners.documents.factories import PDF
from tests.partners.factories import make_partner
from tests.partners.merges.support import merged, unmerged
from tests.support import Api, World

SELF = "/v1/self/assessments"
COMMENT = {"text": "Canary: the training was in May."}


@pytest.fixture
async def both(api_for: ApiFor, world: World) -> tuple[str, Api]:
    """A partner and its client."""
    return await claimed_partner(api_for, world)


async def _listed(own: Api) -> dict[str, dict[str, Any]]:
    return {one["id"]: one for one in (await own.read(SELF))["items"]}


async def _comment(own: Api, assessment: str) -> dict[str, Any]:
    return await own.made(f"/v1/self/statements/assessment/{assessment}/comments", COMMENT)


def _holding(monkeypatch: pytest.MonkeyPatch, days: int = 15) -> None:
    """The methodology gives the partner the first word."""
    held = psea.TYPE.methodologies["UN-PSEA-2020"].model_copy(update={"comment_days": days})
    monkeypatch.setitem(psea.TYPE.methodologies, "UN-PSEA-2020", held)


async def test_it_sees_what_is_final_and_never_what_is_an_agencys_alone(
    both: tuple[str, Api], api_for: ApiFor, world: World
) -> None:
    (partner, own), unicef = both, await api_for("UNICEF")
    old = (await make_assessment(unicef, partner, conducted_on="2020-05-01"))["id"]
    new = (await make_assessment(unicef, partner, participating_agencies=["WFP"]))["id"]
    wfp_one = (await make_assessment(await api_for("WFP"), partner))["id"]
    headers = {"If-Match": '"v1"'}
    withdrawn = (await make_assessment(await api_for("FAO"), partner))["id"]
    body = {"reason": "ERROR_FOUND", "note": "Canary: another's answers"}
    await (await api_for("FAO")).made(
        f"/v1/assessments/{withdrawn}/withdrawal", body, headers=headers
    )
    hidden = [
        (await make_assessment(unicef, partner, status="draft"))["id"],
        (await make_assessment(unicef, partner, confidentiality="AGENCY_ONLY"))["id"],
        (await make_assessment(unicef))["id"],
    ]
    submitted = (await make_assessment(await api_for("UNDP"), partner, status="draft"))["id"]
    await move(await api_for("UNDP"), submitted, "submitted")
    shown = await _listed(own)
    assert {one: shown[one]["state"] for one in shown} == {
        old: "superseded",
        new: "final",
        wfp_one: "final",
        withdrawn: "withdrawn",
    }
    assert shown[new]["participating_agencies"] == ["WFP"]
    assert shown[withdrawn]["withdrawal_reason"] == "ERROR_FOUND"
    assert "Canary" not in str(shown)
    for one in (*hidden, submitted, str(uuid4())):
        answer = await own.get(f"{SELF}/{one}/detail")
        assert (answer.status_code, answer.json()["code"]) == (404, "assessment_not_found")
    assert (await own.get(f"/v1/assessments/{new}")).status_code == 403
    stranger = (await claimed_partner(api_for, world))[1]
    assert await code(stranger, f"{SELF}/{new}/detail") == (404, "assessment_not_found")
    assert await _listed(stranger) == {}


async def test_it_reads_the_detail_and_the_log_says_so(
    both: tuple[str, Api], api_for: ApiFor, operator_database: Database
) -> None:
    (partner, own), unicef = both, await api_for("UNICEF")
    draft = (await make_assessment(unicef, partner, status="draft"))["id"]
    step = {"code": "field_visit", "reached_on": "2026-02-10"}
    await unicef.made(f"/v1/assessments/{draft}/milestones", step)
    await move(unicef, draft, "final")
    asked = {"value": "LOW_CAPACITY", "reason": "Canary: a finding is open"}
    proposed = await unicef.made(f"/v1/assessments/{draft}/adjustments", asked)
    approver = await api_for("UNICEF_APPROVER")
    done = await approver.post(
        f"/v1/assessments/{draft}/adjustments/{proposed['id']}/decision",
        json={"decision": "approve"},
        headers={"If-Match": '"v1"'},
    )
    assert done.status_code == 200, done.text
    read = await own.read(f"{SELF}/{draft}/detail")
    assert read["detail"]["standards"][0]["comment"] == SECRET
    assert (read["rating"]["value"], read["adjusted_rating"]["value"]) == (
        "FULL_CAPACITY",
        "LOW_CAPACITY",
    )
    assert [one["code"] for one in read["milestones"]] == ["field_visit"]
    assert "a finding is open" not in str(read)
    last = (await events_of(operator_database, draft))[-1]
    assert (last.event, last.agency_id) == ("assessment:detail:self_read", None)


async def test_what_oversight_keeps_back_it_does_not_see_meanwhile(
    both: tuple[str, Api], api_for: ApiFor, world: World, operator_database: Database,
    database: Database,
) -> None:  # fmt: skip
    (partner, own), unicef = both, await api_for("UNICEF")
    made = (await make_assessment(unicef, partner))["id"]
    officer = await api_for(await add_officer(operator_database, world, "UNICEF", "OVSD", "OVS"))
    body = {
        "subject_kind": "statement",
        "subject_id": made,
        "until": until(),
        "reason": "Canary: a case is being prepared.",
    }
    kept = await officer.made("/v1/withholdings", body)
    assert await _listed(own) == {}
    assert await code(own, f"{SELF}/{made}/detail") == (404, "assessment_not_found")
    sql = "SELECT 1 FROM assessment_details WHERE assessment_id = $1"
    bound = Binding(partner_id=UUID(partner))
    async with database.session(bound) as session:
        connection = await session.connection()
        assert (await connection.exec_driver_sql(sql, (UUID(made),))).all() == []
    ended = await officer.post(
        f"/v1/withholdings/{kept['id']}/end", json={}, headers={"If-Match": '"v1"'}
    )
    if ended.status_code < 300:
        assert made in await _listed(own)


async def test_a_redacted_detail_is_gone_for_it_too(both: tuple[str, Api], api_for: ApiFor) -> None:
    (partner, own), unicef = both, await api_for("UNICEF")
    made = (await make_assessment(unicef, partner))["id"]
    await unicef.made(f"/v1/assessments/{made}/redaction", {"reason": "Canary: named"})
    assert await code(own, f"{SELF}/{made}/detail") == (410, "content_redacted")
    assert (await _listed(own))[made]["redacted"] is True


async def test_documents_only_where_the_owner_lets_it(
    both: tuple[str, Api], api_for: ApiFor, operator_database: Database
) -> None:
    (partner, own), unicef = both, await api_for("UNICEF")
    draft = (await make_assessment(unicef, partner, status="draft"))["id"]
    seen = await upload(unicef, draft, partner_visible=True)
    unseen = await upload(unicef, draft)
    waiting = await announce(unicef, draft, partner_visible=True)
    mine = f"{SELF}/{draft}/documents"
    assert await code(own, mine) == (404, "assessment_not_found")
    await move(unicef, draft, "final")
    assert (await own.read(mine))["items"] == [seen]
    assert (await own.get(f"{mine}/{seen['id']}/content")).content == PDF
    for one in (unseen, waiting):
        assert await code(own, f"{mine}/{one['id']}/content") == (404, "document_not_found")
    reads = [row for row in await events_of(operator_database, draft) if "document" in row.detail]
    assert (reads[-1].event, reads[-1].detail["document"]) == (
        "assessment:detail:self_read",
        seen["id"],
    )
    hidden = await unicef.patch(
        f"{url_of(draft)}/{seen['id']}",
        json={"partner_visible": False},
        headers={"If-Match": '"v2"'},
    )
    assert hidden.status_code == 200
    assert (await own.read(mine))["items"] == []


async def test_a_held_result_is_for_the_partner_first_and_its_word_opens_it(
    both: tuple[str, Api], api_for: ApiFor, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    (partner, own), unicef, wfp = both, await api_for("UNICEF"), await api_for("WFP")
    _holding(monkeypatch)
    made = await make_assessment(unicef, partner)
    one = made["id"]
    assert made["held_until"] is not None
    assert await code(wfp, f"/v1/assessments/{one}") == (404, "assessment_not_found")
    (shown,) = (await _listed(own)).values()
    assert (shown["state"], shown["rating"]["value"]) == ("held", "FULL_CAPACITY")
    assert (await own.read(f"{SELF}/{one}/detail"))["detail"]["standards"]
    stated = (await own.read("/v1/self/statements"))["items"]
    assert one in [item["id"] for item in stated]
    await _comment(own, one)
    assert await code(wfp, f"/v1/assessments/{one}") == (404, "assessment_not_found")
    await settle()
    opened = await wfp.read(f"/v1/assessments/{one}")
    assert opened["held_until"] is None
    assert opened["partner_comments"]["count"] == 1
    assert (await _listed(own))[one]["state"] == "final"


async def test_a_submitted_one_is_shown_for_a_comment_and_then_needs_no_hold(
    both: tuple[str, Api], api_for: ApiFor, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    (partner, own), unicef, wfp = both, await api_for("UNICEF"), await api_for("WFP")
    _holding(monkeypatch)
    draft = (await make_assessment(unicef, partner, status="draft"))["id"]
    ask = f"/v1/assessments/{draft}/comment-request"
    refused = await unicef.post(ask)
    assert (refused.status_code, refused.json()["code"]) == (409, "assessment_not_submitted")
    await move(unicef, draft, "submitted")
    comment = f"/v1/self/statements/assessment/{draft}/comments"
    assert (await own.post(comment, json=COMMENT)).status_code == 404
    assert (await wfp.post(ask)).status_code == 404
    asked = await unicef.made(ask, {})
    assert asked["shown_to_partner_at"] is not None
    (shown,) = (await _listed(own)).values()
    assert (shown["state"], shown["rating"]["value"]) == ("draft_for_comment", "FULL_CAPACITY")
    assert await code(own, f"{SELF}/{draft}/detail") == (404, "assessment_not_found")
    assert await code(wfp, f"/v1/assessments/{draft}") == (404, "assessment_not_found")
    # Sent back, it is the agency's alone again, until it asks anew.
    await move(unicef, draft, "draft", 3, note="Canary: once more")
    assert await _listed(own) == {}
    assert (await own.post(comment, json=COMMENT)).status_code == 404
    await move(unicef, draft, "submitted", 4)
    assert await _listed(own) == {}
    await unicef.made(ask, {})
    await _comment(own, draft)
    await settle()
    steps = (await unicef.read(f"/v1/assessments/{draft}/milestones"))["items"]
    assert [step["code"] for step in steps] == ["draft_to_partner", "partner_comments"]
    await move(unicef, draft, "final", 6)
    final = await wfp.read(f"/v1/assessments/{draft}")
    assert (final["held_until"], final["partner_comments"]["count"]) == (None, 1)


async def test_an_agency_only_one_is_never_shown_for_a_comment(
    both: tuple[str, Api], api_for: ApiFor
) -> None:
    (partner, own), unicef = both, await api_for("UNICEF")
    more = {"status": "draft", "confidentiality": "AGENCY_ONLY"}
    draft = (await make_assessment(unicef, partner, **more))["id"]
    await move(unicef, draft, "submitted")
    refused = await unicef.post(f"/v1/assessments/{draft}/comment-request")
    assert (refused.status_code, refused.json()["code"]) == (409, "assessment_not_submitted")
    assert await _listed(own) == {}


async def test_comments_stand_beside_the_rating_and_are_read_on_the_terms_of_the_detail(
    both: tuple[str, Api], api_for: ApiFor, operator_database: Database
) -> None:
    (partner, own), unicef, wfp = both, await api_for("UNICEF"), await api_for("WFP")
    made = (await make_assessment(unicef, partner))["id"]
    url, comments = f"/v1/assessments/{made}", f"/v1/assessments/{made}/comments"
    before = await wfp.get(url)
    assert before.json()["partner_comments"] is None
    said = await _comment(own, made)
    after = await wfp.get(url, headers={"If-None-Match": before.headers["etag"]})
    assert after.status_code == 200
    assert after.json()["partner_comments"]["count"] == 1
    assert [one["text"] for one in (await unicef.read(comments))["items"]] == [COMMENT["text"]]
    assert await code(wfp, comments, headers=PURPOSE) == (404, "assessment_not_found")
    await make_share(unicef, made)
    assert await code(wfp, comments) == (422, "purpose_required")
    assert (await wfp.read(comments, headers=PURPOSE))["items"][0]["id"] == said["id"]
    detail = await wfp.read(f"{url}/detail", headers=PURPOSE)
    assert detail["partner_comments"]["count"] == 1
    readers = [row.agency_id for row in await events_of(operator_database, said["id"])][1:]
    assert len(readers) == 2
    reason = {"reason": "Canary: the visit was to another office", "subject_kind": "assessment"}
    objection = await own.post(
        "/v1/self/objections", json=reason | {"subject_id": made, "evidence": []}
    )
    if objection.status_code == 201:
        assert (await wfp.read(url))["contested"]["status"] == "open"


async def test_a_survivors_client_reads_what_was_said_of_the_merged_profile_until_the_undo(
    both: tuple[str, Api], api_for: ApiFor, database: Database
) -> None:
    (partner, own), unicef = both, await api_for("UNICEF")
    loser = await make_partner(unicef)
    draft = (await make_assessment(unicef, loser["id"], status="draft"))["id"]
    shown = await upload(unicef, draft, partner_visible=True)
    hidden = await upload(unicef, draft)
    await move(unicef, draft, "final")
    finding = await make_finding(unicef, partner_id=loser["id"])
    evidence = await finding_papers.upload(unicef, finding["id"], partner_visible=True)
    url = f"{SELF}/{draft}/documents"
    proof = f"/v1/self/findings/{finding['id']}/documents"
    blobs = "SELECT count(*) FROM blobs WHERE partner_id = :id"
    bound = Binding(partner_id=UUID(partner))

    async def files() -> int:
        rows = await run(database, bound, blobs, id=UUID(loser["id"]))
        return int(rows[0][0])

    async def refused() -> None:
        for path in (url, f"{url}/{shown['id']}/content"):
            assert await code(own, path) == (404, "assessment_not_found")
        for path in (proof, f"{proof}/{evidence['id']}/content"):
            assert await code(own, path) == (404, "finding_not_found")
        assert await files() == 0

    await refused()
    merge = await merged(api_for, loser, {"id": partner})
    assert [one["id"] for one in (await own.read(url))["items"]] == [shown["id"]]
    assert (await own.get(f"{url}/{shown['id']}/content")).content == PDF
    assert await code(own, f"{url}/{hidden['id']}/content") == (404, "document_not_found")
    assert (await own.get(f"{proof}/{evidence['id']}/content")).content == PDF
    assert await files() > 0
    await unmerged(api_for, merge)
    await refused()


async def test_it_is_told_which_of_two_merged_profiles_results_counts(
    both: tuple[str, Api], api_for: ApiFor
) -> None:
    (partner, own), unicef = both, await api_for("UNICEF")
    loser = await make_partner(unicef)
    old = (await make_assessment(unicef, partner, conducted_on="2025-03-01"))["id"]
    new = (await make_assessment(unicef, loser["id"]))["id"]
    merge = await merged(api_for, loser, {"id": partner})
    assert {one: item["state"] for one, item in (await _listed(own)).items()} == {
        old: "superseded",
        new: "final",
    }
    await unmerged(api_for, merge)
    assert {one: item["state"] for one, item in (await _listed(own)).items()} == {old: "final"}
