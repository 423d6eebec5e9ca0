"""The partner answers a 409 itself: the identifier is its own, and another profile holds it."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.core.db import NO_AGENCY, Binding, Database
from app.partners.identifiers.disputes import OPEN_AT_ONCE
from tests.conftest import ApiFor
from tests.partners.claims.support import claim_body, claimed, claimed_partner
from tests.partners.factories import make_partner
from tests.partners.identifiers.test_disputes import statuses
from tests.partners.identifiers.test_service import bare, of, unpp, vendor
from tests.partners.merges.support import merged
from tests.partners.self_service.test_own_documents import own_upload
from tests.support import Api, World

GROUNDS = {"grounds": "Secret: the certificate names us."}
PURPOSE = {"Access-Purpose": 'AUDIT; ref="A-1"'}
URL = "/v1/self/identifier-disputes"


class Case:
    """UNICEF's profile holds what a partner with a client of its own claims."""

    def __init__(self, unicef: Api, own: Api, partner: str, item: dict[str, Any]) -> None:
        self.unicef, self.own, self.item = unicef, own, item
        self.claimant = {"id": partner}
        self.holder: dict[str, Any] = {}
        self.dispute: dict[str, Any] = {}

    @property
    def url(self) -> str:
        return of(self.claimant, f"identifier-disputes/{self.dispute['id']}")

    async def decide(self, api: Api, holder: str, version: int) -> Any:
        body = {"holder": holder, "reason": "Secret: the register says so."}
        headers = {"If-Match": f'"v{version}"'}
        return await api.post(f"{self.url}/decision", json=body, headers=headers)


async def contest(api_for: ApiFor, world: World, **holder: Any) -> Case:
    """A partner that met a 409, before it disputes."""
    unicef = await api_for("UNICEF")
    partner = (await bare(unicef))["id"]
    case = Case(unicef, (await claimed(api_for, world, partner))[0], partner, unpp())
    case.holder = await make_partner(case.unicef, identifiers=[case.item], **holder)
    return case


async def raised(api_for: ApiFor, world: World, **holder: Any) -> Case:
    case = await contest(api_for, world, **holder)
    case.dispute = await case.own.made(URL, case.item | GROUNDS)
    return case


@pytest.mark.parametrize("protected", [False, True])
async def test_a_409_leads_to_a_dispute_that_tells_nothing_of_the_other(
    protected: bool, api_for: ApiFor, world: World
) -> None:
    case = await contest(api_for, world, protected=protected)
    taken = await case.own.post("/v1/self/identifiers", json=case.item)
    assert (taken.status_code, taken.json()["code"]) == (409, "identifier_taken")
    assert taken.json()["dispute"] == URL
    before = (await case.unicef.read(f"/v1/partners/{case.holder['id']}"))["version"]
    paper = await own_upload(case.own)
    body = case.item | GROUNDS | {"document_ids": [paper["id"]]}
    made = await case.own.post(taken.json()["dispute"], json=body)
    assert made.status_code == 201, made.text
    shown = made.json()
    assert (shown["side"], shown["status"], shown["kept"]) == ("claimant", "open", None)
    assert (shown["raised_by"], shown["document_ids"]) == ("partner", [paper["id"]])
    listed = await case.own.get(URL)
    assert listed.json()["items"] == [shown]
    for answer in (taken, made, listed):
        assert case.holder["id"] not in answer.text
        assert "Secret" not in answer.text
        assert "UNICEF" not in answer.text
    assert await statuses(case.unicef, case.holder) == ["disputed"]
    assert await statuses(case.unicef, case.claimant) == ["disputed"]
    mine = (await case.own.read("/v1/self/identifiers"))["items"]
    assert [(row["id"], row["status"]) for row in mine] == [(shown["identifier_id"], "disputed")]
    assert (await case.unicef.read(f"/v1/partners/{case.holder['id']}"))["version"] == before + 1
    seen = (await case.unicef.read(of(case.claimant, "identifier-disputes")))["items"]
    assert [(one["id"], one["raised_by"]) for one in seen] == [(shown["id"], "partner")]
    again = await case.own.post(URL, json=body)
    assert (again.status_code, again.json()["code"]) == (409, "dispute_open")


async def test_the_holder_is_told_without_who_stands_behind_it(
    api_for: ApiFor, world: World
) -> None:
    case = await raised(api_for, world)
    holder = (await claimed(api_for, world, case.holder["id"]))[0]
    told = await holder.get(URL)
    (one,) = told.json()["items"]
    assert (one["side"], one["raised_by"], one["document_ids"]) == ("holder", None, [])
    assert (one["value"], one["status"]) == (case.item["value"], "open")
    assert case.claimant["id"] not in told.text
    stranger = (await claimed_partner(api_for, world))[1]
    assert (await stranger.read(URL))["items"] == []


