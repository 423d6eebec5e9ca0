"""Counts by facet: exact of few, estimated of many, of what the caller may know."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from app.core import codelists
from app.core.db import Database
from app.partners.search import facets
from tests.auth.scoped import ScopedApi, scoped
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.support import Api, unique

__all__ = ["scoped"]


async def _counts(api: Api, *facet: str, **filters: Any) -> dict[str, Any]:
    answer = await api.read("/v1/partners/facets", params={"facet": list(facet)} | filters)
    assert set(answer["facets"]) == set(facet)
    return answer


def _codes(answer: dict[str, Any], facet: str) -> dict[str, int]:
    return {value["code"]: value["count"] for value in answer["facets"][facet]}


async def _says(operator: Database, partner_id: str, **columns: Any) -> None:
    places = ", ".join(f"{name} = :{name}" for name in columns)
    async with operator.session() as session:
        await session.execute(
            text(f"UPDATE partners SET version = version + 1, {places} WHERE id = :id"),
            columns | {"id": partner_id},
        )


async def test_few_are_counted_one_by_one(api_for: ApiFor, operator_database: Database) -> None:
    api = await api_for("UNICEF")
    kinds = ("CBO", "NGO_NATIONAL", "CBO", "NGO_INTL")
    for place, kind in enumerate(kinds):
        partner = await make_partner(
            api, country="BTN", partner_type=kind, tags=["WOMEN_LED"] if place < 2 else []
        )
        await _says(
            operator_database,
            partner["id"],
            sectors=["HEALTH", "WASH"] if place else ["WASH"],
            populations=["REFUGEES"] if place == 3 else [],
        )
    await make_partner(api, country="MDV", partner_type="CBO", tags=["WOMEN_LED"])
    answer = await _counts(
        api, *("country", "partner_type", "tag", "sector", "population", "status"), country="BTN"
    )
    assert answer["total"] == {"count": 4, "exact": True}
    assert answer["more"] == []
    assert answer["facets"] == {
        "country": [{"code": "BTN", "label": "Bhutan", "count": 4}],
        "partner_type": [
            {"code": code, "label": label, "count": count}
            for code, label, count in (
                ("CBO", _label("partner_types", "CBO"), 2),
                ("NGO_INTL", _label("partner_types", "NGO_INTL"), 1),
                ("NGO_NATIONAL", _label("partner_types", "NGO_NATIONAL"), 1),
            )
        ],
        "tag": [{"code": "WOMEN_LED", "label": "Women-led", "count": 2}],
        "sector": [
            {"code": "WASH", "label": _label("sectors", "WASH"), "count": 4},
            {"code": "HEALTH", "label": _label("sectors", "HEALTH"), "count": 3},
        ],
        "population": [
            {"code": "REFUGEES", "label": _label("populations", "REFUGEES"), "count": 1}
        ],
        "status": [{"code": "draft", "label": "Draft", "count": 4}],
    }
    narrowed = await _counts(api, "localisation", "verification", country="BTN", sector="HEALTH")
    assert _codes(narrowed, "localisation") == {"local": 1, "national": 1, "not_local": 1}
    assert _codes(narrowed, "verification") == {"none": 3}
    nothing = await _counts(api, "tag", country="BTN", partner_type="ACADEMIC")
    assert nothing == {
        "total": {"count": 0, "exact": True},
        "facets": {"tag": []},
        "more": [],
    }


def _label(name: str, code: str) -> str:
    return codelists.current(name).by_code[code].labels["en"]


async def test_a_class_of_localisation_is_that_of_the_filter(api_for: ApiFor) -> None:
    api = await api_for("UNICEF")
    for origin in ("GRD", "KEN"):
        await make_partner(api, country="GRD", partner_type="FOUNDATION", country_of_origin=origin)
    await make_partner(api, country="GRD", partner_type="CBO")
    counted = _codes(await _counts(api, "localisation", country="GRD"), "localisation")
    assert counted == {"local": 1, "national": 1, "not_local": 1}
    for name in counted:
        listed = await api.read(f"/v1/partners?country=GRD&localisation={name}")
        assert len(listed["items"]) == counted[name]


async def test_what_the_caller_may_not_know_of_is_not_counted(
    api_for: ApiFor, scoped: ScopedApi, operator_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither by a sample nor one by one."""
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP", "partners:read")
    holder = await api_for("WFP", "partners:read", "partners:protected")
    named = unique("Qalubrin Xestova")
    for protected in (False, True):
        await make_partner(
            unicef, country="MHL", legal_name=f"{named} {protected}", protected=protected,
            aliases=[],
        )  # fmt: skip
    await make_partner(unicef, country="TON", legal_name=f"{named} Tonga", aliases=[])
    tonga = await scoped("WFP", countries=("TON",))
    for enough in (50, 0):
        # With 0, every answer is an estimate: times 101, but nothing of what is hidden.
        monkeypatch.setattr(facets, "ENOUGH", enough)
        monkeypatch.setattr(facets, "SAMPLED", "number > 0")
        monkeypatch.setattr(facets, "EACH", 1 if enough == 0 else 101)
        for api, expected in (
            (unicef, {"MHL": 2}), (wfp, {"MHL": 1}), (holder, {"MHL": 2}), (tonga, {}),
        ):  # fmt: skip
            counted = await _counts(api, "country", country="MHL")
            assert _codes(counted, "country") == expected
            assert counted["total"]["count"] == sum(expected.values())
        assert set(_codes(await _counts(tonga, "country"), "country")) == {"TON"}
        by_words = await _counts(tonga, "country", q=named)
        assert _codes(by_words, "country") == {"TON": 1}
        assert _codes(await _counts(wfp, "country", q=named), "country") == {"MHL": 1, "TON": 1}


