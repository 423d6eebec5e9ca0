"""Measures on the shared list. Works inside the caller's transaction and never commits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.auth.caller import Caller
from app.core.crypto import KeyRing, agency_scope
from app.core.errors import violated_constraint
from app.core.http import PreconditionFailed
from app.core.ids import new_secret_id
from app.events import service as events
from app.events.catalogue import EventType
from app.partners.objections.contested import contested
from app.sanctions.cases.steps import get_case, write_step
from app.sanctions.codes import CODES
from app.sanctions.entries import errors, queries, restraining
from app.sanctions.entries.models import SanctionEntry
from app.sanctions.entries.schemas import IndividualIn, LiftIn, MeasureTerms
from app.sanctions.errors import DateNotPossible
from app.sanctions.feed import service as feed
from app.sanctions.feed.entries import agency_entry


@dataclass(frozen=True, slots=True)
class NewEntry:
    """A measure that a case's decision, or a recorded one, puts on the list.

    Of a partner, or of an ``individual``. A ``recorded`` one was decided outside the registry:
    on ``decided_on``, with the reference of its certificate of due process.
    """

    partner_id: UUID | None
    case_id: UUID | None
    practices: Sequence[str]
    terms: MeasureTerms
    procedure: str = "full"
    individual: IndividualIn | None = None
    level: str | None = None
    decided_on: date | None = None
    certificate: str | None = None


async def impose(
    session: AsyncSession, caller: Caller, new: NewEntry, now: datetime
) -> SanctionEntry:
    """Put a measure of the calling agency on the list; it goes to the feed in this transaction.

    Whether it may be imposed is the case's business. Raises MeasureNeedsPeriod, DateNotPossible
    or EntryOverlaps.
    """
    entry = _new_entry(caller.agency_id, new, now)
    try:
        async with session.begin_nested():
            session.add(entry)
    except IntegrityError as error:
        if violated_constraint(error) != "ex_sanction_entries_no_overlap":
            raise
        raise errors.EntryOverlaps from error
    await restraining.hold_back(session, entry)
    await publish_entry(session, entry, caller.agency_code)
    await events.publish(
        session,
        EventType.SANCTION_IMPOSED,
        entry.id,
        caller.agency_id,
        partner_id=str(entry.partner_id),
        measure=entry.measure,
    )
    return entry


def _new_entry(agency: UUID, new: NewEntry, now: datetime) -> SanctionEntry:
    if new.partner_id is None:
        raise errors.IndividualsNotListed
    terms = new.terms
    measure = CODES.measures.codes[terms.measure]
    if (terms.effective_to is None and measure.end == "required") or (
        terms.effective_to is not None and measure.end == "none"
    ):
        raise errors.MeasureNeedsPeriod
    today = now.date()
    if terms.effective_to is not None and terms.effective_to < max(terms.effective_from, today):
        raise DateNotPossible
    return SanctionEntry(
        id=new_secret_id(),
        partner_id=new.partner_id,
        imposing_agency=agency,
        case_id=new.case_id,
        measure=terms.measure,
        blocking=measure.blocking,
        practices=list(new.practices),
        procedure=new.procedure,
        decided_on=new.decided_on or today,
        effective_from=terms.effective_from,
        effective_to=terms.effective_to,
        status="ACTIVE",
        version=1,
    )


async def publish_entry(session: AsyncSession, entry: SanctionEntry, agency_code: str) -> None:
    """Put the entry, as it is now, into the feed."""
    profiles = await queries.partner_facts(session, entry.partner_id)
    await feed.put(session, agency_entry(entry, profiles, agency_code), feed.AGENCY_STREAMS)


async def get_entry(session: AsyncSession, entry_id: UUID) -> dict[str, Any]:
    """A measure as it is served. Raises EntryNotFound."""
    row = await queries.find_entry(session, entry_id)
    if row is None:
        raise errors.EntryNotFound
    return (await shown_entries(session, [row]))[0]


async def shown_entries(session: AsyncSession, rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Rows of `queries.ENTRY_COLUMNS` as EntryOut needs them, each with the objection to it."""
    objections = await contested(session, "sanction_entry", [row.entry_id for row in rows])
    return [_entry_wire(row, objections.get(row.entry_id)) for row in rows]


def _entry_wire(row: Any, objection: dict[str, Any] | None) -> dict[str, Any]:
    return dict(row._mapping) | {
        "contested": objection,
        "effect": {
            "eligible": not row.blocking,
            "text": CODES.measures.codes[row.measure].effect,
        },
    }


def end_reason_context(entry: Any) -> str:
    """Encryption context of what a custodian wrote when it lifted a measure."""
    return f"sanction_entries|{entry.id}|end_reason|{entry.custodian_agency}"


async def lift_entry(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    entry_id: UUID,
    version: int,
    lift: LiftIn,
    now: datetime,
) -> dict[str, Any]:
    """End a measure of the own agency, or one in its custody, early.

    The reason is kept, sealed: with its case, which a custodian does not see, or with the entry.
    Raises EntryNotFound (also for another agency's), EntryEnded, PreconditionFailed.
    """
    entry = await queries.lock_entry(session, entry_id)
    if entry is None or (entry.custodian_agency or entry.imposing_agency) != caller.agency_id:
        raise errors.EntryNotFound
    if entry.version != version:
        raise PreconditionFailed
    if entry.status != "ACTIVE":
        raise errors.EntryEnded
    entry.status = "LIFTED"
    entry.ended_on = now.date()
    entry.end_reason = "lifted"
    entry.ended_by = caller.require_person().id
    entry.version += 1
    if entry.custodian_agency is not None:
        scope, context = agency_scope(caller.agency_id), end_reason_context(entry)
        entry.sealed_end_reason = await keys.seal(session, scope, context, to_json(lift))
    await session.flush()  # the answer reads the row
    await restraining.let_go(session, entry.id)
    await feed.remove(session, str(entry.id), "lifted", feed.AGENCY_STREAMS)
    if entry.case_id is not None and entry.custodian_agency is None:
        case = await get_case(session, caller, entry.case_id)
        await write_step(session, keys, caller, case, "lift", Event.CASE_LIFTED, lift)
    subject = audit.Subject(entry.id, entry.imposing_agency, entry.partner_id)
    await audit.record(session, caller, Event.ENTRY_LIFTED, subject, version=entry.version)
    await events.publish(
        session,
        EventType.SANCTION_LIFTED,
        entry.id,
        caller.agency_id,
        partner_id=str(entry.partner_id),
    )
    return await get_entry(session, entry_id)
