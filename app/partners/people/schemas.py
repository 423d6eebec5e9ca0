"""Wire shapes of people and of what they ask for."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from app.core.paging import PageQuery
from app.core.schemas import Country, Day, Flag, Instant, Line, Paragraph, Schema, Text

Phone = Annotated[
    Text, StringConstraints(min_length=3, max_length=40, pattern=r"^\+?[0-9][0-9 ()./-]{1,38}$")
]
Email = Annotated[
    Text,
    StringConstraints(
        min_length=3, max_length=254, pattern=r"^[^@\s<>\"]{1,64}@[^@\s<>\"]{1,189}$"
    ),
]
NoticeVersion = Annotated[str, Field(pattern=r"^[0-9]{4}\.[0-9]{1,3}$", examples=["2026.1"])]


class PersonRole(StrEnum):
    """What somebody is to the partner."""

    HEAD = "head"
    BOARD_MEMBER = "board_member"
    AUTHORISED_OFFICER = "authorised_officer"
    OTHER = "other"


class PersonBody(Schema):
    """What is sealed: who it is and how to reach them. Nothing more is kept of a person."""

    full_name: Line = Field(examples=["Wanjiru Kamau"])
    native_name: Line | None = Field(None, description="in the person's own script")
    job_title: Line | None = Field(None, examples=["Executive director"])
    phone: Phone | None = Field(None, examples=["+254 700 000000"])
    email: Email | None = Field(None, examples=["director@amani.example"])
    birth_date: Day | None = Field(None, description="only with `needed_for`", examples=[None])
    nationality: Country | None = Field(None, description="only with `needed_for`", examples=[None])
    needed_for: Line | None = Field(
        None,
        description="the list match whose resolution needs date of birth or nationality",
        examples=[None],
    )

    @model_validator(mode="after")
    def _only_where_needed(self) -> Self:
        if (self.birth_date or self.nationality) and not self.needed_for:
            raise ValueError("a date of birth or nationality needs the match that it is for")
        if self.needed_for and not (self.birth_date or self.nationality):
            raise ValueError("needed_for is given with a date of birth or a nationality only")
        return self


class PersonIn(PersonBody):
    """Somebody who leads, governs or acts for the partner."""

    role: PersonRole = Field(examples=["head"])
    authorised: Flag = Field(False, description="may sign for the partner")
    board_member: Flag = False
    valid_from: Day | None = Field(None, description="since when in this role")
    notice_version: NoticeVersion | None = Field(
        None, description="privacy notice that the person was given"
    )
    notice_given_on: Day | None = None

    @model_validator(mode="after")
    def _notice_and_day(self) -> Self:
        if (self.notice_version is None) != (self.notice_given_on is None):
            raise ValueError("the notice's version and its day are given together")
        return self


class PersonPatch(Schema):
    """Merge patch of an entry: what is absent stays, null empties."""

    full_name: Line | None = Field(None, examples=["Wanjiru Kamau"])
    native_name: Line | None = None
    job_title: Line | None = None
    phone: Phone | None = Field(None, examples=["+254 700 000001"])
    email: Email | None = Field(None, examples=["office@amani.example"])
    birth_date: Day | None = Field(None, examples=[None])
    nationality: Country | None = Field(None, examples=[None])
    needed_for: Line | None = Field(None, examples=[None])
    role: PersonRole | None = Field(None, examples=["head"])
    authorised: Flag | None = None
    board_member: Flag | None = None
    valid_from: Day | None = None
    notice_version: NoticeVersion | None = None
    notice_given_on: Day | None = None


class PersonEntry(Schema):
    """An entry without the person: what a change answers."""

    id: UUID
    partner_id: UUID
    version: int
    role: PersonRole
    authorised: bool
    board_member: bool
    valid_from: Day | None = None
    valid_to: Day | None = None
    replaced_by: UUID | None = None
    notice_version: str | None = None
    notice_given_on: Day | None = None
    added_by: str | None = Field(description="agency; null: the partner", examples=["UNICEF"])
    created_at: Instant
    updated_at: Instant
    erased_at: Instant | None = None


class PersonDetails(Schema):
    """The person of an entry."""

    full_name: str = Field(examples=["Wanjiru Kamau"])
    native_name: str | None = None
    job_title: str | None = None
    phone: str | None = None
    email: str | None = None
    birth_date: Day | None = None
    nationality: str | None = None
    needed_for: str | None = None


class PersonOut(PersonEntry):
    """An entry and the person; ``person`` is null once it was erased."""

    person: PersonDetails | None


class PeopleFilter(PageQuery):
    """Filters of the list."""

    role: PersonRole | None = None
    ended: bool = Field(False, description="show those who no longer stand for the partner too")


class PersonEnd(Schema):
    """Somebody no longer stands for the partner."""

    valid_to: Day = Field(examples=["2026-03-01"])
    replaced_by: UUID | None = Field(None, description="the entry of who came after")


class NoticeOut(Schema):
    """The text that people named in a profile are given."""

    version: str = Field(examples=["2026.1"])
    effective_from: Day
    language: str = Field(examples=["en"])
    text: str = Field(examples=["You are named in the partner registry because …"])
    source: str
    confirmed: bool


# ----------------------------------------------------------------------------------- requests


class RequestKind(StrEnum):
    """What a person may ask for."""

    ACCESS = "access"
    CORRECTION = "correction"
    ERASURE = "erasure"


class PersonRequestIn(Schema):
    """A named person's request, as it came in."""

    kind: RequestKind = Field(examples=["access"])
    received_on: Day = Field(examples=["2026-03-01"])
    through: Literal["partner", "agency", "person"] = Field(
        "agency", description="by whom it came: the partner, an agency, the person directly"
    )
    text: Paragraph = Field(examples=["Please send me what is kept about me."])


class PersonDecisionIn(Schema):
    """The answer, with its reasons."""

    decision: Literal["granted", "refused", "partly"]
    reason: Paragraph = Field(examples=["The entry was shown to the person on 3 March 2026."])


class PersonRequestOut(Schema):
    """A request without its texts."""

    id: UUID
    partner_id: UUID
    person_id: UUID
    version: int
    kind: RequestKind
    through: str = Field(examples=["agency"])
    received_on: Day
    due_on: Day
    rules: str = Field(description="version of the rules it falls under", examples=["2026.1"])
    overdue: bool
    state: Literal["open", "decided"]
    decision: Literal["granted", "refused", "partly"] | None = None
    owner_agency: str = Field(description="agency that answers", examples=["UNICEF"])
    filed_by: str | None = Field(description="agency; null: the partner", examples=["WFP"])
    decided_at: Instant | None = None
    created_at: Instant


class PersonRequestDetail(PersonRequestOut):
    """A request with its texts, for the agency that answers and the one that filed it."""

    text: str = Field(examples=["Please send me what is kept about me."])
    reason: str | None = None


class RequestFilter(PageQuery):
    """Filters of the own requests."""

    state: Literal["open", "decided"] | None = None
    overdue: bool = Field(False, description="only open ones past their day")
