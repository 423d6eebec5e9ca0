"""Questions to the owner of a statement that counted in a clearance, and what came of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies import service as agencies
from app.audit import service as audit
from app.audit.events import Event
from app.auth.caller import Caller
from app.core.crypto import KeyRing
from app.core.http import PreconditionFailed
from app.core.ids import new_id
from app.events import service as events
from app.events.catalogue import EventType
from app.recognition import service as clearances
from app.recognition.questions.errors import NotInAnswer, QuestionClosed, QuestionNotFound
from app.recognition.questions.models import ClearanceQuestion
from app.recognition.questions.schemas import QuestionFilter, QuestionIn, QuestionOut

_COLUMNS = """q.id, CASE WHEN q.agency_id = (SELECT app_agency()) THEN q.clearance_id END
      AS clearance_id, a.code AS agency, o.code AS owner_agency, q.subject_kind, q.subject_id,
    q.question, q.reference, q.state, q.outcome, q.asked_at, q.answered_at, q.version,
    q.agency_id, q.owner_agency AS owner_id
  FROM clearance_questions q JOIN agencies a ON a.id = q.agency_id
  JOIN agencies o ON o.id = q.owner_agency"""
_ONE = text(f"SELECT {_COLUMNS} WHERE q.id = :id")
_ANSWER = text(
    """UPDATE clearance_questions SET state = 'answered', outcome = :outcome,
      answered_by = :person, answered_at = now(), version = version + 1
    WHERE id = :id AND version = :version AND state = 'open'
      AND owner_agency = (SELECT app_agency()) RETURNING id"""
)
_WITHDRAW = text(
    """UPDATE clearance_questions SET state = 'withdrawn', version = version + 1
    WHERE id = :id AND version = :version AND state = 'open'
      AND agency_id = (SELECT app_agency()) RETURNING id"""
)


async def ask(
    session: AsyncSession, keys: KeyRing, caller: Caller, clearance_id: UUID, wanted: QuestionIn
) -> dict[str, Any]:
    """Ask the owner of a statement that an own clearance shows.

    Raises PersonRequired, ClearanceNotFound, ContentsErased or NotInAnswer.
    """
    person = caller.require_person()
    row, body = await clearances.read_clearance(session, keys, caller, clearance_id)
    owner = _owner(json.loads(body), wanted)
    codes = await agencies.codes_by_id(session)
    found = next((one for one, code in codes.items() if code == owner), None)
    if found is None or found == caller.agency_id:
        raise NotInAnswer
    one = new_id()
    await session.execute(
        insert(ClearanceQuestion)
        .values(
            id=one,
            clearance_id=clearance_id,
            agency_id=caller.agency_id,
            owner_agency=found,
            asked_by=person.id,
            **wanted.model_dump(),
        )
        .inline()
    )
    subject = audit.Subject(one, found, row.partner_id)
    about = {"question": wanted.question, "statement": str(wanted.subject_id)}
    await audit.record(session, caller, Event.CLEARANCE_QUESTIONED, subject, **about)
    await events.publish(session, EventType.CLEARANCE_QUESTION_ASKED, one, found)
    return await get(session, one)


def _owner(answer: dict[str, Any], wanted: QuestionIn) -> str | None:
    """Whose statement it is, by the answer itself."""
    kinds = {
        "assessment": ("assessments", "id", "owner_agency"),
        "measure": ("restrictions", "entry_id", "imposing_agency"),
    }
    block, key, owner = kinds[wanted.subject_kind]
    for item in answer[block]:
        if item[key] == str(wanted.subject_id):
            return str(item[owner])
    return None


async def get(session: AsyncSession, question_id: UUID) -> dict[str, Any]:
    """A question of the own agency, or to it. Raises QuestionNotFound."""
    row = await _find(session, question_id)
    return {name: row._mapping[name] for name in QuestionOut.model_fields}


async def _find(session: AsyncSession, question_id: UUID) -> Any:
    row = (await session.execute(_ONE, {"id": question_id})).one_or_none()
    if row is None:
        raise QuestionNotFound
    return row


async def close(
    session: AsyncSession,
    caller: Caller,
    question_id: UUID,
    version: int,
    outcome: str | None,
) -> dict[str, Any]:
    """Answer a question as its owner, or without an outcome take an own one back.

    Raises PersonRequired, QuestionNotFound, QuestionClosed or PreconditionFailed.
    """
    person = caller.require_person()
    one = await _find(session, question_id)
    if caller.agency_id != (one.owner_id if outcome else one.agency_id):
        raise QuestionNotFound
    if one.state != "open":
        raise QuestionClosed
    values = {"id": question_id, "version": version}
    if outcome:
        values |= {"outcome": outcome, "person": person.id}
    done = await session.scalar(_ANSWER if outcome else _WITHDRAW, values)
    if done is None:
        raise PreconditionFailed
    event = Event.CLEARANCE_QUESTION_ANSWERED if outcome else Event.CLEARANCE_QUESTION_WITHDRAWN
    subject = audit.Subject(question_id, one.owner_id)
    await audit.record(session, caller, event, subject, outcome=outcome)
    if outcome:
        kind = EventType.CLEARANCE_QUESTION_ANSWERED
        await events.publish(session, kind, question_id, one.agency_id)
    return await get(session, question_id)


async def list_questions(
    session: AsyncSession, filters: QuestionFilter, after: UUID | None, limit: int
) -> Sequence[Any]:
    """Questions of the own agency and to it, newest first."""
    clauses = ["true"]
    values: dict[str, Any] = {"limit": limit}
    if filters.state is not None:
        clauses.append("q.state = :state")
        values["state"] = filters.state
    if after is not None:
        clauses.append("q.id < :after")
        values["after"] = after
    sql = f"SELECT {_COLUMNS} WHERE {' AND '.join(clauses)} ORDER BY q.id DESC LIMIT :limit"
    return (await session.execute(text(sql), values)).all()
