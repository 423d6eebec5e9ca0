"""Standing shares: the owner shares every record that fits, those to come included.

The access list is written by the database, in the transaction of the policy for records that
exist (`start_sharing_policy`) and in the transaction of each record after that (a trigger).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies import service as agencies
from app.assessments import access, queries
from app.assessments.errors import (
    SharedWithSelf,
    SharePeriodInvalid,
    SharingPoliciesFull,
    SharingPolicyExists,
    SharingPolicyNotFound,
)
from app.assessments.models import AssessmentAcl, SharingPolicy
from app.assessments.sharing_schemas import SharingPolicyFilter, SharingPolicyIn, StandingTerms
from app.assessments.terms import Basis, opened, seal_note
from app.audit import service as audit
from app.audit.events import Event
from app.auth import policy
from app.auth.caller import Caller
from app.auth.errors import CountryOutsideScope, LevelAboveClient, RoleLacksRight
from app.auth.roles import check_roles
from app.core.crypto import KeyRing
from app.core.ids import new_id
from app.events import service as events
from app.events.catalogue import EventType
from app.partners import service as partners

MOST = 500
"""Live policies an agency may have: each is looked at with every record it files."""
_LONG = text("SELECT set_config('statement_timeout', '50s', true)")
_HOLD = text("SELECT hold_sharing_policies(:agency), now() AS now")
_START = text("SELECT start_sharing_policy(:id)")


async def give(
    session: AsyncSession, keyring: KeyRing, caller: Caller, new: SharingPolicyIn
) -> dict[str, Any]:
    """Make a policy; it takes effect, on all that fits, with the transaction.

    Raises PersonRequired, RoleLacksRight, LevelAboveClient, CountryOutsideScope, RoleUnknown,
    PartnerNotFound, AgencyUnknown, SharedWithSelf, SharePeriodInvalid, SharingPolicyExists or
    SharingPoliciesFull.
    """
    await check(session, caller, new)
    recipient = await agencies.recipient(session, new.shared_with)
    if recipient.id == caller.agency_id:
        raise SharedWithSelf
    period = await hold(session, caller, new, 1)
    policy_id = await store(session, keyring, caller, new, recipient.id, period)
    return await get(session, keyring, policy_id)


async def check(session: AsyncSession, caller: Caller, new: StandingTerms) -> None:
    """Whether the caller may give such policies.

    Raises PersonRequired, RoleLacksRight, LevelAboveClient, RoleUnknown, CountryOutsideScope or
    PartnerNotFound.
    """
    caller.require_person()
    _may(caller, new.type)
    if new.level == "detail" and not policy.reaches(caller, "RESTRICTED"):
        raise LevelAboveClient
    check_roles(new.roles)
    await _within_scope(session, caller, new)


async def store(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    new: StandingTerms,
    shared_with: UUID,
    period: tuple[datetime, datetime | None],
) -> UUID:
    """Store a policy that was checked, within what `hold` holds, and apply it to what is there.

    Raises SharingPolicyExists.
    """
    policy_id = new_id()
    note = await seal_note(
        session, keyring, "sharing_policies", policy_id, caller.agency_id, new.note
    )
    given = await session.execute(
        insert(SharingPolicy)
        .values(
            id=policy_id,
            owner_agency=caller.agency_id,
            shared_with=shared_with,
            everything=new.all,
            roles=sorted(set(new.roles)),
            valid_from=period[0],
            valid_until=period[1],
            created_by_person=caller.require_person().id,
            created_by_client=caller.client_id,
            sealed_note=note,
            **new.model_dump(include={"level", "purpose", "type", "country", "partner_id"}),
            **Basis.of(new).columns,
        )
        .on_conflict_do_nothing()
        .returning(SharingPolicy.id)
    )
    if given.scalar_one_or_none() is None:
        raise SharingPolicyExists
    await session.execute(_LONG)
    records = await session.scalar(_START, {"id": policy_id})
    about = {"shared_with": str(shared_with), "level": new.level, "purpose": new.purpose.value}
    more = {"records": records, "legal_basis": new.legal_basis}
    await _record(session, caller, Event.SHARING_POLICY_GIVEN, policy_id, about | more)
    await events.publish(
        session, EventType.SHARING_POLICY_GIVEN, policy_id, caller.agency_id, **about
    )
    return policy_id


def _may(caller: Caller, type_code: str | None) -> None:
    kinds = access.detail_kinds(type_code)
    if not all(policy.has_right(caller, "share", kind) for kind in kinds):
        raise RoleLacksRight


async def _within_scope(session: AsyncSession, caller: Caller, new: StandingTerms) -> None:
    if new.partner_id is not None:
        await partners.get_partner(session, caller, new.partner_id)
    elif not policy.within(caller, new.country):
        raise CountryOutsideScope


async def lock(session: AsyncSession, caller: Caller) -> datetime:
    """Keep whoever makes or ends policies of the agency, or changes its records, waiting; now."""
    now: datetime = (await session.execute(_HOLD, {"agency": caller.agency_id})).one().now
    return now


async def hold(
    session: AsyncSession, caller: Caller, new: StandingTerms, count: int
) -> tuple[datetime, datetime | None]:
    """Keep other policies and records of the agency waiting; the period by the database's clock.

    Raises SharePeriodInvalid, or SharingPoliciesFull where there is no room for ``count`` more.
    """
    now = await lock(session, caller)
    start = new.valid_from or now
    if new.valid_until is not None and (new.valid_until <= start or new.valid_until <= now):
        raise SharePeriodInvalid
    mine = (SharingPolicy.owner_agency == caller.agency_id, SharingPolicy.active)
    # What has run out makes room; its entries in the access list no longer count.
    await session.execute(
        update(SharingPolicy)
        .where(*mine, SharingPolicy.valid_until <= now)
        .values(active=False)
        .execution_options(synchronize_session=False)
    )
    live = await session.scalar(select(func.count()).select_from(SharingPolicy).where(*mine))
    if (live or 0) + count > MOST:
        raise SharingPoliciesFull
    return start, new.valid_until


async def get(session: AsyncSession, keyring: KeyRing, policy_id: UUID) -> dict[str, Any]:
    """A policy the caller's agency gave or got. Raises SharingPolicyNotFound."""
    found = await queries.read_policy(session, policy_id)
    if found is None:
        raise SharingPolicyNotFound
    return await wire(session, keyring, found)


