"""Shares through HTTP: terms, refusals, revocation, races."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest

from app.core.settings import Settings
from tests.assessments.factories import PURPOSE, make_assessment, make_share, share_body
from tests.assessments.support import as_superuser, code
from tests.conftest import ApiFor
from tests.support import Api, World


async def test_a_share_has_terms_and_a_default_period(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    made = await make_assessment(unicef)
    given = await make_share(unicef, made["id"], valid_until="2190-12-31T23:59:59Z")
    assert given["owner_agency"] == "UNICEF"
    assert given["shared_with"] == "WFP"
    assert given["level"] == "detail"
    assert given["purpose"] == "PARTNER_SELECTION"
    assert given["valid_until"] == "2190-12-31T23:59:59.000000Z"
    assert given["status"] == "active"
    other = await make_share(unicef, made["id"], purpose="AUDIT", valid_until=None)
    years = int(other["valid_until"][:4]) - int(other["valid_from"][:4])
    assert years == 1
    later = await make_share(
        unicef, made["id"], purpose="RENEWAL", valid_from="2189-01-01T00:00:00Z"
    )
    assert later["status"] == "scheduled"


async def test_a_default_period_ends_with_the_validity_of_the_result(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    nearly_over = await make_assessment(unicef, conducted_on="2022-01-15")
    given = await make_share(unicef, nearly_over["id"], valid_until=None)
    assert given["valid_until"] == "2027-01-15T23:59:59.000000Z"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"shared_with": "UNICEF"}, "shared_with_self"),
        ({"shared_with": "UNKNOWN"}, "agency_unknown"),
        ({"valid_until": "2026-01-01T00:00:00Z"}, "share_period_invalid"),
        ({"valid_from": "2190-12-31T23:59:59Z"}, "share_period_invalid"),
        ({"purpose": "CURIOSITY"}, "invalid_request"),
        ({"purpose": "OWN_RECORD"}, "invalid_request"),
        ({"level": "everything"}, "invalid_request"),
    ],
)
async def test_a_share_that_makes_no_sense_is_refused(
    api_for: ApiFor, more: dict[str, Any], code: str
) -> None:
    unicef = await api_for("UNICEF")
    made = await make_assessment(unicef)
    url = f"/v1/assessments/{made['id']}/shares"
    answer = await unicef.post(url, json=share_body(**more))
    assert answer.status_code == 422
    assert answer.json()["code"] == code
    assert (await unicef.read(url))["items"] == []


async def test_agency_only_and_drafts_are_not_shareable(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    for more in ({"confidentiality": "AGENCY_ONLY"}, {"status": "draft"}):
        made = await make_assessment(unicef, **more)
        answer = await unicef.post(f"/v1/assessments/{made['id']}/shares", json=share_body())
        assert answer.status_code == 422
        assert answer.json()["code"] == "not_shareable"


async def test_a_share_is_decided_by_a_named_person(
    api_for: ApiFor, machine: Api, world: World
) -> None:
    unicef = await api_for("UNICEF")
    made = await make_assessment(unicef)
    url = f"/v1/assessments/{made['id']}/shares"
    answer = await machine.post(url, json=share_body())
    assert answer.status_code == 403
    assert answer.json()["code"] == "person_required"
    share = await make_share(unicef, made["id"])
    assert (await machine.delete(f"{url}/{share['id']}")).status_code == 403


async def test_a_revoked_share_ends_with_the_next_read(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    made = (await make_assessment(unicef))["id"]
    share = await make_share(unicef, made)
    url = f"/v1/assessments/{made}"
    assert (await wfp.get(f"{url}/detail", headers=PURPOSE)).status_code == 200
    gone = await unicef.delete(f"{url}/shares/{share['id']}")
    assert gone.status_code == 204
    assert gone.content == b""
    refused = await code(wfp, f"{url}/detail", headers=PURPOSE)
    assert refused == (404, "assessment_not_found")
    again = await unicef.delete(f"{url}/shares/{share['id']}")
    assert (again.status_code, again.json()["code"]) == (404, "share_not_found")
    (kept,) = (await unicef.read(f"{url}/shares"))["items"]
    assert kept["status"] == "revoked"
    assert kept["revoked_at"] is not None
    await make_share(unicef, made)
    assert (await wfp.get(f"{url}/detail", headers=PURPOSE)).status_code == 200


async def test_revoking_one_purpose_leaves_the_other(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    made = (await make_assessment(unicef))["id"]
    share = await make_share(unicef, made)
    await make_share(unicef, made, purpose="AUDIT")
    await unicef.delete(f"/v1/assessments/{made}/shares/{share['id']}")
    url = f"/v1/assessments/{made}/detail"
    assert await code(wfp, url, headers=PURPOSE) == (422, "purpose_not_shared")
    audit = {"Access-Purpose": 'AUDIT; ref="A-1"'}
    assert (await wfp.get(url, headers=audit)).status_code == 200


async def test_a_share_of_another_assessment_is_not_revoked_through_this_one(
    api_for: ApiFor,
) -> None:
    unicef = await api_for("UNICEF")
    one, two = (await make_assessment(unicef))["id"], (await make_assessment(unicef))["id"]
    share = await make_share(unicef, two)
    answer = await unicef.delete(f"/v1/assessments/{one}/shares/{share['id']}")
    assert answer.status_code == 404


@pytest.mark.parametrize(
    "more", [{"level": "summary"}, {"valid_from": "2189-01-01T00:00:00Z"}, {"shared_with": "FAO"}]
)
async def test_a_share_gives_no_more_than_it_says(api_for: ApiFor, more: dict[str, Any]) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    made = (await make_assessment(unicef))["id"]
    await make_share(unicef, made, **more)
    refused = await code(wfp, f"/v1/assessments/{made}/detail", headers=PURPOSE)
    assert refused == (404, "assessment_not_found")


async def test_shares_are_seen_by_owner_and_recipient_only(api_for: ApiFor) -> None:
    unicef, wfp, fao = await api_for("UNICEF"), await api_for("WFP"), await api_for("FAO")
    made = (await make_assessment(unicef))["id"]
    wfps, faos = await make_share(unicef, made), await make_share(unicef, made, shared_with="FAO")
    url = f"/v1/assessments/{made}/shares"
    assert [item["id"] for item in (await unicef.read(url))["items"]] == [faos["id"], wfps["id"]]
    assert [item["id"] for item in (await wfp.read(url))["items"]] == [wfps["id"]]
    assert [item["id"] for item in (await fao.read(url))["items"]] == [faos["id"]]
    assert (await (await api_for("UNDP")).read(url))["items"] == []


async def test_sixteen_equal_shares_at_once_make_one(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    made = (await make_assessment(unicef))["id"]
    url = f"/v1/assessments/{made}/shares"
    answers = await asyncio.gather(*(unicef.post(url, json=share_body()) for _ in range(16)))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [201] + [409] * 15
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {
        "share_exists"
    }
    assert len((await unicef.read(url))["items"]) == 1


async def test_an_expired_share_is_the_404_and_can_be_given_anew(
    api_for: ApiFor, settings: Settings
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    made = (await make_assessment(unicef))["id"]
    share = await make_share(unicef, made)
    async with as_superuser(settings) as connection:
        for table, key, end in (
            ("assessments_acl", "share_id", "valid_to"),
            ("assessment_shares", "id", "valid_until"),
        ):
            await connection.execute(
                f"UPDATE {table} SET valid_from = now() - interval '2 days', "
                f"{end} = now() - interval '1 day' WHERE {key} = $1",
                UUID(share["id"]),
            )
    url = f"/v1/assessments/{made}"
    assert (await wfp.get(f"{url}/detail", headers=PURPOSE)).status_code == 404
    assert (await unicef.read(f"{url}/shares"))["items"][0]["status"] == "expired"
    await make_share(unicef, made)
    assert (await wfp.get(f"{url}/detail", headers=PURPOSE)).status_code == 200
    statuses = [item["status"] for item in (await unicef.read(f"{url}/shares"))["items"]]
    assert statuses == ["active", "expired"]
