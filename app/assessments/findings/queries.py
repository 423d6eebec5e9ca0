"""Every select of findings. Row security decides what it finds; see the migration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.partners.lineage import lineage
from app.partners.visibility import visible

_AGENCY = "(SELECT app_agency())"
_OVERDUE = "(f.state = 'open' AND f.due_on < current_date)"
_COLUMNS = f"""f.id, f.assessment_id, f.partner_id, o.code AS owner_agency,
    f.owner_agency AS owner_id, a.type, f.part, f.position, f.code, f.priority, f.found_on,
    f.due_on, coalesce({_OVERDUE}, false) AS overdue, f.state, f.closed_at, f.verified_at,
    f.version, f.created_at, f.sealed, f.amount_usd, f.resolved_usd,
    f.amount_usd - f.resolved_usd AS pending_usd, f.closed_by"""
_FROM = """FROM assessment_findings f JOIN assessments a ON a.id = f.assessment_id
    JOIN agencies o ON o.id = f.owner_agency"""

_ONE = text(f"SELECT {_COLUMNS} {_FROM} WHERE f.id = :id")
_LOCK = text(f"SELECT {_COLUMNS} {_FROM} WHERE f.id = :id FOR NO KEY UPDATE OF f")
_OF_ASSESSMENT = text(
    f"""SELECT {_COLUMNS} {_FROM} WHERE f.assessment_id = :assessment
      AND (CAST(:part AS text) IS NULL OR (f.part, f.position) > (:part, CAST(:position AS int)))
    ORDER BY f.part, f.position LIMIT :limit"""
)
_TOTALS = text(
    f"""SELECT count(*) AS findings, count(*) FILTER (WHERE f.state <> 'closed') AS open,
      count(*) FILTER (WHERE f.state <> 'closed' AND f.priority = 'HIGH') AS open_high,
      count(*) FILTER (WHERE {_OVERDUE}) AS overdue,
      coalesce(sum(f.amount_usd), 0.00) AS amount_usd,
      coalesce(sum(f.resolved_usd), 0.00) AS resolved_usd,
      coalesce(sum(f.amount_usd - f.resolved_usd), 0.00) AS pending_usd
    FROM assessment_findings f WHERE f.assessment_id = :assessment"""  # noqa: S608 - constants
)
# Another's only where every agency may read the detail; what is shared is read with its assessment,
# for the purpose it is shared for.
_LISTED = f"""{_FROM} JOIN partners p ON p.id = f.partner_id
    WHERE NOT f.withdrawn AND f.level = ANY (:levels) AND (f.owner_agency = {_AGENCY}
      OR (f.level = 'INTER_AGENCY' AND {visible("p", _AGENCY, ":holder")}))"""
_FILTERS = {
    "partner_id": f"f.partner_id IN {lineage(':partner_id')}",
    "owner_agency": "o.code = :owner_agency",
    "assessment_id": "f.assessment_id = :assessment_id",
    "state": "f.state = :state",
    "priority": "f.priority = :priority",
    "overdue": f"coalesce({_OVERDUE}, false) = :overdue",
    "countries": "p.country = ANY (:countries)",
}
_OWN = f"""{_FROM} WHERE f.partner_id IN (SELECT partner_lineage(:partner))
    AND (CAST(:id AS uuid) IS NULL OR f.id = :id)"""
_RESOLUTIONS = text(
    """SELECT r.id, r.kind, r.amount_usd, r.settled_on, r.reverses, r.sealed, r.recorded_at
    FROM finding_resolutions r WHERE r.finding_id = :id ORDER BY r.recorded_at, r.id"""
)
_ACTIONS = text(
    """SELECT c.id, c.finding_id, c.kind, c.by_partner, c.sealed, c.made_at FROM finding_actions c
    WHERE c.finding_id = ANY (:ids) ORDER BY c.made_at, c.id"""
)
_REVERSIBLE = text(
    """SELECT r.id, r.kind, r.amount_usd FROM finding_resolutions r
    WHERE r.id = :id AND r.finding_id = :finding AND r.reverses IS NULL
      AND NOT EXISTS (SELECT 1 FROM finding_resolutions x WHERE x.reverses = r.id)"""
)
_SUMMARY = text(
    """SELECT o.code AS owner_agency, s.open_findings, s.open_high,
      s.oldest_open_high AS oldest_open_high_on, s.overdue, s.pending_unsupported_band
    FROM partner_findings(:partner, :deep) s JOIN agencies o ON o.id = s.owner_agency
    ORDER BY o.code"""
)


async def find(session: AsyncSession, finding_id: UUID) -> Row[Any] | None:
    """The finding, if row security shows it."""
    return (await session.execute(_ONE, {"id": finding_id})).one_or_none()


async def lock(session: AsyncSession, finding_id: UUID) -> Row[Any] | None:
    """The caller's own finding, locked against other writers."""
    return (await session.execute(_LOCK, {"id": finding_id})).one_or_none()


