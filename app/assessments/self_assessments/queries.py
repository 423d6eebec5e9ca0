"""Every select of PSEA self-assessments. Row security decides what it finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.partners.lineage import lineage
from app.partners.visibility import visible

_COLUMNS = """SELECT s.id, s.partner_id, s.agency_id, g.code AS agency, s.methodology, s.state,
    s.version, s.sealed, s.sealed_version, s.sealed_reason, s.submitted_at, s.decided_at,
    s.assessment_id, s.created_at, s.updated_at, p.country, partner_root(s.partner_id) AS root
  FROM psea_self_assessments s JOIN agencies g ON g.id = s.agency_id
    JOIN partners p ON p.id = s.partner_id"""
_KNOWN = visible("p", "(SELECT app_agency())", ":holder")
_OF_PARTNER = f"s.partner_id IN {lineage('CAST(:partner AS uuid)')}"
_OF_AGENCY = f"s.agency_id = (SELECT app_agency()) AND {_KNOWN}"
_FILTERS = {
    "state": "s.state = :state",
    "partner_id": f"s.partner_id IN {lineage('CAST(:partner_id AS uuid)')}",
    "countries": "p.country = ANY (:countries)",
}
_PAGE = "(CAST(:at AS timestamptz) IS NULL OR (s.created_at, s.id) < (:at, CAST(:after AS uuid)))"
_ORDER = "ORDER BY s.created_at DESC, s.id DESC LIMIT :limit"
After = tuple[datetime, UUID] | None


def _after(after: After, limit: int) -> dict[str, Any]:
    at, after_id = after or (None, None)
    return {"at": at, "after": after_id, "limit": limit}


async def find_own(
    session: AsyncSession, partner_id: UUID, one: UUID, *, lock: bool = False
) -> Row[Any] | None:
    """One of the bound partner's own."""
    sql = f"{_COLUMNS} WHERE s.id = :id AND {_OF_PARTNER}" + _lock(lock)
    return (await session.execute(text(sql), {"id": one, "partner": partner_id})).one_or_none()


async def list_own(
    session: AsyncSession, partner_id: UUID, after: After, limit: int
) -> Sequence[Row[Any]]:
    """The bound partner's own, newest first."""
    sql = f"{_COLUMNS} WHERE {_OF_PARTNER} AND {_PAGE} {_ORDER}"
    values = {"partner": partner_id} | _after(after, limit)
    return (await session.execute(text(sql), values)).all()


async def find_addressed(
    session: AsyncSession, one: UUID, *, holder: bool, lock: bool = False
) -> Row[Any] | None:
    """One that was handed in to the bound agency; ``holder``: of `partners:protected`."""
    sql = f"{_COLUMNS} WHERE s.id = :id AND {_OF_AGENCY}" + _lock(lock)
    return (await session.execute(text(sql), {"id": one, "holder": holder})).one_or_none()


async def list_addressed(
    session: AsyncSession, filters: Mapping[str, Any], after: After, limit: int, *, holder: bool
) -> Sequence[Row[Any]]:
    """Those that were handed in to the bound agency, newest first."""
    values = {name: value for name, value in filters.items() if value is not None}
    clauses = [_OF_AGENCY, *(_FILTERS[name] for name in values), _PAGE]
    sql = f"{_COLUMNS} WHERE {' AND '.join(clauses)} {_ORDER}"
    values |= {"holder": holder, **_after(after, limit)}
    return (await session.execute(text(sql), values)).all()


def _lock(lock: bool) -> str:
    return " FOR NO KEY UPDATE OF s" if lock else ""
