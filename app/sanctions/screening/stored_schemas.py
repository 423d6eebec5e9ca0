"""Wire shapes of stored screenings, of running them again, and of what may be screened how."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field

from app.core.paging import PageQuery
from app.core.schemas import Instant, Schema
from app.sanctions.screening.schemas import (
    ActingFor,
    AlgorithmName,
    Kind,
    Outcome,
    Role,
    ScreeningOut,
    SubjectIn,
)
from app.sanctions.screening.scorer import ALGORITHM


class ScreeningItem(Schema):
    """A screening in a list: facts, and no name."""

    screening_id: UUID
    at: Instant
    client_id: str
    role: Role
    kind: Kind | None = Field(description="null for screenings older than this field")
    partner_id: UUID | None = Field(examples=[None])
    batch_id: UUID | None = Field(examples=[None])
    rerun_of: UUID | None = Field(examples=[None])
    outcome: Outcome
    hits: int = Field(description="listed parties that were found", ge=0)
    algorithm: str
    threshold: float
    list_version: int
    subject_erased_at: Instant | None = Field(examples=[None])


class ScreeningRecord(ScreeningOut):
    """A stored screening: the answer as it was given, and who was screened until that is erased."""

    client_id: str
    kind: Kind | None
    batch_id: UUID | None = Field(examples=[None])
    rerun_of: UUID | None = Field(examples=[None])
    subject: SubjectIn | None = Field(description="null once it was erased")
    acting_for: ActingFor | None = None
    subject_erased_at: Instant | None = Field(examples=[None])


class ScreeningFilter(PageQuery):
    """Which screenings; times are when they were run."""

    outcome: Outcome | None = None
    role: Role | None = None
    algorithm: AlgorithmName | None = None
    batch_id: UUID | None = None
    since: Instant | None = Field(None, alias="from")
    until: Instant | None = Field(None, alias="to", description="before this time")


class RerunIn(Schema):
    """Against the lists as they were then, or as they are now."""

    against: Literal["then", "current"] = "then"


class RerunOut(Schema):
    """The same subject again."""

    rerun_of: UUID
    against: Literal["then", "current"]
    identical: bool = Field(description="the same hits with the same scores and explanations")
    added: list[UUID] = Field(description="entries that were not found the first time")
    removed: list[UUID] = Field(description="entries that are not found any more")
    screening: ScreeningOut = Field(
        description="`then`: the answer made again, nothing is stored; `current`: a new screening"
    )


class AlgorithmOut(Schema):
    """A way to compare names."""

    name: str = Field(examples=[ALGORITHM])
    default_threshold: float
    statistics_version: str | None
    score: str = Field(description="what the score means")
    uses: list[str] = Field(description="what of a subject moves the score")


class RoleOut(Schema):
    """As what a subject may be screened."""

    role: Role
    title: str


class AlgorithmsOut(Schema):
    """How names are compared, who may be screened, and under which terms."""

    items: list[AlgorithmOut]
    default: str
    roles: list[RoleOut]
    terms: str
    rules_version: str
