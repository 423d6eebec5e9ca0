"""Two profiles, one identifier: both hold it, marked, until a person says whose it is.

The profile that had it first goes on standing for it: it resolves, marked as disputed, and a third
profile still meets a 409. A clearance by a disputed identifier knows no partner, and so refers.
An agency raises one for a profile that it keeps, and a partner for its own.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import insert, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.errors import PurposeRequired
from app.audit.events import Event
from app.audit.purposes import OWN_RECORD, StatedPurpose
from app.auth import policy
from app.auth.caller import Caller
from app.core.crypto import KeyRing, agency_scope, partner_scope
from app.core.errors import ServiceError, violated_constraint
from app.core.ids import new_secret_id
from app.partners import visibility
from app.partners.custody import require_editable
from app.partners.identifiers import queries, service
from app.partners.identifiers.errors import (
    DisputeNotFound,
    DisputeOpen,
    DocumentsUnknown,
    IdentifierHeld,
    TooManyDisputes,
)
from app.partners.identifiers.models import IdentifierDispute, RestrictedIdentifier
from app.partners.identifiers.schemas import DisputeIn
from app.partners.lineage import root_of
from app.partners.models import Partner

_REFUSED: dict[str, type[ServiceError]] = {
    "uq_identifier_disputes_held_id": DisputeOpen,
    "dispute_identifier": IdentifierHeld,  # ended since: the number is free
}
_HIDDEN = ("restricted", "held_id", "claim_id", "sealed_grounds", "sealed_reason", "raiser")


def context(dispute_id: UUID, field: str) -> str:
    """Encryption context of a text of a dispute (``grounds`` or ``reason``)."""
    return f"identifier_disputes.{field}|{dispute_id}"


def voice_context(voice_id: UUID) -> str:
    """Encryption context of what one person said of a dispute."""
    return f"identifier_dispute_voices|{voice_id}"


async def bump_both(session: AsyncSession, caller: Caller, one: UUID, other: UUID) -> None:
    """Raise both versions and tell those who follow the profiles."""
    # In the order of their ids, or two decisions about the same two profiles could lock crosswise.
    for partner_id in sorted((one, other)):
        version = await service.next_version(session, caller, partner_id)
        await service.say_changed(session, caller, partner_id, version)


OPEN_AT_ONCE = 5
"""Open disputes of one partner: each takes the proof of identity from another partner's number."""


async def raise_dispute(
    session: AsyncSession, keys: KeyRing, caller: Caller, partner: Partner, new: DisputeIn
) -> dict[str, Any]:
    """Say that another profile holds this profile's identifier, which then both hold.

    Raises PersonRequired, RoleLacksRight, EditsFrozen, OwnedByPartner, ProfileMerged, DisputeOpen,
    or IdentifierHeld where nobody else holds it.
    """
    person = caller.require_person()
    held = await _disputable(session, keys, caller, partner, new)
    await bump_both(session, caller, partner.id, held.partner_id)
    table = type(held)
    marked = await session.execute(
        update(table)
        .where(table.id == held.id, table.active)
        .values(disputed=True)
        .execution_options(synchronize_session=False)
        .returning(table.id)
    )
    if marked.first() is None:  # ended since: the number is free
        raise IdentifierHeld
    raiser = {"raised_by": caller.agency_id, "raised_person": person.id}
    scope = agency_scope(caller.agency_id)
    dispute_id = await _store(session, keys, caller, partner.id, held, new, scope, raiser)
    return await get_dispute(session, caller, partner, dispute_id)


async def raise_own(
    session: AsyncSession, keys: KeyRing, caller: Caller, partner: Partner, new: DisputeIn
) -> UUID:
    """As `raise_dispute`, by the partner itself; the id. A trigger marks the other profile's row.

    Raises EditsFrozen, ProfileMerged, DocumentsUnknown, DisputeOpen, TooManyDisputes, or
    IdentifierHeld where nobody else holds it.
    """
    held = await _disputable(session, keys, caller, partner, new)
    if not await queries.own_documents(session, partner.id, new.document_ids):
        raise DocumentsUnknown
    # Both locked in the order of their ids, as in `bump_both`, before the first is written.
    await queries.lock_profiles(session, (partner.id, held.partner_id))
    if await queries.open_own_disputes(session, partner.id) >= OPEN_AT_ONCE:
        raise TooManyDisputes
    await require_editable(session, caller, partner.id)
    version = await service.next_version(session, caller, partner.id)
    raiser = {"raised_client": caller.client_id}
    dispute_id = await _store(session, keys, caller, partner.id, held, new, partner_scope(), raiser)
    await service.say_changed(session, caller, partner.id, version)
    theirs = await queries.version_of(session, held.partner_id)
    await service.say_changed(session, caller, held.partner_id, theirs)
    return dispute_id


