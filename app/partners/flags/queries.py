"""Every select of flags. Row security shows those of other agencies but the invalid ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

# A red flag is over at its time, whether or not the worker has written that down yet.
_STATE = (
    "CASE WHEN f.kind = 'RED' AND f.state = 'confirmed' AND f.until <= now() "
    "THEN 'lapsed' ELSE f.state END"
)
_COLUMNS = f"""f.id, f.partner_id, f.kind, {_STATE} AS state, f.category, f.risk_category,
    a.code AS owner_agency, f.office, f.contact_office, f.contact_email, f.made_at, f.review_by,
    f.review_by < current_date AND f.state NOT IN ('invalid', 'lapsed') AS review_overdue,
    f.escalated_once, f.decided_at, f.until, f.renewed_at, f.closed_at, f.replaced_by,
    f.partner_visible, f.version, f.owner_agency AS owner_id,
    CASE WHEN f.partner_id NOT IN (SELECT partner_lineage(:partner))
      THEN partner_root(f.partner_id) END AS inherited_from"""
# S608 below: the texts are built of constants of this module, never of input.
_FLAGS = f"""SELECT {_COLUMNS} FROM partner_flags f JOIN agencies a ON a.id = f.owner_agency
    WHERE f.partner_id IN (SELECT partner_bearing(:partner))"""  # noqa: S608 - texts of ours; values are bound
_TEXTS = f"""SELECT {_COLUMNS}, t.sealed FROM partner_flags f
    JOIN agencies a ON a.id = f.owner_agency LEFT JOIN partner_flag_texts t ON t.flag_id = f.id
    WHERE f.partner_id IN (SELECT partner_bearing(:partner))"""  # noqa: S608 - texts of ours; values are bound
_FILTERS = {
    "kind": "f.kind = :kind",
    "state": f"{_STATE} = :state",
    "owner": "f.owner_agency = :owner",
    "after_at": "(f.made_at, f.id) < (:after_at, :after_id)",
}
_LOCKED = text(
    """SELECT f.id, f.partner_id, f.owner_agency, f.office, f.author, f.kind, f.state,
        f.escalated_once, f.escalated_by, f.decided_by, f.until, f.renewed_by, f.version
    FROM partner_flags f WHERE f.id = :id FOR UPDATE OF f"""
)
_BEARS = text("SELECT :flagged IN (SELECT partner_bearing(:partner))")
_STEPS = text(
    """SELECT s.id, s.action, s.at, s.office, s.owner_agency, s.sealed_comment
    FROM partner_flag_steps s WHERE s.flag_id = :id ORDER BY s.at, s.id"""
)
_COUNTS = text(
    f"""SELECT CASE WHEN f.state = 'escalated' THEN 'yellow_escalated' ELSE lower(f.kind) END
        AS counted, f.partner_id NOT IN (SELECT partner_lineage(:partner)) AS inherited,
        count(*) AS number, count(*) FILTER (WHERE f.owner_agency = :agency) AS mine
    FROM partner_flags f WHERE f.partner_id IN (SELECT partner_bearing(:partner))
      AND {_STATE} NOT IN ('invalid', 'lapsed')
    GROUP BY 1, 2"""  # noqa: S608 - texts of ours; values are bound
)
# Agencies that work with the partner, or with a country profile of it: they keep a number of
# their own for it, or made the profile.
_RELATED = text(
    """WITH profiles AS (SELECT p.id, p.created_by FROM partners p
      WHERE p.id IN (SELECT partner_bearing(:partner))
        OR p.hq_id IN (SELECT partner_lineage(:partner)))
    SELECT DISTINCT agency_id FROM (SELECT created_by AS agency_id FROM profiles
      UNION ALL SELECT v.agency_id FROM partner_identifiers v JOIN profiles p ON p.id = v.partner_id
        WHERE v.agency_id IS NOT NULL AND v.active) x ORDER BY agency_id LIMIT 200"""
)


async def list_flags(
    session: AsyncSession, partner_id: UUID, wanted: dict[str, Any], limit: int
) -> Sequence[Row[Any]]:
    """Flags on a profile, its lineage and its headquarters, newest first."""
    values = {name: value for name, value in wanted.items() if value is not None}
    clauses = "".join(f" AND {sql}" for name, sql in _FILTERS.items() if name in values)
    sql = f"{_FLAGS}{clauses} ORDER BY f.made_at DESC, f.id DESC LIMIT :limit"
    found = await session.execute(text(sql), values | {"partner": partner_id, "limit": limit})
    return found.all()


async def read_flag(session: AsyncSession, partner_id: UUID, flag_id: UUID) -> Row[Any] | None:
    """One flag of that list."""
    sql = text(f"{_FLAGS} AND f.id = :id")
    return (await session.execute(sql, {"partner": partner_id, "id": flag_id})).one_or_none()


async def read_text(session: AsyncSession, partner_id: UUID, flag_id: UUID) -> Row[Any] | None:
    """One flag with its sealed text."""
    sql = text(f"{_TEXTS} AND f.id = :id")
    return (await session.execute(sql, {"partner": partner_id, "id": flag_id})).one_or_none()


async def told(
    session: AsyncSession, partner_id: UUID, after: tuple[datetime, UUID] | None, limit: int
) -> Sequence[Row[Any]]:
    """Flags that the bound partner is told of, each with its text where it may read that."""
    values: dict[str, Any] = {"partner": partner_id, "limit": limit}
    clause = ""
    if after is not None:
        clause = f" AND {_FILTERS['after_at']}"
        values |= {"after_at": after[0], "after_id": after[1]}
    sql = f"{_TEXTS}{clause} ORDER BY f.made_at DESC, f.id DESC LIMIT :limit"
    return (await session.execute(text(sql), values)).all()


async def lock_own(session: AsyncSession, flag_id: UUID) -> Row[Any] | None:
    """A flag of the own agency, held until the transaction ends."""
    return (await session.execute(_LOCKED, {"id": flag_id})).one_or_none()


async def bears(session: AsyncSession, partner_id: UUID, flagged: UUID) -> bool:
    """Whether a flag on ``flagged`` counts for this profile."""
    return bool(await session.scalar(_BEARS, {"partner": partner_id, "flagged": flagged}))


async def steps(session: AsyncSession, flag_id: UUID) -> Sequence[Row[Any]]:
    """Every step of a flag, oldest first."""
    return (await session.execute(_STEPS, {"id": flag_id})).all()


async def counted(session: AsyncSession, partner_id: UUID, agency: UUID) -> Sequence[Row[Any]]:
    """How many flags stand, by what they count as and where they come from."""
    values = {"partner": partner_id, "agency": agency}
    return (await session.execute(_COUNTS, values)).all()


async def related(session: AsyncSession, partner_id: UUID) -> list[UUID]:
    """Agencies that work with the partner."""
    return list((await session.scalars(_RELATED, {"partner": partner_id})).all())
