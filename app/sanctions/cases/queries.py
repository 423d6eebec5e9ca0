"""Every select of cases."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import TypeVar
from uuid import UUID

from sqlalchemy import Row, Uuid, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies.models import Agency
from app.partners.models import Partner
from app.sanctions.cases.follow_models import (
    SanctionAppeal,
    SanctionCaseParty,
    SanctionInterim,
    SanctionProcedure,
    SanctionRelease,
)
from app.sanctions.cases.models import SanctionCase, SanctionCaseStep, SanctionRespondent

Following = TypeVar("Following", SanctionInterim, SanctionAppeal, SanctionRelease)


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
        .execution_options(populate_existing=True)
    )
    if lock:
        query = query.with_for_update(of=SanctionCase)
    row = (await session.execute(query)).one_or_none()
    return None if row is None else (row[0], row[1])


async def find_respondent(
    session: AsyncSession, case_id: UUID, respondent_id: UUID | None, *, lock: bool = False
) -> SanctionRespondent | None:
    """A respondent of the case, the main one unless another is named."""
    query = select(SanctionRespondent).where(SanctionRespondent.case_id == case_id)
    query = (
        query.where(SanctionRespondent.main)
        if respondent_id is None
        else query.where(SanctionRespondent.id == respondent_id)
    )
    if lock:
        query = query.with_for_update()
    return (await session.scalars(query.execution_options(populate_existing=True))).one_or_none()


async def respondents_of(
    session: AsyncSession, case_ids: Collection[UUID]
) -> dict[UUID, list[SanctionRespondent]]:
    """Respondents by case, the main one first."""
    query = (
        select(SanctionRespondent)
        .where(SanctionRespondent.case_id.in_(case_ids))
        .order_by(SanctionRespondent.main.desc(), SanctionRespondent.created_at)
    )
    found: dict[UUID, list[SanctionRespondent]] = {}
    for respondent in await session.scalars(query):
        found.setdefault(respondent.case_id, []).append(respondent)
    return found


async def case_steps(
    session: AsyncSession, case_id: UUID, kind: str | None = None
) -> Sequence[SanctionCaseStep]:
    """Steps of a case in order; of one kind, if it is named."""
    query = (
        select(SanctionCaseStep)
        .where(SanctionCaseStep.case_id == case_id)
        .order_by(SanctionCaseStep.id)
    )
    if kind is not None:
        query = query.where(SanctionCaseStep.kind == kind)
    return (await session.scalars(query)).all()


async def list_cases(
    session: AsyncSession,
    countries: Collection[str],
    partner_id: UUID | None,
    after: UUID | None,
    limit: int,
) -> Sequence[SanctionCase]:
    """Own and joined cases by id; of these countries and this partner, if any are named."""
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


def _since(row: SanctionInterim | SanctionAppeal | SanctionRelease) -> tuple[date, str]:
    if isinstance(row, SanctionInterim):
        return row.effective_from, str(row.id)
    return row.filed_on if isinstance(row, SanctionAppeal) else row.recorded_on, str(row.id)


async def following(
    session: AsyncSession, model: type[Following], case_id: UUID
) -> Sequence[Following]:
    """Interim suspensions, appeals or releases of a case, oldest first."""
    found = (await session.scalars(select(model).where(model.case_id == case_id))).all()
    return sorted(found, key=_since)


async def lock_following(
    session: AsyncSession, model: type[Following], case_id: UUID, found_id: UUID
) -> Following | None:
    """One of them, held until the transaction ends; none that is decided."""
    query = (
        select(model)
        .where(model.case_id == case_id, model.id == found_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return (await session.scalars(query)).one_or_none()


async def interims_of(session: AsyncSession, respondent_id: UUID) -> Sequence[SanctionInterim]:
    """Interim suspensions of one respondent, the first one first."""
    query = (
        select(SanctionInterim)
        .where(SanctionInterim.respondent_id == respondent_id)
        .order_by(SanctionInterim.number)
    )
    return (await session.scalars(query)).all()


# ------------------------------------------------------------------------------ procedures


async def procedure_on(session: AsyncSession, agency_id: UUID, day: date) -> SanctionProcedure:
    """The procedure by which the agency tells a partner on this day."""
    query = select(SanctionProcedure).where(
        SanctionProcedure.id == func.sanction_procedure_of(agency_id, day, type_=Uuid())
    )
    return (await session.scalars(query)).one()


async def find_procedure(
    session: AsyncSession, procedure_id: UUID, *, lock: bool = False
) -> SanctionProcedure | None:
    """A procedure, if row security shows it."""
    query = select(SanctionProcedure).where(SanctionProcedure.id == procedure_id)
    if lock:
        query = query.with_for_update()
    return (await session.scalars(query.execution_options(populate_existing=True))).one_or_none()


async def list_procedures(
    session: AsyncSession, agency: str | None, after: UUID | None, limit: int
) -> Sequence[Row[SanctionProcedure, str]]:
    """Procedures by id, each with the code of its agency; the floor has none."""
    query = (
        select(SanctionProcedure, Agency.code)
        .outerjoin(Agency, Agency.id == SanctionProcedure.agency_id)
        .order_by(SanctionProcedure.id)
        .limit(limit)
    )
    if agency is not None:
        query = query.where(Agency.code == agency)
    if after is not None:
        query = query.where(SanctionProcedure.id > after)
    return (await session.execute(query)).all()


async def last_number(session: AsyncSession, agency_id: UUID) -> int:
    """Number of the agency's newest procedure, 0 without one."""
    query = select(func.coalesce(func.max(SanctionProcedure.number), 0)).where(
        SanctionProcedure.agency_id == agency_id
    )
    return int(await session.scalar(query) or 0)


# ------------------------------------------------------------------------------ parties


async def parties(
    session: AsyncSession,
    *,
    case_id: UUID | None = None,
    party_agency: UUID | None = None,
    after: UUID | None = None,
    limit: int = 200,
) -> Sequence[SanctionCaseParty]:
    """Agencies in a case, or the cases an agency is asked into, by id."""
    query = select(SanctionCaseParty).order_by(SanctionCaseParty.id).limit(limit)
    if case_id is not None:
        query = query.where(SanctionCaseParty.case_id == case_id)
    if party_agency is not None:
        query = query.where(SanctionCaseParty.party_agency == party_agency)
    if after is not None:
        query = query.where(SanctionCaseParty.id > after)
    return (await session.scalars(query)).all()


async def find_party(session: AsyncSession, party_id: UUID) -> SanctionCaseParty | None:
    """One of them, if row security shows it."""
    query = select(SanctionCaseParty).where(SanctionCaseParty.id == party_id)
    return (await session.scalars(query)).one_or_none()


async def lock_party(session: AsyncSession, party_id: UUID) -> SanctionCaseParty | None:
    """As `find_party`, held until the transaction ends; none that is answered or ended."""
    query = (
        select(SanctionCaseParty)
        .where(SanctionCaseParty.id == party_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return (await session.scalars(query)).one_or_none()
