"""The conditions of the banks' agreement, on agencies' measures and on listed ones."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from app.core.db import Database
from app.sanctions.entries.cross_debarment import weighed_listed
from app.sanctions.lists.importer import import_list
from app.sanctions.lists.streams import Terms, ensure_all
from tests.conftest import ApiFor, Settle
from tests.sanctions.entries.support import day, measure
from tests.sanctions.lists.support import switch_off, switch_on
from tests.sanctions.sources.round_trip import SAMPLES

_LISTED: dict[str, Any] = {
    "imposed_by": "World Bank",
    "listed_by": "World Bank",
    "measure": "DEBARRED",
    "programme": "",
    "grounds": "2010 Procurement Guidelines, Fraudulent Practices",
    "since": "2018-05-02",
    "until": "2021-05-01",
    "indefinite": False,
}


async def test_a_measure_says_which_conditions_it_meets(api_for: ApiFor) -> None:
    wfp = await api_for("WFP")
    entry = await measure(api_for)
    shown = await wfp.read(f"/v1/sanctions/entries/{entry['entry_id']}")
    assert shown["cross_debarment"] == [
        {
            "agreement": "MDB-2010",
            "satisfied": False,
            "unmet": ["PUBLIC", "TOO_LATE"],
            "unknown": ["TOO_LATE"],
        }
    ]
    public = await measure(api_for, level="PUBLIC", practice_ended_on=day(-400))
    (answer,) = (await wfp.read(f"/v1/sanctions/entries/{public['entry_id']}"))["cross_debarment"]
    assert (answer["satisfied"], answer["unmet"], answer["unknown"]) == (True, [], [])


@pytest.mark.parametrize(
    ("change", "unmet", "unknown"),
    [
        ({}, ["TOO_LATE"], ["TOO_LATE"]),
        # Which paragraph is which practice is not in the list.
        (
            {"grounds": "Procurement Guidelines, 1.14(a)(ii)"},
            ["PRACTICE", "TOO_LATE"],
            ["PRACTICE", "TOO_LATE"],
        ),
        ({"grounds": "Obstructive Practice"}, ["PRACTICE", "TOO_LATE"], ["TOO_LATE"]),
        ({"until": "2019-05-01"}, ["PERIOD", "TOO_LATE"], ["TOO_LATE"]),
        ({"until": None, "indefinite": True}, ["TOO_LATE"], ["TOO_LATE"]),
        ({"until": None}, ["PERIOD", "TOO_LATE"], ["PERIOD", "TOO_LATE"]),
        ({"measure": "Reprimand"}, ["NOT_A_DEBARMENT", "TOO_LATE"], ["TOO_LATE"]),
        (
            {"measure": "X-DEBARRED", "grounds": "Cross-Debarment: IDB, fraud"},
            ["TOO_LATE", "NOT_ORIGINAL"],
            ["TOO_LATE"],
        ),
        (
            {"imposed_by": ""},
            ["TOO_LATE", "NOT_ORIGINAL"],
            ["TOO_LATE", "NOT_ORIGINAL"],
        ),
    ],
)
def test_a_listed_measure_is_weighed_as_far_as_its_list_says(
    change: dict[str, Any], unmet: list[str], unknown: list[str]
) -> None:
    (answer,) = weighed_listed("world_bank", [_LISTED | change])
    assert answer == {
        "agreement": "MDB-2010",
        "satisfied": False,
        "unmet": unmet,
        "unknown": unknown,
        "measure": 0,
    }


def test_lists_of_others_are_weighed_by_no_agreement_of_the_banks() -> None:
    for source in ("unsc", "ofac_sdn", f"csv:x{uuid4().hex[:8]}"):
        assert weighed_listed(source, [_LISTED]) == []


async def test_a_listed_party_says_it_of_each_of_its_measures(
    api_for: ApiFor, worker_database: Database, settle: Settle
) -> None:
    await ensure_all(worker_database, Terms())
    await import_list(worker_database, "world_bank", SAMPLES / "world_bank.json")
    use = await switch_on(api_for, "world_bank", "UNICEF", "WFP")
    await settle()
    try:
        wfp, url = await api_for("WFP"), "/v1/sanctions/sources/world_bank/parties"
        items = (await wfp.read(f"{url}?limit=200"))["items"]
        one = next(item for item in items if item["party"]["programme"])
        (weighed,) = one["cross_debarment"]
        assert (weighed["agreement"], weighed["measure"]) == ("MDB-2010", 0)
        assert "NOT_ORIGINAL" in weighed["unmet"]
        assert "NOT_ORIGINAL" not in weighed["unknown"]
        detail = await wfp.read(f"{url}/{one['entry_id']}")
        assert detail["cross_debarment"] == one["cross_debarment"]
    finally:
        await switch_off(api_for, "world_bank", "UNICEF", use)
        await settle()
