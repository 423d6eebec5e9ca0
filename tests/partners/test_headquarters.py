"""Partner types and what follows from them; headquarters and their country profiles."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from app.agencies.settings import ELIGIBLE_PARTNER_TYPES, KEYS
from app.core.db import Database
from app.partners.types import TYPE_RULES
from tests.conftest import ApiFor
from tests.partners.factories import make_partner, partner_body
from tests.support import Api


def intl(**more: Any) -> dict[str, Any]:
    return partner_body(**({"partner_type": "NGO_INTL", "country": "NOR"} | more))


async def code_of(api: Api, body: dict[str, Any]) -> str:
    answer = await api.post("/v1/partners", json=body)
    assert answer.status_code in (409, 422), answer.text
    return str(answer.json()["code"])


async def patched(api: Api, partner: dict[str, Any], **fields: Any) -> Any:
    now = await api.read(f"/v1/partners/{partner['id']}")
    return await api.patch(
        f"/v1/partners/{partner['id']}",
        json=fields,
        headers={"If-Match": f'"v{now["version"]}"'},
    )


async def test_a_country_profile_hangs_on_a_headquarters_profile(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    assert await code_of(unicef, intl(hq_id=str(uuid4()))) == "headquarters_unknown"
    main = await unicef.made("/v1/partners", intl())
    office = await unicef.made("/v1/partners", intl(hq_id=main["id"], country="KEN"))
    assert (await unicef.read(f"/v1/partners/{office['id']}"))["hq_id"] == main["id"]
    assert await code_of(unicef, intl(hq_id=office["id"], country="SOM")) == "headquarters_unknown"


@pytest.mark.parametrize("kind", ["NGO_NATIONAL", "CBO", "GOV_NATIONAL", "IGO", "UN_ENTITY"])
async def test_types_of_one_country_have_no_headquarters(api_for: ApiFor, kind: str) -> None:
    unicef = await api_for("UNICEF")
    main = await make_partner(unicef, partner_type="NGO_INTL", country="NOR")
    body = partner_body(partner_type=kind, hq_id=main["id"])
    assert await code_of(unicef, body) == "country_profile_refused"
    assert (await make_partner(unicef, partner_type=kind))["partner_type"] == kind


async def test_a_country_profile_is_of_its_headquarters_type(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    main = await unicef.made("/v1/partners", intl())
    other = intl(hq_id=main["id"], partner_type="NGO_REGIONAL", country="KEN")
    assert await code_of(unicef, other) == "headquarters_type_differs"
    await unicef.made("/v1/partners", intl(hq_id=main["id"], country="KEN"))
    answer = await patched(unicef, main, partner_type="NGO_REGIONAL")
    assert (answer.status_code, answer.json()["code"]) == (409, "country_profiles_exist")


async def test_the_country_of_the_headquarters_needs_a_reason(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    main = await unicef.made("/v1/partners", intl())
    assert await code_of(unicef, intl(hq_id=main["id"])) == "same_country_unjustified"
    reason = "The programme at home is a body of its own."
    made = await unicef.made("/v1/partners", intl(hq_id=main["id"], same_country_reason=reason))
    assert made["same_country_reason"] == reason
    assert await code_of(unicef, intl(same_country_reason=reason)) == "invalid_request"
    emptied = await patched(unicef, made, same_country_reason=None)
    assert emptied.json()["code"] == "same_country_unjustified"


async def test_one_of_many_country_profiles_made_at_once_stands(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    main = await unicef.made("/v1/partners", intl())
    bodies = [intl(hq_id=main["id"], country="KEN") for _ in range(6)]
    answers = await asyncio.gather(*(unicef.post("/v1/partners", json=body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5
    again = await unicef.post("/v1/partners", json=bodies[0])
    winner = next(answer.json()["id"] for answer in answers if answer.status_code == 201)
    assert again.json()["code"] == "country_profile_exists"
    assert again.json()["partner_id"] == winner


async def test_type_change_and_first_country_profile_take_turns(api_for: ApiFor) -> None:
    """Whichever is first: never a country profile of another type than its headquarters."""
    unicef = await api_for("UNICEF")
    for _ in range(4):
        main = await unicef.made("/v1/partners", intl())
        made, changed = await asyncio.gather(
            unicef.post("/v1/partners", json=intl(hq_id=main["id"], country="KEN")),
            patched(unicef, main, partner_type="NGO_REGIONAL"),
        )
        assert {made.status_code, changed.status_code} in ({201, 409}, {422, 200})


async def test_country_profiles_are_listed_page_by_page(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    main = await unicef.made("/v1/partners", intl())
    made = [
        (await unicef.made("/v1/partners", intl(hq_id=main["id"], country=country)))["id"]
        for country in ("KEN", "SOM", "SSD")
    ]
    url: str | None = f"/v1/partners/{main['id']}/offices?limit=2"
    seen: list[str] = []
    while url:
        response = await unicef.get(url)
        seen += [item["id"] for item in response.json()["items"]]
        cursor = response.json()["next_cursor"]
        url = f"/v1/partners/{main['id']}/offices?limit=2&cursor={cursor}" if cursor else None
    assert seen == made
    assert (await unicef.get(f"/v1/partners/{uuid4()}/offices")).status_code == 404


async def test_the_database_keeps_the_tree_whatever_writes(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    main = await unicef.made("/v1/partners", intl())
    office = await unicef.made("/v1/partners", intl(hq_id=main["id"], country="KEN"))
    for change in (
        f"hq_id = '{uuid4()}'",
        f"hq_id = '{office['id']}'",
        "partner_type = 'NGO_REGIONAL'",
        "country = 'NOR'",
        "same_country_reason = 'x', hq_id = NULL",
    ):
        async with operator_database.session() as session:
            with pytest.raises(Exception, match=r"headquarters|hang|ck_partners|hq_id"):
                await session.execute(
                    text(f"UPDATE partners SET version = version + 1, {change} WHERE id = :id"),
                    {"id": UUID(office["id"])},
                )
            await session.rollback()


async def test_a_company_is_a_partner_only_where_its_agency_lists_the_type(
    api_for: ApiFor,
) -> None:
    fao, wfp = await api_for("FAO"), await api_for("WFP")
    company = partner_body(partner_type="PRIVATE_FP")
    assert await code_of(fao, company) == "partner_type_not_listed"
    url = f"/v1/agencies/FAO/settings/{ELIGIBLE_PARTNER_TYPES}"
    version = (await fao.read(url))["version"]
    headers = {"If-Match": f'"v{version}"'}
    listed = await fao.put(url, json={"value": ["PRIVATE_FP"]}, headers=headers)
    assert listed.status_code == 200, listed.text
    assert (await fao.post("/v1/partners", json=company)).status_code == 201
    assert await code_of(wfp, partner_body(partner_type="PRIVATE_FP")) == "partner_type_not_listed"
    other = await make_partner(wfp)
    assert (await patched(wfp, other, partner_type="PRIVATE_FP")).status_code == 422


async def test_tags_go_with_the_type(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    body = partner_body(partner_type="GOV_LOCAL", tags=["FAITH_BASED"])
    assert await code_of(unicef, body) == "tag_not_allowed"
    made = await make_partner(unicef, tags=["WOMEN_LED", "FAITH_BASED", "WOMEN_LED"])
    assert made["tags"] == ["FAITH_BASED", "WOMEN_LED"]
    assert (await patched(unicef, made, partner_type="GOV_LOCAL")).json()["code"] == (
        "tag_not_allowed"
    )
    moved = await patched(unicef, made, partner_type="GOV_LOCAL", tags=[])
    assert moved.status_code == 200


async def test_the_rules_of_the_types_are_served_with_their_source(api_for: ApiFor) -> None:
    rules = await (await api_for("WFP")).read("/v1/partner-types")
    assert rules["types"]["NGO_INTL"]["unpp"] == "Int"
    assert rules["source"]
    assert rules["confirmed"] is False


def test_every_type_that_needs_listing_can_be_listed() -> None:
    needing = [kind.value for kind, rule in TYPE_RULES.types.items() if rule.needs_listing]
    assert needing == ["PRIVATE_FP"]
    assert KEYS[ELIGIBLE_PARTNER_TYPES].type.validate_python(needing) == needing
