"""Every select of agencies."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies.models import Agency, AgencySetting, FocalPoint, Office

# An applicant is nobody's business yet.
_PROFILES = """SELECT a.id, a.code, a.name, a.xm_dac, a.contact_office, a.contact_email, a.status,
    a.website, a.partner_unit, a.partner_unit_email, a.eligible_partner_types, a.version,
    coalesce(c.code, a.custodian_office) AS custodian,
    (SELECT json_build_object('statement', s.statement, 'signed_on', s.signed_on,
        'source', s.source, 'confirmed', s.confirmed)
     FROM agency_signatories s WHERE s.agency_id = a.id ORDER BY s.version DESC LIMIT 1)
      AS mutual_recognition
    FROM agencies a LEFT JOIN agencies c ON c.id = a.custodian_agency
    WHERE a.status <> 'applicant'"""


async def list_profiles(
    session: AsyncSession, status: str | None, after: str | None, limit: int
) -> Sequence[Row[Any]]:
    """Public profiles by code, those after ``after``."""
    sql, values = _PROFILES, {"limit": limit, "status": status, "after": after}
    if status is not None:
        sql += " AND a.status = :status"
    if after is not None:
        sql += " AND a.code > :after"
    wanted = {key: value for key, value in values.items() if value is not None}
    return (await session.execute(text(f"{sql} ORDER BY a.code LIMIT :limit"), wanted)).all()


async def find_profile(session: AsyncSession, code: str) -> Row[Any] | None:
    """The public profile of an agency."""
    return (
        await session.execute(text(f"{_PROFILES} AND a.code = :code"), {"code": code})
    ).one_or_none()


async def find_agency(session: AsyncSession, code: str) -> Agency | None:
    """The agency with this code, applicants too."""
    return (await session.scalars(select(Agency).where(Agency.code == code))).one_or_none()


async def focal_points(
    session: AsyncSession, agency_id: UUID, after: str | None, limit: int
) -> Sequence[FocalPoint]:
    """Focal points of an agency by id."""
    query = select(FocalPoint).where(FocalPoint.agency_id == agency_id)
    if after is not None:
        query = query.where(FocalPoint.id > UUID(after))
    return (await session.scalars(query.order_by(FocalPoint.id).limit(limit))).all()


async def find_focal_point(
    session: AsyncSession, agency_id: UUID, focal_point_id: UUID
) -> FocalPoint | None:
    """A focal point of this agency, held until the transaction ends."""
    query = select(FocalPoint).where(
        FocalPoint.agency_id == agency_id, FocalPoint.id == focal_point_id
    )
    return (await session.scalars(query.with_for_update())).one_or_none()


async def offices(
    session: AsyncSession, agency_id: UUID, active: bool | None, after: str | None, limit: int
) -> Sequence[Office]:
    """Offices of an agency by code, those after ``after``."""
    query = select(Office).where(Office.agency_id == agency_id)
    if active is not None:
        query = query.where(Office.active == active)
    if after is not None:
        query = query.where(Office.code > after)
    return (await session.scalars(query.order_by(Office.code).limit(limit))).all()


async def find_office(session: AsyncSession, agency_id: UUID, office_id: UUID) -> Office | None:
    """An office of this agency, held until the transaction ends."""
    query = select(Office).where(Office.agency_id == agency_id, Office.id == office_id)
    return (await session.scalars(query.with_for_update())).one_or_none()


async def setting_on(
    session: AsyncSession, agency_id: UUID, key: str, day: date
) -> AgencySetting | None:
    """The row of a setting that is in effect on a day, if row security shows it."""
    query = select(AgencySetting).where(
        AgencySetting.agency_id == agency_id,
        AgencySetting.key == key,
        AgencySetting.superseded_at.is_(None),
        AgencySetting.effective_from <= day,
        (AgencySetting.effective_to.is_(None)) | (AgencySetting.effective_to >= day),
    )
    return (await session.scalars(query)).one_or_none()


async def setting_version(session: AsyncSession, agency_id: UUID, key: str) -> int:
    """How often a setting was set."""
    version: int = await session.scalar(
        text(
            "SELECT coalesce(max(version), 0) FROM agency_settings "
            "WHERE agency_id = :agency AND key = :key"
        ),
        {"agency": agency_id, "key": key},
    )
    return version


async def setting_history(
    session: AsyncSession, agency_id: UUID, key: str, before: int | None, limit: int
) -> Sequence[AgencySetting]:
    """Rows of a setting, newest first, those before a version."""
    query = select(AgencySetting).where(
        AgencySetting.agency_id == agency_id, AgencySetting.key == key
    )
    if before is not None:
        query = query.where(AgencySetting.version < before)
    return (await session.scalars(query.order_by(AgencySetting.version.desc()).limit(limit))).all()


async def active_by_code(session: AsyncSession) -> dict[str, UUID]:
    """Id of every active agency by its code."""
    rows = await session.execute(
        select(Agency.code, Agency.id).where(Agency.status == "active").order_by(Agency.code)
    )
    return {row.code: row.id for row in rows}


async def codes_by_id(session: AsyncSession) -> dict[UUID, str]:
    """Code of every agency by its id; the table holds some dozens of rows."""
    rows = await session.execute(select(Agency.id, Agency.code))
    return {row.id: row.code for row in rows}
