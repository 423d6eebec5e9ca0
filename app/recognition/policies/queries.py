"""Every select of policies. Row security shows what was approved, and the own agency's all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.bound import BOUND
from app.recognition.policies.models import RecognitionPolicy

_ON = """r.state = 'approved' AND r.effective_from <= {day}
    AND (r.effective_to IS NULL OR r.effective_to >= {day})"""
IN_FORCE = f"""(SELECT coalesce(json_agg(json_build_object('id', x.id, 'version', x.version)
    ORDER BY x.requirement), '[]')::text
    FROM (SELECT DISTINCT ON (r.requirement) r.id, r.version, r.requirement
      FROM recognition_policies r
      WHERE r.agency_id = s.agency_id AND {_ON.format(day="current_date")}
      ORDER BY r.requirement, r.effective_from DESC, r.version DESC) x)"""  # noqa: S608 - texts of ours
"""JSON of the policies of the agency of ``s`` that are in force today, without their rules."""
RULES = f"""{BOUND} SELECT x.id, x.version, x.requirement, x.rules FROM s CROSS JOIN LATERAL (
    SELECT r.id, r.version, r.requirement, r.rules::text AS rules FROM recognition_policies r
    WHERE r.id = ANY ($2::uuid[]) AND s.bound_agency IS NOT NULL
    LIMIT cardinality($2::uuid[])) x"""  # noqa: S608 - texts of ours; values are bound
"""Rules of some of them, for the client ``$1``."""

_COLUMNS = """r.id, r.agency_id, a.code AS agency, r.requirement, r.version, r.state, r.rules,
    r.source, r.note, r.effective_from, r.effective_to, r.proposed_by, r.decided_by, r.decided_at,
    r.reason, r.row_version, r.created_at"""
_FROM = "FROM recognition_policies r JOIN agencies a ON a.id = r.agency_id"
_FIND = text(f"SELECT {_COLUMNS} {_FROM} WHERE r.id = :id")
_LAST = text(
    "SELECT coalesce(max(version), 0) FROM recognition_policies "
    "WHERE agency_id = :agency AND requirement = :requirement"
)
_FILTERS = {
    "agency": "a.code = :agency",
    "requirement": "r.requirement = :requirement",
    "state": "r.state = :state",
}


async def find_policy(session: AsyncSession, policy_id: UUID) -> Row[Any] | None:
    """One that the bound agency may see."""
    return (await session.execute(_FIND, {"id": policy_id})).one_or_none()


async def lock_policy(session: AsyncSession, policy_id: UUID, agency_id: UUID) -> Any:
    """A proposal of the own agency, locked; None where it is none, or was decided."""
    return await session.scalar(
        select(RecognitionPolicy)
        .where(RecognitionPolicy.id == policy_id, RecognitionPolicy.agency_id == agency_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )


async def last_version(session: AsyncSession, agency_id: UUID, requirement: str) -> int:
    """The highest number that the agency gave a proposal for this requirement."""
    found = await session.scalar(_LAST, {"agency": agency_id, "requirement": requirement})
    return int(found or 0)


async def list_policies(
    session: AsyncSession, filters: Mapping[str, Any], after: UUID | None, limit: int
) -> Sequence[Row[Any]]:
    """Policies of all agencies by id; ``in_force_on`` leaves one for each requirement."""
    values = {name: value for name, value in filters.items() if value is not None}
    clauses = ["true", *(_FILTERS[name] for name in values if name in _FILTERS)]
    day: date | None = values.get("in_force_on")
    if day is not None:
        clauses += [
            _ON.format(day="CAST(:in_force_on AS date)"),
            "NOT EXISTS (SELECT FROM recognition_policies n WHERE n.agency_id = r.agency_id "
            "AND n.requirement = r.requirement AND n.state = 'approved' "
            "AND n.effective_from <= CAST(:in_force_on AS date) "
            "AND (n.effective_to IS NULL OR n.effective_to >= CAST(:in_force_on AS date)) "
            "AND (n.effective_from, n.version) > (r.effective_from, r.version))",
        ]
    if after is not None:
        clauses.append("r.id > :after")
        values["after"] = after
    sql = (
        f"SELECT {_COLUMNS} {_FROM} WHERE {' AND '.join(clauses)} ORDER BY r.id LIMIT {int(limit)}"
    )
    return (await session.execute(text(sql), values)).all()


async def in_force(
    session: AsyncSession, agency: str, day: date, requirement: str | None = None
) -> dict[str, Row[Any]]:
    """What an agency goes by on a day, by requirement."""
    filters = {"agency": agency, "in_force_on": day, "requirement": requirement}
    return {row.requirement: row for row in await list_policies(session, filters, None, 200)}
