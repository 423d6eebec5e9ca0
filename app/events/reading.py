"""Reading an agency's events behind a sealed cursor."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.paging import Cursors
from app.events.errors import EventCursorAhead, EventsPruned
from app.events.models import AgencyEvent

_TOP = text("SELECT seq, pruned FROM event_tops WHERE agency_id = :agency")
# A cursor is good as long as what it stands before is kept; its own time never ends it.
_LIFE_S = 10 * 365 * 86_400


@dataclass(frozen=True, slots=True)
class Place:
    """The cursor of an agency: how far it has read."""

    cursors: Cursors
    agency_id: UUID

    @property
    def _binding(self) -> bytes:
        return hashlib.sha256(f"events|{self.agency_id}".encode()).digest()

    def seal(self, seq: int) -> str:
        """A cursor behind this number. It says nothing and is of no use to another agency."""
        return self.cursors.seal(self._binding, [seq], _LIFE_S)

    def open(self, cursor: str) -> int:
        """The number it stands behind. Raises CursorInvalid."""
        number: int = self.cursors.open(self._binding, cursor)[0]
        return number


@dataclass(frozen=True, slots=True)
class Found:
    """Events behind a number, and where the agency's stream ends."""

    rows: Sequence[AgencyEvent]
    after: int
    top: int

    @property
    def last(self) -> int:
        """How far one has read with these."""
        return self.rows[-1].seq if self.rows else self.after


async def find(
    session: AsyncSession, place: Place, after: int | None, limit: int, *, now: bool = False
) -> Found:
    """The agency's events behind ``after``; None for the oldest kept, or with ``now`` for none.

    Raises EventsPruned, with the cursor of the oldest kept, or EventCursorAhead.
    """
    row = (await session.execute(_TOP, {"agency": place.agency_id})).one_or_none()
    top, pruned = (row.seq, row.pruned) if row is not None else (0, 0)
    if after is None:
        after = top if now else pruned
    if after < pruned:
        raise EventsPruned(extra={"cursor": place.seal(pruned)})
    if after > top:
        raise EventCursorAhead
    if after == top:
        return Found((), after, top)
    query = (
        select(AgencyEvent)
        .where(AgencyEvent.agency_id == place.agency_id, AgencyEvent.seq > after)
        .order_by(AgencyEvent.seq)
        .limit(limit)
    )
    return Found((await session.scalars(query)).all(), after, top)


async def top_of(session: AsyncSession, agency_id: UUID) -> int:
    """Number of the agency's newest event."""
    row: Any = (await session.execute(_TOP, {"agency": agency_id})).one_or_none()
    return 0 if row is None else int(row.seq)
