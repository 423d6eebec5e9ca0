"""Wire shapes of screening."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from app.audit.purposes import AccessPurpose
from app.core.schemas import Country, Instant, Line, Schema, Text
from app.sanctions.screening.rules import RULES
from app.sanctions.screening.scorer import ALGORITHM, DEFAULT_THRESHOLD

BirthDate = Annotated[
    Text,
    StringConstraints(pattern=r"^(19|20)[0-9]{2}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?$"),
]
Kind = Literal["person", "organisation", "unknown"]
Role = Literal["PARTNER", "PARTNER_OFFICER", "SUB_PARTNER", "VENDOR"]
Outcome = Literal["no_hit", "potential_match", "unknown_stale"]
Threshold = Annotated[float, Field(ge=0, le=1, strict=True)]
ListCode = Annotated[
    Text,
    StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,30}(:[a-z0-9_]{1,40})?$"),
    Field(examples=["unsc"]),
]
LineId = Annotated[Text, StringConstraints(min_length=1, max_length=64), Field(examples=["p-17"])]
AlgorithmName = Annotated[Text, StringConstraints(max_length=40), Field(examples=[ALGORITHM])]
assert set(RULES.roles) == set(get_args(Role))


class SubjectIn(Schema):
    """Who is screened. `unknown`: it is not known whether a person or an organisation."""

    kind: Kind = Field(examples=["organisation"])
    names: Annotated[
        list[Line], Field(min_length=1, max_length=10, examples=[["Amani Relief Trust"]])
    ]
    countries: list[Country] = Field(default=[], max_length=10)
    birth_date: BirthDate | None = Field(None, description="year, month or day", examples=["1975"])
    gender: Literal["female", "male", "other"] | None = Field(
        None, description="of a person: moves the score where the other side's is known"
    )
    identifiers: list[Line] = Field(default=[], max_length=10)


class ActingFor(Schema):
    """The organisation that a person acts for: its name, or its profile."""

    name: Line | None = None
    partner_id: UUID | None = Field(None, examples=[None])

    @model_validator(mode="after")
    def _one(self) -> ActingFor:
        if (self.name is None) == (self.partner_id is None):
            raise ValueError("give name or partner_id, one of the two")
        return self


class Asked(Schema):
    """What is asked of one subject."""

    subject: SubjectIn
    role: Role = Field(
        "PARTNER",
        description="as what the subject is screened; there is none for beneficiaries or "
        "affected people, who must not be screened here",
    )
    acting_for: ActingFor | None = Field(
        None, description="of a person: the organisation it acts for"
    )
    partner_id: UUID | None = Field(
        None,
        examples=[None],
        description="the profile that the subject is, if it is known: what was decided of its "
        "potential matches counts then",
    )
    lists: Annotated[list[ListCode], Field(min_length=1, max_length=40)] | None = Field(
        None,
        examples=[None],
        description="codes of lists, `agency` for measures of agencies; without it every list "
        "that counts for the caller. A list that is named must be fresh",
    )
    limit: Annotated[int, Field(ge=1, le=50, strict=True)] = 5
    threshold: Threshold = DEFAULT_THRESHOLD
    purpose: AccessPurpose | None = Field(
        None, description="why; what an oversight role does for INVESTIGATION or AUDIT is held"
    )

    @model_validator(mode="after")
    def _fits(self) -> Asked:
        person = self.subject.kind == "person"
        if self.acting_for is not None and not person:
            raise ValueError("only a person acts for an organisation")
        if self.partner_id is not None and person:
            raise ValueError("partner_id is the subject itself; of a person give acting_for")
        return self

    @property
    def partners(self) -> list[UUID]:
        """Profiles that the request names."""
        acting = self.acting_for.partner_id if self.acting_for else None
        return [one for one in (self.partner_id, acting) if one is not None]

    @property
    def alone(self) -> bool:
        """Whether this is a person for whom no organisation was named."""
        return self.subject.kind == "person" and self.acting_for is None


class ScreeningIn(Asked):
    """A subject, as what it is screened, and from which score a listed party may be it."""


class BatchLine(Asked):
    """A subject in a stream, by the sender's own id."""

    id: LineId


