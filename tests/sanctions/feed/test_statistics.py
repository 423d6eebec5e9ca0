"""The word statistics of screening travel with the list that all read."""

from __future__ import annotations

import gzip
from typing import Any
from uuid import uuid4

from app.sanctions.screening import statistics
from app.worker import _attach
from partner_registry_matcher import load
from tests.sanctions.feed.conftest import FEED, Stand, entry, index


async def test_they_are_named_in_the_index_and_named_again_after_a_count_cut_off(
    stand: Stand,
) -> None:
    wfp = await stand.api()
    await stand.put(entry(str(uuid4())), statistics.STREAM)
    publish = _attach(stand.feed)
    # A process may have counted already: a day later it is counted anew.
    await statistics.keep_counted(stand.worker)
    await stand.run(
        "UPDATE screening_statistics SET counted_at = now() - interval '2 d' RETURNING 1"
    )
    await stand.put(entry(str(uuid4())), statistics.STREAM)
    assert await statistics.keep_counted(stand.worker, publish)
    async with stand.worker.connection() as connection:
        newest = await statistics.newest(connection)
        assert newest is not None
        named = _named(await index(wfp))
        file = await wfp.get(f"{FEED}/chunks/{named['sha256']}")
        assert load(gzip.decompress(file.content)).version == newest.version
        await stand.feed.attach(connection, statistics.STREAM, statistics.ATTACHMENT, None)
    assert not _named_so(await index(wfp))
    await statistics.publish_newest(stand.worker, publish)
    assert _named(await index(wfp)) == named


def _named_so(content: dict[str, Any]) -> list[Any]:
    return [a for a in content.get("attachments", ()) if a["name"] == statistics.ATTACHMENT]


def _named(content: dict[str, Any]) -> Any:
    [found] = _named_so(content)
    return found
