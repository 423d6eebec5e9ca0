"""Agencies that assess jointly with the owner."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete, insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies import service as agencies
from app.assessments.life_cycle.models import AssessmentParticipant
from app.auth.caller import Caller
from app.core.errors import FieldError, InvalidRequest


async def put(
    session: AsyncSession, caller: Caller, assessment_id: UUID, codes: Sequence[str]
) -> None:
    """Name who takes part, in place of whoever was named before.

    Raises AgencyUnknown, or InvalidRequest for the owner itself: it takes part anyway.
    """
    if caller.agency_code in codes:
        why = FieldError(
            pointer="/participating_agencies", code="owner", message="the owner leads; name others"
        )
        raise InvalidRequest(errors=[why])
    found = [await agencies.recipient(session, code) for code in sorted(set(codes))]
    await session.execute(
        delete(AssessmentParticipant)
        .where(AssessmentParticipant.assessment_id == assessment_id)
        .execution_options(synchronize_session=False)
    )
    if found:
        await session.execute(
            insert(AssessmentParticipant),
            [
                {
                    "assessment_id": assessment_id,
                    "agency_id": agency.id,
                    "owner_agency": caller.agency_id,
                }
                for agency in found
            ],
        )
