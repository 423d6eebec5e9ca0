"""HTTP of the feed: keys, manifest, immutable files, changes."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import asyncpg
from fastapi import Path, Query, Request, Response
from pydantic_core import to_json

from app.auth.caller import VerifiedToken, caller_from, requires_token
from app.auth.scopes import Scope
from app.core.clock import rfc3339
from app.core.db import Database, DatabaseDep
from app.core.errors import problems
from app.core.http import RegistryRoute, bytes_etag, not_modified
from app.core.routing import Router
from app.sanctions.feed import queries
from app.sanctions.feed.errors import (
    CursorAhead,
    FileNotFound,
    FullSyncRequired,
    KeysNotPublished,
    StreamNotFound,
)
from app.sanctions.feed.schemas import ChangesOut, ChangesQuery, KeysOut, StreamName

router = Router(prefix="/feeds/sanctions", tags=["feed"], route_class=RegistryRoute)
Reader = Annotated[VerifiedToken, requires_token(Scope.FEED_READ)]
Digest = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$", examples=["e3" * 32])]
_POLL_S = 0.25
_JOSE = "application/jose"


def _content(media_type: str, **schema: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {media_type: {"schema": {"type": "string", **schema}}}}}


@router.get(
    "/keys",
    operation_id="getFeedKeys",
    response_model=KeysOut,
    responses=problems(KeysNotPublished),
    summary="Read the signed keys document",
)
async def get_keys(request: Request, token: Reader, database: DatabaseDep) -> Response:
    """Keys that manifests and receipts are signed with, signed by two of three offline keys."""
    async with database.fast_read() as connection:
        row = await connection.fetchrow(queries.KEYS, token.client_id)
    caller_from(request, token, row, Scope.FEED_READ)
    if row["document"] is None:
        raise KeysNotPublished
    body = row["document"].encode()
    etag = bytes_etag(body)
    return not_modified(request, etag) or Response(
        body, media_type="application/jose+json", headers={"ETag": etag}
    )


@router.get(
    "/manifest",
    operation_id="getFeedManifest",
    response_class=Response,
    responses=problems(StreamNotFound)
    | _content(_JOSE, description="compact JWS")
    | {304: {"description": "Not modified"}},
    summary="Read the signed manifest",
)
async def get_manifest(
    request: Request, token: Reader, database: DatabaseDep, stream: StreamName = "inter_agency"
) -> Response:
    """What the stream holds now: version, last number, digest, times; a JWS under 1,200 bytes."""
    head = await _head(request, token, database, stream)
    body = head["manifest"].encode()
    etag = bytes_etag(body)
    return not_modified(request, etag) or Response(body, media_type=_JOSE, headers={"ETag": etag})


async def _head(
    request: Request, token: VerifiedToken, database: Database, stream: str
) -> asyncpg.Record:
    async with database.fast_read() as connection:
        row = await connection.fetchrow(queries.HEAD, token.client_id, stream)
    caller_from(request, token, row, Scope.FEED_READ)
    if row["manifest"] is None:
        raise StreamNotFound
    return row


@router.get(
    "/chunks/{sha256}",
    operation_id="getFeedFile",
    response_class=Response,
    responses=problems(FileNotFound)
    | {
        200: {
            "content": {
                "application/gzip": {"schema": {"type": "string", "format": "binary"}},
                "application/json": {"schema": {"type": "object"}},
            }
        },
        304: {"description": "Not modified"},
    },
    summary="Read an immutable file",
)
async def get_file(
    request: Request, sha256: Digest, token: Reader, database: DatabaseDep
) -> Response:
    """A chunk (gzip of canonical lines) or an index, named by the SHA-256 of its bytes."""
    async with database.fast_read() as connection:
        row = await connection.fetchrow(queries.BLOB, token.client_id, sha256)
    caller_from(request, token, row, Scope.FEED_READ)
    if row["content"] is None:
        raise FileNotFound
    etag = f'"{sha256}"'
    return not_modified(request, etag) or Response(
        row["content"],
        media_type=row["media_type"],
        headers={"ETag": etag, "Cache-Control": "private, max-age=31536000, immutable"},
    )


@router.get(
    "/changes",
    operation_id="getFeedChanges",
    response_model=ChangesOut,
    responses=problems(StreamNotFound, FullSyncRequired, CursorAhead)
    | {304: {"description": "Nothing new since the manifest with this ETag"}},
    summary="Read changes after a cursor",
)
async def get_changes(
    request: Request,
    token: Reader,
    database: DatabaseDep,
    wanted: Annotated[ChangesQuery, Query()],
) -> Response:
    """Changes with a number above `after`; `wait` seconds for the first one if there is none."""
    head = await _head(request, token, database, wanted.stream)
    if head["seq_to"] < wanted.after:
        raise CursorAhead
    if wanted.wait and head["seq_to"] == wanted.after:
        await _wait(database, wanted)
        head = await _head(request, token, database, wanted.stream)
    etag = bytes_etag(head["manifest"].encode())
    # Only who is at the end may hear "nothing new"; the tag is the manifest's own.
    unchanged = not_modified(request, etag) if head["seq_to"] == wanted.after else None
    if unchanged is not None:
        return unchanged
    async with database.fast_read() as connection:
        rows = await connection.fetch(
            queries.CHANGES, wanted.stream, wanted.after, head["seq_to"], wanted.limit
        )
    missed = rows[0]["seq"] != wanted.after + 1 if rows else head["seq_to"] > wanted.after
    if missed:
        raise FullSyncRequired
    return Response(
        _page(wanted, rows, head), media_type="application/json", headers={"ETag": etag}
    )


async def _wait(database: Database, wanted: ChangesQuery) -> None:
    """Until the stream moves or the time is over; holds no connection in between."""
    deadline = asyncio.get_running_loop().time() + wanted.wait
    while asyncio.get_running_loop().time() < deadline:
        async with database.fast_read() as connection:
            if await connection.fetchval(queries.SEQ_TO, wanted.stream) != wanted.after:
                return
        await asyncio.sleep(_POLL_S)


def _page(wanted: ChangesQuery, rows: list[asyncpg.Record], head: asyncpg.Record) -> bytes:
    # Entries are put in as the canonical bytes they are, not parsed and written again.
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
        b"true" if last < head["seq_to"] else b"false",
        to_json(head["manifest"]),
    )
