"""An import: compared, held back, approved, taken by date; every version can be read afterwards."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from app.core.db import Database
from app.sanctions.lists import approval, quarantine
from app.sanctions.lists.checks import expire_listed
from app.sanctions.lists.importer import (
    ListHeld,
    ListOlder,
    ListRefused,
    diff_list,
    import_list,
    plan_list,
)
from app.sanctions.sources import SourceEmpty, SourceUnreadable
from tests.conftest import ApiFor, Settle
from tests.sanctions.lists.support import (
    URL,
    LinesSource,
    party,
    registered,
    switch_off,
    switch_on,
    today,
    write,
)
from tests.support import unique

Parties = list[dict[str, Any]]


class Stand:
    """A list of this test's own, its database, and its files."""

    def __init__(self, database: Database, code: str, folder: Path) -> None:
        self.database, self.code, self.folder, self._number = database, code, folder, 0
        self.uses: list[str] = []

    def file(self, parties: Parties, at: str = "2026-01-01T00:00:00+00:00") -> Path:
        self._number += 1
        return write(self.folder / f"{self._number}.lines", self.code, parties, at)

    async def take(self, parties: Parties, at: str = "2026-01-01T00:00:00+00:00") -> Any:
        return await import_list(self.database, self.code, self.file(parties, at))

    async def rows(self, sql: str) -> list[Any]:
        async with self.database.session() as session:
            return list((await session.execute(text(sql), {"s": self.code})).all())

    async def live(self) -> dict[str, str]:
        found = await self.rows(
            "SELECT key, entry->'names'->0->>'name' FROM listed_parties "
            "WHERE source = :s AND to_version IS NULL"
        )
        return {row[0]: row[1] for row in found}


@pytest.fixture
async def stand(worker_database: Database, tmp_path: Path, api_for: ApiFor) -> AsyncIterator[Stand]:
    code = unique("zz").replace(" ", "_")
    with registered(LinesSource(code)):
        stand = Stand(worker_database, code, tmp_path)
        yield stand
        for use in stand.uses:
            await switch_off(api_for, code, "WFP", use)


def some(count: int, start: int = 0) -> Parties:
    return [party(str(number)) for number in range(start, start + count)]


async def test_what_changed_is_what_is_told(stand: Stand) -> None:
    first = await stand.take(some(10))
    assert (first.added, first.changed, first.removed, first.unchanged) == (10, 0, 0, False)
    changed = [*some(9, 1), party("new")]
    changed[0] = party("1", "Renamed")
    file = stand.file(changed)
    plan = await plan_list(stand.database, stand.code, file)
    assert (plan.kind, plan.parties, plan.in_force) == ("delta", 10, 10)
    delta, changes = await diff_list(stand.database, stand.code, file)
    assert (delta.added, delta.changed, delta.removed, delta.before) == (1, 1, 1, 10)
    assert [(one["change"], one["name"]) for one in changes] == [
        ("added", "Party new"),
        ("changed", "Renamed"),
        ("removed", "Party 0"),
    ]
    dry = await import_list(stand.database, stand.code, file, dry_run=True)
    assert (dry.version, dry.added) == (first.version, 1)
    assert len(await stand.live()) == 10
    assert "new" not in await stand.live()
    done = await import_list(stand.database, stand.code, file)
    assert (done.added, done.changed, done.removed) == (1, 1, 1)
    again = await import_list(stand.database, stand.code, file)
    assert (again.unchanged, again.version) == (True, done.version)
    assert (await plan_list(stand.database, stand.code, file)).kind == "no_change"
    reread = await import_list(stand.database, stand.code, file, again=True)
    assert (reread.added, reread.changed, reread.removed) == (0, 0, 0)