@pytest.mark.parametrize("winner", ["holder", "claimant"])
async def test_two_persons_of_agencies_decide_and_both_sides_hear_it(
    winner: str, api_for: ApiFor, world: World
) -> None:
    case = await raised(api_for, world)
    kept, lost = case.holder, case.claimant
    if winner == "claimant":
        kept, lost = lost, kept
    wfp, fao = await api_for("WFP"), await api_for("FAO")
    other = await case.decide(wfp, lost["id"], 1)
    assert (other.status_code, other.json()["status"]) == (200, "open"), other.text
    first = await case.decide(wfp, kept["id"], 2)
    assert (first.json()["proposed_for"], first.json()["proposed_by"]) == (kept["id"], "WFP")
    assert (first.json()["status"], first.headers["etag"]) == ("open", '"v3"')
    assert await statuses(case.unicef, case.holder) == ["disputed"]
    alone = await case.decide(wfp, kept["id"], 3)
    assert (alone.status_code, alone.json()["code"]) == (409, "same_person")
    assert (await case.decide(fao, kept["id"], 2)).status_code == 412
    assert (await case.own.read(URL))["items"][0]["status"] == "open"
    done = await case.decide(fao, kept["id"], 3)
    assert (done.json()["status"], done.json()["decided_for"]) == ("decided", kept["id"])
    assert await statuses(case.unicef, kept) == ["active"]
    assert await statuses(case.unicef, lost) == ["ended"]
    told = (await case.own.read(URL))["items"][0]
    assert (told["status"], told["kept"]) == ("decided", winner == "claimant")
    assert told["decided_by"] == "FAO"
    holder = (await claimed(api_for, world, case.holder["id"]))[0]
    assert (await holder.read(URL))["items"][0]["kept"] is (winner == "holder")
    texts = await fao.read(f"{case.url}/grounds", headers=PURPOSE)
    assert texts["grounds"] == GROUNDS["grounds"]
    assert len(texts["proposals"]) == 2
    assert (await wfp.get(f"{case.url}/grounds")).json()["code"] == "purpose_required"


async def test_two_first_words_at_once_take_turns(api_for: ApiFor, world: World) -> None:
    case = await raised(api_for, world)
    deciders = [await api_for("WFP"), await api_for("FAO")]
    answers = await asyncio.gather(*(case.decide(api, case.holder["id"], 1) for api in deciders))
    assert sorted(one.status_code for one in answers) == [200, 412]
    assert (await case.own.read(URL))["items"][0]["status"] == "open"


async def test_disputes_across_at_once_do_not_lock_each_other(
    api_for: ApiFor, world: World
) -> None:
    one, two = [await claimed_partner(api_for, world) for _ in range(2)]
    items = [unpp(), unpp()]
    await one[1].made("/v1/self/identifiers", items[0])
    await two[1].made("/v1/self/identifiers", items[1])
    answers = await asyncio.gather(
        one[1].post(URL, json=items[1] | GROUNDS), two[1].post(URL, json=items[0] | GROUNDS)
    )
    assert [answer.status_code for answer in answers] == [201, 201]
    assert len((await one[1].read(URL))["items"]) == 2


async def test_what_cannot_be_disputed_is_refused(api_for: ApiFor, world: World) -> None:
    case = await contest(api_for, world)
    tax = {"scheme": "TAX_ID", "value": uuid4().hex[:10], "country": "KE"}
    foreign = await own_upload((await claimed_partner(api_for, world))[1])
    draft = await case.own.made(
        "/v1/self/documents",
        {"kind": "evidence", "title": "Draft", "media_type": "application/pdf"},
    )
    mine = unpp()
    await case.own.made("/v1/self/identifiers", mine)
    for body, code in (
        (tax | GROUNDS, "scheme_not_taken"),
        (vendor() | GROUNDS, "invalid_request"),
        (unpp() | GROUNDS, "nothing_to_dispute"),
        (mine | GROUNDS, "nothing_to_dispute"),
        (case.item | GROUNDS | {"document_ids": [foreign["id"]]}, "documents_unknown"),
        (case.item | GROUNDS | {"document_ids": [draft["id"]]}, "documents_unknown"),
        (case.item | GROUNDS | {"document_ids": [str(uuid4())] * 21}, "invalid_request"),
        (case.item, "invalid_request"),
        (case.item | {"grounds": " "}, "invalid_request"),
        (case.item | {"grounds": "a\x00b"}, "invalid_request"),
        (case.item | GROUNDS | {"raised_by": "UNICEF"}, "invalid_request"),
        (case.item | GROUNDS | {"holder_id": case.holder["id"]}, "invalid_request"),
    ):
        refused = await case.own.post(URL, json=body)
        assert (refused.status_code, refused.json()["code"]) == (422, code), body
    assert (await case.own.get(URL, params={"limit": "0"})).status_code == 422
    assert (await case.unicef.post(URL, json=case.item | GROUNDS)).status_code == 403
    assert await statuses(case.unicef, case.holder) == ["active"]
    assert (await case.own.read(URL))["items"] == []


