"""What other agencies have or plan of the same partner and type: a warning, never a refusal.

Field reference 3.4: the work need not be done twice.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments.life_cycle.periods import PERIODS
from app.assessments.life_cycle.superseding import newer_by_merge
from app.auth import policy
from app.auth.caller import Caller
from app.partners import service as partners
from app.partners.lineage import lineage

_EXISTING = text(
    f"""SELECT 'assessment_exists' AS code, o.code AS agency, a.id AS assessment_id, a.methodology,
        a.conducted_on, a.valid_until, CAST(NULL AS date) AS planned_for
    FROM assessments a JOIN agencies o ON o.id = a.owner_agency
    WHERE a.partner_id IN {lineage(":partner")} AND a.type = :type AND a.status = 'final'
      AND a.level <> 'AGENCY_ONLY' AND a.owner_agency <> :agency
      AND a.valid_until >= (now() AT TIME ZONE 'utc')::date
      AND {newer_by_merge()} IS NULL
    ORDER BY a.valid_until DESC, a.id LIMIT 20"""  # noqa: S608 - constants
)
_PLANNED = text(
    f"""SELECT 'assessment_planned' AS code, p.agency, CAST(NULL AS uuid) AS assessment_id,
        CAST(NULL AS text) AS methodology, CAST(NULL AS date) AS conducted_on,
        CAST(NULL AS date) AS valid_until,
        (p.begins + interval '3 months' - interval '1 day')::date AS planned_for
    FROM (SELECT o.code AS agency, make_date(coalesce(r.to_year, r.year),
            3 * coalesce(r.to_quarter, r.quarter) - 2, 1) AS begins
          FROM assurance_rows r JOIN agencies o ON o.id = r.owner_agency
          WHERE r.partner_id IN {lineage(":partner")} AND r.type = :type
            AND r.state = 'approved' AND r.status IN ('planned', 'postponed')
            AND r.owner_agency <> :agency) p
    WHERE p.begins <= now() + make_interval(months => :months)
      AND p.begins + interval '3 months' > now()
    ORDER BY p.begins, p.agency LIMIT 20"""  # noqa: S608 - constants
).bindparams(months=PERIODS.planned_within_months)


async def overlaps(
    session: AsyncSession, caller: Caller, partner_id: UUID, type_code: str
) -> list[dict[str, Any]]:
    """Valid results of other agencies that the caller may see, the longest valid first; then what
    their approved plans have in the months ahead.
    """
    if not policy.reaches(caller, "INTER_AGENCY"):
        return []
    values = {"partner": partner_id, "type": type_code, "agency": caller.agency_id}
    found = [
        row
        for statement in (_EXISTING, _PLANNED)
        for row in await session.execute(statement, values)
    ]
    return [dict(row._mapping) for row in found]


async def before_starting(
    session: AsyncSession, caller: Caller, partner_id: UUID, type_code: str
) -> list[dict[str, Any]]:
    """As `overlaps`, for whoever means to begin. Raises PartnerNotFound or PartnerMerged."""
    partner = await partners.get_partner(session, caller, partner_id)
    return await overlaps(session, caller, partner["id"], type_code)
