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
_IDLE_S = 0.2


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


async def consume(database: Database, consumer: Consumer) -> int:
    """Apply the next events; returns how many were passed. Nothing is applied twice.

    The cursor row is locked, so two workers take turns; effect and cursor commit together.
    """
    async with database.session() as session:
        position = await session.scalar(
            text(
                "INSERT INTO consumer_cursors (name, seq) VALUES (:name, 0) "
                "ON CONFLICT (name) DO UPDATE SET seq = consumer_cursors.seq RETURNING seq"
            ),
            {"name": consumer.name},
        )
        rows = await session.scalars(
            select(OutboxEvent)
            .where(OutboxEvent.seq > position)
            .order_by(OutboxEvent.seq)
            .limit(consumer.batch)
        )
        events = list(rows)
        wanted = [event for event in events if event.type in consumer.types]
        for event in wanted:
            await consumer.effect(session, event)
        if wanted and consumer.together is not None:
            await consumer.together(session, wanted)
        if events:
            await session.execute(
                text("UPDATE consumer_cursors SET seq = :seq WHERE name = :name"),
                {"seq": events[-1].seq, "name": consumer.name},
            )
        last = events[-1].seq if events else position
        top = await session.scalar(
            text("SELECT coalesce(max(seq), 0) FROM streams WHERE name = :name"), {"name": _STREAM}
        )
    metrics.consumer_lag_events.labels(consumer.name).set(max(0, (top or 0) - (last or 0)))
    return len(events)


async def run_consumers(
    database: Database,
    consumers: Sequence[Consumer],
    stop: asyncio.Event,
    bell: Bell | None = None,
    then: Sequence[Bell] = (),
) -> None:
    """Consume until ``stop`` is set. ``bell`` ends a pause; ``then`` are rung when events passed.

    A failure is logged and tried again; an event that always fails holds up its own consumer,
    for order's sake, and no other.
    """
    bell = bell or Bell()
    while not stop.is_set():
        passed = 0
        for consumer in consumers:
            try:
                passed += await consume(database, consumer)
            except Exception as error:  # noqa: BLE001 - effects are of many features
                log.warning("consumer_failed", consumer=consumer.name, kind=type(error).__name__)
        for one in then if passed else ():
            one.ring()
        if not passed and not stop.is_set():
            await bell.pause(_IDLE_S)
