"""A clearance whose process dies on the way: acknowledged means stored, sent again means once.

The short form of `test_processes`.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text

from app.auth import bound
from app.core.db import Database
from tests.conftest import ApiFor
from tests.recognition.support import ask, lone_partner

Store = Callable[..., Awaitable[None]]


async def _stored(operator: Database, partner: str) -> tuple[int, int, int]:
    """Clearances of the partner, their dependencies on it, and inquiries noted."""
    query = """SELECT (SELECT count(*) FROM clearances WHERE partner_id = :one),
      (SELECT count(*) FROM clearance_dependencies WHERE kind = 'partner' AND ref = :one ::text),
      (SELECT count(*) FROM clearance_inquiries WHERE partner_id = :one)"""
    async with operator.session() as session:
        found = (await session.execute(text(query.replace(":one", f"'{partner}'")))).one()
    return found[0], found[1], found[2]


@pytest.mark.parametrize("stored_first", [False, True])
async def test_an_end_before_and_after_the_answer_is_stored(
    api_for: ApiFor,
    operator_database: Database,
    monkeypatch: pytest.MonkeyPatch,
    stored_first: bool,
) -> None:
    wfp = await api_for("WFP")
    partner = (await lone_partner(wfp))["id"]
    body, key = ask({"id": partner}), {"Idempotency-Key": secrets.token_hex(16)}
    store: Store = bound.store

    async def dies(connection: asyncpg.Connection, *args: Any, **more: Any) -> None:
        if stored_first:
            await store(connection, *args, **more)
        raise ConnectionResetError

    monkeypatch.setattr(bound, "store", dies)
    assert (await wfp.post("/v1/clearances", json=body, headers=key)).status_code == 503
    first = await _stored(operator_database, partner)
    assert first == ((1, 1, 1) if stored_first else (0, 0, 0))
    monkeypatch.setattr(bound, "store", store)
    again = await wfp.post("/v1/clearances", json=body, headers=key)
    assert again.status_code == 201
    assert ("idempotency-replayed" in again.headers) is stored_first
    assert (await wfp.get(again.headers["location"])).content == again.content
    assert await _stored(operator_database, partner) == (1, 1, 1)


async def test_twins_get_one_answer(api_for: ApiFor, operator_database: Database) -> None:
    wfp = await api_for("WFP")
    partner = (await lone_partner(wfp))["id"]
    key = {"Idempotency-Key": secrets.token_hex(16)}
    answers = await asyncio.gather(
        *(wfp.post("/v1/clearances", json=ask({"id": partner}), headers=key) for _ in range(6))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert await _stored(operator_database, partner) == (1, 1, 1)


async def test_a_client_that_is_stopped_on_the_way_stores_nothing(
    api_for: ApiFor, operator_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    wfp = await api_for("WFP")
    partner = (await lone_partner(wfp))["id"]
    store: Store = bound.store

    async def stopped(connection: asyncpg.Connection, *args: Any, **more: Any) -> None:
        await _status(operator_database, "revoked")
        await store(connection, *args, **more)

    monkeypatch.setattr(bound, "store", stopped)
    try:
        answer = await wfp.post("/v1/clearances", json=ask({"id": partner}))
    finally:
        await _status(operator_database, "active")
    assert answer.status_code == 401
    assert await _stored(operator_database, partner) == (0, 0, 0)


async def _status(operator: Database, status: str) -> None:
    async with operator.session() as session:
        await session.execute(
            text("UPDATE clients SET status = :status WHERE id = 'WFP'"), {"status": status}
        )
