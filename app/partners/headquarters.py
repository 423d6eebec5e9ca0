"""What the type of a partner asks, and headquarters and their country profiles.

The database keeps the tree whole (trigger `keep_headquarters`, one country profile a country); its
refusals become errors by `explained`. Rules of the types are data, so Python checks those.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies import settings
from app.auth import policy
from app.auth.caller import Caller
from app.core import explain
from app.core.errors import ServiceError
from app.partners import queries, visibility
from app.partners.errors import (
    CountryProfileExists,
    CountryProfileRefused,
    CountryProfilesHang,
    EditsFrozen,
    HeadquartersProtected,
    HeadquartersUnknown,
    MeasureInForce,
    OwnedByPartner,
    RedFlagInForce,
    SameCountryUnjustified,
    TagNotAllowed,
    TagNotOwn,
    TypeDiffers,
    TypeNotListed,
)
from app.partners.models import Partner
from app.partners.types import rule_of

HEADQUARTERS_RULES: dict[str, type[ServiceError]] = {
    "ck_partners_control_disputed": EditsFrozen,
    "ck_partners_owned_by_partner": OwnedByPartner,
    "ck_partners_headquarters": HeadquartersUnknown,
    "fk_partners_hq_id_partners": HeadquartersUnknown,
    "ck_partners_type_of_headquarters": TypeDiffers,
    "ck_partners_same_country": SameCountryUnjustified,
    "ck_partners_same_country_reason": CountryProfileRefused,
    "ck_partners_protected_above": HeadquartersProtected,
    "ck_partners_type_with_offices": CountryProfilesHang,
    "ck_partners_red_flag": RedFlagInForce,
    "ck_partners_measure": MeasureInForce,
    "ck_partners_tag_not_own": TagNotOwn,
    "uq_partners_hq_id_country": CountryProfileExists,
}


explained = partial(explain.explained, refusals=HEADQUARTERS_RULES)
"""A savepoint in which the database's refusal becomes the error that says what it means."""


async def check_type(
    session: AsyncSession, caller: Caller, partner_type: str, tags: Iterable[str], today: date
) -> None:
    """Raises TypeNotListed or TagNotAllowed where a profile of this type cannot be."""
    rule = rule_of(partner_type)
    if not set(tags) <= set(rule.tags):
        raise TagNotAllowed
    if rule.needs_listing:
        listed = await settings.value(
            session, caller.agency_id, settings.ELIGIBLE_PARTNER_TYPES, today
        )
        if partner_type not in listed:
            raise TypeNotListed


async def headquarters_of_new(
    session: AsyncSession, caller: Caller, hq_id: UUID, partner_type: str, country: str
) -> Partner:
    """The headquarters of a profile to be made below it.

    Raises HeadquartersUnknown, also for one that the caller may not know of,
    CountryProfileRefused, or CountryProfileExists with the id of the one there is.
    """
    found = await queries.find_partner(session, hq_id)
    if (
        found is None
        or found.hq_id is not None
        or not policy.within(caller, found.country)
        or not await visibility.may_see(session, caller, found)
    ):
        raise HeadquartersUnknown
    if not rule_of(partner_type).country_profiles:
        raise CountryProfileRefused
    there = await queries.office_in(session, hq_id, country)
    if there is not None:
        # Asked first only to be able to name it; the index decides the race.
        row = await queries.read_partner(
            session, there, caller.agency_id, visibility.sees_protected(caller)
        )
        raise CountryProfileExists(extra={"partner_id": str(there)} if row else None)
    return found


async def hold_tree(session: AsyncSession, partner: Partner, fields: dict[str, Any]) -> None:
    """Lock what the rules of the tree compare, headquarters first, so that writers take turns."""
    if not fields.keys() & {"protected", "partner_type", "same_country_reason"}:
        return
    if partner.hq_id is not None:
        await queries.lock_partner(session, partner.hq_id, share=True)
    else:
        await queries.lock_partner(session, partner.id)
