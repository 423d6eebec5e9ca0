"""Wire shapes of potential matches."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, Field

from app.core.paging import PageQuery
from app.core.schemas import Code, Instant, Keyed, Line, Paragraph, Schema, Text
from app.sanctions.matches.rules import RULES

Word = Literal["NOT_A_MATCH", "TRUE_MATCH"]
MatchState = Literal["open", "decided", "obsolete"]
_KINDS = sorted({*RULES.facts.partner, *RULES.facts.person})


def _kind(value: str) -> str:
    if value not in _KINDS:
        raise ValueError("is no kind of fact that is asked for")
    return value


FactKind = Annotated[Text, AfterValidator(_kind), Field(json_schema_extra={"enum": _KINDS})]


class MatchFilter(PageQuery):
    """Filters of the list."""

    partner_id: UUID | None = None
    state: MatchState | None = None
    source: Code | None = None
    due_before: Instant | None = None
    mine: Literal["true"] | None = Field(
        None, description="only what the own agency has neither decided nor accepted"
    )


class MatchDecisionIn(Schema):
    """The own agency's word. A true match, and whatever revises a standing word, is proposed."""

    decision: Word = Field(examples=["NOT_A_MATCH"])
    reason: Paragraph = Field(examples=["Founded in another country thirty years later."])


class MatchConfirmationIn(Schema):
    """The second person's word on a proposal."""

    proposal_id: UUID
    decision: Literal["confirm", "refuse"] = Field(examples=["confirm"])
    reason: Paragraph = Field(examples=["Passport compared with the list's."])


class MatchAcceptanceIn(Schema):
    """Takes over another agency's NOT_A_MATCH, for this match alone."""

    decision_id: UUID
    reason: Paragraph = Field(examples=["The comparison is convincing."])


class FactsRequestIn(Schema):
    """Asks the partner for facts. It learns which kinds, never why or about which list."""

    kinds: Annotated[list[FactKind], Field(min_length=1, max_length=5, examples=[["other_names"]])]
    reason: Paragraph = Field(
        description="the own agency's: why asking prejudices no investigation",
        examples=["No case is open; the office of the partner knows of the check."],
    )


class FactsAnswerIn(Schema):
    """What the partner says, by kind of fact; it need not answer every one."""

    facts: Annotated[
        dict[FactKind, Line],
        Keyed,
        Field(min_length=1, max_length=5, examples=[{"other_names": "Amani Trust, until 2009"}]),
    ]


class OwnWord(Schema):
    """What a match is for the calling agency."""

    state: Literal["open", "not_a_match", "true_match", "obsolete"]
    by: Literal["own", "accepted", "policy"] | None = Field(
        description="the own decision, one accepted for this match, or one that the setting "
        "`accept_not_a_match` accepts"
    )
    agency: str | None = Field(description="whose decision it is", examples=["UNICEF"])
    since: Instant | None
    pending: UUID | None = Field(description="own decision that waits for a second person")


class MatchOut(Schema):
    """A pair of a partner, or one of its people, and a listed party. Never a sanction."""

    id: UUID
    version: int
    partner_id: UUID
    subject: Literal["partner", "person"]
    entry_id: UUID
    source: str = Field(examples=["unsc"])
    reference: str
    own_list: bool = Field(description="of a list that the own agency alone switched on")
    public_office: bool = Field(description="decided by the legal office")
    state: MatchState = Field(description="decided: at least one agency's word stands")
    own: OwnWord
    round: int = Field(description="how often one of the two sides changed, and once")
    opened_at: Instant
    due_at: Instant
    emergency: bool = Field(description="somebody had to sign meanwhile, in an emergency")
    escalated_at: Instant | None = Field(description="when it was told that it is overdue")


class Compared(Schema):
    """One field of both sides."""

    field: str = Field(examples=["names"])
    subject: list[str]
    listed: list[str]
    result: Literal["same", "overlap", "different", "unknown"]


class DecisionOut(Schema):
    """One agency's word."""

    id: UUID
    agency: str = Field(examples=["UNICEF"])
    decision: Word
    state: Literal["proposed", "standing", "refused", "revised", "lapsed"]
    current: bool = Field(description="about the two sides as they are compared now")
    round: int
    subject_hash: str
    entry_hash: str
    proposed_by: UUID
    proposed_at: Instant
    confirmed_by: UUID | None
    confirmed_at: Instant | None
    ended_at: Instant | None
    accepted_from: UUID | None
    redacted: bool
    reason: str | None
    confirmation_reason: str | None


class FactsRequestOut(Schema):
    """What the own agency asked the partner, and its answer."""

    id: UUID
    kinds: list[str]
    state: Literal["open", "answered", "closed"]
    asked_at: Instant
    answered_at: Instant | None
    facts: dict[str, str] | None
    redacted: bool = Field(False, description="the reason and the answer are hidden, or destroyed")


class MatchDetailOut(MatchOut):
    """Both sides, how they were compared, and what agencies decided."""

    person_id: UUID | None
    score: float
    script: str
    subject_hash: str
    entry_hash: str
    explanation: dict[str, Any]
    compared: list[Compared]
    decisions: list[DecisionOut] = Field(description="the own agency's, former ones included")
    offers: list[DecisionOut] = Field(
        description="other agencies' NOT_A_MATCH that can be accepted"
    )
    others: list[DecisionOut] = Field(
        description="other agencies' true matches, and their words of former rounds"
    )
    facts_requests: list[FactsRequestOut]


class ScriptOut(Schema):
    """Decided pairs whose listed names are of one script; nulls where they are too few."""

    script: str = Field(examples=["Arab"])
    decided: int | None
    false_share: float | None = Field(description="share found to be no match", examples=[0.94])


class MatchStatisticsOut(Schema):
    """How often a hit was a false one, by script of the names."""

    as_of: date
    smallest_group: int
    scripts: list[ScriptOut]


class OwnFactsRequestOut(Schema):
    """Facts that an agency asks the partner for."""

    id: UUID
    agency: str = Field(examples=["UNICEF"])
    subject: Literal["partner", "person"]
    person_id: UUID | None = Field(description="entry of the own people that it is about")
    kinds: dict[str, str] = Field(description="kinds of facts with what each means")
    state: Literal["open", "answered", "closed"]
    asked_at: Instant
    answered_at: Instant | None
