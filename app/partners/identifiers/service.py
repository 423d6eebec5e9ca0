"""What a partner holds: added and ended, never rewritten. In the caller's transaction.

Callers hand in a profile that the calling agency may know of (`partners.service.visible_partner`).
Every change raises the profile's version first: that row is the lock of all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.auth import policy
from app.auth.caller import Caller
from app.auth.errors import RoleLacksRight, ScopeMissing
from app.auth.roles import Act
from app.auth.scopes import Scope
from app.core.crypto import KeyRing
from app.core.db import touched
from app.core.errors import FieldError, InvalidRequest, violated_constraint
from app.core.ids import new_id, new_secret_id
from app.core.names import fold
from app.events import service as events
from app.events.catalogue import EventType
from app.partners import visibility
from app.partners.custody import require_editable
from app.partners.errors import IdentifierOfProtected, IdentifierTaken
from app.partners.identifiers import queries, restricted
from app.partners.identifiers.errors import (
    IdentifierDisputed,
    IdentifierEnded,
    IdentifierNotFound,
    ProfileMerged,
    VendorCountryUnfit,
)
from app.partners.identifiers.models import PartnerIdentifier, RestrictedIdentifier
from app.partners.identifiers.schemas import EndReason, IdentifierIn, IdentifierRef
from app.partners.identifiers.schemes import IdentifierScheme, prefix_state, rule
from app.partners.lineage import root_of
from app.partners.models import Partner

_KEEPING: tuple[Act, ...] = ("create", "approve")
Held = PartnerIdentifier | RestrictedIdentifier
HeldTable = type[PartnerIdentifier] | type[RestrictedIdentifier]
_UNIQUE = {"uq_partner_identifiers_held", "uq_restricted_identifiers_held"}
_VENDOR_COUNTRY = "ck_partner_identifiers_vendor_country"
_NOTES = {"unverified": "unverified_prefix", "deprecated": "deprecated_prefix"}


def _author(caller: Caller | None) -> UUID | None:
    return caller.agency_id if caller is not None and caller.subject == "agency" else None


def table_of(scheme: IdentifierScheme) -> HeldTable:
    """Where identifiers of a scheme are kept."""
    return RestrictedIdentifier if rule(scheme).restricted else PartnerIdentifier


def authority_key(authority: str | None) -> str | None:
    """What an authority is compared by: spelling and script do not count."""
    return None if authority is None else fold(authority) or authority.casefold()


def row_of(caller: Caller, partner_id: UUID, item: IdentifierIn) -> dict[str, Any]:
    """The row of an open identifier, for one insert or for many. Pure.

    ``valid_from`` is there only where it was given: one statement takes rows of one shape.
    """
    vendor = item.scheme is IdentifierScheme.AGENCY_VENDOR
    return {
        "id": new_id(),
        "partner_id": partner_id,
        "scheme": item.scheme.value,
        "value": item.value,
        "country": item.country,
        "area": item.area,
        "authority": item.authority,
        "authority_key": authority_key(item.authority),
        "agency_id": caller.agency_id if vendor else None,
        "issued_on": item.issued_on,
        "expires_on": item.expires_on,
        **({"valid_from": item.valid_from} if item.valid_from else {}),
        "created_by": _author(caller),
    }


async def taken_by(session: AsyncSession, caller: Caller, partner_id: UUID) -> IdentifierTaken:
    """The refusal that names who holds an identifier, if the caller may know of it."""
    if caller.subject == "partner":
        return IdentifierTaken(contact_registry=True, dispute="/v1/self/identifier-disputes")
    partner = await session.get(Partner, await root_of(session, partner_id))
    if (
        partner is not None
        and policy.within(caller, partner.country)
        and await visibility.may_see(session, caller, partner)
    ):
        return IdentifierTaken(partner.id)
    return IdentifierOfProtected()


async def find_live(
    session: AsyncSession, keys: KeyRing | None, caller: Caller, item: IdentifierIn
) -> Held | None:
    """The row that keeps others from holding this identifier; None where none does."""
    if rule(item.scheme).restricted:
        assert keys is not None
        value = await restricted.digest(session, keys, item)
        return await queries.live_restricted(session, item.scheme.value, item.country, value)
    return await queries.live_row(session, item, authority_key(item.authority), caller.agency_id)


async def find_holder(session: AsyncSession, caller: Caller, item: IdentifierRef) -> UUID | None:
    """The one partner that an open identifier names; a vendor number is the caller's agency's."""
    vendor = caller.agency_id if item.scheme is IdentifierScheme.AGENCY_VENDOR else None
    return await queries.holder_of(session, item.scheme.value, item.value, item.country, vendor)


async def refuse_taken(
    session: AsyncSession, caller: Caller, items: Sequence[IdentifierIn]
) -> None:
    """Raises IdentifierTaken for the first that another profile holds, InvalidRequest for twins.

    Asked before a profile is stored only to be able to name the other; the index decides the race.
    """
    seen = set()
    for number, item in enumerate(items):
        key = (item.scheme, item.value, item.country, item.area, authority_key(item.authority))
        if key in seen:
            pointer = f"/identifiers/{number}"
            twin = FieldError(pointer=pointer, code="value_error", message="is there twice")
            raise InvalidRequest(errors=[twin])
        seen.add(key)
        live = await find_live(session, None, caller, item)
        if live is not None:
            raise await taken_by(session, caller, live.partner_id)


async def insert_all(
    session: AsyncSession, caller: Caller, partner_id: UUID, items: Sequence[IdentifierIn]
) -> None:
    """Store open identifiers of a new profile. Raises IdentifierTaken or VendorCountryUnfit."""
    try:
        async with session.begin_nested():
            for item in items:
                values = row_of(caller, partner_id, item)
                await session.execute(insert(PartnerIdentifier).values(values).inline())
    except IntegrityError as error:
        raise await _refusal(session, None, caller, items, error) from error


async def _refusal(
    session: AsyncSession,
    keys: KeyRing | None,
    caller: Caller,
    items: Sequence[IdentifierIn],
    error: IntegrityError,
) -> Exception:
    name = violated_constraint(error)
    if name == _VENDOR_COUNTRY:
        return VendorCountryUnfit()
    if name not in _UNIQUE:
        return error
    for item in items:
        live = await find_live(session, keys, caller, item)
        if live is not None:
            return await taken_by(session, caller, live.partner_id)
    return IdentifierTaken()


# ------------------------------------------------------------------- of a profile that is there


def _may_keep(caller: Caller, *, vendor: bool) -> None:
    """Raises ScopeMissing or RoleLacksRight."""
    kind = "IDENT_VENDOR" if vendor else "PROFILE"
    if caller.subject == "partner":
        if vendor:
            raise RoleLacksRight
        return
    if not vendor and Scope.PARTNERS_WRITE not in caller.scopes:
        raise ScopeMissing(Scope.PARTNERS_WRITE)
    if not any(policy.has_right(caller, act, kind) for act in _KEEPING):
        raise RoleLacksRight


async def require_kept(session: AsyncSession, caller: Caller, partner: Partner) -> None:
    """Whether the caller keeps the open and restricted identifiers of a profile.

    Raises ScopeMissing, RoleLacksRight, EditsFrozen or OwnedByPartner.
    """
    _may_keep(caller, vendor=False)
    await require_editable(session, caller, partner.id)


async def next_version(session: AsyncSession, caller: Caller | None, partner_id: UUID) -> int:
    """Raise a profile's version by one, and with it lock the profile."""
    by = _author(caller)
    result = await session.execute(
        update(Partner)
        .where(Partner.id == partner_id)
        .values(version=Partner.version + 1, updated_by=by)
        .execution_options(synchronize_session=False)
        .returning(Partner.version)
    )
    version: int = result.scalar_one()
    return version


