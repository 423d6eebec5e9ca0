"""Wire shapes of what goes with a case: interim suspensions, appeals, releases, other agencies."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from app.core.schemas import Code, Day, Flag, Paragraph, Schema
from app.sanctions.cases.schemas import OfRespondent, StepKind
from app.sanctions.entries.schemas import MeasureTerms, Regime


class InterimIn(OfRespondent):
    """Suspends a respondent while its case lasts, or renews that."""

    effective_from: Day = Field(examples=["2026-05-10"])
    until_on: Day = Field(examples=["2026-11-09"])
    regime: Regime = "IMPLEMENTING_PARTNER"
    reason: Paragraph = Field(examples=["Funds of two running agreements are at risk."])


class AppealIn(OfRespondent):
    """An appeal that reached the agency, or a request to reconsider."""

    kind: Literal["appeal", "reconsideration"] = "appeal"
    filed_on: Day = Field(examples=["2026-07-01"])
    text: Paragraph = Field(examples=["The partner appeals against the length of the measure."])


class AppealDecisionIn(Schema):
    """What became of the decision. Something less than it was needs the terms that follow."""

    outcome: Literal["upheld", "reduced", "overturned"] = Field(examples=["upheld"])
    reason: Paragraph = Field(examples=["The grounds of the decision hold."])
    terms: MeasureTerms | None = Field(
        None,
        description="of the measure that follows: for `reduced`, and for `upheld` where the "
        "appeal had suspended the measure",
    )


class EvidenceIn(OfRespondent):
    """Evidence that the conditions of a measure are met."""

    text: Paragraph = Field(examples=["Compliance programme in place; report of the monitor."])


class VerificationIn(Schema):
    """Whether a second person found the evidence to hold."""

    verified: Flag = Field(examples=[True])
    note: Paragraph = Field(examples=["Seen on site in May."])


class ReleaseDecisionIn(Schema):
    """A third person decides."""

    outcome: Literal["released", "refused"] = Field(examples=["released"])
    reason: Paragraph = Field(examples=["All conditions are met."])


class PartyIn(Schema):
    """Asks another agency into the case."""

    agency: Code = Field(examples=["WFP"])
    role: Literal["joint", "panel"] = Field(
        "joint", description="`panel`: a person of it may review, too"
    )
    parts: Annotated[list[StepKind], Field(max_length=18)] = Field(
        ["notice", "reply"], description="kinds of steps that it may read"
    )


class InvitationAnswerIn(Schema):
    """Whether the own agency joins."""

    answer: Literal["accept", "decline"] = Field(examples=["accept"])
