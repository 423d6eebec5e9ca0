"""The way out of a measure with conditions: evidence, its check, the decision. Never commits."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.events import Event
from app.auth.caller import Caller
from app.core.crypto import KeyRing
from app.core.explain import explained
from app.core.http import PreconditionFailed
from app.core.ids import new_secret_id
from app.sanctions.cases import errors, listing, queries
from app.sanctions.cases.after_schemas import EvidenceIn, ReleaseDecisionIn, VerificationIn
from app.sanctions.cases.follow_models import SanctionRelease
from app.sanctions.cases.models import SanctionCase, SanctionRespondent
from app.sanctions.cases.steps import get_case, moved, take, write_step


async def record(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    case_id: UUID,
    evidence: EvidenceIn,
    now: datetime,
) -> SanctionRelease:
    """There is evidence that the conditions of a measure are met.

    Raises StepOutOfOrder where no measure runs, ReleaseOpen, and as `take`.
    """
    case, respondent = await take(session, caller, case_id, evidence.respondent_id, "create")
    if await listing.running(session, respondent.entry_id, now) is None:
        raise errors.StepOutOfOrder
    release_id = new_secret_id()
    values = {
        "id": release_id,
        "case_id": case.id,
        "agency_id": case.agency_id,
        "respondent_id": respondent.id,
        "recorded_by": caller.require_person().id,
        "recorded_on": now.date(),
    }
    async with explained(session, {"uq_sanction_releases_open": errors.ReleaseOpen}):
        await session.execute(insert(SanctionRelease).values(**values).inline())
    await moved(session, case, respondent, "evidence")
    about = {"release": str(release_id)}
    await write_step(
        session, keys, caller, case, "evidence", Event.CASE_EVIDENCE, evidence, respondent, **about
    )
    found = await queries.lock_following(session, SanctionRelease, case.id, release_id)
    assert found is not None
    return found


async def _held(
    session: AsyncSession, caller: Caller, case_id: UUID, release_id: UUID
) -> tuple[SanctionCase, SanctionRespondent, SanctionRelease]:
    """An open release with its respondent and case, held.

    Raises ReleaseNotFound or StepOutOfOrder.
    """
    await get_case(session, caller, case_id, act="approve")
    found = await queries.following(session, SanctionRelease, case_id)
    known = next((one for one in found if one.id == release_id), None)
    if known is None:
        raise errors.ReleaseNotFound
    case, respondent = await take(session, caller, case_id, known.respondent_id, "approve")
    release = await queries.lock_following(session, SanctionRelease, case_id, release_id)
    if release is None or release.outcome is not None:
        raise errors.StepOutOfOrder
    return case, respondent, release


async def verify(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    case_id: UUID,
    release_id: UUID,
    verification: VerificationIn,
    now: datetime,
) -> SanctionRelease:
    """A second person says whether the evidence holds.

    Raises ReleaseNotFound, StepOutOfOrder, SamePerson, and as `take`.
    """
    case, respondent, release = await _held(session, caller, case_id, release_id)
    if release.verified_by is not None:
        raise errors.StepOutOfOrder
    person = caller.require_person()
    if person.id == release.recorded_by:
        raise errors.SamePerson
    release.verified = verification.verified
    release.verified_by = person.id
    release.verified_on = now.date()
    release.version += 1
    await moved(session, case, respondent, "verification")
    about = {"release": str(release_id), "verified": verification.verified}
    await write_step(
        session,
        keys,
        caller,
        case,
        "verification",
        Event.CASE_VERIFIED,
        verification,
        respondent,
        **about,
    )
    return release


async def decide(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    case_id: UUID,
    release_id: UUID,
    version: int,
    decision: ReleaseDecisionIn,
    now: datetime,
) -> SanctionRelease:
    """A third person releases, which ends the measure, or refuses to.

    Raises ReleaseNotFound, StepOutOfOrder without a check that holds, SamePerson,
    PreconditionFailed, and as `take`; to release also EntryEnded, and ConditionsNotMet while a
    condition is open or the earliest day has not come.
    """
    case, respondent, release = await _held(session, caller, case_id, release_id)
    if release.version != version:
        raise PreconditionFailed
    if release.verified_by is None or (decision.outcome == "released" and not release.verified):
        raise errors.StepOutOfOrder
    person = caller.require_person()
    if person.id in (release.recorded_by, release.verified_by):
        raise errors.SamePerson
    release.outcome = decision.outcome
    release.decided_by = person.id
    release.decided_on = now.date()
    release.version += 1
    await session.flush()
    if decision.outcome == "released":
        await listing.release(session, caller, respondent.entry_id, now)
        respondent.review_due_on = None
    await moved(session, case, respondent, "release")
    about = {"release": str(release_id), "outcome": decision.outcome}
    await write_step(
        session,
        keys,
        caller,
        case,
        "release",
        Event.CASE_RELEASE_DECIDED,
        decision,
        respondent,
        **about,
    )
    return release
