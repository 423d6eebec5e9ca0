"""Every select of capacity-strengthening plans. Row security decides what it finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.partners.lineage import lineage
from app.partners.visibility import visible

After = tuple[datetime, UUID] | None
_AGENCY = "(SELECT app_agency())"
_KNOWN = f"(p.owner_agency = {_AGENCY} OR {visible('n', _AGENCY, ':holder')})"
"""The agency's own plan, or one of a profile that is not protected from it."""
_LIVE = "p.status = 'agreed'"
_OVERDUE = "x.due_on < current_date AND x.status IN ('open', 'in_progress')"
_ANY_OVERDUE = f"EXISTS (SELECT FROM capacity_plan_actions x WHERE x.plan_id = p.id AND {_OVERDUE})"
# In progress from the day it starts, or from the first report on.
_STATUS = f"""CASE WHEN {_LIVE} AND (p.starts_on <= current_date OR EXISTS (
    SELECT FROM capacity_plan_actions x WHERE x.plan_id = p.id AND x.started_at IS NOT NULL))
  THEN 'in_progress' ELSE p.status END"""


def _counted(status: str) -> str:
    return f"'{status}', count(*) FILTER (WHERE x.status = '{status}')"


_COUNTS = f"""(SELECT json_build_object({_counted("open")}, {_counted("in_progress")},
    {_counted("done")}, {_counted("verified")}, {_counted("dropped")},
    'overdue', count(*) FILTER (WHERE {_LIVE} AND {_OVERDUE}))
  FROM capacity_plan_actions x WHERE x.plan_id = p.id)"""  # noqa: S608 - texts of ours


def _measured(alias: str) -> str:
    return f"""(SELECT json_build_object('assessment_id', m.id, 'owner_agency', mo.code,
      'conducted_on', m.conducted_on, 'rating', CASE WHEN m.rating_value IS NOT NULL THEN
        json_build_object('scheme', m.rating_scheme, 'value', m.rating_value,
          'dimension', m.rating_dimension, 'level', m.rating_level,
          'rating_source', m.rating_source) END)
    FROM assessments m JOIN agencies mo ON mo.id = m.owner_agency WHERE m.id = {alias})"""  # noqa: S608 - a column of ours


COLUMNS = f"""p.id, p.partner_id, o.code AS owner_agency, p.owner_agency AS owner_id, n.country,
    o.status = 'withdrawn' AS owner_withdrawn,
    coalesce(k.code, o.custodian_office) AS custodian,
    ARRAY(SELECT s.code FROM agencies s WHERE s.id = ANY (p.supporters) ORDER BY s.code)
      AS supporters, p.kind, p.assessment_id, p.assessment_level,
    CASE WHEN p.agreed_on IS NULL OR p.assessment_level = 'AGENCY_ONLY' THEN 'AGENCY_ONLY'
      ELSE 'RESTRICTED' END AS level,
    {_STATUS} AS status, p.starts_on, p.agreed_on, p.window_ends_on, p.window_limit_on,
    p.extended_at IS NOT NULL AS extended,
    {_LIVE} AND p.window_ends_on < current_date AS window_ended,
    CASE WHEN {_LIVE} THEN p.window_ends_on >= current_date AND NOT {_ANY_OVERDUE} END AS on_track,
    {_COUNTS} AS actions, p.outcome, p.measured_at,
    CASE WHEN p.outcome IS NOT NULL THEN {_measured("p.assessment_id")} END AS before,
    CASE WHEN p.outcome IS NOT NULL THEN {_measured("p.after_assessment_id")} END AS after,
    p.closed_at, p.created_at, p.updated_at, p.version"""  # noqa: S608 - texts of ours
_FROM = """FROM capacity_plans p JOIN agencies o ON o.id = p.owner_agency
    LEFT JOIN agencies k ON k.id = o.custodian_agency JOIN partners n ON n.id = p.partner_id"""