async def test_the_feed_gets_what_changed_and_nothing_else(stand: Stand) -> None:
    await stand.take(some(10))
    await stand.rows("SELECT 1")
    pending = "SELECT op, reason, streams FROM feed_pending WHERE :s || '' <> '' ORDER BY id"
    before = len(await stand.rows(pending))
    await stand.take([party("0", remarks="A remark."), *some(9, 1), party("a")])
    told = (await stand.rows(pending))[before:]
    # The remark is stored; the feed's entry is the same, so nobody need take it again.
    assert [(row.op, row.reason, row.streams) for row in told] == [
        ("put", None, [f"source.{stand.code}"])
    ]


async def test_a_sudden_loss_waits_for_a_person(stand: Stand, api_for: ApiFor) -> None:
    await stand.take(some(10))
    shrunk = stand.file(some(7), "2026-01-02T00:00:00+00:00")
    with pytest.raises(ListHeld) as held:
        await import_list(stand.database, stand.code, shrunk)
    assert len(await stand.live()) == 10
    with pytest.raises(ListHeld) as twice:
        await import_list(stand.database, stand.code, shrunk)
    assert twice.value.candidate == held.value.candidate
    delta, changes = await approval.diff_held(stand.database, stand.code)
    assert (delta.removed, len(changes)) == (3, 3)
    result = await approval.approve(stand.database, stand.code, "A. Operator", "By phone.")
    assert (result.removed, len(await stand.live())) == (3, 7)
    kept = await stand.rows(
        "SELECT state, decided_by, reason FROM list_candidates WHERE source = :s"
    )
    assert [tuple(row) for row in kept] == [("approved", "A. Operator", "By phone.")]
    left = "SELECT 1 FROM list_candidate_parties p JOIN list_candidates c ON c.id = p.candidate_id"
    assert await stand.rows(left + " WHERE c.source = :s") == []
    with pytest.raises(quarantine.NothingHeld):
        await approval.approve(stand.database, stand.code, "A. Operator", "Again.")


async def test_what_was_refused_is_not_taken_again_and_a_newer_issue_is(stand: Stand) -> None:
    await stand.take(some(10))
    shrunk = stand.file(some(5), "2026-01-02T00:00:00+00:00")
    with pytest.raises(ListHeld):
        await import_list(stand.database, stand.code, shrunk)
    await approval.refuse(stand.database, stand.code, "A. Operator", "A cut download.")
    with pytest.raises(ListRefused):
        await import_list(stand.database, stand.code, shrunk)
    assert (await stand.take(some(9), "2026-01-03T00:00:00+00:00")).removed == 1


async def test_a_newer_issue_ends_the_waiting(stand: Stand) -> None:
    await stand.take(some(10))
    with pytest.raises(ListHeld):
        await stand.take(some(5), "2026-01-02T00:00:00+00:00")
    await stand.take(some(11), "2026-01-03T00:00:00+00:00")
    with pytest.raises(quarantine.NothingHeld):
        await approval.approve(stand.database, stand.code, "A. Operator", "Late.")
    states = await stand.rows("SELECT state FROM list_candidates WHERE source = :s")
    assert [row.state for row in states] == ["outdated"]


@pytest.mark.parametrize(("lost", "held"), [(2, False), (3, True)])
async def test_the_limit_is_the_sources_own(stand: Stand, lost: int, held: bool) -> None:
    await stand.take(some(10))
    if held:
        with pytest.raises(ListHeld):
            await stand.take(some(10 - lost), "2026-01-02T00:00:00+00:00")
    else:
        assert (await stand.take(some(10 - lost), "2026-01-02T00:00:00+00:00")).removed == lost


async def test_an_older_issue_is_refused_unless_told_and_one_of_the_future_always(
    stand: Stand,
) -> None:
    await stand.take(some(3), "2026-02-01T00:00:00+00:00")
    older = stand.file(some(4), "2026-01-01T00:00:00+00:00")
    assert (await plan_list(stand.database, stand.code, older)).kind == "older"
    with pytest.raises(ListOlder):
        await import_list(stand.database, stand.code, older)
    assert (await import_list(stand.database, stand.code, older, accept_older=True)).added == 1
    with pytest.raises(ListOlder, match="yet to come"):
        await stand.take(some(5), "2199-01-01T00:00:00+00:00")
    assert len(await stand.live()) == 4


