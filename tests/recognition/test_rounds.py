"""Clearances that one client asks for at once share two statements, and nothing else."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from sqlalchemy import text

from app.core import limits
from app.core.db import Database
from app.recognition import clearing, desk, snapshot, storing
from app.recognition.quota import QUOTA
from app.recognition.snapshot import Question
from tests.conftest import ApiFor
from tests.recognition.support import ask, inquired, lone_partner
from tests.refusing import refusing
from tests.support import Api, World

URL = "/v1/clearances"
Before = Callable[[], Awaitable[None]]


@dataclass
class _Rounds:
    """What was stored together; ``before`` runs ahead of each.

    While the gate is shut a round waits, and all who ask meanwhile are in the next.
    """

    sizes: list[int] = field(default_factory=list)
    given: list[storing.Answered] = field(default_factory=list)
    before: Before | None = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    asking: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    async def answers_to(self, *args: Any) -> Any:
        self.waiting.release()
        await self.gate.wait()
        return await clearing.answers_to(*args)

    def release(self, scope: Any) -> None:
        limits.release(scope)
        self.asking.release()

    async def store(self, connection: asyncpg.Connection, given: Any, route: str) -> None:
        self.sizes.append(len(given))
        self.given += given
        assert len({one.caller.client_id for one in given}) == 1
        if self.before is not None:
            await self.before()
        await storing.store(connection, given, route)

    async def together(self, api: Api, *bodies: Any) -> list[asyncio.Task[httpx.Response]]:
        """Ask for all of these at once. A body may come with its headers."""
        return await self.of_each((api, *bodies))

    async def of_each(self, *asking: Any) -> list[asyncio.Task[httpx.Response]]:
        """As `together`, of some callers: so that what each asks for is one round."""
        self.gate.clear()
        async with asyncio.timeout(20):
            # As many as there are rounds at a time keep all of them busy.
            for api, *_ in asking * 2:
                _post(api, ask({"id": str(uuid4())}))
                await self.waiting.acquire()
                await self.asking.acquire()
            asked = [
                _post(api, *(body if isinstance(body, tuple) else (body,)))
                for api, *bodies in asking
                for body in bodies
            ]
            for _ in asked:
                await self.asking.acquire()
        self.gate.set()
        return asked


def _post(
    api: Api, body: dict[str, Any], headers: dict[str, str] | None = None
) -> asyncio.Task[httpx.Response]:
    return asyncio.create_task(api.post(URL, json=body, headers=headers or _key()))


@pytest.fixture
def rounds(monkeypatch: pytest.MonkeyPatch) -> _Rounds:
    seen = _Rounds()
    for name in ("store", "answers_to", "release"):
        monkeypatch.setattr(desk, name, getattr(seen, name))
    seen.gate.set()
    return seen


@pytest.fixture(scope="module")
async def partner(api_for: ApiFor) -> str:
    """Id of one that is asked about."""
    return str((await lone_partner(await api_for("UNICEF")))["id"])


def _key() -> dict[str, str]:
    return {"Idempotency-Key": secrets.token_hex(16)}


async def _kept(operator: Database, *ids: str) -> dict[str, int]:
    """Rows of these clearances, everywhere."""
    tables = {
        "clearances": "id",
        "clearance_recognitions": "clearance_id",
        "audit_events": "subject_id",
        "outbox": "subject_id",
    }
    found = {}
    async with operator.connection() as connection:
        for table, column in tables.items():
            sql = f"SELECT count(DISTINCT {column}) FROM {table} WHERE {column} = ANY ($1::uuid[])"
            found[table] = await connection.fetchval(sql, list(ids))
        sql = """SELECT count(*) FROM clearance_dependencies
            WHERE clearance_id = ANY ($1::uuid[]) AND kind = 'partner'"""
        found["partners"] = await connection.fetchval(sql, list(ids))
    return found


def _all(count: int) -> dict[str, int]:
    names = ("clearances", "clearance_recognitions", "audit_events", "outbox", "partners")
    return dict.fromkeys(names, count)


async def test_what_is_wrong_with_one_is_that_ones_error(
    api_for: ApiFor, operator_database: Database, rounds: _Rounds, partner: str
) -> None:
    """Of a round one asks for nobody, one for an unknown identifier, and one row is refused."""
    wfp, mark = await api_for("WFP"), f"p-{secrets.token_hex(8)}"
    nobody = {"scheme": "ORG_ID", "value": f"KE-NONE-{secrets.token_hex(4)}"}
    marked = (ask({"id": partner}), _key() | {"X-Request-Id": mark})
    wrong = [ask({"id": str(uuid4())}), ask({"identifier": nobody}), marked]
    async with refusing(operator_database, mark, "23514"):
        asked = await rounds.together(wfp, *wrong, *[ask({"id": partner})] * 4)
        gone, unknown, refused, *answers = await asyncio.gather(*asked)
    assert (gone.status_code, gone.json()["code"]) == (404, "partner_not_found")
    assert "IDENTITY_UNKNOWN" in [one["code"] for one in unknown.json()["reasons"]]
    assert refused.status_code >= 409
    assert [one.status_code for one in answers] == [201] * 4
    ids = [one.json()["clearance_id"] for one in answers]
    assert await _kept(operator_database, *ids) == _all(4)
    for one in answers:
        assert (await wfp.get(one.headers["location"])).content == one.content
    assert rounds.sizes == [6, 1, 1, 1, 1, 1, 1], "together, and then each alone"
    lost = {str(one.id) for one in rounds.given} - {*ids, unknown.json()["clearance_id"]}
    assert await _kept(operator_database, *lost) == _all(0)


async def test_two_agencies_are_never_in_one_round(
    api_for: ApiFor, rounds: _Rounds, partner: str
) -> None:
    wfp, unhcr = await api_for("WFP"), await api_for("UNHCR")
    bodies = [ask({"id": partner})] * 3
    answers = await asyncio.gather(*await rounds.of_each((wfp, *bodies), (unhcr, *bodies)))
    assert [one.status_code for one in answers] == [201] * 6
    assert rounds.sizes == [3, 3]
    for one, api, other in zip(
        answers, [wfp] * 3 + [unhcr] * 3, [unhcr] * 3 + [wfp] * 3, strict=True
    ):
        assert (await api.get(one.headers["location"])).content == one.content
        assert (await other.get(one.headers["location"])).status_code == 404


async def test_twins_of_a_round_are_one_answer_and_its_replays(
    api_for: ApiFor, rounds: _Rounds, partner: str
) -> None:
    wfp, key = await api_for("WFP"), _key()
    twins = [(ask({"id": partner}, amount_usd=f"{amount}.00"), key) for amount in (7, 7, 8, 7)]
    asked = await rounds.together(wfp, *twins, *[ask({"id": partner})] * 3)
    first, second, other, third, *rest = await asyncio.gather(*asked)
    assert [one.status_code for one in (first, second, third, *rest)] == [201] * 6
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    same = (first, second, third)
    assert len({one.content for one in same}) == 1
    assert ["idempotency-replayed" in one.headers for one in same] == [False, True, True]
    assert len({one.content for one in rest}) == 3
    assert rounds.sizes == [4], "no twin was stored in vain"


async def test_variations_of_a_round_count_one_after_the_other(
    api_for: ApiFor, operator_database: Database, world: World, rounds: _Rounds
) -> None:
    fao, partner = await api_for("FAO"), (await lone_partner(await api_for("UNICEF")))["id"]
    await inquired(operator_database, world.agencies["FAO"], partner, QUOTA.variations - 2)
    amounts = (1, 1, 2, 3, 1, 4, 2)
    bodies = [ask({"id": partner}, amount_usd=f"{amount}.00") for amount in amounts]
    answers = await asyncio.gather(*await rounds.together(fao, *bodies))
    # Two variations are left, however often each is asked; the others are beyond.
    assert [one.status_code for one in answers] == [201, 201, 201, 429, 201, 429, 201]
    assert rounds.sizes == [5]
    sql = "SELECT count(*) FROM clearance_inquiries WHERE partner_id = $1"
    async with operator_database.connection() as connection:
        assert await connection.fetchval(sql, partner) == QUOTA.variations


async def test_who_goes_away_takes_nobody_along(
    api_for: ApiFor, operator_database: Database, rounds: _Rounds, partner: str
) -> None:
    asked = await rounds.together(await api_for("WFP"), *[ask({"id": partner})] * 6)

    async def leave() -> None:
        asked[1].cancel()

    asked[0].cancel()  # before its round begins
    rounds.before = leave  # and on the way
    told = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(one) for one in told[:2]] == [asyncio.CancelledError] * 2
    answers = [one for one in told if isinstance(one, httpx.Response)]
    assert [one.status_code for one in answers] == [201] * 4
    ids = [one.json()["clearance_id"] for one in answers]
    assert await _kept(operator_database, *ids) == _all(4)
    assert rounds.sizes == [5]


async def test_nothing_of_a_round_is_stored_for_a_client_that_is_stopped(
    api_for: ApiFor, operator_database: Database, rounds: _Rounds, partner: str
) -> None:
    async def stop(status: str = "revoked") -> None:
        async with operator_database.session() as session:
            await session.execute(text("SET LOCAL session_replication_role = replica"))
            sql = "UPDATE clients SET status = :status WHERE id = 'FAO_REVIEWER'"
            await session.execute(text(sql), {"status": status})

    rounds.before = stop
    asked = await rounds.together(await api_for("FAO_REVIEWER"), *[ask({"id": partner})] * 4)
    try:
        answers = await asyncio.gather(*asked)
    finally:
        await stop("active")
    assert [one.status_code for one in answers] == [401] * 4
    assert rounds.sizes == [4]
    assert await _kept(operator_database, *(str(one.id) for one in rounds.given)) == _all(0)


_PLANS = """SELECT sum(generic_plans), sum(custom_plans) FROM pg_prepared_statements
    WHERE statement = $1"""


async def test_one_plan_serves_one_and_many(database: Database, partner: str) -> None:
    async with database.fast_steady() as connection:
        for count in (1, 32, 1):
            found = await snapshot.read(connection, "WFP", "", [Question(UUID(partner))] * count)
            assert [str(row["partner_id"]) for row in found] == [partner] * count
        assert await snapshot.read(connection, "nobody", "", [Question(UUID(partner))]) == []
        generic, custom = await connection.fetchrow(_PLANS, snapshot.FACTS)
    assert (generic >= 4, custom) == (True, 0)
    async with database.fast_read() as connection:
        for _ in range(7):
            await snapshot.read(connection, "WFP", "", [Question(UUID(partner))])
        generic, custom = await connection.fetchrow(_PLANS, snapshot.FACTS)
    assert (generic >= 1, custom) == (True, 5), "elsewhere five uses come first, and no more"
