"""Every select of assurance plans, and of assessments for assurance. Row security decides what is
found; see the migration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments.life_cycle.superseding import newer_by_merge
from app.partners.lineage import lineage
from app.partners.visibility import visible

_AGENCY = "(SELECT app_agency())"
_KNOWN = f"(r.owner_agency = {_AGENCY} OR {visible('p', _AGENCY, ':holder')})"
"""The agency's own row, or one of a profile that is not protected from it."""
_PLAN = """SELECT p.id, p.revision, o.code AS agency, p.owner_agency AS owner_id, p.country, p.year,
    p.status, p.version, p.created_at, p.submitted_at, p.submitted_by, p.approved_at, p.approved_by,
    (SELECT max(b.returned_at) FROM assurance_plan_returns b
      WHERE b.plan_id = p.id AND b.revision = p.revision) AS returned_at
  FROM assurance_plans p JOIN agencies o ON o.id = p.owner_agency"""
_ROW = """r.id, r.plan_id, r.revision, r.owner_agency AS owner_id, r.country, r.year, r.state,
    r.line, r.partner_id, r.type, r.quarter, r.basis, r.joint_with, r.lead_agency, r.status,
    r.reason, r.to_year, r.to_quarter, r.done_by, r.version"""
_ROWS = f"SELECT {_ROW} FROM assurance_rows r JOIN partners p ON p.id = r.partner_id"  # noqa: S608 - texts of ours; values are bound
_ROOT = "coalesce(al.survivor_id, r.partner_id)"
_ALIASES = "LEFT JOIN partner_aliases al ON al.partner_id = r.partner_id"

_FIND = text(f"{_PLAN} WHERE p.id = :id AND p.status <> 'superseded' ORDER BY p.revision DESC")
_REVISION = text(f"{_PLAN} WHERE p.id = :id AND p.revision = :revision")
_LOCKS = {
    mode: text(
        f"{_PLAN} WHERE p.id = :id AND p.status <> 'superseded' AND p.owner_agency = {_AGENCY} "
        f"ORDER BY p.revision DESC FOR {mode} OF p"
    )
    for mode in ("UPDATE", "SHARE")
}
_PLAN_FILTERS = {
    "agency": "o.code = :agency",
    "country": "p.country = :country",
    "year": "p.year = :year",
    "status": "p.status = :status",
    "countries": "p.country = ANY (:countries)",
}
_CALENDAR_FILTERS = {
    "country": "r.country = :country",
    "partner_id": f"r.partner_id IN {lineage('CAST(:partner_id AS uuid)')}",
    "type": "r.type = :type",
    "countries": "r.country = ANY (:countries)",
}


async def find_plan(
    session: AsyncSession, plan_id: UUID, revision: int | None = None
) -> Sequence[Row[Any]]:
    """The revision, or without one the open and the approved revision, the newer first."""
    if revision is not None:
        values = {"id": plan_id, "revision": revision}
        return (await session.execute(_REVISION, values)).all()
    return (await session.execute(_FIND, {"id": plan_id})).all()


async def lock_plan(
    session: AsyncSession, plan_id: UUID, *, share: bool = False
) -> Sequence[Row[Any]]:
    """As `find_plan`, of the caller's own plan alone, locked."""
    statement = _LOCKS["SHARE" if share else "UPDATE"]
    await session.execute(statement, {"id": plan_id})
    # Who waited for an amendment knows of the new revision only by asking again.
    return (await session.execute(statement, {"id": plan_id})).all()


async def list_plans(
    session: AsyncSession,
    filters: Mapping[str, Any],
    after: UUID | None,
    limit: int,
    *,
    drafts: bool,
) -> Sequence[Row[Any]]:
    """One revision a plan, newest plan first: the open one of an own plan, else the approved.

    Without ``drafts`` always the approved one.
    """
    values = {name: value for name, value in filters.items() if value is not None}
    clauses = [_PLAN_FILTERS[name] for name in values]
    if drafts:
        clauses += [
            "p.status <> 'superseded'",
            "NOT (p.status = 'approved' AND EXISTS (SELECT 1 FROM assurance_plans n "
            "WHERE n.id = p.id AND n.status IN ('draft', 'submitted')))",
        ]
    else:
        clauses.append("p.status = 'approved'")
    if after is not None:
        clauses.append("p.id < :after")
        values["after"] = after
    sql = f"{_PLAN} WHERE {' AND '.join(clauses)} ORDER BY p.id DESC LIMIT {int(limit)}"
    return (await session.execute(text(sql), values)).all()


async def revisions(
    session: AsyncSession, plan_id: UUID, before: int | None, limit: int
) -> Sequence[Row[Any]]:
    """Revisions of a plan that the caller may see, newest first."""
    sql = f"{_PLAN} WHERE p.id = :id AND p.revision < :before ORDER BY p.revision DESC LIMIT :limit"
    values = {"id": plan_id, "before": 1_000 if before is None else before, "limit": limit}
    return (await session.execute(text(sql), values)).all()


