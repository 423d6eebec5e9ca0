"""Use cases of partner profiles. Works inside the caller's transaction and never commits."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, NoReturn
from uuid import UUID

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.auth import policy
from app.auth.caller import Caller
from app.auth.errors import CountryOutsideScope, ScopeMissing
from app.auth.scopes import Scope
from app.core.clock import utc_now
from app.core.db import NO_AGENCY
from app.core.errors import FieldError, InvalidRequest
from app.core.http import PreconditionFailed
from app.core.ids import new_id, registry_number
from app.events import service as events
from app.events.catalogue import EventType
from app.partners import headquarters, naming, queries, visibility
from app.partners.custody import require_editable as require_editable
from app.partners.errors import (
    PartnerMerged,
    PartnerNotFound,
    PatchEmpty,
    TagNotOwn,
)
from app.partners.identifiers import service as identifiers
from app.partners.matching import names
from app.partners.matching.duplicates import check_new
from app.partners.models import Partner
from app.partners.schemas import PartnerIn, PartnerPatch
from app.partners.sections import refresh
from app.partners.types import TYPE_RULES, PartnerStatus

_KEYS = (*queries.PROFILE, "identifiers", "created_by", "created_at", "updated_at")


def wire(columns: Iterable[Any]) -> dict[str, Any]:
    """The values of `queries.COLUMNS`, in their order, as PartnerOut needs them."""
    body = dict(zip(_KEYS, columns, strict=True))
    body["registry_number"] = registry_number(body.pop("number"))
    body["identifiers"] = json.loads(body["identifiers"])
    native = body["legal_name_native"]
    body["script"] = naming.script_of(native) if native else None
    return body


def author(caller: Caller) -> UUID | None:
    """The agency to write down as author of a change; none where the partner itself writes."""
    return caller.agency_id if caller.subject == "agency" else None


async def bump(session: AsyncSession, caller: Caller, partner_id: UUID, **values: Any) -> int:
    """Raise the profile's version, because something of it changed elsewhere; the new version.

    ``values`` are columns of the profile that change with it. Raises PartnerNotFound.
    """
    changed = await session.execute(
        update(Partner)
        .where(Partner.id == partner_id)
        .values(version=Partner.version + 1, updated_by=author(caller), **values)
        .execution_options(synchronize_session=False)
        .returning(Partner.version)
    )
    version: int | None = changed.scalar_one_or_none()
    if version is None:
        raise PartnerNotFound
    return version


def not_future(valid_from: date | None, today: date) -> None:
    """Raises InvalidRequest for a day to come."""
    if valid_from is not None and valid_from > today:
        message = "must not lie in the future"
        raise InvalidRequest(
            errors=[FieldError(pointer="/valid_from", code="value_error", message=message)]
        )


async def create_partner(
    session: AsyncSession, caller: Caller, new: PartnerIn, today: date | None = None
) -> dict[str, Any]:
    """Create a draft profile on behalf of the partner.

    A country profile of a protected headquarters is protected, too. Raises CountryOutsideScope,
    IdentifierTaken (with the other profile's id), VendorCountryUnfit, InvalidRequest, or what
    `headquarters` raises; then nothing is stored.
    """
    if not policy.within(caller, new.country):
        raise CountryOutsideScope
    today = today or utc_now().date()
    not_future(new.valid_from, today)
    await headquarters.check_type(session, caller, new.partner_type, new.tags, today)
    values = new.model_dump(exclude={"identifiers"})
    values["legal_name"], values["legal_name_generated"] = naming.official(
        new.legal_name, new.legal_name_native
    )
    values |= {"valid_from": new.valid_from or today, "updated_by": author(caller)}
    if new.hq_id is not None:
        above = await headquarters.headquarters_of_new(
            session, caller, new.hq_id, new.partner_type, new.country
        )
        values["protected"] = new.protected or above.protected
    partner = Partner(id=new_id(), created_by=caller.agency_id, **values)
    await identifiers.refuse_taken(session, caller, new.identifiers)
    # Not by the unit of work: it would also name the columns that only triggers may write.
    fixed = {"id": partner.id, "created_by": caller.agency_id}
    async with headquarters.explained(session):
        await session.execute(insert(Partner).values(fixed | values).inline())
    await identifiers.insert_all(session, caller, partner.id, new.identifiers)
    await names.write(session, partner)
    subject = audit.Subject(partner.id, partner_id=partner.id)
    await audit.record(session, caller, Event.PARTNER_CREATED, subject, version=1)
    await events.publish(
        session, EventType.PARTNER_CREATED, partner.id, caller.agency_id, version=1
    )
    created = await _written(session, partner.id)
    return created | await check_new(session, caller, partner)


async def _written(session: AsyncSession, partner_id: UUID) -> dict[str, Any]:
    """The profile for whoever just wrote it, though what it wrote may hide it from the writer."""
    row = await queries.read_partner(session, partner_id, NO_AGENCY, holder=True)
    assert row is not None
    return wire(row)


async def visible_partner(session: AsyncSession, caller: Caller, partner_id: UUID) -> Partner:
    """The profile, if the caller may know of it: what every route of a partner asks first.

    Raises PartnerNotFound, also outside the caller's countries and for a protected profile that
    the caller has no right to; PartnerMerged where another profile stands for it.
    """
    partner = await queries.find_partner(session, partner_id)
    if partner is None:
        raise PartnerNotFound
    if partner.merged_into is not None:
        await lead_on(session, caller, partner_id)
    if not policy.within(caller, partner.country):
        raise PartnerNotFound
    if not await visibility.may_see(session, caller, partner):
        raise PartnerNotFound
    return partner


async def lead_on(session: AsyncSession, caller: Caller, partner_id: UUID) -> NoReturn:
    """What is said of a merged profile: PartnerMerged with the one that stands for it, or
    PartnerNotFound where the caller may not know of that one."""
    survivor = await queries.find_survivor(session, caller, partner_id)
    raise PartnerNotFound if survivor is None else PartnerMerged(survivor)


async def get_partner(session: AsyncSession, caller: Caller, partner_id: UUID) -> dict[str, Any]:
    """The profile as it is served. Raises PartnerNotFound as `visible_partner` does."""
    sees = visibility.sees_protected(caller) or partner_id == caller.partner_id
    row = await queries.read_partner(session, partner_id, caller.agency_id, sees)
    if row is None or not policy.within(caller, row.country):
        raise PartnerNotFound
    if row.status == PartnerStatus.MERGED:
        await lead_on(session, caller, partner_id)
    return wire(row)


async def change_partner(
    session: AsyncSession,
    caller: Caller,
    partner_id: UUID,
    version: int,
    patch: PartnerPatch,
    today: date | None = None,
) -> dict[str, Any]:
    """Apply a merge patch to version ``version``.

    Raises PartnerNotFound, PatchEmpty, ScopeMissing (to show a protected profile to all),
    EditsFrozen, OwnedByPartner, InvalidRequest, what `naming.renamed` and `headquarters` raise, or
    PreconditionFailed when another write came first.
    """
    partner = await visible_partner(session, caller, partner_id)
    fields = patch.model_dump(exclude_unset=True)
    correction = fields.pop("correction", False)
    if not fields:
        raise PatchEmpty
    # To hide whom it endangers to be named is every agency's at any time.
    if fields != {"protected": True}:
        await require_editable(session, caller, partner_id)
    today = today or utc_now().date()
    valid_from = fields.pop("valid_from", None)
    not_future(valid_from, today)
    if partner.protected and fields.get("protected") is False:
        await _require_unprotect(session, caller, partner)
    if fields.keys() & {"partner_type", "tags"}:
        kind, tags = fields.get("partner_type"), fields.get("tags", partner.tags)
        own = {TYPE_RULES.public_functions_tag} & (set(tags) ^ set(partner.tags))
        if own and caller.subject == "partner":
            raise TagNotOwn
        await headquarters.check_type(session, caller, kind or partner.partner_type, tags, today)
    values = naming.renamed(partner, fields, correction=correction, on=valid_from or today)
    changed = sorted(values)
    values |= {"sources": _sourced(partner, caller, changed, today)}
    if valid_from is not None or not correction:
        values["valid_from"] = valid_from or today
    await headquarters.hold_tree(session, partner, fields)
    if fields.get("partner_type") not in (None, partner.partner_type):
        # Another type is asked other sections; who saves one meanwhile waits.
        await refresh.lock(session, partner)
        kind = fields["partner_type"]
        repeated = await refresh.columns(session, partner_id, kind, partner.hq_id)
        changed += sorted(name for name in repeated if repeated[name] != getattr(partner, name))
        values |= repeated
    if fields.get("protected") and not partner.protected:
        await _protect_offices(session, caller, partner_id)
    await _update(session, caller, partner_id, version, values)
    await session.refresh(partner)
    if not names.NAMED.isdisjoint(values):
        await names.write(session, partner)
        await names.queue(session, [partner.id])
    await _note_change(session, caller, Event.PARTNER_CHANGED, partner_id, version + 1, changed)
    return await _written(session, partner_id)


async def _update(
    session: AsyncSession, caller: Caller, partner_id: UUID, version: int, values: dict[str, Any]
) -> None:
    async with headquarters.explained(session):
        changed = await session.execute(
            update(Partner)
            .where(Partner.id == partner_id, Partner.version == version)
            .values(**values, version=version + 1, updated_by=author(caller))
            .execution_options(synchronize_session=False)
            .returning(Partner.id)
        )
        if changed.first() is None:
            raise PreconditionFailed


async def _note_change(
    session: AsyncSession,
    caller: Caller,
    event: Event,
    partner_id: UUID,
    version: int,
    fields: list[str],
) -> None:
    subject = audit.Subject(partner_id, partner_id=partner_id)
    await audit.record(session, caller, event, subject, version=version, fields=fields)
    await events.publish(
        session,
        EventType.PARTNER_CHANGED,
        partner_id,
        author(caller),
        version=version,
        fields=fields,
    )


async def _require_unprotect(session: AsyncSession, caller: Caller, partner: Partner) -> None:
    """Raises ScopeMissing for all but the creator, its custodian, and holders of the scope."""
    own = partner.id == caller.partner_id or partner.created_by == caller.agency_id
    if own or visibility.sees_protected(caller):
        return
    if await queries.custodian_of(session, partner.created_by) != caller.agency_id:
        raise ScopeMissing(Scope.PARTNERS_PROTECTED)


async def _protect_offices(session: AsyncSession, caller: Caller, partner_id: UUID) -> None:
    for office in await queries.protect_offices(session, partner_id, author(caller)):
        await _note_change(
            session, caller, Event.PARTNER_CHANGED, office.id, office.version, ["protected"]
        )


def _sourced(
    partner: Partner, caller: Caller, fields: Iterable[str], today: date
) -> dict[str, Any]:
    source = caller.agency_code if caller.subject == "agency" else "partner"
    said = {"source": source, "on": today.isoformat()}
    return partner.sources | dict.fromkeys(fields, said)


async def confirm(
    session: AsyncSession, caller: Caller, partner_id: UUID, now: datetime
) -> dict[str, Any]:
    """Say that the profile as it stands is right today.

    Raises PartnerNotFound, EditsFrozen or OwnedByPartner.
    """
    await visible_partner(session, caller, partner_id)
    await require_editable(session, caller, partner_id)
    version = await bump(session, caller, partner_id, last_confirmed_at=now)
    fields = ["last_confirmed_at"]
    await _note_change(session, caller, Event.PARTNER_CONFIRMED, partner_id, version, fields)
    return await _written(session, partner_id)


_SOURCED = (*(set(PartnerPatch.model_fields) - {"correction", "valid_from"}), "country", "hq_id")


async def sources(session: AsyncSession, caller: Caller, partner_id: UUID) -> dict[str, Any]:
    """Who gave each field and when: its creator at creation, unless a change says otherwise.

    Raises PartnerNotFound.
    """
    partner = await visible_partner(session, caller, partner_id)
    body = await get_partner(session, caller, partner_id)
    created = {"source": body["created_by"], "on": body["created_at"].date()}
    fields = {
        name: created for name in _SOURCED if getattr(partner, name) not in (None, [])
    } | partner.sources
    return {
        "partner_id": partner.id,
        "version": partner.version,
        "fields": dict(sorted(fields.items())),
    }


async def offices(
    session: AsyncSession, caller: Caller, partner_id: UUID, after: UUID | None, limit: int
) -> list[dict[str, Any]]:
    """Country profiles of a headquarters that the caller may know of, by id; ``limit`` rows.

    Raises PartnerNotFound.
    """
    await visible_partner(session, caller, partner_id)
    values = {
        "id": partner_id,
        "agency": caller.agency_id,
        "holder": visibility.sees_protected(caller),
        "everywhere": not caller.countries,
        "countries": sorted(caller.countries),
    }
    return [wire(row) for row in await queries.list_offices(session, values, after, limit)]
