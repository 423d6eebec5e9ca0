"""Every select of partner profiles."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.caller import STATUS_COLUMNS
from app.partners.models import Partner, PartnerIdentifier

_IDENTIFIERS = """(SELECT coalesce(json_agg(json_build_object('scheme', i.scheme, 'value', i.value,
    'country', i.country, 'agency', v.code) ORDER BY i.scheme, i.value), '[]')::text
    FROM partner_identifiers i LEFT JOIN agencies v ON v.id = i.agency_id
    WHERE i.partner_id = p.id AND i.active)"""

COLUMNS = f"""p.id, p.number, p.version, p.status, p.legal_name, p.legal_name_native, p.acronym,
    p.aliases, p.former_names, p.partner_type, p.tags, p.country, p.country_of_origin, p.hq_id,
    p.year_established, p.website, {_IDENTIFIERS} AS identifiers, a.code AS created_by,
    p.created_at, p.updated_at"""

# S608 below: the texts are built of constants of this module, never of input.
FAST_GET = f"""SELECT {STATUS_COLUMNS}, {COLUMNS}
    FROM client_status s
    LEFT JOIN partners p ON p.id = $2
      AND (s.countries = '{{}}' OR p.country = ANY (s.countries))
    LEFT JOIN agencies a ON a.id = p.created_by
    WHERE s.client_id = $1"""  # noqa: S608
"""One statement for ``GET /v1/partners/{id}``: the caller's status and the profile, which is absent
where it lies outside the caller's countries."""

FAST_LIST = f"""SELECT {STATUS_COLUMNS}, p.*
    FROM client_status s LEFT JOIN LATERAL (
        (SELECT {COLUMNS} FROM partners p JOIN agencies a ON a.id = p.created_by
         WHERE s.countries = '{{{{}}}}' AND {{filters}} ORDER BY p.id DESC LIMIT {{limit}})
        UNION ALL
        (SELECT {COLUMNS} FROM (
           SELECT p.id FROM (SELECT DISTINCT unnest(s.countries)) AS c (code) CROSS JOIN LATERAL (
             SELECT p.id FROM partners p WHERE p.country = c.code AND {{filters}}
             ORDER BY p.id DESC LIMIT {{limit}}) p
           ORDER BY p.id DESC LIMIT {{limit}}) chosen
         JOIN partners p ON p.id = chosen.id JOIN agencies a ON a.id = p.created_by)) p ON true
    WHERE s.client_id = $1 ORDER BY p.id DESC"""  # noqa: S608
"""One statement for a list page; ``filters`` is built of the fixed texts below only. A caller with
countries gets the newest of each of them, merged: a rare country costs no more than a common one.
"""

LIST_FILTERS = {
    "country": "p.country = ${n}",
    "partner_type": "p.partner_type = ${n}",
    "status": "p.status = ${n}",
    "after": "p.id < ${n}",
}


async def find_partner(session: AsyncSession, partner_id: UUID) -> Partner | None:
    """The profile with this id."""
    return await session.get(Partner, partner_id)


async def read_partner(session: AsyncSession, partner_id: UUID) -> Row[Any] | None:
    """The profile as its wire shape needs it, in one statement."""
    result = await session.execute(
        text(
            f"SELECT {COLUMNS} FROM partners p JOIN agencies a ON a.id = p.created_by "  # noqa: S608
            "WHERE p.id = :id"
        ),
        {"id": partner_id},
    )
    return result.one_or_none()


async def find_by_identifier(
    session: AsyncSession, scheme: str, value: str, country: str | None, agency_id: UUID | None
) -> UUID | None:
    """Partner that carries this active identifier."""
    query = select(PartnerIdentifier.partner_id).where(
        PartnerIdentifier.scheme == scheme,
        PartnerIdentifier.value == value,
        PartnerIdentifier.country.is_not_distinct_from(country),
        PartnerIdentifier.agency_id.is_not_distinct_from(agency_id),
        PartnerIdentifier.active,
    )
    return (await session.scalars(query)).one_or_none()
