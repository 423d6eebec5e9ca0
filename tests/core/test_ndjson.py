"""Streams of lines: cut, parsed and stored chunk by chunk, by routes that opt in and no other."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request
from sqlalchemy import text

from app.auth.caller import Caller, requires
from app.auth.scopes import Scope
from app.auth.streams import Stream, requires_stream
from app.cli import protocol
from app.core import middleware
from app.core.http import RegistryRoute
from app.core.ndjson import CHUNK, MAX_LINE, Line, NdjsonRoute, read_chunks
from app.core.settings import Settings
from app.main import create_app
from tests.sockets import served
from tests.support import World, plain_client, resident, token_for

_KIND = {"Content-Type": "application/x-ndjson"}
Given = Annotated[Stream, requires_stream(Scope.PARTNERS_WRITE)]
lines = APIRouter(route_class=NdjsonRoute)
plain = APIRouter(route_class=RegistryRoute)


async def _chunks(*pieces: bytes, size: int = CHUNK) -> list[list[Line]]:
    """What `read_chunks` makes of a body that comes in these pieces."""
    messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    messages.append({"type": "http.request", "body": b"", "more_body": False})
    waiting = iter(messages)

    async def receive() -> Any:
        return next(waiting)

    request = Request({"type": "http", "headers": []}, receive)
    return [chunk async for chunk in read_chunks(request, size)]


async def test_lines_are_numbered_however_the_bytes_come() -> None:
    body = b'{"a": 1}\n\n  \r\n{"b": "\xc3\xa9"}\r\n[1]\n"last"'
    expected = [Line(1, {"a": 1}), Line(4, {"b": "é"}), Line(5, [1]), Line(6, "last")]
    for size in (1, 2, 7, len(body)):
        pieces = [body[start : start + size] for start in range(0, len(body), size)]
        found = await _chunks(*pieces)
        assert [line for chunk in found for line in chunk] == expected, size
    assert await _chunks(b"") == []
    assert await _chunks(b"\n\n\n") == []


async def test_a_chunk_holds_at_most_its_lines_and_about_a_megabyte() -> None:
    many = await _chunks(b"1\n" * (2 * CHUNK + 3))
    assert [len(chunk) for chunk in many] == [CHUNK, CHUNK, 3]
    assert many[2][-1].number == 2 * CHUNK + 3
    heavy = await _chunks((b'"' + b"x" * 60_000 + b'"\n') * 40)
    assert [len(chunk) for chunk in heavy] == [17, 17, 6]


@pytest.mark.parametrize(
    "bad",
    [b"{", b'{"a": NaN}', b'{"a": 1, "a": 2}', b"\xff", b"\xef\xbb\xbf1", b"[" * 40 + b"]" * 40,
     b'{"a": 1e999}', b"1 2", b"'a'", b'"\xed\xa0\x80"', b"9" * 5_000],
)  # fmt: skip
async def test_a_bad_line_is_reported_for_that_line_alone(bad: bytes) -> None:
    (chunk,) = await _chunks(b"1\n" + bad + b"\n3\n")
    assert chunk == [Line(1, 1), Line(2, None, "malformed_json"), Line(3, 3)]


async def test_a_line_too_long_is_skipped_and_costs_no_memory() -> None:
    fits = b'"' + b"x" * (MAX_LINE - 2) + b'"'
    for pieces in (
        [b"1\n" + b"x" * (MAX_LINE + 1) + b"\n" + fits + b"\n4"],
        [b"1\n", b"x" * MAX_LINE, b"x" * MAX_LINE, b"x" * MAX_LINE, b"x\n" + fits + b"\n4"],
        [b"1\n" + b"x" * MAX_LINE, b"x", b"\n" + fits + b"\n4\n"],
    ):
        (chunk,) = await _chunks(*pieces)
        assert chunk == [
            Line(1, 1), Line(2, None, "line_too_long"), Line(3, "x" * (MAX_LINE - 2)), Line(4, 4),
        ]  # fmt: skip
    (last,) = await _chunks(b"1\n" + b"x" * MAX_LINE, b"x" * MAX_LINE)
    assert last == [Line(1, 1), Line(2, None, "line_too_long")]


# ------------------------------------------------------------------------------ a route of lines


@lines.post("/lines")
async def take_lines(request: Request, stream: Given, pause: float = 0) -> dict[str, Any]:
    """Store a row for each line; a line that says "fail" undoes its chunk."""
    stored = 0
    bad: list[dict[str, Any]] = []
    async for chunk in read_chunks(request):
        await asyncio.sleep(pause)
        try:
            async with stream.chunk() as (session, caller):
                for line in chunk:
                    if line.fault:
                        bad.append({"line": line.number, "code": line.fault})
                        continue
                    if line.value == "fail":
                        raise LookupError
                    if isinstance(line.value, dict):
                        await session.execute(
                            text(
                                "INSERT INTO assertion_replays (client_id, jti, expires_at) "
                                "VALUES (:client, :mark, now())"
                            ),
                            {"client": caller.client_id, "mark": line.value["id"]},
                        )
                stored += len(chunk)
        except LookupError:
            bad.append({"line": chunk[0].number, "code": "undone"})
    return {"taken": stored, "bad": bad}


@plain.post("/documents")
async def take_document(
    body: dict[str, Any], caller: Annotated[Caller, requires(Scope.PARTNERS_WRITE)]
) -> dict[str, Any]:
    """An ordinary route."""
    return body


@asynccontextmanager
async def _application(settings: Settings) -> AsyncIterator[FastAPI]:
    app = create_app(settings)
    app.include_router(lines, prefix="/v1")
    app.include_router(plain, prefix="/v1")
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture(scope="module")
async def streaming(settings: Settings, world: World) -> AsyncIterator[FastAPI]:
    async with _application(settings) as app:
        yield app


@pytest.fixture
async def caller(streaming: FastAPI, world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with plain_client(streaming) as client:
        token = await token_for(streaming, "WFP", world.secrets["WFP"])
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


async def test_only_a_route_that_opts_in_takes_lines(caller: httpx.AsyncClient) -> None:
    for path, kind, status in (
        ("/v1/lines", "application/x-ndjson", 200),
        ("/v1/lines", 'Application/X-NDJSON; charset="UTF-8"', 200),
        ("/v1/lines", "application/json", 415),
        ("/v1/lines", "application/x-ndjson; charset=latin1", 415),
        ("/v1/documents", "application/x-ndjson", 415),
        ("/v1/documents", "application/json", 200),
        ("/v1/partners", "application/x-ndjson", 415),
        ("/v1/nowhere", "application/x-ndjson", 404),
        ("/livez", "application/x-ndjson", 415),
        ("/oauth/token", "application/x-ndjson", 415),
    ):
        headers = {"Content-Type": kind, "Idempotency-Key": secrets.token_hex(16)}
        answer = await caller.post(path, content=b"{}", headers=headers)
        assert answer.status_code == status, (path, kind, answer.text)
        if status == 415:
            assert answer.json()["instance"] == f"urn:request:{answer.headers['x-request-id']}"
    packed = {**_KIND, "Content-Encoding": "gzip"}
    assert (await caller.post("/v1/lines", content=b"x", headers=packed)).status_code == 415
    assert (await caller.post("/v1/lines")).status_code == 415


async def test_a_stream_larger_than_a_document_is_taken(caller: httpx.AsyncClient) -> None:
    body = b'"' + b"x" * 1_000 + b'"\n'
    answer = await caller.post("/v1/lines", content=body * 1_000, headers=_KIND)
    assert answer.json() == {"taken": 1_000, "bad": []}


async def test_a_stream_has_an_end(
    caller: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(middleware, "MAX_STREAM", 100_000)

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"1\n" * 10_000

    answer = await caller.post("/v1/lines", content=endless(), headers=_KIND)
    assert answer.status_code == 413
    claimed = {**_KIND, "Content-Length": "100001"}
    assert (await caller.post("/v1/lines", content=b"1", headers=claimed)).status_code == 413


async def test_a_chunk_that_fails_undoes_itself_alone(
    caller: httpx.AsyncClient, streaming: FastAPI
) -> None:
    marks = [secrets.token_hex(12) for _ in range(3)]
    first = [json.dumps({"id": marks[0]})] + ["1"] * (CHUNK - 1)
    second = [json.dumps({"id": marks[1]}), '"fail"'] + ["1"] * (CHUNK - 2)
    third = [json.dumps({"id": marks[2]}), "{"]
    body = "\n".join(first + second + third).encode()
    answer = await caller.post("/v1/lines", content=body, headers=_KIND)
    assert answer.json()["taken"] == CHUNK + 2
    assert answer.json()["bad"] == [
        {"line": CHUNK + 1, "code": "undone"},
        {"line": 2 * CHUNK + 2, "code": "malformed_json"},
    ]
    async with streaming.state.database.session() as session:
        stored = await session.scalars(
            text("SELECT jti FROM assertion_replays WHERE jti = ANY(:marks)"),
            {"marks": marks},
        )
        assert set(stored) == {marks[0], marks[2]}


async def test_a_stopped_client_is_stopped_at_its_next_chunk(
    streaming: FastAPI, world: World, operator_database: Any
) -> None:
    token = await token_for(streaming, "FAO_REVIEWER", world.secrets["FAO_REVIEWER"])
    set_status = "UPDATE clients SET status = $1 WHERE id = 'FAO_REVIEWER'"
    sent = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"1\n" * CHUNK
        await asyncio.sleep(0.2)
        async with operator_database.connection() as connection:
            await connection.execute(set_status, "revoked")
        sent.set()
        yield b"1\n" * CHUNK

    async with plain_client(streaming) as client:
        headers = {**_KIND, "Authorization": f"Bearer {token}"}
        try:
            answer = await client.post("/v1/lines", content=body(), headers=headers)
        finally:
            async with operator_database.connection() as connection:
                await connection.execute(set_status, "active")
    assert sent.is_set()
    assert answer.status_code == 401
    assert streaming.state.limits.bulkhead._held == {}


async def test_a_stream_needs_its_scope(streaming: FastAPI, world: World) -> None:
    token = await token_for(streaming, "WFP", world.secrets["WFP"], ("partners:read",))
    async with plain_client(streaming) as client:
        headers = {**_KIND, "Authorization": f"Bearer {token}"}
        assert (await client.post("/v1/lines", content=b"1", headers=headers)).status_code == 403
        assert (await client.post("/v1/lines", content=b"1", headers=_KIND)).status_code == 401


# ------------------------------------------------------------------------------ over the wire


@pytest.fixture
async def port(streaming: FastAPI) -> AsyncIterator[int]:
    async with served(streaming) as number:
        yield number


async def _stream(
    port: int, token: str, pieces: AsyncIterator[bytes], path: str = "/v1/lines"
) -> tuple[bytes, float]:
    """Send pieces chunked; what came back, and after how long."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    started = time.monotonic()
    writer.write(
        f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n"
        "Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    )
    try:
        async for piece in pieces:
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(65_536), 30)
    except ConnectionError:
        answer = b""
    finally:
        writer.close()
    return answer, time.monotonic() - started


