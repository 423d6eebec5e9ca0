"""Work items of what the re-screening found: kept in step with it by the worker. Never commits.

What a state means, and what holds the partner back meanwhile, is the database's to say.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import ColumnElement, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.core.clock import utc_now
from app.core.crypto import KeyRing, agency_scope, partner_scope
from app.core.ids import new_secret_id
from app.events import service as events
from app.events.catalogue import EventType
from app.sanctions.lists.audience import PREFIX
from app.sanctions.matches.found import Found, SubjectRef
from app.sanctions.matches.models import ScreeningMatch
from app.sanctions.matches.rules import due_from

_SHARED = "inter_agency"
Pair = tuple[UUID, UUID | None, UUID, UUID | None]


@dataclass(frozen=True, slots=True)
class Counts:
    """What a re-screening changed."""

    added: int = 0
    reopened: int = 0
    obsolete: int = 0


def explanation_context(match_id: UUID, round_: int) -> str:
    """Encryption context of an explanation: moved to another pair or round, it stays shut."""
    return f"screening_matches|{match_id}|{round_}"


async def found_for_subject(
    session: AsyncSession,
    keyring: KeyRing,
    subject: SubjectRef,
    found: Sequence[Found],
    *,
    streams: Collection[str] | None = None,
) -> Counts:
    """The whole truth now for this subject; what else is open for it becomes obsolete.

    With ``streams`` the truth of these streams of the feed only.
    """
    if any(item.subject != subject for item in found):
        raise ValueError("a pair of another subject")
    known = [
        ScreeningMatch.partner_id == subject.partner_id,
        ScreeningMatch.person_id.is_not_distinct_from(subject.person_id),
    ]
    if streams is not None:
        sources = [name.removeprefix(PREFIX) for name in streams if name.startswith(PREFIX)]
        asked: ColumnElement[bool] = ScreeningMatch.source.in_(sources)
        if _SHARED in streams:
            asked = or_(asked, ScreeningMatch.holder.is_(None))
        known.append(asked)
    return await _renew(session, keyring, known, found)


async def found_for_entry(
    session: AsyncSession, keyring: KeyRing, entry_id: UUID, found: Sequence[Found]
) -> Counts:
    """The whole truth now for this listed party; nothing found: it is delisted."""
    if any(item.entry_id != entry_id for item in found):
        raise ValueError("a pair of another listed party")
    return await _renew(session, keyring, [ScreeningMatch.entry_id == entry_id], found)


def _pair_of(item: Found) -> Pair:
    return item.subject.partner_id, item.subject.person_id, item.entry_id, item.holder


async def _renew(
    session: AsyncSession, keyring: KeyRing, known: Sequence[Any], found: Sequence[Found]
) -> Counts:
    # In one order, so that two rounds at once take turns. Whoever decides meanwhile is waited for.
    query = (
        select(ScreeningMatch)
        .where(*known)
        .order_by(ScreeningMatch.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    rows = {
        (row.partner_id, row.person_id, row.entry_id, row.holder): row
        for row in await session.scalars(query)
    }
    now = utc_now()
    added = reopened = 0
    for item in sorted({_pair_of(item): item for item in found}.values(), key=_order):
        row = rows.pop(_pair_of(item), None)
        if row is None:
            await _add(session, keyring, item, now)
            added += 1
        elif await _again(session, keyring, row, item, now):
            reopened += 1
    gone = [row for row in rows.values() if row.gone_at is None]
    for row in gone:
        await _change(session, row, gone_at=now)
        await _tell(session, row, Event.MATCH_OBSOLETE, EventType.MATCH_OBSOLETE)
    return Counts(added, reopened, len(gone))


def _order(item: Found) -> str:
    return "|".join(map(str, _pair_of(item)))


async def _said(
    session: AsyncSession, keyring: KeyRing, match_id: UUID, round_: int, item: Found
) -> dict[str, Any]:
    """What a pair says of both sides, as of this comparison."""
    scope = agency_scope(item.holder) if item.holder else partner_scope()
    plain = to_json(item.explanation)
    return {
        "round": round_,
        "source": item.source,
        "reference": item.reference,
        "subject_hash": item.subject_hash,
        "entry_hash": item.entry_hash,
        "score": item.score,
        "script": item.script,
        "public_office": item.public_office,
        "sealed": await keyring.seal(session, scope, explanation_context(match_id, round_), plain),
        **_digests(item),
    }


def _digests(item: Found) -> dict[str, Any]:
    subject = item.subject
    return {
        "subject_digest": None
        if subject.person_id
        else func.match_subject_digest(subject.partner_id),
        "entry_digest": func.match_entry_digest(item.source, item.entry_id),
    }


async def _add(session: AsyncSession, keyring: KeyRing, item: Found, now: datetime) -> None:
    match_id = new_secret_id()
    values = {
        "id": match_id,
        "partner_id": item.subject.partner_id,
        "person_id": item.subject.person_id,
        "entry_id": item.entry_id,
        "holder": item.holder,
        "due_at": due_from(now),
        "opened_at": now,
    }
    values |= await _said(session, keyring, match_id, 1, item)
    await session.execute(insert(ScreeningMatch).values(values).inline())
    row = await session.get(ScreeningMatch, match_id)
    assert row is not None
    await _tell(session, row, Event.MATCH_OPENED, EventType.MATCH_OPENED)


async def _again(
    session: AsyncSession, keyring: KeyRing, row: ScreeningMatch, item: Found, now: datetime
) -> bool:
    """A pair that was found before; whether it is open anew."""
    same = (row.subject_hash, row.entry_hash) == (item.subject_hash, item.entry_hash)
    if same:
        back = row.gone_at is not None
        # What the database compares is as of now; decisions stand, for the hashes do.
        values = _digests(item) | {"public_office": item.public_office}
        values |= {"gone_at": None} if back else {}
        await _change(session, row, bump=back, **values)
        if back and row.state == "open":
            await _change(session, row, due_at=due_from(now), opened_at=now, escalated_at=None)
            await _tell(session, row, Event.MATCH_REOPENED, EventType.MATCH_REOPENED)
        return back and row.state == "open"
    said = await _said(session, keyring, row.id, row.round + 1, item)
    said |= {"opened_at": now, "due_at": due_from(now), "emergency": False}
    await _change(session, row, gone_at=None, escalated_at=None, **said)
    await _tell(session, row, Event.MATCH_REOPENED, EventType.MATCH_REOPENED)
    return True


async def _change(
    session: AsyncSession, row: ScreeningMatch, *, bump: bool = True, **values: Any
) -> None:
    if bump:
        values["version"] = ScreeningMatch.version + 1
    await session.execute(
        update(ScreeningMatch)
        .where(ScreeningMatch.id == row.id)
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    # A trigger wrote the state.
    await session.refresh(row)


async def _tell(session: AsyncSession, row: ScreeningMatch, event: Event, kind: EventType) -> None:
    """The log and the outbox. The partner is not named in the log: what names it there, the
    partner is told of."""
    about: dict[str, Any] = {"round": row.round, "state": row.state}
    await audit.record(session, None, event, audit.Subject(row.id, row.holder), **about)
    await events.publish(
        session,
        kind,
        row.id,
        row.holder,
        level="RESTRICTED" if row.holder is None else "AGENCY_ONLY",
        source=row.source,
        **about,
    )