async def say_changed(
    session: AsyncSession, caller: Caller, partner_id: UUID, version: int
) -> None:
    """Tell those who follow the profile that its identifiers have changed."""
    await events.publish(
        session,
        EventType.PARTNER_CHANGED,
        partner_id,
        _author(caller),
        version=version,
        fields=["identifiers"],
    )


async def store(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    partner_id: UUID,
    item: IdentifierIn,
    *,
    claimed: bool = False,
) -> UUID:
    """Insert one row, open or restricted; its id. Raises IdentifierTaken or VendorCountryUnfit."""
    values = row_of(caller, partner_id, item) | {"claimed": claimed, "disputed": claimed}
    table = table_of(item.scheme)
    if table is RestrictedIdentifier:
        for name in ("value", "area", "authority", "authority_key", "agency_id"):
            del values[name]
        values["id"] = new_secret_id()
        values |= await restricted.columns(session, keys, values["id"], partner_id, item)
    try:
        async with session.begin_nested():
            await session.execute(insert(table).values(values).inline())
    except IntegrityError as error:
        raise await _refusal(session, keys, caller, [item], error) from error
    row_id: UUID = values["id"]
    return row_id


async def add(
    session: AsyncSession, keys: KeyRing, caller: Caller, partner: Partner, item: IdentifierIn
) -> dict[str, Any]:
    """Add an identifier to a profile.

    Raises ScopeMissing, RoleLacksRight, ProfileMerged, EditsFrozen or OwnedByPartner (not for a
    vendor number), IdentifierTaken or VendorCountryUnfit.
    """
    vendor = item.scheme is IdentifierScheme.AGENCY_VENDOR
    _may_keep(caller, vendor=vendor)
    await refuse_merged(session, partner)
    version = await next_version(session, caller, partner.id)
    if not vendor:
        await require_editable(session, caller, partner.id)
    row_id = await store(session, keys, caller, partner.id, item)
    about: dict[str, Any] = {
        "identifier": str(row_id),
        "scheme": item.scheme.value,
        "version": version,
    }
    subject = audit.Subject(partner.id, partner_id=partner.id)
    await audit.record(session, caller, Event.IDENTIFIER_ADDED, subject, **about)
    await say_changed(session, caller, partner.id, version)
    return await get_held(session, partner.id, row_id)


