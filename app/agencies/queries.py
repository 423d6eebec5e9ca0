"""Every select of agencies."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies.models import Agency, FocalPoint


async def list_agencies(session: AsyncSession, after: str | None, limit: int) -> Sequence[Agency]:
    """Agencies by code, those after ``after``."""
    query = select(Agency).order_by(Agency.code).limit(limit)
    if after is not None:
        query = query.where(Agency.code > after)
    return (await session.scalars(query)).all()


async def find_agency(session: AsyncSession, code: str) -> Agency | None:
    """The agency with this code."""
    return (await session.scalars(select(Agency).where(Agency.code == code))).one_or_none()


async def focal_points(
    session: AsyncSession, agency_id: UUID, after: str | None, limit: int
) -> Sequence[FocalPoint]:
    """Focal points of an agency by id."""
    query = select(FocalPoint).where(FocalPoint.agency_id == agency_id)
    if after is not None:
        query = query.where(FocalPoint.id > UUID(after))
    return (await session.scalars(query.order_by(FocalPoint.id).limit(limit))).all()


async def codes_by_id(session: AsyncSession) -> dict[UUID, str]:
    """Code of every agency by its id; the table holds some dozens of rows."""
    rows = await session.execute(select(Agency.id, Agency.code))
    return {row.id: row.code for row in rows}
