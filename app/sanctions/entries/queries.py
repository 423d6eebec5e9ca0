"""Every select of measures: what is known of them now, and what was known."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Uuid, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.partners.lineage import lineage
from app.sanctions.entries.models import EntryColumns, SanctionEntry
from app.sanctions.entries.status import status_sql

# S608 below: the texts are built of constants, never of input. Another measure is named to those
# who may read it: that a suspension came before is nobody else's.
_DAY = "coalesce(CAST(:day AS date), current_date)"
ENTRY_COLUMNS = f"""e.id AS entry_id, f.seq, e.version, e.partner_id, e.individual,
    (SELECT n.id FROM sanction_entries n WHERE n.id = e.affiliate_of) AS affiliate_of,
    e.affiliate_relation, a.code AS imposing_agency, e.imposing_agency AS imposing_id,
    e.custodian_agency AS custodian_id, e.regime, e.measure, e.blocking, e.level, e.practices,
    e.decided_on, e.effective_from, e.effective_to, e.release_not_before, e.scope_countries,
    e.scope_modalities, e.new_agreements, e.renewals, e.payments_due, e.running_agreements,
    e.wind_down_until, e.continuity_contact, {status_sql("e", _DAY)} AS status,
    sanction_next_day(e.valid, {_DAY}) AS next_day,
    CASE WHEN e.ended_on IS NULL AND e.effective_to < {_DAY} THEN e.effective_to
      WHEN e.voided_at IS NOT NULL OR e.ended_on <= {_DAY} THEN e.ended_on END AS ended_on,
    (SELECT n.id FROM sanction_entries n WHERE n.id = e.supersedes) AS supersedes,
    (SELECT n.id FROM sanction_entries n WHERE n.supersedes = e.id) AS superseded_by,
    e.procedure, e.certificate, e.legal_reference, e.contact_office, e.last_reviewed,
    e.practice_ended_on, e.recorded_from, a.status = 'withdrawn' AS owner_withdrawn,
    CASE WHEN a.status = 'withdrawn' THEN coalesce(k.code, a.custodian_office) END AS custodian"""  # noqa: S608 - texts of ours; values are bound

JOINED = """JOIN agencies a ON a.id = e.imposing_agency
    LEFT JOIN agencies k ON k.id = coalesce(e.custodian_agency, a.custodian_agency)
    LEFT JOIN feed_entries f
      ON f.stream = 'inter_agency' AND f.entry_id = e.id::text"""
KNOWN = ", ".join(
    ("id", "valid", *(name for name in EntryColumns.__annotations__ if name != "recorded_from"))
)
# Every measure has its row of now; the lateral half finds the one that was known then. So lists are
# driven by the measures, and not by however many former rows there are.
_THEN = ", ".join(f"c.{name}" for name in (*KNOWN.split(", "), "recorded_from"))
_AS_OF = f"""sanction_entries c CROSS JOIN LATERAL (
      SELECT {_THEN} WHERE c.recorded_from <= CAST(:as_of AS timestamptz)
    UNION ALL SELECT {KNOWN}, recorded_from FROM sanction_entry_history h
      WHERE h.id = c.id AND h.recorded_from <= CAST(:as_of AS timestamptz)
        AND h.recorded_to > CAST(:as_of AS timestamptz))"""  # noqa: S608 - texts of ours; values are bound

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

_CONDITIONS = text(
    """SELECT c.entry_id, c.id, c.position, c.condition, c.due_on, c.state, c.verified_on, c.version
    FROM sanction_conditions c WHERE c.entry_id = ANY (:ids) ORDER BY c.entry_id, c.position"""
)
_RECOGNITIONS = text(
    """SELECT DISTINCT ON (r.entry_id, a.code) r.entry_id, r.id, a.code AS agency, r.decision,
      CASE WHEN NOT r.redacted THEN r.reason END AS reason, r.redacted, r.policy, r.decided_at
    FROM sanction_recognitions r JOIN agencies a ON a.id = r.owner_agency
    WHERE r.entry_id = ANY (:ids)
      AND r.decided_at <= coalesce(CAST(:as_of AS timestamptz), 'infinity')
    ORDER BY r.entry_id, a.code, r.decided_at DESC"""
)
_EACH = ", ".join(f"h.{name}" for name in (*KNOWN.split(", "), "recorded_from", "recorded_to"))
_HISTORY = text(
    f"""SELECT {_EACH},
      {status_sql("h", "(h.recorded_from AT TIME ZONE 'UTC')::date")} AS status_then
    FROM (SELECT {KNOWN}, recorded_from, NULL::timestamptz AS recorded_to FROM sanction_entries
        WHERE id = :id
      UNION ALL SELECT {KNOWN}, recorded_from, recorded_to FROM sanction_entry_history
        WHERE id = :id) h
    WHERE CAST(:after AS timestamptz) IS NULL OR h.recorded_from > CAST(:after AS timestamptz)
    ORDER BY h.recorded_from LIMIT :limit"""  # noqa: S608 - constants
)


@dataclass(frozen=True, slots=True)
class Times:
    """Of which day, and as known when. None: now."""

    day: date | None = None
    as_of: datetime | None = None

    def source(self) -> str:
        """SQL: measures as they were known; their rows are ``e``."""
        return "sanction_entries" if self.as_of is None else _AS_OF

    @property
    def driven_by(self) -> str:
        """Alias of the table whose indexes find and order them."""
        return "e" if self.as_of is None else "c"

    def values(self) -> dict[str, Any]:
        """Values of ``:day``, and of ``:as_of`` where the statement has it."""
        return {"day": self.day} | ({"as_of": self.as_of} if self.as_of is not None else {})


NOW = Times()


async def partner_facts(session: AsyncSession, partner_id: UUID) -> Sequence[Row[Any]]:
    """What an entry repeats of its partner; agencies' own vendor numbers stay out.

    Of all profiles that are one: first this, then the one that stands for all.
    """
    return (await session.execute(_PARTNERS, {"id": partner_id})).all()


async def find_entry(session: AsyncSession, entry_id: UUID, times: Times = NOW) -> Row[Any] | None:
    """One measure."""
    statement = text(
        f"SELECT {ENTRY_COLUMNS} FROM {times.source()} e {JOINED} "  # noqa: S608 - texts of ours; values are bound
        f"WHERE {times.driven_by}.id = :id"
    )
    return (await session.execute(statement, {"id": entry_id, **times.values()})).one_or_none()


# ``@`` stands for what drives the list.
_FILTERS = {
    "partner_id": f"@.partner_id IN {lineage(':partner_id')}",
    "regime": "e.regime = :regime",
    "country": "EXISTS (SELECT FROM partners p WHERE p.id = @.partner_id AND p.country = :country)",
    # What oversight keeps back is not there for the partner.
    "own": f"@.partner_id IN {lineage(':own')} AND NOT withheld(@.id)",
    "id": "@.id = :id",
    "status": f"{status_sql('e', _DAY)} = :status",
    "after": "@.id > :after",
}


async def list_entries(
    session: AsyncSession, filters: dict[str, Any], times: Times, limit: int
) -> Sequence[Row[Any]]:
    """Measures by id; of a named day those in force on it, unless a status is asked for."""
    wanted = {name: filters[name] for name in _FILTERS if filters.get(name) is not None}
    clauses = ["true", *(_FILTERS[name].replace("@", times.driven_by) for name in wanted)]
    if times.day is not None and filters.get("on") is not None and "status" not in wanted:
        clauses.append(f"e.valid @> {_DAY}")
    statement = text(
        f"SELECT {ENTRY_COLUMNS} FROM {times.source()} e {JOINED} "  # noqa: S608 - texts of ours; values are bound
        f"WHERE {' AND '.join(clauses)} ORDER BY {times.driven_by}.id LIMIT :limit"
    )
    return (await session.execute(statement, wanted | times.values() | {"limit": limit})).all()


async def history(
    session: AsyncSession, entry_id: UUID, after: datetime | None, limit: int
) -> Sequence[Row[Any]]:
    """What was known of a measure, oldest first; what is known now is the last."""
    values = {"id": entry_id, "after": after, "limit": limit}
    return (await session.execute(_HISTORY, values)).all()


async def conditions_of(session: AsyncSession, ids: Collection[UUID]) -> Sequence[Row[Any]]:
    """Conditions of these measures in their order."""
    return (await session.execute(_CONDITIONS, {"ids": list(ids)})).all()


async def recognitions_of(
    session: AsyncSession, ids: Collection[UUID], as_of: datetime | None
) -> Sequence[Row[Any]]:
    """The newest decision of each other agency about these measures."""
    return (await session.execute(_RECOGNITIONS, {"ids": list(ids), "as_of": as_of})).all()


async def lock_entry(session: AsyncSession, entry_id: UUID) -> SanctionEntry | None:
    """The measure, held until the transaction ends."""
    query = (
        select(SanctionEntry)
        .where(SanctionEntry.id == entry_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return (await session.scalars(query)).one_or_none()


async def live_entries_of(session: AsyncSession, partner_id: UUID) -> Sequence[SanctionEntry]:
    """Measures on a partner, under whichever profile, that the feed carries now.

    Held until the transaction ends: whoever lifts one takes its turn, in the feed as well.
    """
    profiles = select(func.partner_lineage(partner_id, type_=Uuid()))
    query = (
        select(SanctionEntry)
        .where(
            SanctionEntry.partner_id.in_(profiles),
            SanctionEntry.announced != "ENDED",
        )
        .order_by(SanctionEntry.id)
        .with_for_update(key_share=True)
    )
    return (await session.scalars(query)).all()


async def status_of(session: AsyncSession, entry_id: UUID, day: date) -> str:
    """What a measure is on a day."""
    statement = text(
        f"SELECT {status_sql('e', 'CAST(:day AS date)')} FROM sanction_entries e WHERE e.id = :id"  # noqa: S608 - texts of ours; values are bound
    )
    found: str = await session.scalar(statement, {"id": entry_id, "day": day})
    return found


async def agency_code(session: AsyncSession, agency_id: UUID) -> str | None:
    """Code of an agency."""
    found: str | None = await session.scalar(
        text("SELECT code FROM agencies WHERE id = :id"), {"id": agency_id}
    )
    return found
