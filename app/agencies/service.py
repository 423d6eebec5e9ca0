"""Use cases of agencies. Works inside the caller's transaction."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies import queries
from app.agencies.errors import AgencyNotFound, AgencyUnknown
from app.agencies.models import Agency


async def get_agency(session: AsyncSession, code: str) -> Agency:
    """The agency with this code. Raises AgencyNotFound."""
    agency = await queries.find_agency(session, code)
    if agency is None:
        raise AgencyNotFound
    return agency


async def recipient(session: AsyncSession, code: str) -> Agency:
    """The active agency a body names. Raises AgencyUnknown."""
    agency = await queries.find_agency(session, code)
    if agency is None or agency.status != "active":
        raise AgencyUnknown
    return agency


async def codes_by_id(session: AsyncSession) -> dict[UUID, str]:
    """Code of every agency by its id."""
    return await queries.codes_by_id(session)
