"""Every select of cases."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import Uuid, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.partners.models import Partner
from app.sanctions.cases.models import SanctionCase, SanctionCaseStep


async def find_case(
    session: AsyncSession, case_id: UUID, *, lock: bool = False
) -> tuple[SanctionCase, str] | None:
    """The case, if row security shows it, and its partner's country.

    ``lock`` holds it until the transaction ends.
    """
    query = (
        select(SanctionCase, Partner.country)
        .join(Partner, Partner.id == SanctionCase.partner_id)
        .where(SanctionCase.id == case_id)
    )
    if lock:
        query = query.with_for_update(of=SanctionCase)
    row = (await session.execute(query)).one_or_none()
    return None if row is None else (row[0], row[1])


async def case_steps(session: AsyncSession, case_id: UUID) -> Sequence[SanctionCaseStep]:
    """Steps of a case in order."""
    query = (
        select(SanctionCaseStep)
        .where(SanctionCaseStep.case_id == case_id)
        .order_by(SanctionCaseStep.id)
    )
    return (await session.scalars(query)).all()


async def list_cases(
    session: AsyncSession,
    countries: Collection[str],
    partner_id: UUID | None,
    after: UUID | None,
    limit: int,
) -> Sequence[SanctionCase]:
    """The own agency's cases by id; of these countries and this partner, if any are named."""
    query = select(SanctionCase).order_by(SanctionCase.id).limit(limit)
    if countries:
        query = query.join(Partner, Partner.id == SanctionCase.partner_id).where(
            Partner.country.in_(countries)
        )
    if partner_id is not None:
        profiles = select(func.partner_lineage(partner_id, type_=Uuid()))
        query = query.where(SanctionCase.partner_id.in_(profiles))
    if after is not None:
        query = query.where(SanctionCase.id > after)
    return (await session.scalars(query)).all()
