"""Who keeps what a partner says of itself: an agency on its behalf, until the partner does."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.caller import Caller
from app.partners import restraints
from app.partners.errors import EditsFrozen, OwnedByPartner
from app.partners.models import Partner


async def require_editable(
    session: AsyncSession, caller: Caller, partner_id: UUID, *, hold: bool = False
) -> None:
    """Whether the caller may change what the partner says of itself.

    Raises EditsFrozen while it is disputed who acts for the partner, and OwnedByPartner for an
    agency once the partner keeps its own profile. To be asked under the profile's lock, or with
    ``hold``: a claim then waits until this transaction ends.
    """
    query = select(Partner.control).where(Partner.id == partner_id)
    control = await session.scalar(query.with_for_update(read=True) if hold else query)
    held = await restraints.in_force(session, partner_id)
    if control == "disputed" or any(one.freezes_edits for one in held):
        raise EditsFrozen
    if control == "partner" and caller.subject == "agency":
        raise OwnedByPartner
