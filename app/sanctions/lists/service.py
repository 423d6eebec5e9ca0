"""External lists as an agency sees them, and switching them on and off.

Works inside the caller's transaction and never commits.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.auth.caller import Caller
from app.core.errors import violated_constraint
from app.core.http import PreconditionFailed
from app.core.ids import new_id
from app.events import service as events
from app.events.catalogue import EventType
from app.sanctions.entries.cross_debarment import weighed_listed
from app.sanctions.lists import errors, freshness, queries
from app.sanctions.lists.audience import known
from app.sanctions.lists.models import ListSourceState, ListUse
from app.sanctions.lists.schemas import AsOf, ListUseIn, PartyFilter

_TAKEN = {"uq_list_uses_source_agency_id", "uq_list_uses_source_joint"}


async def sources_for(session: AsyncSession, caller: Caller, now: datetime) -> list[dict[str, Any]]:
    """Every source; of those that do not count for the caller, only what they are."""
    used = await queries.used_by(session, caller.agency_id)
    items = freshness.describe(await queries.source_states(session), now)
    return [_for_caller(item, used) for item in items]


def _for_caller(item: dict[str, Any], used: frozenset[str]) -> dict[str, Any]:
    if item["audience"] == "shared":
        return item | {"counts_for_you": True}
    if item["counts_for_you"] or item["code"] in used:
        return item | {"counts_for_you": True}
    return freshness.unused(item)


async def counting(session: AsyncSession, caller: Caller, code: str) -> ListSourceState:
    """A source that counts for the caller. Raises SourceNotFound for any other."""
    state = await _known(session, code)
    if state is None:
        raise errors.SourceNotFound
    if "inter_agency" not in state.streams and code not in await queries.used_by(
        session, caller.agency_id
    ):
        raise errors.SourceNotFound
    return state


async def _known(session: AsyncSession, code: str) -> ListSourceState | None:
    if known(code) is None:
        return None
    return await queries.source_state(session, code)


async def version_asked(session: AsyncSession, code: str, wanted: AsOf | PartyFilter) -> int | None:
    """The version of the list that was asked for; None when nothing was ever imported.

    Raises ListVersionNotFound for a version or a moment the list did not have.
    """
    found = await queries.version_of(session, code, wanted.version, wanted.as_of)
    if found is None and (wanted.version is not None or wanted.as_of is not None):
        raise errors.ListVersionNotFound
    return found


async def find_party(session: AsyncSession, code: str, entry_id: UUID, wanted: AsOf) -> Any:
    """A party with its original. Raises ListedPartyNotFound or ListVersionNotFound."""
    version = await version_asked(session, code, wanted)
    row = await queries.find_party(session, code, version, entry_id) if version else None
    if row is None:
        raise errors.ListedPartyNotFound
    return shown_party(row)


def shown_party(row: Any) -> dict[str, Any]:
    """A row of `queries.list_parties` as ListedPartyOut needs it."""
    wire = dict(row._mapping)
    return wire | {"cross_debarment": weighed_listed(row.source, row.party.get("measures") or ())}


# ---------------------------------------------------------------------------------- uses


async def selectable(session: AsyncSession, code: str) -> ListSourceState:
    """A source that agencies switch on. Raises SourceNotFound or ListCountsForAll."""
    state = await _known(session, code)
    if state is None:
        raise errors.SourceNotFound
    if state.audience == "shared":
        raise errors.ListCountsForAll
    return state


async def propose(
    session: AsyncSession, caller: Caller, code: str, new: ListUseIn
) -> dict[str, Any]:
    """A person proposes that the agency, or of a joint list all agencies, use it.

    Raises SourceNotFound, ListCountsForAll, ListUseOpen or PersonRequired.
    """
    state = await selectable(session, code)
    use_id = new_id()
    try:
        async with session.begin_nested():
            await session.execute(
                insert(ListUse)
                .values(
                    id=use_id,
                    source=code,
                    audience=state.audience,
                    agency_id=caller.agency_id,
                    legal_basis=new.legal_basis,
                    proposed_by=caller.require_person().id,
                )
                .inline()
            )
    except IntegrityError as error:
        if violated_constraint(error) not in _TAKEN:
            raise
        raise errors.ListUseOpen from error
    await _record(session, caller, Event.LIST_USE_PROPOSED, use_id, code)
    return await shown_use(session, code, use_id)


async def approve(
    session: AsyncSession,
    caller: Caller,
    code: str,
    use_id: UUID,
    version: int,
    now: datetime,
) -> dict[str, Any]:
    """Another person approves, of a joint list one of another agency: from now on it counts.

    Raises ListUseNotFound, PreconditionFailed, ListUseClosed, SecondPersonNeeded or
    SecondAgencyNeeded.
    """
    use = await _locked(session, code, use_id)
    if use.version != version:
        raise PreconditionFailed
    if use.state != "proposed":
        raise errors.ListUseClosed
    person = caller.require_person()
    if use.audience == "joint" and use.agency_id == caller.agency_id:
        raise errors.SecondAgencyNeeded
    if use.proposed_by == person.id:
        raise errors.SecondPersonNeeded
    use.state, use.approved_by, use.approved_at = "active", person.id, now
    use.approving_agency = caller.agency_id
    await _changed(session, caller, use, Event.LIST_USE_APPROVED)
    return await shown_use(session, code, use_id)


async def end(
    session: AsyncSession, caller: Caller, code: str, use_id: UUID, now: datetime
) -> None:
    """Withdraw a proposal, or switch the list off; of a joint one either agency may.

    Raises ListUseNotFound or ListUseClosed.
    """
    use = await _locked(session, code, use_id)
    if caller.agency_id not in (use.agency_id, use.approving_agency):
        # A joint proposal is known to all; ending it is its agencies' affair.
        raise errors.ListUseNotFound
    if use.state == "ended":
        raise errors.ListUseClosed
    use.state, use.ended_by, use.ended_at = "ended", caller.require_person().id, now
    await _changed(session, caller, use, Event.LIST_USE_ENDED)


async def shown_use(session: AsyncSession, code: str, use_id: UUID) -> dict[str, Any]:
    """A use as it is served. Raises ListUseNotFound."""
    row = await queries.find_use(session, code, use_id)
    if row is None:
        raise errors.ListUseNotFound
    return dict(row._mapping)


async def _locked(session: AsyncSession, code: str, use_id: UUID) -> ListUse:
    await selectable(session, code)
    use = await queries.lock_use(session, code, use_id)
    if use is None:
        raise errors.ListUseNotFound
    return use


async def _changed(session: AsyncSession, caller: Caller, use: ListUse, event: Event) -> None:
    use.version += 1
    await session.flush()
    await _record(session, caller, event, use.id, use.source)
    # An opt-in list is nobody else's affair: its event is the agency's own.
    owner = use.agency_id if use.audience == "opt_in" else None
    await events.publish(
        session,
        EventType.LIST_USE_CHANGED,
        use.id,
        owner,
        source=use.source,
        audience=use.audience,
        state=use.state,
    )


async def _record(
    session: AsyncSession, caller: Caller, event: Event, use_id: UUID, code: str
) -> None:
    subject = audit.Subject(use_id, owner_agency=caller.agency_id)
    await audit.record(session, caller, event, subject, source=code)
