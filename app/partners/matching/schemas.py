"""Wire shapes of matching."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from app.core.paging import PageQuery
from app.core.schemas import Count, Country, Instant, Line, Schema, Text
from app.partners.identifiers.schemas import IdentifierRef
from app.partners.schemas import Acronym, PartnerOut, Website, Year

Reason = Annotated[Text, StringConstraints(min_length=1, max_length=1_000, strip_whitespace=True)]


class MatchIn(Schema):
    """The organisation to look for among the profiles: any name, identifier or its website."""

    legal_name: Line | None = Field(None, examples=["Amani Releif Trust"])
    legal_name_native: Line | None = Field(None, description="official name in its own script")
    acronym: Acronym | None = None
    aliases: list[Line] = Field(default=[], max_length=20)
    former_names: list[Line] = Field(default=[], max_length=20)
    country: Country | None = Field(None, examples=["KEN"])
    identifiers: list[IdentifierRef] = Field(default=[], max_length=20)
    year_established: Year | None = None
    website: Website | None = None
    limit: Annotated[Count, Field(ge=1, le=50)] = 10

    @model_validator(mode="after")
    def _something(self) -> Self:
        names = (self.legal_name, self.legal_name_native, self.acronym, self.website)
        if not any((*names, self.aliases, self.former_names, self.identifiers)):
            raise ValueError("give a name, an acronym, an identifier or a website")
        return self


class NameCompared(Schema):
    """The two names that are most alike, word by word."""

    wanted: str = Field(description="which of the names looked for", examples=["legal_name"])
    of: str = Field(description="which name of the candidate", examples=["former_name"])
    name: str = Field(description="that name of the candidate")
    score: float = Field(ge=0, le=1, description="of the names alone")
    method: str = Field(examples=["similar_words"])
    matched: list[tuple[str, str, float]] = Field(
        description="words of the name looked for, words of the candidate, likeness",
        examples=[[["releif", "relief", 0.97]]],
    )
    unmatched_query: list[str] = Field(description="words only the name looked for has")
    unmatched_candidate: list[str] = Field(description="words only the candidate has")


class Factor(Schema):
    """Evidence beside the name, and what it added to the score."""

    factor: Literal["country", "acronym", "year_established", "website"]
    agrees: bool
    effect: float


class MatchExplanation(Schema):
    """Why a candidate has its score."""

    name: NameCompared | None = Field(None, description="null where no name is alike")
    factors: list[Factor] = Field(default=[])
    rules: str = Field(description="version of the rules of comparing", examples=["matching-1"])


class CandidateBrief(Schema):
    """A profile that may be the one looked for."""

    partner_id: UUID
    registry_number: str
    legal_name: str
    country: str
    score: float = Field(ge=0, le=1)
    matched_on: list[str] = Field(examples=[["legal_name", "country"]])


class Candidate(CandidateBrief):
    """A profile that may be the one looked for, and why."""

    explanation: MatchExplanation


class MatchOut(Schema):
    """Candidates, best first."""

    candidates: list[Candidate]
    contact_registry: bool = Field(
        description="the registry may hold a profile that it cannot show: ask its operator before "
        "a new one is made"
    )


class PartnerCreated(PartnerOut):
    """The new profile, and those that may be the same partner."""

    possible_duplicates: list[Candidate]
    contact_registry: bool = Field(
        description="the registry may hold a profile of this partner that it cannot show: ask its "
        "operator"
    )


PairState = Literal["open", "dismissed", "merged"]


class PairFilter(PageQuery):
    """Filters of the queue of possible duplicates."""

    country: Country | None = None
    state: PairState = "open"


class PairSide(Schema):
    """One of two profiles."""

    partner_id: UUID
    registry_number: str
    legal_name: str
    country: str


class PairDecision(Schema):
    """What was decided about a pair."""

    decision: Literal["not_duplicate"]
    decided_by: str = Field(description="agency", examples=["UNICEF"])
    decided_at: Instant
    reason: str


class PairOut(Schema):
    """Two profiles that may be one partner."""

    id: UUID
    version: int
    state: PairState
    score: float = Field(ge=0, le=1)
    matched_on: list[str]
    rules: str = Field(examples=["matching-1"])
    found_at: Instant
    partners: list[PairSide] = Field(min_length=2, max_length=2)
    decision: PairDecision | None = None


class PairDecisionIn(Schema):
    """That two profiles are two partners. That they are one is decided by a merge."""

    decision: Literal["not_duplicate"]
    reason: Reason = Field(
        examples=["Two bodies of the same name: different registration numbers and towns."]
    )


class CheckProgress(Schema):
    """How far the check for duplicates is: profiles loaded in bulk or renamed are checked later."""

    waiting: int = Field(description="profiles still to be checked, at most 1,000,000 are counted")
    oldest_queued_at: Instant | None = None
