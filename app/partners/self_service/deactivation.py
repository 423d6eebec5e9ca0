"""The partner asks to be deactivated: said to agencies, decided by two persons of one of them."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.auth.caller import Caller
from app.core.clock import utc_now
from app.events import service as events
from app.events.catalogue import EventType
from app.partners.self_service.access import own_id
from app.partners.self_service.errors import AlreadyDeactivated
from app.partners.self_service.schemas import DeactivationAsk
from app.partners.service import visible_partner


async def ask(session: AsyncSession, caller: Caller, asked: DeactivationAsk) -> dict[str, Any]:
    """Write the wish down and tell agencies. Raises PartnerMerged or AlreadyDeactivated."""
    partner = await visible_partner(session, caller, own_id(caller))
    if partner.deactivated_at is not None:
        raise AlreadyDeactivated
    subject = audit.Subject(partner.id, partner_id=partner.id)
    about = {"reason_code": asked.reason_code}
    await audit.record(session, caller, Event.DEACTIVATION_ASKED, subject, basis="self", **about)
    await events.publish(session, EventType.DEACTIVATION_ASKED, partner.id, None, **about)
    return {"partner_id": partner.id, "asked_at": utc_now(), **about}
