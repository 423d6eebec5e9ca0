"""Reading transfer restrictions: by whom, for what, and who has."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies import service as agencies
from app.audit import queries as log
from app.audit.events import Event
from app.audit.exceptions.errors import ContentRedacted
from app.audit.purposes import OWN_RECORD
from app.auth import policy
from app.auth.caller import Caller
from app.auth.errors import RoleLacksRight
from app.core.crypto import KeyRing
from app.partners.purpose import stated_purpose
from app.partners.service import visible_partner
from app.partners.visibility import sees_protected
from app.sanctions.transfer_restrictions import errors, queries, service
from app.sanctions.transfer_restrictions.schemas import RestrictionFilter

COORDINATOR = "RCO"
_READS = (Event.TRANSFER_RESTRICTION_READ,)


@dataclass(frozen=True, slots=True)
class Reading:
    """Why a restriction is read; nothing, for the own agency's."""

    purpose: str | None = None
    reference: str | None = None


def coordinated(caller: Caller) -> list[str] | None:
    """Countries of an office of the resident coordinator, none named: all; else nothing."""
    return sorted(caller.countries) if COORDINATOR in caller.roles else None


def stated(caller: Caller, filters: RestrictionFilter, headers: Sequence[str]) -> Reading:
    """Why a list is read. Raises PurposeRequired where it may hold those of other agencies.

    It asks before it looks: a list that asked only when there is something would tell.
    """
    if filters.mine or not policy.has_right(caller, "read", service.KIND):
        return Reading()
    said = stated_purpose(headers)
    return Reading(said.purpose, said.reference)


async def list_restrictions(
    session: AsyncSession, caller: Caller, filters: RestrictionFilter, after: queries.After
) -> list[Any]:
    """One row more than a page of those that the caller may read, newest first.

    Raises PartnerNotFound or PartnerMerged for a partner that the caller may not know of.
    """
    if filters.partner_id is not None:
        await visible_partner(session, caller, filters.partner_id)
    if not policy.has_right(caller, "read", service.KIND):
        return []
    if not policy.reaches(caller, "RESTRICTED"):
        return []
    wanted: dict[str, Any] = filters.model_dump(exclude={"limit", "cursor"})
    wanted["countries"] = sorted(caller.countries) or None
    found = await queries.list_all(
        session,
        wanted,
        after,
        filters.limit + 1,
        coordinated(caller),
        holder=sees_protected(caller),
    )
    return list(found)


async def disclose(
    session: AsyncSession, caller: Caller, rows: Sequence[Any], why: Reading
) -> list[dict[str, Any]]:
    """Rows as RestrictionOut needs them; each reading is in the log before it leaves."""
    for row in rows:
        await _log(session, caller, row, why, "facts")
    return [service.wire(row) for row in rows]


async def _log(session: AsyncSession, caller: Caller, row: Any, why: Reading, part: str) -> None:
    own = row.owner_id == caller.agency_id
    await service.log(
        session,
        caller,
        Event.TRANSFER_RESTRICTION_READ,
        row,
        purpose=OWN_RECORD if own else why.purpose,
        reference=None if own else why.reference,
        basis="owner" if own else "role",
        part=part,
    )


async def _readable(session: AsyncSession, caller: Caller, restriction_id: UUID) -> Any:
    holder = sees_protected(caller)
    row = await queries.read(session, restriction_id, coordinated(caller), holder=holder)
    if row is None:
        raise errors.RestrictionNotFound
    decision = policy.can(caller, "read", service.resource(row))
    policy.require_readable(decision, errors.RestrictionNotFound)
    return row


async def read(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    restriction_id: UUID,
    headers: Sequence[str],
) -> dict[str, Any]:
    """One with its statement; the reading is logged.

    Raises RestrictionNotFound, then PurposeRequired for another agency's, or ContentRedacted.
    """
    row = await _readable(session, caller, restriction_id)
    why = Reading()
    if row.owner_id != caller.agency_id:
        said = stated_purpose(headers)
        why = Reading(said.purpose, said.reference)
    if row.redacted:
        raise ContentRedacted
    await _log(session, caller, row, why, "statement")
    plain = await keys.open(session, service.context(row.id, row.owner_id), row.sealed)
    return service.wire(row) | {"statement": json.loads(plain)}


async def disclosures(
    session: AsyncSession, caller: Caller, restriction_id: UUID, after: UUID | None, limit: int
) -> list[dict[str, Any]]:
    """Who read the caller's own restriction, newest first; names are for oversight roles only.

    Raises RestrictionNotFound for anyone but the owner, RoleLacksRight for its roles that do not
    read the log.
    """
    row = await _readable(session, caller, restriction_id)
    if row.owner_id != caller.agency_id:
        raise errors.RestrictionNotFound
    if not policy.has_right(caller, "read", "AUDITLOG"):
        raise RoleLacksRight
    reads = await log.events_on(session, _READS, restriction_id, caller.agency_id, after, limit)
    codes = await agencies.codes_by_id(session)
    return [
        {
            "id": one.id,
            "agency": codes[one.agency_id],
            "office": one.office,
            "role": one.role,
            "person": one.person if caller.oversight else None,
            "purpose": one.purpose,
            "reference": one.reference,
            "basis": one.basis,
            "version": one.detail.get("version"),
            "at": one.at,
        }
        for one in reads
    ]
