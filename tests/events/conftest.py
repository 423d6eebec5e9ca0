"""Fixtures of events: a receiver, and the worker's part of calling it, done when asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app.core.addresses import parse_allowed
from app.core.crypto import KeyRing
from app.core.db import Database
from app.core.outbound import Outbound
from app.events import service as events
from app.events.catalogue import EventType
from app.events.webhooks.delivery import Deliverer
from tests.conftest import ApiFor, Settle
from tests.events.receiver import Receiver
from tests.support import Api, World

HOOKS = "/v1/webhooks"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    one = Receiver()
    await one.open()
    yield one
    await one.close()


@pytest.fixture
async def deliverer(worker_database: Database, app: FastAPI) -> AsyncIterator[Deliverer]:
    """Of this test's own; calls 127.0.0.1."""
    outbound = Outbound(parse_allowed("127.0.0.0/8:*"))
    yield Deliverer(worker_database, KeyRing(app.state.root), outbound)
    await outbound.close()


@pytest.fixture
async def unicef(api_for: ApiFor) -> AsyncIterator[Api]:
    """Keeps webhooks; those it made are gone afterwards."""
    api = await api_for("UNICEF")
    yield api
    for one in (await api.read(HOOKS))["items"]:
        await api.delete(f"{HOOKS}/{one['id']}")


Hook = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
def hook(unicef: Api, receiver: Receiver, deliverer: Deliverer) -> Hook:
    """``await hook(types=[…])``: a webhook of UNICEF that has proved itself, with its secret."""

    async def make(**more: Any) -> dict[str, Any]:
        made = await unicef.made(HOOKS, {"url": receiver.url} | more)
        url = f"{HOOKS}/{made['id']}"
        assert (await unicef.post(f"{url}/challenge")).status_code == 202
        await deliverer.step()
        read = await unicef.read(url)
        assert read["status"] == "active", read
        receiver.calls.clear()
        receiver.most = 0
        return read | {"secret": made["secret"]}

    return make


Happen = Callable[..., Awaitable[None]]


@pytest.fixture
def happen(worker_database: Database, world: World, settle: Settle) -> Happen:
    """``await happen(3)``: so many events for UNICEF, numbered and told; their answers to
    requests of access are ``answer_by``, in order."""

    async def make(count: int = 1, kind: EventType = EventType.ACCESS_REQUEST_DUE) -> None:
        for number in range(count):
            async with worker_database.session() as session:
                owner = world.agencies["UNICEF"]
                day = f"2026-01-{number + 1:02}"
                await events.publish(session, kind, uuid4(), owner, answer_by=day)
            # Ids order by the millisecond; two of the same one may come either way round.
            await asyncio.sleep(0.002)
        await settle()

    return make


Hurry = Callable[[str], Awaitable[None]]


@pytest.fixture
def hurry(operator_database: Database) -> Hurry:
    """``await hurry(webhook_id)``: what waits for a later time waits no more."""

    async def make(webhook_id: str) -> None:
        async with operator_database.session() as session:
            await session.execute(
                text(
                    "UPDATE webhook_deliveries SET next_at = now() WHERE webhook_id = :id "
                    "AND finished_at IS NULL"
                ),
                {"id": webhook_id},
            )
            await session.execute(
                text("UPDATE webhooks SET next_at = now(), paused_until = NULL WHERE id = :id"),
                {"id": webhook_id},
            )

    return make
