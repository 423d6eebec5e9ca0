"""Two profiles and one identifier, until a person says whose it is."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from app.core.db import Database
from tests.conftest import ApiFor
from tests.partners.identifiers.test_restricted import PURPOSE, tax
from tests.partners.identifiers.test_service import bare, of, unpp, vendor
from tests.support import Api

GROUNDS = {"grounds": "Secret: the certificate names us.", "document_ids": [str(uuid4())]}
V1 = {"If-Match": '"v1"'}


class Case:
    """UNICEF's profile holds what WFP's claims."""

    def __init__(self, unicef: Api, wfp: Api, item: dict[str, Any]) -> None:
        self.unicef, self.wfp, self.item = unicef, wfp, item
        self.holder: dict[str, Any] = {}
        self.claimant: dict[str, Any] = {}
        self.dispute: dict[str, Any] = {}

    @property
    def url(self) -> str:
        return of(self.claimant, f"identifier-disputes/{self.dispute['id']}")


async def disputed(api_for: ApiFor, item: dict[str, Any]) -> Case:
    case = Case(await api_for("UNICEF"), await api_for("WFP"), item)
    country = item.get("country", "KE")
    case.holder = await bare(case.unicef, country=country)
    case.claimant = await bare(case.wfp, country=country)
    await case.unicef.made(of(case.holder), item)
    assert (await case.wfp.post(of(case.claimant), json=item)).status_code == 409
    case.dispute = await case.wfp.made(of(case.claimant, "identifier-disputes"), item | GROUNDS)
    return case


async def statuses(api: Api, partner: dict[str, Any]) -> list[str]:
    held = (await api.read(of(partner) + "?include=ended"))["items"]
    return [row["status"] for row in held]


@pytest.mark.parametrize("scheme", ["open", "restricted"])
@pytest.mark.parametrize("winner", ["holder", "claimant"])
async def test_both_hold_it_until_a_person_decides(
    scheme: str, winner: str, api_for: ApiFor
) -> None:
    case = await disputed(api_for, unpp() if scheme == "open" else tax())
    assert case.dispute["holder_id"] == case.holder["id"]
    for partner in (case.holder, case.claimant):
        assert await statuses(case.unicef, partner) == ["disputed"]
        listed = await case.unicef.read(of(partner, "identifier-disputes"))
        assert [row["id"] for row in listed["items"]] == [case.dispute["id"]]
    # A third one still meets the holder, and nobody opens a second dispute meanwhile.
    third = await bare(case.unicef, country=case.claimant["country"])
    refused = await case.unicef.post(of(third), json=case.item)
    assert refused.json()["partner_id"] == case.holder["id"]
    url = of(third, "identifier-disputes")
    assert (await case.unicef.post(url, json=case.item | GROUNDS)).json()["code"] == "dispute_open"

    kept, lost = case.holder, case.claimant
    if winner == "claimant":
        kept, lost = lost, kept
    approver = await api_for("UNICEF_APPROVER")
    body = {"holder": kept["id"], "reason": "The register says so."}
    done = await approver.post(f"{case.url}/decision", json=body, headers=V1)
    assert done.status_code == 200, done.text
    assert (done.json()["status"], done.json()["decided_for"]) == ("decided", kept["id"])
    assert await statuses(case.unicef, kept) == ["active"]
    assert await statuses(case.unicef, lost) == ["ended"]
    assert (await case.unicef.post(of(third), json=case.item)).json()["partner_id"] == kept["id"]
    for partner in (kept, lost):
        assert (await case.unicef.read(f"/v1/partners/{partner['id']}"))["version"] >= 3
    again = await approver.post(f"{case.url}/decision", json=body, headers=V1)
    assert again.json()["code"] == "dispute_decided"


async def test_a_disputed_identifier_resolves_marked_and_clears_nobody(api_for: ApiFor) -> None:
    case = await disputed(api_for, unpp())
    query = f"/v1/partners/resolve?scheme=UNPP&value={case.item['value']}"
    found = await case.wfp.get(query)
    assert (found.json()["id"], found.headers["identifier-status"]) == (
        case.holder["id"],
        "disputed",
    )
    assert found.json()["identifiers"][0]["disputed"] is True
    cleared = await case.wfp.made(
        "/v1/clearances",
        {"partner": {"identifier": case.item}, "country": "KEN", "purpose": "PARTNER_SELECTION"},
    )
    assert (cleared["outcome"], cleared["match"]) == ("REFER", None)
    held = (await case.unicef.read(of(case.holder)))["items"][0]["id"]
    ended = await case.unicef.post(f"{of(case.holder)}/{held}/end", json={"reason": "wrong"})
    assert ended.json()["code"] == "identifier_disputed"


async def test_who_raised_it_does_not_decide_it(
    api_for: ApiFor, operator_database: Database
) -> None:
    case = await disputed(api_for, unpp())
    body = {"holder": case.claimant["id"], "reason": "Ours."}
    own = await case.wfp.post(f"{case.url}/decision", json=body, headers=V1)
    assert (own.status_code, own.json()["code"]) == (409, "same_person")
    async with operator_database.connection() as connection:
        with pytest.raises(asyncpg.CheckViolationError, match="four_eyes"):
            await connection.execute(
                "UPDATE identifier_disputes SET status = 'decided', decided_for = partner_id, "
                "decided_by = raised_by, decided_person = raised_person, decided_at = now(), "
                "sealed_reason = '\\x00' WHERE id = $1",
                case.dispute["id"],
            )


async def test_decisions_need_the_version_and_one_of_the_two(api_for: ApiFor) -> None:
    case = await disputed(api_for, unpp())
    approver = await api_for("UNICEF_APPROVER")
    body = {"holder": case.holder["id"], "reason": "x"}
    assert (await approver.post(f"{case.url}/decision", json=body)).status_code == 428
    stale = await approver.post(f"{case.url}/decision", json=body, headers={"If-Match": '"v2"'})
    assert stale.status_code == 412
    assert await statuses(case.unicef, case.holder) == ["disputed"]
    other = body | {"holder": str(uuid4())}
    refused = await approver.post(f"{case.url}/decision", json=other, headers=V1)
    assert refused.json()["code"] == "holder_unfit"
    nowhere = of(case.claimant, f"identifier-disputes/{uuid4()}/decision")
    assert (await approver.post(nowhere, json=body, headers=V1)).status_code == 404
    reader = await api_for("WFP", "partners:read", "partners:write")
    assert (await reader.post(f"{case.url}/decision", json=body, headers=V1)).status_code == 403


async def test_two_decisions_at_once_come_to_one(api_for: ApiFor) -> None:
    case = await disputed(api_for, unpp())
    deciders = [await api_for("UNICEF_APPROVER"), await api_for("FAO")]
    sides = [case.holder["id"], case.claimant["id"]]
    answers = await asyncio.gather(
        *(
            api.post(f"{case.url}/decision", json={"holder": side, "reason": "x"}, headers=V1)
            for api, side in zip(deciders, sides, strict=True)
        )
    )
    codes = sorted(answer.status_code for answer in answers)
    assert codes[0] == 200
    assert codes[1] in (409, 412)
    both = await statuses(case.unicef, case.holder) + await statuses(case.unicef, case.claimant)
    assert sorted(both) == ["active", "ended"]


async def test_texts_are_for_the_raiser_and_who_decides(api_for: ApiFor) -> None:
    case = await disputed(api_for, unpp())
    url = f"{case.url}/grounds"
    assert (await case.wfp.read(url))["grounds"] == GROUNDS["grounds"]
    assert (await case.unicef.get(url)).json()["code"] == "purpose_required"
    assert (await case.unicef.read(url, headers=PURPOSE))["grounds"] == GROUNDS["grounds"]
    keeper = await api_for("UNICEF", "partners:read", "partners:write")
    assert (await keeper.get(url, headers=PURPOSE)).json()["code"] == "dispute_not_found"
    for text in (
        (await case.unicef.get(case.url)).text,
        (await case.unicef.get(of(case.holder, "identifier-disputes"))).text,
    ):
        assert "Secret" not in text


async def test_there_must_be_something_to_dispute(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    partner, item = await bare(unicef), unpp()
    url = of(partner, "identifier-disputes")
    free = await unicef.post(url, json=item | GROUNDS)
    assert (free.status_code, free.json()["code"]) == (422, "nothing_to_dispute")
    await unicef.made(of(partner), item)
    own = await unicef.post(url, json=item | GROUNDS)
    assert own.json()["code"] == "nothing_to_dispute"
    assert (await unicef.post(url, json=vendor() | GROUNDS)).status_code == 422
    assert (await unicef.read(f"/v1/partners/{partner['id']}"))["version"] == 2
