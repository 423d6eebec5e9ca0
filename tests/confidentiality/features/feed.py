"""The feed in the matrix: rows of an agency's own stream are that agency's."""

from __future__ import annotations

from sqlalchemy import text

from app.sanctions.feed.build import own_stream
from tests.confidentiality.model import Facts, Row, Table, Who
from tests.confidentiality.rules import EVERYONE, Rule, plain
from tests.confidentiality.scene import AGENCIES, Scene

_ENTRY = b'{"entry_id":"canary-own-entry"}'


async def prepare(scene: Scene) -> None:
    """A RESTRICTED measure in the owner's own stream, and files of it; it is numbered later."""
    owner = scene.world.agencies[AGENCIES["owner"]]
    for stream in (own_stream(owner), "public"):
        values = {"stream": stream, "sha": f"{len(stream):064x}"}
        for statement in (
            "INSERT INTO feed_deltas (stream, seq_from, seq_to, sha256, bytes, raw_sha256, "
            "raw_bytes, count) VALUES (:stream, 0, 1000, :sha, 1, :sha, 1, 1)",
            "INSERT INTO feed_attachments (stream, name, sha256, bytes, raw_sha256, raw_bytes) "
            "VALUES (:stream, 'matrix', :sha, 1, :sha, 1)",
            "INSERT INTO feed_versions (stream, seq_to, version, at, index_sha256) "
            "VALUES (:stream, -1, '20010101000000-000', '2001-01-01T00:00:00Z', :sha)",
        ):
            async with scene.operator.session() as session:
                await session.execute(text(statement), values)
    # Whoever asks for one that is listed no more gets the next.
    scene.ids["ftm_version"] = "20010101000000-000"
    async with scene.operator.session() as session:
        await session.execute(
            text(
                "INSERT INTO feed_pending (entry_id, op, entry, streams) "
                "VALUES ('canary-own-entry', 'put', :entry, ARRAY[:stream])"
            ),
            {"entry": _ENTRY, "stream": own_stream(owner)},
        )


def _shown(row: Row, who: Who, facts: Facts) -> bool:
    if not row["stream"].startswith("agency:"):
        return True
    return who.agency is not None and row["stream"] == own_stream(who.agency)


RULES = {
    "getFeedFiles": Rule(plain(), EVERYONE),
    "getFtmDeltas": Rule(plain(), EVERYONE),
    "getFtmDelta": Rule(plain(version="ftm_version"), EVERYONE),
}
TABLES = {
    "feed_changes": Table(("stream", "seq"), select=_shown),
    "feed_entries": Table(("stream", "entry_id"), select=_shown),
    "feed_chunks": Table(("stream", "bucket"), select=_shown),
    "feed_blobs": Table(("stream", "sha256"), select=_shown),
    "feed_heads": Table(("stream",), select=_shown),
    "feed_deltas": Table(("stream", "seq_from", "seq_to"), select=_shown),
    "feed_attachments": Table(("stream", "name"), select=_shown),
    "feed_versions": Table(("stream", "seq_to"), select=_shown),
}
