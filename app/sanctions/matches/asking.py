"""Facts that an agency asks the partner for, and the partner's answer. Never commits."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import Uuid, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies import service as agencies
from app.audit import service as audit
from app.audit.events import Event
from app.auth.caller import Caller
from app.core.crypto import KeyRing, agency_scope
from app.core.db import touched
from app.core.explain import explained
from app.core.ids import new_secret_id
from app.events import service as events
from app.events.catalogue import EventType
from app.partners.self_service.access import own_id
from app.sanctions.matches import access, errors
from app.sanctions.matches.models import MatchQuestion
from app.sanctions.matches.rules import RULES
from app.sanctions.matches.schemas import FactsAnswerIn, FactsRequestIn
from app.sanctions.matches.texts import facts_of, question_context


def _labels(person_id: UUID | None) -> dict[str, str]:
    return RULES.facts.partner if person_id is None else RULES.facts.person


async def ask(
    session: AsyncSession, keys: KeyRing, caller: Caller, match_id: UUID, new: FactsRequestIn
) -> dict[str, Any]:
    """Ask the partner for facts: it is told which kinds, and nothing of the pair.

    Raises PersonRequired, MatchNotFound, RoleLacksRight, MatchGone, FactKindUnknown or FactsAsked.
    """
    person = caller.require_person()
    row = await access.held(session, caller, match_id)
    if row.state == "obsolete":
        raise errors.MatchGone
    if not _labels(row.person_id).keys() >= set(new.kinds):
        raise errors.FactKindUnknown
    asked = SimpleNamespace(id=new_secret_id(), match_id=row.id, owner_agency=caller.agency_id)
    values = {
        "id": asked.id,
        "match_id": row.id,
        "owner_agency": caller.agency_id,
        "round": row.round,
        "partner_id": row.stored_partner_id,
        "person_id": row.person_id,
        "kinds": list(dict.fromkeys(new.kinds)),
        "asked_by": person.id,
        "sealed": await keys.seal(
            session,
            agency_scope(caller.agency_id),
            question_context("sealed", asked),
            new.reason.encode(),
        ),
    }
    async with explained(session, {"uq_match_questions_open": errors.FactsAsked}):
        await session.execute(insert(MatchQuestion).values(values).inline())
    about = {"facts_request": str(asked.id)}
    subject = audit.Subject(row.id, caller.agency_id)
    await audit.record(session, caller, Event.MATCH_FACTS_ASKED, subject, **about)
    # The partner's own event: its subject is the request, never the pair.
    await events.publish(
        session,
        EventType.MATCH_FACTS_ASKED,
        asked.id,
        caller.agency_id,
        level="AGENCY_ONLY",
        partner_id=str(row.partner_id),
    )
    stored = await session.get(MatchQuestion, asked.id)
    assert stored is not None
    return await facts_of(session, keys, stored)


# ---------------------------------------------------------------------------- the partner's side


def _own(caller: Caller) -> Any:
    profiles = select(func.partner_lineage(own_id(caller), type_=Uuid()))
    return select(MatchQuestion).where(MatchQuestion.partner_id.in_(profiles))


async def list_own(
    session: AsyncSession, caller: Caller, after: UUID | None, limit: int
) -> Sequence[MatchQuestion]:
    """What the calling partner was asked, by id; ``limit`` rows."""
    query = _own(caller).order_by(MatchQuestion.id).limit(limit)
    if after is not None:
        query = query.where(MatchQuestion.id > after)
    return (await session.scalars(query)).all()


async def shown(session: AsyncSession, rows: Sequence[MatchQuestion]) -> list[dict[str, Any]]:
    """Rows as OwnFactsRequestOut needs them: nothing of the pair."""
    codes = await agencies.codes_by_id(session)
    names = ("id", "person_id", "state", "asked_at", "answered_at")
    return [
        {name: getattr(row, name) for name in names}
        | {
            "agency": codes[row.owner_agency],
            "subject": "person" if row.person_id else "partner",
            "kinds": {kind: _labels(row.person_id).get(kind, kind) for kind in row.kinds},
        }
        for row in rows
    ]


async def answer(
    session: AsyncSession, keys: KeyRing, caller: Caller, request_id: UUID, new: FactsAnswerIn
) -> dict[str, Any]:
    """The partner answers, once; for the asking agency alone.

    Raises FactsRequestNotFound, FactKindUnknown or FactsAnswered.
    """
    query = _own(caller).where(MatchQuestion.id == request_id)
    row: MatchQuestion | None = (await session.scalars(query)).one_or_none()
    if row is None:
        raise errors.FactsRequestNotFound
    if not set(row.kinds) >= new.facts.keys():
        raise errors.FactKindUnknown
    sealed = await keys.seal(
        session,
        agency_scope(row.owner_agency),
        question_context("sealed_answer", row),
        to_json(new.facts),
    )
    values = {
        "state": "answered",
        "answered_at": func.now(),
        "answered_client": caller.client_id,
        "sealed_answer": sealed,
    }
    done = await session.execute(
        update(MatchQuestion)
        .where(MatchQuestion.id == row.id, MatchQuestion.state == "open")
        .values(values)
        .execution_options(synchronize_session=False)
    )
    if not touched(done):
        raise errors.FactsAnswered
    subject = audit.Subject(row.id, row.owner_agency, row.partner_id)
    await audit.record(session, caller, Event.MATCH_FACTS_ANSWERED, subject, basis="self")
    await events.publish(
        session,
        EventType.MATCH_FACTS_ANSWERED,
        row.match_id,
        row.owner_agency,
        level="AGENCY_ONLY",
        facts_request=str(row.id),
    )
    await session.refresh(row)
    return (await shown(session, [row]))[0]