class ComparisonIn(Schema):
    """Two subjects; ``b`` stands in the place of the listed party."""

    a: SubjectIn
    b: SubjectIn
    threshold: Threshold = DEFAULT_THRESHOLD
    id: LineId | None = None


class ComparisonOut(Schema):
    """How alike two subjects are. `match`: the score reaches the threshold."""

    id: str | None = None
    score: float = Field(ge=0, le=1)
    match: bool
    threshold: float
    algorithm: str = Field(examples=[ALGORITHM])
    explanation: dict[str, Any] = Field(description="which names matched how, and each factor")


class DecisionOut(Schema):
    """What counts of what agencies decided about a potential match of this very partner."""

    decision: Literal["NOT_A_MATCH", "TRUE_MATCH"]
    by: Literal["own", "accepted", "policy", "other"] = Field(
        description="own; taken over once, or by the agency's setting; `other`: another agency "
        "confirmed it"
    )
    agency: str = Field(description="whose decision it is", examples=["WFP"])
    on: str = Field(examples=["2026-11-20"])
    match_id: UUID
    decision_id: UUID
    reason: str | None = Field(
        None, description="for callers who may read decisions and state an `Access-Purpose`"
    )


class HitOut(Schema):
    """A listed party that may be the subject. Not a sanction: a person decides."""

    entry_id: UUID
    source: str = Field(examples=["unsc"])
    reference: str = Field(examples=["QDe.999"])
    caption: str | None = Field(description="null once the subject was erased")
    score: float = Field(ge=0, le=1)
    cleared: bool = Field(
        description="decided to be no match; it does not make the outcome `potential_match`"
    )
    decision: DecisionOut | None = None
    explanation: dict[str, Any] | None = Field(
        description="which names matched how, and each factor; null once the subject was erased"
    )


class OwnListOut(Schema):
    """A list that counts for the calling agency only."""

    code: str = Field(examples=["eu_fsf"])
    version: int = Field(description="number of its feed stream that was used")
    checked_at: Instant | None = Field(description="last successful check")
    stale: bool = Field(description="too old, or never imported: a note, no reason by itself")


class ListOut(Schema):
    """A list that counted, as it was."""

    code: str = Field(examples=["unsc"])
    audience: Literal["all", "own"]
    version: int | None = Field(description="of the list; of an own one, number of its stream")
    checked_at: Instant | None = Field(description="last successful check")
    stale: bool


class ScreeningOut(Schema):
    """Answer of a screening. `unknown_stale` is no no-hit: a required list is missing or old."""

    screening_id: UUID
    at: Instant
    list_version: int = Field(description="number of the stream of all that was used")
    algorithm: str = Field(examples=[ALGORITHM])
    statistics_version: str | None = Field(description="word statistics that the scores rest on")
    threshold: float
    role: Role
    partner_id: UUID | None = Field(examples=[None])
    memory: Literal["not_asked", "honoured", "subject_differs"] = Field(
        description="whether decisions about the partner counted: not when the subject has a "
        "name, country or identifier that the profile has not"
    )
    outcome: Outcome
    stale_sources: list[str]
    own_lists: list[OwnListOut] = Field(
        description="lists that the calling agency switched on for itself, which counted, too"
    )
    lists: list[ListOut] = Field(description="every list that counted")
    hits: list[HitOut] = Field(description="best first, those that were cleared last")
    more: int = Field(description="hits that are not shown; `limit` says how many are", ge=0)


class LineFault(Schema):
    """One thing wrong with a line."""

    pointer: str
    code: str
    message: str


class LineError(Schema):
    """Why a line has no answer."""

    code: str
    title: str
    errors: list[LineFault]


class BatchResult(Schema):
    """What became of a line: its screening, or an error. ``id`` is null where none was readable."""

    line: int
    id: str | None
    screening: ScreeningOut | None = None
    error: LineError | None = None


class ComparisonResult(Schema):
    """What became of a line of pairs: the fields of `ComparisonOut`, or an error."""

    line: int
    id: str | None
    score: float | None = None
    match: bool | None = None
    threshold: float | None = None
    algorithm: str | None = None
    explanation: dict[str, Any] | None = None
    error: LineError | None = None
