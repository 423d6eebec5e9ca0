"""``registry serve`` and ``registry worker`` as the processes they are in life."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections.abc import AsyncIterator

import asyncpg
import pytest

from app.cli import protocol
from app.core.settings import Settings
from tests.cli.commands import answers, environment_of, free_port, process
from tests.sockets import served


async def test_api_and_worker_run_side_by_side(empty_database: Settings, tmp_path: object) -> None:
    port = free_port()
    beat = f"{tmp_path}/worker.heartbeat"
    env = environment_of(empty_database, REGISTRY_WORKER_HEARTBEAT_FILE=beat)
    with (
        process("serve", "--port", str(port), env=env) as api,
        process("worker", env=env) as worker,
    ):
        assert await asyncio.to_thread(answers, port, "/livez") == 200
        assert await asyncio.to_thread(answers, port, "/readyz") == 200
        assert await asyncio.to_thread(answers, port, "/v1/partners") == 401
        await _numbered(empty_database)
        for child in (worker, api):
            child.send_signal(signal.SIGTERM)
            code = await asyncio.to_thread(child.wait, 10)
            assert code in (0, -signal.SIGTERM)


async def _numbered(settings: Settings) -> None:
    """An event that is committed now has its number within two seconds of the worker's start."""
    connection = await asyncpg.connect(settings.require("database_migration_url"))
    await connection.execute(
        "INSERT INTO outbox (id, type, subject_id) VALUES (uuidv7(), 'partner.changed', uuidv7())"
    )
    for _ in range(300):
        if await connection.fetchval("SELECT max(seq) FROM outbox") == 1:
            break
        await asyncio.sleep(0.1)
    else:
        raise AssertionError("not numbered")
    await connection.close()


async def test_several_serving_processes_share_one_port(empty_database: Settings) -> None:
    port = free_port()
    env = environment_of(empty_database)
    with process("serve", "--port", str(port), "--workers", "2", env=env) as api:
        assert await asyncio.to_thread(answers, port, "/readyz") == 200
        api.send_signal(signal.SIGTERM)
        await asyncio.to_thread(api.wait, 20)
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1)


# ------------------------------------------------------------------------------ slow peers


_PIECES, _PIECE = 400, 65_536


async def _echo(scope: dict[str, str], receive: object, send: object) -> None:
    assert callable(receive)
    assert callable(send)
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        more = message.get("more_body", False)
    if scope["path"] == "/poll":
        await asyncio.sleep(1.5)  # longer than every deadline of `hurried`
    if scope["path"] == "/download":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(_PIECES):
            await send({"type": "http.response.body", "body": b"x" * _PIECE, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"done"})


@pytest.fixture
async def hurried(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """A server with short deadlines; its port."""
    monkeypatch.setattr(protocol, "HEAD_S", 0.4)
    monkeypatch.setattr(protocol, "BODY_S", 0.8)
    monkeypatch.setattr(protocol, "STALL_S", 0.5)
    async with served(_echo) as port:
        yield port


async def _closed_after(port: int, first: bytes, drip: bytes) -> float:
    """Seconds until the server closes on a peer that sends ``first``, then drips."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    started = time.monotonic()
    try:
        writer.write(first)
        while time.monotonic() - started < 5:
            if drip:
                writer.write(drip)
            try:
                async with asyncio.timeout(0.05):
                    await reader.read(1)
                break
            except TimeoutError:
                continue
            except ConnectionError:
                break
    finally:
        writer.close()
    return time.monotonic() - started


async def test_a_peer_that_sends_nothing_is_closed(hurried: int) -> None:
    assert 0.3 < await _closed_after(hurried, b"", b"") < 0.8


async def test_a_dripped_head_is_closed_though_bytes_keep_coming(hurried: int) -> None:
    head = b"GET / HTTP/1.1\r\nHost: x\r\n"
    assert 0.3 < await _closed_after(hurried, head, b"X-A: b\r\n") < 0.8


async def test_a_dripped_body_is_closed_though_bytes_keep_coming(hurried: int) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"
    assert 0.7 < await _closed_after(hurried, head, b"x") < 1.3


async def test_an_honest_peer_keeps_its_connection(hurried: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", hurried)
    for _ in range(3):
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab")
        await asyncio.sleep(0.2)
        writer.write(b"cd")
        answer = await reader.readuntil(b"0\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200")
        await asyncio.sleep(0.5)  # longer than a head may take: idle, not slow
    writer.close()


async def test_a_long_poll_is_not_cut(hurried: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", hurried)
    writer.write(b"GET /poll HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await reader.readuntil(b"0\r\n\r\n")).startswith(b"HTTP/1.1 200")
    writer.close()


async def _download(port: int, pause: float, take: int) -> int:
    """Read a large answer, ``take`` bytes at a time; how many came before the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=take)
    writer.write(b"GET /download HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    got = 0
    try:
        while piece := await reader.read(take):
            got += len(piece)
            await asyncio.sleep(pause)
    except ConnectionError:
        pass
    writer.close()
    return got


async def test_a_large_download_may_be_slow_but_must_move(hurried: int) -> None:
    whole = _PIECES * _PIECE
    assert await _download(hurried, 0.0, 1_000_000) > whole
    # Steady, and far longer in all than a stall may be.
    assert await _download(hurried, 0.03, 500_000) > whole
    # Takes a first piece and then nothing for longer than a stall: closed, and what lay in the
    # buffers of the sockets is all that came.
    reader, writer = await asyncio.open_connection("127.0.0.1", hurried, limit=1_000)
    writer.write(b"GET /download HTTP/1.1\r\nHost: x\r\n\r\n")
    await reader.read(1_000)
    await asyncio.sleep(1.5)
    got = 0
    try:
        while piece := await reader.read(1_000_000):
            got += len(piece)
    except ConnectionError:
        pass
    writer.close()
    assert got < whole
