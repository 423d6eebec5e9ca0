"""The list: each filter, pages both ways, and what stays hidden."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from app.core.db import Database
from app.partners.search import queries, words
from tests.auth.scoped import ScopedApi, scoped
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.support import Api, unique

__all__ = ["scoped"]
COUNTRY = "PNG"
"""Where the profiles of these tests are: no other test makes any there."""


async def ids(api: Api, **params: Any) -> list[str]:
    """Ids of all pages, in the order of the list."""
    found: list[str] = []
    page = await api.read("/v1/partners", params={"limit": "7"} | params)
    while True:
        found += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            return found
        page = await api.read(
            "/v1/partners", params={"limit": "7", "cursor": page["next_cursor"]} | params
        )


async def _spread(operator: Database, api: Api) -> list[dict[str, Any]]:
    """Profiles of every combination of some columns, newest first."""
    made = []
    combined = itertools.product(("NGO_NATIONAL", "CBO"), ("HEALTH", "WASH", None), (True, False))
    for kind, sector, refugees in combined:
        partner = await make_partner(
            api,
            country=COUNTRY,
            partner_type=kind,
            tags=["REFUGEE_LED"] if refugees else [],
            legal_name=unique("Search Spread"),
        )
        async with operator.session() as session:
            await session.execute(
                text(
                    "UPDATE partners SET version = version + 1, sectors = :sectors, "
                    "populations = :peoples, specialisations = :special WHERE id = :id"
                ),
                {
                    "id": partner["id"],
                    "sectors": [sector] if sector else [],
                    "special": [f"{sector}.X"] if sector else [],
                    "peoples": ["REFUGEES"] if refugees else [],
                },
            )
        made.append(partner | {"sector": sector, "refugees": refugees})
    return made[::-1]


@pytest.mark.parametrize("budget", [1, 2_000])
async def test_filters_narrow_together_and_pages_lead_both_ways(
    api_for: ApiFor,
    operator_database: Database,
    monkeypatch: pytest.MonkeyPatch,
    budget: int,
) -> None:
    """By a walk or by a look-up: the same answer."""
    monkeypatch.setattr(queries, "BUDGET", budget)
    monkeypatch.setattr(queries, "FREE_BUDGET", budget)
    api = await api_for("UNICEF")
    everyone = await _spread(operator_database, api)
    mine = {partner["id"] for partner in everyone}
    for kinds, sector, tag in itertools.product(
        ((), ("CBO",), ("CBO", "NGO_NATIONAL")), (None, "HEALTH"), (None, "REFUGEE_LED")
    ):
        params: dict[str, Any] = {"country": COUNTRY, "partner_type": list(kinds), "limit": "2"}
        params |= {"sector": sector} if sector else {}
        params |= {"tag": tag, "population": "REFUGEES"} if tag else {}
        expected = [
            p["id"]
            for p in everyone
            if (not kinds or p["partner_type"] in kinds)
            and (sector is None or p["sector"] == sector)
            and (tag is None or p["refugees"])
        ]
        for sort in ("newest", "updated"):
            got = await ids(api, **params, sort=sort)
            assert [one for one in got if one in mine] == expected, (params, sort)
        assert [one for one in await _backwards(api, params) if one in mine] == expected


async def _backwards(api: Api, params: dict[str, Any]) -> list[str]:
    """All pages from the last to the first, put back in order."""
    page = await api.read("/v1/partners", params=params)
    while page["next_cursor"]:
        page = await api.read("/v1/partners", params=params | {"cursor": page["next_cursor"]})
    found = [item["id"] for item in page["items"]]
    while page["prev_cursor"]:
        page = await api.read("/v1/partners", params=params | {"cursor": page["prev_cursor"]})
        found = [item["id"] for item in page["items"]] + found
    return found


async def test_links_name_both_neighbours(api_for: ApiFor) -> None:
    api = await api_for("UNICEF")
    for _ in range(3):
        await make_partner(api, country="NIC")
    first = await api.get("/v1/partners?country=NIC&limit=1")
    assert first.json()["prev_cursor"] is None
    assert first.headers["link"].count("rel=") == 1
    middle = await api.get(f"/v1/partners?country=NIC&limit=1&cursor={first.json()['next_cursor']}")
    assert 'rel="next"' in middle.headers["link"]
    assert 'rel="prev"' in middle.headers["link"]
    back = await api.get(f"/v1/partners?country=NIC&limit=1&cursor={middle.json()['prev_cursor']}")
    assert back.json()["items"] == first.json()["items"]
    assert back.json()["prev_cursor"] is None


async def test_an_item_is_the_profile_as_it_is_read_alone(api_for: ApiFor) -> None:
    api = await api_for("UNICEF")
    partner = await make_partner(
        api, country="TLS", legal_name_native="منظمة الأمل", website="https://a.example/x"
    )
    (item,) = (await api.read("/v1/partners?country=TLS"))["items"]
    alone = await api.read(f"/v1/partners/{partner['id']}")
    assert _instants(item) == _instants(alone)


def _instants(body: dict[str, Any]) -> dict[str, Any]:
    # A single read leaves out microseconds that are none.
    return {
        name: value.replace(".000000Z", "Z") if name.endswith("_at") and value else value
        for name, value in body.items()
    }


async def test_an_identifier_narrows(api_for: ApiFor) -> None:
    api = await api_for("UNICEF")
    partner = await make_partner(api)
    held = partner["identifiers"][0]
    params = {"scheme": held["scheme"], "value": held["value"]}
    assert await ids(api, **params) == [partner["id"]]
    assert await ids(api, **params, partner_type="ACADEMIC") == []
    assert partner["id"] in await ids(api, scheme=held["scheme"])
    assert partner["id"] not in await ids(api, scheme="LEI")


@pytest.mark.parametrize("budget", [1, 2_000])
async def test_countries_of_the_client_bound_every_filter(
    api_for: ApiFor,
    scoped: ScopedApi,
    monkeypatch: pytest.MonkeyPatch,
    budget: int,
) -> None:
    monkeypatch.setattr(queries, "BUDGET", budget)
    monkeypatch.setattr(queries, "FREE_BUDGET", budget)
    unicef = await api_for("UNICEF")
    inside = [(await make_partner(unicef, country=code))["id"] for code in ("KIR", "PLW", "KIR")]
    outside = (await make_partner(unicef, country="TUV"))["id"]
    office = await scoped("WFP", countries=("KIR", "PLW"))
    for params in (
        {},
        {"partner_type": "NGO_NATIONAL"},
        {"status": "draft"},
        {"sort": "updated"},
        {"created_by": "UNICEF"},
        {"country": ["KIR", "PLW", "TUV"]},
        {"verification": "none", "localisation": "national"},
        {"updated_since": "2026-01-01T00:00:00Z"},
    ):
        found = await ids(office, **params)
        assert [one for one in found if one in {*inside, outside}] == inside[::-1], params
    assert await ids(office, country="TUV") == []


async def test_a_protected_profile_is_in_no_list_of_others(
    api_for: ApiFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP", "partners:read")
    partner = await make_partner(unicef, country="WLF", protected=True)
    held = partner["identifiers"][0]
    for budget in (1, 2_000):
        monkeypatch.setattr(queries, "BUDGET", budget)
        monkeypatch.setattr(queries, "FREE_BUDGET", budget)
        for params in (
            {"country": "WLF"},
            {"country": "WLF", "partner_type": "NGO_NATIONAL", "status": "draft"},
            {"country": "WLF", "sort": "updated"},
            {"scheme": held["scheme"], "value": held["value"]},
        ):
            assert await ids(unicef, **params) == [partner["id"]]
            assert await ids(wfp, **params) == []
    holder = await api_for("WFP", "partners:read", "partners:protected")
    assert await ids(holder, country="WLF") == [partner["id"]]


@pytest.mark.parametrize(
    "query",
    [
        "country=XX",
        "partner_type=NGO",
        "status=gone",
        "tag=BLUE",
        "sector=MAGIC",
        "specialisation=HEALTH",
        "population=ALIENS",
        "value=123",
        "scheme=TAX_ID",
        "scheme=LEI&value=NOT-A-LEI",
        "scheme=NAT_REG&value=12",
        "created_by=' OR 1=1",
        "hq_id=1",
        "updated_since=yesterday",
        "updated_since=2026-01-01T00:00:00",
        "sort=completeness",
        "q=a",
        "limit=201",
        "countries=KEN",
        "q=" + "a" * 201,
    ],
)
async def test_what_is_no_filter_is_refused(api_for: ApiFor, query: str) -> None:
    answer = await (await api_for("UNICEF")).get(f"/v1/partners?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"]


async def test_a_cursor_is_bound_to_its_filters(api_for: ApiFor) -> None:
    api = await api_for("UNICEF")
    for _ in range(2):
        await make_partner(api, country="FSM")
    page = await api.read("/v1/partners?country=FSM&limit=1")
    other = await api.get(f"/v1/partners?country=NRU&limit=1&cursor={page['next_cursor']}")
    assert other.json()["code"] == "cursor_invalid"


def test_terms_of_the_kinds_never_meet() -> None:
    """One array holds tags, sectors, specialisations and populations: no code is two of them."""
    from app.core import codelists
    from app.partners.types import PartnerTag

    def lists() -> Iterator[str]:
        yield from PartnerTag
        for name in ("sectors", "specialisations", "populations"):
            yield from (item.code for item in codelists.current(name).items)

    codes = list(lists())
    assert len(set(codes)) == len(codes)
    assert not any(":" in code or code == "public" for code in codes), json.dumps(codes)


async def test_words_find_names_in_any_script_and_the_best_comes_first(api_for: ApiFor) -> None:
    api = await api_for("UNICEF")
    whole = await make_partner(api, country="WSM", legal_name="Zarvelka Quomiri Trust", aliases=[])
    part = await make_partner(
        api, country="WSM", legal_name="Zarvelka Quomiri Trust of the Northern Lakes", aliases=[]
    )
    native = await make_partner(
        api, country="SLB", legal_name=None, legal_name_native="Фонд Кравлевина", aliases=[]
    )
    assert (await ids(api, q="zarvelka quomiri trust"))[0] == whole["id"]
    assert {whole["id"], part["id"]} <= set(await ids(api, q="quomiri zarvelka"))
    assert native["id"] in await ids(api, q="Кравлевина")
    assert native["id"] in await ids(api, q="Kravlevina")
    narrowed = await ids(api, q="zarvelka quomiri", country="SLB")
    assert whole["id"] not in narrowed
    both = await ids(api, q="zarvelka quomiri trust", country="WSM", limit="1")
    assert both == [whole["id"], part["id"]]
    assert (
        await _backwards(api, {"q": "zarvelka quomiri trust", "country": "WSM", "limit": "1"})
        == both
    )


async def test_words_find_no_protected_profile(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP", "partners:read")
    hidden = await make_partner(
        unicef, country="VUT", legal_name="Bromtaluk Fenwari Circle", protected=True, aliases=[]
    )
    assert hidden["id"] in await ids(unicef, q="bromtaluk fenwari")
    assert hidden["id"] not in await ids(wfp, q="bromtaluk fenwari circle")


async def test_the_likeliest_are_met_first_and_filters_reach_the_others(
    api_for: ApiFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many have the words, and however few of them are read at once."""
    api = await api_for("UNICEF")
    whole = await make_partner(api, country="GNQ", legal_name="Drovanka Mistelu", aliases=[])
    others = [
        await make_partner(
            api, country=country, legal_name=f"Drovanka Mistelu of {place} {country}", aliases=[]
        )
        for country, place in (("GNQ", "Harbour"), ("GNQ", "Mountain"), ("GNB", "Valley"))
    ]
    monkeypatch.setattr(words, "_FIRST", 1)
    assert await ids(api, q="drovanka mistelu", country="GNB") == [others[-1]["id"]]
    found = await ids(api, q="drovanka mistelu", limit="1")
    assert found[0] == whole["id"]
    # Names that others made by chance may be near to these words, too.
    assert {one["id"] for one in others} < set(found)
    monkeypatch.setattr(words, "MOST", 1)
    assert await ids(api, q="drovanka mistelu") == [whole["id"]]
    assert (
        await ids(await api_for("WFP", "partners:read"), q="drovanka mistelu", country="BEN") == []
    )
