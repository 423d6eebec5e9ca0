"""One agency more, or less, in a share that was given to a group. Never commits.

Whoever makes or ends policies of the agency takes turns (`standing.lock`), and looks only then:
of an addition and an end at once the second finds what the first has left.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies import service as agencies
from app.assessments import standing
from app.assessments.errors import SharedWithSelf, SharingPolicyExists
from app.assessments.groups import service
from app.assessments.groups.data import GROUPS
from app.assessments.groups.errors import AgencyNotInGroup, GroupShareNotFound
from app.assessments.sharing_schemas import StandingTerms
from app.audit.purposes import AccessPurpose
from app.auth.caller import Caller
from app.core.crypto import KeyRing

# One live policy for each set of terms that was given with the group.
_TERMS = text(
    """SELECT DISTINCT ON (s.level, s.purpose, s.type, s.country, s.partner_id, s.roles)
      s.id, m.code
    FROM sharing_policy_groups m JOIN sharing_policies s ON s.id = m.policy_id
    WHERE m.group_id = :group AND m.owner_agency = (SELECT app_agency()) AND s.active
      AND (s.valid_until IS NULL OR s.valid_until > now())
    ORDER BY s.level, s.purpose, s.type, s.country, s.partner_id, s.roles, s.id"""
)
_MEMBER = text(
    """SELECT s.id FROM sharing_policy_groups m JOIN sharing_policies s ON s.id = m.policy_id
    JOIN agencies w ON w.id = s.shared_with
    WHERE m.group_id = :group AND m.owner_agency = (SELECT app_agency()) AND w.code = :agency
      AND s.ended_at IS NULL
    ORDER BY s.id"""
)


async def add(
    session: AsyncSession, keyring: KeyRing, caller: Caller, group_id: UUID, code: str
) -> dict[str, Any]:
    """Give an agency of the group what the others have of a live share with it.

    What it has already, given to it alone, stays as it is. Raises PersonRequired,
    GroupShareNotFound, AgencyUnknown, SharedWithSelf, AgencyNotInGroup, SharingPolicyExists where
    it has all of it, and what `standing.give` raises.
    """
    caller.require_person()
    await standing.lock(session, caller)
    rows = (await session.execute(_TERMS, {"group": group_id})).all()
    if not rows:
        raise GroupShareNotFound
    group = rows[0].code
    recipient = await agencies.recipient(session, code)
    if recipient.id == caller.agency_id:
        raise SharedWithSelf
    if group not in GROUPS.groups or code not in GROUPS.groups[group].members:
        raise AgencyNotInGroup
    terms = [_as_given(await standing.get(session, keyring, row.id)) for row in rows]
    for one in terms:
        await standing.check(session, caller, one)
    made = []
    for one in terms:
        period = await standing.hold(session, caller, one, 1)
        try:
            made.append(await standing.store(session, keyring, caller, one, recipient.id, period))
        except SharingPolicyExists:
            continue
    if not made:
        raise SharingPolicyExists
    for policy_id in made:
        await service.note_group(session, caller, policy_id, group_id, group)
    return await service.given(session, keyring, group_id, group, made)


def _as_given(shown: dict[str, Any]) -> StandingTerms:
    """The terms of a policy as it is shown; they were checked when it was given."""
    names = StandingTerms.model_fields.keys() & shown.keys()
    values = {name: shown[name] for name in names}
    if shown["status"] != "scheduled":
        values["valid_from"] = None
    return StandingTerms.model_construct(**values | {"purpose": AccessPurpose(shown["purpose"])})


async def remove(session: AsyncSession, caller: Caller, group_id: UUID, code: str) -> None:
    """End what one agency was given with the group; a policy given to it alone stays.

    Raises PersonRequired, RoleLacksRight, or GroupShareNotFound when it has none of that share.
    """
    caller.require_person()
    await standing.lock(session, caller)
    found = await session.scalars(_MEMBER, {"group": group_id, "agency": code})
    policies = list(found)
    if not policies:
        raise GroupShareNotFound
    for policy_id in policies:
        await standing.end(session, caller, policy_id)
