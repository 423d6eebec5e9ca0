"""Skip deltas, attachments, chunks that stay, and how long things are kept."""

from __future__ import annotations

import gzip
import hashlib
import random
import re
from typing import Any
from uuid import uuid4

import pytest

from app.sanctions.feed import build, deltas
from app.sanctions.feed.attachments import store_attachment
from partner_registry_client.chunks import read_index
from partner_registry_client.manifest import Manifest
from tests.sanctions.feed.conftest import (
    FEED,
    Stand,
    chunk_lines,
    entry,
    index,
    manifest,
    whole_set,
)
from tests.support import Api


class Copy:
    """A client that knows skip deltas, as docs/feed.md has it."""

    def __init__(self, api: Api, stream: str) -> None:
        self.api = api
        self.stream = stream
        self.seq = 0
        self.entries: dict[str, Any] = {}
        self.requests = 0

    def apply(self, changes: list[dict[str, Any]]) -> None:
        for change in changes:
            if change["op"] == "put":
                self.entries[change["entry_id"]] = change["entry"]
            else:
                self.entries.pop(change["entry_id"], None)

    async def pull(self) -> None:
        self.requests = 1
        files = (await self.api.read(f"{FEED}/files?stream={self.stream}"))["deltas"]
        while True:
            fits = [one for one in files if one["from"] <= self.seq < one["to"]]
            if not fits:
                break
            best = max(fits, key=lambda one: one["to"])
            self.apply(await chunk_lines(self.api, best["sha256"]))
            self.seq = best["to"]
            self.requests += 1
        more = True
        while more:
            url = f"{FEED}/changes?stream={self.stream}&after={self.seq}&limit=1000"
            page = await self.api.read(url)
            self.apply(page["changes"])
            self.seq, more = page["to"], page["more"]
            self.requests += 1


