"""HTTP of the feed in the form of FollowTheMoney; takes feed tokens beside access tokens."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic_core import from_json, to_json

from app.auth.caller import Caller
from app.auth.feed_tokens import FeedReader, reads_feed
from app.core.clock import rfc3339
from app.core.db import Database, DatabaseAway, DatabaseDep
from app.core.errors import problems
from app.core.http import RegistryRoute, bytes_etag, not_modified
from app.core.routing import Router
from app.core.settings import Settings
from app.sanctions.feed import build, ftm, ftm_files, queries
from app.sanctions.feed.errors import FileNotFound, StreamNotFound
from app.sanctions.feed.reading import note_reading, reads_own, shown
from app.sanctions.feed.schemas import FtmDeltasOut, FtmIndexOut

router = Router(prefix="/feeds/sanctions/ftm", tags=["feed"], route_class=RegistryRoute)
Reader = Annotated[FeedReader, reads_feed()]
Stream = Annotated[
    ftm.FtmStream,
    Query(
        description="`inter_agency` (contains public), `public`, `source.<code>`, or `agency`: "
        "RESTRICTED measures of the caller's own agency, not by a feed token"
    ),
]
_VERSION = r"^[0-9]{14}-[0-9a-z]{3}$"
Version = Annotated[
    str | None,
    Query(pattern=_VERSION, description="one that the index named within two hours; else newest"),
]
OfVersion = Annotated[str, Path(pattern=_VERSION, examples=["20261122093000-3f9"])]
Write = Callable[[Iterable[dict[str, Any]], str], bytes]
_NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "Not modified"}}
_PAGE = 500


@dataclass(frozen=True, slots=True)
class _Head:
    """A version of a stream, by its stored name; ``own`` is the agency whose own it is."""

    caller: Caller
    stream: str
    own: UUID | None
    count: int
    purges: int
    version: str
    changed_at: datetime
    index_sha256: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose file of which version is asked for."""

    request: Request
    reader: FeedReader
    database: Database
    stream: str
    version: str | None


async def _wanted(
    request: Request,
    reader: Reader,
    database: DatabaseDep,
    stream: Stream = "inter_agency",
    version: Version = None,
) -> Wanted:
    return Wanted(request, reader, database, stream, version)


Of = Annotated[Wanted, Depends(_wanted)]


def _text(kind: str, description: str) -> dict[int | str, dict[str, Any]]:
    schema = {"type": "string", "description": description}
    return {200: {"content": {kind.partition(";")[0]: {"schema": schema}}}}


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
    """Version and files of the list in FollowTheMoney form, as a catalogue of one dataset.

    A feed token is accepted, as `Authorization: Token …`, too.
    """
    head = await _find(request, reader, database, stream)
    at = rfc3339(head.changed_at)
    return _small(
        request, ftm_files.catalogue(stream, _base(request), head.version, at, head.count)
    )


@router.get(
    "/delta.json",
    operation_id="getFtmDeltas",
    response_model=FtmDeltasOut,
    responses=problems(StreamNotFound) | _NOT_MODIFIED,
    summary="List FollowTheMoney versions",
)
async def get_deltas(
    request: Request, reader: Reader, database: DatabaseDep, stream: Stream = "inter_agency"
) -> Response:
    """The versions with a file of operations each; a feed token is accepted.

    A copy of any version from the oldest one listed here on is brought up to date by all later
    files in order; an older one takes the entities.
    """
    head = await _find(request, reader, database, stream)
    async with shown(database, head.own) as connection:
        rows = await connection.fetch(queries.FTM_VERSIONS, head.stream)
    return _small(request, ftm_files.deltas(stream, _base(request), rows))


@router.get(
    "/entities.ftm.json",
    operation_id="getFtmEntities",
    response_class=Response,
    responses=problems(StreamNotFound, FileNotFound)
    | _text(ftm_files.NDJSON, "one entity a line")
    | _NOT_MODIFIED,
    summary="Read the list as FollowTheMoney entities",
)
async def get_entities(of: Of) -> Response:
    """One entity a line, in a stable order; a feed token is accepted. An unchanged list is a 304.

    The file as a whole is one version of the list, however long it takes to read.
    """
    return await _file(of, ftm_files.ENTITIES)


@router.get(
    "/targets.simple.csv",
    operation_id="getFtmTable",
    response_class=Response,
    responses=problems(StreamNotFound, FileNotFound)
    | _text(ftm_files.MEDIA_TYPES[ftm_files.TABLE], "a header and one line an entry")
    | _NOT_MODIFIED,
    summary="Read the list as a table",
)
async def get_table(of: Of) -> Response:
    """One line an entry, cells that no spreadsheet calculates; a feed token is accepted."""
    return await _file(of, ftm_files.TABLE)


