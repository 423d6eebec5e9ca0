"""Who may read a potential match, and who may decide on it."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies import settings
from app.auth import policy
from app.auth.caller import Caller
from app.auth.policy import Resource
from app.core.clock import utc_now
from app.partners.errors import PartnerMerged, PartnerNotFound
from app.partners.service import visible_partner
from app.partners.visibility import sees_protected
from app.sanctions.matches import queries
from app.sanctions.matches.errors import MatchNotFound

_KIND, _OFFICES = "SCREEN_ADJUDICATION", "SCREEN_PUBLIC_OFFICE"


def may_read(caller: Caller) -> bool:
    """Whether the caller adjudicates, or looks on by its office."""
    return policy.can(caller, "read", Resource(_KIND)).allowed


async def asked_by(
    session: AsyncSession, caller: Caller, today: date | None = None
) -> dict[str, Any]:
    """Who asks, as the queries need it."""
    accepted = await settings.value(
        session, caller.agency_id, settings.ACCEPT_NOT_A_MATCH, today or utc_now().date()
    )
    return {
        "agency": caller.agency_id,
        "protected": sees_protected(caller),
        "countries": sorted(caller.countries),
        "all": accepted == "all",
        "accepted": accepted if isinstance(accepted, list) else [],
    }


async def readable(session: AsyncSession, caller: Caller, match_id: UUID) -> Any:
    """A pair that the caller may read. Raises MatchNotFound."""
    if not may_read(caller):
        raise MatchNotFound
    row = await queries.find_match(session, match_id, await asked_by(session, caller))
    if row is None:
        raise MatchNotFound
    try:
        await visible_partner(session, caller, row.partner_id)
    except (PartnerNotFound, PartnerMerged):
        raise MatchNotFound from None
    return row


async def held(
    session: AsyncSession, caller: Caller, match_id: UUID, *, confirming: bool = False
) -> Any:
    """A pair that the caller may decide on, held until the transaction ends.

    What names a public office is proposed by the sanctions secretariat or the legal office, and
    confirmed by the legal office. Raises PersonRequired, MatchNotFound, or what the role lacks.
    """
    caller.require_person()
    await readable(session, caller, match_id)
    await queries.lock_match(session, match_id)
    row = await readable(session, caller, match_id)
    kind = _OFFICES if row.public_office else _KIND
    act: Any = "create" if row.public_office and not confirming else "approve"
    policy.require_writable(policy.can(caller, act, Resource(kind)))
    return row
