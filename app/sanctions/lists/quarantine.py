"""Issues that lost too many parties at once: kept whole, until a person approves or refuses them.

The operator does this by command, with a name and a reason; both are kept with the issue, and the
log has the event. Works as reg_worker.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from pydantic_core import to_json
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.core.ids import new_id
from app.events import service as events
from app.events.catalogue import EventType
from app.sanctions.lists import staging
from app.sanctions.lists.staging import Delta
from app.sanctions.sources import ListHeader, ListSource

_HEADER: TypeAdapter[ListHeader] = TypeAdapter(ListHeader)


class NothingHeld(Exception):
    """No issue of this source is held back."""


async def hold(
    session: AsyncSession,
    source: ListSource,
    header: ListHeader,
    delta: Delta,
    base_version: int | None,
) -> UUID:
    """Keep what is staged as the issue that waits; an older one that waited goes."""
    waiting = await waiting_of(session, source.code)
    if waiting is not None and waiting.digest == header.sha256:
        found: UUID = waiting.id
        return found
    await outdate(session, source.code)
    candidate = new_id()
    await session.execute(
        _INSERT,
        {
            "id": candidate,
            "source": source.code,
            "base": base_version,
            "digest": header.sha256,
            "published": header.generated_at,
            "header": to_json(header).decode(),
            "added": delta.added,
            "changed": delta.changed,
            "removed": delta.removed,
            "before": delta.before,
        },
    )
    await staging.hold(session, candidate)
    await _tell(session, None, Event.LIST_HELD, candidate, source.code, removed=delta.removed)
    await events.publish(session, EventType.LIST_HELD, candidate, None, source=source.code)
    return candidate


async def waiting_of(session: AsyncSession, code: str) -> Any:
    """The issue of this source that waits for a person, or None."""
    return (await session.execute(_WAITING, {"s": code})).one_or_none()


async def all_waiting(session: AsyncSession) -> Sequence[Any]:
    """Every issue that waits."""
    return (await session.execute(_ALL)).all()


async def was_refused(session: AsyncSession, code: str, digest: str) -> bool:
    """Whether a person has refused these very files."""
    return bool(await session.scalar(_REFUSED, {"s": code, "digest": digest}))


async def stage_held(session: AsyncSession, code: str) -> tuple[Any, ListHeader, Delta]:
    """Stage the issue that waits: the candidate, its header, and how it differs today.

    Raises NothingHeld.
    """
    found = await waiting_of(session, code)
    if found is None:
        raise NothingHeld(f"No issue of {code} is held back.")
    await staging.take(session, found.id)
    return found, _HEADER.validate_python(found.header), await staging.compare(session, code)


async def decide(
    session: AsyncSession, candidate: UUID, code: str, state: str, by: str, reason: str
) -> None:
    """Write down who decided and why; what was kept of the issue's parties goes."""
    await session.execute(_DECIDE, {"id": candidate, "state": state, "by": by, "reason": reason})
    await session.execute(_EMPTY, {"id": candidate})
    event = Event.LIST_APPROVED if state == "approved" else Event.LIST_REFUSED
    await _tell(session, audit.OPERATOR, event, candidate, code)


async def outdate(session: AsyncSession, code: str) -> None:
    """A newer issue is in force or waits: what waited before has had its time."""
    for candidate in (await session.scalars(_OUTDATE, {"s": code})).all():
        await session.execute(_EMPTY, {"id": candidate})


async def _tell(
    session: AsyncSession,
    caller: Any,
    event: Event,
    candidate: UUID,
    code: str,
    **detail: Any,
) -> None:
    await audit.record(session, caller, event, audit.Subject(candidate), source=code, **detail)


def shown(row: Any) -> dict[str, Any]:
    """An issue that waits, as commands show it."""
    found: datetime = row.found_at
    return {
        "source": row.source,
        "candidate": str(row.id),
        "digest": row.digest,
        "found_at": found,
        "published_at": row.published_at,
        "added": row.added,
        "changed": row.changed,
        "removed": row.removed,
        "before": row.before,
    }


_COLUMNS = """id, source, base_version, digest, published_at, header, added, changed, removed,
    before, found_at"""
# S608: names of columns of ours.
_WAITING = text(
    f"SELECT {_COLUMNS} FROM list_candidates WHERE source = :s AND state = 'waiting'"  # noqa: S608 - texts of ours; values are bound
)
_ALL = text(
    f"SELECT {_COLUMNS} FROM list_candidates WHERE state = 'waiting' ORDER BY source"  # noqa: S608 - texts of ours; values are bound
)
_REFUSED = text(
    "SELECT EXISTS (SELECT FROM list_candidates WHERE source = :s AND digest = :digest "
    "AND state = 'refused')"
)
_INSERT = text(
    """INSERT INTO list_candidates (id, source, base_version, digest, published_at, header, added,
        changed, removed, before)
    VALUES (:id, :source, :base, :digest, :published, CAST(:header AS jsonb), :added, :changed,
        :removed, :before)"""
)
_DECIDE = text(
    "UPDATE list_candidates SET state = :state, decided_at = now(), decided_by = :by, "
    "reason = :reason WHERE id = :id"
)
_OUTDATE = text(
    "UPDATE list_candidates SET state = 'outdated' WHERE source = :s AND state = 'waiting' "
    "RETURNING id"
)
_EMPTY = text("DELETE FROM list_candidate_parties WHERE candidate_id = :id")