_RETURNS = text(
    """SELECT b.id, b.revision, b.owner_agency AS owner_id, b.returned_by, b.returned_at,
      b.sealed_reason
    FROM assurance_plan_returns b WHERE b.plan_id = :plan
      AND (CAST(:at AS timestamptz) IS NULL OR (b.returned_at, b.id) < (:at, CAST(:id AS uuid)))
    ORDER BY b.returned_at DESC, b.id DESC LIMIT :limit"""
)


async def returns(
    session: AsyncSession, plan_id: UUID, after: tuple[datetime, UUID] | None, limit: int
) -> Sequence[Row[Any]]:
    """When a plan was sent back, newest first; row security shows a plan's own agency."""
    at, after_id = after or (None, None)
    values = {"plan": plan_id, "at": at, "id": after_id, "limit": limit}
    return (await session.execute(_RETURNS, values)).all()


async def list_rows(
    session: AsyncSession,
    plan: tuple[UUID, int],
    after: tuple[int, UUID] | None,
    limit: int,
    *,
    holder: bool,
) -> Sequence[Row[Any]]:
    """Activities of a revision in the order of the year."""
    values: dict[str, Any] = {"plan": plan[0], "revision": plan[1], "holder": holder}
    sql = f"{_ROWS} WHERE r.plan_id = :plan AND r.revision = :revision AND {_KNOWN}"
    if after is not None:
        sql += " AND (r.quarter, r.id) > (:quarter, :after)"
        values |= {"quarter": after[0], "after": after[1]}
    sql += f" ORDER BY r.quarter, r.id LIMIT {int(limit)}"
    return (await session.execute(text(sql), values)).all()


async def find_row(session: AsyncSession, plan_id: UUID, row_id: UUID) -> Row[Any] | None:
    """An activity of the caller's own plan."""
    sql = f"{_ROWS} WHERE r.id = :id AND r.plan_id = :plan AND r.owner_agency = {_AGENCY}"
    found = await session.execute(text(sql), {"id": row_id, "plan": plan_id})
    return found.one_or_none()


async def count_rows(session: AsyncSession, plan_id: UUID, revision: int) -> int:
    """How many activities a revision has."""
    sql = "SELECT count(*) FROM assurance_rows WHERE plan_id = :plan AND revision = :revision"
    found = await session.scalar(text(sql), {"plan": plan_id, "revision": revision})
    return int(found or 0)


async def done_left_out(session: AsyncSession, plan_id: UUID, old: int, new: int) -> bool:
    """Whether something done in one revision is missing, or not done, in another."""
    sql = """SELECT EXISTS (SELECT 1 FROM assurance_rows r WHERE r.plan_id = :plan
        AND r.revision = :old AND r.status = 'done' AND NOT EXISTS (
          SELECT 1 FROM assurance_rows n WHERE n.plan_id = r.plan_id AND n.revision = :new
            AND n.line = r.line AND n.status = 'done'))"""
    return bool(await session.scalar(text(sql), {"plan": plan_id, "old": old, "new": new}))


# --------------------------------------------------------------------------------- the calendar


async def calendar(
    session: AsyncSession,
    filters: Mapping[str, Any],
    after: tuple[int, UUID] | None,
    limit: int,
    *,
    holder: bool,
) -> Sequence[Row[Any]]:
    """Activities of approved plans of all agencies in a year, in its order."""
    values = {name: value for name, value in filters.items() if value is not None}
    clauses = [_CALENDAR_FILTERS[name] for name in values if name != "year"]
    sql = f"{_ROWS} WHERE r.state = 'approved' AND r.year = :year AND "
    if after is not None:
        clauses.append("(r.quarter, r.id) > (:quarter, :after)")
        values |= {"quarter": after[0], "after": after[1]}
    sql += " AND ".join((*clauses, _KNOWN)) + f" ORDER BY r.quarter, r.id LIMIT {int(limit)}"
    return (await session.execute(text(sql), values | {"holder": holder})).all()


_HELD_BY = text(
    f"""SELECT x.id AS partner_id, array_agg(DISTINCT h.agency) AS agencies
    FROM unnest(CAST(:partners AS uuid[])) AS x (id)
    CROSS JOIN LATERAL (
      SELECT r.owner_agency AS agency FROM assurance_rows r
      WHERE r.partner_id IN {lineage("x.id")} AND r.year = :year AND r.state = 'approved'
        AND r.status <> 'cancelled'
      UNION SELECT a.owner_agency FROM assessments a
      WHERE a.partner_id IN {lineage("x.id")} AND a.status = 'final' AND a.type = ANY (:types)
        AND a.level <> 'AGENCY_ONLY' AND a.conducted_on <= :ends AND a.valid_until >= :as_of) AS h
    GROUP BY x.id"""  # noqa: S608 - texts of ours; values are bound
)


