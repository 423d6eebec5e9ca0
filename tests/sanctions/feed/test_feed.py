"""The feed: numbered after commit, one set under one digest, signed."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
from typing import Any

import rfc8785
from sqlalchemy import text

from app.auth import jose
from app.core.db import Database
from app.sanctions.feed import build
from tests.conftest import ApiFor, Settle
from tests.sanctions.factories import impose
from tests.support import Api


async def manifest_of(api: Api, stream: str = "inter_agency") -> dict[str, Any]:
    answer = await api.get(f"/v1/feeds/sanctions/manifest?stream={stream}")
    assert answer.status_code == 200
    assert len(answer.content) <= 1_200
    return jose.unverified_claims(answer.text)


async def test_a_measure_reaches_the_feed_with_a_dense_number(
    api_for: ApiFor, settle: Settle
) -> None:
    await settle()
    wfp = await api_for("WFP")
    before = (await manifest_of(wfp))["seq_to"]
    entry = await impose(api_for)
    await settle()
    page = await wfp.read(f"/v1/feeds/sanctions/changes?after={before}")
    assert [change["seq"] for change in page["changes"]] == [before + 1]
    change = page["changes"][0]
    assert change["op"] == "put"
    assert change["entry_id"] == entry["entry_id"]
    assert change["entry"]["imposing_agency"] == "UNDP"
    assert page["more"] is False
    read = await wfp.read(f"/v1/sanctions/entries/{entry['entry_id']}")
    assert read["seq"] == change["seq"]


async def test_the_chunks_are_what_the_manifest_says(api_for: ApiFor, settle: Settle) -> None:
    await impose(api_for)
    await settle()
    wfp = await api_for("WFP")
    claims = await manifest_of(wfp)
    reference: dict[str, object] = claims["index"]
    file = await wfp.get(f"/v1/feeds/sanctions/chunks/{reference['sha256']}")
    assert hashlib.sha256(file.content).hexdigest() == reference["sha256"]
    assert len(file.content) == reference["bytes"]
    count, digests = 0, []
    for item in file.json()["chunks"]:
        digests.append(item["raw_sha256"])
        if item["sha256"] is None:
            continue
        chunk = await wfp.get(f"/v1/feeds/sanctions/chunks/{item['sha256']}")
        assert chunk.headers["content-type"] == "application/gzip"
        assert "content-encoding" not in chunk.headers
        raw = gzip.decompress(chunk.content)
        assert hashlib.sha256(raw).hexdigest() == item["raw_sha256"]
        entries = [json.loads(line) for line in raw.splitlines()]
        assert raw == b"".join(rfc8785.dumps(entry) + b"\n" for entry in entries)
        ids = [entry["entry_id"] for entry in entries]
        assert ids == sorted(ids)
        count += len(entries)
    assert build.set_digest(digests) == claims["set_sha256"]
    assert count == claims["count"]


async def test_lifting_removes_with_a_reason_and_no_name(api_for: ApiFor, settle: Settle) -> None:
    entry = await impose(api_for)
    await settle()
    wfp = await api_for("WFP")
    before = (await manifest_of(wfp))["seq_to"]
    await (await api_for("UNDP_APPROVER")).made(
        f"/v1/sanctions/entries/{entry['entry_id']}/lift",
        {"reason": "Appeal granted."},
        headers={"If-Match": '"v1"'},
    )
    await settle()
    page = await wfp.read(f"/v1/feeds/sanctions/changes?after={before}")
    change = page["changes"][0]
    assert (change["op"], change["reason"], change["entry"]) == ("remove", "lifted", None)


async def test_a_renamed_partner_is_renamed_on_the_list(api_for: ApiFor, settle: Settle) -> None:
    entry = await impose(api_for)
    await settle()
    unicef = await api_for("UNICEF")
    before = (await manifest_of(unicef))["seq_to"]
    changed = await unicef.patch(
        f"/v1/partners/{entry['partner_id']}",
        json={"legal_name": "Tumaini Relief Trust"},
        headers={"If-Match": '"v1"'},
    )
    assert changed.status_code == 200
    await settle()
    page = await unicef.read(f"/v1/feeds/sanctions/changes?after={before}")
    assert page["changes"][0]["entry_id"] == entry["entry_id"]
    assert page["changes"][0]["entry"]["names"][0]["name"] == "Tumaini Relief Trust"


async def test_cursors_outside_the_stream_are_told_so(api_for: ApiFor, settle: Settle) -> None:
    await settle()
    wfp = await api_for("WFP")
    ahead = await wfp.get("/v1/feeds/sanctions/changes?after=999999999")
    assert (ahead.status_code, ahead.json()["code"]) == (409, "cursor_ahead")
    assert (await wfp.get("/v1/feeds/sanctions/manifest?stream=nothing")).status_code == 404


async def test_changes_no_longer_kept_ask_for_the_full_set(
    api_for: ApiFor, settle: Settle, operator_database: Database
) -> None:
    await impose(api_for)
    await impose(api_for)
    await settle()
    wfp = await api_for("WFP")
    kept = await wfp.read("/v1/feeds/sanctions/changes?after=0&limit=1")
    assert kept["changes"][0]["seq"] == 1
    await _renumber(operator_database, 1, -1)
    gone = await wfp.get("/v1/feeds/sanctions/changes?after=0")
    await _renumber(operator_database, -1, 1)
    assert (gone.status_code, gone.json()["code"]) == (410, "full_sync_required")


async def _renumber(database: Database, seq: int, to: int) -> None:
    async with database.session() as session:
        await session.execute(
            text("UPDATE feed_changes SET seq = :to WHERE stream = 'inter_agency' AND seq = :seq"),
            {"seq": seq, "to": to},
        )


async def test_a_poll_that_is_up_to_date_is_a_304(api_for: ApiFor, settle: Settle) -> None:
    await settle()
    wfp = await api_for("WFP")
    first = await wfp.get("/v1/feeds/sanctions/manifest")
    seq = jose.unverified_claims(first.text)["seq_to"]
    poll = await wfp.get(
        f"/v1/feeds/sanctions/changes?after={seq}",
        headers={"If-None-Match": first.headers["etag"]},
    )
    assert poll.status_code == 304


async def test_an_unchanged_manifest_is_a_304(api_for: ApiFor, settle: Settle) -> None:
    await settle()
    wfp = await api_for("WFP")
    first = await wfp.get("/v1/feeds/sanctions/manifest")
    again = await wfp.get(
        "/v1/feeds/sanctions/manifest", headers={"If-None-Match": first.headers["etag"]}
    )
    assert again.status_code == 304


async def test_a_waiting_poll_ends_with_the_change(api_for: ApiFor, settle: Settle) -> None:
    await settle()
    wfp = await api_for("WFP")
    before = (await manifest_of(wfp))["seq_to"]
    quick = await wfp.read(f"/v1/feeds/sanctions/changes?after={before}&wait=1")
    assert quick["changes"] == []

    async def change_later() -> None:
        await asyncio.sleep(0.6)
        await impose(api_for)
        await settle()

    url = f"/v1/feeds/sanctions/changes?after={before}&wait=30"
    found, _ = await asyncio.gather(wfp.read(url), change_later())
    assert len(found["changes"]) == 1


def test_buckets_split_evenly_and_grow_with_the_list() -> None:
    assert build.bits_for(0) == build.bits_for(400) == 0
    assert build.bits_for(1_003) == 2
    assert build.bits_for(100_000) == 8
    prefix = build.prefix_of("an entry")
    low, high = build.bucket_range(build.bucket_of(prefix, 8), 8)
    assert low <= prefix <= high
    first_byte = hashlib.sha256(b"an entry").digest()[0]
    assert build.bucket_of(prefix, 8) == first_byte
