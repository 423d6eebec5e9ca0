"""Every statement of verifications, standing and deactivations."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, insert, literal, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.partners.models import Partner
from app.partners.verifications.models import (
    PartnerDeactivation,
    PartnerVerification,
    PartnerVerificationNote,
)
from app.partners.visibility import public

# S608 below: the texts are built of constants of this module, never of input.
_COLUMNS = """v.id, v.partner_id, v.sequence, v.agency_id, a.code AS agency, v.question_set,
    v.result, v.verified_on, v.valid_until, v.contradicts, v.recorded_at,
    coalesce(v.valid_until < current_date, false) AS lapsed,
    v.legal_fields <> partner_legal_fields(v.partner_id) AS stale,
    v.id = (SELECT n.id FROM partner_verifications n
      WHERE n.partner_id IN (SELECT partner_lineage(v.partner_id))
      ORDER BY n.recorded_at DESC, n.sequence DESC LIMIT 1) AS current,
    EXISTS (SELECT 1 FROM partner_verification_notes n WHERE n.verification_id = v.id)
      AS has_comments"""
_FROM = """FROM partner_verifications v JOIN agencies a ON a.id = v.agency_id"""

_LIST = f"""SELECT {_COLUMNS} {_FROM}
    WHERE v.partner_id IN (SELECT partner_lineage(:partner)) {{after}}
    ORDER BY v.recorded_at DESC, v.id DESC LIMIT :limit"""
_AFTER = "AND (v.recorded_at, v.id) < (CAST(:at AS timestamptz), CAST(:id AS uuid))"

_ONE = text(
    f"""SELECT {_COLUMNS} {_FROM}
    WHERE v.id = :id AND v.partner_id IN (SELECT partner_lineage(:partner))"""
)

_COMMENTS = text(
    """SELECT v.id, v.partner_id, v.agency_id, a.code AS agency, v.question_set, v.result,
      v.answers, v.flags_shown, n.sealed
    FROM partner_verifications v JOIN agencies a ON a.id = v.agency_id
    LEFT JOIN partner_verification_notes n ON n.verification_id = v.id
    WHERE v.id = :id AND v.partner_id IN (SELECT partner_lineage(:partner))"""
)

_CONDITIONS = text(
    """SELECT verification_obstacles(:partner, :positive, CAST(:shown AS uuid[])) AS obstacles,
      NOT :positive AND EXISTS (SELECT 1 FROM verifications_by_agency(:partner) b
        WHERE b.agency_id <> :agency AND b.result = 'verified'
          AND b.valid_until >= current_date) AS contradicts"""
)

_AGENCIES = text(
    """SELECT v.id, v.agency_id FROM partner_verifications v WHERE v.id = ANY (:ids)
    ORDER BY v.id"""
)

STANDING = text(
    f"""SELECT p.id, p.status, p.verification, p.verified_on, p.verified_until,
      p.verified_until < current_date AS lapsed, a.code AS verified_by, p.complete, p.control,
      p.deactivated_at,
      {public("p")} AS public,
      standing_flags(p.id) AS flags, standing_contested(p.id) AS contested,
      (SELECT coalesce(json_agg(json_build_object('id', v.id, 'partner_id', v.partner_id,
          'agency', b.code, 'result', v.result, 'on', v.verified_on, 'until', v.valid_until,
          'lapsed', coalesce(v.valid_until < current_date, false),
          'stale', v.legal_fields <> partner_legal_fields(v.partner_id))
          ORDER BY b.code, v.partner_id), '[]')
        FROM partner_verification_by_agency v JOIN agencies b ON b.id = v.agency_id
        WHERE v.partner_id IN (SELECT partner_lineage(p.id))) AS by_agency,
      (SELECT coalesce(json_agg(json_build_object('reason', f.reason, 'since', f.since,
          'until', f.until, 'inherited_from', f.inherited_from, 'locks', r.locks,
          'shown', r.counted OR f.put_by = :agency,
          'withheld', app_partner() IS NOT NULL AND withheld(f.source_id))
          ORDER BY f.since, f.id), '[]')
        FROM restraints_in_force(p.id) f JOIN restraint_reasons r ON r.code = f.reason)
        AS restraints
    FROM partners p LEFT JOIN agencies a ON a.id = p.verified_by
    WHERE p.id = :partner"""  # noqa: S608 - texts of ours; values are bound
)
"""Everything that the standing says, of one snapshot, in one statement."""


async def list_verifications(
    session: AsyncSession, partner_id: UUID, after: list[Any] | None, limit: int
) -> Sequence[Row[Any]]:
    """Verifications of the partner and of what was merged into it, newest first."""
    values: dict[str, Any] = {"partner": partner_id, "limit": limit}
    if after is not None:
        values |= {"at": datetime.fromisoformat(after[0]), "id": UUID(after[1])}
    sql = text(_LIST.format(after=_AFTER if after is not None else ""))
    return (await session.execute(sql, values)).all()


async def find_verification(
    session: AsyncSession, partner_id: UUID, verification_id: UUID
) -> Row[Any] | None:
    """One verification of the partner."""
    found = await session.execute(_ONE, {"partner": partner_id, "id": verification_id})
    return found.one_or_none()


async def find_comments(
    session: AsyncSession, partner_id: UUID, verification_id: UUID
) -> Row[Any] | None:
    """One verification of the partner with its answers and its sealed comments."""
    found = await session.execute(_COMMENTS, {"partner": partner_id, "id": verification_id})
    return found.one_or_none()


async def conditions(
    session: AsyncSession, partner_id: UUID, agency_id: UUID, positive: bool, shown: list[UUID]
) -> Row[Any]:
    """What stands against a verification, and whether it contradicts one that holds."""
    values = {"partner": partner_id, "agency": agency_id, "positive": positive, "shown": shown}
    return (await session.execute(_CONDITIONS, values)).one()


async def add_verification(session: AsyncSession, values: dict[str, Any]) -> list[UUID]:
    """Record; returns the ids of the verifications that it contradicts."""
    added = insert(PartnerVerification).values(values).returning(PartnerVerification.contradicts)
    contradicts: list[UUID] = (await session.execute(added)).scalar_one()
    return contradicts


async def add_note(session: AsyncSession, values: dict[str, Any]) -> None:
    """Keep what was written to a verification."""
    await session.execute(insert(PartnerVerificationNote).values(values).inline())


async def agencies_of(session: AsyncSession, ids: list[UUID]) -> Sequence[Row[Any]]:
    """Verification and agency of each."""
    return (await session.execute(_AGENCIES, {"ids": ids})).all()


async def standing(session: AsyncSession, partner_id: UUID, agency_id: UUID) -> Row[Any]:
    """The row of `STANDING`."""
    return (await session.execute(STANDING, {"partner": partner_id, "agency": agency_id})).one()


async def version_of(session: AsyncSession, partner_id: UUID) -> int:
    """The profile's version as it is now."""
    found = select(Partner.version).where(Partner.id == partner_id)
    return (await session.execute(found)).scalar_one()


