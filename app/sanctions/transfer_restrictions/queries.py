"""Every select of transfer restrictions. Row security shows no partner any of them.

The owner sees its own; an agency engaged in the country what is in force; an office of the
resident coordinator, whose countries only the application knows, asks one function of the database.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.partners.lineage import lineage
from app.partners.visibility import visible

After = tuple[datetime, UUID] | None
_AGENCY = "(SELECT app_agency())"
_STATUS = """CASE WHEN r.state = 'proposed' THEN 'PROPOSED' WHEN r.state = 'refused' THEN 'REFUSED'
    WHEN r.state = 'withdrawn' THEN 'WITHDRAWN' WHEN r.lifted_on IS NOT NULL THEN 'LIFTED'
    WHEN r.ends_on < current_date THEN 'EXPIRED' WHEN r.starts_on > current_date THEN 'PENDING'
    ELSE 'ACTIVE' END"""
_RUNNING = "(r.state = 'set' AND r.lifted_on IS NULL AND coalesce(r.ends_on >= current_date, true))"
_RAW = """id, partner_id, owner_agency, country, suspended, allowed, reason, contact_office,
    starts_on, ends_on, review_by, state, sealed, redacted, set_by, set_at, decided_at,
    reviewed_at, lifted_on, version"""
_COLUMNS = f"""r.id, r.partner_id, o.code AS owner_agency, r.owner_agency AS owner_id, r.country,
    'EXERCISES_PUBLIC_FUNCTIONS' = ANY (n.tags) AS exercises_public_functions,
    r.suspended, r.allowed, r.reason, coalesce(r.contact_office, o.contact_office)
      AS contact_office, r.starts_on, r.ends_on, {_STATUS} AS status, r.review_by,
    (r.review_by < current_date AND {_RUNNING}) AS review_overdue, r.redacted, r.set_by,
    r.set_at, r.decided_at, r.reviewed_at, r.lifted_on, r.version, r.sealed"""
_OWN_ROWS = f"(SELECT {_RAW} FROM transfer_restrictions)"  # noqa: S608 - constants
_COORDINATED = f"""(SELECT {_RAW} FROM transfer_restrictions UNION
    SELECT {_RAW} FROM restrictions_for_coordinators(CAST(:within AS text[])))"""  # noqa: S608 - constants
_JOINED = "r JOIN agencies o ON o.id = r.owner_agency JOIN partners n ON n.id = r.partner_id"
_KNOWN = f"(r.owner_agency = {_AGENCY} OR {visible('n', _AGENCY, ':holder')})"
_LOCK = text(
    f"""SELECT r.id, r.partner_id, r.owner_agency AS owner_id, r.country, r.state, {_STATUS}
      AS status, r.set_by, r.version FROM transfer_restrictions r
    WHERE r.id = :id AND r.owner_agency = {_AGENCY} FOR NO KEY UPDATE OF r"""  # noqa: S608 - ours
)
_NEEDS_TWO = text("SELECT restriction_needs_two(:id, :partner, :country, :starts_on, :ends_on)")
_FILTERS = {
    "partner_id": f"r.partner_id IN {lineage('CAST(:partner_id AS uuid)')}",
    "country": "r.country = :country",
    "owner_agency": "o.code = :owner_agency",
    "mine": f"r.owner_agency = {_AGENCY}",
    "status": f"{_STATUS} = :status",
    "review_overdue": f"r.review_by < current_date AND {_RUNNING}",
    "countries": "r.country = ANY (:countries)",
}


def _source(coordinated: Sequence[str] | None) -> tuple[str, dict[str, Any]]:
    if coordinated is None:
        return _OWN_ROWS, {}
    return _COORDINATED, {"within": list(coordinated)}


async def read(
    session: AsyncSession, one: UUID, coordinated: Sequence[str] | None, *, holder: bool
) -> Row[Any] | None:
    """One that the caller may see. ``coordinated``: countries of a resident coordinator's office,
    none named: all; ``holder``: of `partners:protected`.
    """
    source, bound = _source(coordinated)
    sql = text(f"SELECT {_COLUMNS} FROM {source} {_JOINED} WHERE r.id = :id AND {_KNOWN}")  # noqa: S608 - ours
    return (await session.execute(sql, bound | {"id": one, "holder": holder})).one_or_none()


async def lock(session: AsyncSession, one: UUID) -> Row[Any] | None:
    """One of the own agency, locked."""
    return (await session.execute(_LOCK, {"id": one})).one_or_none()


async def needs_two(
    session: AsyncSession, one: UUID, partner: UUID, country: str, starts: date, ends: date | None
) -> bool:
    """Whether a second person has to decide about a restriction of this period."""
    values = {"id": one, "partner": partner, "country": country}
    found = await session.scalar(_NEEDS_TWO, values | {"starts_on": starts, "ends_on": ends})
    return bool(found)


async def list_all(
    session: AsyncSession,
    filters: Mapping[str, Any],
    after: After,
    limit: int,
    coordinated: Sequence[str] | None,
    *,
    holder: bool,
) -> Sequence[Row[Any]]:
    """Those that the caller may see, newest first."""
    source, bound = _source(coordinated)
    values = {name: value for name, value in filters.items() if value is not None}
    clauses = [_KNOWN, *(_FILTERS[name] for name in values)]
    bound |= {"holder": holder} | {
        name: value for name, value in values.items() if name not in ("mine", "review_overdue")
    }
    if after is not None:
        clauses.append("(r.set_at, r.id) < (:after_at, :after_id)")
        bound |= {"after_at": after[0], "after_id": after[1]}
    sql = (
        f"SELECT {_COLUMNS} FROM {source} {_JOINED} WHERE {' AND '.join(clauses)} "  # noqa: S608 - texts of ours; values are bound
        f"ORDER BY r.set_at DESC, r.id DESC LIMIT {int(limit)}"
    )
    return (await session.execute(text(sql), bound)).all()
