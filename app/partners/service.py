"""Use cases of partner profiles. Works inside the caller's transaction and never commits."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import insert, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.auth import policy
from app.auth.caller import Caller
from app.auth.errors import CountryOutsideScope
from app.core.errors import violated_constraint
from app.core.http import PreconditionFailed
from app.core.ids import new_id, registry_number
from app.events import service as events
from app.events.catalogue import EventType
from app.partners import queries
from app.partners.errors import HeadquartersUnknown, IdentifierTaken, PartnerNotFound, PatchEmpty
from app.partners.identifiers import IdentifierScheme
from app.partners.matching import names
from app.partners.matching.duplicates import check_new
from app.partners.models import Partner, PartnerIdentifier
from app.partners.schemas import IdentifierIn, PartnerIn, PartnerPatch

_UNIQUE_IDENTIFIER = "uq_partner_identifiers_scheme_value_country_agency_id"


_KEYS = (
    *("id", "registry_number", "version", "status", "legal_name", "legal_name_native", "acronym"),
    *("aliases", "former_names", "partner_type", "tags", "country", "country_of_origin", "hq_id"),
    *("year_established", "website", "identifiers", "created_by", "created_at", "updated_at"),
)


def wire(columns: Iterable[Any]) -> dict[str, Any]:
    """The values of `queries.COLUMNS`, in their order, as PartnerOut needs them."""
    body = dict(zip(_KEYS, columns, strict=True))
    body["registry_number"] = registry_number(body["registry_number"])
    body["identifiers"] = json.loads(body["identifiers"])
    return body


async def create_partner(session: AsyncSession, caller: Caller, new: PartnerIn) -> dict[str, Any]:
    """Create a draft profile on behalf of the partner.

    Raises CountryOutsideScope, IdentifierTaken (with the other profile's id) or
    HeadquartersUnknown; then nothing is stored.
    """
    if not policy.within(caller, new.country):
        raise CountryOutsideScope
    if new.hq_id is not None:
        headquarters = await queries.find_partner(session, new.hq_id)
        if headquarters is None or headquarters.hq_id is not None:
            raise HeadquartersUnknown
    values = new.model_dump(exclude={"identifiers"})
    partner = Partner(id=new_id(), created_by=caller.agency_id, **values)
    await _insert_with_identifiers(session, caller, partner, values, new.identifiers)
    await names.write(session, partner)
    subject = audit.Subject(partner.id, partner_id=partner.id)
    await audit.record(session, caller, Event.PARTNER_CREATED, subject, version=1)
    await events.publish(
        session, EventType.PARTNER_CREATED, partner.id, caller.agency_id, version=1
    )
    created = await get_partner(session, caller, partner.id)
    return created | await check_new(session, caller, partner)


async def _insert_with_identifiers(
    session: AsyncSession,
    caller: Caller,
    partner: Partner,
    values: dict[str, Any],
    identifiers: list[IdentifierIn],
) -> None:
    for item in identifiers:
        # Asked first only to be able to name the other profile; the index decides the race.
        taken = await _holder(session, caller, item)
        if taken is not None:
            raise IdentifierTaken(taken)
    # Not by the unit of work: it would also name the columns that only triggers may write.
    fixed = {"id": partner.id, "created_by": caller.agency_id}
    await session.execute(insert(Partner).values(fixed | values).inline())
    try:
        async with session.begin_nested():
            session.add_all(
                PartnerIdentifier(
                    id=new_id(),
                    partner_id=partner.id,
                    scheme=item.scheme.value,
                    value=item.value,
                    country=item.country,
                    agency_id=_vendor_agency(caller, item.scheme),
                    created_by=caller.agency_id,
                )
                for item in identifiers
            )
    except IntegrityError as error:
        if violated_constraint(error) != _UNIQUE_IDENTIFIER:
            raise
        for item in identifiers:
            holder = await _holder(session, caller, item)
            if holder is not None:
                raise IdentifierTaken(holder) from error
        raise IdentifierTaken from error


def _vendor_agency(caller: Caller, scheme: IdentifierScheme) -> UUID | None:
    return caller.agency_id if scheme is IdentifierScheme.AGENCY_VENDOR else None


async def _holder(session: AsyncSession, caller: Caller, item: IdentifierIn) -> UUID | None:
    return await queries.find_by_identifier(
        session, item.scheme.value, item.value, item.country, _vendor_agency(caller, item.scheme)
    )


async def get_partner(session: AsyncSession, caller: Caller, partner_id: UUID) -> dict[str, Any]:
    """The profile as it is served. Raises PartnerNotFound, also outside the caller's countries."""
    row = await queries.read_partner(session, partner_id)
    if row is None or not policy.within(caller, row.country):
        raise PartnerNotFound
    return wire(row)


async def resolve(session: AsyncSession, caller: Caller, item: IdentifierIn) -> dict[str, Any]:
    """The profile that carries this identifier. Raises PartnerNotFound."""
    holder = await _holder(session, caller, item)
    if holder is None:
        raise PartnerNotFound
    return await get_partner(session, caller, holder)


async def change_partner(
    session: AsyncSession, caller: Caller, partner_id: UUID, version: int, patch: PartnerPatch
) -> dict[str, Any]:
    """Apply a merge patch to version ``version``.

    Raises PartnerNotFound, PatchEmpty, or PreconditionFailed when another write came first.
    """
    partner = await queries.find_partner(session, partner_id)
    if partner is None or not policy.within(caller, partner.country):
        raise PartnerNotFound
    fields = patch.model_dump(exclude_unset=True)
    if not fields:
        raise PatchEmpty
    changed = await session.execute(
        update(Partner)
        .where(Partner.id == partner_id, Partner.version == version)
        .values(**fields, version=version + 1, updated_by=caller.agency_id)
        .execution_options(synchronize_session=False)
        .returning(Partner.id)
    )
    if changed.first() is None:
        raise PreconditionFailed
    await session.refresh(partner)
    if not names.NAMED.isdisjoint(fields):
        await names.write(session, partner)
        await names.queue(session, [partner.id])
    subject = audit.Subject(partner.id, partner_id=partner.id)
    await audit.record(
        session, caller, Event.PARTNER_CHANGED, subject, version=version + 1, fields=sorted(fields)
    )
    await events.publish(
        session,
        EventType.PARTNER_CHANGED,
        partner.id,
        caller.agency_id,
        version=version + 1,
        fields=sorted(fields),
    )
    return await get_partner(session, caller, partner_id)
