"""Whether an agency found a partner's core-values statements to hold (domain.md 2.6).

The statements are those of the partner's own declaration; here an agency checks them. A statement
that is only for some kinds of partners may be left as not applicable where the data says so: a
type does not know the partner, so the data cannot say by itself for whom.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

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
from app.assessments.types.forms import each_once, reported_or
from app.core.errors import FieldError
from app.core.schemas import Schema

CODE = "core_values"
_EXAMPLE: dict[str, Any] = {
    "statements": [
        {"statement": "NON_PROFIT", "result": "confirmed", "comment": "statutes of 2019, article 4"}
    ]
    + [
        {"statement": code, "result": "confirmed"}
        for code in (
            "UN_VALUES",
            "PARTNERSHIP_PRINCIPLES",
            "NON_DISCRIMINATION",
            "SEA_STANDARDS",
            "NO_CRIMES",
            "NOT_LISTED",
            "TRUE_STATEMENT",
        )
    ]
}


class StatementResult(Schema):
    """What was found for one statement."""

    statement: Value = Field(examples=["UN_VALUES"])
    result: Literal["confirmed", "not_confirmed", "not_applicable"]
    comment: Reason | None = Field(
        None,
        description="needed where a statement is not confirmed: what was found, never the "
        "facts of a case",
    )


class CoreValuesDetail(Reported):
    """A result for each statement, or a reported result."""

    statements: list[StatementResult] | None = Field(
        None, max_length=30, description="each statement exactly once; a draft may lack some"
    )

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})


class CoreValuesIn(AssessmentBase):
    """A new check of core values."""

    type: Literal["core_values"]
    detail: CoreValuesDetail

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "partner_id": "0198f3a2-5b7c-7d31-9a44-0c2f6d1e8b90",
                    "type": "core_values",
                    "methodology": "CORE-VALUES-2019",
                    "conducted_on": "2026-03-01",
                    "confidentiality": "INTER_AGENCY",
                    "detail": _EXAMPLE,
                }
            ]
        }
    )


class Statement(BaseModel):
    """One statement."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: Value
    text: str
    na_allowed: bool = Field(description="it does not apply to every partner")


class CoreValuesMethodology(Methodology):
    """Statements of one edition, and what the two results are called."""

    statements: tuple[Statement, ...] = Field(min_length=1)
    met: Value
    not_met: Value


class CoreValues(AssessmentType[CoreValuesDetail, CoreValuesMethodology]):
    """The type itself."""

    code = CODE
    title = "Core-values check"
    detail_model = CoreValuesDetail
    methodology_model = CoreValuesMethodology
    body_model = CoreValuesIn

    def check(
        self, detail: CoreValuesDetail, methodology: CoreValuesMethodology, *, final: bool
    ) -> list[FieldError]:
        """See `AssessmentType.check`."""
        found = detail.statements
        values = self.values(methodology)
        errors = reported_or(detail, "statements", found is not None, values, final=final)
        if found is None:
            return errors
        where = "/detail/statements"
        optional = {item.code: item.na_allowed for item in methodology.statements}
        given = [item.statement for item in found]
        errors += each_once(where, "statement", given, optional, optional, final=final)
        for place, item in enumerate(found):
            if item.result == "not_applicable" and not optional.get(item.statement, True):
                message = "this statement applies to every partner"
                errors.append(error(f"{where}/{place}/result", "always_applicable", message))
            if final and item.result == "not_confirmed" and item.comment is None:
                message = "says what was found"
                errors.append(error(f"{where}/{place}/comment", "missing", message))
        return errors

    def rate(self, detail: CoreValuesDetail, methodology: CoreValuesMethodology) -> Rating:
        """See `AssessmentType.rate`."""
        if detail.statements is None:
            assert detail.reported_value is not None
            return result(methodology, detail.reported_value, None, "reported")
        failed = any(item.result == "not_confirmed" for item in detail.statements)
        value = methodology.not_met if failed else methodology.met
        return result(methodology, value, None, "computed")

    def values(self, methodology: CoreValuesMethodology) -> Mapping[str, RatingLevel | None]:
        """See `AssessmentType.values`."""
        return {methodology.met: None, methodology.not_met: None}

    def summarise(
        self, detail: CoreValuesDetail, methodology: CoreValuesMethodology
    ) -> dict[str, Any]:
        """How many statements had which result."""
        if detail.statements is None:
            return {}
        counted = Counter(item.result for item in detail.statements)
        return {name: counted[name] for name in ("confirmed", "not_confirmed", "not_applicable")}


TYPE = CoreValues()