async def test_a_merged_profile_is_counted_where_it_is_asked_for(
    api_for: ApiFor, operator_database: Database
) -> None:
    api = await api_for("UNICEF")
    kept, gone = [await make_partner(api, country="STP") for _ in range(2)]
    await _says(operator_database, gone["id"], merged_into=kept["id"])
    assert _codes(await _counts(api, "status", country="STP"), "status") == {"draft": 1}
    merged = await _counts(api, "status", country="STP", status="merged")
    assert _codes(merged, "status") == {"merged": 1}


_MANY = """
INSERT INTO partners (id, legal_name, partner_type, country, tags, sectors, created_by)
SELECT uuidv7(), 'Facet ' || n, CASE WHEN n % 4 = 0 THEN 'CBO' ELSE 'NGO_NATIONAL' END, 'VCT',
  CASE WHEN n % 2 = 0 THEN ARRAY['YOUTH_LED'] ELSE '{}'::text[] END,
  ARRAY['HEALTH'], (SELECT id FROM agencies WHERE code = 'UNICEF')
FROM generate_series(1, 2020) n
"""


_HELD = """
INSERT INTO partner_identifiers (id, partner_id, scheme, value, created_by)
SELECT uuidv7(), p.id, 'ROR', 'facet' || p.number, p.created_by
FROM partners p WHERE p.country = 'VCT' AND p.legal_name LIKE 'Facet %'
"""


_HALF = """SELECT count(*) FROM partners p WHERE p.number % 101 = 0 AND uuid_hash(p.id) & 1 = 0
  AND p.country = 'VCT' AND p.legal_name LIKE 'Facet %'"""


