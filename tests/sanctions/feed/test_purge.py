"""What was annulled or wrong leaves all that is kept of the past, and its files answer 410."""

from __future__ import annotations

import gzip
from uuid import uuid4

import pytest

from app.core.clock import utc_now
from app.core.db import DatabaseAway
from app.sanctions.feed import build, ftm_files, ftm_writing
from tests.sanctions.feed.conftest import (
    FEED,
    Stand,
    chunk_lines,
    entry,
    index,
    manifest,
    whole_set,
)

SMALL = (4, 16)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "DELTA_SIZES", SMALL)


async def chunk_with(stand: Stand, entry_id: str) -> str:
    """The present chunk of the entry's bucket."""
    wfp = await stand.api()
    bits = (await manifest(wfp))["bucket_bits"]
    bucket = build.bucket_of(build.prefix_of(entry_id), bits)
    return str((await index(wfp))["chunks"][bucket]["sha256"])


@pytest.mark.parametrize("reason", ["annulled", "error"])
async def test_its_past_is_erased_and_its_files_are_gone(stand: Stand, reason: str) -> None:
    wfp, one, other = await stand.api(), str(uuid4()), str(uuid4())
    await stand.put(entry(other), "inter_agency")
    before = await chunk_with(stand, one)
    await stand.put(entry(one, "Canary Trust"), "inter_agency")
    held = await chunk_with(stand, one)
    while (await manifest(wfp))["seq_to"] % 4:
        await stand.put(entry(other, f"Other {uuid4()}"), "inter_agency")
    await stand.beat()
    files = await wfp.read(f"{FEED}/files")
    delta = files["deltas"][-1]["sha256"]
    ids = {
        line["entry_id"]
        for item in files["deltas"]
        for line in await chunk_lines(wfp, item["sha256"])
    }
    assert one in ids
    await stand.remove(one, reason, "inter_agency")
    for sha256 in (held, delta):
        gone = await wfp.get(f"{FEED}/chunks/{sha256}")
        assert (gone.status_code, gone.json()["code"]) == (410, "file_withdrawn")
    assert one not in await whole_set(wfp)
    if before != "None":
        assert (await wfp.get(f"{FEED}/chunks/{before}")).status_code == 200
    # Nothing in the database says the name any more; what there was to tell is told.
    assert (
        await stand.run("SELECT seq FROM feed_changes WHERE position('Canary'::bytea in entry) > 0")
        == []
    )
    rows = await stand.run(
        "SELECT content FROM feed_blobs WHERE media_type LIKE '%gzip' AND content IS NOT NULL"
    )
    assert not any(b"Canary" in gzip.decompress(row) for row in rows)
    page = await wfp.read(f"{FEED}/changes?after=0&limit=1000")
    told = [(c["op"], c["reason"], c["entry"]) for c in page["changes"] if c["entry_id"] == one]
    assert told == [("remove", reason, None)] * 2
    assert [c["seq"] for c in page["changes"]] == list(range(1, page["to"] + 1))
    await stand.beat()
    again = await wfp.read(f"{FEED}/files")
    purged = {item["entry_id"]: item["reason"] for item in again["purged"]}
    assert purged[one] == reason
    assert {held, delta} <= {item["sha256"] for item in again["withdrawn"]}
    lines = [line for item in again["deltas"] for line in await chunk_lines(wfp, item["sha256"])]
    assert {(c["op"], c["reason"]) for c in lines if c["entry_id"] == one} == {("remove", reason)}


async def test_what_comes_back_with_the_same_bytes_is_served_again(stand: Stand) -> None:
    wfp, one = await stand.api(), str(uuid4())
    await stand.put(entry(one), "inter_agency")
    held = await chunk_with(stand, one)
    await stand.remove(one, "error", "inter_agency")
    assert (await wfp.get(f"{FEED}/chunks/{held}")).status_code == 410
    await stand.put(entry(one), "inter_agency")
    assert (await wfp.get(f"{FEED}/chunks/{held}")).status_code == 200
    files = await wfp.read(f"{FEED}/files")
    assert held not in {item["sha256"] for item in files["withdrawn"]}
    assert one not in {item["entry_id"] for item in files["purged"]}


