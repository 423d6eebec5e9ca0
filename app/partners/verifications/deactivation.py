"""Deactivation and its reverse: one person proposes, another decides. Records stay.

A deactivated partner keeps its statements, its restraints and its access to reply to them; it is
only no longer one to work with. A trigger writes ``partners.deactivated_at``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.audit.purposes import OWN_RECORD
from app.auth import policy
from app.auth.caller import Caller
from app.core.clock import rfc3339
from app.core.crypto import KeyRing, agency_scope
from app.core.explain import explained
from app.core.http import PreconditionFailed
from app.core.ids import new_secret_id
from app.events import service as events
from app.events.catalogue import EventType
from app.partners.models import Partner
from app.partners.service import visible_partner
from app.partners.verifications import queries
from app.partners.verifications.errors import (
    DeactivationDecided,
    DeactivationNotFound,
    DeactivationNotPossible,
    DeactivationOpen,
    DeciderIsProposer,
    ReasonCodeUnknown,
)
from app.partners.verifications.models import PartnerDeactivation
from app.partners.verifications.rules import REASONS
from app.partners.verifications.schemas import DeactivationDecision, DeactivationIn

Kind = Literal["deactivate", "reactivate"]
_OPEN = "uq_partner_deactivations_partner_id_agency_id"


def reason_context(deactivation_id: UUID, agency_id: UUID, part: str) -> str:
    """Encryption context of the reason of a proposal (``reason``) or decision (``decision``)."""
    return f"partner_deactivations|{deactivation_id}|{agency_id}|{part}"


def _possible(partner: Partner, kind: Kind) -> bool:
    fits = (partner.deactivated_at is None) == (kind == "deactivate")
    return fits and partner.merged_into is None


def _resource(caller: Caller, partner: Partner) -> policy.Resource:
    return policy.Resource("VERIFY_RUN", caller.agency_id, country=partner.country)


async def propose(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    partner_id: UUID,
    kind: Kind,
    new: DeactivationIn,
) -> dict[str, Any]:
    """Propose, for another person of the agency to decide.

    Raises PartnerNotFound, RoleLacksRight, LevelAboveClient, ReasonCodeUnknown,
    DeactivationNotPossible or DeactivationOpen.
    """
    partner = await visible_partner(session, caller, partner_id)
    planned = _resource(caller, partner)
    decision = policy.can(caller, "approve", planned)
    policy.require_writable(decision if decision.allowed else policy.can(caller, "create", planned))
    codes = REASONS.deactivate if kind == "deactivate" else REASONS.reactivate
    if new.reason_code not in codes:
        raise ReasonCodeUnknown
    if not _possible(partner, kind):
        raise DeactivationNotPossible
    made, agency = new_secret_id(), caller.agency_id
    values = {
        "id": made,
        "partner_id": partner_id,
        "agency_id": agency,
        "kind": kind,
        "reason_code": new.reason_code,
        "sealed_reason": await keys.seal(
            session,
            agency_scope(agency),
            reason_context(made, agency, "reason"),
            new.reason.encode(),
        ),
        "proposed_by": caller.require_person().id,
    }
    async with explained(session, {_OPEN: DeactivationOpen}):
        await queries.add_deactivation(session, values)
    subject = audit.Subject(made, agency, partner_id)
    about = {"kind": kind, "reason_code": new.reason_code}
    await audit.record(session, caller, Event.DEACTIVATION_PROPOSED, subject, **about)
    return await _read(session, partner_id, made)


async def decide(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    partner_id: UUID,
    deactivation_id: UUID,
    version: int,
    decision: DeactivationDecision,
    now: datetime,
) -> dict[str, Any]:
    """Approve or refuse a proposal of the own agency; approval changes the profile at once.

    Raises PartnerNotFound, DeactivationNotFound, RoleLacksRight, PreconditionFailed,
    DeactivationDecided, DeciderIsProposer or DeactivationNotPossible.
    """
    partner = await visible_partner(session, caller, partner_id)
    row = await queries.find_deactivation(session, partner_id, deactivation_id)
    if row is None:
        raise DeactivationNotFound
    policy.require_writable(
        policy.can(caller, "approve", _resource(caller, partner)), DeactivationNotFound
    )
    if row.version != version:
        raise PreconditionFailed
    if row.state != "proposed":
        raise DeactivationDecided
    person = caller.require_person()
    if person.id == row.proposed_by:
        raise DeciderIsProposer
    context = reason_context(row.id, caller.agency_id, "decision")
    sealed = await keys.seal(
        session, agency_scope(caller.agency_id), context, decision.reason.encode()
    )
    approved = decision.decision == "approve"
    values = {
        "state": "approved" if approved else "refused",
        "decided_by": person.id,
        "decided_at": now,
        "sealed_decision": sealed,
    }
    async with explained(session, {"deactivation_not_possible": DeactivationNotPossible}):
        if not await queries.decide_deactivation(session, row.id, version, values):
            raise PreconditionFailed
    await _tell(session, caller, row, approved)
    await session.refresh(row)
    return await _read(session, partner_id, row.id)


async def _tell(
    session: AsyncSession, caller: Caller, row: PartnerDeactivation, approved: bool
) -> None:
    subject = audit.Subject(row.id, row.agency_id, row.partner_id)
    about: dict[str, Any] = {"kind": row.kind, "reason_code": row.reason_code}
    decided = {"decision": "approve" if approved else "refuse"}
    await audit.record(session, caller, Event.DEACTIVATION_DECIDED, subject, **about, **decided)
    if approved:
        off = row.kind == "deactivate"
        kind = EventType.PARTNER_DEACTIVATED if off else EventType.PARTNER_REACTIVATED
        version = await queries.version_of(session, row.partner_id)
        about = {"reason_code": row.reason_code, "version": version}
        await events.publish(session, kind, row.partner_id, caller.agency_id, **about)


async def _read(session: AsyncSession, partner_id: UUID, deactivation_id: UUID) -> dict[str, Any]:
    row = await queries.find_deactivation(session, partner_id, deactivation_id)
    assert row is not None
    return wire(row)


def wire(row: PartnerDeactivation) -> dict[str, Any]:
    """A proposal as DeactivationOut needs it, without its reason."""
    names = ("id", "version", "partner_id", "kind", "reason_code", "state", "proposed_at")
    return {name: getattr(row, name) for name in names} | {"decided_at": row.decided_at}


async def list_proposals(
    session: AsyncSession, caller: Caller, partner_id: UUID, after: list[Any] | None, limit: int
) -> Sequence[PartnerDeactivation]:
    """The own agency's proposals for this partner, newest first. Raises PartnerNotFound."""
    await visible_partner(session, caller, partner_id)
    return await queries.list_deactivations(session, partner_id, after, limit)


def page_key(row: PartnerDeactivation) -> list[str]:
    """Sort values of a row of the list."""
    return [rfc3339(row.proposed_at), str(row.id)]


async def read_proposal(
    session: AsyncSession, keys: KeyRing, caller: Caller, partner_id: UUID, deactivation_id: UUID
) -> dict[str, Any]:
    """The own agency's proposal with its reason; the reading is logged.

    Raises PartnerNotFound or DeactivationNotFound.
    """
    await visible_partner(session, caller, partner_id)
    row = await queries.find_deactivation(session, partner_id, deactivation_id)
    if row is None:
        raise DeactivationNotFound
    context = reason_context(row.id, row.agency_id, "reason")
    reason = (await keys.open(session, context, row.sealed_reason)).decode()
    subject = audit.Subject(row.id, row.agency_id, partner_id)
    await audit.record(
        session, caller, Event.DEACTIVATION_READ, subject, purpose=OWN_RECORD, basis="owner"
    )
    return wire(row) | {"reason": reason}
