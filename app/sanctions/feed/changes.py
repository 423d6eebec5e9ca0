"""The answer to who asks for changes: at once, or when there is one."""

from __future__ import annotations

from functools import partial

import asyncpg
from fastapi import Request, Response
from pydantic_core import to_json

from app.auth.caller import VerifiedToken
from app.core.clock import rfc3339
from app.core.db import Database, database_of
from app.core.http import LEAN, bytes_etag, not_modified, takes_gzip
from app.core.limits import release
from app.sanctions.feed import queries
from app.sanctions.feed.errors import CursorAhead, FullSyncRequired
from app.sanctions.feed.reading import Head, feed_of, find_head, head_from, note_reading, shown
from app.sanctions.feed.schemas import ChangesQuery

_JSON = "application/json"
_VARY = "Accept-Encoding"


async def answer_changes(request: Request, token: VerifiedToken, wanted: ChangesQuery) -> Response:
    """Raises CursorAhead, FullSyncRequired, FeedBusy, and as `find_head`."""
    request.scope[LEAN] = True
    stream = wanted.stream
    if wanted.wait:
        # Who waits takes nothing of its agency's share of the pool, nor while heads are read
        # for many at once.
        release(request.scope)
    head = await find_head(request, token, stream)
    if head.seq_to < wanted.after:
        raise CursorAhead
    if wanted.wait and head.seq_to == wanted.after:
        stored = head.stream
        del head  # who waits keeps nothing that it can have again
        row = await feed_of(request).waiting.wait(
            request.scope,
            stored,
            wanted.after,
            wanted.wait,
            token.client_id,
            token.agency or token.client_id,
        )
        head = (
            await find_head(request, token, stream)
            if row is None
            else head_from(request, token, stored, row)
        )
    etag = bytes_etag(head.manifest.encode())
    # Other bytes, another tag.
    packed_etag = f'{etag[:-1]}z"'
    # Only who is at the end may hear "nothing new"; the tag is the manifest's own.
    if head.seq_to == wanted.after:
        unchanged = not_modified(request, etag) or not_modified(request, packed_etag)
        if unchanged is not None:
            return unchanged
    make = partial(_page, database_of(request), head, wanted)
    key = (head.stream, head.manifest, wanted.after, wanted.limit)
    page = await feed_of(request).pages.get(key, make)
    if head.own is not None and head.seq_to > wanted.after:
        await note_reading(request, head.caller, after=wanted.after, seq_to=head.seq_to)
    if takes_gzip(request):
        headers = {"ETag": packed_etag, "Vary": _VARY, "Content-Encoding": "gzip"}
        return Response(page.packed, media_type=_JSON, headers=headers)
    return Response(page.body, media_type=_JSON, headers={"ETag": etag, "Vary": _VARY})


async def _page(database: Database, head: Head, wanted: ChangesQuery) -> bytes:
    """Raises FullSyncRequired when the changes after the cursor are not kept."""
    async with shown(database, head.own) as connection:
        rows = await connection.fetch(
            queries.CHANGES, head.stream, wanted.after, head.seq_to, wanted.limit
        )
    missed = rows[0]["seq"] != wanted.after + 1 if rows else head.seq_to > wanted.after
    if missed:
        raise FullSyncRequired
    return page_bytes(wanted, rows, head)


def page_bytes(wanted: ChangesQuery, rows: list[asyncpg.Record], head: Head) -> bytes:
    """A page as it goes out, its entries as the canonical bytes they are."""
    changes = [
        b'{"seq":%d,"op":%s,"entry_id":%s,"entry":%s,"reason":%s,"at":%s}'
        % (
            row["seq"],
            to_json(row["op"]),
            to_json(row["entry_id"]),
            row["entry"] or b"null",
            to_json(row["reason"]),
            to_json(rfc3339(row["at"])),
        )
        for row in rows
    ]
    last = rows[-1]["seq"] if rows else wanted.after
    return b'{"stream":%s,"from":%d,"to":%d,"changes":[%s],"more":%s,"manifest":%s}' % (
        to_json(wanted.stream),
        wanted.after,
        last,
        b",".join(changes),
        b"true" if last < head.seq_to else b"false",
        to_json(head.manifest),
    )
