"""Wire shapes of redactions, legal holds and withholdings."""

from __future__ import annotations

from datetime import date
from typing import Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from app.core.paging import PageQuery
from app.core.schemas import Day, Instant, Paragraph, Schema

HeldKind = Literal["assessment", "sanction_case", "case_step", "partner"]
WithheldKind = Literal["read_log", "statement", "flag", "case_step", "match_facts"]
RedactedKind = Literal[
    "assessment",
    "case_step",
    "plan_action",
    "plan_step",
    "share",
    "access_request",
    "transfer_restriction",
    "match_decision",
    "case_individual",
    "entry_act",
    "entry_condition",
    "entry_lift",
    "entry_recognition",
    "match_question",
]
"""What can be redacted: a detail, a step of a case, an action or a note of a capacity plan, the
note of a share, texts of a request, the statement of a transfer restriction, reasons of a decision
on a potential match, facts that a partner was asked for, the facts of an individual in a case; of a
measure the reasons of an act, of a lift and of a recognition, and the note beside a condition."""


class RedactionIn(Schema):
    """Hides content at once; a second person decides within 72 hours."""

    reason: Paragraph = Field(examples=["The comment names a survivor."])
    scope: Literal["detail"] = "detail"


class RedactionDecisionIn(Schema):
    """`confirm` destroys the content for good, `undo` brings it back as it was."""

    decision: Literal["confirm", "undo"] = Field(examples=["confirm"])
    reason: Paragraph = Field(examples=["Checked with the data-protection officer."])


class ReaderOut(Schema):
    """One reading of the content since it was entered."""

    agency: str | None = Field(examples=["WFP"])
    office: str | None = Field(examples=["Nairobi country office"])
    role: str | None = Field(examples=["contracting officer"])
    purpose: str | None = Field(examples=["PARTNER_SELECTION"])
    at: Instant


class RedactionOut(Schema):
    """A redaction; for the owner agency only. It stays as the tombstone of what was destroyed."""

    id: UUID
    subject_kind: RedactedKind
    subject_id: UUID
    record_id: UUID = Field(description="the record that the subject is part of, or the subject")
    partner_id: UUID | None = Field(description="null for a measure that names a person")
    state: Literal["hidden", "confirmed", "undone"]
    overdue: bool = Field(description="no decision within 72 hours; the content stays hidden")
    reason: str
    requested_by: UUID = Field(description="person")
    requested_at: Instant
    decide_by: Instant
    decided_by: UUID | None = Field(description="person; never the one who asked")
    decided_at: Instant | None
    decision_reason: str | None
    version: int


class RedactionDetailOut(RedactionOut):
    """A redaction with who has read the content."""

    readers: list[ReaderOut] = Field(description="of a detail or step: newest first, the last 200")


class RedactionFilter(PageQuery):
    """Filters of the list of redactions."""

    state: Literal["hidden", "confirmed", "undone", "overdue"] | None = None


class HoldIn(Schema):
    """Stops every destruction of a record until it is released."""

    subject_kind: HeldKind = Field(examples=["partner"])
    subject_id: UUID
    reason: Paragraph = Field(examples=["Litigation announced; keep all that concerns it."])
    review_on: Day = Field(examples=["2027-03-01"])


class HoldRenewalIn(Schema):
    """The hold was reviewed and stays."""

    review_on: Day = Field(examples=["2027-09-01"])


class HoldReleaseIn(Schema):
    """Why the hold ends."""

    reason: Paragraph = Field(examples=["The claim was settled."])


class HoldOut(Schema):
    """A legal hold of the own agency."""

    id: UUID
    subject_kind: HeldKind
    subject_id: UUID
    reason: str
    review_on: date
    overdue: bool = Field(description="the review date has passed; the hold stays in force")
    set_by: UUID = Field(description="person")
    set_at: Instant
    renewed_by: UUID | None
    renewed_at: Instant | None
    released_by: UUID | None = Field(description="person; never the one who set it")
    released_at: Instant | None
    release_reason: str | None
    version: int


class HoldFilter(PageQuery):
    """Filters of the list of legal holds."""

    state: Literal["in_force", "overdue", "released"] | None = None
    subject_id: UUID | None = None


class WithholdingIn(Schema):
    """What to keep back, from whom follows from the kind, and until when."""

    subject_kind: WithheldKind = Field(
        description="read_log: reads of the own oversight, from the owner's oversight, and all "
        "that the own agency did there, from the partner's view of the log; the others: an own "
        "statement, flag, step of a case or question of facts, from the partner",
        examples=["read_log"],
    )
    subject_id: UUID | None = Field(
        None,
        description="the record; or `partner_id`, for a read_log",
        examples=["018f6f1e-0000-7000-8000-000000000001"],
    )
    partner_id: UUID | None = None
    until: Instant = Field(description="at most 184 days ahead", examples=["2026-12-31T23:59:59Z"])
    reason: Paragraph = Field(examples=["Investigation under way."])

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.subject_id is None) == (self.partner_id is None):
            raise ValueError("give exactly one of subject_id and partner_id")
        if self.partner_id is not None and self.subject_kind != "read_log":
            raise ValueError("partner_id goes with read_log only")
        return self


class WithholdingRenewalIn(Schema):
    """A further period, from now."""

    until: Instant = Field(description="at most 184 days ahead", examples=["2027-03-31T23:59:59Z"])


class WithholdingOut(Schema):
    """A withholding; for the own agency's oversight roles only."""

    id: UUID
    subject_kind: WithheldKind
    subject_id: UUID | None
    partner_id: UUID | None
    since: Instant
    until: Instant
    in_force: bool
    reason: str
    set_by: UUID = Field(description="person")
    set_at: Instant
    renewed_by: UUID | None = Field(description="person; never the one who set it")
    ended_by: UUID | None
    ended_at: Instant | None
    version: int


class WithholdingFilter(PageQuery):
    """Filters of the list of withholdings."""

    in_force: Literal["true", "false"] | None = None
