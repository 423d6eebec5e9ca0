"""Wire shapes of screening."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from app.audit.purposes import AccessPurpose
from app.core.names import DEFAULT_THRESHOLD
from app.core.schemas import Country, Instant, Line, Schema, Text

BirthDate = Annotated[
    Text,
    StringConstraints(pattern=r"^(19|20)[0-9]{2}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?$"),
]


class SubjectIn(Schema):
    """Who is screened."""

    kind: Literal["person", "organisation"] = Field(examples=["organisation"])
    names: Annotated[
        list[Line], Field(min_length=1, max_length=10, examples=[["Amani Relief Trust"]])
    ]
    countries: list[Country] = Field(default=[], max_length=10)
    birth_date: BirthDate | None = Field(None, description="year, month or day", examples=["1975"])
    identifiers: list[Line] = Field(default=[], max_length=10)


class ScreeningIn(Schema):
    """A subject, and from which score a listed party is a potential match."""

    subject: SubjectIn
    threshold: Annotated[float, Field(ge=0, le=1, strict=True)] = DEFAULT_THRESHOLD
    purpose: AccessPurpose | None = Field(
        None, description="why; what an oversight role does for INVESTIGATION or AUDIT is held"
    )


class HitOut(Schema):
    """A listed party that may be the subject. Not a sanction: a person decides."""

    entry_id: UUID
    source: str = Field(examples=["unsc"])
    reference: str = Field(examples=["QDe.999"])
    caption: str
    score: float = Field(ge=0, le=1)
    explanation: dict[str, Any] = Field(description="which names matched how, and each factor")


class OwnListOut(Schema):
    """A list that counts for the calling agency only."""

    code: str = Field(examples=["eu_fsf"])
    version: int = Field(description="number of its feed stream that was used")
    checked_at: Instant | None = Field(description="last successful check")
    stale: bool = Field(description="too old, or never imported: a note, no reason by itself")


class ScreeningOut(Schema):
    """Answer of a screening. `unknown_stale` is no no-hit: a required list is missing or old."""

    screening_id: UUID
    list_version: int
    algorithm: str
    threshold: float
    outcome: Literal["no_hit", "potential_match", "unknown_stale"]
    stale_sources: list[str]
    own_lists: list[OwnListOut] = Field(
        description="lists that the calling agency switched on for itself, which counted, too"
    )
    hits: list[HitOut]
