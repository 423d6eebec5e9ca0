"""The demo world: made up, complete, and the same every time."""

from __future__ import annotations

import os
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from stdnum import lei as stdnum_lei

from app.auth.scopes import AGENCY
from app.core.settings import Settings, UnsafeSettings
from app.demo import load_world
from app.demo.people import AGENCIES, client_ids
from app.demo.profiles import lei, plans
from app.demo.world import Loaded, list_file
from app.partners.types import PartnerType
from app.sanctions import sources
from app.sanctions.entries.status import status_sql
from app.sanctions.lists.audience import audience_of
from tests.conftest import cloned, settings_for

pytestmark = pytest.mark.xdist_group("world")  # one load for most of them
NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
STATUS = status_sql("e")
_NATIVE = {
    "arabic": "[\u0600-\u06ff]",
    "cyrillic": "[\u0400-\u04ff]",
    "ethiopic": "[\u1200-\u137f]",
    "burmese": "[\u1000-\u109f]",
    "bengali": "[\u0980-\u09ff]",
}


async def read(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    """Rows of a statement, seen by the operator."""
    connection = await asyncpg.connect(settings.require("database_migration_url"))
    try:
        return [tuple(row) for row in await connection.fetch(sql)]
    finally:
        await connection.close()


async def value(settings: Settings, sql: str) -> Any:
    """The first value of a statement."""
    return (await read(settings, sql))[0][0]


def test_the_plan_has_every_type_country_and_script() -> None:
    made = plans()
    profiles = [plan.profile for plan in made]
    assert made == plans()
    assert len(made) == 200
    assert len({plan.key for plan in made}) == 200
    assert len({profile.country for profile in profiles}) == 20
    assert {profile.partner_type for profile in profiles} == set(PartnerType)
    native = " ".join(profile.legal_name_native or "" for profile in profiles)
    for script, letters in _NATIVE.items():
        assert re.search(letters, native), script
    seen: set[str] = set()
    for plan in made:
        assert plan.headquarters is None or plan.headquarters in seen
        seen.add(plan.key)
    assert sum(plan.headquarters is not None for plan in made) >= 20


def test_identifiers_are_valid_and_nobodys() -> None:
    assert all(stdnum_lei.is_valid(lei(number)) for number in range(1, 201))
    for plan in plans():
        for item in plan.profile.identifiers:
            assert "DEMO" in item.value or item.scheme == "AGENCY_VENDOR"
    # The tour of the README creates this one itself.
    assert not any("Amani" in (plan.profile.legal_name or "") for plan in plans())


@dataclass
class Once:
    """A world that was loaded for this module, and how."""

    settings: Settings
    world: Loaded
    steps: dict[str, int]
    spent: float


@pytest.fixture(scope="module")
async def once(worker_name: str, root_key: Path) -> AsyncIterator[Once]:
    name = f"{os.environ['REGISTRY_TEST_TEMPLATE']}_{worker_name}_world"
    async with cloned(name):
        settings, steps = settings_for(name, root_key), dict[str, int]()
        started = time.process_time()
        world = await load_world(
            settings, lambda step, done, total: steps.update({step: done}), now=NOW
        )
        yield Once(settings, world, steps, time.process_time() - started)


async def test_the_world_is_complete_and_soon_there(once: Once) -> None:
    # Time of the processor, of which coverage makes two or three times as much.
    assert once.spent < 30
    assert once.world.fresh
    assert sorted(once.world.secrets) == sorted(client_ids())
    assert once.steps == {
        "partners": 200,
        "assessments": 134,
        "assessments of other types": 36,
        "sanction cases": 5,
        "lives": 6,
        "listed parties": 25,
    }
    await _check_people(once.settings)
    await _check_records(once.settings)
    await _check_lives(once.settings)


async def _check_lives(settings: Settings) -> None:
    states = await read(settings, "SELECT status, count(*) FROM partners GROUP BY 1")
    shown = dict(states)
    # The fourth of the complete ones waits; what is flagged red is locked, not unverified.
    assert (shown["verified"], shown["unverified"], shown["merged"]) == (3, 1, 1)
    assert shown["pending_verification"] == 1
    sql = "SELECT count(DISTINCT agency_id) FROM partner_verifications GROUP BY partner_id"
    assert max(row[0] for row in await read(settings, sql)) == 2
    sql = "SELECT kind, state FROM partner_flags ORDER BY 1"
    assert await read(settings, sql) == [("RED", "confirmed"), ("YELLOW", "open")]
    for table in ("objections", "partner_declarations", "partner_people", "partner_aliases"):
        assert await value(settings, f"SELECT count(*) FROM {table}"), table
    assert await value(settings, "SELECT count(*) FROM partners WHERE protected") == 1
    assert await value(settings, "SELECT count(*) FROM possible_duplicates")


async def _check_people(settings: Settings) -> None:
    codes = await read(settings, "SELECT code, xm_dac[1] FROM agencies ORDER BY code")
    assert codes == sorted((plan.code, plan.xm_dac) for plan in AGENCIES)
    persons = await value(settings, "SELECT count(DISTINCT person_id) FROM clients")
    assert persons == 15
    scopes = await read(settings, "SELECT id, scopes FROM clients")
    for client, granted in scopes:
        if client == "READER":
            assert set(granted) == {scope for scope in AGENCY if scope.endswith(":read")}
        else:
            assert set(granted) == AGENCY
    assert await value(settings, "SELECT bool_and(demo) FROM clients")
    assert await value(settings, "SELECT kind FROM instance") == "demo"
    assert await value(settings, "SELECT count(DISTINCT agency_id) FROM focal_points") == 5
    assert await value(settings, "SELECT count(DISTINCT agency_id) FROM recognition_policies") == 5


async def _check_records(settings: Settings) -> None:
    sql = "SELECT DISTINCT level FROM assessments WHERE status = 'final'"
    levels = {row[0] for row in await read(settings, sql)}
    assert levels == {"RESTRICTED", "INTER_AGENCY", "AGENCY_ONLY"}
    for least, condition in (
        (5, "status = 'draft'"),
        (10, "valid_until < current_date"),
        (5, "rating_source = 'reported'"),
    ):
        assert await value(settings, f"SELECT count(*) FROM assessments WHERE {condition}") >= least
    assert await value(settings, "SELECT count(*) FROM assessment_shares") >= 10
    assert await value(settings, "SELECT count(*) FROM access_requests") >= 2
    entries = await read(
        settings, f"SELECT measure, {STATUS} FROM sanction_entries e ORDER BY 1, 2"
    )
    assert entries == [
        ("CENSURE", "ACTIVE"),
        ("DEBARMENT_FIXED", "ACTIVE"),
        ("DEBARMENT_FIXED", "ACTIVE"),
        ("SUSPENSION_PERFORMANCE", "LIFTED"),
    ]
    assert (
        await value(settings, "SELECT count(*) FROM sanction_cases WHERE state <> 'IMPOSED'") == 1
    )
    # Through the services: each act is in the log, and waits for the feed and its consumers.
    assert await value(settings, "SELECT count(*) FROM audit_events") >= 200 + 134
    assert (
        await value(settings, "SELECT count(*) FROM outbox WHERE type = 'partner.created'") == 203
    )
    assert await value(settings, "SELECT count(*) FROM feed_pending") >= 25 + 4
    audiences = [audience_of(source) for source in sources.ALL.values()]
    used = await value(settings, "SELECT count(*) FROM list_uses WHERE state = 'active'")
    assert used == 5 * audiences.count("opt_in") + audiences.count("joint")


_CONTENT = (
    "SELECT number, legal_name, legal_name_native, aliases, partner_type, country, "
    "year_established, website FROM partners ORDER BY number",
    "SELECT p.number, i.scheme, i.value, a.code FROM partner_identifiers i "
    "JOIN partners p ON p.id = i.partner_id JOIN agencies a ON a.id = i.created_by "
    "ORDER BY 1, 2, 3",
    "SELECT p.number, h.number FROM partners p JOIN partners h ON h.id = p.hq_id ORDER BY 1",
    "SELECT p.number, o.code, s.status, s.conducted_on, s.level, s.rating_value FROM assessments s "
    "JOIN partners p ON p.id = s.partner_id JOIN agencies o ON o.id = s.owner_agency ORDER BY 1",
    f"SELECT p.number, e.measure, e.effective_from, e.effective_to, {STATUS} "
    "FROM sanction_entries e JOIN partners p ON p.id = e.partner_id ORDER BY 1",
    "SELECT c.id, p.name, p.office, p.role FROM clients c JOIN persons p ON p.id = c.person_id "
    "ORDER BY 1",
)


async def test_two_loads_have_the_same_content(once: Once, empty_database: Settings) -> None:
    await load_world(empty_database, now=NOW)
    for statement in _CONTENT:
        first = await read(once.settings, statement)
        assert first
        assert first == await read(empty_database, statement)


async def test_loading_again_changes_nothing_and_mends_lost_secrets(once: Once) -> None:
    first = once.world
    counts = "SELECT (SELECT count(*) FROM partners), (SELECT count(*) FROM audit_events)"
    before = await read(once.settings, counts)
    again = await load_world(once.settings, kept_secrets=first.secrets, now=NOW)
    assert again.secrets == first.secrets
    assert not again.fresh
    assert await read(once.settings, counts) == before

    kept = first.secrets | {"WFP": "no longer right"}
    del kept["FAO"]
    mended = await load_world(once.settings, kept_secrets=kept, now=NOW)
    changed = {name for name in first.secrets if mended.secrets[name] != first.secrets[name]}
    assert changed == {"WFP", "FAO"}


async def test_a_database_in_use_for_something_else_is_left_alone(
    empty_database: Settings,
) -> None:
    connection = await asyncpg.connect(empty_database.require("database_migration_url"))
    await connection.execute("INSERT INTO instance (kind) VALUES ('production')")
    await connection.close()
    with pytest.raises(UnsafeSettings, match="something else"):
        await load_world(empty_database)
    assert await value(empty_database, "SELECT count(*) FROM agencies") == 0


def test_the_newest_list_of_the_folder_is_taken(tmp_path: Path) -> None:
    assert list_file(None).name == list_file(tmp_path).name == "unsc.xml"
    for day in ("2025-08-16", "2026-02-27", "2018-10-29"):
        (tmp_path / f"un_sc_consolidated_{day}.xml").touch()
    assert list_file(tmp_path).name == "un_sc_consolidated_2026-02-27.xml"
