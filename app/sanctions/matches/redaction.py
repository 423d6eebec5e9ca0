"""Redaction of the reasons of a decision, and of what a partner was asked and answered.

What it means: `app.audit.exceptions.redaction`. The decision stands: what it clears or confirms
does not hang on its words; nor does a question that was asked.
"""

from __future__ import annotations

from functools import partial
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.exceptions.redaction import Target
from app.auth.caller import Caller
from app.events.redacting import Find
from app.sanctions.matches import access, errors
from app.sanctions.matches.models import MatchDecision, MatchQuestion


async def _reasons(
    session: AsyncSession, caller: Caller, match_id: UUID, decision_id: UUID
) -> Target:
    """A decision of the own agency. Raises MatchNotFound."""
    row = await access.readable(session, caller, match_id)
    word = await session.get(MatchDecision, decision_id)
    if word is None or (word.match_id, word.owner_agency) != (row.id, caller.agency_id):
        raise errors.MatchNotFound
    return Target("match_decision", word.id, row.id, row.stored_partner_id)


async def _facts(session: AsyncSession, caller: Caller, match_id: UUID, request_id: UUID) -> Target:
    """Facts that the own agency asked for. Raises MatchNotFound."""
    row = await access.readable(session, caller, match_id)
    asked = await session.get(MatchQuestion, request_id)
    if asked is None or (asked.match_id, asked.owner_agency) != (row.id, caller.agency_id):
        raise errors.MatchNotFound
    written = bool(asked.sealed or asked.sealed_answer)
    return Target("match_question", asked.id, row.id, row.stored_partner_id, written)


async def reasons(match_id: UUID, decision_id: UUID) -> Find:
    """The reasons of an own decision; raises MatchNotFound."""
    return partial(_reasons, match_id=match_id, decision_id=decision_id)


async def facts(match_id: UUID, request_id: UUID) -> Find:
    """Why the own agency asked a partner, and the answer; raises MatchNotFound."""
    return partial(_facts, match_id=match_id, request_id=request_id)
