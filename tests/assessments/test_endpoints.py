"""Filing, drafts, lists and shares through HTTP."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from app.core.db import Database
from tests.assessments.factories import (
    assessment_body,
    make_assessment,
    make_share,
    psea_detail,
)
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.support import Api


async def refused(api: Api, body: dict[str, Any]) -> dict[str, Any]:
    answer = await api.post("/v1/assessments", json=body)
    assert answer.status_code == 422, answer.text
    problem: dict[str, Any] = answer.json()
    return problem


async def test_filing_computes_rating_and_validity(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    partner = await make_partner(unicef)
    body = assessment_body(partner["id"], detail=psea_detail(6))
    answer = await unicef.post("/v1/assessments", json=body)
    assert answer.status_code == 201
    filed = answer.json()
    assert answer.headers["location"] == f"/v1/assessments/{filed['id']}"
    assert answer.headers["etag"] == '"v1"'
    assert UUID(filed["id"]).version == 4
    assert filed["owner_agency"] == "UNICEF"
    assert filed["status"] == "final"
    assert filed["conducted_on"] == "2026-03-01"
    assert filed["valid_until"] == "2031-03-01"
    assert filed["confidentiality"] == "RESTRICTED"
    assert filed["rating"] == {
        "scheme": "UN-PSEA-2020",
        "value": "MEDIUM_CAPACITY",
        "dimension": "sea_risk",
        "level": "MODERATE",
        "rating_source": "computed",
    }
    assert "detail" not in filed
    assert await unicef.read(f"/v1/assessments/{filed['id']}") == filed


async def test_a_summary_that_was_read_before_is_a_304(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    made = await make_assessment(unicef)
    url = f"/v1/assessments/{made['id']}"
    assert (await unicef.get(url, headers={"If-None-Match": '"v1"'})).status_code == 304
    assert (await unicef.get(url, headers={"If-None-Match": '"v2"'})).status_code == 200


async def test_special_and_reported_ratings_are_marked_as_reported(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    judged = {
        "special_rating": "LOW_CAPACITY_ASSUMED_EMERGENCY",
        "reason": "flood response",
        "author": "Head of office",
    }
    rating = (await make_assessment(unicef, detail=judged))["rating"]
    assert (rating["value"], rating["level"]) == ("LOW_CAPACITY_ASSUMED_EMERGENCY", "HIGH")
    assert rating["rating_source"] == "reported"


async def test_filing_for_an_unknown_partner_is_a_404(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    answer = await unicef.post("/v1/assessments", json=assessment_body(str(uuid4())))
    assert answer.status_code == 404
    assert answer.json()["code"] == "partner_not_found"


async def test_a_wrong_assessment_is_refused_with_a_pointer(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    partner = (await make_partner(unicef))["id"]
    seven = {"standards": psea_detail()["standards"][:7]}
    problem = await refused(unicef, assessment_body(partner, detail=seven))
    assert problem["code"] == "detail_invalid"
    assert problem["errors"][0]["pointer"] == "/detail/standards"
    problem = await refused(unicef, assessment_body(partner, methodology="UN-PSEA-1999"))
    assert problem["code"] == "methodology_unknown"
    problem = await refused(unicef, assessment_body(partner, conducted_on="2019-06-30"))
    assert problem["code"] == "methodology_unknown"
    problem = await refused(unicef, assessment_body(partner, conducted_on="2150-01-01"))
    assert problem["errors"][0]["code"] == "in_future"
    problem = await refused(unicef, assessment_body(partner, conducted_on=None))
    assert problem["errors"] == [
        {
            "pointer": "/conducted_on",
            "code": "missing",
            "message": "a final assessment needs its completion date",
        }
    ]
    await refused(unicef, assessment_body(partner, type="astrology"))
    await refused(unicef, assessment_body(partner, confidentiality="PUBLIC"))
    await refused(unicef, assessment_body(partner, status="withdrawn"))
    assert (await unicef.read(f"/v1/assessments?partner_id={partner}"))["items"] == []


async def test_pointers_lead_into_the_body_as_it_was_sent(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    body = assessment_body(str(uuid4()), detail={"standards": [{"number": 1, "result": "so"}]})
    problem = await refused(unicef, body)
    assert problem["errors"][0]["pointer"] == "/detail/standards/0/result"


async def test_filing_needs_an_idempotency_key_and_is_replayed(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    body = assessment_body((await make_partner(unicef))["id"])
    bare = await unicef.send(unicef.build_request("POST", "/v1/assessments", json=body))
    assert bare.status_code == 400
    assert bare.json()["code"] == "idempotency_key_required"
    headers = {"Idempotency-Key": uuid4().hex}
    first = await unicef.post("/v1/assessments", json=body, headers=headers)
    again = await unicef.post("/v1/assessments", json=body, headers=headers)
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"
    page = await unicef.read(f"/v1/assessments?partner_id={body['partner_id']}")
    assert len(page["items"]) == 1


async def make_draft(api: Api, **more: Any) -> dict[str, Any]:
    more = {"detail": {"standards": []}, "conducted_on": None} | more
    return await make_assessment(api, status="draft", **more)


async def patch(api: Api, made: dict[str, Any], version: int, **fields: Any) -> Any:
    return await api.patch(
        f"/v1/assessments/{made['id']}", json=fields, headers={"If-Match": f'"v{version}"'}
    )


async def test_a_draft_grows_and_becomes_final(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    draft = await make_draft(unicef)
    assert draft["rating"] is None
    assert draft["valid_until"] is None
    grown = await patch(unicef, draft, 1, detail=psea_detail(8), conducted_on="2026-03-01")
    assert grown.status_code == 200, grown.text
    assert grown.headers["etag"] == '"v2"'
    assert grown.json()["status"] == "draft"
    assert grown.json()["rating"] is None
    final = await patch(unicef, draft, 2, status="final")
    assert final.json()["status"] == "final"
    assert final.json()["version"] == 3
    assert final.json()["rating"]["value"] == "FULL_CAPACITY"
    assert final.json()["valid_until"] == "2031-03-01"
    read = await unicef.read(f"/v1/assessments/{draft['id']}/detail")
    assert read["detail"] == psea_detail(8)
    assert read["version"] == 3
    refused = await patch(unicef, draft, 3, detail=psea_detail(5))
    assert refused.status_code == 409
    assert refused.json()["code"] == "assessment_final"


async def test_a_patch_merges_into_the_stored_detail(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    judged = {"special_rating": "NO_CONTACT_WITH_BENEFICIARIES", "reason": "desk study"}
    draft = await make_draft(unicef, detail=judged)
    assert (await patch(unicef, draft, 1, detail={"author": "A. Wanjiru"})).status_code == 200
    url = f"/v1/assessments/{draft['id']}/detail"
    assert (await unicef.read(url))["detail"] == judged | {"author": "A. Wanjiru"}
    assert (await patch(unicef, draft, 2, detail={"reason": None})).status_code == 200
    assert "reason" not in (await unicef.read(url))["detail"]


async def test_an_incomplete_draft_does_not_become_final(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    draft = await make_draft(unicef, conducted_on="2026-03-01")
    answer = await patch(unicef, draft, 1, status="final")
    assert answer.status_code == 422
    assert len(answer.json()["errors"]) == 8
    assert (await unicef.read(f"/v1/assessments/{draft['id']}"))["version"] == 1
    misshapen = await patch(unicef, draft, 1, detail={"standards": "all met"})
    assert misshapen.status_code == 422
    assert misshapen.json()["errors"][0]["pointer"] == "/detail/standards"
    assert (await patch(unicef, draft, 1, detail=None)).status_code == 422
    assert (await patch(unicef, draft, 1)).json()["code"] == "patch_empty"


async def test_a_draft_is_changed_only_in_the_version_that_was_read(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    draft = await make_draft(unicef)
    bare = await unicef.patch(f"/v1/assessments/{draft['id']}", json={"status": "draft"})
    assert bare.status_code == 428
    assert (await patch(unicef, draft, 2, conducted_on="2026-03-01")).status_code == 412


async def test_nothing_is_told_of_a_draft_until_it_is_final(
    api_for: ApiFor, worker_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    draft = await make_draft(unicef, detail=psea_detail(), conducted_on="2026-03-01")

    async def told() -> list[Any]:
        async with worker_database.fast_read() as connection:
            rows = await connection.fetch(
                "SELECT type FROM outbox WHERE subject_id = $1", UUID(draft["id"])
            )
        return [row["type"] for row in rows]

    assert await told() == []
    await patch(unicef, draft, 1, status="final")
    assert await told() == ["assessment.filed"]
    share = await make_share(unicef, draft["id"])
    await unicef.delete(f"/v1/assessments/{draft['id']}/shares/{share['id']}")
    assert sorted(await told()) == [
        "assessment.filed",
        "assessment.share_revoked",
        "assessment.shared",
    ]


async def test_lists_filter_and_page_without_gap_or_repeat(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = (await make_partner(unicef))["id"]
    made = [(await make_assessment(unicef, partner))["id"] for _ in range(5)]
    theirs = (await make_assessment(wfp, partner))["id"]
    seen: list[str] = []
    url: str | None = f"/v1/assessments?partner_id={partner}&limit=2"
    while url:
        response = await unicef.get(url)
        seen += [item["id"] for item in response.json()["items"]]
        link = response.headers.get("link")
        url = link[1 : link.index(">")] if link else None
    assert seen == [theirs, *reversed(made)]
    for query, expected in (
        ("owner_agency=WFP", [theirs]),
        ("owner_agency=NOBODY", []),
        ("type=psea&status=final&limit=1", [theirs]),
        ("status=draft", []),
    ):
        page = await unicef.read(f"/v1/assessments?partner_id={partner}&{query}")
        assert [item["id"] for item in page["items"]] == expected
    for query in ("type=astrology", "status=lost", "owner=WFP", "limit=0"):
        assert (await unicef.get(f"/v1/assessments?{query}")).status_code == 422
