"""What a case does to the shared list. The only calls from cases to the package of measures."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.caller import Caller
from app.core.crypto import KeyRing
from app.sanctions.cases import queries
from app.sanctions.cases.models import SanctionCase, SanctionRespondent
from app.sanctions.cases.reading import individual_facts
from app.sanctions.entries import queries as measures
from app.sanctions.entries import service as entries
from app.sanctions.entries.models import SanctionEntry
from app.sanctions.entries.schemas import IndividualIn, LiftIn, MeasureTerms
from app.sanctions.entries.service import NewEntry


async def put(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    case: SanctionCase,
    respondent: SanctionRespondent,
    terms: MeasureTerms,
    now: datetime,
    *,
    decided_on: date | None = None,
    certificate: str | None = None,
) -> SanctionEntry:
    """Put a measure on a respondent of the case onto the list. Raises what `entries.impose` does.

    ``certificate`` names the step with the certificate of a recorded decision.
    """
    individual = None
    if respondent.kind == "INDIVIDUAL":
        facts = await individual_facts(session, keys, respondent)
        individual = IndividualIn.model_validate(facts)
    new = NewEntry(
        partner_id=respondent.partner_id,
        case_id=case.id,
        practices=case.practices,
        terms=terms,
        procedure="full" if certificate is None else "recorded",
        individual=individual,
        decided_on=decided_on,
        certificate=certificate,
    )
    return await entries.impose(session, caller, new, now)


async def runs(session: AsyncSession, entry_id: UUID | None) -> bool:
    """Whether nobody has ended this measure."""
    if entry_id is None:
        return False
    entry = await measures.lock_entry(session, entry_id)
    return entry is not None and entry.ended_on is None


async def end(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    entry_id: UUID | None,
    reason: str,
    now: datetime,
) -> None:
    """End a measure of the own agency, if it still runs: a case decided so.

    The one way from cases to the end of a measure, whatever ended it: a decision that takes the
    place of an interim suspension, an appeal, a release.
    """
    entry = await measures.lock_entry(session, entry_id) if entry_id else None
    if entry is None or entry.ended_on is not None:
        return
    lift = LiftIn(reason=reason)
    await entries.lift_entry(session, keys, caller, entry.id, entry.version, lift, now)


async def end_interims(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    respondent: SanctionRespondent,
    now: datetime,
) -> None:
    """End the interim suspensions of a respondent: its case is decided."""
    for interim in await queries.interims_of(session, respondent.id):
        if interim.ended_on is None and await runs(session, interim.entry_id):
            await end(session, keys, caller, interim.entry_id, "The case was decided.", now)
            interim.ended_on = now.date()
    await session.flush()
