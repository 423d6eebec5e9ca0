"""Who keeps what a partner says of itself: an agency on its behalf, until the partner does."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.caller import Caller
from app.core.errors import Conflict
from app.partners.models import Partner


class ProfileClaimed(Conflict):
    code = "owned_by_partner"
    title = "The partner keeps its own profile; file a correction request."


class ControlDisputed(Conflict):
    code = "control_disputed"
    title = "Who controls the profile is disputed; nothing of it changes until that is decided."


async def require_keeper(session: AsyncSession, caller: Caller, partner_id: UUID) -> None:
    """Raises ProfileClaimed for an agency where the partner keeps itself, or ControlDisputed.

    A claim waits until this transaction ends.
    """
    control = await session.scalar(
        select(Partner.control).where(Partner.id == partner_id).with_for_update(read=True)
    )
    if control == "partner" and caller.subject == "agency":
        raise ProfileClaimed
    if control == "disputed":
        raise ControlDisputed
