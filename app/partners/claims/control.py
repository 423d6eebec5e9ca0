"""Who acts for a partner: its administrators, and disputes among them.

While a dispute is open nothing of what the partner says of itself changes. It ends by the decision
of an agency that did not approve what is contested; clients that lose are revoked with it.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.auth import clients
from app.auth.caller import Caller
from app.core.crypto import KeyRing, partner_scope
from app.core.errors import violated_constraint
from app.core.http import PreconditionFailed
from app.core.ids import new_secret_id
from app.events import service as events
from app.events.catalogue import EventType
from app.partners.claims import queries, service
from app.partners.claims.errors import AdministratorNotFound, ControlInDispute, NotDisputed
from app.partners.claims.invitations import claimable
from app.partners.claims.models import ControlDispute, PartnerClaim
from app.partners.claims.schemas import ControlDecision, DisputeIn

_UNFIT = {"dispute_claim", "dispute_control"}


def _context(dispute_id: UUID, field: str) -> str:
    return f"partner_control_disputes|{dispute_id}|{field}"


async def list_administrators(session: AsyncSession, caller: Caller) -> list[dict[str, Any]]:
    """Who acts for the calling partner, or asked to."""
    assert caller.partner_id is not None
    rows = await queries.administrators(session, caller.partner_id)
    return [dict(row._mapping) | {"self": row.client_id == caller.client_id} for row in rows]


async def dispute(
    session: AsyncSession, keyring: KeyRing, caller: Caller, new: DisputeIn
) -> dict[str, Any]:
    """Say, as an administrator, that another one does not act for the partner.

    Raises AdministratorNotFound or ControlInDispute.
    """
    assert caller.partner_id is not None
    dispute_id = new_secret_id()
    sealed = await keyring.seal(
        session, partner_scope(), _context(dispute_id, "grounds"), new.grounds.encode()
    )
    values = {
        "id": dispute_id,
        "partner_id": caller.partner_id,
        "claim_id": new.claim_id,
        "raised_by_client": caller.client_id,
        "sealed_grounds": sealed,
    }
    try:
        async with session.begin_nested():
            await session.execute(insert(ControlDispute).values(values).inline())
    except IntegrityError as error:
        name = violated_constraint(error) or ""
        if name == "uq_partner_control_disputes_open":
            raise ControlInDispute from error
        if name in _UNFIT or name.startswith("fk_"):
            raise AdministratorNotFound from error
        raise
    subject = audit.Subject(dispute_id, partner_id=caller.partner_id)
    about = {"claim": str(new.claim_id)}
    await audit.record(session, caller, Event.CONTROL_DISPUTED, subject, basis="self", **about)
    await service.tell_disputed(session, caller.partner_id, dispute_id, None)
    return await _shown(session, dispute_id)


async def _shown(session: AsyncSession, dispute_id: UUID) -> dict[str, Any]:
    row = await queries.find_dispute(session, dispute_id)
    assert row is not None
    return dict(row._mapping)


async def get_control(session: AsyncSession, caller: Caller, partner_id: UUID) -> dict[str, Any]:
    """The open, else the latest dispute. Raises NotDisputed or what `claimable` raises."""
    await claimable(session, caller, partner_id)
    row = await queries.latest_dispute(session, partner_id)
    if row is None:
        raise NotDisputed
    return dict(row._mapping)


async def decide(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    partner_id: UUID,
    version: int,
    given: ControlDecision,
) -> dict[str, Any]:
    """Decide the open dispute, and with it the contested claim.

    Raises PersonRequired, NotDisputed, PreconditionFailed, DeciderApprovedIt, DeciderFiledIt or
    what `claimable` raises.
    """
    caller.require_person()
    partner = await claimable(session, caller, partner_id)
    open_one = await queries.latest_dispute(session, partner_id)
    if open_one is None or open_one.state != "open":
        raise NotDisputed
    if open_one.version != version:
        raise PreconditionFailed
    await _close(session, keyring, caller, open_one, given)
    claim = await service.found(session, partner_id, open_one.claim_id, lock=True)
    holds, secret = given.decision != "refuse", None
    if claim.state == "open":
        secret = await service.settle(
            session, keyring, caller, partner, claim, holds, given.checked, given.reason
        )
        claim = await service.found(session, partner_id, open_one.claim_id)
    lost = await _losers(session, partner_id, claim, given.decision)
    for client_id in lost:
        await _remove(session, caller, partner_id, client_id)
    about = {"decision": given.decision, "checked": given.checked, "claim": str(claim.id)}
    subject = audit.Subject(open_one.id, partner_id=partner_id)
    await audit.record(session, caller, Event.CONTROL_DECIDED, subject, basis="role", **about)
    await events.publish(
        session,
        EventType.PARTNER_CONTROL_DECIDED,
        partner_id,
        caller.agency_id,
        dispute_id=str(open_one.id),
        decision=given.decision,
    )
    made = claim.client_id if holds and open_one.raised_by == "claim" else None
    return await _shown(session, open_one.id) | {"client_id": made, "client_secret": secret}


async def _close(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    open_one: Any,
    given: ControlDecision,
) -> None:
    """Store the decision. Raises PreconditionFailed where another one was faster."""
    sealed = await keyring.seal(
        session, partner_scope(), _context(open_one.id, "reason"), given.reason.encode()
    )
    async with service.explained(session):
        done = await session.execute(
            update(ControlDispute)
            .where(ControlDispute.id == open_one.id, ControlDispute.version == open_one.version)
            .values(
                state="decided",
                outcome=given.decision,
                checked=given.checked,
                sealed_reason=sealed,
                decided_by=caller.agency_id,
                decided_person=caller.require_person().id,
                decided_at=func.now(),
                version=open_one.version + 1,
            )
            .returning(ControlDispute.id)
            .execution_options(synchronize_session=False)
        )
        if done.one_or_none() is None:
            raise PreconditionFailed


async def _losers(session: AsyncSession, partner_id: UUID, claim: Any, outcome: str) -> list[str]:
    """Clients that no longer act for the partner after this outcome."""
    if outcome == "accept":
        return []
    active = await queries.active_clients(session, partner_id)
    if outcome == "refuse":
        return [one for one in active if one == claim.client_id]
    return [one for one in active if one != claim.client_id]


async def _remove(session: AsyncSession, caller: Caller, partner_id: UUID, client_id: str) -> None:
    await clients.revoke_client(session, client_id)
    await session.execute(
        update(PartnerClaim)
        .where(PartnerClaim.client_id == client_id, PartnerClaim.state == "approved")
        .values(state="removed", version=PartnerClaim.version + 1)
        .execution_options(synchronize_session=False)
    )
    subject = audit.Subject(None, partner_id=partner_id)
    await audit.record(session, caller, Event.CLIENT_REVOKED, subject, client=client_id)
