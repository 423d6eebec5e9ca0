"""Identifiers of a profile through HTTP: added, listed, ended; and what the database refuses."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError

from app.core.db import Binding, Database, bind_now
from tests.audit.support import add_officer
from tests.conftest import ApiFor, Settle
from tests.partners.factories import make_partner
from tests.support import Api, World


def unpp() -> dict[str, Any]:
    return {"scheme": "UNPP", "value": secrets.token_hex(8)}


def vendor(**more: Any) -> dict[str, Any]:
    return {"scheme": "AGENCY_VENDOR", "value": secrets.token_hex(8), "country": "KE"} | more


def of(partner: dict[str, Any], name: str = "identifiers") -> str:
    return f"/v1/partners/{partner['id']}/{name}"


async def bare(api: Api, **more: Any) -> dict[str, Any]:
    """A profile without identifiers."""
    return await make_partner(api, identifiers=[], **more)


async def test_an_identifier_is_added_listed_and_ended(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = await bare(unicef)
    body = {
        "scheme": "NAT_REG",
        "value": "op.218/051",
        "country": "KE",
        "authority": unique_board(),
        "issued_on": "2024-01-31",
        "expires_on": "2099-01-30",
        "valid_from": "2024-01-31",
    }
    made = await wfp.made(of(partner), body)
    assert (made["value"], made["country"], made["status"]) == ("OP.218/051", "KEN", "active")
    assert (made["added_by"], made["valid_from"]) == ("WFP", "2024-01-31")
    profile = await unicef.read(f"/v1/partners/{partner['id']}")
    assert profile["version"] == 2
    assert [item["scheme"] for item in profile["identifiers"]] == ["NAT_REG"]
    ended = await unicef.post(f"{of(partner)}/{made['id']}/end", json={"reason": "revoked"})
    assert ended.status_code == 200, ended.text
    assert (ended.json()["status"], ended.json()["end_reason"]) == ("ended", "revoked")
    again = await unicef.post(f"{of(partner)}/{made['id']}/end", json={"reason": "wrong"})
    assert again.json()["code"] == "identifier_ended"
    assert (await unicef.read(of(partner)))["items"] == []
    history = (await unicef.read(of(partner) + "?include=ended"))["items"]
    assert [item["id"] for item in history] == [made["id"]]
    async with operator_database.connection() as connection:
        told = await connection.fetch(
            "SELECT data->>'version' AS v, data->'fields' AS f FROM outbox "
            "WHERE subject_id = $1 AND type = 'partner.changed' ORDER BY id",
            partner["id"],
        )
        logged = await connection.fetchval(
            "SELECT count(*) FROM audit_events WHERE partner_id = $1 "
            "AND event IN ('partner:identifier:add', 'partner:identifier:end')",
            partner["id"],
        )
    assert [(row["v"], row["f"]) for row in told] == [
        ("2", ["identifiers"]),
        ("3", ["identifiers"]),
    ]
    assert logged == 2


def unique_board() -> str:
    return f"Board {secrets.token_hex(4)}"


async def test_pages_of_identifiers_follow_one_another(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    partner = await bare(unicef)
    made = [(await unicef.made(of(partner), unpp()))["id"] for _ in range(3)]
    first = await unicef.read(of(partner) + "?limit=2")
    second = await unicef.read(of(partner) + f"?limit=2&cursor={first['next_cursor']}")
    assert [item["id"] for item in first["items"] + second["items"]] == made
    assert second["next_cursor"] is None


async def test_the_same_number_of_two_authorities_is_two_identifiers(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    one, two, three = await bare(unicef), await bare(unicef), await bare(unicef)
    number = {"scheme": "NAT_REG", "value": secrets.token_hex(6), "country": "KE"}
    board = unique_board()
    await unicef.made(of(one), number | {"authority": board})
    await unicef.made(of(two), number | {"authority": unique_board()})
    taken = await unicef.post(of(three), json=number | {"authority": f" {board.upper()}"})
    assert (taken.status_code, taken.json()["partner_id"]) == (409, one["id"])
    query = f"scheme=NAT_REG&value={number['value']}&country=KE"
    several = await unicef.get(f"/v1/partners/resolve?{query}")
    assert several.json()["code"] == "identifier_ambiguous"
    named = await unicef.read(f"/v1/partners/resolve?{query}&authority={board}")
    assert named["id"] == one["id"]
    # A clearance must not pick one of them.
    cleared = await unicef.made(
        "/v1/clearances",
        {"partner": {"identifier": number}, "country": "KEN", "purpose": "PARTNER_SELECTION"},
    )
    assert (cleared["outcome"], cleared["match"]) == ("REFER", None)


async def test_a_wikidata_item_is_no_proof_of_identity(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    item = {"scheme": "WIKIDATA", "value": f"Q{secrets.randbelow(10**9) + 1}"}
    for _ in range(2):
        await unicef.made(of(await bare(unicef)), item)
    query = f"/v1/partners/resolve?scheme=WIKIDATA&value={item['value']}"
    assert (await unicef.get(query)).json()["errors"][0]["pointer"] == "query:scheme"
    cleared = await unicef.made(
        "/v1/clearances",
        {"partner": {"identifier": item}, "country": "KEN", "purpose": "PARTNER_SELECTION"},
    )
    assert (cleared["outcome"], cleared["match"]) == ("REFER", None)


async def test_a_list_that_the_register_does_not_know_is_marked(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    partner = await bare(unicef)
    known = await unicef.made(of(partner), {"scheme": "ORG_ID", "value": f"UG-NGB-{uuid4().hex}"})
    new = await unicef.made(of(partner), {"scheme": "ORG_ID", "value": f"ZZ-NEW-{uuid4().hex}"})
    assert (known["notes"], new["notes"]) == ([], ["unverified_prefix"])


async def test_a_vendor_number_is_kept_by_its_agency_alone(
    api_for: ApiFor, database: Database, world: World
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = await bare(unicef)
    made = await wfp.made(of(partner), vendor(area="2400"))
    assert (made["agency"], made["area"]) == ("WFP", "2400")
    assert made["id"] in {item["id"] for item in (await unicef.read(of(partner)))["items"]}
    url = f"{of(partner)}/{made['id']}/end"
    assert (await unicef.post(url, json={"reason": "wrong"})).status_code == 404
    # The floor below: neither as another agency nor as none.
    for agency in ("UNICEF", None):
        async with database.session() as session:
            await bind_now(session, Binding(world.agencies[agency] if agency else None))
            connection = await session.connection()
            with pytest.raises(DBAPIError, match="kept by its agency"):
                await connection.exec_driver_sql(
                    "UPDATE partner_identifiers SET active = false, ended_at = now(), "
                    "end_reason = 'wrong' WHERE id = $1",
                    (made["id"],),
                )
            await session.rollback()
    assert (await wfp.post(url, json={"reason": "replaced"})).status_code == 200


async def test_a_vendor_number_belongs_where_the_partner_works(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    national = await bare(unicef)
    refused = await unicef.post(of(national), json=vendor(country="UGA"))
    assert (refused.status_code, refused.json()["code"]) == (422, "vendor_country_unfit")
    assert (await unicef.read(f"/v1/partners/{national['id']}"))["version"] == 1
    headquarters = await bare(unicef, partner_type="NGO_INTL", country="CH")
    assert (await unicef.post(of(headquarters), json=vendor(country="UGA"))).status_code == 201
    office = await bare(unicef, partner_type="NGO_INTL", country="KE", hq_id=headquarters["id"])
    assert (await unicef.post(of(office), json=vendor(country="UGA"))).status_code == 422
    at_birth = await unicef.post(
        "/v1/partners",
        json={"legal_name": "x y", "partner_type": "NGO_NATIONAL", "country": "KE",
              "identifiers": [vendor(country="UGA")]},
    )  # fmt: skip
    assert at_birth.json()["code"] == "vendor_country_unfit"


@pytest.mark.parametrize(
    ("role", "own", "others"),
    [("ERP", 201, 403), ("CO", 201, 403), ("IPU", 201, 201), ("PO", 403, 403)],
)
async def test_who_keeps_what_by_role(
    role: str, own: int, others: int, api_for: ApiFor, operator_database: Database, world: World
) -> None:
    partner = await bare(await api_for("UNICEF"))
    officer = await api_for(await add_officer(operator_database, world, "WFP", f"V{role}", role))
    assert (await officer.post(of(partner), json=vendor())).status_code == own
    assert (await officer.post(of(partner), json=unpp())).status_code == others


async def test_one_of_many_at_once_gets_the_identifier(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    partners = [await bare(unicef) for _ in range(6)]
    item = unpp()
    answers = await asyncio.gather(*(unicef.post(of(one), json=item) for one in partners))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5
    winner = next(a.json()["partner_id"] for a in answers if a.status_code == 201)
    assert {a.json()["partner_id"] for a in answers if a.status_code == 409} == {winner}
    versions = [(await unicef.read(f"/v1/partners/{one['id']}"))["version"] for one in partners]
    assert sorted(versions) == [1] * 5 + [2]


async def test_many_at_once_on_one_profile_all_count(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    partner = await bare(unicef)
    answers = await asyncio.gather(*(unicef.post(of(partner), json=unpp()) for _ in range(6)))
    assert {answer.status_code for answer in answers} == {201}
    assert (await unicef.read(f"/v1/partners/{partner['id']}"))["version"] == 7


async def test_a_hidden_holder_is_not_named(api_for: ApiFor, operator_database: Database) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP", "partners:read", "partners:write")
    hidden, item = await bare(unicef), unpp()
    await unicef.made(of(hidden), item)
    async with operator_database.connection() as connection:
        await connection.execute(
            "UPDATE partners SET protected = true, version = version + 1 WHERE id = $1",
            hidden["id"],
        )
    refused = await wfp.post(of(await bare(wfp)), json=item)
    assert refused.status_code == 409
    assert refused.json()["contact_registry"] is True
    assert hidden["id"] not in refused.text
    born = await wfp.post(
        "/v1/partners",
        json={"legal_name": "Some name", "partner_type": "CBO", "country": "KE",
              "identifiers": [item]},
    )  # fmt: skip
    assert (born.status_code, born.json().get("contact_registry")) == (409, True)
    query = f"/v1/partners/resolve?scheme=UNPP&value={item['value']}"
    assert (await wfp.get(query)).status_code == 404
    assert (await wfp.get(of(hidden))).status_code == 404
    assert (await unicef.get(query)).status_code == 200


async def test_a_partner_that_keeps_its_profile_keeps_its_identifiers(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    partner = await bare(unicef)
    async with operator_database.connection() as connection:
        await connection.execute(
            "UPDATE partners SET control = 'partner', version = version + 1 WHERE id = $1",
            partner["id"],
        )
    refused = await unicef.post(of(partner), json=unpp())
    assert (refused.status_code, refused.json()["code"]) == (409, "owned_by_partner")
    assert (await unicef.post(of(partner), json=vendor())).status_code == 201


@pytest.mark.parametrize(
    "change",
    [
        "value = 'X'",
        "partner_id = (SELECT id FROM partners WHERE id <> partner_id LIMIT 1)",
        "authoritative = false",
        "claimed = true, disputed = true",
    ],
)
async def test_what_was_held_is_not_rewritten_by_anybody(
    change: str, api_for: ApiFor, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    made = await unicef.made(of(await bare(unicef)), unpp())
    async with operator_database.connection() as connection:
        with pytest.raises(asyncpg.CheckViolationError, match="never rewritten"):
            await connection.execute(
                f"UPDATE partner_identifiers SET {change} WHERE id = $1", made["id"]
            )


async def test_what_has_ended_stays_ended(api_for: ApiFor, operator_database: Database) -> None:
    unicef = await api_for("UNICEF")
    partner = await bare(unicef)
    made = await unicef.made(of(partner), unpp())
    await unicef.post(f"{of(partner)}/{made['id']}/end", json={"reason": "wrong"})
    async with operator_database.connection() as connection:
        with pytest.raises(asyncpg.CheckViolationError, match="never rewritten"):
            await connection.execute(
                "UPDATE partner_identifiers SET active = true, ended_at = NULL, end_reason = NULL "
                "WHERE id = $1",
                made["id"],
            )


async def test_bad_bodies_are_refused(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    partner = await bare(unicef)
    item = unpp()
    twice = await unicef.post(
        "/v1/partners",
        json={
            "legal_name": "x y",
            "partner_type": "CBO",
            "country": "KE",
            "identifiers": [item] * 2,
        },
    )
    assert twice.json()["errors"][0]["pointer"] == "/identifiers/1"
    for body in ({"scheme": "LEI", "value": "1"}, item | {"extra": 1}, item | {"scheme": "NONE"}):
        assert (await unicef.post(of(partner), json=body)).status_code == 422
    made = await unicef.made(of(partner), item)
    bad = await unicef.post(f"{of(partner)}/{made['id']}/end", json={"reason": "dispute"})
    assert bad.status_code == 422
    absent = await unicef.post(f"{of(partner)}/{uuid4()}/end", json={"reason": "wrong"})
    assert absent.json()["code"] == "identifier_not_found"


async def test_a_vendor_number_as_long_as_it_may_be_is_stored(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    long = "".join(secrets.choice("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") for _ in range(1_024))
    made = await unicef.post(of(await bare(unicef)), json=vendor(value=long))
    assert made.status_code == 201
    wide = await unicef.post(of(await bare(unicef)), json=vendor(value="\u4e00" * 1_000))
    assert wide.status_code == 422


async def test_settled_events_reach_their_consumers(api_for: ApiFor, settle: Settle) -> None:
    unicef = await api_for("UNICEF")
    await unicef.made(of(await bare(unicef)), unpp())
    await settle()
