"""Standing shares with a group: all at once, told apart, ended at once; the usual policies."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from app.agencies import service as agencies
from app.assessments.groups.data import GROUPS, Groups
from app.core.db import Database
from app.demo.agencies import take_in
from tests.assessments.factories import PURPOSE, make_assessment
from tests.assessments.support import DENIED, denied, run
from tests.assessments.test_standing import URL, status
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.support import Api, World

GROUP = f"{URL}/groups"


def group_body(**more: Any) -> dict[str, Any]:
    """A share with the HACT agencies; needs a filter, or ``all``."""
    fixed = {"shared_with_group": "HACT_AGENCIES", "level": "detail"}
    return fixed | {"purpose": "PARTNER_SELECTION"} | more


async def _given(api: Api, group_id: str) -> list[dict[str, Any]]:
    groups = (await api.read(GROUP))["items"]
    return [one for group in groups for one in group["given"] if one["group_id"] == group_id]


async def test_a_group_is_given_one_policy_for_each_agency_and_ended_with_all(
    api_for: ApiFor,
) -> None:
    unicef, wfp, undp, fao = [await api_for(code) for code in ("UNICEF", "WFP", "UNDP", "FAO")]
    partner = (await make_partner(unicef))["id"]
    before = (await make_assessment(unicef, partner))["id"]
    given = await unicef.made(GROUP, group_body(partner_id=partner))
    assert (given["group"], given["group_version"]) == ("HACT_AGENCIES", GROUPS.version)
    recipients = {one["shared_with"]: one for one in given["policies"]}
    assert recipients.keys() >= {"UNDP", "WFP"}
    assert "UNICEF" not in recipients
    after = (await make_assessment(unicef, partner))["id"]
    for one in (before, after):
        assert [await status(api, one) for api in (wfp, undp, fao)] == [200, 200, 404]
    (listed,) = await _given(unicef, given["group_id"])
    assert listed["covered"] == sorted(recipients)
    assert await _given(wfp, given["group_id"]) == []
    ended = await unicef.delete(f"{GROUP}/{given['group_id']}")
    assert ended.status_code == 204
    for one in (before, after):
        assert [await status(api, one) for api in (wfp, undp)] == [404, 404]
    again = await unicef.delete(f"{GROUP}/{given['group_id']}")
    assert (again.status_code, again.json()["code"]) == (404, "group_share_not_found")


async def test_it_is_all_or_nothing(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    partner = (await make_partner(unicef))["id"]
    wish = {"level": "detail", "purpose": "PARTNER_SELECTION", "partner_id": partner}
    await unicef.made(URL, wish | {"shared_with": "WFP"})
    answer = await unicef.post(GROUP, json=group_body(partner_id=partner))
    assert (answer.status_code, answer.json()["code"]) == (409, "sharing_policy_exists")
    listed = (await unicef.read(f"{URL}?partner_id={partner}"))["items"]
    assert [one["shared_with"] for one in listed] == ["WFP"]


async def test_a_recipient_does_not_learn_of_the_group(
    api_for: ApiFor, database: Database, world: World
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = (await make_partner(unicef))["id"]
    given = await unicef.made(GROUP, group_body(partner_id=partner))
    (own,) = [one for one in given["policies"] if one["shared_with"] == "WFP"]
    assert own["group_id"] == given["group_id"]
    seen = await wfp.read(f"{URL}/{own['id']}")
    assert (seen["group_id"], seen["group"], seen["group_version"]) == (None, None, None)
    (other,) = [one for one in given["policies"] if one["shared_with"] == "UNDP"]
    assert (await wfp.get(f"{URL}/{other['id']}")).status_code == 404
    sql = "SELECT 1 FROM sharing_policy_groups WHERE group_id = :id"
    group = UUID(given["group_id"])
    assert await run(database, world.agencies["WFP"], sql, id=group) == []
    assert len(await run(database, world.agencies["UNICEF"], sql, id=group)) >= 2
    forge = (
        "INSERT INTO sharing_policy_groups (policy_id, owner_agency, group_id, code, version) "
        "VALUES (:policy, :owner, :id, 'HACT_AGENCIES', 'x')"
    )
    values = {"policy": UUID(own["id"]), "owner": world.agencies["UNICEF"], "id": group}
    assert await denied(database, world.agencies["WFP"], forge, **values) == DENIED
    stranger = await wfp.delete(f"{GROUP}/{given['group_id']}")
    assert stranger.json()["code"] == "group_share_not_found"
    assert (await unicef.read(f"{URL}/{own['id']}"))["status"] == "active"


async def test_whoever_joins_later_is_named_as_not_covered(
    api_for: ApiFor, operator_database: Database
) -> None:
    undp = await api_for("UNDP")
    partner = (await make_partner(undp))["id"]
    given = await undp.made(GROUP, group_body(partner_id=partner))
    async with operator_database.session() as session:
        if "UNFPA" not in await agencies.active_by_code(session):
            await take_in(session, "UNFPA", "UNFPA (test)")
    (listed,) = await _given(undp, given["group_id"])
    assert (listed["covered"], listed["not_covered"]) == (["UNICEF", "WFP"], ["UNFPA"])
    alone = {"level": "detail", "purpose": "PARTNER_SELECTION", "partner_id": partner}
    await undp.made(URL, alone | {"shared_with": "UNFPA"})
    (listed,) = await _given(undp, given["group_id"])
    assert (listed["covered"], listed["not_covered"]) == (["UNFPA", "UNICEF", "WFP"], [])


async def test_the_usual_policies_of_a_type(api_for: ApiFor) -> None:
    fao, wfp, undp = [await api_for(code) for code in ("FAO", "WFP", "UNDP")]
    made = (await make_assessment(fao))["id"]
    body = {"type": "psea", "group": "PSEA_COMMON_ASSESSMENT"}
    given = await fao.made(f"{URL}/defaults", body)
    assert {(one["type"], one["level"], one["purpose"]) for one in given["policies"]} == {
        ("psea", "detail", "PARTNER_SELECTION"),
        ("psea", "detail", "CAPACITY_STRENGTHENING"),
    }
    assert [await status(api, made) for api in (wfp, undp)] == [200, 404]
    assert (await fao.post(f"{URL}/defaults", json=body)).status_code == 409
    await fao.delete(f"{GROUP}/{given['group_id']}")
    answer = await wfp.get(f"/v1/assessments/{made}/detail", headers=PURPOSE)
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("url", "body", "code"),
    [
        (GROUP, group_body(all=True, shared_with_group="FRIENDS"), "group_unknown"),
        (GROUP, group_body(), "invalid_request"),
        (GROUP, group_body(all=True, shared_with="WFP"), "invalid_request"),
        (GROUP, group_body(partner_id=str(uuid4())), "partner_not_found"),
        (GROUP, group_body(all=True, roles=["KING"]), "role_unknown"),
        (GROUP, group_body(all=True, legal_basis="partner_consent"), "invalid_request"),
        (f"{URL}/defaults", {"type": "psea", "group": "HACT_AGENCIES"}, "no_default_policies"),
        (f"{URL}/defaults", {"type": "psea", "group": "FRIENDS"}, "group_unknown"),
    ],
)
async def test_a_share_with_a_group_that_makes_no_sense_is_refused(
    api_for: ApiFor, url: str, body: dict[str, Any], code: str
) -> None:
    answer = await (await api_for("UNICEF")).post(url, json=body)
    assert answer.json()["code"] == code


async def test_an_office_gives_no_more_to_a_group_than_to_an_agency(machine: Api) -> None:
    answer = await machine.post(GROUP, json=group_body(all=True))
    assert (answer.status_code, answer.json()["code"]) == (403, "person_required")


def test_the_data_names_groups_that_are_there() -> None:
    broken = GROUPS.model_dump() | {"groups": {}}
    with pytest.raises(ValueError, match="unknown groups"):
        Groups.model_validate(broken)
    assert not any(group.confirmed for group in GROUPS.groups.values())
