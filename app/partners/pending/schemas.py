"""Wire shapes of pending statements."""

from __future__ import annotations

from typing import Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from app.core.paging import PageQuery
from app.core.schemas import Day, Instant, Schema
from app.partners.flags.schemas import FlagIn, Kind


class PendingOut(Schema):
    """A flag or comment that came with a load, seen by its author agency alone."""

    id: UUID
    version: int
    partner_id: UUID
    source: Literal["UNPP"]
    kind: Kind
    category: str | None = Field(examples=["FINANCIAL"])
    said_on: Day | None
    state: Literal["pending", "confirmed", "rejected"]
    loaded_at: Instant
    decided_at: Instant | None
    flag_id: UUID | None = Field(description="flag that was made of it")


class PendingTextOut(PendingOut):
    """The statement with its text. The reading is logged."""

    text: str | None = Field(description="null once retention has erased it")


class PendingFilter(PageQuery):
    """Filters of the list."""

    state: Literal["pending", "confirmed", "rejected"] | None = None


class PendingDecisionIn(Schema):
    """`confirm`: the agency stands by it and makes this flag; `reject`: it does not."""

    decision: Literal["confirm", "reject"] = Field(examples=["reject"])
    flag: FlagIn | None = Field(
        None, description="needed to confirm: the flag as the agency makes it today"
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.decision == "confirm") != (self.flag is not None):
            raise ValueError("a flag goes with confirm, and with it alone")
        return self
