"""Annulment takes two persons: one asks, another decides. So does release by a custodian.

A measure whose case lies with its agency is released there, by three persons. The database lets a
measure end in either way only where an approved act, or the release in the case, says so.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic_core import from_json, to_json
from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.auth.caller import Caller
from app.core.crypto import KeyRing, agency_scope
from app.core.explain import explained
from app.core.http import PreconditionFailed
from app.core.ids import new_secret_id
from app.sanctions.entries import errors, queries, service
from app.sanctions.entries.decision_models import SanctionEntryAct
from app.sanctions.entries.decision_schemas import AnnulIn, EntryActDecisionIn, ReleaseIn
from app.sanctions.entries.models import SanctionEntry

Kind = Literal["release", "annul"]
_TOLD = {"void": "annulled", "error": "error", "duplicate": "duplicate"}
"""What the feed is told of an annulment, by its cause."""
_OPEN = text(
    """SELECT EXISTS (SELECT FROM sanction_conditions c WHERE c.entry_id = :id
      AND c.state NOT IN ('met', 'waived'))"""
)


def act_context(column: str, act: Any) -> str:
    """Encryption context of the reasons of an act; ``column`` is sealed or sealed_decision."""
    return f"sanction_entry_acts|{column}|{act.id}|{act.owner_agency}"


async def propose(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    entry_id: UUID,
    version: int,
    kind: Kind,
    asked: ReleaseIn | AnnulIn,
    now: datetime,
) -> dict[str, Any]:
    """Ask for a release or an annulment; nothing ends before another person approves.

    Raises EntryNotFound, PreconditionFailed, EntryEnded, ReleaseInCase, ConditionsNotMet,
    EntryActPending, or DuplicateUnknown for a duplicate of no such measure.
    """
    person = caller.require_person()
    entry = await service.responsible_entry(session, caller, entry_id, version)
    await _require_possible(session, entry, kind, now)
    cause: dict[str, Any] = {}
    if isinstance(asked, AnnulIn):
        cause = {"cause": asked.cause, "duplicate_of": asked.duplicate_of}
        await _require_twin(session, entry, asked.duplicate_of)
    if kind == "release" and entry.case_id is not None and entry.custodian_agency is None:
        raise errors.ReleaseInCase
    act = SanctionEntryAct(
        id=new_secret_id(), entry_id=entry.id, owner_agency=caller.agency_id, kind=kind
    )
    sealed = await keys.seal(
        session,
        agency_scope(caller.agency_id),
        act_context("sealed", act),
        to_json({"reason": asked.reason}),
    )
    values = {
        "id": act.id,
        "entry_id": entry.id,
        "owner_agency": caller.agency_id,
        "kind": kind,
        "proposed_by": person.id,
        "sealed": sealed,
        **cause,
    }
    async with explained(session, {"uq_sanction_entry_acts_open": errors.EntryActPending}):
        await session.execute(insert(SanctionEntryAct).values(values).inline())
    await _log(session, caller, Event.ENTRY_END_PROPOSED, entry, kind=kind)
    return await _shown(session, await _lock(session, caller, entry.id, act.id), entry, now)


async def _require_possible(
    session: AsyncSession, entry: SanctionEntry, kind: Kind, now: datetime
) -> None:
    if kind == "annul":
        if entry.voided_at is not None:
            raise errors.EntryEnded
        return
    await service.require_running(session, entry, now)
    early = entry.release_not_before is not None and now.date() < entry.release_not_before
    if early or await session.scalar(_OPEN, {"id": entry.id}):
        raise errors.ConditionsNotMet


async def _require_twin(
    session: AsyncSession, entry: SanctionEntry, duplicate_of: UUID | None
) -> None:
    """The measure that stands is of the same agency and the same party, and was not annulled."""
    if duplicate_of is None:
        return
    twin = await queries.lock_entry(session, duplicate_of)
    if twin is None or twin.id == entry.id or twin.voided_at is not None:
        raise errors.DuplicateUnknown
    if twin.imposing_agency != entry.imposing_agency or twin.level != entry.level:
        raise errors.DuplicateUnknown
    if entry.partner_id is None:
        same = twin.individual is not None and twin.individual == entry.individual
    else:
        profiles = await queries.partner_facts(session, entry.partner_id)
        same = twin.partner_id in {profile.id for profile in profiles}
    if not same:
        raise errors.DuplicateUnknown


async def decide(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    entry_id: UUID,
    act_id: UUID,
    version: int,
    decision: EntryActDecisionIn,
    now: datetime,
) -> dict[str, Any]:
    """Another person of the agency approves, and the measure ends; or rejects, and it stands.

    Raises EntryActNotFound, PreconditionFailed, EntryActDecided, EntrySecondPerson, EntryEnded,
    ConditionsNotMet or DuplicateUnknown.
    """
    person = caller.require_person()
    entry = await queries.lock_entry(session, entry_id)
    if entry is None:
        raise errors.EntryActNotFound
    act = await _lock(session, caller, entry_id, act_id)
    if act.version != version:
        raise PreconditionFailed
    if act.state != "proposed":
        raise errors.EntryActDecided
    if act.proposed_by == person.id:
        raise errors.EntrySecondPerson
    approved = decision.decision == "approve"
    if approved:
        await _require_possible(session, entry, _kind(act), now)
        await _require_twin(session, entry, act.duplicate_of)
    act.state = "approved" if approved else "rejected"
    act.decided_by, act.decided_at, act.version = person.id, now, act.version + 1
    context = act_context("sealed_decision", act)
    act.sealed_decision = await keys.seal(
        session, agency_scope(act.owner_agency), context, to_json(decision)
    )
    await session.flush()  # the measure ends only where the act is approved
    if approved:
        await _end(session, caller, entry, _kind(act), now, _TOLD[act.cause])
    about = {"kind": act.kind, "state": act.state}
    if act.cause != "void":
        about["cause"] = act.cause
    await _log(session, caller, Event.ENTRY_END_DECIDED, entry, **about)
    return await _shown(session, act, entry, now)


async def release(session: AsyncSession, caller: Caller, entry_id: UUID, now: datetime) -> None:
    """End a measure that its case has released, in the transaction of that decision.

    Raises EntryEnded or ConditionsNotMet.
    """
    entry = await queries.lock_entry(session, entry_id)
    assert entry is not None
    await _require_possible(session, entry, "release", now)
    await _end(session, caller, entry, "release", now)
    await _log(session, caller, Event.ENTRY_END_DECIDED, entry, kind="release", state="approved")


def _kind(act: SanctionEntryAct) -> Kind:
    return "annul" if act.kind == "annul" else "release"


async def _end(
    session: AsyncSession,
    caller: Caller,
    entry: SanctionEntry,
    kind: Kind,
    now: datetime,
    told: str = "annulled",
) -> None:
    if kind == "release":
        await service.end_now(session, caller, entry, "released", now)
        return
    entry.voided_at = now
    await service.end_now(session, caller, entry, "annulled", now, told)


async def list_acts(
    session: AsyncSession, keys: KeyRing, caller: Caller, entry_id: UUID, now: datetime
) -> list[dict[str, Any]]:
    """Acts on a measure with their reasons, for the agency that wrote them; the reading is logged.

    Raises EntryNotFound for a measure that the caller may not read.
    """
    entry = await session.get(SanctionEntry, entry_id)
    if entry is None:
        raise errors.EntryNotFound
    query = select(SanctionEntryAct).where(SanctionEntryAct.entry_id == entry_id)
    acts = (await session.scalars(query.order_by(SanctionEntryAct.proposed_at))).all()
    if acts:
        subject = audit.Subject(entry.id, acts[0].owner_agency, entry.partner_id)
        await audit.record(session, caller, Event.ENTRY_ACTS_READ, subject, basis="own_record")
    shown = []
    for act in acts:
        reason = await _opened(session, keys, act, "sealed")
        decided = await _opened(session, keys, act, "sealed_decision")
        redacted = b"" in (act.sealed, act.sealed_decision)
        texts = {"reason": reason, "decision_reason": decided, "redacted": redacted}
        shown.append(await _shown(session, act, entry, now) | texts)
    return shown


async def _opened(
    session: AsyncSession, keys: KeyRing, act: SanctionEntryAct, column: str
) -> str | None:
    sealed: bytes | None = getattr(act, column)
    if not sealed:
        return None
    text_of: str = from_json(await keys.open(session, act_context(column, act), sealed))["reason"]
    return text_of


async def _lock(
    session: AsyncSession, caller: Caller, entry_id: UUID, act_id: UUID
) -> SanctionEntryAct:
    query = select(SanctionEntryAct).where(
        SanctionEntryAct.id == act_id, SanctionEntryAct.entry_id == entry_id
    )
    act = (await session.scalars(query.execution_options(populate_existing=True))).one_or_none()
    if act is None or act.owner_agency != caller.agency_id:
        raise errors.EntryActNotFound
    return act


async def _shown(
    session: AsyncSession, act: SanctionEntryAct, entry: SanctionEntry, now: datetime
) -> dict[str, Any]:
    fields = (
        *("id", "entry_id", "kind", "cause", "duplicate_of", "state", "version"),
        *("proposed_by", "proposed_at", "decided_by", "decided_at"),
    )
    status = await queries.status_of(session, entry.id, now.date())
    of_entry = {"entry_status": status, "entry_version": entry.version}
    return {name: getattr(act, name) for name in fields} | of_entry


async def _log(
    session: AsyncSession, caller: Caller, event: Event, entry: SanctionEntry, **about: Any
) -> None:
    subject = audit.Subject(entry.id, entry.imposing_agency, entry.partner_id)
    await audit.record(session, caller, event, subject, version=entry.version, **about)
