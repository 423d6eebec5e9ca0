"""Standing shares with all agencies of a group: given and ended together. Never commits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies import service as agencies
from app.assessments import standing
from app.assessments.groups.data import GROUPS, Group
from app.assessments.groups.errors import (
    GroupEmpty,
    GroupShareNotFound,
    GroupUnknown,
    NoDefaultPolicies,
)
from app.assessments.groups.models import SharingPolicyGroup
from app.assessments.groups.schemas import DefaultsIn, GroupShareIn
from app.assessments.models import SharingPolicy
from app.assessments.sharing_schemas import StandingTerms
from app.auth.caller import Caller
from app.core.crypto import KeyRing
from app.core.ids import new_id

# Of each share with a group that is live: its terms, and every agency with a live policy of the
# same terms, whether it was given with the group or alone.
_GIVEN = text(
    """SELECT m.group_id, m.code, min(m.version) AS group_version, s.level, s.purpose, s.type,
      s.country, s.partner_id, s.roles, array_agg(DISTINCT w.code ORDER BY w.code) AS covered
    FROM sharing_policy_groups m JOIN sharing_policies s ON s.id = m.policy_id
    JOIN sharing_policies o ON o.owner_agency = s.owner_agency AND o.active
      AND (o.level, o.purpose, o.roles) = (s.level, s.purpose, s.roles)
      AND (o.type, o.country, o.partner_id) IS NOT DISTINCT FROM (s.type, s.country, s.partner_id)
      AND (o.valid_until IS NULL OR o.valid_until > now())
    JOIN agencies w ON w.id = o.shared_with
    WHERE m.owner_agency = (SELECT app_agency()) AND s.active
      AND (s.valid_until IS NULL OR s.valid_until > now())
    GROUP BY 1, 2, 4, 5, 6, 7, 8, 9 ORDER BY m.group_id DESC, s.purpose"""
)


async def give(
    session: AsyncSession, keyring: KeyRing, caller: Caller, new: GroupShareIn
) -> dict[str, Any]:
    """One policy for each other agency of the group in the registry; all of them, or none.

    Raises GroupUnknown, GroupEmpty, and what `standing.give` raises for one agency.
    """
    if new.shared_with_group not in GROUPS.groups:
        raise GroupUnknown
    return await _give_all(session, keyring, caller, new.shared_with_group, [new])


async def give_defaults(
    session: AsyncSession, keyring: KeyRing, caller: Caller, new: DefaultsIn
) -> dict[str, Any]:
    """The usual policies of a type with a group, as one share with it.

    Raises NoDefaultPolicies, and what `give` raises.
    """
    if new.group not in GROUPS.groups:
        raise GroupUnknown
    usual = GROUPS.usual(new.type, new.group)
    if usual is None:
        raise NoDefaultPolicies
    common = new.model_dump(exclude={"group"}) | {"level": usual.level}
    terms = [StandingTerms(**common, purpose=purpose) for purpose in usual.purposes]
    return await _give_all(session, keyring, caller, new.group, terms)


async def _give_all(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    code: str,
    terms: Sequence[StandingTerms],
) -> dict[str, Any]:
    for one in terms:
        await standing.check(session, caller, one)
    active = await agencies.active_by_code(session)
    members = [active[member] for member in GROUPS.groups[code].members if member in active]
    recipients = [member for member in members if member != caller.agency_id]
    if not recipients:
        raise GroupEmpty
    group_id, made = new_id(), []
    period = await standing.hold(session, caller, terms[0], len(recipients) * len(terms))
    for one in terms:
        for recipient in recipients:
            policy_id = await standing.store(session, keyring, caller, one, recipient, period)
            await note_group(session, caller, policy_id, group_id, code)
            made.append(policy_id)
    return await given(session, keyring, group_id, code, made)


async def note_group(
    session: AsyncSession, caller: Caller, policy_id: UUID, group_id: UUID, code: str
) -> None:
    """Store that a policy was given with a group, as the group is now."""
    await session.execute(
        insert(SharingPolicyGroup)
        .values(
            policy_id=policy_id,
            owner_agency=caller.agency_id,
            group_id=group_id,
            code=code,
            version=GROUPS.version,
        )
        .inline()
    )


async def given(
    session: AsyncSession, keyring: KeyRing, group_id: UUID, code: str, made: Sequence[UUID]
) -> dict[str, Any]:
    """What was given now, as GroupShareOut needs it."""
    return {
        "group_id": group_id,
        "group": code,
        "group_version": GROUPS.version,
        "policies": [await standing.get(session, keyring, one) for one in made],
    }


async def end(session: AsyncSession, caller: Caller, group_id: UUID) -> None:
    """End every live policy that was given with the group then; one given alone stays.

    Raises PersonRequired, RoleLacksRight, or GroupShareNotFound when the caller gave none such or
    all have ended.
    """
    caller.require_person()
    await standing.lock(session, caller)
    live = await session.scalars(
        select(SharingPolicy.id)
        .join(SharingPolicyGroup, SharingPolicyGroup.policy_id == SharingPolicy.id)
        .where(SharingPolicyGroup.group_id == group_id, SharingPolicy.ended_at.is_(None))
        .order_by(SharingPolicy.id)
    )
    policies = list(live)
    if not policies:
        raise GroupShareNotFound
    for policy_id in policies:
        await standing.end(session, caller, policy_id)


async def list_groups(session: AsyncSession, caller: Caller) -> list[dict[str, Any]]:
    """Every group, who of it is in the registry, and what the caller's agency shares with it."""
    active = await agencies.active_by_code(session)
    given = (await session.execute(_GIVEN)).all()
    return [
        _wire(code, group, active, caller, [row for row in given if row.code == code])
        for code, group in sorted(GROUPS.groups.items())
    ]


def _wire(
    code: str, group: Group, active: dict[str, UUID], caller: Caller, given: Sequence[Any]
) -> dict[str, Any]:
    here = [member for member in group.members if member in active]
    return {
        "code": code,
        "version": GROUPS.version,
        "in_registry": here,
        **group.model_dump(),
        "given": [_given(row, sorted(set(here) - {caller.agency_code})) for row in given],
    }


def _given(row: Any, others: Sequence[str]) -> dict[str, Any]:
    shown = {name: value for name, value in row._mapping.items() if name != "code"}
    covered = [member for member in others if member in row.covered]
    return shown | {
        "covered": covered,
        "not_covered": [member for member in others if member not in covered],
    }
