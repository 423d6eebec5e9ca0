"""What is to be compared again: put there by events, each side for itself, taken by `rescreen`.

An event costs one statement whatever its size: a list of 18,000 parties is queued at once and
worked off in small pieces, so that no consumer waits for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.events.catalogue import EventType
from app.events.models import OutboxEvent
from app.events.service import Consumer

RESCREEN_LOCK = 7_021_044
"""Whoever compares or sweeps holds it for its transaction."""

# A task that is being worked on is locked: this waits, and then puts it there once more.
AGAIN = """ON CONFLICT (kind, subject_id) DO UPDATE
  SET due_at = clock_timestamp(), failures = 0, failure = NULL"""
# S608 below: the texts are built of constants of this module, never of input.
_QUEUE = text(
    f"""INSERT INTO rescreen_tasks (kind, subject_id)
    SELECT DISTINCT :kind, unnest(CAST(:ids AS uuid[])) {AGAIN}"""
)
_OF_VERSION = text(
    f"""INSERT INTO rescreen_tasks (kind, subject_id)
    SELECT DISTINCT 'entry', entry_id FROM listed_parties
    WHERE source = :source AND :version IN (from_version, to_version) {AGAIN}"""  # noqa: S608 - texts of ours; values are bound
)
_OF_SOURCE = text(
    f"""INSERT INTO rescreen_tasks (kind, subject_id)
    SELECT 'entry', entry_id FROM listed_parties
    WHERE source = :source AND to_version IS NULL {AGAIN}"""  # noqa: S608 - texts of ours; values are bound
)
_OF_MEASURE = text(
    f"""INSERT INTO rescreen_tasks (kind, subject_id)
    SELECT 'entry', id FROM sanction_entries WHERE id = :id AND partner_id IS NULL {AGAIN}"""  # noqa: S608 - texts of ours; values are bound
)


async def queue(session: AsyncSession, kind: str, ids: Sequence[UUID]) -> None:
    """Have these compared again: profiles (``partner``), people (``person``) or parties."""
    if ids:
        await session.execute(_QUEUE, {"kind": kind, "ids": list(ids)})


async def queue_source(session: AsyncSession, code: str) -> None:
    """Have all parties of a list compared again."""
    await session.execute(_OF_SOURCE, {"source": code})


async def _profile(session: AsyncSession, event: OutboxEvent) -> None:
    others = [UUID(event.data["survivor_id"])] if "survivor_id" in event.data else []
    await queue(session, "partner", [event.subject_id, *others])


async def _loaded(session: AsyncSession, event: OutboxEvent) -> None:
    """Profiles that a load made; those it changed have an event each."""
    await queue(session, "partner", [UUID(made) for made, _ in event.data["created"]])


async def _person(session: AsyncSession, event: OutboxEvent) -> None:
    await queue(session, "person", [UUID(event.data["person_id"])])


async def _list(session: AsyncSession, event: OutboxEvent) -> None:
    """What this version added, changed or removed; the rest stays as it was compared."""
    about = {"source": event.data["source"], "version": event.data["version"]}
    await session.execute(_OF_VERSION, about)


async def _use(session: AsyncSession, event: OutboxEvent) -> None:
    await queue_source(session, event.data["source"])


async def _measure(session: AsyncSession, event: OutboxEvent) -> None:
    """Of a person; a measure on a profile names it by its id."""
    await session.execute(_OF_MEASURE, {"id": event.subject_id})


_EFFECTS = {
    EventType.PARTNER_CREATED: _profile,
    EventType.PARTNER_CHANGED: _profile,
    EventType.PARTNER_MERGED: _profile,
    EventType.PARTNER_UNMERGED: _profile,
    EventType.PARTNERS_LOADED: _loaded,
    EventType.PARTNER_PEOPLE_CHANGED: _person,
    EventType.LIST_CHANGED: _list,
    EventType.LIST_USE_CHANGED: _use,
    EventType.SANCTION_IMPOSED: _measure,
    EventType.SANCTION_BEGAN: _measure,
    EventType.SANCTION_CHANGED: _measure,
    EventType.SANCTION_LIFTED: _measure,
}


async def _effect(session: AsyncSession, event: OutboxEvent) -> None:
    await _EFFECTS[EventType(event.type)](session, event)


CONSUMERS = (Consumer("matches.queue", frozenset(_EFFECTS), _effect),)
