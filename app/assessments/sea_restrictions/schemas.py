"""Wire shapes of SEA restriction markers: no field takes a text of more than one short line."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from app.agencies.schemas import Email
from app.assessments.types.base import AgencyCode
from app.core.paging import PageQuery
from app.core.schemas import Day, Instant, Schema, Text

OfficeName = Annotated[
    Text,
    StringConstraints(min_length=1, max_length=80, pattern=r"^[^\n\t]+$", strip_whitespace=True),
]


class SeaRestrictionIn(Schema):
    """That a restriction is in force, and whom to ask. Nothing else is taken."""

    partner_id: UUID
    contact_office: OfficeName = Field(examples=["Office of internal audit and investigations"])
    contact_email: Email
    review_by: Day | None = Field(
        None, description="default, and at the latest: in six months", examples=["2027-03-01"]
    )


class ReviewIn(Schema):
    """An oversight office looked at it, and it stays in force."""

    review_by: Day | None = Field(
        None, description="default, and at the latest: in six months", examples=["2027-09-01"]
    )


class SeaRestrictionOut(Schema):
    """A restriction in force. What it is about, its contact office says; the registry does not
    know."""

    id: UUID
    partner_id: UUID = Field(description="profile it was set on")
    inherited_from: UUID | None = Field(
        None,
        description="asked by a country profile: the headquarters profile it was set on; it is not "
        "a restriction on the country profile by itself",
    )
    owner_agency: str = Field(examples=["UNICEF"])
    owner_withdrawn: bool = Field(
        False, description="the owner has left the registry; its statement stays under retention"
    )
    custodian: str | None = Field(
        None, description="agency or office that answers for it then", examples=["UNDP"]
    )
    contact_office: str = Field(examples=["Office of internal audit and investigations"])
    contact_email: str
    review_by: date
    review_overdue: bool = Field(description="it stays in force")
    in_force: bool = Field(description="false once it is lifted; then its owner alone sees it")
    set_at: Instant
    reviewed_at: Instant | None
    lifted_at: Instant | None
    version: int


class SeaRestrictionFilter(PageQuery):
    """Filters of the list."""

    partner_id: UUID | None = Field(None, description="and its headquarters, shown as such")
    owner_agency: AgencyCode | None = None
    mine: Literal["true"] | None = Field(
        None, description="the own agency's only, lifted ones included; needs no Access-Purpose"
    )
    review_overdue: Literal["true"] | None = None
