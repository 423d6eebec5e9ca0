"""What an agency says of a potential match. Never commits.

The rules are the database's (see the migration `matches`); what is asked here first explains them.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, NoReturn
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.auth.caller import Caller
from app.core.crypto import KeyRing, agency_scope
from app.core.errors import ServiceError, violated_constraint
from app.core.http import PreconditionFailed
from app.core.ids import new_secret_id
from app.events import service as events
from app.events.catalogue import EventType
from app.sanctions.matches import access, errors
from app.sanctions.matches.models import MatchDecision
from app.sanctions.matches.schemas import (
    MatchAcceptanceIn,
    MatchConfirmationIn,
    MatchDecisionIn,
)
from app.sanctions.matches.texts import decision_context

_REFUSED: dict[str | None, type[ServiceError]] = {
    "match_gone": errors.MatchGone,
    "match_version": PreconditionFailed,
    "match_second_person": PreconditionFailed,
    "match_pending": errors.MatchPending,
    "match_decided": errors.MatchDecided,
    "match_offer": errors.OfferNotFound,
    "uq_match_decisions_proposed": errors.MatchPending,
    "uq_match_decisions_standing": errors.MatchDecided,
    "ck_match_decisions_two_persons": errors.MatchSecondPerson,
}


def _refuse(error: IntegrityError) -> NoReturn:
    known = _REFUSED.get(violated_constraint(error))
    if known is None:
        raise error
    raise known from error


async def decide(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    match_id: UUID,
    version: int,
    new: MatchDecisionIn,
) -> Any:
    """Record or propose the own agency's word on the pair as it is now.

    Raises PersonRequired, MatchNotFound, RoleLacksRight, PreconditionFailed, MatchGone,
    MatchPending or MatchDecided.
    """
    row = await access.held(session, caller, match_id)
    if row.version != version:
        raise PreconditionFailed
    await _give(session, keys, caller, row, new.decision, new.reason)
    return await access.readable(session, caller, match_id)


async def accept(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    match_id: UUID,
    new: MatchAcceptanceIn,
) -> Any:
    """Take over another agency's NOT_A_MATCH, once. Raises OfferNotFound, and as `decide`."""
    row = await access.held(session, caller, match_id)
    offered = await session.get(MatchDecision, new.decision_id, populate_existing=True)
    if (
        offered is None
        or (offered.match_id, offered.round) != (row.id, row.round)
        or (offered.state, offered.decision) != ("standing", "NOT_A_MATCH")
        or offered.owner_agency == caller.agency_id
        or offered.accepted_from is not None
    ):
        raise errors.OfferNotFound
    await _give(session, keys, caller, row, "NOT_A_MATCH", new.reason, accepted_from=offered.id)
    author = audit.Subject(row.id, offered.owner_agency)
    await audit.record(session, caller, Event.MATCH_ACCEPTED, author, decision=str(offered.id))
    return await access.readable(session, caller, match_id)


async def _give(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    row: Any,
    decision: str,
    reason: str,
    accepted_from: UUID | None = None,
) -> None:
    if row.state == "obsolete":
        raise errors.MatchGone
    if row.pending is not None:
        raise errors.MatchPending
    if row.own_decision == decision:
        raise errors.MatchDecided
    second = decision == "TRUE_MATCH" or row.public_office or row.own_decision is not None
    word = SimpleNamespace(id=new_secret_id(), match_id=row.id, owner_agency=caller.agency_id)
    context = decision_context("sealed", word)
    values = {
        "id": word.id,
        "match_id": row.id,
        "owner_agency": caller.agency_id,
        "match_version": row.version,
        "round": row.round,
        "subject_hash": row.subject_hash,
        "entry_hash": row.entry_hash,
        "decision": decision,
        "state": "proposed" if second else "standing",
        "accepted_from": accepted_from,
        "proposed_by": caller.require_person().id,
        "sealed": await keys.seal(
            session, agency_scope(caller.agency_id), context, reason.encode()
        ),
    }
    try:
        async with session.begin_nested():
            await session.execute(insert(MatchDecision).values(values).inline())
    except IntegrityError as error:
        _refuse(error)
    event = Event.MATCH_PROPOSED if second else Event.MATCH_DECIDED
    told = EventType.MATCH_PROPOSED if second else EventType.MATCH_DECIDED
    await _tell(session, caller, row, event, told, decision, word.id)


async def confirm(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    match_id: UUID,
    new: MatchConfirmationIn,
) -> Any:
    """A second person of the agency confirms a proposal, which counts from then on, or refuses.

    Raises PersonRequired, MatchNotFound, RoleLacksRight, MatchProposalNotFound,
    MatchProposalSettled, MatchSecondPerson, MatchGone or OfferNotFound.
    """
    person = caller.require_person()
    row = await access.held(session, caller, match_id, confirming=True)
    word = await _proposal(session, caller, row, new.proposal_id)
    if word.proposed_by == person.id:
        raise errors.MatchSecondPerson
    if row.state == "obsolete":
        raise errors.MatchGone
    confirmed = new.decision == "confirm"
    context = decision_context("sealed_confirmation", word)
    sealed = await keys.seal(session, agency_scope(caller.agency_id), context, new.reason.encode())
    values: dict[str, Any] = {
        "state": "standing" if confirmed else "refused",
        "confirmed_by": person.id,
        "confirmed_at": func.now(),
        "sealed_confirmation": sealed,
        "ended_at": None if confirmed else func.now(),
    }
    try:
        async with session.begin_nested():
            await session.execute(
                update(MatchDecision)
                .where(MatchDecision.id == word.id)
                .values(values)
                .execution_options(synchronize_session=False)
            )
    except IntegrityError as error:
        _refuse(error)
    event = Event.MATCH_CONFIRMED if confirmed else Event.MATCH_REFUSED
    told = EventType.MATCH_DECIDED if confirmed else None
    await _tell(session, caller, row, event, told, word.decision, word.id)
    return await access.readable(session, caller, match_id)


async def _proposal(
    session: AsyncSession, caller: Caller, row: Any, proposal_id: UUID
) -> MatchDecision:
    query = (
        select(MatchDecision)
        .where(MatchDecision.id == proposal_id, MatchDecision.match_id == row.id)
        .execution_options(populate_existing=True)
    )
    word = (await session.scalars(query)).one_or_none()
    if word is None or word.owner_agency != caller.agency_id:
        raise errors.MatchProposalNotFound
    if word.state != "proposed":
        raise errors.MatchProposalSettled
    return word


async def _tell(
    session: AsyncSession,
    caller: Caller,
    row: Any,
    event: Event,
    told: EventType | None,
    decision: str,
    word_id: UUID,
) -> None:
    """The log, without the partner, whom it would tell; and all agencies, of what counts for all.

    A proposal, and what concerns an own list, is told to the own agency alone.
    """
    about: dict[str, Any] = {"decision": decision, "word": str(word_id), "round": row.round}
    await audit.record(session, caller, event, audit.Subject(row.id, caller.agency_id), **about)
    if told is None:
        return
    alone = row.holder is not None or told is EventType.MATCH_PROPOSED
    await events.publish(
        session,
        told,
        row.id,
        caller.agency_id,
        level="AGENCY_ONLY" if alone else "RESTRICTED",
        source=row.source,
        **about,
    )
