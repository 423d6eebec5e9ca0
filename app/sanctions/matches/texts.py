"""Sealed texts of potential matches: reasons of decisions, questions and answers of partners."""

from __future__ import annotations

from typing import Any

from pydantic_core import from_json
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.crypto import KeyRing
from app.sanctions.matches.models import MatchDecision, MatchQuestion


def decision_context(column: str, row: Any) -> str:
    """Encryption context of a reason: moved to another decision or owner, it stays shut."""
    return f"match_decisions.{column}|{row.id}|{row.match_id}|{row.owner_agency}"


def question_context(column: str, row: Any) -> str:
    """Encryption context of what was asked and answered."""
    return f"match_questions.{column}|{row.id}|{row.match_id}|{row.owner_agency}"


async def decision_texts(
    session: AsyncSession, keys: KeyRing, word: MatchDecision
) -> dict[str, str | None]:
    """Both reasons; nothing of what was redacted."""
    texts: dict[str, str | None] = {"reason": None, "confirmation_reason": None}
    if word.redacted:
        return texts
    for name, column in (("reason", "sealed"), ("confirmation_reason", "sealed_confirmation")):
        sealed: bytes | None = getattr(word, column)
        if sealed is not None:
            opened = await keys.open(session, decision_context(column, word), sealed)
            texts[name] = opened.decode()
    return texts


async def facts_of(session: AsyncSession, keys: KeyRing, asked: MatchQuestion) -> dict[str, Any]:
    """What was asked and answered, as FactsRequestOut needs it; nothing of what was redacted."""
    names = ("id", "kinds", "state", "asked_at", "answered_at")
    facts = None
    if asked.sealed_answer:
        context = question_context("sealed_answer", asked)
        facts = from_json(await keys.open(session, context, asked.sealed_answer))
    redacted = not asked.sealed or asked.sealed_answer == b""
    return {name: getattr(asked, name) for name in names} | {"facts": facts, "redacted": redacted}
