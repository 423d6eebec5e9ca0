"""Verifications and what they come to. Works inside the caller's transaction, never commits.

The triggers of ``partner_verifications`` draw the result, refuse what is not possible and write
the outcome into the profile; the code here explains a refusal before they would make it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic_core import from_json, to_json
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.errors import PurposeRequired
from app.audit.events import Event
from app.audit.purposes import OWN_RECORD, parse_purpose
from app.auth import policy
from app.auth.caller import Caller
from app.core.clock import rfc3339
from app.core.crypto import KeyRing, agency_scope
from app.core.errors import FieldError, violated_constraint
from app.core.ids import new_id
from app.events import service as events
from app.events.catalogue import EventType
from app.partners.models import Partner
from app.partners.service import visible_partner
from app.partners.types import PartnerType
from app.partners.verifications import queries, rules
from app.partners.verifications.errors import (
    AnswersUnfit,
    QuestionSetNotInForce,
    ReasonRequired,
    VerificationNotFound,
    VerificationNotPossible,
)
from app.partners.verifications.schemas import VerificationIn

_INTERNATIONAL = frozenset({PartnerType.NGO_INTL.value})
"""Types whose headquarters is verified for all by an agency's headquarters unit."""


def note_context(verification_id: UUID, partner_id: UUID, agency_id: UUID) -> str:
    """Encryption context of what was written to a verification."""
    return f"partner_verification_notes|{verification_id}|{partner_id}|{agency_id}"


def require_verifier(caller: Caller, partner: Partner) -> None:
    """Raises RoleLacksRight unless the caller may verify this profile for its agency."""
    planned = policy.Resource("VERIFY_RUN", caller.agency_id, country=partner.country)
    decision = policy.can(caller, "approve", planned)
    # Whoever may verify headquarters may verify every profile, by the field's own rules.
    headquarters = partner.hq_id is None and partner.partner_type in _INTERNATIONAL
    if not headquarters and not decision.allowed:
        decision = policy.can(caller, "create", planned)
    policy.require_writable(decision)


async def record_verification(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    partner_id: UUID,
    new: VerificationIn,
    now: datetime,
) -> dict[str, Any]:
    """Record the calling person's answers; the result goes into the profile at once.

    Raises PartnerNotFound, RoleLacksRight, LevelAboveClient, QuestionSetNotInForce, AnswersUnfit,
    VerificationNotPossible (with all obstacles) or ReasonRequired.
    """
    partner = await visible_partner(session, caller, partner_id)
    require_verifier(caller, partner)
    questions = rules.in_force(now.date())
    if new.question_set != questions.version:
        raise QuestionSetNotInForce
    _check_answers(new, questions)
    positive = new.answers == questions.needed
    shown = sorted(set(new.flags_shown))
    await _check_conditions(session, caller, partner_id, positive, shown, new.reason)
    verification_id = new_id()
    try:
        async with session.begin_nested():
            contradicted = await queries.add_verification(
                session,
                {
                    "id": verification_id,
                    "partner_id": partner_id,
                    "agency_id": caller.agency_id,
                    "person_id": caller.require_person().id,
                    "question_set": new.question_set,
                    "answers": new.answers,
                    "flags_shown": shown,
                },
            )
    except IntegrityError as error:
        if violated_constraint(error) != "verification_not_possible":
            raise
        # Something came between the question and the row: the database says no, we say why.
        await _check_conditions(session, caller, partner_id, positive, shown, new.reason)
        raise VerificationNotPossible from error
    if contradicted and new.reason is None:
        raise ReasonRequired
    await _keep_note(session, keys, caller, partner_id, verification_id, new)
    await _tell(session, caller, partner_id, verification_id, positive, contradicted)
    return await get_verification(session, caller, partner_id, verification_id)


def _check_answers(new: VerificationIn, questions: rules.QuestionSet) -> None:
    wrong = [
        *(("/answers", code) for code in sorted(questions.needed.keys() ^ new.answers.keys())),
        *(("/comments", code) for code in sorted(new.comments.keys() - questions.needed.keys())),
    ]
    if wrong:
        raise AnswersUnfit(errors=[_unfit(where, code, questions) for where, code in wrong])


def _unfit(where: str, code: str, questions: rules.QuestionSet) -> FieldError:
    # A code that is not ours is not repeated.
    if code in questions.needed:
        return FieldError(pointer=f"{where}/{code}", code="missing", message="Answer this question")
    return FieldError(pointer=where, code="unknown_question", message="Not a question of this set")


async def _check_conditions(
    session: AsyncSession,
    caller: Caller,
    partner_id: UUID,
    positive: bool,
    shown: list[UUID],
    reason: str | None,
) -> None:
    found = await queries.conditions(session, partner_id, caller.agency_id, positive, shown)
    if found.obstacles:
        raise VerificationNotPossible(found.obstacles)
    if found.contradicts and reason is None:
        raise ReasonRequired


