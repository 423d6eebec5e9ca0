"""What the database itself keeps: money within the finding, two persons, texts as they were."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.assessments.types.assurance_parts import BANDS
from app.core.db import Database
from tests.assessments.findings.support import CLOSING, REOPENING, do, make_finding, refund
from tests.assessments.support import DENIED, denied, run
from tests.conftest import ApiFor
from tests.support import World

VIOLATED = "23514"
SETTLE = (
    "INSERT INTO finding_resolutions (id, finding_id, assessment_id, owner_agency, kind, "
    "amount_usd, settled_on, reverses, sealed, recorded_client) VALUES (:id, :finding, "
    ":assessment, :owner, 'write_off', :amount, '2026-06-01', :reverses, 'x', 'test')"
)


@pytest.fixture(autouse=True)
async def _no_leftovers(operator_database: Database) -> AsyncIterator[None]:
    """Others open every text there is; those made here by SQL are none."""
    yield
    async with operator_database.session() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(text("DELETE FROM finding_resolutions WHERE sealed = 'x'"))


def entry(one: dict[str, Any], world: World, amount: str, **more: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "id": uuid4(),
        "finding": UUID(one["id"]),
        "assessment": UUID(one["assessment_id"]),
        "owner": world.agencies["UNICEF"],
        "amount": Decimal(amount),
        "reverses": None,
    }
    return values | more


async def test_of_many_at_once_no_more_is_settled_than_there_is(
    api_for: ApiFor, world: World, database: Database, operator_database: Database
) -> None:
    """Past the service, whose lock would make them take turns: the table itself refuses."""
    unicef = await api_for("UNICEF")
    one = await make_finding(unicef, usd="100.00")
    owner = world.agencies["UNICEF"]
    start = asyncio.Barrier(8)

    async def write() -> bool:
        async with database.session(owner) as session:
            await session.execute(text("SELECT 1"))
            await start.wait()
            try:
                await session.execute(text(SETTLE), entry(one, world, "30.00"))
            except DBAPIError:
                await session.rollback()
                return False
        return True

    done = await asyncio.gather(*(write() for _ in range(8)))
    assert sum(done) == 3
    async with operator_database.connection() as connection:
        resolved = await connection.fetchval(
            "SELECT resolved_usd FROM assessment_findings WHERE id = $1", UUID(one["id"])
        )
    assert resolved == Decimal("90.00")


async def test_concurrent_requests_settle_each_part_once(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    one = await make_finding(unicef, usd="100.00")
    codes = await asyncio.gather(
        *(do(unicef, one["id"], "resolutions", refund("40.00")) for _ in range(6))
    )
    assert sorted(status for status, _ in codes) == [201, 201, 422, 422, 422, 422]
    assert (await unicef.read(f"/v1/findings/{one['id']}"))["pending_usd"] == "20.00"


async def test_a_settlement_and_a_closing_at_once_leave_nothing_pending(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    one = await make_finding(unicef, usd="10.00", priority="LOW")
    await do(unicef, one["id"], "resolutions", refund("10.00"))
    read = await unicef.read(f"/v1/findings/{one['id']}")
    wrong = {"reverses": read["resolutions"][0]["id"], "settled_on": "2026-06-03"}
    await asyncio.gather(
        do(unicef, one["id"], "closing", CLOSING),
        do(unicef, one["id"], "resolutions", wrong | {"reference": "Typed twice"}),
    )
    after = await unicef.read(f"/v1/findings/{one['id']}")
    assert (after["state"], after["pending_usd"]) in (("closed", "0.00"), ("open", "10.00"))


@pytest.mark.parametrize("amount", ["100.01", "0.00", "-1.00"])
async def test_raw_sql_settles_no_more_either(
    api_for: ApiFor, world: World, database: Database, amount: str
) -> None:
    one = await make_finding(await api_for("UNICEF"), usd="100.00")
    owner = world.agencies["UNICEF"]
    assert await denied(database, owner, SETTLE, **entry(one, world, amount)) == VIOLATED


async def test_a_reversal_is_of_the_same_amount_kind_and_finding(
    api_for: ApiFor, world: World, database: Database
) -> None:
    unicef, owner = await api_for("UNICEF"), world.agencies["UNICEF"]
    one, other = await make_finding(unicef), await make_finding(unicef)
    first = entry(one, world, "60.00")
    await run(database, owner, SETTLE, **first)
    for wrong in (
        entry(one, world, "-59.00", reverses=first["id"]),
        entry(other, world, "-60.00", reverses=first["id"]),
        entry(one, world, "60.00", reverses=first["id"]),
    ):
        assert await denied(database, owner, SETTLE, **wrong) == VIOLATED
    right = entry(one, world, "-60.00", reverses=first["id"])
    await run(database, owner, SETTLE, **right)
    again = entry(one, world, "-60.00", reverses=first["id"])
    assert await denied(database, owner, SETTLE, **again) in ("23505", VIOLATED)


async def test_a_closed_finding_takes_no_money(
    api_for: ApiFor, world: World, database: Database
) -> None:
    unicef, owner = await api_for("UNICEF"), world.agencies["UNICEF"]
    one = await make_finding(unicef, usd="0.00", priority="LOW")
    await do(unicef, one["id"], "closing", CLOSING)
    assert await denied(database, owner, SETTLE, **entry(one, world, "1.00")) == VIOLATED
    await do(unicef, one["id"], "reopening", REOPENING)
    assert await denied(database, owner, SETTLE, **entry(one, world, "1.00")) == VIOLATED


_CLOSE = "UPDATE assessment_findings SET state = 'closed', closed_at = now(), closed_by = :who"
_VERIFY = ", verified_at = now(), verified_by = :second"


@pytest.mark.parametrize(
    ("sql", "who", "second"),
    [
        (_CLOSE, "UNICEF", None),
        (_CLOSE + _VERIFY, "UNICEF", "UNICEF"),
        (_CLOSE + _VERIFY, "UNICEF", "WFP"),
        (_CLOSE + _VERIFY, "WFP", "UNICEF"),
    ],
)
async def test_high_priority_is_closed_by_two_persons_of_the_owner(
    api_for: ApiFor, world: World, database: Database, sql: str, who: str, second: str | None
) -> None:
    one = await make_finding(await api_for("UNICEF"), usd="0.00")
    values: dict[str, Any] = {"id": UUID(one["id"]), "who": world.persons[who]}
    if second:
        values["second"] = world.persons[second]
    owner = world.agencies["UNICEF"]
    assert await denied(database, owner, sql + " WHERE id = :id", **values) == VIOLATED
    two = values | {
        "who": world.persons["UNICEF"],
        "second": world.persons["UNICEF_APPROVER"],
    }
    await run(database, owner, _CLOSE + _VERIFY + " WHERE id = :id", **two)


async def test_money_pending_keeps_it_open_in_raw_sql_too(
    api_for: ApiFor, world: World, database: Database
) -> None:
    one = await make_finding(await api_for("UNICEF"), usd="1.00", priority="LOW")
    values = {"id": UUID(one["id"]), "who": world.persons["UNICEF"]}
    owner = world.agencies["UNICEF"]
    assert await denied(database, owner, _CLOSE + " WHERE id = :id", **values) == VIOLATED


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE assessment_findings SET resolved_usd = amount_usd",
        "UPDATE assessment_findings SET amount_usd = 0",
        "UPDATE assessment_findings SET withdrawn = true",
        "UPDATE assessment_findings SET priority = 'LOW'",
        "UPDATE finding_resolutions SET amount_usd = 1",
        "DELETE FROM assessment_findings",
        "DELETE FROM finding_resolutions",
        "DELETE FROM finding_actions",
        "UPDATE finding_actions SET sealed = 'x'",
    ],
)
async def test_what_was_recorded_stays(world: World, database: Database, sql: str) -> None:
    assert await denied(database, world.agencies["UNICEF"], sql) == DENIED


async def test_no_text_of_a_finding_is_readable_in_a_dump(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    one = await make_finding(unicef, recommendation="Canary: refund")
    await do(unicef, one["id"], "resolutions", refund("1.00"))
    async with operator_database.connection() as connection:
        for table in ("assessment_findings", "finding_resolutions", "finding_actions"):
            rows = await connection.fetch(f"SELECT t::text FROM {table} t")
            for needle in ("Canary", b"Canary".hex()):
                assert not [row for row in rows if needle in row[0]], table


async def test_the_database_has_the_bands_of_the_data(operator_database: Database) -> None:
    limits = [band.up_to for band in BANDS.bands if band.up_to is not None]
    tried = [amount for limit in limits for amount in (limit, limit + Decimal("0.01"))]
    async with operator_database.connection() as connection:
        for amount in tried:
            band = await connection.fetchval("SELECT unsupported_band($1)", amount)
            assert band == BANDS.of(amount), amount
