"""Every select of sections and sealed texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies.models import Agency
from app.partners.models import Partner
from app.partners.sections.models import PartnerSealedText, PartnerSection


async def sections_of(session: AsyncSession, partner_id: UUID) -> Mapping[str, Row[Any]]:
    """The saved sections of a profile by their name."""
    rows = await session.execute(
        select(
            PartnerSection.section,
            PartnerSection.version,
            PartnerSection.body,
            PartnerSection.sources,
            PartnerSection.updated_at,
            Agency.code.label("updated_by"),
        )
        .join(Agency, Agency.id == PartnerSection.updated_by, isouter=True)
        .where(PartnerSection.partner_id == partner_id)
    )
    return {row.section: row for row in rows}


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
