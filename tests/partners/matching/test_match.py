"""Matching through HTTP: what is found, why, and what is not shown to whom."""

from __future__ import annotations

import secrets
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from app.core.db import Database
from app.partners.matching import names, queries
from app.partners.matching.rank import Wanted, rank
from app.partners.matching.rules import RULES, domain_of
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.support import Api

_SYLLABLES = ("ba", "de", "fi", "go", "ju", "ka", "lo", "me", "nu", "pa", "ri", "so", "tu", "dro")


def proper(parts: int = 4) -> str:
    """A proper name that no other test has."""
    return "".join(secrets.choice(_SYLLABLES) for _ in range(parts)).capitalize()


async def match(api: Api, **body: Any) -> dict[str, Any]:
    answer = await api.post("/v1/partners/match", json=body)
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


async def found(api: Api, **body: Any) -> list[str]:
    return [item["partner_id"] for item in (await match(api, **body))["candidates"]]


async def test_a_partner_is_found_however_its_name_is_written(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    one, two, old = proper(), proper(), proper()
    partner = await make_partner(
        unicef,
        legal_name=f"{one} {two} Relief Organization",
        former_names=[f"{old} Rural Union"],
        acronym=None,
        aliases=[],
    )
    for name in (
        f"{two} {one} Releif Organisation",
        f"{one} {two} Relief Organization GmbH",
        f"{one}{two} Relief Organization",
        f"{one} {two}",
        f"{one} {two} Relief Organization for Peace",
        f"The {old} Rural Union",
    ):
        assert partner["id"] in await found(unicef, legal_name=name, country="KEN"), name


@pytest.mark.parametrize(
    ("native", "latin"),
    [
        ("مؤسسة {} نوري", "Muassasat {} Nuri"),
        ("Благодійний фонд {} Зореслава", "Blahodiinyi fond {} Zoreslava"),
        ("{} 中国红十字会", "{} Zhongguo Hongshizihui"),
        ("{} ተስፋ ማህበር", "{} Tesfa Mahber"),
        ("{} মহিলা সমিতি", "{} Mohila Samiti"),
    ],
)
async def test_a_name_in_its_own_script_is_found_by_its_sound(
    api_for: ApiFor, native: str, latin: str
) -> None:
    unicef, own = await api_for("UNICEF"), proper()
    partner = await make_partner(unicef, legal_name=native.format(own), acronym=None, aliases=[])
    assert partner["id"] in await found(unicef, legal_name=latin.format(own), country="KEN")
    assert partner["id"] in await found(unicef, legal_name_native=native.format(own))


async def test_the_answer_says_what_agreed_and_what_differed(api_for: ApiFor) -> None:
    unicef, own = await api_for("UNICEF"), proper()
    partner = await make_partner(
        unicef,
        legal_name=f"{own} Relief Trust",
        former_names=[f"{own} Society"],
        year_established=1998,
        website=f"https://www.{own.lower()}.example/about",
    )
    best = (
        await match(
            unicef,
            legal_name=f"{own} Societty",
            country="UGA",
            year_established=1960,
            website=f"https://{own.lower()}.example",
        )
    )["candidates"][0]
    assert best["partner_id"] == partner["id"]
    assert best["matched_on"] == ["former_name", "website"]
    name = best["explanation"]["name"]
    assert (name["wanted"], name["of"]) == ("legal_name", "former_name")
    assert ["societty", "society"] in [pair[:2] for pair in name["matched"]]
    assert {(f["factor"], f["agrees"]) for f in best["explanation"]["factors"]} == {
        ("country", False),
        ("year_established", False),
        ("website", True),
    }
    assert best["explanation"]["rules"] == RULES.version


async def test_an_acronym_or_a_website_alone_makes_a_weak_candidate(api_for: ApiFor) -> None:
    unicef, own = await api_for("UNICEF"), proper()
    acronym = "".join(secrets.choice("BDFGJKLMNPRSTVZ") for _ in range(7))
    partner = await make_partner(
        unicef, legal_name=f"{own} Trust", acronym=acronym, website=f"https://{own.lower()}.example"
    )
    for asked in (
        {"acronym": acronym, "country": "KEN"},
        {"legal_name": acronym},
        {"website": f"http://www.{own.lower()}.example/x"},
    ):
        best = (await match(unicef, **asked))["candidates"][0]
        assert best["partner_id"] == partner["id"]
        assert RULES.floor <= best["score"] < RULES.duplicate


async def test_nothing_to_look_for_is_refused(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    for body in ({}, {"country": "KEN"}, {"year_established": 1990}, {"legal_name": " "}):
        assert (await unicef.post("/v1/partners/match", json=body)).status_code == 422
    assert (await found(unicef, legal_name="!!!")) == []
    assert (await found(unicef, website="https://facebook.com/x", legal_name="?")) == []
    assert domain_of("https://[bad") is None


async def test_new_names_are_met_at_once_and_old_ones_no_more(api_for: ApiFor) -> None:
    unicef, first, then = await api_for("UNICEF"), proper(5), proper(5)
    partner = await make_partner(
        unicef, legal_name=f"{first} Trust", acronym=None, aliases=[], website=None
    )
    changed = await unicef.patch(
        f"/v1/partners/{partner['id']}",
        json={"legal_name": f"{then} Trust", "correction": True},
        headers={"If-Match": '"v1"'},
    )
    assert changed.status_code == 200
    assert partner["id"] in await found(unicef, legal_name=f"{then} Trust")
    assert partner["id"] not in await found(unicef, legal_name=f"{first} Trust")


async def _protect(database: Database, partner_id: str) -> None:
    async with database.session() as session:
        await session.execute(
            text("UPDATE partners SET protected = true, version = version + 1 WHERE id = :id"),
            {"id": UUID(partner_id)},
        )


async def test_a_protected_profile_is_told_of_by_contact_registry_alone(
    api_for: ApiFor, operator_database: Database
) -> None:
    owner, name = await api_for("UNICEF"), f"{proper()} Legal Aid"
    partner = await make_partner(owner, legal_name=name)
    await _protect(operator_database, partner["id"])
    stranger = await api_for("WFP", "partners:read", "partners:write")
    holder = await api_for("WFP", "partners:read", "partners:protected")
    identifier = {k: partner["identifiers"][0][k] for k in ("scheme", "value")}
    for asked in (
        {"legal_name": name, "country": "KEN"},
        {"legal_name": "Else", "identifiers": [identifier]},
    ):
        hidden = await match(stranger, **asked)
        assert hidden["contact_registry"] is True
        assert partner["id"] not in str(hidden)
        for sees in (holder, await api_for("UNICEF", "partners:read")):
            seen = await match(sees, **asked)
            assert seen["candidates"][0]["partner_id"] == partner["id"]
            assert seen["contact_registry"] is False
    unlike = await match(stranger, legal_name=f"{proper()} Union", country="KEN")
    assert unlike["contact_registry"] is False
    again = await stranger.made(
        "/v1/partners", {"legal_name": name, "partner_type": "CBO", "country": "KEN"}
    )
    assert (again["contact_registry"], again["possible_duplicates"]) == (True, [])


async def test_a_clearance_by_name_never_names_a_protected_profile(
    api_for: ApiFor, operator_database: Database
) -> None:
    owner, name = await api_for("UNICEF"), f"{proper()} Legal Aid"
    partner = await make_partner(owner, legal_name=name)
    await _protect(operator_database, partner["id"])
    body = {
        "country": "KEN",
        "purpose": "PARTNER_SELECTION",
        "partner": {"name": name, "country": "KEN"},
    }
    stranger = await api_for("FAO", "clearance:run")
    hidden = await stranger.made("/v1/clearances", body)
    assert (hidden["match"], hidden["candidates"], hidden["outcome"]) == (None, [], "REFER")
    assert partner["id"] not in str(hidden)
    holder = await api_for("FAO", "clearance:run", "partners:protected")
    assert (await holder.made("/v1/clearances", body))["match"]["partner_id"] == partner["id"]


async def test_a_merged_profile_is_met_by_its_names_and_gives_its_survivor(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef, gone, left = await api_for("UNICEF"), proper(5), proper(5)
    merged = await make_partner(unicef, legal_name=f"{gone} Trust", aliases=[])
    survivor = await make_partner(unicef, legal_name=f"{left} Union", aliases=[])
    values = {"merged": UUID(merged["id"]), "survivor": UUID(survivor["id"])}
    async with operator_database.session() as session:
        for statement in (
            "INSERT INTO partner_aliases (partner_id, survivor_id) VALUES (:merged, :survivor)",
            "UPDATE partners SET merged_into = :survivor, version = version + 1 WHERE id = :merged",
        ):
            await session.execute(text(statement), values)
    ids = await found(unicef, legal_name=f"{gone} Trust", aliases=[f"{left} Union"])
    assert ids.count(survivor["id"]) == 1
    assert merged["id"] not in ids


async def test_a_search_reads_few_rows_whatever_is_common(
    database: Database, operator_database: Database, world: object
) -> None:
    """Words that half of all profiles bear are left out, and what is met is bounded."""
    count, common = 3_000, "Horizon Development Association"
    made = [
        names.Named(uuid4(), "MDG", f"{common} {n} {proper(3)}", website=None) for n in range(count)
    ]
    async with operator_database.connection() as connection:
        agency = await connection.fetchval("SELECT id FROM agencies LIMIT 1")
        await connection.copy_records_to_table(
            "partners",
            records=[(p.id, p.legal_name, "CBO", p.country, agency) for p in made],
            columns=("id", "legal_name", "partner_type", "country", "created_by"),
        )
        await connection.copy_records_to_table(
            "partner_names", records=names.rows(made), columns=("partner_id", "keys")
        )
        await connection.execute("ANALYZE partner_names")
    wanted = Wanted([("legal_name", f"{common} 7 {made[7].legal_name.split()[-1]}")])
    probes, near = wanted.asked()
    async with database.session() as session:
        rows = await queries.candidates(session, probes, near, uuid4(), sees_protected=False)
        assert rank(rows, wanted).candidates[0].partner_id == made[7].id
        assert len(rows) <= 60
    async with operator_database.connection() as connection:
        await connection.execute("DELETE FROM partners WHERE country = 'MDG'")
        await connection.execute("ANALYZE partner_names")
