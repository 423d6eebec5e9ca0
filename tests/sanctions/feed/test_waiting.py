"""Requests that wait: one look for all, a cap, and nothing held meanwhile."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import ClientDisconnect

from app.core import long_poll
from app.core.db import Database
from app.core.long_poll import STOP
from app.sanctions.feed import changes, heads
from app.sanctions.feed.errors import FeedBusy
from app.sanctions.feed.reading import Feed
from app.sanctions.feed.waiting import Waiting
from app.sanctions.feed.waiting_road import PATH, WaitingRoad
from tests.sanctions.feed.conftest import FEED, Stand, entry, manifest
from tests.sockets import exchange, request_head, served

MANY = 300


async def test_many_wait_without_a_connection_and_hear_at_once(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The short form of `bench.waiters`.
    wfp, one = await stand.api(), str(uuid4())
    written, write = list[int](), changes.page_bytes

    def counted(*of: Any) -> bytes:
        written.append(1)
        return write(*of)

    monkeypatch.setattr(changes, "page_bytes", counted)
    last = (await manifest(wfp))["seq_to"]
    url = f"{FEED}/changes?after={last}&wait=30"
    # More than the pool has connections, and more than an agency's share of it.
    polls = [asyncio.create_task(wfp.get(url)) for _ in range(MANY)]
    database: Database = stand.app.state.database
    async with asyncio.timeout(20):
        while stand.app.state.feed.waiting.count < MANY:  # noqa: ASYNC110 - a line's state
            await asyncio.sleep(0.02)
    assert stand.app.state.limits.bulkhead.held("WFP") == 0
    async with asyncio.timeout(20):
        # One looks for all; another may be the application's own, which has just begun.
        while database.engine.pool.checkedout() > 1:  # type: ignore[attr-defined]  # noqa: ASYNC110 - a pool's state; the class of pool that we have counts
            await asyncio.sleep(0.02)
    # Nobody's transaction is left open, and another request of the agency gets its turn.
    open_ones = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND state = 'idle in transaction' AND usename = 'reg_app'"
    )
    assert await stand.run(open_ones) == [0]
    assert (await wfp.get(f"{FEED}/manifest")).status_code == 200
    written.clear()
    await stand.put(entry(one), "inter_agency")
    began = time.monotonic()
    answers = await asyncio.gather(*polls)
    assert time.monotonic() - began < 20
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert [c["entry_id"] for c in answers[0].json()["changes"]] == [one]
    assert len(written) == 1


async def test_who_was_stopped_while_it_waited_is_told_nothing(stand: Stand) -> None:
    fao = await stand.api("FAO_REVIEWER")
    last = (await manifest(fao))["seq_to"]
    poll = asyncio.create_task(fao.get(f"{FEED}/changes?after={last}&wait=30"))
    await asyncio.sleep(0.1)
    await stand.run("UPDATE clients SET status = 'revoked' WHERE id = 'FAO_REVIEWER' RETURNING id")
    await stand.put(entry(str(uuid4())), "inter_agency")
    assert (await poll).status_code == 401


async def test_when_the_time_is_over_nothing_is_new(stand: Stand) -> None:
    wfp = await stand.api()
    head = await wfp.get(f"{FEED}/manifest")
    last = (await manifest(wfp))["seq_to"]
    url = f"{FEED}/changes?after={last}&wait=1"
    assert (await wfp.read(url))["changes"] == []
    unchanged = await wfp.get(url, headers={"If-None-Match": head.headers["etag"]})
    assert unchanged.status_code == 304


async def test_there_is_a_cap_for_all_and_one_for_each_agency(stand: Stand) -> None:
    database: Database = stand.app.state.database
    line = Waiting(database, 4)
    last = (await manifest(await stand.api()))["seq_to"]

    def wait(agency: str) -> asyncio.Task[object]:
        return asyncio.create_task(line.wait({}, "inter_agency", last, 30, "WFP", agency))

    polls = [wait("WFP"), wait("WFP")]
    await asyncio.sleep(0)
    with pytest.raises(FeedBusy) as refused:
        await wait("WFP")
    assert refused.value.headers == {"Retry-After": "5"}
    polls += [wait("FAO"), wait("FAO")]
    await asyncio.sleep(0)
    with pytest.raises(FeedBusy):
        await wait("UNDP")
    # Who goes away makes room.
    polls[0].cancel()
    await asyncio.gather(polls[0], return_exceptions=True)
    polls[0] = wait("UNDP")
    await asyncio.sleep(0)
    await asyncio.gather(line.close(), line.close())
    ended = await asyncio.gather(*polls, return_exceptions=True)
    assert [type(one) for one in ended] == [FeedBusy] * 4
    await Waiting(database, 4).close()


async def test_over_http_the_cap_is_a_503_with_a_time(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    wfp = await stand.api()
    last = (await manifest(wfp))["seq_to"]
    monkeypatch.setattr(stand.app.state.feed.waiting, "_cap", 0)
    answer = await wfp.get(f"{FEED}/changes?after={last}&wait=30")
    assert (answer.status_code, answer.json()["code"]) == (503, "feed_busy")
    assert answer.headers["retry-after"] == "5"
    assert (await wfp.get(f"{FEED}/changes?after={last}")).status_code == 200


async def test_a_server_that_stops_sends_who_waits_away_at_once(stand: Stand) -> None:
    line = Waiting(stand.app.state.database, 100)
    wfp = await stand.api()
    last = (await manifest(wfp))["seq_to"]
    stand.app.state.feed.waiting, kept = line, stand.app.state.feed.waiting
    try:
        async with served(stand.app, state={STOP: line.stop}, timeout_graceful_shutdown=20) as port:
            polls = [
                asyncio.create_task(exchange(port, wfp, f"{FEED}/changes?after={last}&wait=55"))
                for _ in range(20)
            ]
            gone = await asyncio.open_connection("127.0.0.1", port)
            gone[1].write(request_head(wfp, f"{FEED}/changes?after={last}&wait=55"))
            async with asyncio.timeout(20):
                while line.count < 21:  # noqa: ASYNC110 - a line's state
                    await asyncio.sleep(0.02)
                gone[1].close()
                while line.count > 20:  # noqa: ASYNC110 - a line's state
                    await asyncio.sleep(0.02)
            began = time.monotonic()
        assert time.monotonic() - began < 10
        answers = await asyncio.gather(*polls)
        assert {answer.split(b" ", 2)[1] for answer in answers} == {b"503"}
        assert all(b"retry-after: 1" in answer for answer in answers)
    finally:
        stand.app.state.feed.waiting = kept
        await line.close()


@pytest.mark.parametrize("error", [OSError, asyncpg.PostgresError, SQLAlchemyError])
async def test_a_database_that_is_away_for_a_while_ends_no_wait(
    stand: Stand, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    monkeypatch.setattr(long_poll, "RETRY_S", 0.01)
    line, look, failed = stand.app.state.feed.waiting, Waiting.look, list[int]()

    async def fail(self: Waiting, waiting: Any) -> None:
        if len(failed) < 3:
            failed.append(1)
            raise error
        await look(self, waiting)

    monkeypatch.setattr(Waiting, "look", fail)
    last = (await manifest(await stand.api()))["seq_to"]
    poll = asyncio.create_task(line.wait({}, "inter_agency", last, 30, "WFP", "WFP"))
    await asyncio.sleep(0)
    await stand.put(entry(str(uuid4())), "inter_agency")
    row = await poll
    assert row["seq_to"] == last + 1
    assert len(failed) == 3


async def test_what_is_wrong_with_a_wait_is_said_as_of_any_other(stand: Stand) -> None:
    wfp = await stand.api()
    for query in ("after=-1&wait=10", "after=0&wait=-5", "after=0&wait=10&limit=0"):
        assert (await wfp.get(f"{FEED}/changes?{query}")).status_code == 422, query


async def test_a_server_that_gives_no_more_time_ends_a_wait_without_a_fault(stand: Stand) -> None:
    wfp = await stand.api()
    last = (await manifest(wfp))["seq_to"]
    authorization = wfp.headers["Authorization"].encode()
    scope = {
        "type": "http",
        "app": stand.app,
        "method": "GET",
        "path": PATH,
        "query_string": f"after={last}&wait=30".encode(),
        "headers": [(b"authorization", authorization)],
    }
    feed, sent = stand.app.state.feed, list[Any]()

    async def send(message: Any) -> None:
        sent.append(message)

    waiting = asyncio.create_task(WaitingRoad(stand.app)(scope, send, send))  # type: ignore[arg-type]  # it receives nothing
    async with asyncio.timeout(20):
        while feed.waiting.count < 1:  # noqa: ASYNC110 - a line's state
            await asyncio.sleep(0.02)
    waiting.cancel()
    with pytest.raises(ClientDisconnect):
        await waiting
    assert (sent, feed.waiting.count) == ([], 0)


async def test_more_than_one_statement_takes_are_read_by_two(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heads, "MOST", 1)
    read = heads.Heads(stand.app.state.database)
    found = await asyncio.gather(
        *(read.get("inter_agency", client) for client in ("WFP", "UNICEF", "nobody"))
    )
    assert [row and row["client_id"] for row in found] == ["WFP", "UNICEF", None]


async def test_what_stops_lets_nobody_wait(stand: Stand) -> None:
    feed = Feed(stand.app.state.database, stand.app.state.settings)
    feed.stop()
    with pytest.raises(FeedBusy):
        await feed.waiting.wait({}, "inter_agency", 0, 30, "WFP", "WFP")