async def test_a_partner_holds_a_bounded_number_of_others_in_doubt(
    api_for: ApiFor, world: World
) -> None:
    case = await contest(api_for, world)
    answers = []
    for _ in range(OPEN_AT_ONCE + 1):
        item = unpp()
        await make_partner(case.unicef, identifiers=[item])
        answers.append(await case.own.post(URL, json=item | GROUNDS))
    assert [answer.status_code for answer in answers] == [201] * OPEN_AT_ONCE + [409]
    assert answers[-1].json()["code"] == "too_many_disputes"


async def test_no_dispute_while_it_is_disputed_who_speaks_for_the_partner(
    api_for: ApiFor, world: World
) -> None:
    case = await contest(api_for, world)
    await (await api_for("WFP")).made(of(case.claimant, "claims"), claim_body())
    refused = await case.own.post(URL, json=case.item | GROUNDS)
    assert (refused.status_code, refused.json()["code"]) == (409, "control_disputed")
    assert await statuses(case.unicef, case.holder) == ["active"]


async def test_the_database_keeps_a_partner_to_its_own_disputes(
    api_for: ApiFor, world: World, database: Database, operator_database: Database
) -> None:
    case = await raised(api_for, world)
    other = await make_partner(case.unicef, identifiers=[unpp()])
    own = Binding(NO_AGENCY, UUID(case.claimant["id"]))
    async with operator_database.connection() as connection:
        victim = await connection.fetchval(
            "SELECT id FROM partner_identifiers WHERE partner_id = $1", UUID(other["id"])
        )
    forged = (
        "INSERT INTO identifier_disputes (id, partner_id, holder_id, scheme, restricted, held_id, "
        "claim_id, sealed_grounds, raised_client) SELECT gen_random_uuid(), {partner}, '{holder}', "
        "d.scheme, false, '{held}', d.claim_id, 'x', 'x' FROM identifier_disputes d "
        f"WHERE d.id = '{case.dispute['id']}'"
    )
    values = {"holder": other["id"], "held": victim}
    for sql, match in (
        # The row that it marks is of another number.
        (forged.format(partner="d.partner_id", **values), "does not hold this identifier"),
        (forged.format(partner=f"'{other['id']}'", **values), "row-level security"),
        (f"UPDATE partner_identifiers SET disputed = true WHERE id = '{victim}'", "own identif"),
        (
            "INSERT INTO identifier_dispute_voices (id, dispute_id, for_id, agency_id, person_id, "
            f"sealed) SELECT gen_random_uuid(), '{case.dispute['id']}', '{case.claimant['id']}', "
            "p.agency_id, p.id, 'x' FROM persons p LIMIT 1",
            "row-level security",
        ),
    ):
        with pytest.raises(DBAPIError, match=match):
            async with database.session(own) as session:
                await session.execute(text(sql))
    alone = (
        "UPDATE identifier_disputes SET status = 'decided', decided_for = holder_id, "
        "decided_by = app_agency(), decided_at = now(), sealed_reason = 'x', version = 2, "
        "decided_person = (SELECT id FROM persons WHERE agency_id = app_agency() "
        f"AND status = 'active' LIMIT 1) WHERE id = '{case.dispute['id']}'"
    )
    with pytest.raises(DBAPIError, match="two persons"):
        async with database.session(Binding(world.agencies["WFP"])) as session:
            await session.execute(text(alone))
    said = (await case.decide(await api_for("WFP"), case.holder["id"], 1)).status_code
    assert said == 200
    with pytest.raises(DBAPIError, match="stays as it was said"):
        async with operator_database.session() as session:
            await session.execute(text("UPDATE identifier_dispute_voices SET sealed = 'y'"))


async def test_after_a_merge_the_outcome_is_read_and_nothing_new_is_raised(
    api_for: ApiFor, world: World
) -> None:
    case = await raised(api_for, world)
    survivor, heir = await claimed_partner(api_for, world)
    await merged(api_for, case.claimant, {"id": survivor})
    item = unpp()
    await make_partner(case.unicef, identifiers=[item])
    refused = await case.own.post(URL, json=item | GROUNDS)
    assert (refused.status_code, refused.json()["code"]) == (409, "partner_merged")
    for side in (case.own, heir):
        (told,) = (await side.read(URL))["items"]
        assert (told["side"], told["status"]) == ("claimant", "open")