@router.get(
    "/{version}/entities.delta.json",
    operation_id="getFtmDelta",
    response_class=Response,
    responses=problems(StreamNotFound, FileNotFound)
    | _text(ftm_files.NDJSON, "one operation a line")
    | _NOT_MODIFIED,
    summary="Read what changed up to a FollowTheMoney version",
)
async def get_delta(
    request: Request,
    reader: Reader,
    database: DatabaseDep,
    version: OfVersion,
    stream: Stream = "inter_agency",
) -> Response:
    """Operations since the version listed before: `ADD`, `MOD` with an entity, `DEL` with its id.

    A feed token is accepted. A version that is listed no more was joined with the next one.
    """
    head = await _find(request, reader, database, stream)
    async with shown(database, head.own) as connection:
        step = await connection.fetchrow(queries.FTM_STEP, head.stream, version)
    if step is None:
        raise FileNotFound
    low, high = step["seq_from"], step["seq_to"]
    # What is purged is taken out of the changes of the past, too.
    etag = f'"{head.stream}-{low}-{high}-{head.purges}-{ftm.FORM}"'
    unchanged = not_modified(request, etag)
    if unchanged is not None:
        return unchanged
    await _note(request, head, ftm_files.DELTA)
    return StreamingResponse(
        _operations(database, head, low, high),
        media_type=ftm_files.NDJSON,
        headers={"ETag": etag},
    )


def _base(request: Request) -> str:
    settings: Settings = request.app.state.settings
    return settings.issuer


def _small(request: Request, content: dict[str, Any]) -> Response:
    body = to_json(content)
    etag = bytes_etag(body)
    return not_modified(request, etag) or Response(
        body, media_type="application/json", headers={"ETag": etag}
    )


async def _find(
    request: Request,
    reader: FeedReader,
    database: Database,
    stream: str,
    version: str | None = None,
) -> _Head:
    """Raises StreamNotFound, FileNotFound for a version that is not known, and as `caller_from`."""
    own, client_id = stream == build.OWN, reader.token.client_id
    async with database.fast_read() as connection:
        if own:
            row = await connection.fetchrow(queries.STATUS, client_id)
        else:
            row = await connection.fetchrow(queries.FTM_HEAD, stream, version, client_id)
    caller = reader.caller(request, row)
    if own:
        if not reads_own(caller):
            raise StreamNotFound
        stream = build.own_stream(caller.agency_id)
        async with shown(database, caller.agency_id) as connection:
            row = await connection.fetchrow(queries.FTM_HEAD_OF, stream, version)
    if row is None or row["count"] is None:
        raise StreamNotFound
    if row["version"] is None:
        raise FileNotFound
    of = {name: row[name] for name in ("count", "purges", "version", "changed_at", "index_sha256")}
    return _Head(caller, stream, caller.agency_id if own else None, **of)


async def _note(request: Request, head: _Head, name: str) -> None:
    if head.own is not None:
        await note_reading(request, head.caller, file=name, version=head.version)


async def _file(of: Wanted, name: str) -> Response:
    request, database = of.request, of.database
    head = await _find(request, of.reader, database, of.stream, of.version)
    # The index names the digests of all its files: the same one means the same bytes.
    etag = f'"{head.index_sha256[:32]}-{ftm.FORM}-{name}"'
    unchanged = not_modified(request, etag)
    if unchanged is not None:
        return unchanged
    index = await _content(database, head.own, head.stream, head.index_sha256)
    if index is None:
        raise FileNotFound
    chunks = [item["sha256"] for item in from_json(index)["chunks"] if item["sha256"]]
    await _note(request, head, name)
    table = name == ftm_files.TABLE
    write: Write = ftm_files.table_lines if table else ftm_files.entity_lines
    return StreamingResponse(
        _pieces(
            database,
            head.own,
            head.stream,
            chunks,
            ftm_files.table_header() if table else b"",
            write,
        ),
        media_type=ftm_files.MEDIA_TYPES[name],
        headers={"ETag": etag},
    )


async def _content(database: Database, own: UUID | None, stream: str, sha256: str) -> bytes | None:
    async with shown(database, own) as connection:
        content: bytes | None = await connection.fetchval(queries.FTM_FILE, stream, sha256)
    return content


async def _pieces(
    database: Database,
    own: UUID | None,
    stream: str,
    chunks: list[str],
    first: bytes,
    write: Write,
) -> AsyncIterator[bytes]:
    """Chunk by chunk from the immutable files of one version; no connection is held in between.

    Files that leave the set are kept for two days, so a slow reader finds the last one, too.
    """
    yield first
    for sha256 in chunks:
        content = await _content(database, own, stream, sha256)
        if content is None:
            # It was withdrawn while this file was being read: cut short, its reader asks again.
            raise DatabaseAway(sha256)
        yield await asyncio.to_thread(_written, content, stream, write)


def _written(content: bytes, stream: str, write: Write) -> bytes:
    return write(map(from_json, gzip.decompress(content).splitlines()), stream)


async def _operations(database: Database, head: _Head, low: int, high: int) -> AsyncIterator[bytes]:
    """Some hundred entries at a time, by id; no connection is held in between."""
    last = ""
    while True:
        async with shown(database, head.own) as connection:
            rows = await connection.fetch(queries.FTM_CHANGES, head.stream, low, high, last, _PAGE)
        if not rows:
            return
        yield await asyncio.to_thread(ftm_files.operation_lines, rows, head.stream)
        last = rows[-1]["entry_id"]
