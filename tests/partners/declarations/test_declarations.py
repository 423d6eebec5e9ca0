"""Declarations: versioned forms, answers that stay, and what country profiles stand under."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from app.core.db import Database
from app.partners.declarations.service import current_declaration
from tests.conftest import ApiFor
from tests.partners.declarations.factories import STATEMENTS, declaration_body, sign
from tests.partners.factories import make_partner
from tests.partners.sections.factories import PURPOSE, missing, save_all, saved
from tests.support import Api


async def _partner(api: Api, **more: Any) -> str:
    return str((await make_partner(api, **more))["id"])


async def _refused(api: Api, partner: str, body: dict[str, Any]) -> tuple[int, str]:
    answer = await api.post(f"/v1/partners/{partner}/declarations", json=body)
    return answer.status_code, answer.json()["code"]


async def test_a_declaration_is_stored_as_it_was_answered(api_for: ApiFor) -> None:
    api = await api_for("UNICEF")
    partner = await _partner(api)
    first = await sign(api, partner, "NOT_LISTED", signed_on="2025-01-01")
    assert (first["accepted"], first["recorded_by"], first["inherited_from"]) == (
        False, "UNICEF", None,
    )  # fmt: skip
    assert {item["statement"] for item in first["answers"] if not item["answer"]} == {"NOT_LISTED"}
    assert "declaration" in await missing(api, partner)
    second = await sign(await api_for("WFP"), partner)
    assert second["accepted"]
    assert "declaration" not in await missing(api, partner)
    listed = await api.read(f"/v1/partners/{partner}/declarations?limit=1")
    assert listed["items"] == [second]
    more = await api.read(
        f"/v1/partners/{partner}/declarations?limit=1&cursor={listed['next_cursor']}"
    )
    assert (more["items"], more["next_cursor"]) == ([first], None)


async def test_the_newest_signed_counts_not_the_newest_typed_in(
    api_for: ApiFor, database: Database
) -> None:
    api = await api_for("UNICEF")
    partner = await _partner(api)
    kept = await sign(api, partner, signed_on="2026-02-01")
    await sign(api, partner, "NO_CRIMES", signed_on="2019-02-01")
    async with database.session() as session:
        row = await current_declaration(session, UUID(partner))
        assert row is not None
        assert (str(row.id), row.accepted) == (kept["id"], True)
        assert await current_declaration(session, UUID(int=1)) is None
    again = await sign(api, partner, "NO_CRIMES", signed_on="2026-02-01")
    async with database.session() as session:
        row = await current_declaration(session, UUID(partner))
        assert row is not None
        assert str(row.id) == again["id"]
    assert "declaration" in await missing(api, partner)


async def test_a_country_profile_stands_under_the_declaration_of_its_headquarters(
    api_for: ApiFor,
) -> None:
    api = await api_for("UNICEF")
    hq = await _partner(api, partner_type="NGO_INTL", country="CHE")
    offices = [
        await _partner(api, partner_type="NGO_INTL", country=country, hq_id=hq)
        for country in ("KEN", "SOM")
    ]
    for office in offices:
        await save_all(api, office)
        assert await missing(api, office) == {"declaration": ["/declaration"]}
    refused = await api.post(f"/v1/partners/{offices[0]}/declarations", json=declaration_body())
    assert (refused.status_code, refused.json()["code"]) == (409, "declaration_inherited")
    assert refused.json()["hq_id"] == hq
    made = await sign(api, hq)
    for office in offices:
        assert (await api.read(f"/v1/partners/{office}"))["status"] == "pending_verification"
        listed = (await api.read(f"/v1/partners/{office}/declarations"))["items"]
        assert [(item["id"], item["inherited_from"]) for item in listed] == [(made["id"], hq)]
    assert (await api.read(f"/v1/partners/{hq}"))["status"] == "draft", "its sections are empty"
    await sign(api, hq, "UN_VALUES", signed_on="2026-04-01")
    assert (await api.read(f"/v1/partners/{offices[1]}"))["status"] == "draft"


async def test_an_office_saved_while_its_headquarters_signs_ends_up_right(api_for: ApiFor) -> None:
    api, other = await api_for("UNICEF"), await api_for("WFP")
    hq = await _partner(api, partner_type="NGO_INTL", country="CHE")
    for country in ("KEN", "UGA", "TZA", "RWA"):
        office = await _partner(api, partner_type="NGO_INTL", country=country, hq_id=hq)
        await save_all(api, office)
        body = declaration_body("UN_VALUES")
        done = await asyncio.gather(
            other.post(f"/v1/partners/{hq}/declarations", json=declaration_body()),
            saved(api, office, "other", {"remarks": "x"}, 1),
        )
        assert done[0].status_code == 201
        assert (await api.read(f"/v1/partners/{office}"))["status"] == "pending_verification"
        await api.made(f"/v1/partners/{hq}/declarations", body)


async def test_merged_profiles_keep_what_they_declared(
    api_for: ApiFor, operator_database: Database, database: Database
) -> None:
    api = await api_for("UNICEF")
    old, survivor = await _partner(api), await _partner(api)
    made = await sign(api, old)
    async with operator_database.connection() as connection:
        await connection.execute(
            "INSERT INTO partner_aliases (partner_id, survivor_id) VALUES ($1, $2)",
            UUID(old),
            UUID(survivor),
        )
    async with database.session() as session:
        row = await current_declaration(session, UUID(survivor))
        assert row is not None
        assert str(row.id) == made["id"]
    listed = (await api.read(f"/v1/partners/{survivor}/declarations"))["items"]
    assert [(item["id"], item["inherited_from"]) for item in listed] == [(made["id"], None)]


async def test_a_form_must_be_the_one_in_force_and_answered_whole(api_for: ApiFor) -> None:
    api = await api_for("UNICEF")
    partner = await _partner(api)
    assert await _refused(api, partner, declaration_body(form_version="2018.1")) == (
        422,
        "form_outdated",
    )
    short = declaration_body(leave_out=("SEA_STANDARDS",))
    assert await _refused(api, partner, short) == (422, "answers_unfit")
    twice = declaration_body()
    twice["answers"].append({"statement": "NO_CRIMES", "answer": False})
    assert await _refused(api, partner, twice) == (422, "answers_unfit")
    tomorrow = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    wrong: tuple[dict[str, Any], ...] = (
        {"signed_on": tomorrow},
        {"signed_by": " "},
        {"answers": []},
        {"answers": [{"statement": "NO_SUCH", "answer": True}]},
        {"answers": [{"statement": STATEMENTS[0], "answer": "yes"}]},
    )
    for bad in wrong:
        assert (await _refused(api, partner, declaration_body(**bad)))[0] == 422, bad
    assert (await api.read(f"/v1/partners/{partner}/declarations"))["items"] == []


async def test_who_does_not_work_for_charity_is_not_asked_whether_it_does(api_for: ApiFor) -> None:
    api = await api_for("UNICEF")
    firm = await _partner(api, partner_type="PPP_NETWORK")
    assert await _refused(api, firm, declaration_body()) == (422, "answers_unfit")
    body = declaration_body(leave_out=("NON_PROFIT",))
    assert (await api.made(f"/v1/partners/{firm}/declarations", body))["accepted"]
    ministry = await _partner(api, partner_type="GOV_NATIONAL")
    assert "declaration" not in await missing(api, ministry)


async def test_who_signed_is_restricted(api_for: ApiFor, operator_database: Database) -> None:
    api, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = await _partner(api)
    made = await sign(api, partner)
    assert "Canary" not in str(made)
    url = f"/v1/partners/{partner}/declarations/{made['id']}/signature"
    assert (await wfp.get(url)).json()["code"] == "purpose_required"
    two = [("Access-Purpose", PURPOSE["Access-Purpose"]), ("Access-Purpose", 'AUDIT; ref="x"')]
    assert (await wfp.get(url, headers=two)).json()["code"] == "purpose_required"
    read = await wfp.read(url, headers=PURPOSE)
    assert (read["signed_by"], read["signed_by_title"]) == (
        "Canary Amina Otieno", "Executive director",
    )  # fmt: skip
    async with operator_database.connection() as connection:
        count = await connection.fetchval(
            "SELECT count(*) FROM audit_events WHERE partner_id = $1 AND purpose IS NOT NULL "
            "AND event = 'partner:declaration_signature:read'",
            UUID(partner),
        )
    assert count == 1
    elsewhere = await _partner(api)
    swapped = url.replace(partner, elsewhere)
    assert (await wfp.get(swapped, headers=PURPOSE)).json()["code"] == "declaration_not_found"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE partner_declarations SET accepted = true",
        "DELETE FROM partner_declarations",
        "UPDATE partner_sealed_texts SET kind = kind",
        "DELETE FROM partner_sealed_texts",
    ],
)
async def test_a_declaration_cannot_be_changed(database: Database, statement: str) -> None:
    with pytest.raises(Exception, match="permission denied"):
        async with database.session() as session:
            await session.execute(text(statement))


@pytest.mark.parametrize(
    ("answers", "accepted"),
    [('{"A": false}', True), ('{"A": true}', False), ('{"A": "yes"}', True), ("{}", True)],
)
async def test_the_database_counts_the_answers_itself(
    api_for: ApiFor, operator_database: Database, answers: str, accepted: bool
) -> None:
    partner = await _partner(await api_for("UNICEF"))
    async with operator_database.connection() as connection:
        with pytest.raises(Exception, match="ck_partner_declarations"):
            await connection.execute(
                "INSERT INTO partner_declarations (id, partner_id, form_version, answers, "
                "accepted, signed_on) VALUES (gen_random_uuid(), $1, '1', $2::text::jsonb, $3, "
                "current_date)",
                UUID(partner),
                answers,
                accepted,
            )
