"""Publishing to the outbox, numbering it, and consuming it exactly once in effect."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import structlog
from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import metrics
from app.core.bell import Bell
from app.core.db import Database
from app.core.ids import new_id
from app.core.sequencer import Stream, take_numbers
from app.events.catalogue import EventType
from app.events.models import OutboxEvent

log = structlog.get_logger()
_STREAM = "events"
PAUSE_S = 0.2


async def publish(
    session: AsyncSession,
    kind: EventType,
    subject_id: UUID,
    agency_id: UUID | None = None,
    **data: Any,
) -> None:
    """Add an event to the caller's transaction. ``data`` holds ids and codes, never contents."""
    await session.execute(
        insert(OutboxEvent)
        .values(id=new_id(), type=kind.value, agency_id=agency_id, subject_id=subject_id, data=data)
        .inline()
    )


async def _number(connection: asyncpg.Connection, limit: int) -> int:
    rows = await connection.fetch(
        "SELECT id FROM outbox WHERE seq IS NULL ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED", limit
    )
    if rows:
        first = await take_numbers(connection, _STREAM, len(rows))
        await connection.execute(
            "UPDATE outbox SET seq = n.seq, numbered_at = clock_timestamp() "
            "FROM unnest($1::uuid[], $2::bigint[]) AS n (id, seq) WHERE outbox.id = n.id",
            [row["id"] for row in rows],
            list(range(first, first + len(rows))),
        )
    return len(rows)


STREAM = Stream(
    name=_STREAM,
    step=_number,
    oldest="SELECT extract(epoch FROM now() - min(at)) FROM outbox WHERE seq IS NULL",
)

Effect = Callable[[AsyncSession, OutboxEvent], Awaitable[None]]
Together = Callable[[AsyncSession, Sequence[OutboxEvent]], Awaitable[None]]


async def _nothing(session: AsyncSession, event: OutboxEvent) -> None:
    """The effect of one event where the batch has one."""


@dataclass(frozen=True, slots=True)
class Consumer:
    """Applies events of some types in order. ``effect`` runs in the transaction of the cursor.

    ``together`` takes those of a batch at once, in the same transaction.
    """

    name: str
    types: frozenset[EventType]
    effect: Effect = _nothing
    batch: int = 100
    together: Together | None = None


_HERE = text(
    "INSERT INTO consumer_cursors (name, seq) VALUES (:name, 0) "
    "ON CONFLICT (name) DO UPDATE SET seq = consumer_cursors.seq RETURNING seq"
)
_NEXT = text(
    """SELECT count(*) AS passed, max(n.seq) AS last FROM (
      SELECT seq FROM outbox WHERE seq > :position ORDER BY seq LIMIT :batch) n"""
)
_MOVE = text("UPDATE consumer_cursors SET seq = :seq WHERE name = :name")


async def consume(database: Database, consumer: Consumer) -> int:
    """Apply the next events; returns how many were passed. Nothing is applied twice.

    The cursor row is locked, so two workers take turns; effect and cursor commit together.
    """
    async with database.session() as session:
        position = await session.scalar(_HERE, {"name": consumer.name})
        ahead = {"position": position, "batch": consumer.batch}
        passed, last = (await session.execute(_NEXT, ahead)).one()
        if not passed:
            return 0
        rows = await session.scalars(
            select(OutboxEvent)
            .where(OutboxEvent.seq > position, OutboxEvent.seq <= last)
            .where(OutboxEvent.type.in_(sorted(consumer.types)))
            .order_by(OutboxEvent.seq)
        )
        wanted = list(rows)
        for event in wanted:
            await consumer.effect(session, event)
        if wanted and consumer.together is not None:
            await consumer.together(session, wanted)
        await session.execute(_MOVE, {"seq": last, "name": consumer.name})
    return int(passed)


_FURTHEST = 5_000
"""Events that are looked through for a consumer at once."""
# One snapshot: who has events of its types before it, and who only others.
_LOOK = """SELECT w.name, c.seq, t.top, u.seq AS upto, c.seq IS NULL OR EXISTS (
      SELECT FROM outbox o WHERE o.seq > c.seq AND o.seq <= u.seq AND o.type = ANY (w.types::text[])
    ) AS due
    FROM unnest($1::text[], $2::text[]) AS w (name, types)
      LEFT JOIN consumer_cursors c ON c.name = w.name
      CROSS JOIN (SELECT coalesce(max(seq), 0) AS top FROM streams WHERE name = $3) t
      CROSS JOIN LATERAL (SELECT least(t.top, c.seq + $4::int) AS seq) u"""
_MOVE_ON = """UPDATE consumer_cursors c SET seq = n.upto
    FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS n (name, seq, upto)
    WHERE c.name = n.name AND c.seq = n.seq"""


async def due(database: Database, consumers: Sequence[Consumer]) -> list[Consumer]:
    """Those that have something to do. Past events that do not concern a consumer its cursor is
    moved, unless another worker has moved it.
    """
    names = [one.name for one in consumers]
    types = [f"{{{','.join(sorted(one.types))}}}" for one in consumers]
    async with database.connection() as connection:
        rows = await connection.fetch(_LOOK, names, types, _STREAM, _FURTHEST)
        idle = [row for row in rows if not row["due"] and row["upto"] > row["seq"]]
        if idle:
            columns = ([row[name] for row in idle] for name in ("name", "seq", "upto"))
            await connection.execute(_MOVE_ON, *columns)
    found = {row["name"] for row in rows if row["due"]}
    for row in rows:
        behind = max(0, row["top"] - (row["seq"] or 0)) if row["due"] else 0
        metrics.consumer_lag_events.labels(row["name"]).set(behind)
    return [one for one in consumers if one.name in found]


async def run_consumers(
    database: Database,
    consumers: Sequence[Consumer],
    stop: asyncio.Event,
    bell: Bell | None = None,
    then: Sequence[Bell] = (),
) -> None:
    """Consume until ``stop`` is set; what comes within a fifth of a second is taken together,
    unless ``bell`` ends the pause. ``then`` are rung when events passed.

    A failure is logged and tried again; an event that always fails holds up its own consumer,
    for order's sake, and no other.
    """
    bell = bell or Bell()
    while not stop.is_set():
        more = passed = False
        for consumer in await due(database, consumers):
            try:
                taken = await consume(database, consumer)
                more, passed = more or taken >= consumer.batch, passed or taken > 0
            except Exception as error:  # noqa: BLE001 - effects are of many features
                log.warning("consumer_failed", consumer=consumer.name, kind=type(error).__name__)
        for one in then if passed else ():
            one.ring()
        if not more and not stop.is_set():
            await bell.pause(PAUSE_S)
