"""Redaction of the reasons of a decision, and of what a partner was asked and answered.

What it means: `app.audit.exceptions.redaction`. The decision stands: what it clears or confirms
does not hang on its words; nor does a question that was asked.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.exceptions.redaction import Target
from app.audit.exceptions.schemas import RedactionDecisionIn
from app.auth.caller import Caller
from app.core.crypto import KeyRing
from app.sanctions import redacting
from app.sanctions.matches import access, errors
from app.sanctions.matches.models import MatchDecision, MatchQuestion


async def _target(
    session: AsyncSession, caller: Caller, match_id: UUID, decision_id: UUID
) -> Target:
    """A decision of the own agency. Raises MatchNotFound."""
    row = await access.readable(session, caller, match_id)
    word = await session.get(MatchDecision, decision_id)
    if word is None or (word.match_id, word.owner_agency) != (row.id, caller.agency_id):
        raise errors.MatchNotFound
    return Target("match_decision", word.id, row.id, row.stored_partner_id)


async def _question(
    session: AsyncSession, caller: Caller, match_id: UUID, request_id: UUID
) -> Target:
    """Facts that the own agency asked for. Raises MatchNotFound."""
    row = await access.readable(session, caller, match_id)
    asked = await session.get(MatchQuestion, request_id)
    if asked is None or (asked.match_id, asked.owner_agency) != (row.id, caller.agency_id):
        raise errors.MatchNotFound
    written = bool(asked.sealed or asked.sealed_answer)
    return Target("match_question", asked.id, row.id, row.stored_partner_id, written)


async def hide(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    match_id: UUID,
    decision_id: UUID,
    reason: str,
) -> dict[str, Any]:
    """Hide the reasons of an own decision. Raises MatchNotFound, and as hiding."""
    target = await _target(session, caller, match_id, decision_id)
    return await redacting.hide(session, keyring, caller, target, reason)


async def decide(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    match_id: UUID,
    decision_id: UUID,
    version: int,
    decision: RedactionDecisionIn,
) -> dict[str, Any]:
    """A second person decides. Raises MatchNotFound, and what deciding raises."""
    target = await _target(session, caller, match_id, decision_id)
    return await redacting.decide(session, keyring, caller, target, version, decision)


async def hide_facts(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    match_id: UUID,
    request_id: UUID,
    reason: str,
) -> dict[str, Any]:
    """Hide why the own agency asked, and the answer. Raises MatchNotFound, and as hiding."""
    target = await _question(session, caller, match_id, request_id)
    return await redacting.hide(session, keyring, caller, target, reason)


async def decide_facts(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    match_id: UUID,
    request_id: UUID,
    version: int,
    decision: RedactionDecisionIn,
) -> dict[str, Any]:
    """A second person decides. Raises MatchNotFound, and what deciding raises."""
    target = await _question(session, caller, match_id, request_id)
    return await redacting.decide(session, keyring, caller, target, version, decision)
