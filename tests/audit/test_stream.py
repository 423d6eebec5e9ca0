"""Numbering: gapless, after commit, once, and never on top of a log that was changed."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.audit import leaves, notes, service
from app.audit.erasure import erase_event
from app.audit.events import Event
from app.audit.sampling import Sampler
from app.audit.stream import AuditStream
from app.core import metrics
from app.core.db import Database
from app.core.errors import NotFound, sqlstate
from app.core.sequencer import Sequencer, Stream
from tests.audit.conftest import Log
from tests.support import World


def sample(name: str) -> float:
    return metrics.registry.get_sample_value(name) or 0.0


async def _in_one(connection: asyncpg.Connection, *statements: str) -> None:
    async with connection.transaction():
        for statement in statements:
            await connection.execute(statement)


@pytest.mark.parametrize(
    ("columns", "values"),
    [
        ("at", "'-infinity'"),
        ("at", "now() - interval '1 day'"),
        ("salt", "'0123456789abcdef0123456789abcdef'"),
        ("held", "true"),
        ("held, client_id", "true, 'WFP'"),
        ("detail", "(repeat('[', 9) || repeat(']', 9))::jsonb"),
        ("detail", "(repeat('[', 5000) || repeat(']', 5000))::jsonb"),
    ],
)
async def test_a_writer_sets_neither_time_nor_salt_nor_what_no_leaf_holds(
    columns: str, values: str, database: Database, world: World
) -> None:
    sql = (
        f"INSERT INTO audit_events (id, event, agency_id, {columns}) "
        f"VALUES (uuidv7(), 'list:version:import', :agency, {values})"
    )
    async with database.session(world.agencies["WFP"]) as session:
        with pytest.raises(DBAPIError) as caught:
            await session.execute(text(sql), {"agency": world.agencies["WFP"]})
        await session.rollback()
    assert sqlstate(caught.value) in ("42501", "23514", "54001")


async def test_no_number_in_a_detail_stops_the_log(audit_log: Log) -> None:
    numbers = {"a": "9" * 5_000, "b": "-" + "9" * 400 + ".5", "c": "1e-900", "d": "-1e900"}
    members = ", ".join(f"'{name}', {value}::numeric" for name, value in numbers.items())
    async with audit_log.worker.session() as session:
        await session.execute(
            text(
                "INSERT INTO audit_events (id, event, detail) VALUES "
                f"(uuidv7(), 'list:version:import', jsonb_build_object({members}))"
            )
        )
    sequencer = Sequencer(audit_log.worker, [audit_log.stream.as_stream()])
    assert await sequencer.step() == 1


async def test_writers_that_overtake_each_other_get_gapless_numbers(audit_log: Log) -> None:
    async def write(count: int) -> None:
        for _ in range(count):
            async with audit_log.worker.session() as session:
                await service.record(session, None, Event.LIST_IMPORTED, service.Subject(uuid4()))
                await asyncio.sleep(random.random() * 0.01)
                if random.random() < 0.1:
                    await session.rollback()

    stop = asyncio.Event()
    other = Database(
        audit_log.settings.require("database_worker_url"),
        audit_log.settings,
        application="numbering",
    )
    sequencer = Sequencer(other, [audit_log.stream.as_stream()])
    leader = asyncio.create_task(sequencer.run(stop))
    writers = [asyncio.create_task(write(15)) for _ in range(6)]
    for _ in range(4):
        await asyncio.sleep(0.05)
        await audit_log.value(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE application_name = 'numbering' AND datname = current_database()"
        )
    await asyncio.gather(*writers)
    async with asyncio.timeout(20):
        left = "SELECT count(*) FROM audit_pending"
        while await audit_log.value(left):  # noqa: ASYNC110 - a database's state
            await asyncio.sleep(0.05)
    stop.set()
    await leader
    await other.close()
    count = await audit_log.value("SELECT count(*) FROM audit_events")
    assert await audit_log.value("SELECT max(seq) FROM log_leaves") == count
    assert await audit_log.value("SELECT count(*) FROM log_leaves") == count
    assert await audit_log.faults() == []


async def test_a_crash_before_commit_takes_no_number(audit_log: Log) -> None:
    await audit_log.write(5)

    async def crash(connection: asyncpg.Connection, limit: int) -> int:
        await audit_log.stream.step(connection, limit)
        raise asyncpg.PostgresError("crash after signing")

    with pytest.raises(asyncpg.PostgresError):
        await Sequencer(audit_log.worker, [Stream("audit", crash, "SELECT 0")]).step()
    assert await audit_log.value("SELECT count(*) FROM log_leaves") == 0
    assert await audit_log.number() == 5
    assert await audit_log.faults() == []


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE log_nodes SET hash = sha256('x') WHERE level = 4", "does not give the root"),
        ("DELETE FROM log_nodes WHERE level = 4", "node 4/0 is missing"),
        ("UPDATE log_leaves SET leaf_hash = sha256('x') WHERE seq = 21", "not give the root"),
        ("DELETE FROM log_leaves WHERE seq = 21", "20 leaves"),
        ("UPDATE streams SET seq = 7 WHERE name = 'audit'", "7 numbers"),
        ("UPDATE log_checkpoints SET root = sha256('x') WHERE size = 21", "than its note"),
        ("UPDATE log_checkpoints SET note = 'x' WHERE size = 21", "no signatures"),
    ],
)
async def test_a_changed_log_is_not_continued(
    statement: str, says: str, audit_log: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    await audit_log.grow(16, 5)
    others: list[int] = []

    async def other(connection: asyncpg.Connection, limit: int) -> int:
        others.append(limit)
        return 0

    await audit_log.tamper(statement)
    await audit_log.write(3)
    # Started anew, as after a restart: what is stored must be found wanting by itself.
    stream = AuditStream(audit_log.keys, audit_log.settings.issuer).as_stream()
    sequencer = Sequencer(audit_log.worker, [Stream("other", other, "SELECT 0"), stream])
    broken = sample("audit_broken_total")
    assert await sequencer.step() == await sequencer.step() == 0
    assert len(others) == 2, "other streams go on"
    assert sample("audit_broken_total") == broken + 1, "told once"
    assert sample("audit_stopped") == 1
    assert says in capsys.readouterr().out
    assert await audit_log.value("SELECT count(*) FROM audit_pending") == 3
    assert await audit_log.value("SELECT count(*) FROM log_checkpoints") == 2


async def test_a_log_cut_back_under_a_running_worker_is_not_continued(
    audit_log: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    await audit_log.grow(10, 10)
    await audit_log.grow(1)
    await audit_log.tamper(
        "DELETE FROM log_leaves WHERE seq > 10",
        "DELETE FROM log_nodes WHERE (index + 1) << level > 10",
        "DELETE FROM log_checkpoints WHERE size > 10",
        "UPDATE streams SET seq = 10 WHERE name = 'audit'",
    )
    await audit_log.write(1)
    assert await audit_log.number() == 0
    assert "the log ended at 20 and now ends at 10" in capsys.readouterr().out


_WITHOUT_SALT = "INSERT INTO audit_events (id, event, salt) VALUES (uuidv7(), 'a:b:c', '')"


async def test_every_event_waits_whoever_writes_it_and_none_lacks_its_salt(
    audit_log: Log,
) -> None:
    async with audit_log.worker.connection() as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(_WITHOUT_SALT)
        await connection.execute("INSERT INTO audit_events (id, event) VALUES (uuidv7(), 'a:b:c')")
        # Somebody queues what does not exist, or what has its number: nothing comes of it.
        await connection.execute("INSERT INTO audit_pending (event_id) VALUES (uuidv7())")
    async with audit_log.operator.connection() as connection:
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute(_WITHOUT_SALT)
    assert await audit_log.number() == 2
    async with audit_log.worker.connection() as connection:
        await connection.execute(
            "INSERT INTO audit_pending (event_id) SELECT event_id FROM log_leaves"
        )
    assert await audit_log.number() == 1
    assert await audit_log.value("SELECT count(*) FROM log_leaves") == 1
    assert await audit_log.faults() == []


@pytest.mark.parametrize("table", ["log_leaves", "log_nodes", "log_checkpoints"])
@pytest.mark.parametrize("role", ["reg_owner", "reg_app", "reg_worker", None])
async def test_the_tree_refuses_change_by_everyone(
    table: str, role: str | None, audit_log: Log
) -> None:
    await audit_log.grow(8)
    before = await audit_log.value(f"SELECT count(*) FROM {table}")
    column = {"log_leaves": "seq", "log_nodes": "index", "log_checkpoints": "size"}[table]
    async with audit_log.operator.connection() as connection:
        for statement in (
            f"UPDATE {table} SET {column} = {column} + 100",
            f"DELETE FROM {table}",
            f"TRUNCATE {table}",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await _in_one(connection, f"SET LOCAL ROLE {role or 'NONE'}", statement)
    assert await audit_log.value(f"SELECT count(*) FROM {table}") == before


def test_numbers_that_canonical_json_cannot_hold_stand_as_text() -> None:
    names = [part.strip().removeprefix("e.") for part in leaves.COLUMNS.split(",")]
    row: dict[str, Any] = {name: None for name in names if " " not in name}
    at = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    row |= {"at": at, "held": False, "detail": '{"a": 1e999, "b": 9007199254740993, "c": 0.5}'}
    body = leaves.body(row).decode()
    assert '"detail":{"a":"1e999","b":"9007199254740993","c":0.5}' in body
    assert body.startswith('{"agency_id":null,"at":"2026-03-01T09:30:00.000000Z",')
    assert '"v":1}' in body


async def test_an_erased_event_keeps_its_proof_and_loses_its_persons(audit_log: Log) -> None:
    await audit_log.grow(20)
    event = await audit_log.event_at(9)
    async with audit_log.worker.session() as session:
        await erase_event(session, None, event, "retention ended")
        await erase_event(session, None, event, "again: nothing is done")
    row = await audit_log.value(
        "SELECT num_nonnulls(client_id, person_id, office, role, reference, claimed_user, salt) "
        "FROM audit_events WHERE id = $1",
        event,
    )
    assert row == 0
    await audit_log.number()
    result = await audit_log.verify()
    assert result.faults == []
    assert (result.records, result.erased) == (21, 1)
    assert await Sampler(audit_log.keys).check(audit_log.worker) == []
    explains = "DELETE FROM audit_events WHERE event = 'audit:event:erase'"
    await audit_log.tamper(explains, "DELETE FROM log_leaves WHERE seq = 21")
    assert f"seq 9, event {event}: the event was erased, and no event says so" in (
        await audit_log.faults()
    )


async def test_nothing_else_is_ever_erased(audit_log: Log) -> None:
    await audit_log.grow(3)
    event = await audit_log.event_at(2)
    erase = (
        "UPDATE audit_events SET client_id = NULL, person_id = NULL, office = NULL, role = NULL, "
        "reference = NULL, claimed_user = NULL, detail = '{}', salt = NULL"
    )
    named = (
        "INSERT INTO audit_events (id, event, subject_id) "
        f"VALUES (uuidv7(), 'audit:event:erase', '{event}')"
    )
    this = f" WHERE id = '{event}'"
    attempts = {
        "no event names it": (erase + this,),
        "something else is changed with it": (named, f"{erase}, event = 'a:b:c'{this}"),
        "something of the person stays": (named, f"UPDATE audit_events SET salt = NULL{this}"),
        "the salt stays": (named, f"UPDATE audit_events SET client_id = NULL{this}"),
    }
    for why, statements in attempts.items():
        async with audit_log.operator.connection() as connection:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await _in_one(connection, *statements)
            assert why
    await audit_log.write(1)
    fresh = await audit_log.value("SELECT event_id FROM audit_pending")
    with pytest.raises(Exception, match="append-only"):
        async with audit_log.worker.session() as session:
            await erase_event(session, None, fresh, "has no number yet")  # type: ignore[arg-type]  # refused before it asks who
    with pytest.raises(NotFound):
        async with audit_log.worker.session() as session:
            await erase_event(session, None, uuid4(), "is not there")


async def test_the_operator_may_erase_and_the_application_may_not(audit_log: Log) -> None:
    await audit_log.grow(3)
    event = await audit_log.event_at(2)
    async with audit_log.operator.session() as session:
        await erase_event(session, None, event, "court order")
    assert await audit_log.value("SELECT salt FROM audit_events WHERE id = $1", event) is None
    app = Database(audit_log.settings.require("database_url"), audit_log.settings)
    async with app.connection() as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("UPDATE audit_events SET salt = NULL")
    await app.close()


async def test_the_sample_finds_what_was_changed(
    audit_log: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    sampler = Sampler(audit_log.keys)
    assert await sampler.check(audit_log.worker) == []
    await audit_log.grow(50, 13)
    verified, broken = sample("audit_verified_total"), sample("audit_broken_total")
    assert await sampler.check(audit_log.worker) == []
    assert sample("audit_verified_total") == verified + 63
    assert sample("unsequenced_age_seconds") == 0
    assert 0 < sample("checkpoint_age_seconds") < 60
    event = await audit_log.event_at(33)
    await audit_log.tamper(f"UPDATE audit_events SET role = 'x' WHERE id = '{event}'")
    (fault,) = await sampler.check(audit_log.worker)
    assert (fault.seq, fault.event_id) == (33, event)
    assert sample("audit_broken_total") == broken + 1
    assert "audit_broken" in capsys.readouterr().out
    await audit_log.tamper(
        "DELETE FROM log_leaves WHERE seq = 5",
        "UPDATE log_checkpoints SET root = sha256('x') WHERE size = 63",
    )
    found = [fault.what for fault in await sampler.check(audit_log.worker)]
    assert "the leaf was deleted" in found
    assert "checkpoint 63 was changed: its note says 63" in found
    assert "node 0/4 is missing" in found, "the sibling of seq 6"
    await audit_log.tamper("UPDATE log_nodes SET hash = sha256('x') WHERE level = 3")
    await audit_log.write(1)
    await audit_log.tamper("UPDATE audit_pending SET at = now() - interval '1 hour'")
    await sampler.check(audit_log.worker)
    assert sample("unsequenced_age_seconds") > 3_500


async def test_a_leaf_outside_the_tree_is_found_by_the_sample(audit_log: Log) -> None:
    await audit_log.grow(16)
    await audit_log.tamper("UPDATE log_nodes SET hash = sha256('x') WHERE level = 3 AND index = 1")
    found = await Sampler(audit_log.keys).check(audit_log.worker)
    assert {fault.seq for fault in found} == set(range(1, 9))


async def test_a_new_key_signs_and_the_old_notes_still_hold(audit_log: Log) -> None:
    await audit_log.grow(3)
    await audit_log.tamper(
        "UPDATE signing_keys SET state = 'retired', not_after = now() WHERE use = 'checkpoint'"
    )
    await audit_log.keys.ensure()
    audit_log.keys._read_at -= 31
    await audit_log.grow(3)
    sql = "SELECT note FROM log_checkpoints WHERE size = $1"
    first, second = (
        notes.parse(str(note))
        for note in (await audit_log.value(sql, 3), await audit_log.value(sql, 6))
    )
    assert first[1][0][1][:4] != second[1][0][1][:4]
    assert await audit_log.faults() == []