async def refuse_merged(session: AsyncSession, partner: Partner) -> None:
    """Raises ProfileMerged for a profile that stands for nothing any more."""
    survivor = await root_of(session, partner.id)
    if survivor != partner.id:
        raise ProfileMerged(survivor)


async def end(
    session: AsyncSession,
    caller: Caller,
    partner: Partner,
    identifier_id: UUID,
    reason: EndReason,
) -> dict[str, Any]:
    """End an identifier of the profile, or of one that was merged into it.

    Raises IdentifierNotFound (also for another agency's vendor number), ScopeMissing,
    RoleLacksRight, EditsFrozen, OwnedByPartner, IdentifierEnded or IdentifierDisputed.
    """
    row = await queries.find_held(session, partner.id, identifier_id)
    if row is None or row.agency not in (None, caller.agency_code):
        raise IdentifierNotFound
    _may_keep(caller, vendor=row.agency is not None)
    version = await next_version(session, caller, row.partner_id)
    if row.agency is None:
        await require_editable(session, caller, partner.id)
    table = table_of(IdentifierScheme(row.scheme))
    now = await session.execute(
        select(table.active, table.disputed).where(table.id == identifier_id).with_for_update()
    )
    active, disputed = now.one()
    if not active:
        raise IdentifierEnded
    if disputed:
        raise IdentifierDisputed
    await end_row(session, caller, table, identifier_id, reason.value)
    about: dict[str, Any] = {
        "identifier": str(identifier_id),
        "reason": reason.value,
        "version": version,
    }
    subject = audit.Subject(row.partner_id, partner_id=row.partner_id)
    await audit.record(session, caller, Event.IDENTIFIER_ENDED, subject, **about)
    await say_changed(session, caller, row.partner_id, version)
    return await get_held(session, partner.id, identifier_id)


async def end_row(
    session: AsyncSession, caller: Caller, table: HeldTable, row_id: UUID, reason: str
) -> None:
    """End a row that is active."""
    done = await session.execute(
        update(table)
        .where(table.id == row_id, table.active)
        .values(active=False, ended_at=func.now(), end_reason=reason, ended_by=_author(caller))
        .execution_options(synchronize_session=False)
    )
    if touched(done) != 1:
        raise IdentifierEnded


async def get_held(session: AsyncSession, partner_id: UUID, identifier_id: UUID) -> dict[str, Any]:
    """One identifier as it is served. Raises IdentifierNotFound."""
    row = await queries.find_held(session, partner_id, identifier_id)
    if row is None:
        raise IdentifierNotFound
    return wire(row)


def wire(row: Any) -> dict[str, Any]:
    """A row of `queries.list_held` as IdentifierRecord needs it."""
    shown = dict(row._mapping)
    value = shown["value"]
    state = None if value is None else prefix_state(IdentifierScheme(shown["scheme"]), value)
    return shown | {"notes": [_NOTES[state]] if state in _NOTES else []}
