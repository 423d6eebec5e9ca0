"""Every select of sections, their kept versions, and sealed texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CompoundSelect, Row, cast, func, null, select, union_all
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies.models import Agency
from app.partners.models import Partner
from app.partners.sections.models import PartnerSealedText, PartnerSection, PartnerSectionVersion


async def sections_of(session: AsyncSession, partner_id: UUID) -> Mapping[str, Row[Any]]:
    """The saved sections of a profile by their name."""
    rows = await session.execute(
        select(
            PartnerSection.section,
            PartnerSection.version,
            PartnerSection.body,
            PartnerSection.sources,
            PartnerSection.updated_at,
            PartnerSection.valid_from,
            Agency.code.label("updated_by"),
        )
        .join(Agency, Agency.id == PartnerSection.updated_by, isouter=True)
        .where(PartnerSection.partner_id == partner_id)
    )
    return {row.section: row for row in rows}


def _versions(partner_id: UUID, section: str) -> CompoundSelect[Any]:
    kept, stands = PartnerSectionVersion, PartnerSection
    return union_all(
        select(
            kept.version, kept.body, kept.sources, kept.updated_by, kept.valid_from,
            kept.recorded_from, kept.recorded_to,
        ).where(kept.partner_id == partner_id, kept.section == section),
        select(
            stands.version, stands.body, stands.sources, stands.updated_by, stands.valid_from,
            stands.updated_at, cast(null(), TIMESTAMP(timezone=True)),
        ).where(stands.partner_id == partner_id, stands.section == section),
    )  # fmt: skip


async def versions_of(
    session: AsyncSession, partner_id: UUID, section: str, after: int | None, limit: int
) -> Sequence[Row[Any]]:
    """Versions of a section, the one that stands included, newest first, those before ``after``."""
    found = _versions(partner_id, section).subquery()
    query = (
        select(found, Agency.code.label("by"))
        .join(Agency, Agency.id == found.c.updated_by, isouter=True)
        .order_by(found.c.version.desc())
        .limit(limit)
    )
    if after is not None:
        query = query.where(found.c.version < after)
    return (await session.execute(query)).all()


async def section_then(
    session: AsyncSession,
    partner_id: UUID,
    section: str,
    as_of: datetime | None,
    valid_on: date | None,
) -> Row[Any] | None:
    """The version of a section that held on a day, as known at an instant; None: nothing was.

    Of those that were valid by the day, the one recorded last: a later statement overrules an
    earlier one from its own first day on.
    """
    found = _versions(partner_id, section).subquery()
    query = (
        select(
            found.c.version,
            found.c.body,
            found.c.sources,
            found.c.valid_from,
            found.c.recorded_from.label("updated_at"),
            Agency.code.label("updated_by"),
        )
        .join(Agency, Agency.id == found.c.updated_by, isouter=True)
        .order_by(found.c.version.desc())
        .limit(1)
    )
    if as_of is not None:
        query = query.where(found.c.recorded_from <= as_of)
    if valid_on is not None:
        query = query.where(found.c.valid_from <= valid_on)
    return (await session.execute(query)).one_or_none()


async def sealed_text(
    session: AsyncSession, partner_id: UUID, kind: str, subject_id: UUID | None = None
) -> PartnerSealedText | None:
    """The newest sealed text of a kind on a subject."""
    query = (
        select(PartnerSealedText)
        .where(
            PartnerSealedText.partner_id == partner_id,
            PartnerSealedText.kind == kind,
            PartnerSealedText.subject_id.is_not_distinct_from(subject_id),
        )
        .order_by(PartnerSealedText.written_at.desc(), PartnerSealedText.id)
        .limit(1)
    )
    return (await session.scalars(query)).one_or_none()


async def locked_offices(session: AsyncSession, partner_id: UUID) -> Sequence[Partner]:
    """The country profiles of a headquarters, those of what was merged into it included, locked
    in a fixed order.
    """
    query = (
        select(Partner)
        .where(
            Partner.hq_id.in_(select(func.partner_lineage(partner_id))),
            Partner.merged_into.is_(None),
        )
        .order_by(Partner.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return (await session.scalars(query)).all()
