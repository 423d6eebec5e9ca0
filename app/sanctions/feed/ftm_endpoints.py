"""HTTP of the feed in the form of FollowTheMoney; takes feed tokens beside access tokens."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Annotated, Any

import asyncpg
from fastapi import Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic_core import to_json

from app.auth.feed_tokens import FeedReader, reads_feed
from app.core.clock import rfc3339
from app.core.db import Database, DatabaseAway, DatabaseDep
from app.core.errors import problems
from app.core.http import RegistryRoute, not_modified
from app.core.routing import Router
from app.core.settings import Settings
from app.sanctions.feed import ftm, queries
from app.sanctions.feed.errors import StreamNotFound
from app.sanctions.feed.schemas import FtmIndexOut

router = Router(prefix="/feeds/sanctions/ftm", tags=["feed"], route_class=RegistryRoute)
Reader = Annotated[FeedReader, reads_feed()]
Stream = Annotated[
    ftm.FtmStream,
    Query(description="`inter_agency` (contains public), `public`, or `source.<code>`"),
]
Write = Callable[[Iterable[dict[str, Any]], str], bytes]
_NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "Not modified"}}


def _text(name: str, description: str) -> dict[int | str, dict[str, Any]]:
    kind = ftm.MEDIA_TYPES[name].partition(";")[0]
    schema = {"type": "string", "description": description}
    return {200: {"content": {kind: {"schema": schema}}}}


@router.get(
    "/index.json",
    operation_id="getFtmIndex",
    response_model=FtmIndexOut,
    responses=problems(StreamNotFound) | _NOT_MODIFIED,
    summary="Read the FollowTheMoney index",
)
async def get_index(
    request: Request, reader: Reader, database: DatabaseDep, stream: Stream = "inter_agency"
) -> Response:
    """Version and files of the list in FollowTheMoney form; a feed token is accepted."""
    head = await _head(request, reader, database, stream)
    etag = _etag(head, stream, "index.json")
    settings: Settings = request.app.state.settings
    at = rfc3339(head["changed_at"] or head["signed_at"])
    version = ftm.version(head["changed_at"])
    body = ftm.catalogue(stream, settings.issuer, version, at, head["count"])
    return not_modified(request, etag) or Response(
        to_json(body), media_type="application/json", headers={"ETag": etag}
    )


@router.get(
    "/entities.ftm.json",
    operation_id="getFtmEntities",
    response_class=Response,
    responses=problems(StreamNotFound) | _text(ftm.ENTITIES, "one entity a line") | _NOT_MODIFIED,
    summary="Read the list as FollowTheMoney entities",
)
async def get_entities(
    request: Request, reader: Reader, database: DatabaseDep, stream: Stream = "inter_agency"
) -> Response:
    """One entity a line, in a stable order; a feed token is accepted. An unchanged list is a 304.

    The file as a whole is one version of the list, however long it takes to read.
    """
    return await _file(request, reader, database, stream, ftm.ENTITIES)


@router.get(
    "/targets.simple.csv",
    operation_id="getFtmTable",
    response_class=Response,
    responses=problems(StreamNotFound)
    | _text(ftm.TABLE, "a header and one line an entry")
    | _NOT_MODIFIED,
    summary="Read the list as a table",
)
async def get_table(
    request: Request, reader: Reader, database: DatabaseDep, stream: Stream = "inter_agency"
) -> Response:
    """One line an entry, cells that no spreadsheet calculates; a feed token is accepted."""
    return await _file(request, reader, database, stream, ftm.TABLE)


async def _head(
    request: Request, reader: FeedReader, database: Database, stream: str
) -> asyncpg.Record:
    async with database.fast_read() as connection:
        row = await connection.fetchrow(queries.FTM_HEAD, reader.token.client_id, stream)
    reader.caller(request, row)
    if row["index"] is None:
        raise StreamNotFound
    return row


def _etag(head: asyncpg.Record, stream: str, name: str) -> str:
    """The same bytes have the same tag: stream, version and digest of its set, form, file."""
    return f'"{stream}-{head["version"]}-{head["set_sha256"][:32]}-{ftm.FORM}-{name}"'


async def _file(
    request: Request, reader: FeedReader, database: Database, stream: str, name: str
) -> Response:
    head = await _head(request, reader, database, stream)
    etag = _etag(head, stream, name)
    unchanged = not_modified(request, etag)
    if unchanged is not None:
        return unchanged
    chunks = [item["sha256"] for item in json.loads(head["index"])["chunks"] if item["sha256"]]
    write: Write = ftm.table_lines if name == ftm.TABLE else ftm.entity_lines
    first = ftm.table_header() if name == ftm.TABLE else b""
    return StreamingResponse(
        _pieces(database, chunks, stream, first, write),
        media_type=ftm.MEDIA_TYPES[name],
        headers={"ETag": etag},
    )


async def _pieces(
    database: Database, chunks: list[str], stream: str, first: bytes, write: Write
) -> AsyncIterator[bytes]:
    """Chunk by chunk from the immutable files of one version; no connection is held in between.

    Files that leave the set are kept for two days, so a slow reader finds the last one, too.
    """
    yield first
    for sha256 in chunks:
        async with database.fast_read() as connection:
            content = await connection.fetchval(queries.FTM_CHUNK, sha256)
        if content is None:
            # It was withdrawn while this file was being read: cut short, its reader asks again.
            raise DatabaseAway(sha256)
        yield write(map(json.loads, gzip.decompress(content).splitlines()), stream)
