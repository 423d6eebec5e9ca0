"""How a partner performed in a period (domain.md 5.3).

The result is on the scale of the review that was made, and stays there. Beside it stands a common
grade from 1 to 4: computed where the methodology says how, else judged by a named author, or none.
A grade is no risk level. Of ethical concerns only yes or no is kept: what they are about belongs
to the oversight office. The partner's comment stands with the review.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, Strict, StringConstraints, model_validator

from app.assessments.types.base import (
    AssessmentBase,
    AssessmentType,
    Methodology,
    Rating,
    RatingLevel,
    Reason,
    Reported,
    Value,
    error,
    result,
)
from app.assessments.types.forms import each_once, missing, report_named
from app.core.errors import FieldError
from app.core.schemas import Day, Flag, Line, Paragraph, Schema

CODE = "performance"
DimensionCode = Annotated[str, Strict(), StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Measure = Annotated[str, Strict(), StringConstraints(pattern=r"^-?\d{1,15}(\.\d{1,4})?$")]
CommonGrade = Annotated[int, Field(strict=True, ge=1, le=4)]
_EXAMPLE: dict[str, Any] = {
    "period_from": "2025-01-01",
    "period_to": "2025-12-31",
    "engagement": "KEN/PCA/2025/17",
    "reviewer_office": "Nairobi country office",
    "dimensions": [
        {"dimension": "results", "grade": "SATISFACTORY"},
        {"dimension": "timeliness", "grade": "PARTLY_SATISFACTORY", "comment": "two late reports"},
        {"dimension": "budget_use", "grade": "SATISFACTORY"},
        {"dimension": "reporting", "grade": "PARTLY_SATISFACTORY"},
        {"dimension": "safeguarding", "grade": "HIGHLY_SATISFACTORY"},
        {"dimension": "cooperation", "grade": "SATISFACTORY"},
    ],
    "kpis": [{"indicator": "children vaccinated", "target": "12000", "actual": "11350"}],
    "would_recommend": True,
    "ethical_concerns": False,
    "partner_comment": {"received_on": "2026-02-12", "text": "The floods delayed both reports."},
}


class DimensionGrade(Schema):
    """The grade of one dimension, on the scale of the review."""

    dimension: DimensionCode = Field(examples=["results"])
    grade: Value = Field(examples=["SATISFACTORY"])
    comment: Reason | None = None


class Kpi(Schema):
    """An indicator, and how far it was reached."""

    indicator: Line
    unit: Line | None = None
    target: Measure | None = Field(None, examples=["12000"])
    actual: Measure | None = Field(None, examples=["11350"])


class PartnerComment(Schema):
    """What the partner said to the review before it was final, or that it waived saying it."""

    received_on: Day | None = None
    text: Paragraph | None = None
    waived: Flag = Field(False, description="the partner said that it has no comment")

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = (self.received_on is not None, self.text is not None)
        if given != (not self.waived, not self.waived):
            raise ValueError("give received_on and text, or say waived")
        return self


class PerformanceDetail(Reported):
    """One review: grades by dimension, or a judged or reported overall result."""

    period_from: Day | None = None
    period_to: Day | None = None
    engagement: Line | None = Field(None, description="reference of the agreement")
    reviewer_office: Line | None = None
    dimensions: list[DimensionGrade] | None = Field(None, max_length=20)
    overall: Value | None = Field(
        None,
        description="the judged result, where the methodology computes none; needs `reason` and "
        "`author`",
    )
    reason: Reason | None = None
    author: Line | None = Field(None, description="name, office or role of whoever judged")
    common_grade: CommonGrade | None = Field(
        None,
        description="1 unsatisfactory to 4 highly satisfactory, as judged; only where the "
        "methodology computes none",
    )
    kpis: list[Kpi] = Field(default=[], max_length=100)
    narrative: Paragraph | None = None
    would_recommend: Flag | None = None
    ethical_concerns: Flag | None = Field(
        None, description="yes or no, nothing more: what it is about belongs to oversight"
    )
    partner_comment: PartnerComment | None = None

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})


class PerformanceIn(AssessmentBase):
    """A new performance review."""

    type: Literal["performance"]
    detail: PerformanceDetail

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "partner_id": "0198f3a2-5b7c-7d31-9a44-0c2f6d1e8b90",
                    "type": "performance",
                    "methodology": "COMMON-PERF-2026",
                    "conducted_on": "2026-03-01",
                    "confidentiality": "RESTRICTED",
                    "detail": _EXAMPLE,
                }
            ]
        }
    )


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Grade(_Rule):
    """A grade of the scale; ``common`` is the common grade that it means, if it means one."""

    value: Value
    common: CommonGrade | None
    text: str


class Dimension(_Rule):
    """What is graded."""

    code: DimensionCode
    text: str
    required: bool


class Overall(_Rule):
    """Where the result comes from: the grades of the dimensions, or a judgement.

    ``median``, ``down``: of the places of the grades on the scale, the middle one; between two
    of them the lower one.
    """

    by: Literal["dimensions", "judgement"]
    statistic: Literal["median"] | None = None
    rounding: Literal["down"] | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        computed = self.by == "dimensions"
        if (self.statistic is not None, self.rounding is not None) != (computed, computed):
            raise ValueError("what is computed says how, what is judged does not")
        return self


class PerformanceMethodology(Methodology):
    """Scale, worst grade first, dimensions, and how the result follows."""

    grades: tuple[Grade, ...] = Field(min_length=2)
    dimensions: tuple[Dimension, ...] = ()
    overall: Overall

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        values = [item.value for item in self.grades]
        if len(set(values)) < len(values):
            raise ValueError("each grade is there once")
        common = [item.common for item in self.grades]
        known = [grade for grade in common if grade is not None]
        if known != sorted(known):
            raise ValueError("a better grade is no lower common grade")
        computed = self.overall.by == "dimensions"
        if computed != any(item.required for item in self.dimensions):
            raise ValueError("dimensions are needed where the result comes from them")
        if computed and None in common:
            raise ValueError("a computed result has its common grade")
        return self


class Performance(AssessmentType[PerformanceDetail, PerformanceMethodology]):
    """The type itself. Each review stands for its period; none supersedes another."""

    code = CODE
    title = "Performance review"
    family = "PERF"
    detail_model = PerformanceDetail
    methodology_model = PerformanceMethodology
    body_model = PerformanceIn
    current_per = None

    def check(
        self, detail: PerformanceDetail, methodology: PerformanceMethodology, *, final: bool
    ) -> list[FieldError]:
        """See `AssessmentType.check`."""
        values = self.values(methodology)
        errors = report_named(detail, values, final=final) + _period(detail)
        errors += _form(detail, methodology, final)
        if detail.overall is not None and detail.overall not in values:
            errors.append(error("/detail/overall", "unknown_value", "no such grade"))
        errors += _dimensions(detail, methodology, final)
        if final:
            needed = ["period_from", "period_to"]
            if detail.reported_value is None:
                needed += ["reviewer_office", "would_recommend", "ethical_concerns"]
            errors += missing(needed, detail)
        return errors

    def rate(self, detail: PerformanceDetail, methodology: PerformanceMethodology) -> Rating:
        """See `AssessmentType.rate`."""
        stated = detail.reported_value or detail.overall
        if stated is not None:
            return result(methodology, stated, None, "reported")
        return result(methodology, _computed(detail, methodology).value, None, "computed")

    def values(self, methodology: PerformanceMethodology) -> Mapping[str, RatingLevel | None]:
        """See `AssessmentType.values`."""
        return {item.value: None for item in methodology.grades}

    def heard(self, detail: PerformanceDetail) -> bool:
        """The partner has commented, or said that it will not."""
        return detail.partner_comment is not None

    def summarise(
        self, detail: PerformanceDetail, methodology: PerformanceMethodology
    ) -> dict[str, Any]:
        """Period, common grade, and whether the partner commented."""
        said = detail.partner_comment
        return {
            "period_from": detail.period_from and detail.period_from.isoformat(),
            "period_to": detail.period_to and detail.period_to.isoformat(),
            "common_grade": _common(detail, methodology),
            "partner_comment": said and ("waived" if said.waived else "received"),
        }


def _computed(detail: PerformanceDetail, methodology: PerformanceMethodology) -> Grade:
    place = {item.value: number for number, item in enumerate(methodology.grades)}
    places = [place[item.grade] for item in detail.dimensions or ()]
    return methodology.grades[int(median(places))]


def _common(detail: PerformanceDetail, methodology: PerformanceMethodology) -> int | None:
    if detail.common_grade is not None:
        return detail.common_grade
    stated = detail.reported_value or detail.overall
    if stated is None:
        return _computed(detail, methodology).common
    return next(item.common for item in methodology.grades if item.value == stated)


def _period(detail: PerformanceDetail) -> list[FieldError]:
    if detail.period_from and detail.period_to and detail.period_from > detail.period_to:
        return [error("/detail/period_to", "period_invalid", "the period ends before it begins")]
    return []


def _form(
    detail: PerformanceDetail, methodology: PerformanceMethodology, final: bool
) -> list[FieldError]:
    """Grades of dimensions, a judgement or a report: what the methodology takes, and one only."""
    computed = methodology.overall.by == "dimensions"
    form = "dimensions" if computed else "overall"
    given = getattr(detail, form) is not None
    reported = detail.reported_value is not None
    errors = []
    if (given and reported) or (final and not given and not reported):
        errors.append(error("/detail", "one_form", f"give either {form} or reported_value"))
    other = "overall" if computed else "dimensions"
    if getattr(detail, other) is not None:
        message = f"the methodology takes {form}"
        errors.append(error(f"/detail/{other}", "not_expected", message))
    judged = detail.overall is not None and not computed
    for name in ("reason", "author"):
        value = getattr(detail, name)
        if value is not None and not judged:
            errors.append(error(f"/detail/{name}", "not_expected", "belongs to overall only"))
        if final and judged and value is None:
            errors.append(error(f"/detail/{name}", "missing", "overall needs it"))
    if detail.common_grade is not None and any(item.common for item in methodology.grades):
        message = "the methodology says which common grade it is"
        errors.append(error("/detail/common_grade", "not_expected", message))
    return errors


def _dimensions(
    detail: PerformanceDetail, methodology: PerformanceMethodology, final: bool
) -> list[FieldError]:
    if detail.dimensions is None:
        return []
    where = "/detail/dimensions"
    known = [item.code for item in methodology.dimensions]
    required = {item.code for item in methodology.dimensions if item.required}
    given = [item.dimension for item in detail.dimensions]
    errors = each_once(where, "dimension", given, known, required, final=final)
    grades = {item.value for item in methodology.grades}
    return errors + [
        error(f"{where}/{place}/grade", "unknown_value", "the methodology has no such grade")
        for place, item in enumerate(detail.dimensions)
        if item.grade not in grades
    ]


TYPE = Performance()
