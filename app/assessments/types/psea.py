"""PSEA capacity of a partner by the common United Nations tool (domain.md 4.3).

Three ways to a result: the answers per standard, from which it is computed; a special rating,
judged by a named author with a reason; a result reported from an assessment made elsewhere.
Allegations, and who made them, never belong in here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.assessments.types.base import (
    AssessmentBase,
    AssessmentType,
    Methodology,
    Rating,
    RatingLevel,
    Reason,
    Value,
    error,
    result,
)
from app.core.errors import FieldError
from app.core.schemas import Line, Schema

CODE = "psea"
StandardNumber = Annotated[int, Field(strict=True, ge=1, le=8)]


class StandardResult(Schema):
    """What was found for one of the standards."""

    number: StandardNumber
    result: Literal["met", "not_met", "not_applicable"]
    comment: Reason | None = None


class PseaDetail(Schema):
    """Answers per standard, or a special rating, or a reported result: exactly one of the three."""

    standards: list[StandardResult] | None = Field(
        None, max_length=8, description="each standard exactly once; a draft may lack some"
    )
    special_rating: Value | None = Field(
        None,
        description="a judgement; needs `reason` and `author`",
        examples=["LOW_CAPACITY_ASSUMED_EMERGENCY"],
    )
    reason: Reason | None = None
    author: Line | None = Field(None, description="name, office or role of whoever judged")
    reported_value: Value | None = Field(
        None,
        description="result of an assessment made elsewhere; needs `report_reference`",
        examples=["MEDIUM_CAPACITY"],
    )
    report_reference: Line | None = None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "standards": [
                        {"number": number, "result": "not_met" if number == 7 else "met"}
                        for number in range(1, 9)
                    ]
                }
            ]
        }
    )


class PseaIn(AssessmentBase):
    """A new PSEA assessment."""

    type: Literal["psea"]
    detail: PseaDetail

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "partner_id": "0198f3a2-5b7c-7d31-9a44-0c2f6d1e8b90",
                    "type": "psea",
                    "methodology": "UN-PSEA-2020",
                    "conducted_on": "2026-03-01",
                    "confidentiality": "RESTRICTED",
                    "detail": {
                        "standards": [
                            {"number": number, "result": "not_met" if number == 7 else "met"}
                            for number in range(1, 9)
                        ]
                    },
                }
            ]
        }
    )


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Standard(_Rule):
    """One standard of the tool."""

    number: int = Field(ge=1)
    code: str
    text: str
    na_allowed: bool


class Band(_Rule):
    """From ``min_met`` standards on, the result is ``value``."""

    min_met: int = Field(ge=0)
    value: Value
    level: RatingLevel


class CutOffs(_Rule):
    """Bands, best first, for one number of applicable standards."""

    applicable: int = Field(ge=1)
    bands: tuple[Band, ...] = Field(min_length=1)


class SpecialRating(_Rule):
    """A result that is judged, not computed."""

    value: Value
    level: RatingLevel | None
    text: str


class PseaMethodology(Methodology):
    """Standards, cut-offs and special ratings of one edition of the tool."""

    standards: tuple[Standard, ...] = Field(min_length=1)
    cut_offs: tuple[CutOffs, ...] = Field(min_length=1)
    special_ratings: tuple[SpecialRating, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        count = len(self.standards)
        if [item.number for item in self.standards] != list(range(1, count + 1)):
            raise ValueError("standards are numbered from 1 without gap")
        optional = sum(item.na_allowed for item in self.standards)
        wanted = list(range(count, count - optional - 1, -1))
        if [item.applicable for item in self.cut_offs] != wanted:
            raise ValueError("there are cut-offs for each number of applicable standards")
        for item in self.cut_offs:
            floors = [band.min_met for band in item.bands]
            if floors != sorted(set(floors), reverse=True) or floors[-1] != 0:
                raise ValueError("bands fall strictly, down to 0")
            if floors[0] > item.applicable:
                raise ValueError("the best band can be reached")
        return self

    def levels(self) -> dict[str, RatingLevel | None]:
        """Level of every value a report may state."""
        bands: dict[str, RatingLevel | None] = {
            band.value: band.level for item in self.cut_offs for band in item.bands
        }
        return bands | {item.value: item.level for item in self.special_ratings}


class Psea(AssessmentType[PseaDetail, PseaMethodology]):
    """The type itself."""

    code = CODE
    title = "PSEA capacity assessment"
    family = "PSEA"
    detail_model = PseaDetail
    methodology_model = PseaMethodology
    body_model = PseaIn

    def check(
        self, detail: PseaDetail, methodology: PseaMethodology, *, final: bool
    ) -> list[FieldError]:
        """See `AssessmentType.check`."""
        errors = _one_form(detail, final)
        if detail.standards is not None:
            errors += _standards(detail.standards, methodology, final)
        if detail.special_rating is not None:
            known = {item.value for item in methodology.special_ratings}
            errors += _known("/detail/special_rating", detail.special_rating, known)
        if detail.reported_value is not None:
            errors += _known("/detail/reported_value", detail.reported_value, methodology.levels())
        return errors

    def rate(self, detail: PseaDetail, methodology: PseaMethodology) -> Rating:
        """See `AssessmentType.rate`."""
        if detail.standards is None:
            value = detail.special_rating or detail.reported_value
            assert value is not None
            return result(methodology, value, methodology.levels()[value], "reported")
        met = sum(item.result == "met" for item in detail.standards)
        applicable = sum(item.result != "not_applicable" for item in detail.standards)
        (cut_offs,) = (item for item in methodology.cut_offs if item.applicable == applicable)
        band = next(band for band in cut_offs.bands if met >= band.min_met)
        return result(methodology, band.value, band.level, "computed")

    def values(self, methodology: PseaMethodology) -> Mapping[str, RatingLevel | None]:
        """See `AssessmentType.values`."""
        return methodology.levels()


def _one_form(detail: PseaDetail, final: bool) -> list[FieldError]:
    forms = (detail.standards, detail.special_rating, detail.reported_value)
    given = sum(form is not None for form in forms)
    errors = []
    if given > 1 or (final and given == 0):
        errors.append(
            error(
                "/detail",
                "one_form",
                "give exactly one of standards, special_rating and reported_value",
            )
        )
    rules = (
        ("reason", detail.reason, "special_rating", detail.special_rating),
        ("author", detail.author, "special_rating", detail.special_rating),
        ("report_reference", detail.report_reference, "reported_value", detail.reported_value),
    )
    for name, value, form, chosen in rules:
        if chosen is None and value is not None:
            errors.append(error(f"/detail/{name}", "not_expected", f"belongs to {form} only"))
        if final and chosen is not None and value is None:
            errors.append(error(f"/detail/{name}", "missing", f"{form} needs it"))
    return errors


def _standards(
    results: list[StandardResult], methodology: PseaMethodology, final: bool
) -> list[FieldError]:
    where = "/detail/standards"
    rules = {item.number: item for item in methodology.standards}
    errors = []
    for position, item in enumerate(results):
        rule = rules.get(item.number)
        if rule is None:
            errors.append(error(f"{where}/{position}/number", "unknown_standard", "no such one"))
        elif item.result == "not_applicable" and not rule.na_allowed:
            message = f"standard {item.number} applies to every partner"
            errors.append(error(f"{where}/{position}/result", "always_applicable", message))
    count = Counter(item.number for item in results)
    for number in rules:
        if count[number] > 1:
            errors.append(error(where, "standard_repeated", f"standard {number} is given twice"))
        if final and count[number] == 0:
            errors.append(error(where, "standard_missing", f"standard {number} has no result"))
    return errors


def _known(pointer: str, value: str, known: Mapping[str, Any] | set[str]) -> list[FieldError]:
    if value in known:
        return []
    return [error(pointer, "unknown_value", "the methodology has no such rating")]


TYPE = Psea()