async def wire(session: AsyncSession, keyring: KeyRing, row: Row[Any]) -> dict[str, Any]:
    """A row of `queries.read_policy` as SharingPolicyOut needs it."""
    return await opened(session, keyring, "sharing_policies", row)


async def list_policies(
    session: AsyncSession, filters: SharingPolicyFilter, after: UUID | None
) -> list[Any]:
    """One row more than a page of policies given and got, newest first."""
    wanted = filters.model_dump(exclude={"limit", "cursor", "direction"}) | {"after": after}
    return list(await queries.list_policies(session, filters.direction, wanted, filters.limit + 1))


async def end(session: AsyncSession, caller: Caller, policy_id: UUID) -> None:
    """End a policy; every record it shared is hidden from the next request on.

    Raises PersonRequired, RoleLacksRight, or SharingPolicyNotFound when the caller gave no such
    policy or it has ended.
    """
    person = caller.require_person()
    await lock(session, caller)
    ended = await session.execute(
        update(SharingPolicy)
        .where(
            SharingPolicy.id == policy_id,
            SharingPolicy.owner_agency == caller.agency_id,
            SharingPolicy.ended_at.is_(None),
        )
        .values(active=False, ended_at=func.now(), ended_by=person.id)
        .execution_options(synchronize_session=False)
        .returning(SharingPolicy.shared_with, SharingPolicy.purpose, SharingPolicy.type)
    )
    row = ended.one_or_none()
    if row is None:
        raise SharingPolicyNotFound
    _may(caller, row.type)
    await session.execute(_LONG)
    await session.execute(
        delete(AssessmentAcl)
        .where(AssessmentAcl.share_id == policy_id)
        .execution_options(synchronize_session=False)
    )
    about = {"shared_with": str(row.shared_with), "purpose": row.purpose}
    await _record(session, caller, Event.SHARING_POLICY_ENDED, policy_id, about)
    await events.publish(
        session, EventType.SHARING_POLICY_ENDED, policy_id, caller.agency_id, **about
    )


async def _record(
    session: AsyncSession, caller: Caller, event: Event, policy_id: UUID, about: dict[str, Any]
) -> None:
    detail = {name: value for name, value in about.items() if name != "purpose"}
    subject = audit.Subject(policy_id, owner_agency=caller.agency_id)
    await audit.record(session, caller, event, subject, purpose=about["purpose"], **detail)