async def test_parties_of_a_mistaken_issue_are_told_as_errors(stand: Stand) -> None:
    await stand.take(some(11), "2026-02-01T00:00:00+00:00")
    older = stand.file(some(10), "2026-01-01T00:00:00+00:00")
    done = await import_list(stand.database, stand.code, older, correcting=True)
    assert (done.removed, len(await stand.live())) == (1, 10)
    fewer = stand.file(some(5), "2026-03-01T00:00:00+00:00")
    with pytest.raises(ListHeld):
        await import_list(stand.database, stand.code, fewer, correcting=True)
    await approval.approve(stand.database, stand.code, "A. Operator", "Wrong.", correcting=True)
    told = await stand.rows(
        "SELECT p.reason FROM feed_pending p JOIN listed_parties l ON l.entry_id::text = p.entry_id"
        " WHERE l.source = :s AND p.op = 'remove' UNION ALL SELECT c.reason FROM feed_changes c"
        " JOIN listed_parties l ON l.entry_id::text = c.entry_id"
        " WHERE l.source = :s AND c.op = 'remove'"
    )
    assert [row.reason for row in told] == ["error"] * 6


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe\x00", b'{"other": 1}\n{}', b"[" * 5_000, b'{"x"'],
    ids=["empty", "bytes", "another list", "deep", "cut"],
)
async def test_what_is_no_issue_leaves_the_old_list(stand: Stand, content: bytes) -> None:
    await stand.take(some(3))
    path = stand.folder / "bad"
    path.write_bytes(content)
    with pytest.raises((SourceUnreadable, RecursionError)):
        await import_list(stand.database, stand.code, path)
    assert len(await stand.live()) == 3


async def test_an_empty_list_is_refused(stand: Stand) -> None:
    await stand.take(some(3))
    with pytest.raises(SourceEmpty):
        await stand.take([], "2026-01-02T00:00:00+00:00")
    assert len(await stand.live()) == 3


async def test_a_listing_that_ends_by_date_leaves_on_its_day(
    stand: Stand, settle: Settle, api_for: ApiFor
) -> None:
    await switch_on_own(stand, api_for)
    ending = [
        party("first"),
        party("past", until=today(-1)),
        party("last day", until=today()),
        party("later", until=today(30)),
        party("for ever", indefinite=True),
        party("unsaid"),
    ]
    await stand.take(ending)
    await settle()
    wfp, stream = await api_for("WFP"), f"source.{stand.code}"
    changes = f"/v1/feeds/sanctions/changes?stream={stream}&after="
    page = await wfp.read(f"{changes}0")
    entries = {change["entry"]["reference"]: change["entry"] for change in page["changes"]}
    assert sorted(entries) == ["ZZ-first", "ZZ-for ever", "ZZ-last day", "ZZ-later", "ZZ-unsaid"]
    assert entries["ZZ-later"]["effective_to"] == today(30)
    assert entries["ZZ-later"]["measures"][0]["to"] == today(30)
    assert entries["ZZ-later"]["effective_from"] == "2020-01-01"
    assert entries["ZZ-for ever"]["measures"][0]["indefinite"] is True
    assert entries["ZZ-for ever"]["effective_to"] is None
    assert await expire_listed(stand.database) == 0
    # The days go by.
    await stand.rows(
        "UPDATE listed_parties SET ends_on = ends_on - 1 WHERE source = :s RETURNING 1"
    )
    assert await expire_listed(stand.database) == 1
    assert await expire_listed(stand.database) == 0
    await settle()
    gone = (await wfp.read(f"{changes}{page['to']}"))["changes"]
    assert [(one["op"], one["reason"], one["entry"]) for one in gone] == [
        ("remove", "expired", None)
    ]
    # That its publisher drops it later is told to nobody a second time.
    kept = [one for one in ending if one["key"] != "past"]
    await stand.take(kept, "2026-01-02T00:00:00+00:00")
    await settle()
    later = (await wfp.read(f"{changes}{page['to'] + 1}"))["changes"]
    assert [one["op"] for one in later if one["reason"]] == []