_READ = text(f"SELECT {COLUMNS} {_FROM} WHERE p.id = :id AND {_KNOWN}")
_OWNED = text(
    f"""SELECT p.id, p.partner_id, p.owner_agency AS owner_id, n.country, p.kind, p.assessment_id,
      p.assessment_level, p.supporters, p.status, p.agreed_on, p.window_ends_on,
      p.window_limit_on, p.version
    {_FROM} WHERE p.id = :id AND p.owner_agency = {_AGENCY} FOR NO KEY UPDATE OF p"""
)
_FILTERS = {
    "partner_id": f"p.partner_id IN {lineage(':partner_id')}",
    "assessment_id": "p.assessment_id = :assessment_id",
    "owner_agency": "o.code = :owner_agency",
    "kind": "p.kind = :kind",
    "status": f"{_STATUS} = :status",
    "overdue": f"{_LIVE} AND (p.window_ends_on < current_date OR {_ANY_OVERDUE})",
    "window_ends_before": f"{_LIVE} AND p.window_ends_on < :window_ends_before",
    "countries": "n.country = ANY (:countries)",
    "open_only": "p.agreed_on IS NOT NULL AND p.assessment_level IS DISTINCT FROM 'AGENCY_ONLY'",
}
_TOLD = f"p.partner_id IN {lineage(':self')}"
"""Plans of the calling partner; row security shows it those that were agreed."""
_ACTIONS = text(
    f"""SELECT x.id, x.plan_id, x.owner_agency AS owner_id, x.number, x.area, x.responsible,
      x.due_on, x.cost, x.currency, x.sealed, x.sealed_version, x.redacted, x.status,
      x.started_at, x.done_at,
      CASE WHEN x.done_at IS NULL THEN NULL WHEN x.done_by IS NULL THEN 'partner'
        ELSE 'agency' END AS done_by, x.verified_at, x.version,
      EXISTS (SELECT FROM capacity_plans p WHERE p.id = x.plan_id AND {_LIVE})
        AND {_OVERDUE} AS overdue
    FROM capacity_plan_actions x WHERE x.plan_id = :plan
      AND (CAST(:id AS uuid) IS NULL OR x.id = :id) ORDER BY x.number"""  # noqa: S608 - texts of ours
)
_LOCK_ACTIONS = text(
    """SELECT x.id, x.plan_id, x.owner_agency AS owner_id, x.responsible, x.status, x.done_by,
      x.started_at, x.sealed, x.sealed_version, x.redacted, x.version
    FROM capacity_plan_actions x WHERE x.plan_id = :plan
      AND (CAST(:id AS uuid) IS NULL OR x.id = :id) ORDER BY x.number FOR NO KEY UPDATE OF x"""
)
_STEPS = text(
    """SELECT s.id, s.step, s.action_id, coalesce(a.code, 'partner') AS by, s.office, s.at,
      s.owner_agency AS owner_id, s.author_agency, s.sealed_note, s.redacted
    FROM capacity_plan_steps s LEFT JOIN agencies a ON a.id = s.author_agency
    WHERE s.plan_id = :plan
      AND (CAST(:at AS timestamptz) IS NULL OR (s.at, s.id) < (:at, CAST(:after AS uuid)))
    ORDER BY s.at DESC, s.id DESC LIMIT :limit"""
)
_NOTED = text(
    """SELECT s.id FROM capacity_plan_steps s
    WHERE s.plan_id = :plan AND s.id = :id AND s.sealed_note IS NOT NULL"""
)
_COMPARE = text("SELECT capacity_plan_compare(:before, :after)")


async def read_plan(session: AsyncSession, plan_id: UUID, *, holder: bool) -> Row[Any] | None:
    """The summary, if the caller may see it; ``holder``: of `partners:protected`."""
    return (await session.execute(_READ, {"id": plan_id, "holder": holder})).one_or_none()


async def lock_plan(session: AsyncSession, plan_id: UUID) -> Row[Any] | None:
    """The caller's own plan, locked against other writers."""
    return (await session.execute(_OWNED, {"id": plan_id})).one_or_none()


async def list_plans(
    session: AsyncSession, filters: Mapping[str, Any], after: After, limit: int, *, holder: bool
) -> Sequence[Row[Any]]:
    """Summaries the caller may see, newest first; ``self`` among the filters: as that partner."""
    values = {name: value for name, value in filters.items() if value is not None}
    clauses = [_FILTERS[name] for name in values if name != "self"]
    clauses.append(_TOLD if "self" in values else _KNOWN)
    values["holder"] = holder
    if after is not None:
        clauses.append("(p.created_at, p.id) < (:after_at, :after_id)")
        values |= {"after_at": after[0], "after_id": after[1]}
    bound = {name: value for name, value in values.items() if name not in ("overdue", "open_only")}
    sql = (
        f"SELECT {COLUMNS} {_FROM} WHERE {' AND '.join(clauses)} "
        f"ORDER BY p.created_at DESC, p.id DESC LIMIT {int(limit)}"
    )
    return (await session.execute(text(sql), bound)).all()


async def actions(session: AsyncSession, plan_id: UUID, one: UUID | None = None) -> Sequence[Any]:
    """Actions of a plan the caller may see, sealed, by number."""
    return (await session.execute(_ACTIONS, {"plan": plan_id, "id": one})).all()


async def lock_actions(
    session: AsyncSession, plan_id: UUID, one: UUID | None = None
) -> Sequence[Any]:
    """Actions that the caller may change, locked: those of an own plan, or the partner's."""
    return (await session.execute(_LOCK_ACTIONS, {"plan": plan_id, "id": one})).all()


async def steps(session: AsyncSession, plan_id: UUID, after: After, limit: int) -> Sequence[Any]:
    """Steps of a plan the caller may see, newest first."""
    at, after_id = after or (None, None)
    values = {"plan": plan_id, "at": at, "after": after_id, "limit": limit}
    return (await session.execute(_STEPS, values)).all()


async def has_note(session: AsyncSession, plan_id: UUID, step_id: UUID) -> bool:
    """Whether a plan the caller may see has this step, with words, redacted or not."""
    found = await session.scalar(_NOTED, {"plan": plan_id, "id": step_id})
    return found is not None


async def compare(session: AsyncSession, before: UUID, after: UUID) -> str | None:
    """How risk moved between two assessments the caller may see; None where they do not belong
    together."""
    found: str | None = await session.scalar(_COMPARE, {"before": before, "after": after})
    return found