async def of_assessment(
    session: AsyncSession, assessment_id: UUID, after: Sequence[Any] | None, limit: int
) -> Sequence[Row[Any]]:
    """Findings of an assessment in the order of its detail, those after (part, position)."""
    part, position = after or (None, None)
    values = {"assessment": assessment_id, "part": part, "position": position, "limit": limit}
    return (await session.execute(_OF_ASSESSMENT, values)).all()


async def totals(session: AsyncSession, assessment_id: UUID) -> dict[str, Any]:
    """Counts and sums over the findings of an assessment."""
    row = (await session.execute(_TOTALS, {"assessment": assessment_id})).one()
    return dict(row._mapping)


async def list_findings(
    session: AsyncSession,
    filters: Mapping[str, Any],
    after: Sequence[Any] | None,
    limit: int,
    *,
    levels: Sequence[str],
    holder: bool,
) -> Sequence[Row[Any]]:
    """Findings of the caller's agency, and those that are for every agency; newest first."""
    values = {name: value for name, value in filters.items() if value is not None}
    clauses = [_FILTERS[name] for name in values]
    values |= {"levels": list(levels), "holder": holder, "limit": limit}
    return await _newest(session, " AND ".join([_LISTED, *clauses]), values, after)


async def list_own(
    session: AsyncSession,
    partner_id: UUID,
    after: Sequence[Any] | None,
    limit: int,
    one: UUID | None = None,
) -> Sequence[Row[Any]]:
    """Findings about the bound partner and what was merged into it, newest first; or one."""
    return await _newest(session, _OWN, {"partner": partner_id, "id": one, "limit": limit}, after)


async def _newest(
    session: AsyncSession, where: str, values: dict[str, Any], after: Sequence[Any] | None
) -> Sequence[Row[Any]]:
    if after is not None:
        where += " AND (f.created_at, f.id) < (:after_at, :after_id)"
        values = values | {"after_at": after[0], "after_id": after[1]}
    sql = f"SELECT {_COLUMNS} {where} ORDER BY f.created_at DESC, f.id DESC LIMIT :limit"
    return (await session.execute(text(sql), values)).all()


async def resolutions(session: AsyncSession, finding_id: UUID) -> Sequence[Row[Any]]:
    """Resolutions of a finding, oldest first."""
    return (await session.execute(_RESOLUTIONS, {"id": finding_id})).all()


async def actions(session: AsyncSession, finding_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """Steps of these findings, oldest first."""
    return (await session.execute(_ACTIONS, {"ids": list(finding_ids)})).all()


async def reversible(
    session: AsyncSession, finding_id: UUID, resolution_id: UUID
) -> Row[Any] | None:
    """A resolution of the finding that nothing has reversed yet."""
    values = {"id": resolution_id, "finding": finding_id}
    return (await session.execute(_REVERSIBLE, values)).one_or_none()


async def summary(session: AsyncSession, partner_id: UUID, *, deep: bool) -> Sequence[Row[Any]]:
    """Counts and band for each agency with findings about the partner; ``deep``: also of the bound
    agency's own AGENCY_ONLY reports."""
    return (await session.execute(_SUMMARY, {"partner": partner_id, "deep": deep})).all()
