"""The statements of the reliance record. Row security shows both sides their rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import utc_now
from app.recognition.reliance.schemas import RecognitionFilter, StatisticsFilter

_FROM = """FROM clearance_recognitions r JOIN agencies a ON a.id = r.agency_id
    LEFT JOIN agencies o ON o.id = r.owner_agency
    LEFT JOIN clearance_decisions d ON d.clearance_id = r.clearance_id"""
_SIDES = {"relying": "r.agency_id = :agency", "relied_on": "r.agency_id <> :agency"}
_PERIOD = "r.at >= CAST(:since AS date) AND r.at < CAST(:until AS date) + 1"
_COUNTS = text(
    f"""SELECT r.requirement, o.code AS from_agency, r.satisfied, r.by, r.reason,
      count(*) AS clearances, count(DISTINCT r.partner_id) AS partners
    FROM clearance_recognitions r LEFT JOIN agencies o ON o.id = r.owner_agency
    WHERE r.agency_id = :agency AND {_PERIOD}
    GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 3 DESC, 4, 2, 5"""  # noqa: S608 - texts of ours
)
_AVOIDED = text(
    f"""SELECT count(DISTINCT (r.partner_id, r.requirement)) FROM clearance_recognitions r
    WHERE r.agency_id = :agency AND r.by = 'recognised' AND r.satisfied AND {_PERIOD}"""  # noqa: S608 - texts of ours
)
_RELIED_ON = text(
    f"""SELECT count(*) FROM clearance_recognitions r
    WHERE r.owner_agency = :agency AND r.agency_id <> :agency AND r.satisfied
      AND r.by = 'recognised' AND {_PERIOD}"""  # noqa: S608 - texts of ours
)


async def list_recognitions(
    session: AsyncSession,
    agency_id: UUID,
    filters: RecognitionFilter,
    after: tuple[datetime, UUID, str] | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """Rows that the agency may see, newest first."""
    clauses = ["(r.agency_id = :agency OR r.owner_agency = :agency)"]
    values: dict[str, Any] = {"agency": agency_id, "limit": limit}
    if filters.side is not None:
        clauses.append(_SIDES[filters.side])
    for name in ("requirement", "assessment_id"):
        if getattr(filters, name) is not None:
            clauses.append(f"r.{name} = :{name}")
            values[name] = getattr(filters, name)
    if after is not None:
        clauses.append(
            "(r.at, r.clearance_id, r.requirement) < "
            "(CAST(:at AS timestamptz), CAST(:id AS uuid), CAST(:last AS text))"
        )
        values |= {"at": after[0], "id": after[1], "last": after[2]}
    sql = (
        "SELECT r.agency_id, r.clearance_id, a.code AS agency, o.code AS owner_agency, "
        "r.partner_id, r.assessment_id, r.requirement, r.satisfied, r.by, r.reason, r.purpose, "
        f"r.at, d.decision <> 'not_signed' AS signed {_FROM} WHERE {' AND '.join(clauses)} "
        "ORDER BY r.at DESC, r.clearance_id DESC, r.requirement DESC LIMIT :limit"
    )
    return (await session.execute(text(sql), values)).all()


async def statistics(
    session: AsyncSession, agency_id: UUID, period: StatisticsFilter
) -> dict[str, Any]:
    """Counts of own clearances of a period."""
    since, until = period.days(utc_now().date())
    values = {"agency": agency_id, "since": since, "until": until}
    items = (await session.execute(_COUNTS, values)).all()
    return {
        "since": since,
        "until": until,
        "items": [dict(row._mapping) for row in items],
        "duplicates_avoided": await session.scalar(_AVOIDED, values),
        "relied_on_by_others": await session.scalar(_RELIED_ON, values),
    }
