"""Redaction: one person hides content at once, a second one has it destroyed or brought back.

What hides and destroys is a trigger on the table of redactions: raw SQL sees the same as the API.
The features say which content they have; see `Target`. Never commits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import func, insert, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.audit.exceptions import errors, queries
from app.audit.exceptions.models import Redaction
from app.audit.exceptions.roles import REDACTING, require_role
from app.audit.exceptions.schemas import RedactedKind, RedactionDecisionIn
from app.auth import policy
from app.auth.caller import Caller
from app.core.crypto import KeyRing, agency_scope
from app.core.errors import violated_constraint
from app.core.http import PreconditionFailed
from app.core.ids import new_id

_STATE: dict[str, Literal["confirmed", "undone"]] = {"confirm": "confirmed", "undo": "undone"}
_EVENTS = {"confirm": Event.CONTENT_DESTROYED, "undo": Event.CONTENT_RESTORED}


@dataclass(frozen=True, slots=True)
class Target:
    """Content of the caller's own agency that can be redacted.

    ``record_id`` is the record it is part of, under whose id its readings are logged. ``written``:
    there are words, also where former ones were destroyed.
    """

    kind: RedactedKind
    id: UUID
    record_id: UUID
    partner_id: UUID | None
    written: bool = False

    @property
    def records(self) -> tuple[UUID, ...]:
        """What a legal hold on which keeps the content from being destroyed."""
        return tuple(one for one in (self.id, self.record_id, self.partner_id) if one is not None)


def _context(redaction_id: UUID, field: str, owner: UUID) -> str:
    return f"redactions|{redaction_id}|{field}|{owner}"


async def hide(
    session: AsyncSession, keyring: KeyRing, caller: Caller, target: Target, reason: str
) -> dict[str, Any]:
    """Hide the content from everybody, its owner included, from the next request on.

    Raises PersonRequired, RoleRequired or RedactionExists.
    """
    person = caller.require_person()
    require_role(caller, REDACTING, unless_none=True)
    live = await queries.live_redaction(session, target.id)
    if live is not None and (live.state == "hidden" or not target.written):
        raise errors.RedactionExists
    redaction_id = new_id()
    scope, context = (
        agency_scope(caller.agency_id),
        _context(redaction_id, "reason", caller.agency_id),
    )
    try:
        # The index decides between two persons who hide at once.
        await session.execute(
            insert(Redaction)
            .values(
                id=redaction_id,
                agency_id=caller.agency_id,
                subject_kind=target.kind,
                subject_id=target.id,
                record_id=target.record_id,
                partner_id=target.partner_id,
                sealed_reason=await keyring.seal(session, scope, context, reason.encode()),
                requested_by=person.id,
            )
            .inline()
        )
    except IntegrityError as error:
        if violated_constraint(error) != "uq_redactions_subject_id":
            raise
        raise errors.RedactionExists from error
    await _record(session, caller, Event.CONTENT_HIDDEN, target, redaction_id)
    return await read(session, keyring, redaction_id)


async def decide(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    target: Target,
    version: int,
    decision: RedactionDecisionIn,
) -> dict[str, Any]:
    """A second person destroys the content for good, or brings it back as it was.

    Also after the 72 hours. Raises PersonRequired, RoleRequired, RedactionNotFound,
    PreconditionFailed, RedactionDecided, SecondPersonRequired, or UnderLegalHold.
    """
    person = caller.require_person()
    require_role(caller, REDACTING, unless_none=True)
    row = await queries.live_redaction(session, target.id)
    if row is None:
        raise errors.RedactionNotFound
    if row.version != version:
        raise PreconditionFailed
    if row.state != "hidden":
        raise errors.RedactionDecided
    if row.requested_by == person.id:
        raise errors.SecondPersonRequired
    if decision.decision == "confirm" and await queries.is_held(session, *target.records):
        raise errors.UnderLegalHold
    await _close(session, keyring, caller, row, decision)
    await _record(session, caller, _EVENTS[decision.decision], target, row.id)
    return await read(session, keyring, row.id)


async def _close(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    row: Any,
    decision: RedactionDecisionIn,
) -> None:
    context = _context(row.id, "decision", caller.agency_id)
    sealed = await keyring.seal(
        session, agency_scope(caller.agency_id), context, decision.reason.encode()
    )
    try:
        closed = await session.execute(
            update(Redaction)
            .where(Redaction.id == row.id, Redaction.version == row.version)
            .values(
                state=_STATE[decision.decision],
                decided_by=caller.require_person().id,
                decided_at=func.now(),
                sealed_decision=sealed,
                version=row.version + 1,
            )
            .execution_options(synchronize_session=False)
            .returning(Redaction.id)
        )
    except IntegrityError as error:
        # A hold that was set since it was asked for.
        if violated_constraint(error) != "legal_hold":
            raise
        raise errors.UnderLegalHold from error
    if closed.scalar_one_or_none() is None:
        raise PreconditionFailed


async def _record(
    session: AsyncSession, caller: Caller, event: Event, target: Target, redaction_id: UUID
) -> None:
    subject = audit.Subject(target.record_id, caller.agency_id, target.partner_id)
    about = {"redaction": str(redaction_id), "kind": target.kind, "content": str(target.id)}
    await audit.record(session, caller, event, subject, **about)


async def read(session: AsyncSession, keyring: KeyRing, redaction_id: UUID) -> dict[str, Any]:
    """An own redaction with who has read the content. Raises RedactionNotFound."""
    row = await queries.find_redaction(session, redaction_id)
    if row is None:
        raise errors.RedactionNotFound
    # That a share or a request was read is not in the log: those two agencies see it always.
    logged = row.subject_kind not in ("share", "access_request")
    found = await queries.readers(session, row.record_id) if logged else []
    return await wire(session, keyring, row) | {"readers": [dict(item._mapping) for item in found]}


async def read_for(
    session: AsyncSession, keyring: KeyRing, caller: Caller, redaction_id: UUID
) -> dict[str, Any]:
    """As `read`, for a caller that may know of the record, else RedactionNotFound."""
    known = await queries.find_redaction(session, redaction_id, sorted(caller.countries))
    if known is None or not _reaches(caller):
        raise errors.RedactionNotFound
    return await read(session, keyring, redaction_id)


def _reaches(caller: Caller) -> bool:
    # Of what level the content was is not said; it may have been the highest.
    return policy.reaches(caller, "AGENCY_ONLY")


async def list_redactions(
    session: AsyncSession, caller: Caller, state: str | None, after: UUID | None, limit: int
) -> Sequence[Any]:
    """The own agency's redactions, newest first, of records that the caller may know of."""
    if not _reaches(caller):
        return []
    return await queries.list_redactions(session, state, sorted(caller.countries), after, limit)


async def wire(session: AsyncSession, keyring: KeyRing, row: Any) -> dict[str, Any]:
    """A row of the queries as RedactionOut needs it."""
    context = _context(row.id, "reason", row.agency_id)
    reason = (await keyring.open(session, context, row.sealed_reason)).decode()
    decision = None
    if row.sealed_decision is not None:
        context = _context(row.id, "decision", row.agency_id)
        decision = (await keyring.open(session, context, row.sealed_decision)).decode()
    hidden = ("agency_id", "sealed_reason", "sealed_decision")
    facts = {name: value for name, value in row._mapping.items() if name not in hidden}
    return facts | {"reason": reason, "decision_reason": decision}
