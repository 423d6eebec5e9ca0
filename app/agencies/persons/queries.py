"""Every select of persons: those of one agency only."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.models import Person


async def find_person(
    session: AsyncSession, agency_id: UUID, person_id: UUID, *, lock: bool = False
) -> Person | None:
    """The agency's person of this id; with ``lock`` the row is kept until the transaction ends."""
    query = select(Person).where(Person.id == person_id, Person.agency_id == agency_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return (await session.scalars(query)).one_or_none()


async def list_persons(
    session: AsyncSession, agency_id: UUID, status: str | None, after: UUID | None, limit: int
) -> Sequence[Person]:
    """Persons of an agency, newest first, those after ``after``."""
    query = select(Person).where(Person.agency_id == agency_id)
    if status is not None:
        query = query.where(Person.status == status)
    if after is not None:
        query = query.where(Person.id < after)
    return (await session.scalars(query.order_by(Person.id.desc()).limit(limit))).all()
