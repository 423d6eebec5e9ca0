"""HTTP of the feed: keys, manifest, immutable files, changes."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query, Request, Response
from pydantic import Field

from app.auth.caller import VerifiedToken, caller_from, requires_token
from app.auth.scopes import Scope
from app.core.db import DatabaseDep
from app.core.errors import problems
from app.core.http import (
    RegistryRoute,
    bytes_etag,
    digest_field,
    not_modified,
    repr_digest,
)
from app.core.routing import Router
from app.core.schemas import QueryInt
from app.sanctions.feed import build, deltas, queries
from app.sanctions.feed.changes import answer_changes
from app.sanctions.feed.errors import (
    CursorAhead,
    FeedBusy,
    FileNotFound,
    FileWithdrawn,
    FullSyncRequired,
    KeysNotPublished,
    KeysVersionUnknown,
    StreamNotFound,
)
from app.sanctions.feed.reading import (
    find_head,
    note_reading,
    reads_own,
    shown,
)
from app.sanctions.feed.schemas import (
    ChangesOut,
    ChangesQuery,
    FeedFilesOut,
    KeysOut,
    StreamName,
)

router = Router(prefix="/feeds/sanctions", tags=["feed"], route_class=RegistryRoute)
Reader = Annotated[VerifiedToken, requires_token(Scope.FEED_READ)]
Digest = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$", examples=["e3" * 32])]
KeysVersion = Annotated[
    QueryInt | None, Field(ge=1, le=2**53), Query(description="an older document; default: newest")
]
IMMUTABLE = "max-age=31536000, immutable"
_JOSE = "application/jose"
_JSON = "application/json"
_NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "Not modified"}}


def _content(media_type: str, **schema: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {media_type: {"schema": {"type": "string", **schema}}}}}


def _answer(request: Request, body: bytes, media_type: str) -> Response:
    etag = bytes_etag(body)
    return not_modified(request, etag) or Response(
        body, media_type=media_type, headers={"ETag": etag, "Repr-Digest": repr_digest(body)}
    )


@router.get(
    "/keys",
    operation_id="getFeedKeys",
    response_model=KeysOut,
    responses=problems(KeysNotPublished, KeysVersionUnknown) | _NOT_MODIFIED,
    summary="Read the signed keys document",
)
async def get_keys(
    request: Request, token: Reader, database: DatabaseDep, version: KeysVersion = None
) -> Response:
    """Keys that manifests and receipts are signed with, signed by two of three offline keys.

    An older `version` is for clients that trust a root which has since been replaced: they go
    from document to document.
    """
    async with database.fast_read() as connection:
        row = await connection.fetchrow(queries.KEYS, token.client_id, version)
    caller_from(request, token, row, Scope.FEED_READ)
    if row["document"] is None:
        raise KeysNotPublished if version is None else KeysVersionUnknown
    return _answer(request, row["document"].encode(), "application/jose+json")


@router.get(
    "/manifest",
    operation_id="getFeedManifest",
    response_class=Response,
    responses=problems(StreamNotFound) | _content(_JOSE, description="compact JWS") | _NOT_MODIFIED,
    summary="Read the signed manifest",
)
async def get_manifest(
    request: Request, token: Reader, stream: StreamName = "inter_agency"
) -> Response:
    """What the stream holds now: version, last number, digest, times; a JWS under 1,200 bytes."""
    head = await find_head(request, token, stream)
    return _answer(request, head.manifest.encode(), _JOSE)


@router.get(
    "/files",
    operation_id="getFeedFiles",
    response_model=FeedFilesOut,
    responses=problems(StreamNotFound) | _NOT_MODIFIED,
    summary="List skip deltas and withdrawn files",
)
async def get_files(
    request: Request, token: Reader, database: DatabaseDep, stream: StreamName = "inter_agency"
) -> Response:
    """For who is far behind, files with many changes at once; and which files to delete.

    Not signed: what a copy must arrive at is in the manifest.
    """
    head = await find_head(request, token, stream)
    async with shown(database, head.own) as connection:
        body = await deltas.listing(connection, head.stream)
    return _answer(request, body, _JSON)


@router.get(
    "/chunks/{sha256}",
    operation_id="getFeedFile",
    response_class=Response,
    responses=problems(FileNotFound, FileWithdrawn)
    | {
        200: {
            "content": {
                "application/gzip": {"schema": {"type": "string", "format": "binary"}},
                "application/json": {"schema": {"type": "object"}},
            }
        },
    }
    | _NOT_MODIFIED,
    summary="Read an immutable file",
)
async def get_file(
    request: Request, sha256: Digest, token: Reader, database: DatabaseDep
) -> Response:
    """A chunk, a skip delta or an attachment (gzip) or an index, named by the SHA-256 of its bytes.

    One that held an annulled or a wrong entry is withdrawn: 410, delete every copy.
    """
    async with database.fast_read() as connection:
        row = await connection.fetchrow(queries.BLOB, token.client_id, sha256)
    caller = caller_from(request, token, row, Scope.FEED_READ)
    found, own = row, False
    if row["content"] is None and reads_own(caller):
        async with shown(database, caller.agency_id) as connection:
            stream = build.own_stream(caller.agency_id)
            kept = await connection.fetchrow(queries.BLOB_OF, stream, sha256)
        if kept is not None:
            found, own = kept, True
    if found["withdrawn"]:
        raise FileWithdrawn
    if found["content"] is None:
        raise FileNotFound
    etag = f'"{sha256}"'
    unchanged = not_modified(request, etag)
    if unchanged is not None:
        return unchanged
    if own:
        await note_reading(request, caller, file=sha256)
    return Response(
        found["content"],
        media_type=found["media_type"],
        headers={
            "ETag": etag,
            "Cache-Control": f"private, {IMMUTABLE}",
            "Repr-Digest": digest_field(bytes.fromhex(sha256)),
        },
    )


@router.get(
    "/changes",
    operation_id="getFeedChanges",
    response_model=ChangesOut,
    responses=problems(StreamNotFound, FullSyncRequired, CursorAhead, FeedBusy)
    | {304: {"description": "Nothing new since the manifest with this ETag"}},
    summary="Read changes after a cursor",
)
async def get_changes(
    request: Request,
    token: Reader,
    wanted: Annotated[ChangesQuery, Query()],
) -> Response:
    """Changes with a number above `after`; `wait` seconds for the first one if there is none."""
    # One that waits seldom comes to here: see waiting_road.
    return await answer_changes(request, token, wanted)
