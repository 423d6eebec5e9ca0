"""Two statements in autocommit instead of a transaction: one effect, one answer, and nobody else's.

Between the statement that reads and the one that stores nothing is locked.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from sqlalchemy import text

from app.auth.bound import BOUND
from app.core.db import Database
from app.sanctions.screening import desk, storing
from tests.conftest import ApiFor
from tests.refusing import refusing
from tests.sanctions.screening.support import LISTED, NOBODY, URL, subject
from tests.support import World

pytestmark = pytest.mark.usefixtures("filled")
_ROWS = """SELECT (SELECT count(*) FROM screenings WHERE id = ANY ($1)) AS screenings,
    (SELECT count(*) FROM audit_events WHERE subject_id = ANY ($1)) AS events"""
_STOP = "UPDATE clients SET status = :status WHERE id = 'FAO_REVIEWER'"


def _key() -> dict[str, str]:
    return {"Idempotency-Key": secrets.token_hex(16)}


async def _stored(database: Database, *ids: str) -> tuple[int, int]:
    async with database.connection() as connection:
        row = await connection.fetchrow(_ROWS, [UUID(one) for one in ids])
    return row["screenings"], row["events"]


async def test_twins_at_once_are_one_screening_and_its_replays(
    api_for: ApiFor, operator_database: Database
) -> None:
    wfp, headers, body = await api_for("WFP"), _key(), {"subject": subject()}
    answers = await asyncio.gather(*(wfp.post(URL, json=body, headers=headers) for _ in range(12)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    first = [one for one in answers if "idempotency-replayed" not in one.headers]
    assert len(first) == 1
    assert await _stored(operator_database, first[0].json()["screening_id"]) == (1, 1)
    other = await wfp.post(URL, json={"subject": subject("Else")}, headers=headers)
    assert other.json()["code"] == "idempotency_key_reused"


async def test_twins_that_ask_differently_do_not_share_an_answer(api_for: ApiFor) -> None:
    wfp, headers = await api_for("WFP"), _key()
    names = ("Marmalade Lantern Works", "Quixotry Beekeepers of Zwyndale")
    bodies = [{"subject": subject(names[n % 2])} for n in range(8)]
    answers = await asyncio.gather(*(wfp.post(URL, json=b, headers=headers) for b in bodies))
    made = [one for one in answers if one.status_code == 201]
    assert {one.json()["code"] for one in answers if one not in made} == {"idempotency_key_reused"}
    assert len({one.content for one in made}) == 1
    assert len(made) == 4


async def test_who_asks_together_is_told_of_its_own_alone(
    api_for: ApiFor, operator_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a round one names a profile that is not there, and another's row is refused."""
    wfp, unhcr, mark = await api_for("WFP"), await api_for("UNHCR"), f"p-{secrets.token_hex(8)}"
    sizes: list[int] = []

    async def counted(connection: Any, given: Any) -> None:
        sizes.append(len(given))
        assert len({one.caller.client_id for one in given}) == 1
        await storing.store_each(connection, given)

    monkeypatch.setattr(desk, "store_each", counted)
    fine = [(api, {"subject": subject(name)}) for name in (LISTED, NOBODY) for api in (wfp, unhcr)]
    wrong = {"subject": subject(), "partner_id": str(uuid4())}
    marked = {"subject": subject()}
    async with refusing(operator_database, mark, "23514"):
        answers = await asyncio.gather(
            *(api.post(URL, json=body, headers=_key()) for api, body in (*fine, (wfp, wrong))),
            wfp.post(URL, json=marked, headers=_key() | {"X-Request-Id": mark}),
        )
    assert [one.status_code for one in answers[:5]] == [201] * 4 + [404]
    assert answers[5].status_code >= 409
    assert [bool(one.json()["hits"]) for one in answers[:4]] == [True, True, False, False]
    ids = [one.json()["screening_id"] for one in answers[:4]]
    assert await _stored(operator_database, *ids) == (4, 4)
    for one, (api, _) in zip(answers[:4], fine, strict=True):
        for reader in (wfp, unhcr):
            read = await reader.get(one.headers["location"])
            assert read.status_code == (200 if reader is api else 404)
    assert max(sizes) > 1


@asynccontextmanager
async def _stopped(database: Database) -> AsyncIterator[Any]:
    async def stop(status: str) -> None:
        async with database.session() as session:
            await session.execute(text("SET LOCAL session_replication_role = replica"))
            await session.execute(text(_STOP), {"status": status})

    try:
        yield lambda: stop("revoked")
    finally:
        await stop("active")


async def test_who_is_stopped_before_the_answer_is_stored_gets_none(
    api_for: ApiFor, operator_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    fao, seen = await api_for("FAO_REVIEWER"), []
    async with _stopped(operator_database) as stop:

        async def late(connection: Any, given: Any) -> None:
            seen.append(str(given[0].answer.body["screening_id"]))
            await stop()
            await storing.store_each(connection, given)

        monkeypatch.setattr(desk, "store_each", late)
        answer = await fao.post(URL, json={"subject": subject()}, headers=_key())
    assert answer.status_code == 401
    assert len(seen) == 1
    assert await _stored(operator_database, *seen) == (0, 0)


async def test_a_statement_is_bound_to_its_caller_and_the_next_to_nobody(
    database: Database, world: World
) -> None:
    setting = "coalesce(current_setting('app.agency_id', true), '')"
    forged = f"""{BOUND} INSERT INTO audit_events (id, event, agency_id, client_id, detail)
        SELECT gen_random_uuid(), 'screened', $2, $1, '{{}}' FROM s"""
    async with database.fast_read() as connection:
        bound = f"{BOUND} SELECT {setting} FROM s"
        assert await connection.fetchval(bound, "WFP") == str(world.agencies["WFP"])
        assert await connection.fetchval(f"SELECT {setting}") == ""
        assert await connection.fetchval(bound, "nobody") is None
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(forged, "WFP", world.agencies["UNICEF"])
        assert await connection.execute(forged, "WFP", world.agencies["WFP"]) == "INSERT 0 1"


async def test_what_fails_at_the_end_of_the_statement_is_no_answer(
    api_for: ApiFor, operator_database: Database
) -> None:
    """In autocommit the commit is part of the one statement, and so is its failure."""
    mark = f"p-{secrets.token_hex(8)}"
    wfp, headers, body = await api_for("WFP"), _key(), {"subject": subject()}
    async with refusing(operator_database, mark, "40001"):
        answer = await wfp.post(URL, json=body, headers=headers | {"X-Request-Id": mark})
    assert (answer.status_code, answer.json()["code"]) == (409, "serialization_conflict")
    again = await wfp.post(URL, json=body, headers=headers)
    assert again.status_code == 201
    assert "idempotency-replayed" not in again.headers
