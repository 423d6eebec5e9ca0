"""Reading fraud cases: the own agency's, what is shared with it, and what all may know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies import service as agencies
from app.audit import queries as log
from app.audit.errors import PurposeNotShared, PurposeRequired
from app.audit.events import Event
from app.audit.purposes import OWN_RECORD
from app.auth import policy
from app.auth.caller import Caller
from app.auth.errors import RoleLacksRight
from app.partners.errors import PartnerNotFound
from app.partners.purpose import stated_purpose
from app.partners.service import visible_partner
from app.partners.visibility import sees_protected
from app.sanctions.fraud_cases import access, errors, queries, service
from app.sanctions.fraud_cases.schemas import FraudCaseFilter, FraudSummaryFilter

_SUMMARY = "FRAUD_SUMMARY"
_READS = (Event.FRAUD_CASE_READ,)


async def list_own(
    session: AsyncSession, caller: Caller, filters: FraudCaseFilter, after: queries.After
) -> list[Any]:
    """One row more than a page of the own agency's cases, newest first.

    Raises PartnerNotFound or PartnerMerged for a partner that the caller may not know of.
    """
    if filters.partner_id is not None:
        await visible_partner(session, caller, filters.partner_id)
    if not policy.has_right(caller, "read", access.KIND):
        return []
    if not policy.reaches(caller, "AGENCY_ONLY"):
        return []
    wanted: dict[str, Any] = filters.model_dump(exclude={"limit", "cursor"})
    wanted["countries"] = sorted(caller.countries) or None
    return list(await queries.list_own(session, wanted, after, filters.limit + 1))


async def read(
    session: AsyncSession, caller: Caller, case_id: UUID, headers: Sequence[str]
) -> dict[str, Any]:
    """A case with what belongs to it; the reading is logged.

    Raises FraudCaseNotFound, then PurposeRequired or PurposeNotShared for another agency's.
    """
    row = await queries.read(session, case_id, holder=sees_protected(caller))
    if row is None:
        raise errors.FraudCaseNotFound
    if row.owner_id == caller.agency_id:
        policy.require_readable(
            policy.can(caller, "read", access.resource(row)), errors.FraudCaseNotFound
        )
        await access.log(
            session, caller, Event.FRAUD_CASE_READ, row, purpose=OWN_RECORD, basis="owner"
        )
        return service.wire(row) | await queries.parts(session, case_id)
    return await _shared(session, caller, row, headers)


async def _shared(
    session: AsyncSession, caller: Caller, row: Any, headers: Sequence[str]
) -> dict[str, Any]:
    shares = [
        policy.Share(one.id, one.purpose)
        for one in await queries.shares_of(session, row.id)
        if one.shared_with_id == caller.agency_id
    ]
    what = access.resource(row, shares)
    policy.require_readable(policy.can(caller, "read", what), errors.FraudCaseNotFound)
    said = stated_purpose(headers)
    decision = policy.can(caller, "read", what, said.purpose)
    if "purpose_missing" in decision.reasons:
        raise PurposeRequired
    if decision.share is None:
        raise PurposeNotShared
    await access.log(
        session,
        caller,
        Event.FRAUD_CASE_READ,
        row,
        purpose=said.purpose,
        reference=said.reference,
        basis="share",
        share_id=str(decision.share.id),
    )
    # The sanction case is the owner's file, as are who acted and what was booked.
    alone: dict[str, Any] = {"sanction_case_id": None, "acts": [], "amounts": [], "history": []}
    return service.wire(row) | alone


async def list_published(
    session: AsyncSession, caller: Caller, filters: FraudSummaryFilter, after: queries.After
) -> list[Any]:
    """One row more than a page of summaries that owners have published, newest first.

    Raises PartnerNotFound or PartnerMerged.
    """
    if filters.partner_id is not None:
        partner = await visible_partner(session, caller, filters.partner_id)
        about = policy.Resource(_SUMMARY, None, "INTER_AGENCY", partner.country)
        policy.require_readable(policy.can(caller, "summary", about), PartnerNotFound)
    if not policy.has_right(caller, "summary", _SUMMARY):
        return []
    wanted: dict[str, Any] = filters.model_dump(exclude={"limit", "cursor"})
    wanted["countries"] = sorted(caller.countries) or None
    holder = sees_protected(caller)
    found = await queries.published(session, wanted, after, filters.limit + 1, holder=holder)
    return list(found)


async def disclosures(
    session: AsyncSession, caller: Caller, case_id: UUID, after: UUID | None, limit: int
) -> list[dict[str, Any]]:
    """Who read the caller's own case, newest first; names are for oversight roles only.

    Raises FraudCaseNotFound for anyone but the owner, RoleLacksRight for its roles that do not
    read the log.
    """
    row = await queries.read(session, case_id, holder=sees_protected(caller))
    if row is None or row.owner_id != caller.agency_id:
        raise errors.FraudCaseNotFound
    decision = policy.can(caller, "read", access.resource(row))
    policy.require_readable(decision, errors.FraudCaseNotFound)
    if not policy.has_right(caller, "read", "AUDITLOG"):
        raise RoleLacksRight
    reads = await log.events_on(session, _READS, case_id, caller.agency_id, after, limit)
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
