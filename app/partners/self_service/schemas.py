"""Wire shapes of the partner's own routes."""

from __future__ import annotations

from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import Field

from app.core.paging import PageQuery
from app.core.schemas import Flag, Instant, Paragraph, Schema
from app.partners.claims.schemas import Administrator
from app.partners.objections.contested import ContestedOut

StatementKind = Literal["flag", "verification", "assessment", "sanction_entry"]


class Administrators(Schema):
    """Who acts for the own organisation."""

    items: list[Administrator]


class IdentifierQuery(PageQuery):
    """Filters of the own identifiers."""

    ended: bool = Field(False, description="show those that have ended too")


class DeactivationAsk(Schema):
    """Why the partner leaves."""

    reason_code: Literal["closing", "merging", "no_longer_partner", "other"] = "no_longer_partner"


class DeactivationAsked(Schema):
    """What was asked, and what an agency decided."""

    id: UUID
    partner_id: UUID
    reason_code: str = Field(examples=["closing"])
    asked_at: Instant
    state: Literal["open", "approved", "refused"]
    decided_by: str | None = Field(description="agency", examples=["UNICEF"])
    decided_at: Instant | None


class StatementOut(Schema):
    """What an agency states about the partner."""

    kind: StatementKind
    id: UUID
    partner_id: UUID = Field(description="the profile that it was made about")
    agency: str = Field(examples=["UNICEF"])
    type: str | None = Field(description="category, measure or kind of assessment")
    result: str | None = Field(description="result, rating or state")
    stated_at: Instant
    dated: date | None = Field(description="the day it was decided or done")
    until: date | None
    contested: ContestedOut | None
    comment_until: date = Field(description="last day for a comment")
    comments: int = Field(description="comments made so far")
    may_object: Flag


class CommentIn(Schema):
    """The partner's words beside a statement."""

    text: Paragraph = Field(examples=["The audit of 2025 had not been published at that time."])


class CommentOut(Schema):
    """A comment, as the partner and the readers of the statement see it."""

    id: UUID
    subject_kind: StatementKind
    subject_id: UUID
    made_at: Instant
    text: str


class CommentQuery(PageQuery):
    """Which statement's comments."""

    subject_kind: StatementKind
    subject_id: UUID
