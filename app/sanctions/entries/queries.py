"""Every select of measures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Uuid, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.partners.lineage import lineage
from app.sanctions.entries.models import SanctionEntry

ENTRY_COLUMNS = """e.id AS entry_id, f.seq, e.version, e.partner_id, a.code AS imposing_agency,
    e.measure, e.blocking, e.practices, e.decided_on, e.effective_from, e.effective_to, e.status,
    e.ended_on, e.procedure, a.status = 'withdrawn' AS owner_withdrawn,
    CASE WHEN a.status = 'withdrawn' THEN coalesce(k.code, a.custodian_office) END AS custodian"""


_ENTRIES = f"""SELECT {ENTRY_COLUMNS} FROM sanction_entries e
    JOIN agencies a ON a.id = e.imposing_agency
    LEFT JOIN agencies k ON k.id = coalesce(e.custodian_agency, a.custodian_agency)
    LEFT JOIN feed_entries f
      ON f.stream = 'inter_agency' AND f.entry_id = e.id::text"""  # noqa: S608 - texts of ours; values are bound


_PARTNERS = text(
    f"""SELECT p.id, p.id = partner_root(:id) AS stands, p.number, p.legal_name,
        p.legal_name_native, p.acronym, p.aliases, p.former_names, p.country,
        coalesce((SELECT jsonb_agg(jsonb_build_object('scheme', i.scheme, 'value', i.value)
                  ORDER BY i.scheme, i.value) FROM partner_identifiers i
                  WHERE i.partner_id = p.id AND i.active AND NOT i.claimed
                  AND i.agency_id IS NULL), '[]')
          AS identifiers
    FROM partners p WHERE p.id IN {lineage(":id")}
    ORDER BY p.id <> :id, p.id <> partner_root(:id), p.id"""  # noqa: S608 - constants
)


async def partner_facts(session: AsyncSession, partner_id: UUID) -> Sequence[Row[Any]]:
    """What an entry repeats of its partner; agencies' own vendor numbers stay out.

    Of all profiles that are one: first this, then the one that stands for all.
    """
    return (await session.execute(_PARTNERS, {"id": partner_id})).all()


async def find_entry(session: AsyncSession, entry_id: UUID) -> Row[Any] | None:
    """One measure."""
    return (
        await session.execute(text(f"{_ENTRIES} WHERE e.id = :id"), {"id": entry_id})
    ).one_or_none()


async def list_entries(
    session: AsyncSession,
    partner_id: UUID | None,
    status: str | None,
    after: UUID | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """Measures by id."""
    clauses = ["true"]
    if partner_id is not None:
        clauses.append(f"e.partner_id IN {lineage(':partner')}")
    if status is not None:
        clauses.append("e.status = :status")
    if after is not None:
        clauses.append("e.id > :after")
    statement = text(f"{_ENTRIES} WHERE {' AND '.join(clauses)} ORDER BY e.id LIMIT :limit")
    values = {"partner": partner_id, "status": status, "after": after, "limit": limit}
    wanted = {key: value for key, value in values.items() if f":{key}" in statement.text}
    return (await session.execute(statement, wanted)).all()


async def lock_entry(session: AsyncSession, entry_id: UUID) -> SanctionEntry | None:
    """The measure, held until the transaction ends."""
    query = select(SanctionEntry).where(SanctionEntry.id == entry_id).with_for_update()
    return (await session.scalars(query)).one_or_none()


async def live_entries_of(session: AsyncSession, partner_id: UUID) -> Sequence[SanctionEntry]:
    """Measures on a partner, under whichever profile, that the feed carries now.

    Held until the transaction ends: whoever lifts one takes its turn, in the feed as well.
    """
    profiles = select(func.partner_lineage(partner_id, type_=Uuid()))
    query = (
        select(SanctionEntry)
        .where(SanctionEntry.partner_id.in_(profiles), SanctionEntry.status == "ACTIVE")
        .order_by(SanctionEntry.id)
        .with_for_update(key_share=True)
    )
    return (await session.scalars(query)).all()
