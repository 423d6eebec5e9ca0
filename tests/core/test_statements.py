"""What a request costs the database is constant and small; a failed commit is never a success."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import event, text

from app.core.db import Database, NotCommitted
from tests.assessments.factories import make_assessment
from tests.conftest import ApiFor
from tests.partners.factories import make_partner, partner_body
from tests.support import Api

_FRAME = ("BEGIN", "COMMIT", "ROLLBACK", "SELECT set_config")


@contextmanager
def _counted(database: Database) -> Iterator[list[str]]:
    """Statements the application sends, without BEGIN, the agency binding and COMMIT."""
    seen: list[str] = []

    def log(record: Any) -> None:
        if not record.query.startswith(_FRAME):
            seen.append(record.query)

    def listen(connection: Any, _record: Any, _proxy: Any) -> None:
        connection.driver_connection.add_query_logger(log)

    def leave(connection: Any, _record: Any) -> None:
        if connection is not None and not connection.driver_connection.is_closed():
            connection.driver_connection.remove_query_logger(log)

    pools = [database.engine.sync_engine, database.steady.sync_engine]
    for pool in pools:
        event.listen(pool, "checkout", listen)
        event.listen(pool, "checkin", leave)
    try:
        yield seen
    finally:
        for pool in pools:
            event.remove(pool, "checkout", listen)
            event.remove(pool, "checkin", leave)


Call = Callable[[Api, str], Awaitable[Any]]


def _ask(partner_id: str) -> dict[str, Any]:
    return {"partner": {"id": partner_id}, "country": "KEN", "purpose": "CONTRACTING"}


HOT: dict[str, tuple[int, Call]] = {
    "profile": (1, lambda api, key: api.get(f"/v1/partners/{key}")),
    "profiles": (1, lambda api, key: api.get("/v1/partners?limit=50")),
    "clearance": (2, lambda api, key: api.post("/v1/clearances", json=_ask(key))),
    "screening": (
        2,
        lambda api, key: api.post(
            "/v1/screenings", json={"subject": {"kind": "person", "names": ["Some One"]}}
        ),
    ),
    "manifest": (1, lambda api, key: api.get("/v1/feeds/sanctions/manifest")),
}


@pytest.mark.parametrize("name", HOT)
async def test_a_hot_request_takes_this_many_statements(
    api_for: ApiFor, database: Database, settle: Callable[[], Awaitable[None]], name: str
) -> None:
    unicef = await api_for("UNICEF")
    partner = await make_partner(unicef)
    await settle()
    expected, call = HOT[name]
    await call(unicef, partner["id"])  # what is remembered per process is remembered now
    for more in range(2):
        for _ in range(more * 3):
            await make_assessment(unicef, partner["id"])
        with _counted(database) as seen:
            assert (await call(unicef, partner["id"])).status_code in (200, 201)
            await asyncio.sleep(0.05)  # the driver reports a statement a turn later
        assert len(seen) == expected, seen


async def test_many_clearances_at_once_share_their_statements(
    api_for: ApiFor, database: Database, settle: Callable[[], Awaitable[None]]
) -> None:
    unicef = await api_for("UNICEF")
    partner = await make_partner(unicef)
    await settle()
    await unicef.post("/v1/clearances", json=_ask(partner["id"]))
    with _counted(database) as seen:
        calls = (unicef.post("/v1/clearances", json=_ask(partner["id"])) for _ in range(16))
        answers = await asyncio.gather(*calls)
        await asyncio.sleep(0.05)
    assert {one.status_code for one in answers} == {201}
    assert len(set(seen)) == 2, "one text for one and for many"
    assert len(seen) in (2, 4, 6, 8), "a few rounds, two statements each"


async def test_a_commit_that_fails_is_not_answered_as_a_success(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    name = f"Refused at commit {uuid4().hex}"
    async with operator_database.session() as session:
        await session.execute(
            text(
                "CREATE FUNCTION refuse_at_commit() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN IF NEW.legal_name LIKE 'Refused at commit%' THEN "
                "RAISE EXCEPTION 'no' USING ERRCODE = '40001'; END IF; RETURN NULL; END $$"
            )
        )
        await session.execute(
            text(
                "CREATE CONSTRAINT TRIGGER refuse_at_commit AFTER INSERT ON partners "
                "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_at_commit()"
            )
        )
    try:
        answer = await unicef.post("/v1/partners", json=partner_body(legal_name=name))
    finally:
        async with operator_database.session() as session:
            await session.execute(text("DROP TRIGGER refuse_at_commit ON partners"))
            await session.execute(text("DROP FUNCTION refuse_at_commit()"))
    assert (answer.status_code, answer.json()["code"]) == (409, "serialization_conflict")


async def test_a_transaction_that_failed_unnoticed_is_not_taken_for_stored(
    database: Database,
) -> None:
    with pytest.raises(NotCommitted):
        await _swallow_a_failure(database)


async def _swallow_a_failure(database: Database) -> None:
    async with database.fast_write(None) as connection:
        with suppress(asyncpg.DivisionByZeroError):
            await connection.execute("SELECT 1 / 0")
