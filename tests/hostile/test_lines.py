"""Streams of lines that mean harm: each bad line is reported for itself, or the stream refused.

Sent to `POST /v1/partners/bulk`. No answer is a 5xx, none repeats what was sent, and a good line
between bad ones is stored.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import secrets
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.cli import protocol
from app.core import middleware
from app.core.ndjson import CHUNK, MAX_LINE
from tests.hostile.calls import caller, fault
from tests.hostile.values import ANY, CANARY, STRINGS
from tests.sockets import served
from tests.support import World, resident

_URL = "/v1/partners/bulk"
_KIND = {"Content-Type": "application/x-ndjson"}


def _good(**more: Any) -> bytes:
    body = {
        "key": secrets.token_hex(8),
        "legal_name": f"Amani {secrets.token_hex(6)}",
        "partner_type": "NGO_NATIONAL",
        "country": "KEN",
    }
    return json.dumps(body | more).encode()


def _with(field: str, value: str) -> bytes:
    """A line whose field is this JSON text, whatever a JSON library would say to it."""
    return _good(**{field: "@"}).replace(b'"@"', value.encode("utf-8", "surrogatepass"))


_LINES: dict[str, bytes] = {
    "not an object: list": b"[1]",
    "not an object: text": f'"{CANARY}"'.encode(),
    "not an object: number": b"7",
    "not an object: null": b"null",
    "two documents": _good() + b" " + _good(),
    "a NUL byte": _good().replace(b"Amani", b"Am\x00ni"),
    "a NUL byte alone": b"\x00",
    "byte-order mark": b"\xef\xbb\xbf" + _good(),
    "UTF-16": _good().decode().encode("utf-16-le"),
    "Latin-1": _good().replace(b"Amani", "Amaní".encode("latin-1")),
    "invalid UTF-8": _good().replace(b"Amani", b"\xff\xfe"),
    "overlong UTF-8": _good().replace(b"Amani", b"\xc0\xaf"),
    "surrogate bytes": _good().replace(b"Amani", b"\xed\xa0\x80"),
    "duplicate key": _good()[:-1] + b', "country": "UGA"}',
    "duplicate key inside": _with("identifiers", '[{"scheme": "UNPP", "scheme": "LEI"}]'),
    "100,000 deep": b"[" * 30_000 + b"]" * 30_000,
    "deep in a field": _with("aliases", "[" * 20_000 + "]" * 20_000),
    "33 deep": _with("aliases", "[" * 33 + "]" * 33),
    "5,000 digits": _with("key", "9" * 5_000),
    "1e999": _with("key", "1e999"),
    "NaN": _with("key", "NaN"),
    "cut short": _good()[:-1],
    "a line one byte too long": b'"' + b"x" * (MAX_LINE - 1) + b'"',
    "many fields": json.dumps({f"{CANARY}{n}": 1 for n in range(2_000)}).encode(),
    "many identifiers": _good(identifiers=[{"scheme": "UNPP", "value": "1"}] * 900),
    "many aliases": _good(aliases=[f"A {n}" for n in range(5_000)]),
    "prototype": _good()[:-1] + b', "__proto__": {"control": "partner"}}',
    "another's field": _good(control="partner"),
    "a status": _good(status="verified"),
    "no key": _good(key=""),
    "a key of NUL": _with("key", f'"a\\u0000{CANARY}"'),
    "a key of a lone surrogate": _with("key", f'"\\ud800{CANARY}"'),
}  # fmt: skip


async def _send(client: httpx.AsyncClient, body: Any, **headers: str) -> httpx.Response:
    return await client.post(_URL, content=body, headers=_KIND | headers)


def _results(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text[:300]
    return [json.loads(line) for line in answer.content.splitlines()]


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
async def test_every_bad_line_is_reported_and_every_good_one_stored(
    ending: bytes, own_app: FastAPI, agencies: World
) -> None:
    lines = [part for bad in _LINES.values() for part in (bad, _good())]
    async with caller(own_app, agencies) as client:
        answer = await _send(client, ending.join(lines))
        found = _results(answer)
        assert fault(answer, sane=frozenset({200})) is None
        assert [one["line"] for one in found] == list(range(1, len(lines) + 1))
        wrong = [
            name
            for name, (bad, good) in zip(
                _LINES, zip(found[::2], found[1::2], strict=True), strict=True
            )
            if (bad["status"], good["status"]) != ("invalid", "created") or not bad["errors"]
        ]
    assert wrong == []
    assert CANARY not in answer.text, "what was sent is not repeated"


@pytest.mark.parametrize("field", ["key", "legal_name", "partner_type", "country", "identifiers"])
async def test_hostile_values_in_a_field_fail_their_line_alone(
    field: str, own_app: FastAPI, agencies: World
) -> None:
    lines = [_with(field, value) for value in (ANY | STRINGS).values()]
    async with caller(own_app, agencies) as client:
        found = _results(await _send(client, b"\n".join([*lines, _good()])))
        assert len(found) == len(lines) + 1
        assert {one["status"] for one in found[:-1]} <= {"invalid", "created", "conflict"}
        assert found[-1]["status"] == "created"
        for one in found:
            if one["status"] == "created":
                read = await client.get(f"/v1/partners/{one['partner_id']}")
                assert read.status_code == 200


@pytest.mark.parametrize(
    ("body", "numbers"),
    [
        (b"", []),
        (b"\n" * 200_000, []),
        (b" \t\r\n" * 1_000, []),
        (b"\r" * 1_000, []),
        (b"\n\n7", [3]),
        (b"7\n\n\n7\n", [1, 4]),
        (b"x" * 10_000_000, [1]),
        (b"x" * 10_000_000 + b"\n7\n", [1, 2]),
        (b"7\r7\r\n7", [1, 2]),
    ],
    ids=["nothing", "empty lines", "blank lines", "CR alone", "no last newline", "gaps",
         "10 MB and no newline", "a line of 10 MB", "CR is no end of a line"],
)  # fmt: skip
async def test_lines_are_counted_as_they_were_sent(
    body: bytes, numbers: list[int], own_app: FastAPI, agencies: World
) -> None:
    async with caller(own_app, agencies) as client:
        found = _results(await _send(client, body))
    assert [one["line"] for one in found] == numbers
    assert all(one["status"] == "invalid" for one in found)


async def test_a_packed_body_is_refused_before_it_is_unpacked(
    own_app: FastAPI, agencies: World
) -> None:
    bomb = gzip.compress(b"7\n" * 5_000_000)
    async with caller(own_app, agencies) as client:
        for coding in ("gzip", "deflate", "br", "identity", CANARY):
            answer = await _send(client, bomb, **{"Content-Encoding": coding})
            assert fault(answer, sane=frozenset({415})) is None, coding
        # And one that does not say so is one bad line after the other.
        found = _results(await _send(client, bomb))
        assert {one["status"] for one in found} == {"invalid"}


async def test_queries_that_are_none_are_refused(own_app: FastAPI, agencies: World) -> None:
    async with caller(own_app, agencies) as client:
        for query in ("load_id=x", f"load_id={CANARY}", "dry_run=maybe", "load_id=%00", "odd=1"):
            answer = await client.post(f"{_URL}?{query}", content=_good(), headers=_KIND)
            assert fault(answer, sane=frozenset({400, 404, 422})) is None, query


async def test_an_endless_body_is_ended(
    own_app: FastAPI, agencies: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(middleware, "MAX_STREAM", 100_000)
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 20_000
            yield b"\n" * 20_000

    async with caller(own_app, agencies) as client:
        answer = await _send(client, endless())
        assert fault(answer, sane=frozenset({413})) is None
        assert sent <= 140_000
        claimed = await _send(client, b"7", **{"Content-Length": "100001"})
        assert fault(claimed, sane=frozenset({413})) is None


async def _tiny(count: int) -> AsyncIterator[bytes]:
    for _ in range(count // CHUNK):
        yield b"7\n" * CHUNK


async def _tiny_lines(app: FastAPI, world: World, count: int) -> int:
    async with caller(app, world) as client:
        before = resident()
        answer = await _send(client, _tiny(count))
        assert answer.status_code == 200
        assert answer.content.count(b"\n") == count
        return resident() - before - 3 * len(answer.content)


async def test_tiny_lines_are_answered_one_by_one_in_little_memory(
    own_app: FastAPI, agencies: World
) -> None:
    await _tiny_lines(own_app, agencies, CHUNK)
    assert await _tiny_lines(own_app, agencies, 10_000) < 20_000_000


@pytest.mark.drill
async def test_two_hundred_thousand_tiny_lines(own_app: FastAPI, agencies: World) -> None:
    await _tiny_lines(own_app, agencies, CHUNK)
    assert await _tiny_lines(own_app, agencies, 200_000) < 40_000_000


@pytest.fixture
async def port(own_app: FastAPI) -> AsyncIterator[int]:
    async with served(own_app) as number:
        yield number


async def test_a_slow_body_is_cut_and_holds_nothing(
    port: int, own_app: FastAPI, agencies: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "BODY_S", 0.3)
    monkeypatch.setattr(protocol, "STREAM_RATE", 1_000)
    async with caller(own_app, agencies) as client:
        token = client.headers["Authorization"]
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    started = time.monotonic()
    writer.write(
        f"POST {_URL} HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n"
        "Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    )
    try:
        while time.monotonic() - started < 4:
            writer.write(b"1\r\n7\r\n")
            await writer.drain()
            await asyncio.sleep(0.05)
    except ConnectionError:
        pass
    assert time.monotonic() - started < 3
    writer.close()
    await asyncio.sleep(0.2)
    assert own_app.state.limits.bulkhead._held == {}
    assert own_app.state.database.engine.pool.checkedout() == 0
