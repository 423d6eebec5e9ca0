"""Versions in FollowTheMoney form: operations lead from each to the next, for whoever holds one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from app.core.db import DatabaseAway
from app.sanctions.feed import checksums, ftm, versions
from tests.sanctions.feed.conftest import Stand, entry
from tests.support import Api

FTM = "/v1/feeds/sanctions/ftm"
Copy = dict[str, Any]


async def _lines(api: Api, url: str) -> list[dict[str, Any]]:
    answer = await api.get(url)
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.content.splitlines()]


async def _full(api: Api, stream: str) -> tuple[str, Copy]:
    index = await api.read(f"{FTM}/index.json?stream={stream}")
    url = next(one["url"] for one in index["resources"] if one["name"].startswith("entities"))
    lines = await _lines(api, url)
    assert len(lines) == index["entity_count"]
    return index["version"], {one["id"]: one for one in lines}


def _lasting(copy: Copy) -> Copy:
    """Without when it was last seen: of what does not change, operations say nothing."""
    return {key: {**one, "last_seen": None} for key, one in copy.items()}


async def _follow(api: Api, base: str, copy: Copy, stream: str) -> str:
    """As yente: all later versions in order; to delete what is not there fails."""
    listed = (await api.read(f"{FTM}/delta.json?stream={stream}"))["versions"]
    assert base >= min(listed), "it would load everything anew"
    for version in sorted(one for one in listed if one > base):
        for item in await _lines(api, listed[version]):
            if item["op"] == "DEL":
                del copy[item["entity"]["id"]]
            else:
                copy[item["entity"]["id"]] = item["entity"]
    newest: str = max(listed)
    return newest


@pytest.fixture
async def stream(stand: Stand) -> str:
    """A stream of the test's own."""
    return await stand.source(f"twin_{uuid4().hex[:6]}")


@pytest.fixture
async def ids(stand: Stand, stream: str) -> list[str]:
    """Three entries that it begins with."""
    made = sorted(str(uuid4()) for _ in range(3))
    for one in made:
        await stand.put(entry(one), stream)
    return made


