"""What other agencies have or plan of the same partner and type: a warning, never a refusal.

Field reference 3.4: the work need not be done twice.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

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
    ORDER BY a.valid_until DESC, a.id LIMIT 20"""  # noqa: S608 - constants
)


async def overlaps(
    session: AsyncSession, caller: Caller, partner_id: UUID, type_code: str
) -> list[dict[str, Any]]:
    """Valid results of other agencies that the caller may see, the longest valid first."""
    if not policy.reaches(caller, "INTER_AGENCY"):
        return []
    values = {"partner": partner_id, "type": type_code, "agency": caller.agency_id}
    return [dict(row._mapping) for row in await session.execute(_EXISTING, values)]


async def before_starting(
    session: AsyncSession, caller: Caller, partner_id: UUID, type_code: str
) -> list[dict[str, Any]]:
    """As `overlaps`, for whoever means to begin. Raises PartnerNotFound or PartnerMerged."""
    partner = await partners.get_partner(session, caller, partner_id)
    return await overlaps(session, caller, partner["id"], type_code)
