"""Streams of subjects: in order, a line's trouble is its own, stored before they leave."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app.core.db import Database
from app.core.limits import Limits
from app.core.ndjson import MAX_LINE
from app.sanctions.screening import batch, scorer, storing
from app.sanctions.screening.rules import RULES
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.sanctions.screening.support import ALL, LISTED, NOBODY, OWN, URL, lines, stream, subject
from tests.support import Api, resident

pytestmark = pytest.mark.usefixtures("filled")
_URL = f"{URL}/batch"
_NDJSON = {"Content-Type": "application/x-ndjson"}


def _line(number: int, name: str = NOBODY, **more: Any) -> dict[str, Any]:
    return {"id": f"L{number}", "subject": subject(name), **more}


def _nobody(number: int) -> str:
    """Another name each, without a number that somebody listed might have, too."""
    return f"{NOBODY} Xw{''.join(chr(ord('a') + int(digit)) for digit in str(number))}"


async def _stored(database: Database, ids: list[str]) -> int:
    async with database.connection() as connection:
        found: int = await connection.fetchval(
            "SELECT count(*) FROM screenings WHERE id = ANY ($1)", [UUID(one) for one in ids]
        )
    return found


async def test_every_line_has_its_answer_in_order_and_is_stored(
    api_for: ApiFor, operator_database: Database
) -> None:
    wfp = await api_for("WFP")
    sent = [_line(n, LISTED if n % 10 == 0 else _nobody(n), role="VENDOR") for n in range(250)]
    found = await stream(wfp, _URL, *sent)
    assert [one["id"] for one in found] == [one["id"] for one in sent]
    assert [one["line"] for one in found] == list(range(1, 251))
    for number, one in enumerate(found):
        expected = "potential_match" if number % 10 == 0 else "no_hit"
        assert one["screening"]["outcome"] == expected, one["screening"]["hits"][:1]
    ids = [one["screening"]["screening_id"] for one in found]
    assert await _stored(operator_database, ids) == 250
    read = await wfp.read(f"{URL}/{ids[0]}")
    assert read["hits"] == found[0]["screening"]["hits"]
    page = await wfp.read(URL, params={"batch_id": read["batch_id"], "limit": "200"})
    assert len(page["items"]) == 200
    async with operator_database.connection() as connection:
        logged = await connection.fetch(
            "SELECT detail FROM audit_events WHERE subject_id = $1", UUID(read["batch_id"])
        )
    named = [one for row in logged for one in row["detail"]["screenings"]]
    assert sorted(named) == sorted(ids)


async def test_the_same_answer_as_one_by_one(api_for: ApiFor) -> None:
    unhcr = await api_for("UNHCR")
    asked: list[dict[str, Any]] = [
        {"subject": subject()},
        {"subject": subject(), "lists": [ALL, OWN], "limit": 1, "threshold": 0.9},
        {"subject": subject("Brassica Tidewater Holdings"), "lists": [OWN]},
        {"subject": subject("Ozymandias Quill", "person"), "acting_for": {"name": "A"}},
    ]
    many = await stream(unhcr, _URL, *({"id": str(n), **one} for n, one in enumerate(asked)))
    for one, result in zip(asked, many, strict=True):
        alone = await unhcr.made(URL, one)
        own = {"screening_id", "at"}
        assert {k: v for k, v in result["screening"].items() if k not in own} == {
            k: v for k, v in alone.items() if k not in own
        }


async def test_what_is_wrong_with_a_line_is_its_own(api_for: ApiFor) -> None:
    wfp = await api_for("WFP")
    hidden = (await make_partner(await api_for("UNICEF"), protected=True))["id"]
    wrong: list[tuple[Any, str]] = [
        (b"{", "malformed_json"),
        (b"7", "invalid_request"),
        (b"null", "invalid_request"),
        (b'{"id":"\\ud800"}', "invalid_request"),
        (b'"' + b"x" * MAX_LINE + b'"', "line_too_long"),
        ({"id": "a"}, "invalid_request"),
        ({"subject": subject()}, "invalid_request"),
        (_line(1, role="BENEFICIARY"), "invalid_request"),
        (_line(2, lists=["nowhere"]), "list_unknown"),
        (_line(3, lists=[OWN]), "list_unknown"),
        (_line(4, partner_id=hidden), "partner_not_found"),
        (_line(5, partner_id=str(uuid4())), "partner_not_found"),
        (_line(6) | {"Canary": 1}, "invalid_request"),
        ({"id": "x" * 65, "subject": subject()}, "invalid_request"),
    ]
    runner = await api_for("WFP", "screening:run")
    sent = [part for n, (one, _) in enumerate(wrong) for part in (one, _line(100 + n))]
    found = await stream(runner, _URL, *sent)
    assert [one["error"]["code"] for one in found[::2]] == [code for _, code in wrong]
    assert all(one["screening"]["outcome"] == "no_hit" for one in found[1::2])
    assert "Canary" not in json.dumps(found)
    assert found[0]["id"] is None
    assert found[10]["id"] == "a"
    [role] = found[14]["error"]["errors"]
    assert (role["pointer"], role["code"]) == ("/role", "literal_error")
    assert await stream(wfp, _URL) == []


async def test_streams_that_mean_harm(api_for: ApiFor) -> None:
    wfp = await api_for("WFP")
    deep = b'{"id":"1","subject":' + b"[" * 20_000 + b"]" * 20_000 + b"}"
    huge = b"x" * 3_000_000
    found = await stream(wfp, _URL, huge, _line(1), deep, b"", b" \t", _line(2), b"\x00", b"\xff")
    codes = [one.get("error", {}).get("code") for one in found]
    assert codes == ["line_too_long", None, "malformed_json", None, *["malformed_json"] * 2]
    assert [one["line"] for one in found] == [1, 2, 3, 6, 7, 8]
    for coding in ("gzip", "identity"):
        answer = await wfp.post(
            _URL, content=b"7\n", headers=_NDJSON | {"Content-Encoding": coding}
        )
        assert answer.status_code == 415
    assert await stream(wfp, _URL, *[b""] * 50_000) == []
    # What one line asks of the scorer is bounded: names, words, and time.
    names = [" ".join(["abdul"] * 49 + [str(n)]) for n in range(10)]
    many = [{"id": str(n), "subject": {"kind": "unknown", "names": names}} for n in range(20)]
    assert all("screening" in one for one in await stream(wfp, _URL, *many))


async def test_a_line_that_cannot_be_compared_ends_nothing(
    api_for: ApiFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = scorer.subject_of

    def fails(described: Any) -> Any:
        if described.names == ["Canary"]:
            raise RecursionError
        return real(described)

    monkeypatch.setattr(scorer, "subject_of", fails)
    found = await stream(await api_for("WFP"), _URL, _line(1), _line(2, "Canary"), _line(3))
    assert [("error" in one) for one in found] == [False, True, False]
    assert found[1]["error"]["code"] == "not_screened"


async def test_a_group_that_cannot_be_stored_says_so_and_the_next_is(
    api_for: ApiFor, operator_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = storing.store_group, 0

    async def away(*args: Any) -> None:
        nonlocal calls
        calls += 1
        await real(*args)
        if calls == 1:
            raise ConnectionResetError

    monkeypatch.setattr(batch, "store_group", away)
    monkeypatch.setattr(batch, "GROUP", 3)
    found = await stream(await api_for("WFP"), _URL, *(_line(n) for n in range(5)))
    assert [one.get("error", {}).get("code") for one in found] == ["unavailable"] * 3 + [None] * 2
    ids = [one["screening"]["screening_id"] for one in found[3:]]
    assert await _stored(operator_database, ids) == 2


async def test_who_is_stopped_meanwhile_gets_no_more(
    api_for: ApiFor, operator_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "GROUP", 1)
    monkeypatch.setattr(batch.Batch, "_tell", lambda self, *args: told())  # after it was stored
    fao = await api_for("FAO_REVIEWER")

    stored = asyncio.Event()

    async def told(*args: Any) -> int:
        stored.set()
        return 0

    async def body() -> AsyncIterator[bytes]:
        yield json.dumps(_line(1)).encode() + b"\n"
        await stored.wait()
        async with operator_database.session() as session:
            await session.execute(
                text("UPDATE clients SET status = 'revoked' WHERE id = 'FAO_REVIEWER'")
            )
        yield json.dumps(_line(2, LISTED)).encode() + b"\n"

    try:
        answer = await fao.post(_URL, content=body(), headers=_NDJSON)
    finally:
        async with operator_database.session() as session:
            await session.execute(text("SET LOCAL session_replication_role = replica"))
            await session.execute(
                text("UPDATE clients SET status = 'active' WHERE id = 'FAO_REVIEWER'")
            )
    first, second = lines(answer)
    assert first["screening"]["outcome"] == "no_hit"
    assert second["error"]["code"] == "not_authenticated"


@pytest.mark.parametrize("headers", [{"Content-Type": "application/json"}, {}], ids=str)
async def test_it_takes_lines_and_nothing_else(api_for: ApiFor, headers: dict[str, str]) -> None:
    answer = await (await api_for("WFP")).post(_URL, content=b"{}", headers=headers)
    assert answer.status_code == 415
    assert (await (await api_for("WFP", "partners:read")).post(
        _URL, content=b"", headers=_NDJSON)).status_code == 403  # fmt: skip


async def _told(database: Database, batch_id: str) -> list[Any]:
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT type, data, agency_id FROM outbox WHERE subject_id = $1", UUID(batch_id)
        )
    return list(rows)


async def test_many_persons_alone_are_told_to_data_protection_once(
    api_for: ApiFor, operator_database: Database
) -> None:
    wfp, limit = await api_for("WFP"), RULES.persons_without_organisation

    def person(number: int, **more: Any) -> dict[str, Any]:
        return {"id": str(number), "subject": subject(f"Somebody {number}", "person"), **more}

    async def send(*documents: Any) -> list[Any]:
        found = await stream(wfp, _URL, *documents)
        read = await wfp.read(f"{URL}/{found[0]['screening']['screening_id']}")
        return await _told(operator_database, read["batch_id"])

    acting = {"acting_for": {"name": "Amani Relief"}}
    few = [person(n) for n in range(limit - 1)] + [person(n, **acting) for n in range(150)]
    assert await send(*few) == []
    [event] = await send(*(person(n) for n in range(limit + 150)))
    assert event["type"] == "screening.persons_without_organisation"
    assert limit <= event["data"]["persons"] < limit + batch.GROUP
    assert "Somebody" not in json.dumps(event["data"])


async def test_lines_count_as_requests_of_their_client(app: FastAPI, api_for: ApiFor) -> None:
    wfp = await api_for("WFP")
    held = app.state.limits
    slow = held.bulkhead
    app.state.limits = limits = Limits(
        app.state.settings.model_copy(
            update={"rate_limits": "on", "rate_limit_rps": 100, "rate_limit_burst": 150}
        )
    )
    limits.bulkhead = slow
    try:
        started = asyncio.get_running_loop().time()
        found = await stream(wfp, _URL, *(_line(n) for n in range(250)))
        took = asyncio.get_running_loop().time() - started
    finally:
        app.state.limits = held
    assert len(found) == 250
    assert took >= 0.8, "250 lines of 150 at once and 100 a second"


# ---------------------------------------------------------------------- over a real connection


def _head(api: Api) -> bytes:
    return (
        f"POST {_URL} HTTP/1.1\r\nHost: x\r\nAuthorization: {api.headers['Authorization']}\r\n"
        "Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
    ).encode()


def _piece(*documents: Any) -> bytes:
    content = b"".join(json.dumps(one).encode() + b"\n" for one in documents)
    return f"{len(content):x}\r\n".encode() + content + b"\r\n"


async def test_answers_leave_while_the_body_comes_and_a_cut_keeps_them(
    port: int, api_for: ApiFor, operator_database: Database, app: FastAPI
) -> None:
    wfp = await api_for("WFP")
    await wfp.take_token()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(_head(wfp) + _piece(*(_line(n) for n in range(batch.GROUP + 5))))
    got = b""
    while got.count(b'"screening_id"') < batch.GROUP:
        got += await asyncio.wait_for(reader.read(65_536), 10)
    assert b"HTTP/1.1 200" in got, "the body has not ended"
    writer.transport.abort()
    ids = [part[:36].decode() for part in got.split(b'"screening_id":"')[1:]]
    assert await _stored(operator_database, ids) == batch.GROUP
    for _ in range(100):
        if app.state.limits.bulkhead._held == {}:
            break
        await asyncio.sleep(0.02)
    assert app.state.limits.bulkhead._held == {}
    async with operator_database.connection() as connection:
        of_batch = await connection.fetchval(
            "SELECT count(*) FROM screenings WHERE batch_id = "
            "(SELECT batch_id FROM screenings WHERE id = $1)",
            UUID(ids[0]),
        )
    assert of_batch == batch.GROUP, "what had no answer was not screened"


async def test_who_sends_everything_first_is_answered_too(port: int, api_for: ApiFor) -> None:
    """More than the buffers between the two hold: neither waits for the other."""
    wfp = await api_for("WFP")
    await wfp.take_token()
    small = socket.socket()
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    small.setblocking(False)
    await asyncio.get_running_loop().sock_connect(small, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=small, limit=4_096)
    writer.write(_head(wfp))
    for start in range(0, 600, 200):
        sent = (_line(n, f"{LISTED} {'x' * 200}") for n in range(start, start + 200))
        writer.write(_piece(*sent))
        await asyncio.wait_for(writer.drain(), 20)
    writer.write(b"0\r\n\r\n")
    await writer.drain()
    got = b""
    while not got.endswith(b"0\r\n\r\n"):
        got += await asyncio.wait_for(reader.read(262_144), 20)
    assert got.count(b'{"line":') == 600
    writer.close()


async def _many(api: Api, count: int) -> int:
    async def body() -> AsyncIterator[bytes]:
        for n in range(count):
            yield json.dumps(_line(n, f"{NOBODY} {n}")).encode() + b"\n"

    before = resident()
    answer: httpx.Response = await api.post(_URL, content=body(), headers=_NDJSON)
    assert answer.content.count(b'"outcome":"no_hit"') == count
    return resident() - before - 4 * len(answer.content)


@pytest.mark.drill
async def test_many_lines_take_little_memory(api_for: ApiFor) -> None:
    wfp = await api_for("WFP")
    await _many(wfp, 200)
    assert await _many(wfp, 20_000) < 60_000_000
