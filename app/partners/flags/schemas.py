"""Wire shapes of observations and flags."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, Strict, StringConstraints, WithJsonSchema

from app.agencies.schemas import Email
from app.core.paging import PageQuery
from app.core.schemas import Day, Flag, Instant, Line, Paragraph, Schema, Text
from app.partners.flags.codes import CODES, RISK_CATEGORIES
from app.partners.objections.contested import ContestedOut

Kind = Literal["OBSERVATION", "YELLOW", "RED"]
State = Literal["open", "escalated", "deferred", "confirmed", "invalid", "lapsed"]


def _known(codes: Iterable[str]) -> Callable[[str], str]:
    known = frozenset(codes)

    def check(value: str) -> str:
        if value not in known:
            raise ValueError("is not one of the codes of the list")
        return value

    return check


def _listed(codes: Iterable[str]) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "enum": list(codes)})


_GIVEN, _RISKS, _BASES = CODES.given_categories, RISK_CATEGORIES, CODES.basis_kinds
Category = Annotated[str, Strict(), AfterValidator(_known(_GIVEN)), _listed(_GIVEN)]
RiskCategory = Annotated[str, Strict(), AfterValidator(_known(_RISKS)), _listed(_RISKS)]
BasisKind = Annotated[str, Strict(), AfterValidator(_known(_BASES)), _listed(_BASES)]
_TEXT, _BASIS, _COMMENT = CODES.lengths.text, CODES.lengths.basis, CODES.lengths.comment
Statement = Annotated[
    Text, StringConstraints(min_length=_TEXT, max_length=4_000, strip_whitespace=True)
]
Ground = Annotated[
    Text, StringConstraints(min_length=_BASIS, max_length=4_000, strip_whitespace=True)
]
Comment = Annotated[
    Text, StringConstraints(min_length=_COMMENT, max_length=4_000, strip_whitespace=True)
]
_COMMENT_EXAMPLE = "Confirmed by the auditors' letter of 3 May."


class FactualBasis(Schema):
    """What the flag rests on: a fact that can be checked, and its date."""

    kind: BasisKind = Field(examples=["report"])
    on: Day = Field(description="date of the fact, not in the future", examples=["2026-03-01"])
    description: Ground = Field(
        examples=["Audit report of the 2025 grant, section 4: cash advances without receipts."]
    )
    reference: Line | None = Field(None, examples=["AUD-2026-17"])


class WithholdIn(Schema):
    """Oversight keeps the flag back from its partner, from the first instant on."""

    until: Instant = Field(description="at most 184 days ahead", examples=["2026-12-31T23:59:59Z"])
    reason: Paragraph = Field(examples=["Investigation under way."])


class FlagIn(Schema):
    """A new observation or flag. Never put details of an allegation of sexual exploitation and
    abuse, or the name of a complainant, into a text."""

    kind: Kind = Field(
        description="RED: by the headquarters unit only, with `flags:decide`", examples=["YELLOW"]
    )
    category: Category = Field(examples=["FINANCIAL"])
    risk_category: RiskCategory | None = Field(None, examples=["FINANCIAL"])
    text: Statement = Field(
        examples=["Two of five advances of the year 2025 were not supported by documents."]
    )
    factual_basis: FactualBasis
    contact_office: Line = Field(examples=["Nairobi country office"])
    contact_email: Email
    review_by: Day | None = Field(
        None, description=f"default: in {CODES.periods.review_months} months"
    )
    partner_visible: Flag = Field(
        False, description="the partner may read the text, too; that of a red flag it always may"
    )
    withhold: WithholdIn | None = Field(None, description="by an oversight role only")


class EscalationIn(Schema):
    """Why headquarters should look at it."""

    comment: Comment = Field(examples=["The amounts have doubled since the flag was made."])


class FlagDecisionIn(Schema):
    """`confirm` makes it a red flag, which locks the partner; `defer` leaves it to the office."""

    decision: Literal["confirm", "defer"] = Field(examples=["confirm"])
    reason: Comment = Field(examples=[_COMMENT_EXAMPLE])


class InvalidationIn(Schema):
    """Why the flag does not stand."""

    comment: Comment = Field(examples=["The receipts were found; the audit finding is closed."])


class RenewalIn(Schema):
    """Why a red flag stays for a second period."""

    comment: Comment = Field(examples=["The investigation has not ended."])


class ReviewIn(Schema):
    """The flag was looked at and stays."""

    review_by: Day = Field(examples=["2027-09-01"])
    comment: Comment = Field(examples=["Two of the five recommendations are still open."])
    partner_visible: Flag | None = Field(None, description="absent: as before")


class FlagOut(Schema):
    """That there is a flag; what it says is read apart, for a purpose."""

    id: UUID
    partner_id: UUID = Field(description="profile it was made on")
    inherited_from: UUID | None = Field(description="headquarters profile it comes from")
    kind: Kind
    state: State
    category: str = Field(examples=["FINANCIAL"])
    risk_category: str | None = Field(examples=["FINANCIAL"])
    owner_agency: str = Field(examples=["UNICEF"])
    office: str = Field(description="the author's", examples=["Nairobi country office"])
    contact_office: str
    contact_email: str
    made_at: Instant
    review_by: date
    review_overdue: bool
    escalated_once: bool
    decided_at: Instant | None
    until: Instant | None = Field(description="end of a red flag")
    renewed_at: Instant | None
    closed_at: Instant | None
    replaced_by: UUID | None = Field(description="sanction case that took its place")
    partner_visible: bool
    contested: ContestedOut | None
    version: int


class FlagStepOut(Schema):
    """One step of a flag."""

    action: str = Field(examples=["escalated"])
    at: Instant
    office: str | None
    comment: str | None


class FlagTextOut(Schema):
    """What a flag says, what it rests on, and every step since. The reading is logged."""

    id: UUID
    partner_id: UUID
    kind: Kind
    state: State
    text: str
    factual_basis: FactualBasis
    steps: list[FlagStepOut] = Field(description="oldest first")


class FlagFilter(PageQuery):
    """Filters of the list of flags."""

    kind: Kind | None = None
    state: State | None = None
    mine: Literal["true"] | None = Field(None, description="the own agency's only")


class SelfFlagOut(Schema):
    """What a partner is told of a flag on it."""

    id: UUID
    inherited_from: UUID | None
    kind: Kind
    state: State
    category: str = Field(examples=["FINANCIAL"])
    agency: str = Field(examples=["UNICEF"])
    contact_office: str
    contact_email: str
    since: Instant
    until: Instant | None
    text: str | None = Field(description="of a red flag, and where its owner shows it")
    contested: ContestedOut | None
