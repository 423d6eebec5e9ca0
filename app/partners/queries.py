"""Every select of partner profiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.caller import STATUS_COLUMNS, Caller
from app.partners.models import Partner
from app.partners.visibility import SURVIVOR, held, survivor_args, visible

IDENTIFIERS = """(SELECT coalesce(json_agg(json_build_object('scheme', i.scheme, 'value', i.value,
    'country', i.country, 'agency', v.code, 'disputed', i.disputed)
    ORDER BY i.scheme, i.value), '[]')
    FROM partner_identifiers i LEFT JOIN agencies v ON v.id = i.agency_id
    WHERE i.partner_id = p.id AND i.active)"""

PROFILE = (
    *("id", "number", "version", "status", "legal_name", "legal_name_generated"),
    *("legal_name_native", "acronym", "aliases", "former_names", "name_changed_on"),
    *("partner_type", "tags", "country", "country_of_origin", "hq_id", "same_country_reason"),
    *("year_established", "website", "protected", "publication_consent", "control", "complete"),
    *("merged_into", "valid_from", "last_confirmed_at"),
)
"""Columns of the profile itself that are served, in the order of `COLUMNS`."""

COLUMNS = f"""{", ".join(f"p.{name}" for name in PROFILE)}, {IDENTIFIERS}::text AS identifiers,
    a.code AS created_by, p.created_at, p.updated_at"""

# S608 below: the texts are built of constants of this module, never of input.
FAST_GET = f"""SELECT {STATUS_COLUMNS}, {COLUMNS}
    FROM client_status s
    LEFT JOIN partners p ON p.id = $2
      AND (s.countries = '{{}}' OR p.country = ANY (s.countries))
      AND {visible("p", "s.agency_id", held("$3::boolean"))}
    LEFT JOIN agencies a ON a.id = p.created_by
    WHERE s.client_id = $1"""  # noqa: S608 - texts of ours; values are bound
"""One statement for ``GET /v1/partners/{id}``: the caller's status and the profile, which is absent
where it lies outside the caller's countries or is protected from the caller. ``$3``: whether the
token names `partners:protected`.
"""


async def find_partner(session: AsyncSession, partner_id: UUID) -> Partner | None:
    """The profile with this id."""
    return await session.get(Partner, partner_id)


async def lock_partner(session: AsyncSession, partner_id: UUID, *, share: bool = False) -> None:
    """Hold the profile until the transaction ends: against all writers, or (``share``) as a
    country profile holds its headquarters.
    """
    mode = "SHARE" if share else "NO KEY UPDATE"
    await session.execute(
        text(f"SELECT 1 FROM partners WHERE id = :id FOR {mode}"),  # noqa: S608 - one of two
        {"id": partner_id},
    )


_READ = text(
    f"SELECT {COLUMNS} FROM partners p JOIN agencies a ON a.id = p.created_by "  # noqa: S608 - texts of ours; values are bound
    f"WHERE p.id = :id AND {visible('p', ':agency', ':holder')}"
)


async def read_partner(
    session: AsyncSession, partner_id: UUID, agency_id: UUID, holder: bool
) -> Row[Any] | None:
    """The profile as its wire shape needs it, unless it is protected; in one statement."""
    values = {"id": partner_id, "agency": agency_id, "holder": holder}
    return (await session.execute(_READ, values)).one_or_none()


_OFFICES = f"""SELECT {COLUMNS} FROM partners p JOIN agencies a ON a.id = p.created_by
    WHERE p.hq_id = :id AND {visible("p", ":agency", ":holder")}
    AND (:everywhere OR p.country = ANY (CAST(:countries AS text[])))"""  # noqa: S608 - texts of ours; values are bound


async def list_offices(
    session: AsyncSession, values: dict[str, Any], after: UUID | None, limit: int
) -> Sequence[Row[Any]]:
    """Country profiles of a headquarters by id; values: id, agency, holder, everywhere,
    countries.
    """
    sql, wanted = _OFFICES, values | {"limit": limit}
    if after is not None:
        sql += " AND p.id > :after"
        wanted["after"] = after
    return (await session.execute(text(f"{sql} ORDER BY p.id LIMIT :limit"), wanted)).all()


_PROTECT_OFFICES = text(
    """UPDATE partners SET protected = true, version = version + 1, updated_by = :by
    WHERE hq_id = :id AND NOT protected RETURNING id, version"""
)


async def protect_offices(
    session: AsyncSession, partner_id: UUID, by: UUID | None
) -> Sequence[Row[Any]]:
    """Protect the country profiles of a headquarters; those that were not, with their versions."""
    return (await session.execute(_PROTECT_OFFICES, {"id": partner_id, "by": by})).all()


async def office_in(session: AsyncSession, hq_id: UUID, country: str) -> UUID | None:
    """The country profile of this headquarters."""
    query = select(Partner.id).where(
        Partner.hq_id == hq_id, Partner.country == country, Partner.merged_into.is_(None)
    )
    return (await session.scalars(query)).one_or_none()


async def custodian_of(session: AsyncSession, agency_id: UUID) -> UUID | None:
    """Who keeps the records of an agency that has withdrawn."""
    found: UUID | None = await session.scalar(
        text("SELECT custodian_agency FROM agencies WHERE id = :id AND status = 'withdrawn'"),
        {"id": agency_id},
    )
    return found


async def find_survivor(session: AsyncSession, caller: Caller, partner_id: UUID) -> UUID | None:
    """The profile that stands for this one, if the caller may know of it."""
    connection = await session.connection()
    values = (partner_id, *survivor_args(caller))
    row = (await connection.exec_driver_sql(SURVIVOR, values)).one_or_none()
    return None if row is None else UUID(str(row[0]))
