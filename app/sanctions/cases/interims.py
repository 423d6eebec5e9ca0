"""Interim suspensions: while a case lasts, within the limits of its procedure. Never commits."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.events import Event
from app.auth.caller import Caller
from app.core.clock import add_months
from app.core.crypto import KeyRing
from app.core.ids import new_secret_id
from app.sanctions.cases import errors, listing, queries
from app.sanctions.cases.after_schemas import InterimIn
from app.sanctions.cases.decisions import OPEN
from app.sanctions.cases.follow_models import SanctionInterim
from app.sanctions.cases.procedures import procedure_of
from app.sanctions.cases.steps import moved, take, write_step
from app.sanctions.entries import service as entries
from app.sanctions.entries.schemas import MeasureTerms
from app.sanctions.errors import DateNotPossible


async def suspend(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    case_id: UUID,
    new: InterimIn,
    now: datetime,
) -> dict[str, Any]:
    """A person other than the investigator suspends, or renews a suspension; it is listed at once.

    It ends with the decision of the case, or lapses on its day. Raises StepOutOfOrder, SamePerson,
    InterimLimit, DateNotPossible, and what `take` and `listing.put` raise.
    """
    case, respondent = await take(session, caller, case_id, new.respondent_id, "approve")
    if respondent.state not in OPEN:
        raise errors.StepOutOfOrder
    person = caller.require_person()
    if person.id == case.investigator_id:
        raise errors.SamePerson
    if new.effective_from < now.date() or new.until_on < new.effective_from:
        raise DateNotPossible
    procedure = await procedure_of(session, case)
    earlier = await queries.interims_of(session, respondent.id)
    number = len(earlier)
    if number > procedure.interim_renewals or new.until_on >= add_months(
        new.effective_from, procedure.interim_months
    ):
        raise errors.InterimLimit
    if earlier and new.effective_from <= earlier[-1].until_on:
        raise DateNotPossible("A renewal begins after the day the last one ends.")
    interim_id = new_secret_id()
    values = {
        "id": interim_id,
        "case_id": case.id,
        "agency_id": case.agency_id,
        "respondent_id": respondent.id,
        "number": number,
        "decided_by": person.id,
        "decided_on": now.date(),
        "effective_from": new.effective_from,
        "until_on": new.until_on,
    }
    await session.execute(insert(SanctionInterim).values(**values).inline())
    terms = MeasureTerms(
        measure=listing.INTERIM,
        effective_from=new.effective_from,
        effective_to=new.until_on,
        regime=new.regime,
    )
    entry = await listing.put(session, keys, caller, case, respondent, terms, now)
    held = await queries.lock_following(session, SanctionInterim, case.id, interim_id)
    assert held is not None
    held.entry_id = entry.id
    await moved(session, case, respondent, "interim")
    about = {"number": number}
    await write_step(
        session, keys, caller, case, "interim", Event.CASE_INTERIM, new, respondent, **about
    )
    return await entries.get_entry(session, entry.id)
