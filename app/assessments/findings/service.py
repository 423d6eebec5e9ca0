"""Follow-up of findings by their owner. Works inside the caller's transaction, never commits."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments.findings import queries, texts, wire
from app.assessments.findings.access import owned
from app.assessments.findings.errors import (
    EvidenceRequired,
    ExceedsFinding,
    FindingNotOpen,
    FindingOpen,
    FindingUnsettled,
    NothingToVerify,
    ResolutionNotFound,
)
from app.assessments.findings.models import AssessmentFinding, FindingAction
from app.assessments.findings.opening import add_resolution
from app.assessments.findings.schemas import (
    ActionKind,
    AgreedIn,
    ClosingIn,
    ReopeningIn,
    ResolutionIn,
    VerificationIn,
)
from app.audit import service as audit
from app.audit.events import Event
from app.audit.exceptions.errors import SecondPersonRequired
from app.auth.caller import Caller
from app.core.crypto import KeyRing
from app.core.errors import FieldError, InvalidRequest
from app.core.ids import new_secret_id
from app.events import service as events
from app.events.catalogue import EventType

_NOBODY: dict[str, Any] = {
    "closed_by": None,
    "closed_at": None,
    "verified_by": None,
    "verified_at": None,
}


async def agree(
    session: AsyncSession, keyring: KeyRing, caller: Caller, finding_id: UUID, new: AgreedIn
) -> dict[str, Any]:
    """Say what is to be done, by whom, until when.

    Raises FindingNotFound, RoleLacksRight or FindingNotOpen.
    """
    row = await _open_one(session, caller, finding_id)
    await note(session, keyring, caller, row, "agreed", new.model_dump(mode="json"))
    # A new deadline may be missed anew.
    await _move(session, row, due_on=new.due_on, overdue_at=None)
    return await _done(session, caller, row, Event.FINDING_ACTION_AGREED)


async def settle(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    finding_id: UUID,
    new: ResolutionIn,
    today: date,
) -> dict[str, Any]:
    """Record money that was settled, or take back an entry that was wrong.

    Raises FindingNotFound, RoleLacksRight, FindingNotOpen, InvalidRequest (the date),
    ExceedsFinding or ResolutionNotFound.
    """
    row = await _open_one(session, caller, finding_id)
    # A day of grace: somewhere it is tomorrow already.
    if new.settled_on > today + timedelta(days=1):
        message = "nothing is settled in the future"
        fault = FieldError(pointer="/settled_on", code="in_future", message=message)
        raise InvalidRequest(errors=[fault])
    kind, usd = new.kind, new.amount_usd
    if new.reverses is not None:
        wrong = await queries.reversible(session, finding_id, new.reverses)
        if wrong is None:
            raise ResolutionNotFound
        kind, usd = wrong.kind, -wrong.amount_usd
    assert usd is not None
    if usd > row.pending_usd:
        message = "is more than is pending"
        fault = FieldError(pointer="/amount_usd", code="exceeds_finding", message=message)
        raise ExceedsFinding(errors=[fault])
    values = {
        "finding_id": row.id,
        "owner_agency": row.owner_id,
        "kind": kind,
        "amount_usd": usd,
        "settled_on": new.settled_on,
        "reverses": new.reverses,
    }
    made = await add_resolution(session, keyring, caller, row.assessment_id, values, new.reference)
    await _move(session, row)
    about = {"resolution": str(made), "kind": kind}
    return await _done(session, caller, row, Event.FINDING_RESOLVED, **about)


async def close(
    session: AsyncSession, keyring: KeyRing, caller: Caller, finding_id: UUID, new: ClosingIn
) -> dict[str, Any]:
    """Say what was done. One of high priority then waits for a second person.

    Raises FindingNotFound, RoleLacksRight, PersonRequired, FindingNotOpen, EvidenceRequired or
    FindingUnsettled.
    """
    person = caller.require_person()
    row = await _open_one(session, caller, finding_id)
    high = row.priority == "HIGH"
    if high and new.evidence is None:
        raise EvidenceRequired
    if row.pending_usd:
        raise FindingUnsettled
    await note(session, keyring, caller, row, "closed", new.model_dump(mode="json"))
    state = "to_verify" if high else "closed"
    await _move(session, row, state=state, closed_by=person.id, closed_at=func.now())
    if not high:
        await _publish(session, EventType.FINDING_CLOSED, row)
    return await _done(session, caller, row, Event.FINDING_CLOSED, state=state)


async def verify(
    session: AsyncSession, keyring: KeyRing, caller: Caller, finding_id: UUID, new: VerificationIn
) -> dict[str, Any]:
    """A second person says whether what was done holds; if not, the finding is open again.

    Raises FindingNotFound, RoleLacksRight, PersonRequired, NothingToVerify or
    SecondPersonRequired.
    """
    person = caller.require_person()
    row = await owned(session, caller, finding_id)
    if row.state != "to_verify":
        raise NothingToVerify
    if row.closed_by == person.id:
        raise SecondPersonRequired
    said = new.model_dump(mode="json", exclude={"outcome"})
    await note(session, keyring, caller, row, new.outcome, said)
    if new.outcome == "confirmed":
        await _move(session, row, state="closed", verified_by=person.id, verified_at=func.now())
        await _publish(session, EventType.FINDING_CLOSED, row)
    else:
        await _move(session, row, state="open", overdue_at=None, **_NOBODY)
    return await _done(session, caller, row, Event.FINDING_VERIFIED, outcome=new.outcome)


async def reopen(
    session: AsyncSession, keyring: KeyRing, caller: Caller, finding_id: UUID, new: ReopeningIn
) -> dict[str, Any]:
    """Take a finding up again. Raises FindingNotFound, RoleLacksRight, PersonRequired or
    FindingOpen.
    """
    caller.require_person()
    row = await owned(session, caller, finding_id)
    if row.state == "open":
        raise FindingOpen
    await note(session, keyring, caller, row, "reopened", new.model_dump(mode="json"))
    await _move(session, row, state="open", overdue_at=None, **_NOBODY)
    await _publish(session, EventType.FINDING_REOPENED, row)
    return await _done(session, caller, row, Event.FINDING_REOPENED)


async def note(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    row: Any,
    kind: ActionKind,
    body: dict[str, Any],
) -> UUID:
    """Add a step to the follow-up of a finding; its id."""
    action_id = new_secret_id()
    by_partner = caller.subject == "partner"
    sealed = await texts.seal(
        session, keyring, "finding_actions", action_id, row.owner_id, body, by_partner=by_partner
    )
    await session.execute(
        insert(FindingAction)
        .values(
            id=action_id,
            finding_id=row.id,
            assessment_id=row.assessment_id,
            owner_agency=row.owner_id,
            kind=kind,
            by_partner=by_partner,
            sealed=sealed,
            made_by=caller.person.id if caller.person else None,
            made_client=caller.client_id,
        )
        .inline()
    )
    return action_id


async def _open_one(session: AsyncSession, caller: Caller, finding_id: UUID) -> Any:
    row = await owned(session, caller, finding_id)
    if row.state != "open":
        raise FindingNotOpen
    return row


async def _move(session: AsyncSession, row: Any, **values: Any) -> None:
    # The row is locked, so its version cannot have moved.
    await session.execute(
        update(AssessmentFinding)
        .where(AssessmentFinding.id == row.id)
        .values(version=row.version + 1, **values)
        .execution_options(synchronize_session=False)
    )


async def _publish(session: AsyncSession, kind: EventType, row: Any) -> None:
    about = {"assessment_id": str(row.assessment_id), "partner_id": str(row.partner_id)}
    await events.publish(session, kind, row.id, row.owner_id, **about)


async def _done(
    session: AsyncSession, caller: Caller, row: Any, event: Event, **about: Any
) -> dict[str, Any]:
    """Log the step; where the finding stands now, without texts: those are read for a purpose."""
    subject = audit.Subject(row.id, row.owner_id, row.partner_id)
    await audit.record(session, caller, event, subject, version=row.version + 1, **about)
    now = await queries.find(session, row.id)
    assert now is not None  # the caller's own, and locked
    return wire.facts(now)