async def test_what_is_public_no_more_leaves_the_public_past_and_no_other(stand: Stand) -> None:
    wfp, one = await stand.api(), str(uuid4())
    await stand.put(entry(one, "Canary Public"), "public", "inter_agency")
    held = (await index(wfp, "public"))["chunks"][0]["sha256"]
    await stand.remove(one, "level_changed", "public")
    assert (await wfp.get(f"{FEED}/chunks/{held}")).json()["code"] == "file_withdrawn"
    for stream, said in (("public", [None, None]), ("inter_agency", ["Canary Public"])):
        page = await wfp.read(f"{FEED}/changes?stream={stream}&after=0&limit=1000")
        told = [c["entry"] for c in page["changes"] if c["entry_id"] == one]
        assert [entry and entry["names"][0]["name"] for entry in told] == said
    await stand.remove(one, "level_changed", "inter_agency")
    page = await wfp.read(f"{FEED}/changes?after=0&limit=1000")
    assert [c["op"] for c in page["changes"] if c["entry_id"] == one] == ["put", "remove"]
    assert one not in {p["entry_id"] for p in (await wfp.read(f"{FEED}/files"))["purged"]}


async def test_other_ends_erase_nothing(stand: Stand) -> None:
    wfp, one = await stand.api(), str(uuid4())
    await stand.put(entry(one), "inter_agency")
    held = await chunk_with(stand, one)
    last = (await manifest(wfp))["seq_to"]
    await stand.remove(one, "lifted", "inter_agency")
    assert (await wfp.get(f"{FEED}/chunks/{held}")).status_code == 200
    page = await wfp.read(f"{FEED}/changes?after={last - 1}")
    assert [c["op"] for c in page["changes"]] == ["put", "remove"]


async def test_what_left_a_stream_before_is_purged_there_too(stand: Stand) -> None:
    wfp, one, other = await stand.api(), str(uuid4()), str(uuid4())
    left, there = [await stand.source(f"zz_{uuid4().hex[:6]}") for _ in range(2)]
    never = await stand.source(f"zz_{uuid4().hex[:6]}")
    for stream in (left, there, never):
        await stand.put(entry(other), stream)
    await stand.put(entry(one, "Canary Two"), left, there)
    await stand.remove(one, "expired", left)
    before = (await manifest(wfp, never))["seq_to"]
    await stand.change(
        ("put", entry(one, "Canary Three"), (left,)),
        ("remove", (one, "delisted"), (left,)),
        ("remove", (one, "annulled"), (there,)),
    )
    await stand.number()
    for stream in (left, there):
        page = await wfp.read(f"{FEED}/changes?stream={stream}&after=0")
        told = [c for c in page["changes"] if c["entry_id"] == one]
        assert told[-1]["reason"] == "annulled"
        assert [c["entry"] for c in told] == [None] * len(told)
    # Who never had it learns nothing.
    assert (await manifest(wfp, never))["seq_to"] == before


async def test_a_file_withdrawn_from_one_stream_may_stay_in_another(stand: Stand) -> None:
    wfp, one = await stand.api(), str(uuid4())
    streams = [await stand.source(code) for code in ("zz_a", "zz_b")]
    await stand.put(entry(one), *streams)
    held = (await index(wfp, streams[0]))["chunks"][0]["sha256"]
    await stand.run(
        "UPDATE feed_blobs SET content = NULL, withdrawn_at = now() "
        "WHERE stream = $1 AND sha256 = $2 RETURNING 1",
        streams[0],
        held,
    )
    assert (await wfp.get(f"{FEED}/chunks/{held}")).status_code == 200
    await stand.remove(one, "error", streams[1])
    assert (await wfp.get(f"{FEED}/chunks/{held}")).status_code == 410


async def test_a_twin_being_read_meanwhile_is_cut_short(stand: Stand) -> None:
    one = str(uuid4())
    await stand.put(entry(one), "inter_agency")
    held = await chunk_with(stand, one)
    await stand.remove(one, "error", "inter_agency")
    of = ftm_writing.Version("inter_agency", None, 1, utc_now())
    pieces = ftm_writing.pieces(stand.app.state.database, of, [held], ftm_files.TABLE)
    assert (await anext(pieces)).startswith(b'"id"')
    with pytest.raises(DatabaseAway):
        await anext(pieces)