async def _drip(piece: bytes, every: float, seconds: float) -> AsyncIterator[bytes]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield piece
        await asyncio.sleep(every)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A window of 0.5 s and a rate of 1,000 bytes a second."""
    monkeypatch.setattr(protocol, "BODY_S", 0.5)
    monkeypatch.setattr(protocol, "STREAM_RATE", 1_000)


@pytest.mark.usefixtures("hurried")
async def test_a_sender_below_the_rate_is_cut_and_one_above_is_not(
    port: int, caller: httpx.AsyncClient
) -> None:
    token = caller.headers["Authorization"]
    answer, seconds = await _stream(port, token, _drip(b"1\n", 0.05, 4))
    assert answer == b""
    assert seconds < 2
    answer, seconds = await _stream(port, token, _drip(b"1\n" * 100, 0.05, 2))
    assert answer.startswith(b"HTTP/1.1 200"), answer
    assert seconds > 1.9, "four windows long"


@pytest.mark.usefixtures("hurried")
async def test_our_own_slowness_is_not_held_against_the_sender(
    port: int, caller: httpx.AsyncClient
) -> None:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(8):
            yield b"1\n" * 30_000

    token = caller.headers["Authorization"]
    answer, seconds = await _stream(port, token, body(), "/v1/lines?pause=0.003")
    assert answer.startswith(b"HTTP/1.1 200"), answer
    assert seconds > 1


@pytest.mark.usefixtures("hurried")
async def test_a_refused_stream_gets_no_more_time_than_any_body(
    port: int, caller: httpx.AsyncClient
) -> None:
    for token, path in (
        ("Bearer x", "/v1/lines"),
        (caller.headers["Authorization"], "/v1/partners"),
    ):
        _, seconds = await _stream(port, token, _drip(b"1\n" * 1_000, 0.02, 5), path)
        assert seconds < 2, path


async def test_a_peer_that_goes_away_leaves_nothing_behind(
    port: int, caller: httpx.AsyncClient, streaming: FastAPI
) -> None:
    token = caller.headers["Authorization"]
    for _ in range(3):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            f"POST /v1/lines HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n"
            "Content-Type: application/x-ndjson\r\nContent-Length: 100000\r\n\r\n1\n".encode()
        )
        await asyncio.sleep(0.1)
        writer.close()
    await asyncio.sleep(0.2)
    assert streaming.state.limits.bulkhead._held == {}
    assert streaming.state.database.engine.pool.checkedout() == 0


async def _memory_of(port: int, token: str, megabytes: int) -> tuple[int, float]:
    line = b'"' + b"x" * 998 + b'"\n'

    async def body() -> AsyncIterator[bytes]:
        for _ in range(megabytes * 1_000 // 64):
            yield line * 64

    before = resident()
    answer, seconds = await _stream(port, token, body())
    assert b'"bad":[]' in answer, answer
    return resident() - before, seconds


async def test_a_fast_stream_needs_no_memory_of_its_size(
    port: int, caller: httpx.AsyncClient
) -> None:
    token = caller.headers["Authorization"]
    await _memory_of(port, token, 2)
    grown, _ = await _memory_of(port, token, 50)
    assert grown < 25_000_000, "half of what was sent would already be too much"
