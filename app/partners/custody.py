"""Who keeps what a partner says of itself: an agency on its behalf, until the partner does."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import Conflict
from app.partners.models import Partner


class ProfileClaimed(Conflict):
    code = "profile_claimed"
    title = "The partner keeps its own profile; file a correction request."


class ControlDisputed(Conflict):
    code = "control_disputed"
    title = "Who controls the profile is disputed; nothing of it changes until that is decided."


async def require_kept_by_agencies(session: AsyncSession, partner_id: UUID) -> None:
    """Raises ProfileClaimed or ControlDisputed. A claim waits until this transaction ends."""
    control = await session.scalar(
        select(Partner.control).where(Partner.id == partner_id).with_for_update(read=True)
    )
    if control == "partner":
        raise ProfileClaimed
    if control == "disputed":
        raise ControlDisputed