async def switch_on_own(stand: Stand, api_for: ApiFor) -> None:
    """WFP uses the list of this test."""
    await stand.take([party("first")], "2025-01-01T00:00:00+00:00")
    stand.uses.append(await switch_on(api_for, stand.code, "WFP"))


async def test_every_version_can_be_read(stand: Stand, api_for: ApiFor) -> None:
    await switch_on_own(stand, api_for)
    one = await stand.take([party("a", "Alpha"), party("b", "Beta"), party("first")])
    moment = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    two = await stand.take(
        [party("a", "Alpha renamed"), party("c", "Gamma"), party("b", "Beta"), party("first")],
        "2026-01-02T00:00:00+00:00",
    )
    wfp, place = await api_for("WFP"), f"{URL}/{stand.code}"
    versions = (await wfp.read(f"{place}/versions"))["items"]
    assert [(item["version"], item["added"], item["changed"]) for item in versions[:2]] == [
        (two.version, 1, 1),
        (one.version, 2, 0),
    ]
    first = await wfp.read(f"{place}/versions?limit=1")
    rest = await wfp.read(f"{place}/versions?limit=1&cursor={first['next_cursor']}")
    assert rest["items"][0]["version"] == one.version

    async def names(query: str) -> list[str]:
        found, cursor = [], ""
        while True:
            page = await wfp.read(f"{place}/parties?limit=2{query}{cursor}")
            found += [item["party"]["names"][0]["name"] for item in page["items"]]
            if page["next_cursor"] is None:
                return sorted(found)
            cursor = f"&cursor={page['next_cursor']}"

    assert await names("") == ["Alpha renamed", "Beta", "Gamma", "Party first"]
    assert await names(f"&version={one.version}") == ["Alpha", "Beta", "Party first"]
    assert await names(f"&as_of={moment}") == ["Alpha", "Beta", "Party first"]
    assert await names("&q=RENAMED") == ["Alpha renamed"]
    assert await names("&q=%25%25") == []
    (party_,) = (await wfp.read(f"{place}/parties?q=alpha&version={one.version}"))["items"]
    detail = f"{place}/parties/{party_['entry_id']}"
    assert (await wfp.read(detail))["original"]["names"] == ["Alpha renamed"]
    assert (await wfp.read(f"{detail}?version={one.version}"))["original"]["names"] == ["Alpha"]
    for url, code in (
        (f"{detail}?version=999999999", "list_version_not_found"),
        (f"{place}/parties?as_of=2001-01-01T00:00:00Z", "list_version_not_found"),
        (f"{URL}/unsc/parties/{party_['entry_id']}", "listed_party_not_found"),
    ):
        answer = await wfp.get(url)
        assert answer.status_code == 404, url
        assert answer.json()["code"] in (code, "source_not_found")
    for query in ("version=0", "version=x", "version=1&as_of=2026-01-01T00:00:00Z", "q=x", "no=1"):
        assert (await wfp.get(f"{place}/parties?{query}")).status_code == 422, query


async def test_ids_of_parties_last(stand: Stand) -> None:
    ids = "SELECT DISTINCT entry_id FROM listed_parties WHERE source = :s"
    await stand.take(some(5))
    before = {row[0] for row in await stand.rows(ids)}
    await stand.take([party("0", "Other name"), *some(4, 1)], "2026-01-02T00:00:00+00:00")
    assert {row[0] for row in await stand.rows(ids)} == before


async def test_the_log_and_the_outbox_tell_of_an_import(stand: Stand) -> None:
    result = await stand.take(some(3))
    (event,) = await stand.rows(
        "SELECT type, data FROM outbox WHERE data->>'source' = :s AND type = 'list.changed'"
    )
    assert event.data == {
        "source": stand.code,
        "version": result.version,
        "added": 3,
        "changed": 0,
        "removed": 0,
        "audience": "opt_in",
    }
    assert json.dumps(event.data).count("Party") == 0
