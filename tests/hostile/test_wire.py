"""What comes over a raw socket: requests that two parsers could read in two ways, slow peers."""

from __future__ import annotations

import asyncio
import json
import re
import resource
import statistics
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from app.core.settings import Settings
from tests.cli.commands import answers, environment_of, free_port, process

_HELLO = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(scope="module")
async def port(settings: Settings) -> AsyncIterator[int]:
    """`registry serve`, the process it is in life."""
    number = free_port()
    with process("serve", "--port", str(number), env=environment_of(settings)) as child:
        assert await asyncio.to_thread(answers, number, "/livez") == 200
        assert child.stdout is not None
        reading = asyncio.create_task(asyncio.to_thread(child.stdout.read))
        yield number
        child.terminate()
        await reading


async def _talk(port: int, sent: bytes) -> list[bytes]:
    """Statuses of everything the server answers before it closes or goes quiet."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    received = b""
    try:
        async with asyncio.timeout(0.7):
            while piece := await reader.read(65_536):
                received += piece
    except (TimeoutError, ConnectionError):
        pass
    writer.close()
    assert b"server:" not in received.lower()
    assert b"uvicorn" not in received.lower()
    return re.findall(rb"HTTP/1\.1 ([0-9]{3}) ", received)


def _post(headers: bytes, body: bytes) -> bytes:
    return (
        b"POST /v1/partners HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        + headers + b"\r\n" + body
    )  # fmt: skip


_SMUGGLED = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
_SHAPES: dict[str, bytes] = {
    "both lengths": _post(
        b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n" + _SMUGGLED
    ),
    "both lengths, other order": _post(
        b"Transfer-Encoding: chunked\r\nContent-Length: 33\r\n", b"0\r\n\r\n" + _SMUGGLED
    ),
    "two lengths that differ": _post(
        b"Content-Length: 2\r\nContent-Length: 30\r\n", b"{}" + _SMUGGLED
    ),
    "a list of lengths that differ": _post(b"Content-Length: 2, 30\r\n", b"{}" + _SMUGGLED),
    "length with a sign": _post(b"Content-Length: +2\r\n", b"{}" + _SMUGGLED),
    "length in hex": _post(b"Content-Length: 0x2\r\n", b"{}" + _SMUGGLED),
    "odd encoding": _post(b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n" + _SMUGGLED),
    "two encodings": _post(
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", b"0\r\n\r\n" + _SMUGGLED
    ),
    "encoding behind another": _post(
        b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n" + _SMUGGLED
    ),
    "blank before the colon": _post(b"Content-Length : 2\r\n", b"{}" + _SMUGGLED),
    "folded header": _post(b"X: a\r\n b\r\nContent-Length : 2\r\n", b"{}" + _SMUGGLED),
    "no host": b"GET /livez HTTP/1.1\r\n\r\n" + _SMUGGLED,
    "two hosts": b"GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + _SMUGGLED,
    "NUL in a header": b"GET /livez HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n" + _SMUGGLED,
    "bare CR in a header": b"GET /livez HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n" + _SMUGGLED,
    "broken chunk size": _post(b"Transfer-Encoding: chunked\r\n", b"zz\r\n" + _SMUGGLED),
    "absolute target": b"GET http://evil.example/livez HTTP/1.1\r\nHost: x\r\n\r\n",
    "authority target": b"CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    "asterisk": b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    "TRACE": b"TRACE /livez HTTP/1.1\r\nHost: x\r\n\r\n",
    "header of 40 kB": b"GET /livez HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 40_000 + b"\r\n\r\n",
    "500 headers of 80 bytes": b"GET /livez HTTP/1.1\r\nHost: x\r\n"
    + b"".join(b"X%d: %b\r\n" % (n, b"a" * 80) for n in range(500))
    + b"\r\n",
    "target of 40 kB": b"GET /livez?" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500,
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/0.9": b"GET /livez\r\n\r\n",
}


@pytest.mark.parametrize("name", _SHAPES)
async def test_a_request_with_two_readings_is_refused_once(name: str, port: int) -> None:
    """One refusal, and what was hidden behind it is not answered."""
    statuses = await _talk(port, _SHAPES[name])
    assert len(statuses) == 1, statuses
    assert statuses[0] in (b"400", b"405", b"431", b"501"), statuses


async def test_two_honest_requests_on_one_connection_are_both_answered(port: int) -> None:
    """Proves that the test above fails for the shape and not for what follows it."""
    assert await _talk(port, _HELLO + _HELLO) == [b"200", b"200"]


async def test_the_host_a_caller_names_is_believed_nowhere(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for path in (b"/.well-known/oauth-authorization-server", b"/v1/partners", b"/nowhere"):
        named = b"Host: evil.example\r\nX-Forwarded-Host: evil.example\r\n"
        named += b"Forwarded: host=evil.example\r\n"
        writer.write(b"GET " + path + b" HTTP/1.1\r\n" + named + b"\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        body = await reader.readexactly(length)
        assert b"evil" not in head + body
        json.loads(body)
    writer.close()


# ------------------------------------------------------------------------------ slow peers


def _head(method: bytes, more: bytes = b"") -> bytes:
    return method + b" /v1/partners HTTP/1.1\r\nHost: x\r\n" + more


_PEERS: tuple[tuple[bytes, bytes], ...] = (
    (b"", b""),  # says nothing
    (_head(b"GET"), b"X-A: b\r\n"),  # a head without end
    (b"G", b""),  # half a head
    (_head(b"POST", b"Content-Type: application/json\r\nContent-Length: 200000\r\n\r\n"), b"x"),
    (_head(b"POST", b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"),
     b"1\r\nx\r\n"),
)  # fmt: skip
_LONGEST_S = 40


@asynccontextmanager
async def _slow_peers(port: int, count: int) -> AsyncIterator[Callable[[], int]]:
    """Peers that drip; gives a function that tells how many are still connected."""
    opened = asyncio.Semaphore(50)
    alive: set[int] = set()
    ready = asyncio.Event()
    stop = asyncio.Event()

    async def peer(number: int) -> None:
        first, drip = _PEERS[number % len(_PEERS)]
        async with opened:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        alive.add(number)
        if len(alive) == count:
            ready.set()
        ended = asyncio.create_task(reader.read())
        try:
            writer.write(first)
            while not ended.done() and not stop.is_set():
                if drip:
                    writer.write(drip)
                await asyncio.wait({ended}, timeout=0.5)
        except ConnectionError:
            pass
        finally:
            ended.cancel()
            alive.discard(number)
            writer.close()

    peers = [asyncio.create_task(peer(number)) for number in range(count)]
    await asyncio.wait_for(ready.wait(), 30)
    try:
        yield lambda: len(alive)
    finally:
        stop.set()
        await asyncio.gather(*peers, return_exceptions=True)


async def _p99(port: int, seconds: float) -> float:
    """Slowest but one percent of a good client's requests, in milliseconds."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    taken = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        started = time.perf_counter()
        writer.write(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
        taken.append((time.perf_counter() - started) * 1000)
        await asyncio.sleep(0.002)
    writer.close()
    return statistics.quantiles(taken, n=100)[98]


async def _slowed(port: int, count: int, seconds: float) -> tuple[float, float]:
    alone = await _p99(port, seconds)
    async with _slow_peers(port, count) as alive:
        beside = await _p99(port, seconds)
        assert alive() > 0
    return alone, beside


async def test_fifty_slow_peers_do_not_slow_a_good_client(port: int) -> None:
    tries = []
    for _ in range(3):  # a busy machine has bad seconds of its own
        alone, beside = await _slowed(port, 50, 1.5)
        tries.append((alone, beside))
        if beside <= 2 * alone:
            return
    raise AssertionError(f"p99 in ms, alone and beside slow peers: {tries}")


@pytest.mark.drill
async def test_five_hundred_slow_peers_do_not_slow_a_good_client_and_are_all_closed(
    port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert hard == resource.RLIM_INFINITY or hard > 1_200, "not enough file descriptors"
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1_200), hard))
    alone = await _p99(port, 10)
    started = time.monotonic()
    async with _slow_peers(port, 500) as alive:
        opened = time.monotonic()
        beside = await _p99(port, 9)
        while alive() and time.monotonic() - opened < _LONGEST_S + 5:  # noqa: ASYNC110 - the state of other tasks
            await asyncio.sleep(0.25)
        closed = time.monotonic() - opened
        left = alive()
    with capsys.disabled():
        print(  # noqa: T201 - figures for a person
            f"p99 alone {alone:.2f} ms, beside 500 slow peers {beside:.2f} ms; opened in "
            f"{opened - started:.1f} s, all closed after {closed:.1f} s"
        )
    assert left == 0
    assert closed <= _LONGEST_S
    assert beside <= 2 * alone