async def _disputable(
    session: AsyncSession, keys: KeyRing, caller: Caller, partner: Partner, new: DisputeIn
) -> service.Held:
    await service.require_kept(session, caller, partner)
    await service.refuse_merged(session, partner)
    held = await service.find_live(session, keys, caller, new)
    if held is None or await root_of(session, held.partner_id) == partner.id:
        raise IdentifierHeld
    return held


async def _store(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    partner_id: UUID,
    held: service.Held,
    new: DisputeIn,
    scope: str,
    raiser: dict[str, Any],
) -> UUID:
    claim_id = await service.store(session, keys, caller, partner_id, new, claimed=True)
    dispute_id = new_secret_id()
    values = raiser | {
        "id": dispute_id,
        "partner_id": partner_id,
        "holder_id": held.partner_id,
        "scheme": new.scheme.value,
        "restricted": isinstance(held, RestrictedIdentifier),
        "held_id": held.id,
        "claim_id": claim_id,
        "document_ids": new.document_ids,
        "sealed_grounds": await keys.seal(
            session, scope, context(dispute_id, "grounds"), new.grounds.encode()
        ),
    }
    try:
        async with session.begin_nested():
            await session.execute(insert(IdentifierDispute).values(values).inline())
    except IntegrityError as error:
        refusal = _REFUSED.get(violated_constraint(error) or "")
        if refusal is None:
            raise
        raise refusal from error
    await log(session, caller, Event.IDENTIFIER_DISPUTED, dispute_id, partner_id, held.partner_id)
    return dispute_id


async def log(
    session: AsyncSession, caller: Caller, event: Event, dispute: UUID, one: UUID, other: UUID
) -> None:
    """Enter it on the record of both sides: each may ask who acted on it."""
    basis = "self" if caller.subject == "partner" else None
    for partner_id in (one, other):
        subject = audit.Subject(dispute, partner_id=partner_id)
        await audit.record(session, caller, event, subject, basis=basis)


async def _shown(session: AsyncSession, caller: Caller, row: Any) -> dict[str, Any]:
    shown = {name: value for name, value in row._mapping.items() if name not in _HIDDEN}
    del shown["raised_person"]
    holder = await session.get(Partner, row.holder_id)
    assert holder is not None
    if not await known(session, caller, holder):
        shown["holder_id"] = None
        for field in ("decided_for", "proposed_for"):
            if shown[field] == row.holder_id:
                shown[field] = None
    return shown


async def known(session: AsyncSession, caller: Caller, partner: Partner) -> bool:
    """Whether the caller may know of this profile."""
    return policy.within(caller, partner.country) and await visibility.may_see(
        session, caller, partner
    )


async def list_disputes(
    session: AsyncSession, caller: Caller, partner: Partner, after: list[Any] | None, limit: int
) -> list[dict[str, Any]]:
    """Disputes that the profile is a side of, newest first; no texts."""
    rows = await queries.list_disputes(session, partner.id, after, limit)
    return [await _shown(session, caller, row) for row in rows]


async def get_dispute(
    session: AsyncSession, caller: Caller, partner: Partner, dispute_id: UUID
) -> dict[str, Any]:
    """A dispute, without its texts. Raises DisputeNotFound."""
    return await _shown(session, caller, await found(session, partner, dispute_id))


async def found(session: AsyncSession, partner: Partner, dispute_id: UUID) -> Any:
    """The row of a dispute that the profile is a side of. Raises DisputeNotFound."""
    row = await queries.find_dispute(session, partner.id, dispute_id)
    if row is None:
        raise DisputeNotFound
    return row


async def read_grounds(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    partner: Partner,
    dispute_id: UUID,
    stated: StatedPurpose | None,
) -> dict[str, Any]:
    """The texts: for the agency that raised it, and for who decides, for a purpose. Logged.

    Raises DisputeNotFound for anybody else, then PurposeRequired.
    """
    row = await found(session, partner, dispute_id)
    own = row.raiser == caller.agency_id
    decides = policy.can(caller, "approve", policy.Resource("CLAIM", country=partner.country))
    if not own and not decides.allowed:
        raise DisputeNotFound
    if not own and stated is None:
        raise PurposeRequired
    texts: dict[str, Any] = {"reason": None, "proposals": []}
    for field, sealed in (("grounds", row.sealed_grounds), ("reason", row.sealed_reason)):
        if sealed is not None:
            texts[field] = (await keys.open(session, context(row.id, field), sealed)).decode()
    for voice in await queries.voices_of(session, row.id):
        said = await keys.open(session, voice_context(voice.id), voice.sealed)
        texts["proposals"].append(said.decode())
    await audit.record(
        session,
        caller,
        Event.DISPUTE_GROUNDS_READ,
        audit.Subject(row.id, owner_agency=row.raiser, partner_id=partner.id),
        purpose=OWN_RECORD if own or stated is None else stated.purpose,
        reference=None if own or stated is None else stated.reference,
        basis="owner" if own else "role",
    )
    return {"id": row.id, **texts}