@pytest.mark.parametrize(
    ("versions", "sizes"),
    [(120, (5, 20, 80, 320)), pytest.param(500, (20, 80, 320, 1_280), marks=pytest.mark.drill)],
)
async def test_who_is_hundreds_of_versions_behind_needs_a_handful_of_requests(
    stand: Stand, monkeypatch: pytest.MonkeyPatch, versions: int, sizes: tuple[int, ...]
) -> None:
    monkeypatch.setattr(build, "DELTA_SIZES", sizes)
    stream, draw = await stand.source(f"zz_deltas_{versions}"), random.Random(7)
    copies = [Copy(await stand.api(), stream) for _ in range(3)]
    ids = [str(uuid4()) for _ in range(40)]
    for version in range(versions):
        changes = [
            ("remove", (one, "delisted"), (stream,))
            if draw.random() < 0.3
            else ("put", entry(one, f"Name {version}"), (stream,))
            for one in draw.sample(ids, 3)
        ]
        await stand.change(*changes)
        await stand.number()
        if version in (versions // 5, versions // 5 * 3):
            await copies[version > versions // 5].pull()
    await stand.beat()
    known = await whole_set(await stand.api(), stream)
    assert (await manifest(await stand.api(), stream))["version"] >= versions
    for copy in copies:
        await copy.pull()
        assert copy.entries == known
        assert copy.requests <= 10
    assert copies[2].seq == (await manifest(await stand.api(), stream))["seq_to"]


async def test_a_delta_holds_the_last_change_of_each_entry_in_canonical_form(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "DELTA_SIZES", (4,))
    stream, one, two = await stand.source("zz_last"), str(uuid4()), str(uuid4())
    for name in ("First", "Second"):
        await stand.put(entry(one, name), stream)
    await stand.put(entry(two, "Ünïcode \u2028"), stream)
    await stand.remove(two, "delisted", stream)
    await stand.beat()
    wfp = await stand.api()
    (found,) = (await wfp.read(f"{FEED}/files?stream={stream}"))["deltas"]
    answer = await wfp.get(f"{FEED}/chunks/{found['sha256']}")
    raw = gzip.decompress(answer.content)
    assert (len(answer.content), len(raw)) == (found["bytes"], found["raw_bytes"])
    assert hashlib.sha256(raw).hexdigest() == found["raw_sha256"]
    lines = await chunk_lines(wfp, found["sha256"])
    assert raw == b"".join(build.canonical(line) + b"\n" for line in lines)
    assert [(line["seq"], line["op"], line["entry_id"]) for line in lines] == [
        (2, "put", one), (4, "remove", two)
    ]  # fmt: skip
    page = (await wfp.read(f"{FEED}/changes?stream={stream}&after=0"))["changes"]
    assert [page[1], page[3]] == lines


async def test_a_delta_that_a_purge_overtook_is_not_kept(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "DELTA_SIZES", (2,))
    stream = await stand.source("zz_overtaken")
    for _ in range(2):
        await stand.put(entry(str(uuid4())), stream)
    async with stand.worker.connection() as connection:
        assert await deltas._build(connection, stream, (0, 2), 99) == 0
        assert await deltas.build_due(connection, "no such stream") == 0
        assert await deltas.build_due(connection, stream) == 1
        assert await deltas.build_due(connection, stream) == 0


def test_blocks_are_complete_and_inside() -> None:
    assert list(build.blocks(0, 999)) == []
    assert list(build.blocks(1_500, 5_000)) == [(2_000, 3_000), (3_000, 4_000), (4_000, 5_000)]
    assert (0, 4_000) in list(build.blocks(0, 4_000))
    assert (4_000, 8_000) in list(build.blocks(1, 9_000))


# -------------------------------------------------------------------------------- attachments


async def test_an_attachment_is_named_in_the_index_and_kept_while_one_names_it(
    stand: Stand,
) -> None:
    stream, wfp = await stand.source("zz_words"), await stand.api()
    await stand.put(entry(str(uuid4())), stream)
    before = await manifest(wfp, stream)
    assert "attachments" not in await index(wfp, stream)
    content = b'{"amani": 3}\n' * 50

    async def attach(what: bytes | None) -> bool:
        async with stand.worker.connection() as connection:
            return await stand.feed.attach(connection, stream, "word-statistics", what)

    assert await attach(content)
    assert not await attach(content)
    (named,) = (await index(wfp, stream))["attachments"]
    file = await wfp.get(f"{FEED}/chunks/{named['sha256']}")
    assert gzip.decompress(file.content) == content
    assert named == {
        "name": "word-statistics",
        "sha256": hashlib.sha256(file.content).hexdigest(),
        "bytes": len(file.content),
        "raw_sha256": hashlib.sha256(content).hexdigest(),
        "raw_bytes": len(content),
    }
    after = await manifest(wfp, stream)
    # A client that knows no attachments reads the list as ever.
    index_file = await wfp.get(f"{FEED}/chunks/{after['index']['sha256']}")
    assert len(read_index(index_file.content, Manifest.read(build.canonical(after)))) == 1
    same = ("seq_to", "count", "set_sha256", "bucket_bits")
    assert [after[name] for name in same] == [before[name] for name in same]
    assert after["version"] == before["version"] + 1
    # A change of the list keeps it, another content replaces it, and at last it is gone.
    await stand.put(entry(str(uuid4())), stream)
    assert (await index(wfp, stream))["attachments"] == [named]
    await stand.run("UPDATE feed_blobs SET current_at = now() - interval '49 h' RETURNING 1")
    await stand.beat()
    assert (await wfp.get(f"{FEED}/chunks/{named['sha256']}")).status_code == 200
    assert await attach(b"other")
    assert (await wfp.get(f"{FEED}/chunks/{named['sha256']}")).status_code == 200
    await stand.run("UPDATE feed_blobs SET current_at = now() - interval '49 h' RETURNING 1")
    await stand.beat()
    assert (await wfp.get(f"{FEED}/chunks/{named['sha256']}")).status_code == 404
    assert await attach(None)
    assert not await attach(None)
    assert "attachments" not in await index(wfp, stream)


async def test_an_attachment_has_a_plain_name_and_a_stream(stand: Stand) -> None:
    async with stand.worker.connection() as connection:
        with pytest.raises(ValueError, match="no such stream"):
            await stand.feed.attach(connection, "no such stream", "name", b"")
        for name in (" ", "Name", "../x", "a" * 65):
            with pytest.raises(ValueError, match=re.escape(name)):
                await store_attachment(connection, "inter_agency", name, b"")


# ------------------------------------------------------------------------------ what is kept


async def test_one_changed_entry_rewrites_one_chunk(stand: Stand) -> None:
    stream, wfp = await stand.source("zz_many"), await stand.api()
    many = [entry(str(uuid4())) for _ in range(900)]
    await stand.change(*(("put", one, (stream,)) for one in many))
    await stand.number()
    before = await index(wfp, stream)
    assert len(before["chunks"]) == 4
    touched = "SELECT count(*) FROM feed_blobs WHERE stream = $1 AND xmin::text::bigint > $2"
    mark = (await stand.run("SELECT txid_current()"))[0]
    await stand.put(many[0] | {"status": "PENDING"}, stream)
    after = await index(wfp, stream)
    differ = [a for a, b in zip(before["chunks"], after["chunks"], strict=True) if a != b]
    assert len(differ) == 1
    # The new chunk and index, and when the old ones were last current.
    assert (await stand.run(touched, stream, mark))[0] == 4


def test_chunks_double_and_halve_at_different_sizes() -> None:
    assert build.bits_for(0) == build.bits_for(400) == 0
    assert build.bits_for(401) == 1
    assert build.bits_for(401, 1) == build.bits_for(800, 1) == build.bits_for(200, 1) == 1
    assert build.bits_for(801, 1) == 2
    assert build.bits_for(199, 1) == 0
    assert build.bits_for(10**9) == build.PREFIX_BITS


async def test_the_window_moves_on_and_the_newest_change_stays(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "DELTA_SIZES", (3,))
    stream, wfp = await stand.source("zz_window"), await stand.api()
    for _ in range(8):
        await stand.put(entry(str(uuid4())), stream)
    await stand.beat()
    age = "UPDATE feed_changes SET at = at - interval '25 months' WHERE stream = $1 AND seq <= $2"
    await stand.run(f"{age} RETURNING 1", stream, 5)
    monkeypatch.setattr("app.sanctions.feed.upkeep._BATCH", 2)
    await stand.beat()
    files = await wfp.read(f"{FEED}/files?stream={stream}")
    assert files["changes_from"] == 5
    # A delta that ends inside the window still helps who is before it.
    assert [(one["from"], one["to"]) for one in files["deltas"]] == [(3, 6)]
    gone = await wfp.get(f"{FEED}/changes?stream={stream}&after=4")
    assert (gone.status_code, gone.json()["code"]) == (410, "full_sync_required")
    assert len((await wfp.read(f"{FEED}/changes?stream={stream}&after=5"))["changes"]) == 3
    await stand.run(f"{age} RETURNING 1", stream, 8)
    await stand.beat()
    assert await stand.run("SELECT seq FROM feed_changes WHERE stream = $1", stream) == [8]
    assert len(await whole_set(wfp, stream)) == 8
