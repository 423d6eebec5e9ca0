"""Wire shapes of shares with a group."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import Field

from app.assessments.sharing_schemas import (
    Legal,
    Roles,
    ShareLevel,
    SharingPolicyOut,
    StandingTerms,
)
from app.assessments.types import TypeCode
from app.assessments.types.base import AgencyCode
from app.audit.purposes import AccessPurpose
from app.core.schemas import Instant, Schema

GroupCode = Annotated[
    str, Field(strict=True, pattern=r"^[A-Z_]{1,40}$", examples=["HACT_AGENCIES"])
]


class GroupShareIn(StandingTerms):
    """A standing share with every agency of a group that is in the registry now."""

    shared_with_group: GroupCode


class DefaultsIn(Legal):
    """The usual policies of a type with a group."""

    type: TypeCode
    group: GroupCode
    valid_until: Instant | None = Field(
        None, description="default: until they are ended", examples=["2027-12-31T23:59:59Z"]
    )


class MemberIn(Schema):
    """An agency of the group that is to have what the others have."""

    agency: AgencyCode


class GroupShareOut(Schema):
    """What was given to a group at once: one policy for each of its agencies and purposes."""

    group_id: UUID = Field(description="ends all of them: `DELETE …/groups/{group_id}`")
    group: str = Field(examples=["HACT_AGENCIES"])
    group_version: str = Field(examples=["2026.1"])
    policies: list[SharingPolicyOut]


class GivenToGroup(Schema):
    """Live policies of the own agency that were given to a group together, of one purpose."""

    group_id: UUID
    group_version: str = Field(
        description="of the group when it was given, without who was added later",
        examples=["2026.1"],
    )
    level: ShareLevel
    purpose: AccessPurpose
    type: str | None
    country: str | None = Field(examples=["KEN"])
    partner_id: UUID | None
    roles: Roles
    covered: list[str] = Field(
        description="members that have such a policy, given with the group or for them alone",
        examples=[["UNDP", "WFP"]],
    )
    not_covered: list[str] = Field(
        description="members of the registry that have none: joined later, or theirs was ended",
        examples=[["UNFPA"]],
    )


class GroupOut(Schema):
    """A group of agencies, and what the own agency shares with it."""

    code: GroupCode
    title: str
    version: str = Field(examples=["2026.1"])
    effective_from: date
    source: str
    confirmed: bool = Field(description="false: stated from memory, not yet checked at the source")
    members: list[str] = Field(
        description="as the source names them", examples=[["UNDP", "UNFPA", "UNICEF", "WFP"]]
    )
    in_registry: list[str] = Field(
        description="of them active in the registry", examples=[["UNDP", "UNICEF", "WFP"]]
    )
    given: list[GivenToGroup]


class GroupsOut(Schema):
    """All groups; the list is short and has no pages."""

    items: list[GroupOut]
