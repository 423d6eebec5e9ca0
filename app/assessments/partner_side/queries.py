"""Assessments as their partner reads them. Row security hides details that are not for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments.queries import COLUMNS, FROM
from app.partners.lineage import lineage

# Summaries of other partners are no secret of the database: the lineage is asked here.
_TOLD = f"""a.partner_id IN {lineage("CAST(:partner AS uuid)")}
    AND a.confidentiality <> 'AGENCY_ONLY' AND NOT withheld(a.id)
    AND (a.status IN ('final', 'superseded', 'withdrawn')
      OR (a.status = 'submitted' AND a.shown_to_partner_at IS NOT NULL))"""
_LIST = text(
    f"""SELECT {COLUMNS} {FROM} WHERE {_TOLD}
    AND (CAST(:at AS timestamptz) IS NULL OR (a.created_at, a.id) < (:at, CAST(:after AS uuid)))
    ORDER BY a.created_at DESC, a.id DESC LIMIT :limit"""
)
_DETAIL = text(
    f"""SELECT {COLUMNS}, d.version AS sealed_version, d.sealed
    {FROM} LEFT JOIN assessment_details d ON d.assessment_id = a.id
    WHERE a.id = :id AND {_TOLD}"""
)
After = tuple[datetime, UUID] | None


async def list_told(
    session: AsyncSession, partner_id: UUID, after: After, limit: int
) -> Sequence[Row[Any]]:
    """Summaries that the bound partner is told of, newest first."""
    at, after_id = after or (None, None)
    values = {"partner": partner_id, "at": at, "after": after_id, "limit": limit, "holder": True}
    return (await session.execute(_LIST, values)).all()


async def find_told(
    session: AsyncSession, partner_id: UUID, assessment_id: UUID
) -> Row[Any] | None:
    """One of them, with its sealed detail if that is for the partner."""
    values = {"partner": partner_id, "id": assessment_id, "holder": True}
    return (await session.execute(_DETAIL, values)).one_or_none()
