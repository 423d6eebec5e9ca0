"""Two profiles, one identifier: both hold it, marked, until a person says whose it is.

The profile that had it first goes on standing for it: it resolves, marked as disputed, and a third
profile still meets a 409. A clearance by a disputed identifier knows no partner, and so refers.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.errors import PurposeRequired
from app.audit.events import Event
from app.audit.purposes import OWN_RECORD, StatedPurpose
from app.auth import policy
from app.auth.caller import Caller
from app.core.crypto import KeyRing, agency_scope
from app.core.errors import violated_constraint
from app.core.http import PreconditionFailed
from app.core.ids import new_secret_id
from app.partners import visibility
from app.partners.identifiers import queries, service
from app.partners.identifiers.errors import (
    DisputeDecided,
    DisputeNotFound,
    DisputeOpen,
    HolderUnfit,
    IdentifierHeld,
    SamePerson,
)
from app.partners.identifiers.models import IdentifierDispute, RestrictedIdentifier
from app.partners.identifiers.schemas import DisputeDecisionIn, DisputeIn
from app.partners.identifiers.schemes import IdentifierScheme
from app.partners.lineage import root_of
from app.partners.models import Partner

_HIDDEN = ("restricted", "held_id", "claim_id", "sealed_grounds", "sealed_reason", "raiser")


def _context(dispute_id: UUID, field: str) -> str:
    return f"identifier_disputes.{field}|{dispute_id}"


async def _bump_both(session: AsyncSession, caller: Caller, one: UUID, other: UUID) -> None:
    # In the order of their ids, or two decisions about the same two profiles could lock crosswise.
    for partner_id in sorted((one, other)):
        version = await service.next_version(session, caller, partner_id)
        await service.say_changed(session, caller, partner_id, version)


async def raise_dispute(
    session: AsyncSession, keys: KeyRing, caller: Caller, partner: Partner, new: DisputeIn
) -> dict[str, Any]:
    """Say that another profile holds this profile's identifier, which then both hold.

    Raises PersonRequired, RoleLacksRight, EditsFrozen, OwnedByPartner, ProfileMerged, DisputeOpen,
    or IdentifierHeld where nobody else holds it.
    """
    person = caller.require_person()
    await service.require_kept(session, caller, partner)
    await service.refuse_merged(session, partner)
    live = await service.find_live(session, keys, caller, new)
    if live is None or await root_of(session, live.partner_id) == partner.id:
        raise IdentifierHeld
    table, holder_id = type(live), live.partner_id
    await _bump_both(session, caller, partner.id, holder_id)
    marked = await session.execute(
        update(table)
        .where(table.id == live.id, table.active)
        .values(disputed=True)
        .execution_options(synchronize_session=False)
        .returning(table.id)
    )
    if marked.first() is None:  # ended since: the number is free
        raise IdentifierHeld
    claim_id = await service.store(session, keys, caller, partner.id, new, claimed=True)
    dispute_id = new_secret_id()
    grounds = await keys.seal(
        session,
        agency_scope(caller.agency_id),
        _context(dispute_id, "grounds"),
        new.grounds.encode(),
    )
    try:
        async with session.begin_nested():
            await session.execute(
                insert(IdentifierDispute)
                .values(
                    id=dispute_id,
                    partner_id=partner.id,
                    holder_id=holder_id,
                    scheme=new.scheme.value,
                    restricted=table is RestrictedIdentifier,
                    held_id=live.id,
                    claim_id=claim_id,
                    document_ids=new.document_ids,
                    sealed_grounds=grounds,
                    raised_by=caller.agency_id,
                    raised_person=person.id,
                )
                .inline()
            )
    except IntegrityError as error:
        if violated_constraint(error) == "uq_identifier_disputes_held_id":
            raise DisputeOpen from error
        raise
    await _log(session, caller, Event.IDENTIFIER_DISPUTED, dispute_id, partner.id, holder_id)
    return await get_dispute(session, caller, partner, dispute_id)


async def _log(
    session: AsyncSession, caller: Caller, event: Event, dispute: UUID, one: UUID, other: UUID
) -> None:
    # On the record of both sides: each may ask who acted on it.
    for partner_id in (one, other):
        subject = audit.Subject(dispute, partner_id=partner_id)
        await audit.record(session, caller, event, subject)


async def _shown(session: AsyncSession, caller: Caller, row: Any) -> dict[str, Any]:
    shown = {name: value for name, value in row._mapping.items() if name not in _HIDDEN}
    del shown["raised_person"]
    holder = await session.get(Partner, row.holder_id)
    assert holder is not None
    if not await _known(session, caller, holder):
        shown["holder_id"] = None
        if row.decided_for == row.holder_id:
            shown["decided_for"] = None
    return shown


async def _known(session: AsyncSession, caller: Caller, partner: Partner) -> bool:
    return policy.within(caller, partner.country) and await visibility.may_see(
        session, caller, partner
    )


async def list_disputes(
    session: AsyncSession, caller: Caller, partner: Partner, after: list[Any] | None, limit: int
) -> list[dict[str, Any]]:
    """Disputes that the profile is a side of, newest first; no texts."""
    rows = await queries.list_disputes(session, partner.id, after, limit)
    return [await _shown(session, caller, row) for row in rows]


async def get_dispute(
    session: AsyncSession, caller: Caller, partner: Partner, dispute_id: UUID
) -> dict[str, Any]:
    """A dispute, without its texts. Raises DisputeNotFound."""
    return await _shown(session, caller, await _row(session, partner, dispute_id))


async def _row(session: AsyncSession, partner: Partner, dispute_id: UUID) -> Any:
    row = await queries.find_dispute(session, partner.id, dispute_id)
    if row is None:
        raise DisputeNotFound
    return row


async def read_grounds(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    partner: Partner,
    dispute_id: UUID,
    stated: StatedPurpose | None,
) -> dict[str, Any]:
    """The texts: for the agency that raised it, and for who decides, for a purpose. Logged.

    Raises DisputeNotFound for anybody else, then PurposeRequired.
    """
    row = await _row(session, partner, dispute_id)
    own = row.raiser == caller.agency_id
    decides = policy.can(caller, "approve", policy.Resource("CLAIM", country=partner.country))
    if not own and not decides.allowed:
        raise DisputeNotFound
    if not own and stated is None:
        raise PurposeRequired
    texts: dict[str, str | None] = {"reason": None}
    for field, sealed in (("grounds", row.sealed_grounds), ("reason", row.sealed_reason)):
        if sealed is not None:
            texts[field] = (await keys.open(session, _context(row.id, field), sealed)).decode()
    await audit.record(
        session,
        caller,
        Event.DISPUTE_GROUNDS_READ,
        audit.Subject(row.id, owner_agency=row.raiser, partner_id=partner.id),
        purpose=OWN_RECORD if own or stated is None else stated.purpose,
        reference=None if own or stated is None else stated.reference,
        basis="owner" if own else "role",
    )
    return {"id": row.id, **texts}


async def decide(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    partner: Partner,
    dispute_id: UUID,
    version: int,
    decision: DisputeDecisionIn,
) -> dict[str, Any]:
    """Say whose identifier it is: the other profile's row ends, the winner's is marked no longer.

    Raises DisputeNotFound, RoleLacksRight, SamePerson, HolderUnfit, DisputeDecided or
    PreconditionFailed.
    """
    person = caller.require_person()
    row = await _row(session, partner, dispute_id)
    right = policy.can(caller, "approve", policy.Resource("CLAIM", country=partner.country))
    policy.require_writable(right, DisputeNotFound)
    for side in (row.partner_id, row.holder_id):
        known = await session.get(Partner, side)
        if known is None or not await _known(session, caller, known):
            raise DisputeNotFound
    if row.raised_person == person.id:
        raise SamePerson
    if decision.holder not in (row.partner_id, row.holder_id):
        raise HolderUnfit
    if row.status != "open":
        raise DisputeDecided
    # The profiles first, as everywhere: then the dispute is locked by its update.
    await _bump_both(session, caller, row.partner_id, row.holder_id)
    reason = await keys.seal(
        session, agency_scope(caller.agency_id), _context(row.id, "reason"),
        decision.reason.encode(),
    )  # fmt: skip
    done = await session.execute(
        update(IdentifierDispute)
        .where(
            IdentifierDispute.id == row.id,
            IdentifierDispute.version == version,
            IdentifierDispute.status == "open",
        )
        .values(
            status="decided",
            version=version + 1,
            decided_for=decision.holder,
            decided_by=caller.agency_id,
            decided_person=person.id,
            decided_at=func.now(),
            sealed_reason=reason,
        )
        .execution_options(synchronize_session=False)
        .returning(IdentifierDispute.id)
    )
    if done.first() is None:
        raise PreconditionFailed
    await _settle(session, caller, row, decision.holder)
    await _log(
        session, caller, Event.IDENTIFIER_DISPUTE_DECIDED, row.id, row.partner_id, row.holder_id
    )
    return await get_dispute(session, caller, partner, dispute_id)


async def _settle(session: AsyncSession, caller: Caller, row: Any, holder: UUID) -> None:
    table = service.table_of(IdentifierScheme(row.scheme))
    kept, lost = row.held_id, row.claim_id
    if holder == row.partner_id:
        kept, lost = lost, kept
    # The loser's row first: the index takes only one of the two.
    await service.end_row(session, caller, table, lost, "dispute")
    await session.execute(
        update(table)
        .where(table.id == kept)
        .values(disputed=False, claimed=False)
        .execution_options(synchronize_session=False)
    )
