"""HTTP of the feed in the form of FollowTheMoney; takes feed tokens beside access tokens."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import Depends, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic_core import from_json, to_json

from app.auth.caller import Caller
from app.auth.feed_tokens import FeedReader, reads_feed
from app.core.clock import rfc3339
from app.core.db import Database, DatabaseDep
from app.core.errors import problems
from app.core.http import RegistryRoute, bytes_etag, not_modified
from app.core.routing import Router
from app.core.settings import Settings
from app.sanctions.feed import build, ftm, ftm_files, queries
from app.sanctions.feed.errors import FileNotFound, StreamNotFound
from app.sanctions.feed.ftm_writing import Version, chunks_of, content_of, operations, pieces
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
AskedVersion = Annotated[
    str | None,
    Query(pattern=_VERSION, description="one that the index named within two hours; else newest"),
]
OfVersion = Annotated[str, Path(pattern=_VERSION, examples=["20261122093000-3f9"])]
_NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "Not modified"}}


@dataclass(frozen=True, slots=True)
class _Head:
    """A version of a stream, who asks for it, and what its index says."""

    caller: Caller
    of: Version
    count: int
    purges: int
    version: str
    index_sha256: str
    files: dict[str, Any] | None


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
    version: AskedVersion = None,
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
    at = rfc3339(head.of.at)
    index = ftm_files.catalogue(stream, _base(request), head.version, at, head.count, head.files)
    return _small(request, index)


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
    async with shown(database, head.of.own) as connection:
        rows = await connection.fetch(queries.FTM_VERSIONS, head.of.stream)
    return _small(request, ftm_files.deltas(stream, _base(request), rows))


@router.get(
    "/entities.ftm.json",
    operation_id="getFtmEntities",
    response_class=Response,
    responses=problems(StreamNotFound, FileNotFound)
    | _text(ftm_files.MEDIA_TYPES[ftm_files.ENTITIES], "one entity a line")
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
    async with shown(database, head.of.own) as connection:
        step = await connection.fetchrow(queries.FTM_STEP, head.of.stream, version)
    if step is None:
        raise FileNotFound
    low, up_to = step["seq_from"], replace(head.of, seq_to=step["seq_to"], at=step["at"])
    # What is purged is taken out of the changes of the past, too.
    etag = f'"{up_to.stream}-{low}-{up_to.seq_to}-{head.purges}-{ftm.FORM}"'
    unchanged = not_modified(request, etag)
    if unchanged is not None:
        return unchanged
    await _note(request, head, ftm_files.DELTA)
    return StreamingResponse(
        operations(database, up_to, low),
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
    of = Version(stream, caller.agency_id if own else None, row["seq_to"], row["changed_at"])
    about = {name: row[name] for name in ("count", "purges", "version", "index_sha256")}
    return _Head(caller, of, **about, files=from_json(row["files"]) if row["files"] else None)


async def _note(request: Request, head: _Head, name: str) -> None:
    if head.of.own is not None:
        await note_reading(request, head.caller, file=name, version=head.version)


async def _file(of: Wanted, name: str) -> Response:
    request, database = of.request, of.database
    head = await _find(request, of.reader, database, of.stream, of.version)
    # The index names the digests of all its files: the same one means the same bytes.
    etag = f'"{head.index_sha256[:32]}-{ftm.FORM}-{name}"'
    unchanged = not_modified(request, etag)
    if unchanged is not None:
        return unchanged
    index = await content_of(database, head.of, head.index_sha256)
    if index is None:
        raise FileNotFound
    await _note(request, head, name)
    return StreamingResponse(
        pieces(database, head.of, chunks_of(index), name),
        media_type=ftm_files.MEDIA_TYPES[name],
        headers={"ETag": etag},
    )
