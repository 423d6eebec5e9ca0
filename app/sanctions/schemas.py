"""Wire shapes of cases, entries and sources."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, Field

from app.core.paging import PageQuery
from app.core.schemas import Day, Flag, Instant, Line, Paragraph, Schema, Text
from app.partners.objections.contested import ContestedOut
from app.sanctions.codes import CODES


def _measure(value: str) -> str:
    if value not in CODES.measures.codes:
        raise ValueError("is not a measure of the code list")
    return value


def _practice(value: str) -> str:
    if value not in CODES.practices.codes:
        raise ValueError("is not a practice of the code list")
    return value


MeasureCode = Annotated[
    Text,
    AfterValidator(_measure),
    Field(json_schema_extra={"enum": sorted(CODES.measures.codes)}, examples=["DEBARMENT_FIXED"]),
]
PracticeCode = Annotated[
    Text,
    AfterValidator(_practice),
    Field(json_schema_extra={"enum": sorted(CODES.practices.codes)}, examples=["FRAUDULENT"]),
]
CaseState = Literal["DRAFT", "NOTICE_ISSUED", "REPLY_RECORDED", "UNDER_REVIEW", "IMPOSED"]
EntryStatus = Literal["ACTIVE", "EXPIRED", "LIFTED"]


class FindingIn(Schema):
    """The finding of the agency's own investigation office; a reference, never the story."""

    reference: Line = Field(examples=["OAI-2026-114"])
    on: Day = Field(examples=["2026-04-02"])


class CaseIn(Schema):
    """Opens a case."""

    partner_id: UUID
    practices: Annotated[list[PracticeCode], Field(min_length=1, max_length=13)]
    finding: FindingIn


class NoticeIn(Schema):
    """The notice to the partner."""

    sent_on: Day = Field(examples=["2026-05-04"])
    summary: Paragraph = Field(examples=["Notice of intent to debar, with the grounds."])


class ReplyIn(Schema):
    """The partner's reply, or its waiver; either ends the reply period."""

    received_on: Day = Field(examples=["2026-05-20"])
    text: Paragraph = Field(examples=["The partner disputes the second invoice."])
    waiver: Flag = False


class ReviewIn(Schema):
    """What the reviewer recommends."""

    recommendation: Literal["impose", "do_not_impose"] = Field(examples=["impose"])
    note: Paragraph = Field(examples=["Evidence reviewed; measure proportionate."])


class DecisionIn(Schema):
    """The reasoned decision."""

    measure: MeasureCode
    effective_from: Day = Field(examples=["2026-06-15"])
    effective_to: Day | None = Field(None, examples=["2028-06-14"])
    reason: Paragraph = Field(examples=["Forged invoices; decided after reply and review."])


class LiftIn(Schema):
    """Ends a measure early."""

    reason: Paragraph = Field(examples=["Appeal granted."])


class StepOut(Schema):
    """What was written at one step."""

    id: UUID
    kind: Literal["finding", "notice", "reply", "review", "decision", "lift"]
    at: Instant
    content: dict[str, Any] = Field(description="as it was sent; empty when redacted")
    redacted: bool = False


class CaseOut(Schema):
    """A case, for the agency that runs it and nobody else."""

    id: UUID
    version: int
    state: CaseState
    partner_id: UUID
    practices: list[str]
    finding_on: date
    notice_sent_on: date | None = None
    reply_due_on: date | None = None
    reply_received_on: date | None = None
    reviewed_on: date | None = None
    recommendation: str | None = None
    decided_on: date | None = None
    opened_at: Instant


class CaseDetailOut(CaseOut):
    """A case with what was written at its steps."""

    steps: list[StepOut]


class Effect(Schema):
    """What the measure does."""

    eligible: bool
    text: str


class EntryOut(Schema):
    """A measure on the shared list."""

    entry_id: UUID
    seq: int | None = Field(description="number in the feed; null for up to two seconds")
    version: int
    partner_id: UUID
    imposing_agency: str = Field(examples=["UNDP"])
    measure: str = Field(examples=["DEBARMENT_FIXED"])
    blocking: bool
    effect: Effect
    practices: list[str]
    decided_on: date
    effective_from: date
    effective_to: date | None
    status: EntryStatus
    ended_on: date | None = None
    procedure: Literal["full", "recorded"]
    contested: ContestedOut | None = Field(
        description="the partner's objection to it; not in the feed, whose entries are signed"
    )
    owner_withdrawn: bool = Field(
        False, description="the imposing agency has left the registry; the measure stays"
    )
    custodian: str | None = Field(
        None, description="agency or office that answers for it then", examples=["UNICEF"]
    )


class EntryFilter(PageQuery):
    """Filters of the list of measures."""

    partner_id: UUID | None = None
    status: EntryStatus | None = None


class SourceOut(Schema):
    """An external list: what we hold and how fresh it is."""

    code: str = Field(examples=["unsc"])
    title: str
    publisher: str
    licence: str
    required: bool = Field(description="without it, or when it is stale, nothing reads as no hit")
    version: int | None
    digest: str | None = Field(description="SHA-256 of the imported file")
    counts: dict[str, int] = Field(examples=[{"persons": 730, "organisations": 273}])
    published_at: Instant | None
    last_success: Instant | None = Field(description="last successful check, not the publishing")
    max_staleness_s: int
    stale: bool


class SourcesOut(Schema):
    """All sources."""

    items: list[SourceOut]
