"""What every assessment type offers, and the data file its rules come from.

A type is code: the shape of its detail and how a rating follows from it. A methodology is data:
standards, cut-offs and validity, one file each, never changed once published.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.core.clock import add_months
from app.core.errors import FieldError
from app.core.schemas import Code, Day, Schema, Text

FOLDER = Path(__file__).resolve().parents[1] / "methodologies"

RatingLevel = Literal["LOW", "MODERATE", "SIGNIFICANT", "HIGH"]
RatingSource = Literal["computed", "reported"]
Confidentiality = Literal["INTER_AGENCY", "RESTRICTED", "AGENCY_ONLY"]
FiledStatus = Literal["draft", "final"]


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

    def covers(self, day: date) -> bool:
        """Whether an assessment completed on ``day`` may use this methodology."""
        return self.effective_from <= day <= (self.effective_to or date.max)

    def valid_until(self, conducted_on: date) -> date:
        """The last day on which a result completed on ``conducted_on`` counts."""
        return add_months(conducted_on, self.validity_months)


M = TypeVar("M", bound=Methodology)


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
    detail: Schema


Reason = Annotated[Text, StringConstraints(min_length=1, max_length=2_000, strip_whitespace=True)]


class AssessmentType(Protocol):
    """One kind of assessment. Register it in the two lists of `types/__init__.py`."""

    code: str
    title: str
    detail_model: type[Schema]

    @property
    def methodologies(self) -> Mapping[str, Methodology]:
        """Its methodologies by code."""
        ...

    def check(self, detail: Any, methodology: Any, *, final: bool) -> list[FieldError]:
        """What is wrong with a detail; a final one must also be complete. Pointers as in a body."""
        ...

    def rate(self, detail: Any, methodology: Any) -> Rating:
        """The rating of a detail that `check` found complete."""
        ...

    def disclose(self, detail: dict[str, Any]) -> dict[str, Any]:
        """The part of a detail that a reader other than the owner gets."""
        ...
