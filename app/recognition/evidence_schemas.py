"""Wire shapes of what stands beside a clearance: its status, and that it can be computed again."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field

from app.core.schemas import Instant, Schema
from app.recognition.rules import Outcome
from app.recognition.schemas import Reason


class Cause(Schema):
    """Why a status changed: a code that came or went, and who says so."""

    code: str = Field(examples=["SANCTIONED_OTHER_AGENCY"])
    source: str = Field(examples=["UNDP"])
    at: Instant


class ChangedFact(Schema):
    """A fact that the answer rested on and that no longer says what it said then."""

    kind: str = Field(examples=["assessment"])
    id: str
    what: Literal["annulled", "ended", "withdrawn", "superseded", "changed", "not_viewable"]


class StatusOut(Schema):
    """How a clearance stands now, beside the answer that never changes."""

    clearance_id: UUID
    version: int
    status: Literal["open", "worsened", "improved", "expired"]
    outcome_given: Outcome
    outcome_now: Outcome = Field(
        description="as of the last change; of an expired one, when it was"
    )
    since: Instant
    causes: list[Cause] = Field(description="codes that came, or of an improved one went")
    changed_facts: list[ChangedFact] = Field(
        description="what the answer rested on and was annulled, corrected or is no longer viewable"
    )
    decided: bool = Field(description="the agency recorded what it decided, see `/decision`")
    evaluated_at: Instant
    expires_at: Instant
    contents_erased_at: Instant | None = Field(
        description="request and answer were destroyed; codes, hashes and the receipt stay"
    )


class AsOf(Schema):
    """Of which moment: from that of the answer up to now."""

    as_of: Instant | None = Field(None, description="default: the moment of the answer")


class RecomputedOut(Schema):
    """The decision made again from the facts as they were stored, and how the clearance stood."""

    clearance_id: UUID
    as_of: Instant
    outcome: Outcome
    outcome_given: Outcome
    reasons: list[Reason]
    equal: bool = Field(description="outcome, reasons and recognition are those that were given")
    status_then: Literal["open", "worsened", "improved", "expired"] = Field(
        description="at `as_of`, with everything that had been recorded by then"
    )
    outcome_then: Outcome


class ErasureIn(Schema):
    """By what right the contents go."""

    basis: Literal["person_request", "court_order", "unlawful_processing"]


class ErasureDecisionIn(Schema):
    """`confirm` destroys the contents for good; `refuse` leaves them."""

    decision: Literal["confirm", "refuse"]


class ErasureOut(Schema):
    """What was asked for, and what a second person decided."""

    id: UUID
    clearance_id: UUID
    basis: Literal["person_request", "court_order", "unlawful_processing"]
    state: Literal["proposed", "confirmed", "refused"]
    proposed_at: Instant
    decided_at: Instant | None
    contents_erased_at: Instant | None
    version: int
