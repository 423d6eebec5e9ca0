"""Use cases of partner profiles. Works inside the caller's transaction and never commits."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import delete, insert, update
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
from app.core.names import DEFAULT_THRESHOLD, fold, score
from app.events import service as events
from app.events.catalogue import EventType
from app.partners import queries, visibility
from app.partners.errors import HeadquartersUnknown, IdentifierTaken, PartnerNotFound, PatchEmpty
from app.partners.identifiers import IdentifierScheme
from app.partners.models import Partner, PartnerIdentifier, PartnerName
from app.partners.schemas import Candidate, IdentifierIn, MatchIn, PartnerIn, PartnerPatch

_UNIQUE_IDENTIFIER = "uq_partner_identifiers_scheme_value_country_agency_id"
_MATCH_FLOOR = DEFAULT_THRESHOLD - 0.15
_COUNTRY_BONUS = 0.03


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


async def visible_partner(session: AsyncSession, caller: Caller, partner_id: UUID) -> Partner:
    """The profile, if the caller may know of it. Raises PartnerNotFound."""
    partner = await queries.find_partner(session, partner_id)
    if partner is None or not policy.within(caller, partner.country):
        raise PartnerNotFound
    if not await visibility.may_see(session, caller, partner):
        raise PartnerNotFound
    return partner


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
    await _write_names(session, partner)
    subject = audit.Subject(partner.id, partner_id=partner.id)
    await audit.record(session, caller, Event.PARTNER_CREATED, subject, version=1)
    await events.publish(
        session, EventType.PARTNER_CREATED, partner.id, caller.agency_id, version=1
    )
    return await get_partner(session, caller, partner.id)


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
    await _write_names(session, partner)
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


async def _write_names(session: AsyncSession, partner: Partner) -> None:
    named = [
        ("legal_name", partner.legal_name),
        ("legal_name_native", partner.legal_name_native),
        ("acronym", partner.acronym),
        *(("alias", name) for name in partner.aliases or ()),
        *(("former_name", name) for name in partner.former_names or ()),
    ]
    await session.execute(delete(PartnerName).where(PartnerName.partner_id == partner.id))
    rows = [
        {"partner_id": partner.id, "position": n, "kind": kind, "name": name, "folded": fold(name)}
        for n, (kind, name) in enumerate(named)
        if name
    ]
    await session.execute(insert(PartnerName), rows)


async def match(session: AsyncSession, caller: Caller, wanted: MatchIn) -> list[Candidate]:
    """Profiles of the caller's countries that may be the one named, best first. Stores nothing."""
    found: dict[UUID, Candidate] = {}
    for item in wanted.identifiers:
        holder = await _holder(session, caller, item)
        profile = await _within(session, caller, holder)
        if holder is not None and profile is not None:
            found[holder] = Candidate(
                partner_id=holder,
                score=1.0,
                matched_on=["identifier"],
                **{key: profile[key] for key in ("registry_number", "legal_name", "country")},
            )
    rows = await queries.candidates(session, fold(wanted.legal_name))
    mine = [row for row in rows if policy.within(caller, row.country)]
    for candidate in rank(mine, wanted.legal_name, wanted.country):
        found.setdefault(candidate.partner_id, candidate)
    best = sorted(found.values(), key=lambda item: (-item.score, str(item.partner_id)))
    return best[: wanted.limit]


async def _within(
    session: AsyncSession, caller: Caller, partner_id: UUID | None
) -> dict[str, Any] | None:
    try:
        return None if partner_id is None else await get_partner(session, caller, partner_id)
    except PartnerNotFound:
        return None


def rank(rows: Iterable[Any], name: str, country: str | None) -> list[Candidate]:
    """Rows of `queries.CANDIDATES` scored against a name, one candidate a partner, best first."""
    found: dict[UUID, Candidate] = {}
    for row in rows:
        nearness, _ = score(name, row.name, "organisation")
        same_country = country is not None and country == row.country
        total = round(min(1.0, nearness + (_COUNTRY_BONUS if same_country else 0.0)), 4)
        known = found.get(row.partner_id)
        if nearness < _MATCH_FLOOR or (known is not None and known.score >= total):
            continue
        found[row.partner_id] = Candidate(
            partner_id=row.partner_id,
            registry_number=registry_number(row.number),
            legal_name=row.legal_name,
            country=row.country,
            score=total,
            matched_on=[row.kind, *(["country"] if same_country else [])],
        )
    return sorted(found.values(), key=lambda item: (-item.score, str(item.partner_id)))
