"""Standing shares: what fits, old and new; what ends them; races with real connections."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from app.assessments import standing
from app.core.db import Database
from app.events import service as events
from app.events.catalogue import EventType
from tests.assessments.factories import PURPOSE, make_assessment, make_share
from tests.assessments.support import DENIED, denied, run, touched
from tests.auth.scoped import ScopedApi, scoped
from tests.conftest import ApiFor, Settle
from tests.partners.factories import make_partner
from tests.support import Api, World

__all__ = ["scoped"]
URL = "/v1/sharing-policies"


def body(**more: Any) -> dict[str, Any]:
    """A policy for WFP; needs a filter, or ``all``."""
    fixed = {"shared_with": "WFP", "level": "detail", "purpose": "PARTNER_SELECTION"}
    return fixed | more


async def status(api: Api, assessment_id: str) -> int:
    """Status of reading a detail for the purpose of `body`."""
    return (await api.get(f"/v1/assessments/{assessment_id}/detail", headers=PURPOSE)).status_code


async def test_a_policy_shares_what_is_there_and_what_comes_until_it_is_ended(
    api_for: ApiFor, database: Database, world: World
) -> None:
    unicef, wfp, fao = [await api_for(code) for code in ("UNICEF", "WFP", "FAO")]
    partner = (await make_partner(unicef))["id"]
    before = (await make_assessment(unicef, partner))["id"]
    other = (await make_assessment(unicef))["id"]
    given = await unicef.made(URL, body(partner_id=partner))
    assert given["status"] == "active"
    assert (given["owner_agency"], given["shared_with"], given["all"]) == ("UNICEF", "WFP", False)
    after = (await make_assessment(unicef, partner))["id"]
    draft = (await make_assessment(unicef, partner, status="draft"))["id"]
    for one, expected in ((before, 200), (after, 200), (other, 404), (draft, 404)):
        assert await status(wfp, one) == expected
        assert await status(fao, one) == 404
    finished = await unicef.patch(
        f"/v1/assessments/{draft}", json={"status": "final"}, headers={"If-Match": '"v1"'}
    )
    assert finished.status_code == 200
    assert await status(wfp, draft) == 200
    (read,) = (await unicef.read(f"/v1/assessments/{draft}/disclosures"))["items"]
    assert (read["basis"], read["share_id"]) == ("share", given["id"])
    assert (await unicef.delete(f"{URL}/{given['id']}")).status_code == 204
    for one in (before, after, draft):
        assert await status(wfp, one) == 404
    ended = await wfp.read(f"{URL}/{given['id']}")
    assert ended["status"] == "ended"
    revive = "UPDATE sharing_policies SET active = true, ended_at = NULL, ended_by = NULL "
    refused = await denied(
        database, world.agencies["UNICEF"], revive + "WHERE id = :id", id=UUID(given["id"])
    )
    assert refused == "23514"
    again = await unicef.delete(f"{URL}/{given['id']}")
    assert again.json()["code"] == "sharing_policy_not_found"


@pytest.mark.parametrize(
    ("filters", "fits"),
    [
        ({"country": "VUT"}, True),
        ({"country": "TON"}, False),
        ({"type": "psea", "country": "VUT"}, True),
        ({"type": "psea", "country": "TON"}, False),
        ({"all": True, "purpose": "MONITORING"}, None),
    ],
)
async def test_filters_are_joined_by_and(
    api_for: ApiFor, filters: dict[str, Any], fits: bool | None
) -> None:
    unhcr, wfp = await api_for("UNHCR"), await api_for("WFP")
    partner = (await make_partner(unhcr, country="VUT"))["id"]
    old = (await make_assessment(unhcr, partner))["id"]
    given = await unhcr.made(URL, body(**filters))
    new = (await make_assessment(unhcr, partner))["id"]
    for one in (old, new):
        answer = await wfp.get(f"/v1/assessments/{one}/detail", headers=PURPOSE)
        expected = {True: 200, False: 404, None: 422}[fits]
        assert answer.status_code == expected
    await unhcr.delete(f"{URL}/{given['id']}")


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, "invalid_request"),
        ({"all": True, "country": "KEN"}, "invalid_request"),
        ({"all": True, "roles": ["KING"]}, "role_unknown"),
        ({"all": True, "shared_with": "UNICEF"}, "shared_with_self"),
        ({"all": True, "shared_with": "NOBODY"}, "agency_unknown"),
        ({"all": True, "valid_until": "2026-01-01T00:00:00Z"}, "share_period_invalid"),
        ({"partner_id": str(uuid4())}, "partner_not_found"),
        ({"type": "unheard_of"}, "invalid_request"),
    ],
)
async def test_a_policy_that_makes_no_sense_is_refused(
    api_for: ApiFor, more: dict[str, Any], expected: str
) -> None:
    answer = await (await api_for("UNICEF")).post(URL, json=body(**more))
    assert answer.json()["code"] == expected


async def test_the_same_policy_twice_is_a_conflict(api_for: ApiFor) -> None:
    fao = await api_for("FAO")
    partner = (await make_partner(fao))["id"]
    wish = body(partner_id=partner, roles=["CO", "PO"])
    answers = await asyncio.gather(*(fao.post(URL, json=wish) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert {answer.json().get("code") for answer in answers} == {None, "sharing_policy_exists"}
    turned = await fao.post(URL, json=body(partner_id=partner, roles=["PO", "CO", "CO"]))
    assert turned.json()["code"] == "sharing_policy_exists"
    assert (await fao.post(URL, json=body(partner_id=partner))).status_code == 201


async def test_a_policy_for_roles_is_for_their_holders(api_for: ApiFor, scoped: ScopedApi) -> None:
    unicef = await api_for("UNICEF")
    partner = (await make_partner(unicef))["id"]
    made = (await make_assessment(unicef, partner))["id"]
    await unicef.made(URL, body(partner_id=partner, roles=["PFP"]))
    assert await status(await api_for("WFP"), made) == 404
    assert await status(await scoped("WFP", roles=("CO",)), made) == 404
    assert await status(await scoped("WFP", roles=("PFP",)), made) == 200


async def test_two_ways_to_the_same_record_end_one_by_one(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = (await make_partner(unicef))["id"]
    made = (await make_assessment(unicef, partner))["id"]
    policy = await unicef.made(URL, body(partner_id=partner))
    single = await make_share(unicef, made)
    assert await status(wfp, made) == 200
    (read,) = (await unicef.read(f"/v1/assessments/{made}/disclosures"))["items"]
    assert read["share_id"] == single["id"]
    await unicef.delete(f"{URL}/{policy['id']}")
    assert await status(wfp, made) == 200
    await unicef.delete(f"/v1/assessments/{made}/shares/{single['id']}")
    assert await status(wfp, made) == 404


async def test_only_owner_and_recipient_see_a_policy_and_only_the_owner_ends_it(
    api_for: ApiFor, scoped: ScopedApi, machine: Api
) -> None:
    unicef, wfp, fao = [await api_for(code) for code in ("UNICEF", "WFP", "FAO")]
    partner = (await make_partner(unicef))["id"]
    given = await unicef.made(URL, body(partner_id=partner))
    url, query = f"{URL}/{given['id']}", f"{URL}?partner_id={partner}"
    assert await wfp.read(url) == await unicef.read(url) == given
    assert (await fao.get(url)).json()["code"] == "sharing_policy_not_found"
    for api, direction, count in (
        (unicef, "given", 1),
        (unicef, "received", 0),
        (wfp, "received", 1),
        (wfp, "given", 0),
        (fao, "received", 0),
    ):
        items = (await api.read(f"{query}&direction={direction}"))["items"]
        assert len(items) == count
    narrow = f"{query}&shared_with=WFP&owner_agency=UNICEF&purpose=PARTNER_SELECTION&status=active"
    assert (await wfp.read(f"{narrow}&limit=1"))["items"] == [given]
    for api in (wfp, fao):
        assert (await api.delete(url)).json()["code"] == "sharing_policy_not_found"
    assert (await machine.post(URL, json=body(all=True))).json()["code"] == "person_required"
    office = await scoped("UNICEF", roles=("HFP",))
    assert (await office.post(URL, json=body(all=True))).json()["code"] == "role_lacks_right"
    assert (await office.delete(url)).json()["code"] == "role_lacks_right"
    assert (await unicef.read(url))["status"] == "active"


async def test_an_office_gives_policies_within_its_country_and_level(
    api_for: ApiFor, scoped: ScopedApi
) -> None:
    office = await scoped("UNDP", countries=("TON",), max_level="INTER_AGENCY")
    far = (await make_partner(await api_for("UNDP"), country="BGD"))["id"]
    for more, code in (
        ({"all": True, "level": "summary"}, "country_outside_scope"),
        ({"country": "BGD", "level": "summary"}, "country_outside_scope"),
        ({"partner_id": far, "level": "summary"}, "partner_not_found"),
        ({"country": "TON"}, "level_above_client"),
    ):
        assert (await office.post(URL, json=body(**more))).json()["code"] == code
    assert (await office.post(URL, json=body(country="TON", level="summary"))).status_code == 201


async def test_pages_of_policies(api_for: ApiFor) -> None:
    undp = await api_for("UNDP")
    partner = (await make_partner(undp))["id"]
    made = [
        (await undp.made(URL, body(partner_id=partner, purpose=purpose)))["id"]
        for purpose in ("AUDIT", "RENEWAL", "MONITORING")
    ]
    query = f"{URL}?partner_id={partner}&limit=2"
    first = await undp.read(query)
    second = await undp.read(f"{query}&cursor={first['next_cursor']}")
    assert [one["id"] for one in first["items"] + second["items"]] == made[::-1]


async def test_a_policy_that_has_run_out_shares_nothing_and_makes_room(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = (await make_partner(unicef))["id"]
    given = await unicef.made(URL, body(partner_id=partner, valid_until="2190-01-01T00:00:00Z"))
    made = (await make_assessment(unicef, partner))["id"]
    assert await status(wfp, made) == 200
    for sql in (
        "UPDATE sharing_policies SET valid_from = now() - interval '2 h', "
        "valid_until = now() - interval '1 h' WHERE id = :id",
        "UPDATE assessments_acl SET valid_from = now() - interval '2 h', "
        "valid_to = now() - interval '1 h' WHERE share_id = :id",
    ):
        await run(operator_database, None, sql, id=UUID(given["id"]))
    assert await status(wfp, made) == 404
    assert (await unicef.read(f"{URL}/{given['id']}"))["status"] == "expired"
    later = (await make_assessment(unicef, partner))["id"]
    assert await status(wfp, later) == 404
    await unicef.made(URL, body(partner_id=partner))
    assert await status(wfp, made) == 200


async def test_an_agency_has_a_limited_number(
    api_for: ApiFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing, "MOST", 0)
    answer = await (await api_for("UNICEF")).post(URL, json=body(all=True, purpose="OVERSIGHT"))
    assert (answer.status_code, answer.json()["code"]) == (409, "sharing_policies_full")


async def entries(database: Database, agency: UUID, policy: str) -> int:
    sql = "SELECT 1 FROM assessments_acl WHERE share_id = :id"
    return len(await run(database, agency, sql, id=UUID(policy)))


async def test_a_record_that_is_withdrawn_loses_its_entries(
    api_for: ApiFor, database: Database, world: World
) -> None:
    unicef, owner = await api_for("UNICEF"), world.agencies["UNICEF"]
    partner = (await make_partner(unicef))["id"]
    made = (await make_assessment(unicef, partner))["id"]
    given = await unicef.made(URL, body(partner_id=partner))
    assert await entries(database, owner, given["id"]) == 1
    change = (
        "UPDATE assessments SET status = 'withdrawn', withdrawn_at = now(), "
        "withdrawal_reason = 'OTHER' WHERE id = :id"
    )
    await run(database, owner, change, id=UUID(made))
    assert await entries(database, owner, given["id"]) == 0
    assert await status(await api_for("WFP"), made) == 404


async def test_a_record_that_is_closed_loses_its_entries_until_it_is_open_again(
    api_for: ApiFor, database: Database, world: World
) -> None:
    unicef, owner = await api_for("UNICEF"), world.agencies["UNICEF"]
    partner = (await make_partner(unicef))["id"]
    made = (await make_assessment(unicef, partner))["id"]
    given = await unicef.made(URL, body(partner_id=partner))
    change = "UPDATE assessments SET confidentiality = :level, level = :level WHERE id = :id"
    await run(database, owner, change, level="AGENCY_ONLY", id=UUID(made))
    assert await entries(database, owner, given["id"]) == 0
    assert await status(await api_for("WFP"), made) == 404
    await run(database, owner, change, level="RESTRICTED", id=UUID(made))
    assert await entries(database, owner, given["id"]) == 1


async def test_a_partner_that_moves_is_shared_anew(
    api_for: ApiFor, database: Database, world: World, settle: Settle
) -> None:
    unhcr, wfp = await api_for("UNHCR"), await api_for("WFP")
    partner = (await make_partner(unhcr, country="FJI"))["id"]
    made = (await make_assessment(unhcr, partner))["id"]
    await unhcr.made(URL, body(country="FJI"))
    there = await unhcr.made(URL, body(country="NRU", purpose="AUDIT"))
    assert await status(wfp, made) == 200
    async with database.session(world.agencies["UNHCR"]) as session:
        await session.execute(
            text("UPDATE partners SET country = 'NRU', version = version + 1 WHERE id = :id"),
            {"id": UUID(partner)},
        )
        await events.publish(
            session, EventType.PARTNER_CHANGED, UUID(partner), None, fields=["country"]
        )
    await settle()
    assert await status(wfp, made) == 422  # shared, but for another purpose now
    assert await entries(database, world.agencies["WFP"], there["id"]) == 1


async def test_the_floor_lets_nobody_give_or_end_for_another(
    api_for: ApiFor, database: Database, world: World
) -> None:
    unicef = await api_for("UNICEF")
    given = await unicef.made(URL, body(partner_id=(await make_partner(unicef))["id"]))
    wfp, owner = world.agencies["WFP"], world.agencies["UNICEF"]
    end = (
        "UPDATE sharing_policies SET active = false, ended_at = now(), "
        "ended_by = created_by_person WHERE id = :id"
    )
    assert await touched(database, wfp, end, id=UUID(given["id"])) == 0
    assert await touched(database, None, end, id=UUID(given["id"])) == 0
    assert await touched(database, owner, end, id=UUID(given["id"])) == 1
    forge = (
        "INSERT INTO sharing_policies (id, owner_agency, shared_with, level, purpose, everything, "
        "valid_from, created_by_person, created_by_client) VALUES (gen_random_uuid(), :owner, "
        ":wfp, 'detail', 'AUDIT', true, now(), :person, 'x')"
    )
    person = world.persons["UNICEF"]
    assert await denied(database, wfp, forge, owner=owner, wfp=wfp, person=person) == DENIED
    sql = "SELECT 1 FROM sharing_policies WHERE id = :id"
    for agency, seen in ((owner, 1), (wfp, 1), (world.agencies["FAO"], 0), (None, 0)):
        assert len(await run(database, agency, sql, id=UUID(given["id"]))) == seen
    terms = "UPDATE sharing_policies SET purpose = 'AUDIT' WHERE id = :id"
    assert await denied(database, owner, terms, id=UUID(given["id"])) == DENIED


async def test_a_request_about_a_hidden_record_fails_as_one_about_none(
    api_for: ApiFor, database: Database, world: World
) -> None:
    unicef = await api_for("UNICEF")
    hidden = UUID((await make_assessment(unicef, confidentiality="AGENCY_ONLY"))["id"])
    ask = (
        "INSERT INTO access_requests (id, assessment_id, owner_agency, requested_by, level, "
        "purpose, sealed_justification) VALUES (gen_random_uuid(), :record, :owner, :asker, "
        "'detail', 'AUDIT', '')"
    )
    owner, asker = world.agencies["UNICEF"], world.agencies["WFP"]
    states = [
        await denied(database, asker, ask, record=one, owner=owner, asker=asker)
        for one in (hidden, uuid4())
    ]
    assert states == [DENIED, DENIED]


async def test_no_record_slips_between_a_policy_and_its_filing(
    api_for: ApiFor, database: Database, world: World
) -> None:
    """Policies begin and end while records are filed: afterwards the list is exactly what fits."""
    unicef, owner = await api_for("UNICEF"), world.agencies["UNICEF"]
    partner = (await make_partner(unicef))["id"]
    for _ in range(4):
        filing = [make_assessment(unicef, partner) for _ in range(4)]
        given, *_ = await asyncio.gather(unicef.made(URL, body(partner_id=partner)), *filing)
        listed = (await unicef.read(f"/v1/assessments?partner_id={partner}"))["items"]
        assert await entries(database, owner, given["id"]) == len(listed)
        filing = [make_assessment(unicef, partner) for _ in range(4)]
        await asyncio.gather(unicef.delete(f"{URL}/{given['id']}"), *filing)
        assert await entries(database, owner, given["id"]) == 0


async def test_who_files_waits_for_a_policy_in_the_making_and_sees_it(
    api_for: ApiFor, database: Database, world: World
) -> None:
    """The one order that a snapshot alone would miss, made to happen."""
    unicef, wfp, owner = await api_for("UNICEF"), await api_for("WFP"), world.agencies["UNICEF"]
    partner = (await make_partner(unicef))["id"]
    insert = text(
        "INSERT INTO sharing_policies (id, owner_agency, shared_with, level, purpose, partner_id, "
        "valid_from, created_by_person, created_by_client) VALUES (:id, :owner, :wfp, 'detail', "
        "'PARTNER_SELECTION', :partner, now(), :person, 'x')"
    )
    policy = uuid4()
    async with database.session(owner) as session:
        await session.execute(text("SELECT hold_sharing_policies(:owner)"), {"owner": owner})
        await session.execute(
            insert,
            {
                "id": policy,
                "owner": owner,
                "wfp": world.agencies["WFP"],
                "partner": UUID(partner),
                "person": world.persons["UNICEF"],
            },
        )
        await session.execute(text("SELECT start_sharing_policy(:id)"), {"id": policy})
        filing = asyncio.create_task(make_assessment(unicef, partner))
        await asyncio.sleep(0.3)
        assert not filing.done()
    made = await filing
    assert await status(wfp, made["id"]) == 200


async def test_a_read_during_revocation_is_whole_or_absent(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = (await make_partner(unicef))["id"]
    made = (await make_assessment(unicef, partner))["id"]
    for _ in range(3):
        given = await unicef.made(URL, body(partner_id=partner))
        reads = [asyncio.create_task(status(wfp, made)) for _ in range(6)]
        ended = await unicef.delete(f"{URL}/{given['id']}")
        found = await asyncio.gather(*reads)
        assert ended.status_code == 204
        assert set(found) <= {200, 404}
        assert await status(wfp, made) == 404
