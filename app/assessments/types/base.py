"""What every assessment type offers, and the data file its rules come from.

A type is code: the shape of its detail and how a rating follows from it. A methodology is data:
standards, cut-offs and validity, one file each, never changed once published.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, Generic, Literal, Self, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from app.core.clock import add_months
from app.core.errors import FieldError
from app.core.schemas import Code, Day, Line, Schema, Text

FOLDER = Path(__file__).resolve().parents[1] / "methodologies"

RatingLevel = Literal["LOW", "MODERATE", "SIGNIFICANT", "HIGH"]
RatingSource = Literal["computed", "reported"]
Confidentiality = Literal["INTER_AGENCY", "RESTRICTED", "AGENCY_ONLY"]
FiledStatus = Literal["draft", "final"]
PatchStatus = Literal["draft", "submitted", "final", "cancelled"]
Family = Literal["ASSESS", "PSEA", "ASSURE", "PERF"]
"""Which rows of the permission matrix hold for a type (domain.md 9.3)."""
AgencyCode = Annotated[str, Field(strict=True, pattern=r"^[A-Z][A-Z0-9_]{1,15}$", examples=["WFP"])]
Value = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Z][A-Z0-9_]{0,59}$")]
"""A result on a scheme's own scale."""


class Rating(Schema):
    """A result in its own scheme, and how much risk that means in one dimension."""

    scheme: str = Field(examples=["UN-PSEA-2020"])
    value: str = Field(examples=["MEDIUM_CAPACITY"])
    dimension: str = Field(
        description="levels of different dimensions are never compared", examples=["sea_risk"]
    )
    level: RatingLevel | None = Field(description="risk; null when the value is on no scale")
    rating_source: RatingSource = Field(
        description="`computed` from the answers by the methodology, or `reported` by a person "
        "or in a report made elsewhere"
    )


