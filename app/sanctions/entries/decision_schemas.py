"""Wire shapes of what is decided about a measure once it stands."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from app.core.schemas import Instant, Line, Paragraph, Schema, Text
from app.sanctions.entries.status import EntryStatus


class ReleaseIn(Schema):
    """Asks for the release of a measure whose conditions are met."""

    reason: Paragraph = Field(examples=["All conditions verified; programme in place."])


Cause = Literal["void", "error", "duplicate"]


class AnnulIn(Schema):
    """Asks for the annulment of a measure: as if it had never been."""

    reason: Paragraph = Field(examples=["Imposed on the wrong partner."])
    cause: Cause = Field(
        "void",
        description="`void`: the decision was set aside; `error`: it was recorded by mistake, or "
        "of the wrong party; `duplicate`: it is recorded twice",
    )
    duplicate_of: UUID | None = Field(
        None, description="of a `duplicate`, the measure that stands; else left out"
    )

    @model_validator(mode="after")
    def _named(self) -> Self:
        if (self.cause == "duplicate") != (self.duplicate_of is not None):
            raise ValueError("A duplicate names the measure that stands, and nothing else does.")
        return self


class EntryActDecisionIn(Schema):
    """The second person's decision."""

    decision: Literal["approve", "reject"] = Field(examples=["approve"])
    reason: Paragraph = Field(examples=["Evidence checked."])


class EntryActOut(Schema):
    """A release or an annulment: asked for by one person, decided on by another."""

    id: UUID
    entry_id: UUID
    kind: Literal["release", "annul"]
    cause: Cause = Field(description="of an annulment; `void` of a release")
    duplicate_of: UUID | None
    state: Literal["proposed", "approved", "rejected"]
    version: int
    proposed_by: UUID
    proposed_at: Instant
    decided_by: UUID | None
    decided_at: Instant | None
    entry_status: EntryStatus
    entry_version: int


class EntryActDetailOut(EntryActOut):
    """With its reasons, for the agency that answers for the measure."""

    reason: str | None
    decision_reason: str | None
    redacted: bool = Field(False, description="a reason is hidden, or destroyed")


class EntryActsOut(Schema):
    """Releases and annulments that were asked for, oldest first."""

    items: list[EntryActDetailOut]


class VerificationIn(Schema):
    """Whether a condition was met, as a person of the agency found."""

    state: Literal["met", "waived", "breached"] = Field(examples=["met"])
    note: Paragraph = Field(examples=["Report of the monitor of 3 March, accepted."])


class RecognitionIn(Schema):
    """What the calling agency decides about another agency's measure."""

    decision: Literal["recognise", "not_recognise"] = Field(examples=["recognise"])
    reason: Annotated[Text, StringConstraints(min_length=1, max_length=1_000)] = Field(
        description="read by every agency beside the measure",
        examples=["Decided under the same standard of proof; we apply it to our agreements."],
    )
    policy: Line | None = Field(
        None,
        description="the policy it was decided under",
        examples=["Partner sanctions policy 2024, 3.2"],
    )
