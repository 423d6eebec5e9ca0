"""One agency more, or less, in a share with a group: at once, and in turn with its end."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from app.core.db import Database
from tests.assessments.factories import make_assessment
from tests.assessments.support import run
from tests.assessments.test_groups import GROUP, group_body
from tests.assessments.test_standing import URL, status
from tests.audit.support import events_of
from tests.auth.scoped import ScopedApi, scoped
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.support import Api, World

__all__ = ["scoped"]
NOTE = "Canary: for the joint programme"


async def given(api: Api, **more: Any) -> tuple[str, str, str]:
    """A share with the HACT agencies about one partner: its address, the partner, a record."""
    partner = (await make_partner(api))["id"]
    group = (await api.made(GROUP, group_body(partner_id=partner) | more))["group_id"]
    return f"{GROUP}/{group}/members", partner, (await make_assessment(api, partner))["id"]


async def add(api: Api, url: str, agency: str = "WFP") -> tuple[int, str]:
    answer = await api.post(url, json={"agency": agency})
    return answer.status_code, answer.json().get("code", "")


async def listed(api: Api, url: str) -> dict[str, Any]:
    groups = (await api.read(GROUP))["items"]
    (found,) = [one for group in groups for one in group["given"] if one["group_id"] in url]
    shown: dict[str, Any] = found
    return shown


async def test_who_is_taken_out_reads_no_more_and_who_is_added_reads_all(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef, wfp, undp = [await api_for(code) for code in ("UNICEF", "WFP", "UNDP")]
    url, partner, before = await given(unicef, note=NOTE, roles=[], legal_reference="Art. 7")
    assert await add(unicef, url) == (409, "sharing_policy_exists")
    assert (await unicef.delete(f"{url}/WFP")).status_code == 204
    assert [await status(api, before) for api in (wfp, undp)] == [404, 200]
    shown = await listed(unicef, url)
    assert ("WFP" in shown["covered"], "WFP" in shown["not_covered"]) == (False, True)
    gone = await unicef.delete(f"{url}/WFP")
    assert (gone.status_code, gone.json()["code"]) == (404, "group_share_not_found")
    after = (await make_assessment(unicef, partner))["id"]
    made = await unicef.made(url, {"agency": "WFP"})
    (policy,) = made["policies"]
    assert made["group_id"] in url
    assert (policy["shared_with"], policy["note"], policy["legal_reference"]) == (
        "WFP",
        NOTE,
        "Art. 7",
    )
    assert (policy["level"], policy["purpose"], policy["partner_id"], policy["roles"]) == (
        "detail",
        "PARTNER_SELECTION",
        partner,
        [],
    )
    for one in (before, after, (await make_assessment(unicef, partner))["id"]):
        assert await status(wfp, one) == 200
    assert "WFP" in (await listed(unicef, url))["covered"]
    events = [row.event for row in await events_of(operator_database, policy["id"])]
    assert events == ["assessment:sharing_policy:give"]
    # The end of the whole share is the end for who was added, too.
    assert (await unicef.delete(url.removesuffix("/members"))).status_code == 204
    assert [await status(api, before) for api in (wfp, undp)] == [404, 404]
    assert await add(unicef, url) == (404, "group_share_not_found")


async def test_all_purposes_are_added_and_what_was_given_alone_stays(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    made = await unicef.made(f"{URL}/defaults", {"type": "hact_micro", "group": "HACT_AGENCIES"})
    url = f"{GROUP}/{made['group_id']}/members"
    assert (await unicef.delete(f"{url}/WFP")).status_code == 204
    alone = {"shared_with": "WFP", "level": "detail", "type": "hact_micro"}
    own = await unicef.made(URL, alone | {"purpose": "PARTNER_SELECTION"})
    added = await unicef.made(url, {"agency": "WFP"})
    assert [one["purpose"] for one in added["policies"]] == ["ASSURANCE_PLANNING"]
    assert (await unicef.delete(f"{url}/WFP")).status_code == 204
    assert (await wfp.read(f"{URL}/{own['id']}"))["status"] == "active"
    assert (await unicef.delete(f"{URL}/{own['id']}")).status_code == 204
    assert (await unicef.delete(url.removesuffix("/members"))).status_code == 204


async def test_who_cannot_be_added(
    api_for: ApiFor, machine: Api, scoped: ScopedApi, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    url, partner, _ = await given(unicef)
    assert await add(unicef, url, "FAO") == (422, "agency_not_in_group")
    assert await add(unicef, url, "UNICEF") == (422, "shared_with_self")
    assert await add(unicef, url, "NOBODY") == (422, "agency_unknown")
    assert (await unicef.delete(f"{url}/WFP")).status_code == 204
    assert await add(machine, url) == (403, "person_required")
    assert (await machine.delete(f"{url}/UNDP")).json()["code"] == "person_required"
    far = await scoped("UNICEF", countries=("UGA",))
    assert (await add(far, url))[0] in (403, 404)
    lower = await scoped("UNICEF", max_level="INTER_AGENCY")
    assert await add(lower, url) == (403, "level_above_client")
    for api in (await api_for("WFP"), await api_for("UNDP")):
        assert await add(api, url) == (404, "group_share_not_found")
        assert (await api.delete(f"{url}/UNDP")).json()["code"] == "group_share_not_found"
    assert await add(unicef, f"{GROUP}/{uuid4()}/members") == (404, "group_share_not_found")
    for body in ({}, {"agency": "wfp"}, {"agency": ["WFP"]}, {"agency": "WFP", "level": "detail"}):
        assert (await unicef.post(url, json=body)).status_code == 422
    assert (await unicef.delete(f"{url}/wfp")).status_code in (404, 422)
    async with operator_database.session() as session:
        await session.execute(
            text(
                "UPDATE sharing_policies SET valid_from = now() - interval '2 d', "
                "valid_until = now() - interval '1 s' WHERE partner_id = :partner"
            ),
            {"partner": UUID(partner)},
        )
    assert await add(unicef, url) == (404, "group_share_not_found")


@pytest.mark.parametrize("end", ["group", "member"])
async def test_of_an_addition_and_an_end_at_once_nothing_stays_open_by_mistake(
    end: str, api_for: ApiFor, database: Database, world: World
) -> None:
    first, second, wfp = [await api_for(one) for one in ("UNICEF", "UNICEF_APPROVER", "WFP")]
    for _ in range(4):
        url, _, record = await given(first)
        target = url.removesuffix("/members") if end == "group" else f"{url}/WFP"
        if end == "group":
            assert (await first.delete(f"{url}/WFP")).status_code == 204
        added, ended, again = await asyncio.gather(
            first.post(url, json={"agency": "WFP"}),
            second.delete(target),
            second.post(url, json={"agency": "WFP"}),
        )
        assert ended.status_code == 204
        outcomes = sorted(one.status_code for one in (added, again))
        if end == "group":
            # Whoever came after the end found nothing; what came before ended with it.
            assert set(outcomes) <= {201, 404, 409}
            meant = 404
        else:
            assert set(outcomes) <= {201, 409}
            meant = 200 if 201 in outcomes else 404
        assert await status(wfp, record) == meant
        open_entries = await run(
            database,
            world.agencies["WFP"],
            "SELECT 1 FROM assessments_acl WHERE record_id = :id",
            id=UUID(record),
        )
        assert bool(open_entries) == (meant == 200)


async def test_a_record_filed_at_the_same_moment_is_shared_as_it_is_after(
    api_for: ApiFor,
) -> None:
    first, second, wfp = [await api_for(one) for one in ("UNICEF", "UNICEF_APPROVER", "WFP")]
    url, partner, _ = await given(first)
    for _ in range(3):
        assert (await first.delete(f"{url}/WFP")).status_code == 204
        filed, added = await asyncio.gather(
            make_assessment(second, partner), first.post(url, json={"agency": "WFP"})
        )
        assert added.status_code == 201
        assert await status(wfp, filed["id"]) == 200
        filed, ended = await asyncio.gather(
            make_assessment(second, partner), first.delete(f"{url}/WFP")
        )
        assert ended.status_code == 204
        assert await status(wfp, filed["id"]) == 404
        assert await add(first, url) == (201, "")
