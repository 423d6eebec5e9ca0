"""The queue of a webhook: order, retries, circuit, dead letters, several workers, crashes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app.core.addresses import parse_allowed
from app.core.db import Database
from app.core.outbound import Outbound, OutboundFailed
from app.events.webhooks import delivery as delivering
from app.events.webhooks import queue
from app.events.webhooks.delivery import Deliverer
from app.events.webhooks.outcomes import Reply
from tests.conftest import Settle
from tests.events.conftest import HOOKS, Happen, Hook, Hurry
from tests.events.receiver import Receiver
from tests.support import Api

DUE = {"types": ["access_request.due"]}


def days(receiver: Receiver) -> list[int]:
    """Which of the events that were made came, in the order they came in."""
    return [int(one["data"]["answer_by"][-2:]) for one in receiver.events]


async def states(api: Api, webhook_id: str) -> list[str]:
    """States of the events of a webhook, oldest first."""
    found = await api.read(f"{HOOKS}/{webhook_id}/deliveries")
    return [one["state"] for one in reversed(found["items"]) if one["kind"] == "event"]


async def test_events_come_in_order_signed_and_once(
    hook: Hook, unicef: Api, receiver: Receiver, deliverer: Deliverer, happen: Happen
) -> None:
    one = await hook(**DUE)
    await happen(5)
    assert await deliverer.step() == 5
    assert await deliverer.step() == 0
    assert days(receiver) == [1, 2, 3, 4, 5]
    assert receiver.most == 1
    for call in receiver.calls:
        assert call.signed_with(one["secret"])
        assert call.signed_by(one["secrets"][0]["public_key"])
        assert call.headers["webhook-id"] == call.said["id"]
        assert call.headers["content-type"] == "application/json"
        assert len(call.body) < 20_000
    listed = await unicef.read("/v1/events", params={"limit": "200"})
    while listed["more"]:
        listed = await unicef.read("/v1/events", params={"after": listed["cursor"]})
    assert receiver.calls[-1].said in listed["items"]


async def test_a_failed_message_holds_up_the_next_and_is_then_set_aside(
    hook: Hook, unicef: Api, receiver: Receiver, deliverer: Deliverer, happen: Happen, hurry: Hurry
) -> None:
    one = await hook(**DUE)
    await happen(2)
    receiver.answers = [500, 500, 500, 500]
    for _ in range(3):
        await deliverer.step()
        await hurry(one["id"])
    assert days(receiver) == [1, 1, 1]
    assert len({call.headers["webhook-id"] for call in receiver.calls}) == 1
    assert len({call.body for call in receiver.calls}) == 1
    assert await states(unicef, one["id"]) == ["queued", "queued"]
    await deliverer.step()
    assert days(receiver) == [1, 1, 1, 1, 2]
    assert await states(unicef, one["id"]) == ["retrying", "delivered"]
    await hurry(one["id"])
    await deliverer.step()
    assert await states(unicef, one["id"]) == ["delivered", "delivered"]
    log = (await unicef.read(f"{HOOKS}/{one['id']}/deliveries"))["items"][1]
    calls = (await unicef.read(f"{HOOKS}/{one['id']}/deliveries/{log['id']}"))["calls"]
    assert [(call["number"], call["status"]) for call in calls] == [
        (1, 500),
        (2, 500),
        (3, 500),
        (4, 500),
        (5, 200),
    ]


async def test_the_circuit_opens_and_one_message_tries(
    hook: Hook, unicef: Api, receiver: Receiver, deliverer: Deliverer, happen: Happen, hurry: Hurry
) -> None:
    one = await hook(max_in_flight=5, **DUE)
    await happen(8)
    receiver.answers = [500] * 6
    await deliverer.step()
    assert len(receiver.calls) == 5
    read = await unicef.read(f"{HOOKS}/{one['id']}")
    assert read["failures"] == 5
    assert read["paused_until"] > read["failing_since"]
    await deliverer.step()
    assert len(receiver.calls) == 5
    await hurry(one["id"])
    receiver.most = 0
    await deliverer.step()
    assert (len(receiver.calls), receiver.most) == (6, 1)
    await hurry(one["id"])
    await deliverer.step()
    well = await unicef.read(f"{HOOKS}/{one['id']}")
    assert (well["failures"], well["failing_since"], well["paused_until"]) == (0, None, None)
    await hurry(one["id"])
    await deliverer.step()
    assert await states(unicef, one["id"]) == ["delivered"] * 8


async def test_several_at_once_if_asked(
    hook: Hook, receiver: Receiver, deliverer: Deliverer, happen: Happen
) -> None:
    await hook(max_in_flight=4, **DUE)
    await happen(9)
    receiver.hold = asyncio.Event()
    working = asyncio.create_task(deliverer.step())
    while len(receiver.calls) < 4:  # noqa: ASYNC110 - the receiver's state
        await asyncio.sleep(0.01)
    receiver.hold.set()
    await working
    assert receiver.most == 4
    assert sorted(days(receiver)) == list(range(1, 10))


async def test_a_throttled_webhook_is_left_alone_as_long_as_it_asks(
    hook: Hook, unicef: Api, receiver: Receiver, deliverer: Deliverer, happen: Happen
) -> None:
    one = await hook(**DUE)
    await happen(2)
    receiver.answers, receiver.headers = [429], {"Retry-After": "7200"}
    await deliverer.step()
    assert len(receiver.calls) == 1

    async def waits() -> float:
        read = await unicef.read(f"{HOOKS}/{one['id']}")
        return float(read["failures"])

    assert await waits() == 1
    await deliverer.step()
    assert len(receiver.calls) == 1


async def test_a_dead_letter_is_listed_and_sent_again(
    hook: Hook, unicef: Api, receiver: Receiver, deliverer: Deliverer, happen: Happen, hurry: Hurry
) -> None:
    one = await hook(**DUE)
    url = f"{HOOKS}/{one['id']}/deliveries"
    await happen(1)
    receiver.answers = [500] * 10
    for _ in range(10):
        await deliverer.step()
        await hurry(one["id"])
    assert await deliverer.step() == 0
    (dead,) = (await unicef.read(url, params={"state": "dead"}))["items"]
    assert (dead["attempts"], dead["last_status"], dead["next_at"]) == (10, 500, None)
    again = await unicef.post(f"{url}/{dead['id']}/replay")
    assert (again.status_code, again.json()["state"]) == (202, "queued")
    waiting = await unicef.post(f"{url}/{dead['id']}/replay")
    assert (waiting.status_code, waiting.json()["code"]) == (409, "delivery_not_repeatable")
    await deliverer.step()
    assert await states(unicef, one["id"]) == ["delivered"]
    calls = (await unicef.read(f"{url}/{dead['id']}"))["calls"]
    assert len(calls) == 11
    body = {"since": "2026-01-01T00:00:00Z"}
    assert (await unicef.post(f"{HOOKS}/{one['id']}/replay", json=body)).json()["queued"] >= 1


@pytest.mark.parametrize("both", [{}, {"from_seq": 1, "since": "2026-01-01T00:00:00Z"}])
async def test_a_range_is_of_numbers_or_of_times(
    both: dict[str, Any], hook: Hook, unicef: Api
) -> None:
    one = await hook()
    assert (await unicef.post(f"{HOOKS}/{one['id']}/replay", json=both)).status_code == 422


async def test_gone_switches_off_and_the_agency_is_told(
    hook: Hook,
    unicef: Api,
    receiver: Receiver,
    deliverer: Deliverer,
    happen: Happen,
    settle: Settle,
) -> None:
    one = await hook(**DUE)
    cursor = (await unicef.read("/v1/events", params={"start": "now"}))["cursor"]
    await happen(2)
    receiver.answers = [410]
    await deliverer.step()
    assert len(receiver.calls) == 1
    read = await unicef.read(f"{HOOKS}/{one['id']}")
    assert (read["status"], read["disabled_reason"]) == ("disabled", "gone")
    await settle()
    told = (await unicef.read("/v1/events", params={"after": cursor}))["items"]
    assert [(event["type"], event["data"].get("reason")) for event in told[2:]] == [
        ("webhook.disabled", "gone")
    ]
    assert told[2]["data"]["resource"] == f"{HOOKS}/{one['id']}"


async def test_after_long_failure_it_is_told_of_and_switched_off(
    hook: Hook,
    unicef: Api,
    receiver: Receiver,
    deliverer: Deliverer,
    happen: Happen,
    hurry: Hurry,
    settle: Settle,
    operator_database: Database,
) -> None:
    one = await hook(**DUE)
    cursor = (await unicef.read("/v1/events", params={"start": "now"}))["cursor"]
    await happen(1)
    receiver.answers = [500] * 9
    since = text(
        "UPDATE webhooks SET failing_since = now() - make_interval(hours => :h) WHERE id = :id"
    )
    for hours in (0, 2, 30, 121):
        async with operator_database.session() as session:
            if hours:
                await session.execute(since, {"id": one["id"], "h": hours})
        await deliverer.step()
        await hurry(one["id"])
    await settle()
    told = (await unicef.read("/v1/events", params={"after": cursor}))["items"][1:]
    assert [event["type"] for event in told] == ["webhook.failing", "webhook.disabled"]
    assert (await unicef.read(f"{HOOKS}/{one['id']}"))["disabled_reason"] == "failing"


async def test_an_answer_may_be_endless_or_compressed_and_a_redirect_is_not_followed(
    hook: Hook, unicef: Api, receiver: Receiver, deliverer: Deliverer, happen: Happen
) -> None:
    one = await hook(**DUE)
    await happen(3)
    for raw in (
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n" + b"x" * 2_000,
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 307 X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
    ):
        receiver.raw = raw
        await _one(deliverer, one["id"])
    assert await states(unicef, one["id"]) == ["delivered", "delivered", "queued"]
    assert len(receiver.calls) == 3


async def _one(deliverer: Deliverer, webhook_id: str) -> None:
    """Make one call."""
    async with deliverer._database.session() as session:
        claimed = await queue.claim(session, webhook_id, 60)  # type: ignore[arg-type]  # an id as text does as well
        assert claimed is not None
        opened = await deliverer._opened(session, claimed)
    await deliverer._deliver(claimed, claimed.deliveries[0], opened)


async def test_who_answers_in_drips_is_late(
    hook: Hook,
    unicef: Api,
    receiver: Receiver,
    deliverer: Deliverer,
    happen: Happen,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = await hook(**DUE)
    await happen(1)
    monkeypatch.setattr(delivering, "DEADLINE_S", 0.3)
    receiver.hold = asyncio.Event()
    await deliverer.step()
    (log,) = [
        item
        for item in (await unicef.read(f"{HOOKS}/{one['id']}/deliveries"))["items"]
        if item["kind"] == "event"
    ]
    assert (log["state"], log["last_failure"]) == ("queued", "late")


Broken = Callable[[], None]


async def test_a_worker_that_dies_between_call_and_note_loses_nothing(
    hook: Hook,
    unicef: Api,
    receiver: Receiver,
    worker_database: Database,
    app: FastAPI,
    happen: Happen,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = await hook(**DUE)
    await happen(3)
    outbound = Outbound(parse_allowed("127.0.0.0/8:*"))
    short = Deliverer(worker_database, app.state.keyring, outbound, lease_s=0.5)
    with monkeypatch.context() as patched:

        async def dies(*args: Any) -> bool:
            raise KeyError("killed")

        patched.setattr(queue, "record", dies)
        with pytest.raises(KeyError):
            await short.step()
    assert days(receiver) == [1]
    # Nobody else takes it, or what is behind it, while it may still be under way.
    assert await short.step() == 0
    await asyncio.sleep(0.6)
    await short.step()
    await outbound.close()
    assert days(receiver) == [1, 1, 2, 3]
    assert receiver.calls[0].headers["webhook-id"] == receiver.calls[1].headers["webhook-id"]
    assert await states(unicef, one["id"]) == ["delivered"] * 3


async def test_an_answer_that_comes_after_the_lease_is_not_counted(
    hook: Hook, unicef: Api, worker_database: Database, deliverer: Deliverer, happen: Happen
) -> None:
    one = await hook(**DUE)
    await happen(1)
    async with worker_database.session() as session:
        late = await queue.claim(session, one["id"], 0.0)
    async with worker_database.session() as session:
        taken = await queue.claim(session, one["id"], 60.0)
    assert late is not None
    assert taken is not None
    reply = Reply(500, None, 1)
    async with worker_database.session() as session:
        assert not await queue.record(session, late, late.deliveries[0], reply)
    async with worker_database.session() as session:
        assert await queue.record(session, taken, taken.deliveries[0], Reply(200, None, 1))
    assert await states(unicef, one["id"]) == ["delivered"]


async def test_two_workers_deliver_each_once(
    hook: Hook,
    unicef: Api,
    receiver: Receiver,
    worker_database: Database,
    app: FastAPI,
    happen: Happen,
) -> None:
    one = await hook(max_in_flight=3, **DUE)
    await happen(20)
    outbound = Outbound(parse_allowed("127.0.0.0/8:*"))
    workers = [Deliverer(worker_database, app.state.keyring, outbound) for _ in range(3)]
    stop = asyncio.Event()
    running = [asyncio.create_task(worker.run(stop)) for worker in workers]
    async with asyncio.timeout(60):
        while "queued" in await states(unicef, one["id"]):  # noqa: ASYNC110 - a database's state
            await asyncio.sleep(0.05)
    stop.set()
    await asyncio.gather(*running)
    await outbound.close()
    assert sorted(days(receiver)) == list(range(1, 21))


async def test_a_suspended_agency_is_not_called(
    hook: Hook,
    receiver: Receiver,
    deliverer: Deliverer,
    happen: Happen,
    operator_database: Database,
) -> None:
    await hook(**DUE)
    await happen(1)

    async def status(to: str) -> None:
        async with operator_database.session() as session:
            await session.execute(text("SET LOCAL session_replication_role = replica"))
            await session.execute(
                text("UPDATE agencies SET status = :to WHERE code = 'UNICEF'"), {"to": to}
            )

    await status("suspended")
    try:
        assert await deliverer.step() == 0
    finally:
        await status("active")
    assert await deliverer.step() == 1


async def test_outbound_reads_no_more_than_it_was_told(receiver: Receiver) -> None:
    outbound = Outbound(parse_allowed("127.0.0.0/8:*"))
    receiver.raw = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"y" * 5_000
    message: dict[str, Any] = {"method": "POST", "content": b'{"type":"x"}'}
    answer = await outbound.call(receiver.url, limit=10, cut=True, **message)
    assert (answer.status, answer.body) == (200, b"y" * 10)
    with pytest.raises(OutboundFailed, match="too_large"):
        await outbound.call(receiver.url, limit=10, **message)
    await outbound.close()
