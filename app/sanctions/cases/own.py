"""The partner's side: it reads its notice and decision, replies, and appeals. Never commits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies import service as agencies
from app.audit import service as audit
from app.audit.events import Event
from app.audit.purposes import OWN_RECORD
from app.auth.caller import Caller
from app.core.crypto import KeyRing, agency_scope
from app.core.ids import new_id
from app.events import service as events
from app.events.catalogue import EventType
from app.partners.self_service.access import own_id
from app.sanctions.cases import appeals, errors
from app.sanctions.cases.follow_models import SanctionAppeal
from app.sanctions.cases.models import SanctionCaseStep, SanctionRespondent
from app.sanctions.cases.own_schemas import OwnAppealIn, OwnReplyIn
from app.sanctions.cases.steps import insert_step, read_step

_TOLD = ("id", "partner_id", "notice_sent_on", "reply_due_on", "reply_received_on")
_DECIDED = ("decided_on", "decision_sent_on", "appeal_due_on", "entry_id")
_STATE = {
    "NOTICE_ISSUED": "notice_issued",
    "REPLY_RECORDED": "replied",
    "UNDER_REVIEW": "under_review",
    "IMPOSED": "imposed",
    "DISMISSED": "closed",
}
"""What the partner is told of each state; of a dismissed case that its notice is closed."""


def _query(partner_id: UUID) -> Any:
    profiles = select(func.partner_lineage(partner_id, type_=Uuid()))
    return select(SanctionRespondent).where(SanctionRespondent.partner_id.in_(profiles))


async def list_own(
    session: AsyncSession, caller: Caller, after: UUID | None, limit: int
) -> list[SanctionRespondent]:
    """Where the calling partner answers in a case, by id; ``limit`` rows."""
    query = _query(own_id(caller)).order_by(SanctionRespondent.id).limit(limit)
    if after is not None:
        query = query.where(SanctionRespondent.id > after)
    return list((await session.scalars(query)).all())


async def shown(session: AsyncSession, rows: Sequence[SanctionRespondent]) -> list[dict[str, Any]]:
    """Rows as OwnCaseOut needs them."""
    codes = await agencies.codes_by_id(session)
    found = []
    for row in rows:
        wire = {name: getattr(row, name) for name in _TOLD}
        decided = row.state == "IMPOSED"
        wire |= {name: getattr(row, name) if decided else None for name in _DECIDED}
        if row.state == "DISMISSED":
            wire["closed_on"] = row.decided_on
        found.append(wire | {"agency": codes[row.agency_id], "state": _STATE[row.state]})
    return found


async def _one(
    session: AsyncSession, caller: Caller, respondent_id: UUID, *, lock: bool = False
) -> SanctionRespondent:
    """Raises CaseNotFound, also where oversight keeps it back."""
    query = _query(own_id(caller)).where(SanctionRespondent.id == respondent_id)
    if lock:
        query = query.with_for_update()
    found: SanctionRespondent | None = (
        await session.scalars(query.execution_options(populate_existing=True))
    ).one_or_none()
    if found is None:
        raise errors.CaseNotFound
    return found


async def read_own(
    session: AsyncSession, keys: KeyRing, caller: Caller, respondent_id: UUID
) -> dict[str, Any]:
    """What the partner was told and what it said; the reading is logged. Raises CaseNotFound."""
    row = await _one(session, caller, respondent_id)
    steps = await session.scalars(
        select(SanctionCaseStep)
        .where(SanctionCaseStep.respondent_id == row.id)
        .order_by(SanctionCaseStep.id)
    )
    texts = [
        {"id": step.id, "kind": step.kind, "at": step.at}
        | {"content": _for_partner(await read_step(session, keys, step))}
        for step in steps
    ]
    filed = await session.scalars(
        select(SanctionAppeal)
        .where(SanctionAppeal.respondent_id == row.id)
        .order_by(SanctionAppeal.filed_on, SanctionAppeal.id)
    )
    await audit.record(
        session, caller, Event.CASE_READ_BY_PARTNER, _subject(row), purpose=OWN_RECORD, basis="self"
    )
    return (await shown(session, [row]))[0] | {"texts": texts, "appeals": list(filed)}


def _for_partner(content: dict[str, Any]) -> dict[str, Any]:
    # How the agency departed from its own review is its own affair.
    hidden = ("respondent_id", "departure_reason")
    return {name: value for name, value in content.items() if name not in hidden}


def _subject(row: SanctionRespondent) -> audit.Subject:
    return audit.Subject(row.case_id, row.agency_id, row.partner_id)


async def _write(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    row: SanctionRespondent,
    kind: str,
    content: dict[str, Any],
) -> None:
    """A step by the partner, the log and the agency's own event."""
    step_id = new_id()
    await insert_step(
        session,
        keys,
        agency_scope(row.agency_id),
        content,
        id=step_id,
        case_id=row.case_id,
        agency_id=row.agency_id,
        respondent_id=row.id,
        partner_id=row.partner_id,
        kind=kind,
    )
    event = Event.CASE_REPLY if kind == "reply" else Event.CASE_APPEALED
    await audit.record(session, caller, event, _subject(row), basis="self", step=str(step_id))
    await events.publish(
        session,
        EventType.CASE_MOVED,
        row.case_id,
        row.agency_id,
        level="AGENCY_ONLY",
        step=kind,
        state=row.state,
        respondent=str(row.id),
    )


async def reply(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    respondent_id: UUID,
    new: OwnReplyIn,
    now: datetime,
) -> dict[str, Any]:
    """The partner replies to its notice itself. Raises CaseNotFound or StepOutOfOrder."""
    row = await _one(session, caller, respondent_id)
    if row.state != "NOTICE_ISSUED":
        raise errors.StepOutOfOrder
    try:
        row = await _one(session, caller, respondent_id, lock=True)
    except errors.CaseNotFound:  # another reply came first: no longer the partner's to hold
        raise errors.StepOutOfOrder from None
    row.state = "REPLY_RECORDED"
    row.reply_received_on = now.date()
    await session.flush()
    content = {"received_on": now.date().isoformat(), "text": new.text, "waiver": False}
    await _write(session, keys, caller, row, "reply", content)
    return (await shown(session, [row]))[0]


async def appeal(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    respondent_id: UUID,
    new: OwnAppealIn,
    now: datetime,
) -> Any:
    """The partner appeals against its decision, or asks to reconsider it.

    Raises CaseNotFound, StepOutOfOrder, AppealPeriodOver or AppealOpen.
    """
    row = await _one(session, caller, respondent_id)
    today = now.date()
    appeal_id = await appeals.store(session, row, new.kind, today, by_partner=True)
    content = {"kind": new.kind, "filed_on": today.isoformat(), "text": new.text}
    await _write(session, keys, caller, row, "appeal", content)
    query = select(SanctionAppeal).where(SanctionAppeal.id == appeal_id)
    return (await session.scalars(query)).one()
