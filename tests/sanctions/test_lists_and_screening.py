"""External lists: taken whole or not at all; screening finds names and never guesses when stale."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from app.core.db import Database
from app.sanctions.lists import approval
from app.sanctions.lists.importer import ListHeld, ListOlder, UnknownSource, import_list
from app.sanctions.sources import SourceUnreadable
from tests.conftest import ApiFor, Settle
from tests.sanctions.factories import impose
from tests.support import Api, unique

SAMPLE = Path(__file__).parents[2] / "app/sanctions/sources/samples/unsc.xml"

_CHECKED = "SELECT last_success FROM list_sources WHERE code = 'unsc'"
_CHECK = "UPDATE list_sources SET last_success = :at WHERE code = 'unsc'"


@pytest.fixture(scope="module")
async def imported(worker_database: Database, settle: Settle) -> int:
    """The shipped sample list is in force; number of its parties."""
    result = await import_list(worker_database, "unsc", SAMPLE)
    await settle()
    return result.parties


async def screening(api: Api, kind: str, name: str, **more: object) -> dict[str, Any]:
    return await api.made("/v1/screenings", {"subject": {"kind": kind, "names": [name]} | more})


async def test_a_list_that_was_never_imported_is_unknown_not_clear(
    api_for: ApiFor, operator_database: Database
) -> None:
    async with operator_database.session() as session:
        held = (await session.execute(text(_CHECKED))).scalar()
        await session.execute(text(_CHECK), {"at": None})
    answer = await screening(await api_for("WFP"), "person", unique("Nobody Whatsoever"))
    async with operator_database.session() as session:
        await session.execute(text(_CHECK), {"at": held})
    assert answer["outcome"] == "unknown_stale"
    assert answer["stale_sources"] == ["unsc"]


async def test_the_sources_page_says_what_is_held(api_for: ApiFor, imported: int) -> None:
    page = await (await api_for("WFP")).read("/v1/sanctions/sources")
    source = page["items"][0]
    assert source["code"] == "unsc"
    assert source["counts"]["persons"] + source["counts"]["organisations"] == imported
    assert source["stale"] is False
    assert len(source["digest"]) == 64


async def test_the_same_file_again_changes_nothing(
    imported: int, worker_database: Database, settle: Settle, api_for: ApiFor
) -> None:
    wfp = await api_for("WFP")
    before = (await wfp.get("/v1/feeds/sanctions/manifest")).text
    again = await import_list(worker_database, "unsc", SAMPLE)
    await settle()
    assert again.unchanged
    assert (await wfp.get("/v1/feeds/sanctions/manifest")).text == before


async def test_a_listed_name_is_found_through_a_typing_error(
    api_for: ApiFor, imported: int, worker_database: Database
) -> None:
    async with worker_database.session() as session:
        entry = (
            await session.execute(
                text(
                    "SELECT entry FROM listed_parties WHERE to_version IS NULL AND source = 'unsc' "
                    "AND entry->>'kind' = 'organisation' "
                    "ORDER BY length(entry->'names'->0->>'name') DESC LIMIT 1"
                )
            )
        ).scalar_one()
    name = entry["names"][0]["name"]
    answer = await screening(await api_for("WFP"), "organisation", name[:4] + name[5:])
    assert answer["outcome"] == "potential_match"
    hit = answer["hits"][0]
    assert hit["entry_id"] == entry["entry_id"]
    assert hit["source"] == "unsc"
    assert hit["reference"] == entry["reference"]
    assert 0.5 <= hit["score"] <= 1
    assert hit["explanation"]["factors"] is not None


async def test_a_name_nobody_carries_is_no_hit(api_for: ApiFor, imported: int) -> None:
    answer = await screening(await api_for("WFP"), "organisation", "Quixotry Beekeepers of Lyme")
    assert answer["outcome"] == "no_hit"
    assert answer["hits"] == []


async def test_a_measure_of_an_agency_is_found_by_name_and_gone_when_lifted(
    api_for: ApiFor, imported: int, settle: Settle
) -> None:
    wfp = await api_for("WFP")
    entry = await impose(api_for)
    partner = await wfp.read(f"/v1/partners/{entry['partner_id']}")
    await settle()
    found = await screening(wfp, "organisation", partner["legal_name"])
    assert entry["entry_id"] in [hit["entry_id"] for hit in found["hits"]]
    await (await api_for("UNDP_APPROVER")).made(
        f"/v1/sanctions/entries/{entry['entry_id']}/lift",
        {"reason": "Appeal granted."},
        headers={"If-Match": '"v1"'},
    )
    await settle()
    later = await screening(wfp, "organisation", partner["legal_name"])
    assert entry["entry_id"] not in [hit["entry_id"] for hit in later["hits"]]


async def test_a_broken_file_leaves_the_old_list(
    imported: int, worker_database: Database, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.xml"
    broken.write_bytes(SAMPLE.read_bytes()[:-500])
    with pytest.raises(SourceUnreadable):
        await import_list(worker_database, "unsc", broken)
    assert await _in_force(worker_database) == imported


async def test_a_list_that_shrinks_waits_for_a_person(
    imported: int, worker_database: Database, settle: Settle, tmp_path: Path, api_for: ApiFor
) -> None:
    half = tmp_path / "half.xml"
    half.write_text(_without_entities(SAMPLE.read_text()))
    with pytest.raises(ListHeld):
        await import_list(worker_database, "unsc", half)
    assert await _in_force(worker_database) == imported
    wfp = await api_for("WFP")
    before = (await wfp.read("/v1/feeds/sanctions/changes?after=0&limit=1000"))["to"]
    result = await approval.approve(worker_database, "unsc", "A. Operator", "Checked by phone.")
    await settle()
    page = await wfp.read(f"/v1/feeds/sanctions/changes?after={before}&limit=1000")
    assert {change["reason"] for change in page["changes"]} == {"delisted"}
    assert len(page["changes"]) == result.removed > 0
    restored = tmp_path / "again.xml"
    shutil.copy(SAMPLE, restored)
    back = await import_list(worker_database, "unsc", restored)
    await settle()
    assert back.added == result.removed
    assert await _in_force(worker_database) == imported


async def test_an_older_issue_does_not_replace_a_newer_one(
    imported: int, worker_database: Database, tmp_path: Path
) -> None:
    older = tmp_path / "older.xml"
    text_ = SAMPLE.read_text()
    year = text_.split('dateGenerated="', 1)[1][:4]
    older.write_text(text_.replace(f'dateGenerated="{year}', 'dateGenerated="2001', 1))
    with pytest.raises(ListOlder, match="before the list in force"):
        await import_list(worker_database, "unsc", older)
    assert await _in_force(worker_database) == imported


async def test_an_unknown_source_is_named(worker_database: Database) -> None:
    with pytest.raises(UnknownSource, match=r"known: .*unsc"):
        await import_list(worker_database, "nowhere", SAMPLE)


async def test_a_replayed_screening_is_the_same_screening(api_for: ApiFor, imported: int) -> None:
    wfp = await api_for("WFP")
    body = {"subject": {"kind": "person", "names": ["Some One"]}}
    headers = {"Idempotency-Key": unique("screening").replace(" ", "-").ljust(20, "x")}
    first = await wfp.post("/v1/screenings", json=body, headers=headers)
    second = await wfp.post("/v1/screenings", json=body, headers=headers)
    assert first.content == second.content
    assert second.headers["idempotency-replayed"] == "true"
    other = await wfp.post(
        "/v1/screenings", json={"subject": {"kind": "person", "names": ["B"]}}, headers=headers
    )
    assert other.json()["code"] == "idempotency_key_reused"
    bare = await wfp.post("/v1/screenings", json=body, headers={"Idempotency-Key": "short"})
    assert bare.json()["code"] == "idempotency_key_required"


async def _in_force(database: Database) -> int:
    async with database.session() as session:
        count: int = (
            await session.execute(
                text(
                    "SELECT count(*) FROM listed_parties WHERE to_version IS NULL "
                    "AND source = 'unsc'"
                )
            )
        ).scalar_one()
    return count


def _without_entities(xml: str) -> str:
    start, end = xml.index("<ENTITIES>"), xml.index("</ENTITIES>")
    return xml[: start + len("<ENTITIES>")] + xml[end:]
