"""Wire shapes of persons: served to their own agency only."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from app.agencies.clients.schemas import Roles, Subject
from app.core.paging import PageQuery
from app.core.schemas import Instant, Line, Schema, Text

PersonStatus = Literal["active", "inactive"]
StaffId = Annotated[
    Text, StringConstraints(min_length=1, max_length=64), Field(examples=["EX-004711"])
]
NAME = Field(examples=["Wanjala Tereki"])
OFFICE = "an office by name; instead of `office_id`"


class PersonIn(Schema):
    """A natural person of the caller's agency who may decide."""

    name: Line = NAME
    office: Line | None = Field(None, description=OFFICE, examples=["Nairobi country office"])
    office_id: UUID | None = None
    role: Line = Field(
        description="the title others read beside a decision", examples=["programme officer"]
    )
    roles: Roles = Field(
        default=[], description="codes of the permission matrix", examples=[["PO"]]
    )
    staff_id: StaffId | None = Field(None, description="the agency's own key: known once")
    issuer_id: UUID | None = Field(None, description="the agency's issuer, with `subject`")
    subject: Subject | None = Field(None, description="who the person is to that issuer")


class PersonPatch(Schema):
    """JSON Merge Patch of a person: what is absent stays, null empties.

    `status` inactive stops the person's clients on their next request.
    """

    name: Line = ""
    office: Line = ""
    office_id: UUID | None = None
    role: Line = ""
    roles: Roles = Field(default=[])
    staff_id: StaffId | None = None
    issuer_id: UUID | None = None
    subject: Subject | None = None
    status: PersonStatus = "active"


class PersonOut(Schema):
    """A person of the caller's agency."""

    id: UUID
    name: str = NAME
    office: str = Field(examples=["Nairobi country office"])
    office_id: UUID | None
    role: str = Field(examples=["programme officer"])
    roles: list[str] = Field(examples=[["PO"]])
    staff_id: str | None
    issuer_id: UUID | None
    subject: str | None
    status: PersonStatus
    version: int
    created_at: Instant


class PersonFilter(PageQuery):
    """Filters of the list of persons."""

    status: PersonStatus | None = None
