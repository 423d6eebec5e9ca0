"""What a case does to the shared list. The only calls from cases to the package of measures.

A decision of a case is the act on its measure: whoever decided here decides there, and the
database asks for the persons of the case. Nothing is approved twice.
"""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.caller import Caller
from app.core.crypto import KeyRing
from app.sanctions.cases import errors, queries
from app.sanctions.cases.models import SanctionCase, SanctionRespondent
from app.sanctions.cases.reading import individual_facts
from app.sanctions.codes import CODES
from app.sanctions.entries import acts
from app.sanctions.entries import queries as measures
from app.sanctions.entries import service as entries
from app.sanctions.entries.errors import EntryEnded, MeasureTermsInvalid
from app.sanctions.entries.models import SanctionEntry
from app.sanctions.entries.schemas import (
    AffiliateIn,
    EntryChange,
    IndividualIn,
    LiftIn,
    MeasureTerms,
    SupersedesIn,
)
from app.sanctions.entries.service import NewEntry

INTERIM = "INTERIM_SUSPENSION"


def not_interim(terms: MeasureTerms) -> None:
    """Raises MeasureTermsInvalid: a suspension has limits, which no other decision gets round."""
    if terms.measure == INTERIM:
        raise MeasureTermsInvalid("An interim suspension is decided for itself, in an open case.")


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
    """Put a measure on a respondent of the case onto the list.

    Raises IndividualRedacted, and what `entries.impose` does.

    ``certificate`` names the step with the certificate of a recorded decision. One on an affiliate
    or an individual names the main respondent's measure, while there is one that all may read.
    """
    individual = None
    if respondent.kind == "INDIVIDUAL":
        facts = await individual_facts(session, keys, respondent)
        if facts is None:
            raise errors.IndividualRedacted
        individual = IndividualIn.model_validate(facts)
    if not respondent.main and terms.affiliate_of is None and terms.measure != INTERIM:
        terms = await _beside_main(session, case, respondent, terms, now)
    new = NewEntry(
        partner_id=respondent.partner_id,
        case_id=case.id,
        respondent_id=respondent.id,
        practices=case.practices,
        terms=terms,
        procedure="full" if certificate is None else "recorded",
        individual=individual,
        decided_on=decided_on,
        certificate=certificate,
    )
    return await entries.impose(session, caller, new, now)


async def _beside_main(
    session: AsyncSession,
    case: SanctionCase,
    respondent: SanctionRespondent,
    terms: MeasureTerms,
    now: datetime,
) -> MeasureTerms:
    main = await queries.find_respondent(session, case.id, None)
    entry = await running(session, main.entry_id if main else None, now)
    if entry is None or entry.level == "RESTRICTED":
        return terms
    named = AffiliateIn.model_validate({"entry_id": entry.id, "relation": respondent.relation})
    return terms.model_copy(update={"affiliate_of": named})


async def running(
    session: AsyncSession, entry_id: UUID | None, now: datetime
) -> SanctionEntry | None:
    """The measure, held, if it is in force or still to come and nobody has set its end."""
    entry = await measures.lock_entry(session, entry_id) if entry_id else None
    if entry is None:
        return None
    try:
        await entries.require_running(session, entry, now)
    except EntryEnded:
        return None
    return entry


async def end(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    entry_id: UUID | None,
    reason: str,
    now: datetime,
) -> None:
    """Lift a measure of the own agency, if it still runs: a case decided so."""
    entry = await running(session, entry_id, now)
    if entry is not None:
        lift = LiftIn(reason=reason)
        await entries.lift_entry(session, keys, caller, entry.id, entry.version, lift, now)


async def release(
    session: AsyncSession, caller: Caller, entry_id: UUID | None, now: datetime
) -> None:
    """End a measure whose release the case has decided. Raises EntryEnded or ConditionsNotMet."""
    if entry_id is None:
        raise EntryEnded
    await acts.release(session, caller, entry_id, now)


async def reviewed(
    session: AsyncSession, caller: Caller, entry: SanctionEntry, now: datetime
) -> None:
    """The list says that the measure was reviewed today."""
    change = EntryChange(last_reviewed=now.date())
    await entries.change_entry(session, caller, entry.id, entry.version, change, now)


async def replace(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    case: SanctionCase,
    respondent: SanctionRespondent,
    terms: MeasureTerms,
    now: datetime,
) -> SanctionEntry:
    """Put the measure that takes the place of the respondent's, in one instant: without a day on
    which neither holds, or both. Raises what `entries.impose` does.
    """
    old = await running(session, respondent.entry_id, now)
    if old is not None and terms.supersedes is None:
        if _meets(old, terms):
            terms = _named(old, terms)
        else:
            await end(session, keys, caller, old.id, "Another measure takes its place.", now)
    return await put(session, keys, caller, case, respondent, terms, now)


def _blocks(terms: MeasureTerms) -> bool:
    return CODES.measures.codes[terms.measure].blocking


def _meets(old: SanctionEntry, terms: MeasureTerms) -> bool:
    """Whether a measure can begin where the other one ends."""
    over = old.valid.upper
    return old.regime == terms.regime and (over is None or terms.effective_from <= over)


def _named(old: SanctionEntry, terms: MeasureTerms) -> MeasureTerms:
    return terms.model_copy(update={"supersedes": SupersedesIn(entry_id=old.id)})


async def after_interims(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    respondent: SanctionRespondent,
    terms: MeasureTerms | None,
    now: datetime,
) -> MeasureTerms | None:
    """End the interim suspensions of a respondent that was decided upon.

    The measure that follows, if one blocks, takes the place of the one that is in force on its
    first day: the terms that are returned name it. One that is over before then lapses on its day.
    Everything else ends today.
    """
    for interim in await queries.interims_of(session, respondent.id):
        entry = await running(session, interim.entry_id, now)
        if entry is None:
            continue
        if terms is not None:
            follows = _blocks(terms) and entry.regime == terms.regime
            if follows and terms.supersedes is None and _meets(entry, terms):
                terms = _named(entry, terms)
            if terms.supersedes is not None and terms.supersedes.entry_id == entry.id:
                interim.ended_on = max(terms.effective_from, interim.decided_on)
                continue
            if follows and terms.supersedes is None:
                continue
        await end(session, keys, caller, entry.id, "The case was decided.", now)
        interim.ended_on = now.date()
    await session.flush()
    return terms
