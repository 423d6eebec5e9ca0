"""Every select of SEA restriction markers. Row security shows no partner any of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.partners.visibility import visible

After = tuple[datetime, UUID] | None
_AGENCY = "(SELECT app_agency())"
_KNOWN = f"(s.owner_agency = {_AGENCY} OR {visible('n', _AGENCY, ':holder')})"
_INHERITED = """CASE WHEN CAST(:partner_id AS uuid) IS NOT NULL
      AND s.partner_id NOT IN (SELECT partner_lineage(CAST(:partner_id AS uuid)))
    THEN partner_root(s.partner_id) END AS inherited_from"""
_COLUMNS = f"""s.id, s.partner_id, {_INHERITED}, o.code AS owner_agency, s.owner_agency AS owner_id,
    o.status = 'withdrawn' AS owner_withdrawn,
    coalesce(k.code, o.custodian_office) AS custodian, n.country, s.contact_office,
    s.contact_email, s.review_by,
    s.review_by < current_date AND s.lifted_at IS NULL AS review_overdue,
    s.lifted_at IS NULL AS in_force, s.set_at, s.reviewed_at, s.lifted_at, s.version
    FROM sea_restrictions s JOIN agencies o ON o.id = s.owner_agency
    LEFT JOIN agencies k ON k.id = o.custodian_agency JOIN partners n ON n.id = s.partner_id"""
_READ = text(f"SELECT {_COLUMNS} WHERE s.id = :id AND {_KNOWN}")
_OWNED = text(
    f"""SELECT s.id, s.partner_id, s.owner_agency AS owner_id, n.country, s.lifted_at, s.version
    FROM sea_restrictions s JOIN partners n ON n.id = s.partner_id
    WHERE s.id = :id AND s.owner_agency = {_AGENCY} FOR NO KEY UPDATE OF s"""  # noqa: S608 - texts of ours
)
_FILTERS = {
    "partner_id": "s.partner_id IN (SELECT partner_bearing(CAST(:partner_id AS uuid)))",
    "owner_agency": "o.code = :owner_agency",
    "mine": f"s.owner_agency = {_AGENCY}",
    "review_overdue": "s.review_by < current_date AND s.lifted_at IS NULL",
    "countries": "n.country = ANY (:countries)",
}
_OF = text(
    f"""SELECT {_COLUMNS} WHERE s.partner_id IN (SELECT partner_bearing(CAST(:partner_id AS uuid)))
      AND s.lifted_at IS NULL ORDER BY s.set_at, s.id"""
)


async def read(session: AsyncSession, one: UUID, *, holder: bool) -> Row[Any] | None:
    """One that the caller may see; ``holder``: of `partners:protected`."""
    values = {"id": one, "holder": holder, "partner_id": None}
    return (await session.execute(_READ, values)).one_or_none()


async def lock(session: AsyncSession, one: UUID) -> Row[Any] | None:
    """One of the own agency, locked; row security lets an oversight role do so, and no other."""
    return (await session.execute(_OWNED, {"id": one})).one_or_none()


async def list_all(
    session: AsyncSession, filters: Mapping[str, Any], after: After, limit: int, *, holder: bool
) -> Sequence[Row[Any]]:
    """Those that the caller may see, newest first."""
    values = {name: value for name, value in filters.items() if value is not None}
    clauses = [_KNOWN, *(_FILTERS[name] for name in values)]
    bound: dict[str, Any] = {"partner_id": None, "holder": holder} | {
        name: value for name, value in values.items() if name not in ("mine", "review_overdue")
    }
    if after is not None:
        clauses.append("(s.set_at, s.id) < (:after_at, :after_id)")
        bound |= {"after_at": after[0], "after_id": after[1]}
    sql = (
        f"SELECT {_COLUMNS} WHERE {' AND '.join(clauses)} "
        f"ORDER BY s.set_at DESC, s.id DESC LIMIT {int(limit)}"
    )
    return (await session.execute(text(sql), bound)).all()


async def of_partner(session: AsyncSession, partner_id: UUID) -> Sequence[Row[Any]]:
    """All in force on a partner, what was merged into it, and its headquarters, oldest first."""
    return (await session.execute(_OF, {"partner_id": partner_id})).all()
