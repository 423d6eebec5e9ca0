"""Two real issues of one list, one after the other: what changed between them, as counted apart."""

from __future__ import annotations

import pytest

from app.core.db import Database
from app.core.settings import Settings
from app.sanctions import sources
from app.sanctions.lists.importer import import_list
from tests.conftest import LISTS_DIR

pytestmark = pytest.mark.skipif(
    LISTS_DIR is None, reason="REGISTRY_LISTS_DIR names no folder with real list files"
)


async def _delta(
    settings: Settings, code: str, first: list[str], second: list[str]
) -> tuple[int, int, int]:
    if code not in sources.ALL:
        pytest.skip(f"there is no source {code}")
    assert LISTS_DIR is not None
    database = Database(settings.require("database_worker_url"), settings)
    try:
        await import_list(database, code, *(LISTS_DIR / name for name in first))
        result = await import_list(database, code, *(LISTS_DIR / name for name in second))
        again = await import_list(database, code, *(LISTS_DIR / name for name in second))
    finally:
        await database.close()
    assert again.unchanged
    return result.added, result.changed, result.removed


async def test_two_issues_of_the_security_council(empty_database: Settings) -> None:
    # 1,093 parties, then 1,003; 891 in both, of which 849 differ somewhere in the whole record.
    assert await _delta(
        empty_database,
        "unsc",
        ["un_sc_consolidated_2018-10-29.xml"],
        ["un_sc_consolidated_2026-02-27.xml"],
    ) == (112, 849, 202)


def _ofac(issue: str) -> list[str]:
    return [f"ofac_{issue}_{part}.csv" for part in ("sdn", "add", "alt", "sdn_comments")]


@pytest.mark.drill
async def test_two_issues_of_the_specially_designated(empty_database: Settings) -> None:
    assert await _delta(empty_database, "ofac_sdn", _ofac("2019-01"), _ofac("2021-10")) == (
        1_858,
        843,
        261,
    )
