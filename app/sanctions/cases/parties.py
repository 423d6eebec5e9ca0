"""Other agencies in a case: asked by the lead, joined by their own answer. Never commits."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies import service as agencies
from app.audit import service as audit
from app.audit.events import Event
from app.auth import policy
from app.auth.caller import Caller
from app.core.explain import explained
from app.core.ids import new_secret_id
from app.events import service as events
from app.events.catalogue import EventType
from app.sanctions.cases import errors, queries
from app.sanctions.cases.after_schemas import InvitationAnswerIn, PartyIn
from app.sanctions.cases.follow_models import SanctionCaseParty
from app.sanctions.cases.reading import shown_parties
from app.sanctions.cases.steps import get_case, subject_of


async def invite(
    session: AsyncSession, caller: Caller, case_id: UUID, new: PartyIn
) -> dict[str, Any]:
    """Ask another agency to join, or to lend its panel; a panel reads the parts it reviews.

    Raises CaseNotFound, RoleLacksRight, AgencyUnfit or InvitationExists.
    """
    case = await get_case(session, caller, case_id, lock=True, act="create")
    other = (await agencies.active_by_code(session)).get(new.agency)
    if other is None or other == caller.agency_id:
        raise errors.AgencyUnfit
    parts = set(new.parts) | ({"finding", "notice", "reply"} if new.role == "panel" else set())
    party_id = new_secret_id()
    values = {
        "id": party_id,
        "case_id": case.id,
        "agency_id": case.agency_id,
        "partner_id": case.partner_id,
        "party_agency": other,
        "role": new.role,
        "parts": sorted(parts),
        "invited_by": caller.require_person().id,
    }
    async with explained(session, {"uq_sanction_case_parties_open": errors.InvitationExists}):
        await session.execute(insert(SanctionCaseParty).values(**values).inline())
    about: dict[str, Any] = {"party": str(other), "role": new.role, "parts": sorted(parts)}
    await audit.record(session, caller, Event.CASE_AGENCY_INVITED, subject_of(case), **about)
    # To the agency that is asked, which reads the invitation itself.
    await events.publish(
        session, EventType.CASE_INVITED, party_id, other, level="AGENCY_ONLY", role=new.role
    )
    return await _shown(session, party_id)


async def _shown(session: AsyncSession, party_id: UUID) -> dict[str, Any]:
    found = await queries.find_party(session, party_id)
    assert found is not None
    await session.refresh(found)
    return (await shown_parties(session, [found]))[0]


async def end(
    session: AsyncSession, caller: Caller, case_id: UUID, party_id: UUID, now: datetime
) -> None:
    """The other agency has no part any more; what it read it has read.

    Raises CaseNotFound, InvitationNotFound, or StepOutOfOrder for one that has ended.
    """
    case = await get_case(session, caller, case_id, lock=True, act="create")
    known = await queries.find_party(session, party_id)
    if known is None or known.case_id != case.id:
        raise errors.InvitationNotFound
    party = await queries.lock_party(session, party_id)
    if party is None or party.state not in ("invited", "accepted"):
        raise errors.StepOutOfOrder
    party.state = "ended"
    party.ended_by = caller.require_person().id
    party.ended_at = now
    await session.flush()
    about = {"party": str(party.party_agency), "role": party.role}
    await audit.record(session, caller, Event.CASE_PARTY_ENDED, subject_of(case), **about)


async def list_received(
    session: AsyncSession, caller: Caller, after: UUID | None, limit: int
) -> list[SanctionCaseParty]:
    """Invitations to the own agency, by id; none for a client that handles no such contents."""
    if not (
        policy.reaches(caller, "AGENCY_ONLY") and policy.has_right(caller, "read", "DEBAR_CASE")
    ):
        return []
    found = await queries.parties(session, party_agency=caller.agency_id, after=after, limit=limit)
    return list(found)


async def answer(
    session: AsyncSession, caller: Caller, party_id: UUID, given: InvitationAnswerIn, now: datetime
) -> dict[str, Any]:
    """The own agency joins or declines.

    Raises InvitationNotFound, StepOutOfOrder or RoleLacksRight.
    """
    policy.require_writable(
        policy.can(caller, "approve", policy.Resource("DEBAR_CASE", caller.agency_id)),
        errors.InvitationNotFound,
    )
    known = await queries.find_party(session, party_id)
    if known is None or known.party_agency != caller.agency_id:
        raise errors.InvitationNotFound
    party = await queries.lock_party(session, party_id)
    if party is None or party.state != "invited":
        raise errors.StepOutOfOrder
    party.state = "accepted" if given.answer == "accept" else "declined"
    party.answered_by = caller.require_person().id
    party.answered_at = now
    await session.flush()
    subject = audit.Subject(party.case_id, party.agency_id, party.partner_id)
    about = {"party": str(caller.agency_id), "state": party.state}
    await audit.record(session, caller, Event.CASE_INVITATION_ANSWERED, subject, **about)
    await events.publish(
        session,
        EventType.CASE_INVITATION_ANSWERED,
        party.case_id,
        party.agency_id,
        level="AGENCY_ONLY",
        **about,
    )
    return await _shown(session, party_id)