async def _keep_note(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    partner_id: UUID,
    verification_id: UUID,
    new: VerificationIn,
) -> None:
    if not new.comments and new.reason is None:
        return
    sealed = await keys.seal(
        session,
        agency_scope(caller.agency_id),
        note_context(verification_id, partner_id, caller.agency_id),
        to_json({"comments": new.comments, "reason": new.reason}),
    )
    values = {"verification_id": verification_id, "owner_agency": caller.agency_id}
    more = {"reasoned": new.reason is not None, "sealed": sealed}
    await queries.add_note(session, values | more)


async def _tell(
    session: AsyncSession,
    caller: Caller,
    partner_id: UUID,
    verification_id: UUID,
    positive: bool,
    contradicted: list[UUID],
) -> None:
    """Log; tell everybody of the result, and whom it contradicts of that, and the partner."""
    about: dict[str, Any] = {
        "result": "verified" if positive else "unverified",
        "version": await queries.version_of(session, partner_id),
    }
    subject = audit.Subject(verification_id, caller.agency_id, partner_id)
    await audit.record(
        session,
        caller,
        Event.VERIFICATION_RECORDED,
        subject,
        basis="owner",
        contradicts=[str(one) for one in contradicted],
        **about,
    )
    about |= {"verification_id": str(verification_id), "by": caller.agency_code}
    kind = EventType.PARTNER_VERIFICATION_RECORDED
    await events.publish(session, kind, partner_id, caller.agency_id, **about)
    if not contradicted:
        return
    kind = EventType.PARTNER_VERIFICATION_CONTRADICTED
    await events.publish(session, kind, partner_id, None, to="partner", **about)
    for earlier in await queries.agencies_of(session, contradicted):
        told = about | {"to": "agency", "contradicts": str(earlier.id)}
        await events.publish(session, kind, partner_id, earlier.agency_id, **told)


async def list_verifications(
    session: AsyncSession, caller: Caller, partner_id: UUID, after: list[Any] | None, limit: int
) -> Sequence[Any]:
    """All agencies' verifications, newest first. Raises PartnerNotFound."""
    await visible_partner(session, caller, partner_id)
    return await queries.list_verifications(session, partner_id, after, limit)


def page_key(row: Any) -> list[str]:
    """Sort values of a row of the list."""
    return [rfc3339(row.recorded_at), str(row.id)]


async def get_verification(
    session: AsyncSession, caller: Caller, partner_id: UUID, verification_id: UUID
) -> dict[str, Any]:
    """One verification. Raises PartnerNotFound or VerificationNotFound."""
    await visible_partner(session, caller, partner_id)
    row = await queries.find_verification(session, partner_id, verification_id)
    if row is None:
        raise VerificationNotFound
    return wire(row)


def wire(row: Any) -> dict[str, Any]:
    """A row of a verification as VerificationOut needs it."""
    return {
        name: value for name, value in row._mapping.items() if name not in ("agency_id", "sequence")
    }


async def read_comments(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    partner_id: UUID,
    verification_id: UUID,
    purpose_headers: Sequence[str],
) -> dict[str, Any]:
    """Answers and comments, with the reading in the log of the same transaction.

    Raises PartnerNotFound, VerificationNotFound, then PurposeRequired for another agency's.
    """
    partner = await visible_partner(session, caller, partner_id)
    row = await queries.find_comments(session, partner_id, verification_id)
    if row is None:
        raise VerificationNotFound
    # Two headers would leave open which one the log should believe.
    stated = parse_purpose(purpose_headers[0]) if len(purpose_headers) == 1 else None
    resource = policy.Resource("VERIFY_RUN", row.agency_id, country=partner.country)
    decision = policy.can(caller, "read", resource, stated.purpose if stated else None)
    policy.require_readable(decision, VerificationNotFound)
    own = row.agency_id == caller.agency_id
    if not own and (stated is None or not decision.allowed):
        raise PurposeRequired
    written: dict[str, Any] = {"comments": {}, "reason": None}
    if row.sealed is not None:
        context = note_context(row.id, row.partner_id, row.agency_id)
        written = from_json(await keys.open(session, context, row.sealed))
    await audit.record(
        session,
        caller,
        Event.VERIFICATION_COMMENTS_READ,
        audit.Subject(row.id, row.agency_id, row.partner_id),
        purpose=OWN_RECORD if own or stated is None else stated.purpose,
        reference=None if own or stated is None else stated.reference,
        basis=decision.basis,
    )
    names = ("id", "partner_id", "agency", "question_set", "result", "answers", "flags_shown")
    return {name: getattr(row, name) for name in names} | written
