"""Who may read what: owner, shared-with, stranger; purposes; the log of readings."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from app.audit.purposes import AccessPurpose, parse_purpose
from app.core.db import Database
from tests.assessments.factories import (
    PURPOSE,
    SECRET,
    make_assessment,
    make_share,
    psea_detail,
    share_body,
)
from tests.assessments.support import code
from tests.audit.support import add_officer
from tests.conftest import ApiFor
from tests.support import World


def visible(response: httpx.Response) -> tuple[int, Any, dict[str, str]]:
    """All a caller can see of an answer but what names the request itself."""
    body = response.json()
    body.pop("instance", None)
    headers = {name: value for name, value in response.headers.items() if name != "x-request-id"}
    return response.status_code, body, headers


async def test_the_owner_reads_its_own_detail_without_a_purpose(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    for level in ("INTER_AGENCY", "RESTRICTED", "AGENCY_ONLY"):
        made = await make_assessment(unicef, confidentiality=level)
        url = f"/v1/assessments/{made['id']}"
        answer = await unicef.get(f"{url}/detail")
        assert answer.headers["etag"] == '"v1"'
        assert answer.headers["cache-control"] == "private, no-cache"
        assert answer.json()["detail"] == psea_detail()
        (read,) = (await unicef.read(f"{url}/disclosures"))["items"]
        assert read["purpose"] == "OWN_RECORD"
        assert read["agency"] == "UNICEF"


async def test_only_oversight_of_the_owner_is_told_the_readers_name(
    api_for: ApiFor, operator_database: Database, world: World
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    made = await make_assessment(unicef, confidentiality="INTER_AGENCY")
    await wfp.read(f"/v1/assessments/{made['id']}/detail")
    url = f"/v1/assessments/{made['id']}/disclosures"
    (shown,) = (await unicef.read(url))["items"]
    assert (shown["agency"], shown["role"], shown["person"]) == ("WFP", "role officer", None)
    name = await add_officer(operator_database, world, "UNICEF", "OVS1", "OVS")
    (known,) = (await (await api_for(name)).read(url))["items"]
    assert known == shown | {"person": "Person WFP"}


async def test_inter_agency_detail_is_for_every_agency_with_the_scope(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    made = await make_assessment(unicef, confidentiality="INTER_AGENCY")
    url = f"/v1/assessments/{made['id']}/detail"
    assert (await wfp.read(url))["detail"] == psea_detail()
    assert (await wfp.read(url, headers=PURPOSE))["detail"] == psea_detail()
    reader = await api_for("WFP", "assessments:read")
    assert (await code(reader, url)) == (403, "scope_missing")


async def test_restricted_shows_the_summary_to_all_and_the_detail_to_none(
    api_for: ApiFor,
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    made = await make_assessment(unicef)
    assert await wfp.read(f"/v1/assessments/{made['id']}") == made
    page = await wfp.read(f"/v1/assessments?partner_id={made['partner_id']}")
    assert page["items"] == [made]
    assert SECRET not in str(page)
    refused = await code(wfp, f"/v1/assessments/{made['id']}/detail", headers=PURPOSE)
    assert refused == (404, "assessment_not_found")


@pytest.mark.parametrize("more", [{"confidentiality": "AGENCY_ONLY"}, {"status": "draft"}])
async def test_agency_only_and_drafts_do_not_exist_for_others(
    api_for: ApiFor, more: dict[str, Any]
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    made = await make_assessment(unicef, **more)
    url = f"/v1/assessments/{made['id']}"
    assert (await unicef.get(url)).status_code == 200
    for path in ("", "/detail", "/shares", "/disclosures"):
        assert await code(wfp, url + path) == (404, "assessment_not_found")
    page = await wfp.read(f"/v1/assessments?partner_id={made['partner_id']}")
    assert page["items"] == []
    body = {
        "assessment_id": made["id"],
        "level": "detail",
        "purpose": "AUDIT",
        "justification": "please",
    }
    assert (await wfp.post("/v1/access-requests", json=body)).status_code == 404


@pytest.mark.parametrize("headers", [{}, PURPOSE, {"Access-Purpose": "nonsense"}])
async def test_hidden_and_absent_give_the_same_answer(
    api_for: ApiFor, headers: dict[str, str]
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    hidden = (await make_assessment(unicef))["id"]
    private = (await make_assessment(unicef, confidentiality="AGENCY_ONLY"))["id"]
    gone = (await make_assessment(unicef))["id"]
    share = await make_share(unicef, gone)
    await unicef.delete(f"/v1/assessments/{gone}/shares/{share['id']}")
    absent = visible(await wfp.get(f"/v1/assessments/{uuid4()}/detail", headers=headers))
    assert absent[0] == 404
    for other in (hidden, private, gone):
        answer = await wfp.get(f"/v1/assessments/{other}/detail", headers=headers)
        assert visible(answer) == absent
        assert "content-length" in answer.headers


async def test_a_strangers_write_meets_the_same_404_as_an_absent_id(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    made = (await make_assessment(unicef))["id"]
    share = (await make_share(unicef, made))["id"]

    async def attempts(target: str) -> list[Any]:
        url = f"/v1/assessments/{target}"
        match = {"If-Match": '"v1"'}
        return [
            visible(await wfp.patch(url, json={"status": "final"}, headers=match)),
            visible(await wfp.post(f"{url}/shares", json=share_body(shared_with="FAO"))),
            visible(await wfp.post(f"{url}/shares", json=share_body(shared_with="NOBODY"))),
            visible(await wfp.delete(f"{url}/shares/{share}")),
            visible(await wfp.get(f"{url}/disclosures")),
        ]

    answers = await attempts(made)
    assert [answer[0] for answer in answers] == [404] * 5
    assert answers == await attempts(str(uuid4()))
    assert len((await unicef.read(f"/v1/assessments/{made}/shares"))["items"]) == 1


async def test_the_scope_is_checked_before_all_else(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    made = (await make_assessment(unicef))["id"]
    url = f"/v1/assessments/{made}"
    reader = await api_for("WFP", "assessments:read")
    for answer in (
        await reader.get(f"{url}/detail"),
        await reader.get(f"/v1/assessments/{uuid4()}/detail"),
        await reader.post("/v1/assessments", json={}),
        await reader.patch(url, json={}),
        await reader.post(f"{url}/shares", json={}),
        await reader.delete(f"{url}/shares/{uuid4()}"),
        await reader.post(f"/v1/access-requests/{uuid4()}/decision", json={}),
        await (await api_for("WFP", "partners:read")).get(url),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")


async def test_shared_detail_is_read_for_its_purpose_and_disclosed(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP_REVIEWER")
    made = await make_assessment(unicef)
    url = f"/v1/assessments/{made['id']}"
    share = await make_share(unicef, made["id"])
    assert await code(wfp, f"{url}/detail") == (422, "purpose_required")
    other = {"Access-Purpose": 'AUDIT; ref="WFP-KE-2026-17"'}
    assert await code(wfp, f"{url}/detail", headers=other) == (422, "purpose_not_shared")
    assert (await unicef.read(f"{url}/disclosures"))["items"] == []
    body = await wfp.read(f"{url}/detail", headers=PURPOSE)
    assert body["detail"] == psea_detail()
    assert body["owner_agency"] == "UNICEF"
    (read,) = (await unicef.read(f"{url}/disclosures"))["items"]
    at = read.pop("at")
    assert at.endswith("Z")
    assert read.pop("id")
    assert read == {
        "agency": "WFP",
        "office": "HQ",
        "role": "role _REVIEWER",
        "person": None,
        "purpose": "PARTNER_SELECTION",
        "reference": "WFP-KE-2026-17",
        "basis": "share",
        "share_id": share["id"],
        "document_id": None,
        "version": 1,
    }
    assert SECRET not in str(read)


async def test_disclosures_page_newest_first(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    made = (await make_assessment(unicef))["id"]
    await make_share(unicef, made)
    for number in range(3):
        header = {"Access-Purpose": f'PARTNER_SELECTION; ref="case {number}"'}
        await wfp.read(f"/v1/assessments/{made}/detail", headers=header)
    url = f"/v1/assessments/{made}/disclosures?limit=2"
    first = await unicef.read(url)
    second = await unicef.read(f"{url}&cursor={first['next_cursor']}")
    seen = [item["reference"] for page in (first, second) for item in page["items"]]
    assert seen == ["case 2", "case 1", "case 0"]
    assert second["next_cursor"] is None


async def test_an_unchanged_detail_is_still_a_reading(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    made = (await make_assessment(unicef))["id"]
    await make_share(unicef, made)
    url = f"/v1/assessments/{made}/detail"
    answer = await wfp.get(url, headers={**PURPOSE, "If-None-Match": '"v1"'})
    assert answer.status_code == 304
    assert answer.content == b""
    assert len((await unicef.read(f"/v1/assessments/{made}/disclosures"))["items"]) == 1
    hidden = (await make_assessment(unicef))["id"]
    answer = await wfp.get(f"/v1/assessments/{hidden}/detail", headers={"If-None-Match": "*"})
    assert answer.status_code == 404


@pytest.mark.parametrize(
    "header",
    [
        "PARTNER_SELECTION",
        "PARTNER_SELECTION;",
        "PARTNER_SELECTION; ref=",
        "PARTNER_SELECTION; ref=WFP-1",
        'PARTNER_SELECTION; ref=""',
        'PARTNER_SELECTION; ref="   "',
        'PARTNER_SELECTION; ref="' + "x" * 65 + '"',
        'PARTNER_SELECTION; ref="a"b"',
        'PARTNER_SELECTION; ref="a\\"b"',
        'PARTNER_SELECTION; ref="a"; ref="b"',
        'partner_selection; ref="a"',
        'PARTNER_SELECTION; REF="a"',
        'OWN_RECORD; ref="a"',
        'CURIOSITY; ref="a"',
        'PARTNER_SELECTION, AUDIT; ref="a"',
        'PARTNER_SELECTION; ref="café"',
        'PARTNER_SELECTION; ref="a\tb"',
        "",
    ],
)
async def test_a_purpose_is_read_strictly(api_for: ApiFor, header: str) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    made = (await make_assessment(unicef))["id"]
    await make_share(unicef, made)
    headers = {"Access-Purpose": header.encode("latin-1")}
    answer = await wfp.get(f"/v1/assessments/{made}/detail", headers=headers)  # type: ignore[arg-type]  # httpx takes bytes; Api says text
    assert (answer.status_code, answer.json()["code"]) == (422, "purpose_required")


async def test_two_purposes_at_once_are_none(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    made = (await make_assessment(unicef))["id"]
    await make_share(unicef, made)
    twice = [("Access-Purpose", PURPOSE["Access-Purpose"])] * 2
    answer = await wfp.get(f"/v1/assessments/{made}/detail", headers=twice)
    assert answer.json()["code"] == "purpose_required"


def test_a_good_purpose_is_read_as_it_was_sent() -> None:
    stated = parse_purpose('MONITORING; ref="WFP/KE 2026-17 (a)"')
    assert stated is not None
    assert stated.purpose is AccessPurpose.MONITORING
    assert stated.reference == "WFP/KE 2026-17 (a)"
    assert parse_purpose('AUDIT;ref="' + "x" * 64 + '"') is not None
    assert parse_purpose('AUDIT; ref="a"\n') is None


async def test_the_purposes_are_those_of_the_contract() -> None:
    assert [item.value for item in AccessPurpose] == [
        "PARTNER_SELECTION",
        "CONTRACTING",
        "RENEWAL",
        "ASSURANCE_PLANNING",
        "MONITORING",
        "CAPACITY_STRENGTHENING",
        "EMERGENCY_RESPONSE",
        "OVERSIGHT",
        "INVESTIGATION",
        "AUDIT",
    ]