class _Data(BaseModel):
    """Base of methodology files: exact, and frozen once read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(_Data):
    """Where a methodology is written down."""

    document: str
    section: str


class Methodology(_Data):
    """What the data file of every methodology says."""

    code: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9-]{1,39}$")]
    type: str
    title: str
    source: Source
    confirmed: bool = Field(description="an agency has confirmed the figures against the source")
    note: str | None = None
    effective_from: date
    effective_to: date | None = Field(None, description="last day; null while in use")
    validity_months: int = Field(ge=1, le=240)
    dimension: str
    comment_days: int | None = Field(
        None,
        ge=1,
        le=90,
        description="days that the partner has to comment before others see the result",
    )

    def covers(self, day: date) -> bool:
        """Whether an assessment completed on ``day`` may use this methodology."""
        return self.effective_from <= day <= (self.effective_to or date.max)

    def valid_until(self, conducted_on: date) -> date:
        """The last day on which a result completed on ``conducted_on`` counts."""
        return add_months(conducted_on, self.validity_months)


M = TypeVar("M", bound=Methodology)
D = TypeVar("D", bound=Schema)


def load(model: type[M], kind: str) -> dict[str, M]:
    """Methodologies of a type, by code, from its files. Raises ValueError for a bad file."""
    found: dict[str, M] = {}
    for path in sorted(FOLDER.glob("*.json")):
        if Methodology.model_validate_json(path.read_bytes(), extra="ignore").type != kind:
            continue
        methodology = model.model_validate_json(path.read_bytes())
        if methodology.code != path.stem:
            raise ValueError(f"{path.name} holds the code {methodology.code}")
        found[methodology.code] = methodology
    return found


class Assessor(Schema):
    """Who did the work. Persons are not named here."""

    kind: Literal["own_staff", "firm", "consultant", "other_agency", "sai", "partner"] = Field(
        description="`sai`: the supreme audit institution of the country"
    )
    name: Line | None = Field(
        None, description="of a firm or an institution", examples=["Lake Audit LLP"]
    )

    @model_validator(mode="after")
    def _named(self) -> Self:
        if self.name is not None and self.kind not in ("firm", "other_agency", "sai"):
            raise ValueError("only a firm or an institution is named")
        return self


class AssessmentBase(Schema):
    """Fields of a new assessment of any type."""

    partner_id: UUID
    type: str
    methodology: Code = Field(examples=["UN-PSEA-2020"])
    status: FiledStatus = Field(
        "final", description="a draft is AGENCY_ONLY and may be incomplete until it is final"
    )
    conducted_on: Day | None = Field(
        None,
        description="completion date, from which validity and age count; only a draft has none",
        examples=["2026-03-01"],
    )
    confidentiality: Confidentiality = Field(
        description="INTER_AGENCY: detail for every agency with the scope. RESTRICTED: summary "
        "for all, detail by share and purpose. AGENCY_ONLY: the owner alone"
    )
    participating_agencies: list[AgencyCode] = Field(
        default=[],
        max_length=30,
        description="agencies that assess jointly with the owner, which leads",
        examples=[["WFP"]],
    )
    assessor: Assessor | None = None
    detail: Schema


Reason = Annotated[Text, StringConstraints(min_length=1, max_length=2_000, strip_whitespace=True)]


class AssessmentType(ABC, Generic[D, M]):
    """One kind of assessment: subclass it in a file of its own, register it in `__init__.py`.

    Pure: it knows a detail and a methodology, and asks nobody.
    """

    code: ClassVar[str]
    title: ClassVar[str]
    family: ClassVar[Family] = "ASSESS"
    detail_model: type[D]
    methodology_model: type[M]
    body_model: ClassVar[type[AssessmentBase]]
    current_per: ClassVar[Literal["type", "methodology"] | None] = "type"
    """Of what an owner has one current result for a partner: a later one of the same supersedes
    it. None: each stands for itself, as an audit of a year does.
    """

    @cached_property
    def methodologies(self) -> Mapping[str, M]:
        """Its methodologies by code."""
        return load(self.methodology_model, self.code)

    def current_key(self, methodology: str) -> str | None:
        """What of one owner and partner there is one current result of; see ``current_per``."""
        return {"type": self.code, "methodology": methodology, None: None}[self.current_per]

    @abstractmethod
    def check(self, detail: D, methodology: M, *, final: bool) -> list[FieldError]:
        """What is wrong with a detail; a final one must also be complete. Pointers as in a body."""

    @abstractmethod
    def rate(self, detail: D, methodology: M) -> Rating:
        """The result of a detail that `check` found complete."""

    def values(self, methodology: M) -> Mapping[str, RatingLevel | None]:
        """Results that a person may state: reported from elsewhere, or an adjusted rating."""
        return {}

    def valid_until(self, detail: D, methodology: M, conducted_on: date) -> date:
        """The last day on which the result counts; a detail may make it an earlier one."""
        return methodology.valid_until(conducted_on)

    def heard(self, detail: D) -> bool:
        """Whether the detail says that the partner has had its word; see ``comment_days``."""
        return False

    def summarise(self, detail: D, methodology: M) -> dict[str, Any]:
        """What of a complete detail is in the summary, for every agency: codes, counts, bands."""
        return {}

    def explain(self, detail: D, methodology: M) -> dict[str, Any]:
        """How the result of a complete detail came about, for whoever may read the detail.

        It says nothing that `disclose` hides.
        """
        return {}

    def disclose(self, detail: dict[str, Any]) -> dict[str, Any]:
        """The part of a detail that a reader other than the owner gets."""
        return detail

    def for_partner(self, detail: dict[str, Any]) -> dict[str, Any]:
        """The part of a final detail that the partner gets."""
        return self.disclose(detail)


class Reported(Schema):
    """Mix-in of a detail: a result that was made elsewhere and is recorded here."""

    reported_value: Value | None = Field(
        None, description="result of an assessment made elsewhere; needs `report_reference`"
    )
    report_reference: Line | None = Field(None, description="of the report, with its date")


def error(pointer: str, code: str, message: str) -> FieldError:
    """One thing that is wrong with a detail; ``pointer`` from ``/detail`` on."""
    return FieldError(pointer=pointer, code=code, message=message)


def result(
    methodology: Methodology, value: str, level: RatingLevel | None, source: RatingSource
) -> Rating:
    """A result on the methodology's scale."""
    return Rating(
        scheme=methodology.code,
        value=value,
        dimension=methodology.dimension,
        level=level,
        rating_source=source,
    )
