"""Whose identifier it is: said by a person who did not raise the dispute.

Where the partner itself raised it, no person of an agency stands behind the question; then two
persons must say the same.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.events import Event
from app.auth import policy
from app.auth.caller import Caller
from app.core.crypto import KeyRing, agency_scope
from app.core.http import PreconditionFailed
from app.core.ids import new_secret_id
from app.partners.identifiers import disputes, queries, service
from app.partners.identifiers.errors import (
    DisputeDecided,
    DisputeNotFound,
    HolderUnfit,
    SamePerson,
)
from app.partners.identifiers.models import DisputeVoice, IdentifierDispute
from app.partners.identifiers.schemas import DisputeDecisionIn
from app.partners.identifiers.schemes import IdentifierScheme
from app.partners.models import Partner


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

    What a partner raised stays open until a second person says the same. Raises DisputeNotFound,
    RoleLacksRight, SamePerson, HolderUnfit, DisputeDecided or PreconditionFailed.
    """
    person = caller.require_person()
    row = await disputes.found(session, partner, dispute_id)
    right = policy.can(caller, "approve", policy.Resource("CLAIM", country=partner.country))
    policy.require_writable(right, DisputeNotFound)
    for side in (row.partner_id, row.holder_id):
        known = await session.get(Partner, side)
        if known is None or not await disputes.known(session, caller, known):
            raise DisputeNotFound
    if row.raised_person == person.id:
        raise SamePerson
    if decision.holder not in (row.partner_id, row.holder_id):
        raise HolderUnfit
    if row.status != "open":
        raise DisputeDecided
    if row.raiser is None and not await _agreed(session, caller, row.id, decision.holder):
        await _propose(session, keys, caller, row, version, decision)
        return await disputes.get_dispute(session, caller, partner, dispute_id)
    # The profiles first, as everywhere: then the dispute is locked by its update.
    await disputes.bump_both(session, caller, row.partner_id, row.holder_id)
    await _close(session, keys, caller, row.id, version, decision)
    await _settle(session, caller, row, decision.holder)
    await disputes.log(
        session, caller, Event.IDENTIFIER_DISPUTE_DECIDED, row.id, row.partner_id, row.holder_id
    )
    return await disputes.get_dispute(session, caller, partner, dispute_id)


async def _close(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    dispute_id: UUID,
    version: int,
    decision: DisputeDecisionIn,
) -> None:
    reason = await keys.seal(
        session, agency_scope(caller.agency_id), disputes.context(dispute_id, "reason"),
        decision.reason.encode(),
    )  # fmt: skip
    done = await session.execute(
        update(IdentifierDispute)
        .where(
            IdentifierDispute.id == dispute_id,
            IdentifierDispute.version == version,
            IdentifierDispute.status == "open",
        )
        .values(
            status="decided",
            version=version + 1,
            decided_for=decision.holder,
            decided_by=caller.agency_id,
            decided_person=caller.require_person().id,
            decided_at=func.now(),
            sealed_reason=reason,
        )
        .execution_options(synchronize_session=False)
        .returning(IdentifierDispute.id)
    )
    if done.first() is None:
        raise PreconditionFailed


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


async def _agreed(session: AsyncSession, caller: Caller, dispute_id: UUID, holder: UUID) -> bool:
    """Whether another person has said the same. Raises SamePerson where only this one did."""
    person = caller.require_person().id
    same = {v.person_id for v in await queries.voices_of(session, dispute_id) if v.for_id == holder}
    if same == {person}:
        raise SamePerson
    return bool(same)


async def _propose(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    row: Any,
    version: int,
    decision: DisputeDecisionIn,
) -> None:
    # The version first: two who speak at once take turns, and the second hears of the first.
    done = await session.execute(
        update(IdentifierDispute)
        .where(
            IdentifierDispute.id == row.id,
            IdentifierDispute.version == version,
            IdentifierDispute.status == "open",
        )
        .values(version=version + 1)
        .execution_options(synchronize_session=False)
        .returning(IdentifierDispute.id)
    )
    if done.first() is None:
        raise PreconditionFailed
    voice_id = new_secret_id()
    await session.execute(
        insert(DisputeVoice)
        .values(
            id=voice_id,
            dispute_id=row.id,
            for_id=decision.holder,
            agency_id=caller.agency_id,
            person_id=caller.require_person().id,
            sealed=await keys.seal(
                session,
                agency_scope(caller.agency_id),
                disputes.voice_context(voice_id),
                decision.reason.encode(),
            ),
        )
        .inline()
    )
    event = Event.IDENTIFIER_DISPUTE_PROPOSED
    await disputes.log(session, caller, event, row.id, row.partner_id, row.holder_id)