async def test_of_many_one_in_a_hundred_is_counted(
    api_for: ApiFor, operator_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with operator_database.session() as session:
        await session.execute(text(_MANY))
    api = await api_for("UNICEF")
    exact = await _counts(api, "partner_type", "sector", country="VCT")
    assert exact["total"] == {"count": 2020, "exact": True}
    assert _codes(exact, "partner_type") == {"NGO_NATIONAL": 1515, "CBO": 505}
    monkeypatch.setattr(facets, "ENOUGH", 15)
    guess = await _counts(api, "partner_type", "tag", "sector", country="VCT")
    # 2,020 numbers in a row hold twenty of the sample, five of them CBO.
    assert guess["total"] == {"count": 2000, "exact": False}
    assert _codes(guess, "sector") == {"HEALTH": 2000}
    assert _codes(guess, "partner_type") == {"NGO_NATIONAL": 1500, "CBO": 510}
    assert _codes(guess, "tag") == {"YOUTH_LED": 1000}
    # Too few in the sample: counted again, one by one.
    few = await _counts(api, "country", country="VCT", partner_type="CBO")
    assert few["total"] == {"count": 505, "exact": True}
    scheme = await _counts(api, "country", country="VCT", scheme="ORG_ID")
    assert scheme["total"] == {"count": 0, "exact": True}
    # Who has a scheme is looked up one by one: half of the sample is asked.
    async with operator_database.session() as session:
        await session.execute(text(_HELD))
        asked = await session.scalar(text(_HALF))
    monkeypatch.setattr(facets, "ENOUGH", 2)
    held = await _counts(api, "country", country="VCT", scheme="ROR")
    assert held["total"] == {"count": facets._scaled(asked, 202), "exact": False}
    monkeypatch.setattr(facets, "ENOUGH", 50)
    monkeypatch.setattr(facets, "BOUND", 700)
    cut = await _counts(api, "country", country="VCT")
    assert cut["total"]["exact"] is False


async def test_a_facet_shows_so_many_values(
    api_for: ApiFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facets, "VALUES", 1)
    api = await api_for("UNICEF")
    for kind in ("CBO", "NGO_NATIONAL", "NGO_NATIONAL"):
        await make_partner(api, country="LCA", partner_type=kind)
    answer = await _counts(api, "country", "partner_type", country="LCA")
    assert answer["more"] == ["partner_type"]
    assert _codes(answer, "partner_type") == {"NGO_NATIONAL": 2}


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, 0), (7, 7), (99, 99), (101, 100), (105, 110), (104, 100), (995, 1000), (123_456, 120_000)],
)
def test_an_estimate_has_two_digits(number: int, said: int) -> None:
    assert facets.two_digits(number) == said


def test_every_code_has_a_label() -> None:
    for name in facets._LISTS.values():
        assert all(item.labels["en"] for item in codelists.current(name).items)


async def test_a_profile_of_every_code_fits_into_the_sample(operator_database: Database) -> None:
    """An entry of an index is bounded; one that is too long would refuse the profile itself."""
    codes = {
        name: [item.code for item in codelists.current(of).items]
        for name, of in (
            ("sectors", "sectors"), ("populations", "populations"), ("tags", "partner_tags"),
            ("specialisations", "specialisations"),
        )
    }  # fmt: skip
    async with operator_database.session() as session:
        await session.execute(
            text(
                """INSERT INTO partners (id, legal_name, partner_type, country, created_by, tags,
                  sectors, populations, specialisations)
                SELECT uuidv7(), 'Every code', 'CBO', 'ATG', (SELECT id FROM agencies LIMIT 1),
                  :tags, :sectors, :populations, :specialisations
                FROM generate_series(1, 101)"""
            ),
            codes,
        )


@pytest.mark.parametrize(
    "query",
    [
        "",
        "facet=",
        "facet=protected",
        "facet=created_by",
        "facet=country&facet=country",
        "facet=country,status",
        "facet=Country",
        "&".join(
            f"facet={one}"
            for one in ("country", "partner_type", "status", "verification", "tag", "sector")
        )
        + "&facet=population",
        "facet=country&limit=5",
        "facet=country&cursor=x",
        "facet=country&sort=newest",
        "facet=country'--",
        "facet=country&country=XX",
        "facet=country&q=a",
        "facet=country&scheme=TAX_ID",
        "facet=country&value=1",
    ],
)
async def test_what_is_no_facet_is_refused(api_for: ApiFor, query: str) -> None:
    answer = await (await api_for("UNICEF")).get(f"/v1/partners/facets?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"]


async def test_counting_needs_the_scope_of_reading(api_for: ApiFor) -> None:
    other = await api_for("WFP", "partners:export")
    assert (await other.get("/v1/partners/facets?facet=country")).status_code == 403
