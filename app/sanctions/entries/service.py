"""Measures on the shared list. Works inside the caller's transaction and never commits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.auth.caller import Caller
from app.core.crypto import KeyRing, agency_scope
from app.core.errors import violated_constraint
from app.core.http import PreconditionFailed
from app.core.ids import new_id, new_secret_id
from app.events.catalogue import EventType
from app.partners import public_authority
from app.sanctions.cases.steps import get_case, write_step
from app.sanctions.entries import errors, queries, restraining
from app.sanctions.entries.decision_models import SanctionCondition
from app.sanctions.entries.models import SanctionEntry
from app.sanctions.entries.publishing import publish_entry, retract_entry, tell
from app.sanctions.entries.reading import get_entry, shown_entries
from app.sanctions.entries.schemas import ConditionIn, EntryChange, LiftIn, SupersedesIn
from app.sanctions.entries.terms import NewEntry, columns
from app.sanctions.errors import DateNotPossible

__all__ = ["NewEntry", "get_entry", "impose", "publish_entry", "shown_entries"]
_RUNNING = ("PENDING", "ACTIVE")
_OVERLAPS = ("ex_sanction_entries_no_overlap", "ex_sanction_entries_no_overlap_person")


async def impose(
    session: AsyncSession, caller: Caller, new: NewEntry, now: datetime
) -> SanctionEntry:
    """Put a measure of the calling agency on the list; it goes to the feed in this transaction.

    Whether it may be imposed is the case's business. Raises MeasureNeedsPeriod,
    MeasureTermsInvalid, DateNotPossible, NamedEntryUnknown, PreconditionFailed, GovernmentEntity
    or EntryOverlaps.
    """
    if new.partner_id is not None:
        await public_authority.refuse(session, new.partner_id)
    values = columns(new, caller.agency_id, now.date()) | {"id": new_secret_id()}
    terms = new.terms
    if terms.affiliate_of is not None:
        await _own_running(session, caller, terms.affiliate_of.entry_id, now)
    if terms.supersedes is not None:
        await _supersede(session, caller, terms.supersedes, values, now)
    try:
        async with session.begin_nested():
            # Only these columns: a new measure is born neither ended nor in another's custody.
            await session.execute(insert(SanctionEntry).values(values).inline())
    except IntegrityError as error:
        if violated_constraint(error) == "uq_sanction_entries_supersedes":
            raise errors.NamedEntryUnknown from error
        if violated_constraint(error) not in _OVERLAPS:
            raise
        raise errors.EntryOverlaps from error
    await _write_conditions(session, caller, values["id"], terms.conditions)
    entry = await queries.lock_entry(session, values["id"])
    assert entry is not None
    await restraining.hold_back(session, entry)
    await publish_entry(session, entry, caller.agency_code, now.date())
    await tell(session, EventType.SANCTION_IMPOSED, entry, measure=entry.measure)
    return entry


async def _own_running(
    session: AsyncSession, caller: Caller, entry_id: UUID, now: datetime
) -> SanctionEntry:
    """An own measure that has not ended, held. Raises NamedEntryUnknown."""
    entry = await queries.lock_entry(session, entry_id)
    if entry is None or entry.imposing_agency != caller.agency_id:
        raise errors.NamedEntryUnknown
    if await queries.status_of(session, entry.id, now.date()) not in _RUNNING:
        raise errors.NamedEntryUnknown
    return entry


async def _supersede(
    session: AsyncSession,
    caller: Caller,
    named: SupersedesIn,
    new: dict[str, Any],
    now: datetime,
) -> None:
    """End the measure whose place the new one takes on its first day, neither before nor after."""
    old = await _own_running(session, caller, named.entry_id, now)
    if named.version is not None and old.version != named.version:
        raise PreconditionFailed
    # Of persons, who have no profile, the party to the case says who is meant.
    if old.partner_id is None and old.respondent_id != new["respondent_id"]:
        raise errors.NamedEntryUnknown
    if old.partner_id != new["partner_id"] or old.regime != new["regime"] or old.ended_on:
        raise errors.NamedEntryUnknown
    if old.valid.upper is not None and new["effective_from"] > old.valid.upper:
        raise DateNotPossible
    over = new["effective_from"] <= now.date()
    old.ended_on, old.end_reason = new["effective_from"], "superseded"
    old.ended_by = caller.person.id if caller.person else None
    old.version += 1
    if over:
        old.announced = "ENDED"
    await session.flush()
    if over:
        await restraining.let_go(session, old.id)
        await retract_entry(session, old, "superseded")
        await tell(session, EventType.SANCTION_LIFTED, old, reason="superseded")
    else:
        await session.refresh(old)
        await restraining.hold_back(session, old)
        await publish_entry(session, old, caller.agency_code, now.date())
    subject = audit.Subject(old.id, old.imposing_agency, old.partner_id)
    about: dict[str, Any] = {"by": str(new["id"]), "version": old.version}
    await audit.record(session, caller, Event.ENTRY_SUPERSEDED, subject, **about)


async def _write_conditions(
    session: AsyncSession, caller: Caller, entry_id: UUID, conditions: Sequence[ConditionIn]
) -> None:
    rows = [
        {
            "id": new_id(),
            "entry_id": entry_id,
            "owner_agency": caller.agency_id,
            "position": position,
            "condition": item.condition,
            "due_on": item.due_on,
        }
        for position, item in enumerate(conditions, start=1)
    ]
    if rows:
        await session.execute(insert(SanctionCondition), rows)


# -------------------------------------------------------------------------------------- ending


def end_reason_context(entry: Any) -> str:
    """Encryption context of the reason that is kept with the measure, for who answers for it."""
    owner = entry.custodian_agency or entry.imposing_agency
    return f"sanction_entries|{entry.id}|end_reason|{owner}"


async def responsible_entry(
    session: AsyncSession, caller: Caller, entry_id: UUID, version: int
) -> SanctionEntry:
    """A measure that the calling agency answers for, held. Raises EntryNotFound (also for
    another agency's) or PreconditionFailed.
    """
    entry = await queries.lock_entry(session, entry_id)
    if entry is None or (entry.custodian_agency or entry.imposing_agency) != caller.agency_id:
        raise errors.EntryNotFound
    if entry.version != version:
        raise PreconditionFailed
    return entry


async def require_running(session: AsyncSession, entry: SanctionEntry, now: datetime) -> None:
    """Raises EntryEnded unless the measure is in force or still to come, without an end set."""
    if await queries.status_of(session, entry.id, now.date()) not in _RUNNING or entry.end_reason:
        raise errors.EntryEnded


async def end_now(
    session: AsyncSession,
    caller: Caller,
    entry: SanctionEntry,
    reason: str,
    now: datetime,
    told: str | None = None,
) -> None:
    """End a measure today, and tell: restraint, feed, event. The reason is one of its codes.

    ``told``: what the feed gives as reason, where that says more.
    """
    entry.ended_on = now.date()
    entry.end_reason = reason
    entry.ended_by = caller.require_person().id
    entry.announced = "ENDED"
    entry.version += 1
    await session.flush()  # the answer reads the row
    await restraining.let_go(session, entry.id)
    await retract_entry(session, entry, told or reason)
    await tell(session, EventType.SANCTION_LIFTED, entry, reason=reason)


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
    entry = await responsible_entry(session, caller, entry_id, version)
    await require_running(session, entry, now)
    of_case = entry.case_id is not None and entry.custodian_agency is None
    if not of_case:
        scope, context = agency_scope(caller.agency_id), end_reason_context(entry)
        entry.sealed_end_reason = await keys.seal(session, scope, context, to_json(lift))
    await end_now(session, caller, entry, "lifted", now)
    if of_case:
        assert entry.case_id is not None
        case = await get_case(session, caller, entry.case_id)
        await write_step(session, keys, caller, case, "lift", Event.CASE_LIFTED, lift)
    subject = audit.Subject(entry.id, entry.imposing_agency, entry.partner_id)
    await audit.record(session, caller, Event.ENTRY_LIFTED, subject, version=entry.version)
    return await get_entry(session, entry_id, reader=caller.agency_id)


async def change_entry(
    session: AsyncSession,
    caller: Caller,
    entry_id: UUID,
    version: int,
    change: EntryChange,
    now: datetime,
) -> dict[str, Any]:
    """Publish a measure or take that back, name offices, record a review: terms stay as decided.

    Raises EntryNotFound, PreconditionFailed, EntryEnded, DateNotPossible or MeasureTermsInvalid.
    """
    entry = await responsible_entry(session, caller, entry_id, version)
    await require_running(session, entry, now)
    before = entry.level
    wanted = change.model_dump(exclude_unset=True, exclude_none=True)
    level = wanted.get("level", before)
    if level != before and "RESTRICTED" in (level, before):
        raise errors.MeasureTermsInvalid("A RESTRICTED measure stays so, and no other becomes it.")
    if level != before and entry.individual is not None:
        raise errors.MeasureTermsInvalid("A measure that names a person is INTER_AGENCY.")
    reviewed = wanted.get("last_reviewed")
    if reviewed is not None and not entry.decided_on <= reviewed <= now.date():
        raise DateNotPossible
    for name, value in wanted.items():
        setattr(entry, name, value)
    entry.version += 1
    await session.flush()
    if before == "PUBLIC" and entry.level != "PUBLIC":
        await retract_entry(session, entry, "level_changed", ("public",))
    code = (await queries.agency_code(session, entry.imposing_agency)) or caller.agency_code
    await publish_entry(session, entry, code, now.date())
    await tell(session, EventType.SANCTION_CHANGED, entry)
    subject = audit.Subject(entry.id, entry.imposing_agency, entry.partner_id)
    about: dict[str, Any] = {"version": entry.version, "changed": sorted(wanted)}
    await audit.record(session, caller, Event.ENTRY_CHANGED, subject, **about)
    return await get_entry(session, entry_id, reader=caller.agency_id)
