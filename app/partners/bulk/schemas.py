"""Wire shapes of bulk loads."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from app.core.errors import FieldError
from app.core.paging import PageQuery
from app.core.schemas import Instant, Schema, Text
from app.partners.schemas import PartnerIn

Key = Annotated[Text, StringConstraints(min_length=1, max_length=200)]
Format = Literal["ndjson", "csv", "xlsx", "unpp"]
Status = Literal["created", "updated", "unchanged", "conflict", "invalid"]


class PartnerLine(PartnerIn):
    """One line: a partner as an agency knows it, by the agency's own key.

    Sent again with other contents it changes the profile: fields that the line names, as far as
    the agency gave them; what it leaves out stays, and identifiers are added, never ended.
    """

    key: Key = Field(
        description="the agency's own, for this partner and no other", examples=["WFP-KE-000173"]
    )
    hq_key: Key | None = Field(
        None, description="own key of the headquarters, in place of `hq_id`; its line comes first"
    )

    @model_validator(mode="after")
    def _one_headquarters(self) -> Self:
        if self.hq_key is not None and self.hq_id is not None:
            raise ValueError("give hq_id or hq_key")
        if self.hq_key == self.key:
            raise ValueError("a profile is not its own headquarters")
        return self

    def _below_another(self) -> bool:
        return self.hq_id is not None or self.hq_key is not None


class LineError(FieldError):
    """What is wrong with a line, or stands against it."""

    partner_id: UUID | None = Field(None, description="the other profile, where there is one")
    contact_registry: bool | None = Field(
        None, description="there is another profile, which the caller may not know of"
    )


class LineResult(Schema):
    """What became of a line."""

    line: int = Field(description="its number in the body, from 1", examples=[1])
    key: str | None = Field(examples=["WFP-KE-000173"])
    status: Status
    partner_id: UUID | None = None
    registry_number: str | None = None
    version: int | None = None
    kept: list[str] = Field(
        default=[], description="fields left as they are, because somebody else gave them"
    )
    errors: list[LineError] = Field(default=[])


class LoadQuery(Schema):
    """How to take a stream."""

    load_id: UUID | None = Field(None, description="continue this load; a new one if left out")
    dry_run: bool = Field(False, description="say what would become of each line; store nothing")


class LoadOut(Schema):
    """A load and how far it is."""

    id: UUID
    format: Format
    state: Literal["running", "finished", "undone"]
    client_id: str
    started_at: Instant
    moved_at: Instant = Field(description="when its last chunk was stored")
    finished_at: Instant | None
    lines: int
    created: int
    updated: int
    unchanged: int
    conflicts: int
    invalid: int
    undone: int = Field(description="profiles that its undoing has ended")


class LoadFilter(PageQuery):
    """Page of the loads."""
