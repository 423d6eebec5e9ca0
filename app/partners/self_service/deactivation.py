"""The partner asks to be deactivated: said to agencies, decided by two persons of one of them.

What they decide about the profile is written into the request by a trigger.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.auth.caller import Caller
from app.core.explain import explained
from app.core.ids import new_id
from app.events import service as events
from app.events.catalogue import EventType
from app.partners.lineage import lineage
from app.partners.self_service.access import own_id
from app.partners.self_service.errors import AlreadyDeactivated, DeactivationAlreadyAsked
from app.partners.self_service.models import DeactivationRequest
from app.partners.self_service.schemas import DeactivationAsk
from app.partners.service import visible_partner

_LIST = text(
    f"""SELECT r.id, r.partner_id, r.reason_code, r.asked_at, r.state, a.code AS decided_by,
      r.decided_at
    FROM deactivation_requests r LEFT JOIN agencies a ON a.id = r.decided_by
    WHERE r.partner_id IN {lineage(":partner")}
      AND (CAST(:one AS uuid) IS NULL OR r.id = :one)
      AND (CAST(:at AS timestamptz) IS NULL OR (r.asked_at, r.id) < (:at, CAST(:after AS uuid)))
    ORDER BY r.asked_at DESC, r.id DESC LIMIT :limit"""  # noqa: S608 - texts of ours; values are bound
)


async def ask(session: AsyncSession, caller: Caller, asked: DeactivationAsk) -> dict[str, Any]:
    """Write the wish down and tell agencies.

    Raises PartnerMerged, AlreadyDeactivated or DeactivationAlreadyAsked.
    """
    partner = await visible_partner(session, caller, own_id(caller))
    if partner.deactivated_at is not None:
        raise AlreadyDeactivated
    request_id, about = new_id(), {"reason_code": asked.reason_code}
    values = about | {
        "id": request_id,
        "partner_id": partner.id,
        "asked_by_client": caller.client_id,
    }
    async with explained(session, {"uq_deactivation_requests_open": DeactivationAlreadyAsked}):
        await session.execute(insert(DeactivationRequest).values(values).inline())
    subject = audit.Subject(request_id, partner_id=partner.id)
    await audit.record(session, caller, Event.DEACTIVATION_ASKED, subject, basis="self", **about)
    await events.publish(session, EventType.DEACTIVATION_ASKED, partner.id, None, **about)
    rows = await list_asked(session, partner.id, None, 1, request_id)
    return dict(rows[0]._mapping)


async def list_asked(
    session: AsyncSession,
    partner_id: UUID,
    after: tuple[datetime, UUID] | None,
    limit: int,
    one: UUID | None = None,
) -> Sequence[Any]:
    """What the partner asked for, newest first; or ``one`` of it."""
    at, after_id = after or (None, None)
    values = {"partner": partner_id, "at": at, "after": after_id, "limit": limit, "one": one}
    return (await session.execute(_LIST, values)).all()
