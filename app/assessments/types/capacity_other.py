"""Formal capacity assessments by tools of other bodies (domain.md 6.1, 6.4).

The registry does not compute them: the body's own result is recorded, with its report. What the
crosswalk gives a level gets one; a result that stands on no scale has none, and counts only where
somebody reads it. A tool that is not listed is recorded in the body's own words.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, Strict, StringConstraints, model_validator

from app.assessments.types.base import (
    AssessmentBase,
    AssessmentType,
    Methodology,
    Rating,
    RatingLevel,
    Reported,
    Value,
    error,
    result,
)
from app.assessments.types.forms import missing, report_named
from app.core.errors import FieldError
from app.core.schemas import Line, Paragraph, Schema

CODE = "capacity_other"
Points = Annotated[str, Strict(), StringConstraints(pattern=r"^\d{1,6}(\.\d{1,3})?$")]
_EXAMPLE: dict[str, Any] = {
    "reported_value": "MEDIUM",
    "report_reference": "OCHA/CBPF/KEN/2026/14 of 2026-03-01",
    "assessed_by": "OCHA Kenya, fund management unit",
    "score": "63.5",
    "score_of": "100",
    "areas": [{"area": "Internal governance", "value": "high", "score": "8", "score_of": "10"}],
    "conditions": ["Monthly bank reconciliation before the first disbursement."],
}


class _Scored(Schema):
    score: Points | None = Field(None, description="in the body's own points; needs `score_of`")
    score_of: Points | None = Field(None, description="the most points there are")

    @model_validator(mode="after")
    def _within(self) -> Self:
        if (self.score is None) != (self.score_of is None):
            raise ValueError("give score and score_of together")
        if self.score and self.score_of and Decimal(self.score) > Decimal(self.score_of):
            raise ValueError("score is more than score_of")
        return self


class Area(_Scored):
    """What the body found in one area, in its own words."""

    area: Line
    value: Line | None = None
    comment: Paragraph | None = None


class CapacityDetail(Reported, _Scored):
    """The result of a body's own tool, and the report it stands in."""

    assessed_by: Line | None = Field(None, description="body and office that assessed")
    tool: Line | None = Field(
        None, description="name of the tool; only for a tool that is not listed"
    )
    source_value: Line | None = Field(
        None, description="result in the body's own words; only for a tool that is not listed"
    )
    areas: list[Area] = Field(default=[], max_length=40)
    findings: Paragraph | None = None
    conditions: list[Paragraph] = Field(
        default=[], max_length=20, description="what the body asks of the partner"
    )

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})


class CapacityIn(AssessmentBase):
    """A capacity assessment by another formal tool."""

    type: Literal["capacity_other"]
    detail: CapacityDetail

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "partner_id": "0198f3a2-5b7c-7d31-9a44-0c2f6d1e8b90",
                    "type": "capacity_other",
                    "methodology": "OCHA-CBPF-CA",
                    "conducted_on": "2026-03-01",
                    "confidentiality": "RESTRICTED",
                    "detail": _EXAMPLE,
                }
            ]
        }
    )


class Outcome(BaseModel):
    """A result of the tool and the risk it stands for, if the crosswalk has one for it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: Value
    level: RatingLevel | None
    text: str


class CapacityMethodology(Methodology):
    """Results of one tool. ``own_words``: any tool that has no methodology of its own."""

    body: str | None
    own_words: bool = False
    results: tuple[Outcome, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _named(self) -> Self:
        if self.own_words != (self.body is None):
            raise ValueError("a listed tool has its body, another none")
        if len({item.value for item in self.results}) < len(self.results):
            raise ValueError("each result is there once")
        return self


class CapacityOther(AssessmentType[CapacityDetail, CapacityMethodology]):
    """The type itself. Each tool has a current result of its own."""

    code = CODE
    title = "Other formal capacity assessment"
    detail_model = CapacityDetail
    methodology_model = CapacityMethodology
    body_model = CapacityIn
    current_per = "methodology"

    def check(
        self, detail: CapacityDetail, methodology: CapacityMethodology, *, final: bool
    ) -> list[FieldError]:
        """See `AssessmentType.check`."""
        errors = report_named(detail, self.values(methodology), final=final)
        needed = ["reported_value", "assessed_by"]
        if methodology.own_words:
            needed += ["tool", "source_value"]
        else:
            errors += [
                error(f"/detail/{name}", "not_expected", "only for a tool that is not listed")
                for name in ("tool", "source_value")
                if getattr(detail, name) is not None
            ]
        return errors + (missing(needed, detail) if final else [])

    def rate(self, detail: CapacityDetail, methodology: CapacityMethodology) -> Rating:
        """See `AssessmentType.rate`."""
        value = detail.reported_value
        assert value is not None
        return result(methodology, value, self.values(methodology)[value], "reported")

    def values(self, methodology: CapacityMethodology) -> Mapping[str, RatingLevel | None]:
        """See `AssessmentType.values`."""
        return {item.value: item.level for item in methodology.results}

    def summarise(self, detail: CapacityDetail, methodology: CapacityMethodology) -> dict[str, Any]:
        """Whose tool it is, and on how many conditions the result stands."""
        return {"body": methodology.body, "conditions": len(detail.conditions)}


TYPE = CapacityOther()
