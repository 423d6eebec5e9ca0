"""Wire shapes of declarations."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints, field_validator

from app.core.clock import utc_now
from app.core.codelists import Coded
from app.core.paging import PageQuery
from app.core.schemas import Day, Flag, Instant, Line, Schema

FormVersion = Annotated[
    str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z.]{0,19}$"), Field(examples=["2026.1"])
]


class Answer(Schema):
    """An answer to one statement; no is an answer, too."""

    statement: Annotated[str, Coded("declaration_statements")]
    answer: Flag


class DeclarationIn(Schema):
    """A signed declaration."""

    form_version: FormVersion = Field(description="version of `declaration_statements`")
    answers: list[Answer] = Field(min_length=1, max_length=20)
    signed_by: Line = Field(description="name of who signed; RESTRICTED", examples=["Amina Otieno"])
    signed_by_title: Line = Field(examples=["Executive director"])
    signed_on: Day

    @field_validator("signed_on")
    @classmethod
    def _past(cls, value: date) -> date:
        if value > utc_now().date():
            raise ValueError("must not lie in the future")
        return value


class AnswerOut(Schema):
    """An answer to one statement."""

    statement: str = Field(examples=["NON_DISCRIMINATION"])
    answer: bool


class DeclarationOut(Schema):
    """A declaration. ``accepted``: every answer is yes. The newest signed one counts."""

    id: UUID
    partner_id: UUID
    inherited_from: UUID | None = Field(
        None, description="the headquarters whose declaration it is"
    )
    form_version: FormVersion
    answers: list[AnswerOut]
    accepted: bool
    signed_on: date
    recorded_by: str | None = Field(
        None, description="agency; null: the partner itself", examples=["UNICEF"]
    )
    recorded_at: Instant


class DeclarationFilter(PageQuery):
    """Page of declarations."""


class SignatureOut(Schema):
    """Who signed a declaration."""

    declaration_id: UUID
    signed_by: str = Field(examples=["Amina Otieno"])
    signed_by_title: str = Field(examples=["Executive director"])
    signed_on: date