# --------------------------------------------------------------------------------- deactivation


_NEWEST = (PartnerDeactivation.proposed_at, PartnerDeactivation.id)


async def list_deactivations(
    session: AsyncSession, partner_id: UUID, after: list[Any] | None, limit: int
) -> Sequence[PartnerDeactivation]:
    """The own agency's proposals for this partner, newest first."""
    query = select(PartnerDeactivation).where(PartnerDeactivation.partner_id == partner_id)
    if after is not None:
        last = tuple_(literal(datetime.fromisoformat(after[0])), literal(UUID(after[1])))
        query = query.where(tuple_(*_NEWEST) < last)
    query = query.order_by(*(column.desc() for column in _NEWEST)).limit(limit)
    return (await session.scalars(query)).all()


async def find_deactivation(
    session: AsyncSession, partner_id: UUID, deactivation_id: UUID
) -> PartnerDeactivation | None:
    """The own agency's proposal."""
    query = select(PartnerDeactivation).where(
        PartnerDeactivation.id == deactivation_id, PartnerDeactivation.partner_id == partner_id
    )
    return (await session.scalars(query)).one_or_none()


async def add_deactivation(session: AsyncSession, values: dict[str, Any]) -> None:
    """Keep a proposal."""
    await session.execute(insert(PartnerDeactivation).values(values).inline())


async def decide_deactivation(
    session: AsyncSession, deactivation_id: UUID, version: int, values: dict[str, Any]
) -> bool:
    """Decide version ``version`` of a proposal; False when another decision came first."""
    done = await session.execute(
        update(PartnerDeactivation)
        .where(
            PartnerDeactivation.id == deactivation_id,
            PartnerDeactivation.version == version,
            PartnerDeactivation.state == "proposed",
        )
        .values(values | {"version": version + 1})
        .returning(PartnerDeactivation.id)
        .execution_options(synchronize_session=False)
    )
    return done.first() is not None