async def agencies_on(session: AsyncSession, values: Mapping[str, Any]) -> dict[UUID, list[UUID]]:
    """For each partner the agencies that plan, or hold, something on it in the year.

    ``values``: partners, year, types, ends (last day of the year), as_of.
    """
    rows = (await session.execute(_HELD_BY, dict(values))).all()
    return {row.partner_id: row.agencies for row in rows}


# ------------------------------------------------------------------- requirements and coverage

_LEVEL = "(:agency_only OR a.level <> 'AGENCY_ONLY')"
_RATINGS = text(
    f"""SELECT a.id, a.type, o.code AS agency, a.conducted_on, a.valid_until, a.rating_scheme,
      coalesce(a.adjusted_value, a.rating_value) AS rating_value,
      CASE WHEN a.adjusted_value IS NULL THEN a.rating_level ELSE a.adjusted_level END
        AS rating_level, a.rating_source
    FROM assessments a JOIN agencies o ON o.id = a.owner_agency
    WHERE a.partner_id IN {lineage("CAST(:partner AS uuid)")} AND a.status = 'final'
      AND a.type = ANY (:types) AND a.conducted_on <= :as_of AND a.valid_until >= :as_of
      AND {_LEVEL} AND {newer_by_merge()} IS NULL
    ORDER BY a.conducted_on DESC, a.id LIMIT 500"""  # noqa: S608 - texts of ours; values are bound
)
_PARTNER_ROWS = text(
    f"""SELECT r.id, r.type, r.year, r.basis, r.joint_with, r.status, r.to_year, r.done_by
    FROM assurance_rows r WHERE r.partner_id IN {lineage("CAST(:partner AS uuid)")}
      AND r.year = :year AND r.owner_agency = :agency AND r.state = 'approved'
    ORDER BY r.quarter, r.id"""  # noqa: S608 - texts of ours; values are bound
)
_ACTIVITIES = text(
    f"""SELECT x.id AS root, a.id, a.type, a.owner_agency, a.conducted_on
    FROM unnest(CAST(:partners AS uuid[])) AS x (id)
    JOIN assessments a ON a.partner_id IN {lineage("x.id")}
    WHERE a.status = 'final' AND a.type = ANY (:types)
      AND a.conducted_on BETWEEN :since AND :until AND {_LEVEL}"""  # noqa: S608 - texts of ours; values are bound
)
_PLAN_PARTNERS = text(
    f"""SELECT DISTINCT {_ROOT} AS root
    FROM assurance_rows r JOIN partners p ON p.id = r.partner_id {_ALIASES}
    WHERE r.plan_id = :plan AND r.revision = :revision AND {_KNOWN}
      AND (CAST(:after AS uuid) IS NULL OR {_ROOT} > :after)
    ORDER BY root LIMIT :limit"""  # noqa: S608 - texts of ours; values are bound
)
_PLAN_ROWS = text(
    f"""SELECT {_ROOT} AS root, r.id, r.type, r.year, r.basis, r.joint_with, r.status, r.to_year,
      r.done_by FROM assurance_rows r {_ALIASES}
    WHERE r.plan_id = :plan AND r.revision = :revision AND {_ROOT} = ANY (:partners)
    ORDER BY r.quarter, r.id"""  # noqa: S608 - texts of ours; values are bound
)


async def ratings(session: AsyncSession, values: Mapping[str, Any]) -> Sequence[Row[Any]]:
    """Final ratings of a partner on a day, newest first: partner, types, as_of, agency_only."""
    return (await session.execute(_RATINGS, dict(values))).all()


async def partner_rows(
    session: AsyncSession, partner_id: UUID, year: int, agency_id: UUID
) -> Sequence[Row[Any]]:
    """What an agency's approved plan has on a partner."""
    values = {"partner": partner_id, "year": year, "agency": agency_id}
    return (await session.execute(_PARTNER_ROWS, values)).all()


async def activities(session: AsyncSession, values: Mapping[str, Any]) -> Sequence[Row[Any]]:
    """Final assessments of partners: partners, types, since, until, agency_only."""
    return (await session.execute(_ACTIVITIES, dict(values))).all()


async def plan_partners(
    session: AsyncSession, plan: tuple[UUID, int], after: UUID | None, limit: int, *, holder: bool
) -> list[UUID]:
    """Partners of a revision that the caller may know of, by id of the profile that stands."""
    values = {"plan": plan[0], "revision": plan[1], "after": after, "limit": limit}
    return list(await session.scalars(_PLAN_PARTNERS, values | {"holder": holder}))


async def plan_rows(
    session: AsyncSession, plan: tuple[UUID, int], partners: Sequence[UUID]
) -> Sequence[Row[Any]]:
    """What a revision has on these partners."""
    values = {"plan": plan[0], "revision": plan[1], "partners": list(partners)}
    return (await session.execute(_PLAN_ROWS, values)).all()