async def test_it_says_since_when_and_the_index_what_the_files_are(
    stand: Stand, stream: str, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    wfp = await stand.api()
    _, before = await _full(wfp, stream)
    first = before[ids[0]]
    assert first["first_seen"] == first["last_change"] <= first["last_seen"]
    for table, at in (("feed_entries", "changed_at"), ("feed_changes", "at")):
        await stand.run(
            f"UPDATE {table} SET first_at = first_at - interval '1 day', "
            f"{at} = {at} - interval '1 day' WHERE stream = $1 AND entry_id = $2 RETURNING 1",
            stream,
            ids[0],
        )
    old = await wfp.read(f"{FTM}/index.json?stream={stream}")
    await stand.put(entry(ids[0], "Renamed Trust"), stream)
    _, after = await _full(wfp, stream)
    for one in (ids[0], f"{ids[0]}-sanction"):
        assert after[one]["first_seen"] < first["first_seen"] <= after[one]["last_change"]
    assert after[ids[1]]["last_change"] == before[ids[1]]["last_change"]
    # The file of the version before says what was so then.
    as_then = await _lines(wfp, old["resources"][0]["url"])
    assert as_then[0]["id"] == ids[0]
    assert as_then[0]["last_change"] < after[ids[0]]["last_change"]
    assert {one["last_seen"] for one in as_then} == {first["last_seen"]}
    monkeypatch.setattr(checksums, "_REST", 1e6)
    worker = checksums.Checksums(stand.worker)
    assert "checksum" not in (await wfp.read(f"{FTM}/index.json?stream={stream}"))["resources"][0]
    assert await worker.note_due() >= 1
    index = await wfp.read(f"{FTM}/index.json?stream={stream}")
    for item in index["resources"]:
        content = (await wfp.get(item["url"])).content
        made = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        assert (item["checksum"], item["size"]) == (made, len(content))
    # It has just been looked at, so it rests; and what is known is not read again.
    await stand.put(entry(ids[0], "Once More"), stream)
    assert await worker.note_due() == 0
    assert await checksums.Checksums(stand.worker).note_due() == 1
    assert await checksums.Checksums(stand.worker).note_due() == 0


@pytest.mark.parametrize("error", [KeyError("kind"), DatabaseAway()])
async def test_a_twin_that_cannot_be_read_ends_no_worker(
    stand: Stand,
    stream: str,
    ids: list[str],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    async def broken(*asked: Any) -> AsyncIterator[bytes]:
        if asked:
            raise error
        yield b""

    async def withdrawn(*_: Any) -> None:
        return None

    await stand.put(entry(ids[0], "Sycamore Trust"), stream)
    with monkeypatch.context() as patched:
        patched.setattr(checksums, "pieces", broken)
        assert await checksums.Checksums(stand.worker).note_due() == 0
        patched.setattr(checksums, "content_of", withdrawn)
        assert await checksums.Checksums(stand.worker).note_due() == 0
    assert await checksums.Checksums(stand.worker).note_due() >= 1


async def test_whoever_holds_a_version_arrives_at_the_newest(
    stand: Stand, stream: str, ids: list[str]
) -> None:
    wfp = await stand.api()
    copies = [await _full(wfp, stream)]
    steps = (
        ("put", entry(ids[0], "Renamed Trust")),
        ("remove", (ids[1], "lifted")),
        ("put", entry(str(uuid4()), "New Trust")),
        ("put", entry(ids[1], "Back Again")),
    )
    for op, what in steps:
        await stand.change((op, what, (stream,)))
        await stand.number()
        copies.append(await _full(wfp, stream))
    newest, whole = copies[-1]
    assert [one for one, _ in copies] == sorted({one for one, _ in copies})
    for version, copy in copies:
        assert await _follow(wfp, version, copy, stream) == newest
        assert _lasting(copy) == _lasting(whole)


async def test_operations_say_what_they_do(stand: Stand, stream: str, ids: list[str]) -> None:
    wfp, new = await stand.api(), str(uuid4())
    await stand.change(
        ("put", entry(ids[0], "Renamed"), (stream,)),
        ("put", entry(new), (stream,)),
        ("remove", (ids[1], "expired"), (stream,)),
    )
    await stand.number()
    listed = (await wfp.read(f"{FTM}/delta.json?stream={stream}"))["versions"]
    oldest, newest = listed[min(listed)], listed[max(listed)]
    assert await _lines(wfp, oldest) == []
    found = {(x["op"], x["entity"]["id"]): x for x in await _lines(wfp, newest)}
    assert found.keys() == {
        (op, one)
        for op, of in (("MOD", ids[0]), ("ADD", new), ("DEL", ids[1]))
        for one in (of, ftm.sanction_id(of))
    }
    gone = found["DEL", ids[1]]
    assert (gone["entity"], gone["reason"]) == ({"id": ids[1]}, "expired")
    answer = await wfp.get(newest)
    again = await wfp.get(newest, headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    unknown = await wfp.get(f"{FTM}/29990101000000-000/entities.delta.json?stream={stream}")
    assert unknown.json()["code"] == "file_not_found"


async def test_what_was_annulled_is_in_no_file_and_leaves_every_copy(
    stand: Stand, stream: str, ids: list[str]
) -> None:
    wfp, wrong = await stand.api(), str(uuid4())
    before = await _full(wfp, stream)
    await stand.put(entry(wrong, "Slandered Trust"), stream)
    with_it = await _full(wfp, stream)
    held = (await wfp.read(f"{FTM}/index.json?stream={stream}"))["resources"][0]["url"]
    await stand.remove(wrong, "annulled", stream)
    listed = (await wfp.read(f"{FTM}/delta.json?stream={stream}"))["versions"]
    for url in listed.values():
        assert b"Slandered" not in (await wfp.get(url)).content
    newest, whole = await _full(wfp, stream)
    assert wrong not in whole
    for version, copy in (before, with_it):
        assert await _follow(wfp, version, copy, stream) == newest
        assert _lasting(copy) == _lasting(whole)
    # The file of the version that had it is cut short where its chunk was.
    assert (await wfp.get(held)).content == b""


async def test_old_versions_are_joined_and_copies_of_them_still_arrive(
    stand: Stand, stream: str, ids: list[str]
) -> None:
    wfp, brief = await stand.api(), str(uuid4())
    copies = [await _full(wfp, stream)]
    for step in range(4):
        await stand.put(entry(ids[0], f"Name {step}"), stream)
        if step == 1:
            await stand.put(entry(brief, "Brief Trust"), stream)
            copies.append(await _full(wfp, stream))
    await stand.remove(brief, "lifted", stream)
    await stand.run(
        "UPDATE feed_versions SET at = at - interval '3 days' WHERE stream = $1 RETURNING 1", stream
    )
    await stand.put(entry(ids[2], "Today"), stream)
    count = "SELECT count(*) FROM feed_versions WHERE stream = $1"
    (full,) = await stand.run(count, stream)
    async with stand.worker.connection() as connection:
        await versions.thin(connection, stream, 1)
    (left,) = await stand.run(count, stream)
    assert left < full
    newest, whole = await _full(wfp, stream)
    for version, copy in copies:
        assert await _follow(wfp, version, copy, stream) == newest
        assert _lasting(copy) == _lasting(whole)
    # Who still asks for one that was joined gets what it was joined with.
    listed = (await wfp.read(f"{FTM}/delta.json?stream={stream}"))["versions"]
    assert copies[1][0] not in listed
    url = f"{FTM}/{copies[1][0]}/entities.delta.json?stream={stream}"
    first = min(one for one in listed if one > copies[1][0])
    assert await _lines(wfp, url) == await _lines(wfp, listed[first])
    async with stand.worker.connection() as connection:
        await versions.thin(connection, stream, 10_000)
    assert await stand.run(count, stream) == [1]


async def test_an_agency_reads_its_own_stream_and_no_other_does(stand: Stand) -> None:
    unicef, wfp = await stand.api("UNICEF"), await stand.api()
    await stand.beat()
    await stand.put(entry(str(uuid4()), "Own Trust"), stand.own("UNICEF"))
    version, copy = await _full(unicef, "agency")
    assert {one["datasets"][0] for one in copy.values()} == {"partner_registry_agency"}
    await stand.put(entry(str(uuid4()), "Second Own Trust"), stand.own("UNICEF"))
    await _follow(unicef, version, copy, "agency")
    assert copy == (await _full(unicef, "agency"))[1]
    assert (await _full(wfp, "agency"))[1] == {}
    log = await stand.run(
        "SELECT detail->>'file' FROM audit_events WHERE event = 'sanction:own_feed:read' "
        "AND detail->>'file' LIKE 'entities.%'"
    )
    assert {"entities.ftm.json", "entities.delta.json"} <= set(log)


async def test_a_version_whose_index_was_deleted_is_no_file(stand: Stand, stream: str) -> None:
    wfp = await stand.api()
    await stand.put(entry(str(uuid4())), stream)
    old = (await _full(wfp, stream))[0]
    await stand.put(entry(str(uuid4())), stream)
    newest = (await _full(wfp, stream))[0]
    assert newest != old
    await stand.run(
        "DELETE FROM feed_blobs WHERE stream = $1 AND sha256 = (SELECT index_sha256 "
        "FROM feed_versions WHERE stream = $1 AND version = $2) RETURNING 1",
        stream,
        old,
    )
    url = f"{FTM}/entities.ftm.json?stream={stream}&version={old}"
    answer = await wfp.get(url)
    assert (answer.status_code, answer.json()["code"]) == (404, "file_not_found")
