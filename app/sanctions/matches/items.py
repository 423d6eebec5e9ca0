"""The work items that potential matches are. Not built yet: what the re-screening calls."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.crypto import KeyRing
from app.sanctions.matches.found import Found, SubjectRef


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the work items of one subject or listed party."""

    added: int = 0
    reopened: int = 0
    obsolete: int = 0


async def found_for_subject(
    session: AsyncSession,
    keyring: KeyRing,
    subject: SubjectRef,
    found: Sequence[Found],
    *,
    streams: Collection[str] | None = None,
) -> Counts:
    """The whole truth now of this subject; what else is open of it becomes obsolete."""
    raise NotImplementedError


async def found_for_entry(
    session: AsyncSession, keyring: KeyRing, entry_id: UUID, found: Sequence[Found]
) -> Counts:
    """The whole truth now of this listed party; nothing found of one that was delisted."""
    raise NotImplementedError
