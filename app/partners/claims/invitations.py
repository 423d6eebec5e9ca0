"""Use cases of invitations. Works inside the caller's transaction and never commits.

The registry sends no mail: the agency hands the code over on a way that it trusts. Of the code
only the hash is kept; it has 192 random bits, so a plain hash is enough.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.auth import policy
from app.auth.caller import Caller
from app.core.crypto import KeyRing, agency_scope
from app.core.db import touched
from app.core.ids import new_secret_id
from app.partners.claims import queries
from app.partners.claims.errors import InvitationNotFound
from app.partners.claims.models import PartnerInvitation
from app.partners.claims.rules import RULES
from app.partners.claims.schemas import InvitationIn
from app.partners.errors import PartnerNotFound
from app.partners.models import Partner
from app.partners.service import visible_partner


def digest_of(code: str) -> bytes:
    """What is kept of a code."""
    return hashlib.sha256(code.encode()).digest()


async def claimable(session: AsyncSession, caller: Caller, partner_id: UUID) -> Partner:
    """The profile, for whoever may decide about claims on it.

    Raises PartnerNotFound, PartnerMerged, RoleLacksRight.
    """
    partner = await visible_partner(session, caller, partner_id)
    resource = policy.Resource("CLAIM", caller.agency_id, country=partner.country)
    policy.require_writable(policy.can(caller, "approve", resource), PartnerNotFound)
    return partner


async def invite(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    partner_id: UUID,
    new: InvitationIn,
    now: datetime,
) -> dict[str, Any]:
    """Make an invitation; the answer alone has its code.

    Raises PersonRequired or what `claimable` raises.
    """
    person = caller.require_person()
    await claimable(session, caller, partner_id)
    code, invitation_id = secrets.token_urlsafe(24), new_secret_id()
    context = f"partner_invitations|{invitation_id}|email|{caller.agency_id}"
    await session.execute(
        insert(PartnerInvitation)
        .values(
            id=invitation_id,
            partner_id=partner_id,
            invited_by=caller.agency_id,
            inviter=person.id,
            digest=digest_of(code),
            sealed_email=await keyring.seal(
                session, agency_scope(caller.agency_id), context, new.email.encode()
            ),
            expires_at=now + timedelta(days=RULES.invitation_days),
        )
        .inline()
    )
    subject = audit.Subject(invitation_id, caller.agency_id, partner_id)
    await audit.record(session, caller, Event.PARTNER_INVITED, subject)
    row = await queries.find_invitation(session, partner_id, invitation_id)
    assert row is not None
    return dict(row._mapping) | {"code": code}


async def list_invitations(
    session: AsyncSession, caller: Caller, partner_id: UUID, after: queries.After, limit: int
) -> Sequence[Any]:
    """The own agency's, newest first; one row more than a page. Raises as `claimable`."""
    await claimable(session, caller, partner_id)
    return await queries.list_invitations(session, partner_id, after, limit + 1)


async def revoke(
    session: AsyncSession, caller: Caller, partner_id: UUID, invitation_id: UUID
) -> None:
    """End an own invitation that was not used. Raises InvitationNotFound or as `claimable`."""
    await claimable(session, caller, partner_id)
    done = await session.execute(
        update(PartnerInvitation)
        .where(
            PartnerInvitation.id == invitation_id,
            PartnerInvitation.partner_id == partner_id,
            PartnerInvitation.used_at.is_(None),
            PartnerInvitation.revoked_at.is_(None),
        )
        .values(revoked_at=func.now())
        .execution_options(synchronize_session=False)
    )
    if not touched(done):
        raise InvitationNotFound
    subject = audit.Subject(invitation_id, caller.agency_id, partner_id)
    await audit.record(session, caller, Event.INVITATION_REVOKED, subject)
