"""What goes over the wire: sizes, digests, caching, and no page written twice."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import json
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import uuid4

import pytest
from fastapi import Request

from app.core.http import takes_gzip
from app.sanctions.feed.pages import Pages
from tests.sanctions.feed.conftest import FEED, Stand, entry, index, manifest
from tests.sockets import served
from tests.support import Api

LISTED = {
    "source": "unsc", "imposing_agency": None, "partner_id": None, "registry_number": None,
    "measure": "LISTED", "procedure": "listed", "programme": "Al-Qaida", "level": "PUBLIC",
    "effect": {"eligible": False, "text": "Listed by the publisher; a hit is a potential match"},
}  # fmt: skip


async def _raw(stand: Stand, api: Api, path: str) -> bytes:
    """Every byte of an answer, as the server sends it over HTTP/1.1."""
    async with served(stand.app) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"GET {path} HTTP/1.1\r\nHost: registry.example\r\nAccept-Encoding: gzip\r\n"
        writer.write(f"{head}Authorization: {api.headers['authorization']}\r\n\r\n".encode())
        found = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in found.splitlines()
            if line.startswith(b"content-length")
        )
        found += await reader.readexactly(length)
        writer.close()
    return found


HSTS = b"strict-transport-security: max-age=63072000; includeSubDomains\r\n"


# Random ids and the age of the list move it by some twenty bytes.
@pytest.mark.parametrize(("more", "most"), [(LISTED, 2_000), ({}, 2_048)])
async def test_a_pull_of_one_change_is_two_kilobytes(
    stand: Stand, more: dict[str, Any], most: int
) -> None:
    await stand.run(
        "INSERT INTO log_checkpoints (size, previous, root, note) "
        "VALUES (123456, 0, sha256('x'), 'x') ON CONFLICT DO NOTHING RETURNING size"
    )
    wfp = await stand.api()
    before = (await manifest(wfp))["seq_to"]
    await stand.put(entry(str(uuid4()), **more), "inter_agency")
    found = await _raw(stand, wfp, f"{FEED}/changes?after={before}")
    head, _, body = found.partition(b"\r\n\r\n")
    page = json.loads(gzip.decompress(body))
    assert [change["seq"] for change in page["changes"]] == [before + 1]
    assert b"content-encoding: gzip" in head.lower()
    # In production one more header goes out with it.
    assert len(found) + len(HSTS) <= most
    assert b"x-content-type-options: nosniff" in head
    assert b"frame-ancestors 'none'" in head


async def test_the_manifest_names_the_newest_checkpoint_of_the_log(stand: Stand) -> None:
    await stand.run(
        "INSERT INTO log_checkpoints (size, previous, root, note) "
        "VALUES (123456, 0, sha256('x'), 'x') ON CONFLICT DO NOTHING RETURNING size"
    )
    await stand.put(entry(str(uuid4())), "inter_agency")
    log = (await manifest(await stand.api()))["log"]
    assert (log["origin"], log["size"]) == ("127.0.0.1:8000/log", 123456)
    assert base64.b64decode(log["root"]) == hashlib.sha256(b"x").digest()


async def test_every_body_has_its_digest_and_a_strong_tag(stand: Stand) -> None:
    await stand.put(entry(str(uuid4())), "inter_agency")
    wfp = await stand.api()
    named = await index(wfp)
    chunk = next(item["sha256"] for item in named["chunks"] if item["sha256"])
    for path, caching in (
        ("manifest", "private, no-cache"),
        ("files", "private, no-cache"),
        (f"chunks/{chunk}", "private, max-age=31536000, immutable"),
    ):
        answer = await wfp.get(f"{FEED}/{path}")
        digest = base64.b64encode(hashlib.sha256(answer.content).digest()).decode()
        assert answer.headers["repr-digest"] == f"sha-256=:{digest}:"
        assert answer.headers["cache-control"] == caching
        tag = answer.headers["etag"]
        assert tag.startswith('"')
        again = await wfp.get(f"{FEED}/{path}", headers={"If-None-Match": tag})
        assert (again.status_code, again.headers["etag"]) == (304, tag)


async def test_a_page_is_compressed_for_who_asks_and_has_a_tag_of_its_own(stand: Stand) -> None:
    wfp = await stand.api()
    await stand.put(entry(str(uuid4())), "inter_agency")
    last = (await manifest(wfp))["seq_to"]
    url = f"{FEED}/changes?after={last}"
    plain = await wfp.get(url, headers={"Accept-Encoding": "identity"})
    packed = await wfp.get(url, headers={"Accept-Encoding": "gzip"})
    assert plain.json() == packed.json()
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    tags = plain.headers["etag"], packed.headers["etag"]
    assert tags[0] != tags[1]
    for tag in tags:
        assert (await wfp.get(url, headers={"If-None-Match": tag})).status_code == 304


@pytest.mark.parametrize(
    ("header", "wanted"),
    [("gzip", True), ("br, GZIP;q=0.5", True), ("gzip;q=0", False), ("gzip;q=0.00, br", False),
     ("identity", False), ("*", False), ("", False)],
)  # fmt: skip
def test_gzip_is_sent_to_who_names_it(header: str, wanted: bool) -> None:
    scope = {"type": "http", "headers": [(b"accept-encoding", header.encode())]}
    assert takes_gzip(Request(scope)) is wanted


async def test_a_page_is_made_once_for_all_who_ask() -> None:
    pages, made = Pages(limit=3_000), list[int]()

    def make(number: int) -> Callable[[], Coroutine[Any, Any, bytes]]:
        async def work() -> bytes:
            made.append(number)
            await asyncio.sleep(0.01)
            return (b"%d" % number) * 1_000

        return work

    async def get(stream: str, head: str, number: int) -> bytes:
        return (await pages.get((stream, head, number, 1), make(number))).body

    assert (
        len({await one for one in [asyncio.ensure_future(get("a", "1", 1)) for _ in range(9)]}) == 1
    )
    await get("a", "1", 1)
    assert made == [1]
    await get("a", "1", 2)
    await get("b", "1", 3)  # the first is too much now
    await get("a", "1", 1)
    assert made == [1, 2, 3, 1]
    await get("a", "2", 1)  # a new head: pages of the old one are no use
    await get("b", "1", 3)
    assert made == [1, 2, 3, 1, 1]
    await get("a", "1", 2)
    assert made == [1, 2, 3, 1, 1, 2]


async def test_a_page_that_fails_is_tried_again() -> None:
    pages = Pages()

    async def fail() -> bytes:
        raise OSError("away")

    async def work() -> bytes:
        return b"page"

    with pytest.raises(OSError, match="away"):
        await pages.get(("a", "1", 0, 1), fail)
    assert (await pages.get(("a", "1", 0, 1), work)).body == b"page"


async def test_one_reader_that_leaves_takes_the_page_from_nobody() -> None:
    pages, go = Pages(), asyncio.Event()

    async def work() -> bytes:
        await go.wait()
        return b"page"

    first = asyncio.create_task(pages.get(("a", "1", 0, 1), work))
    second = asyncio.create_task(pages.get(("a", "1", 0, 1), work))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    go.set()
    assert (await second).body == b"page"
