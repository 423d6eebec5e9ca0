"""Wire shapes of merges."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from app.core.paging import PageQuery
from app.core.schemas import Code, Instant, Paragraph, Schema

MergeState = Literal["proposed", "merged", "rejected", "withdrawn", "undone"]
UndoState = Literal["proposed", "rejected", "approved"]
StepKind = Literal[
    "proposed", "approved", "rejected", "withdrawn", "undo_proposed", "undo_approved",
    "undo_rejected",
]  # fmt: skip


class EvidenceIn(Schema):
    """What says that the two are one: codes of what agrees, and documents of the profiles."""

    matched_on: list[Code] = Field(
        default=[], max_length=20, examples=[["legal_name", "identifier", "address"]]
    )
    document_ids: list[UUID] = Field(default=[], max_length=20)


class MergeIn(Schema):
    """Proposes that the profile of the path is the same partner as another, which stays."""

    into: UUID = Field(description="the profile that stands for both afterwards")
    reason: Paragraph = Field(
        description="read by every agency",
        examples=["Same registration certificate; the second profile was made by mistake."],
    )
    evidence: EvidenceIn = EvidenceIn()


class MergeDecisionIn(Schema):
    """`approve` merges at once, `reject` leaves both profiles as they are."""

    decision: Literal["approve", "reject"] = Field(examples=["approve"])
    reason: Paragraph = Field(examples=["Certificate compared with the original."])


class MergeReasonIn(Schema):
    """Why."""

    reason: Paragraph = Field(examples=["The two certificates belong to different bodies."])


class EvidenceOut(Schema):
    """What was said to agree."""

    matched_on: list[str]
    document_ids: list[UUID]


class MergeStepOut(Schema):
    """What somebody did about it, and why."""

    kind: StepKind
    agency: str = Field(examples=["UNICEF"])
    office: str | None = Field(examples=["HQ"])
    role: str | None = Field(examples=["partnership specialist"])
    reason: str
    at: Instant


class MergeSummaryOut(Schema):
    """A merge in a list."""

    id: UUID
    version: int
    state: MergeState
    loser_id: UUID = Field(description="the profile that is merged")
    survivor_id: UUID = Field(description="the profile it is merged into")
    evidence: EvidenceOut
    proposed_at: Instant
    decided_at: Instant | None
    undo: UndoState | None = Field(description="where the latest wish to undo it stands")


class MergeOut(MergeSummaryOut):
    """A merge with all its steps, oldest first."""

    steps: list[MergeStepOut]


class MergeFilter(PageQuery):
    """Filters of the list of merges."""

    partner_id: Annotated[UUID | None, Field(description="merges of this profile or into it")] = (
        None
    )
    state: MergeState | None = None
