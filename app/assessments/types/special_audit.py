"""Special audit: procedures agreed for one question, what each found, and recommendations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import ConfigDict, Field, computed_field

from app.assessments.types import assurance_parts as parts
from app.assessments.types.assurance_parts import (
    Amount,
    AssuranceDetail,
    AssuranceMethodology,
    AssuranceType,
    FacePeriod,
    FollowUp,
    Found,
    MoneyFollowUp,
    Priority,
    Totals,
)
from app.assessments.types.base import (
    AssessmentBase,
    Rating,
    RatingLevel,
    Reason,
    error,
    result,
)
from app.core.errors import FieldError

_CONTENTS = ("face_period", "audited_expenditure", "procedures", "recommendations")
_NEEDED = ("year", "procedures")


class Procedure(MoneyFollowUp):
    """One procedure and what it found; with a priority where it found something to follow up."""

    description: Reason
    finding: Reason | None = Field(None, description="a draft may lack it")
    priority: Priority | None = Field(None, description="null: nothing to follow up")


class Recommendation(FollowUp):
    """A recommendation that belongs to no single procedure."""

    recommendation: Reason
    priority: Priority


class SpecialAuditDetail(AssuranceDetail):
    """The report, or the result of one that was made elsewhere."""

    face_period: FacePeriod | None = None
    audited_expenditure: Amount | None = None
    procedures: list[Procedure] | None = Field(None, min_length=1, max_length=100)
    recommendations: list[Recommendation] | None = Field(None, max_length=100)

    @computed_field  # type: ignore[prop-decorator]  # mypy/issues/1362
    @property
    def totals(self) -> Totals | None:
        """Sums of the report, computed."""
        if self.reported_value is not None:
            return None
        return parts.totals(_found(self), self.audited_expenditure)


class SpecialAuditIn(AssessmentBase):
    """A new special audit."""

    type: Literal["special_audit"]
    detail: SpecialAuditDetail

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "partner_id": "0198f3a2-5b7c-7d31-9a44-0c2f6d1e8b90",
                    "type": "special_audit",
                    "methodology": "HACT-SPECIAL-2014",
                    "conducted_on": "2026-05-12",
                    "confidentiality": "RESTRICTED",
                    "assessor": {"kind": "firm", "name": "Lake Audit LLP"},
                    "detail": {
                        "year": 2026,
                        "procedures": [
                            {
                                "description": "Compare payrolls with contracts.",
                                "finding": "Three salaries exceed the contracts.",
                                "priority": "HIGH",
                                "amount": {"usd": "4200.00"},
                            }
                        ],
                        "recommendations": [
                            {
                                "recommendation": "Keep contracts and payroll apart.",
                                "priority": "MEDIUM",
                            }
                        ],
                    },
                }
            ]
        }
    )


class SpecialAuditMethodology(AssuranceMethodology):
    """Results of one edition; what is asked is agreed for each audit."""


class SpecialAudit(AssuranceType[SpecialAuditDetail, SpecialAuditMethodology]):
    """The type itself."""

    code = "special_audit"
    title = "Special audit"
    detail_model = SpecialAuditDetail
    methodology_model = SpecialAuditMethodology
    body_model = SpecialAuditIn

    def check(
        self, detail: SpecialAuditDetail, methodology: SpecialAuditMethodology, *, final: bool
    ) -> list[FieldError]:
        """See `AssessmentType.check`."""
        procedures = detail.procedures or []
        errors = parts.one_form(detail, _CONTENTS, _NEEDED, final)
        errors += parts.known(
            "/detail/reported_value", detail.reported_value, methodology.result_codes()
        )
        for position, item in enumerate(procedures):
            where = f"/detail/procedures/{position}"
            if final and item.finding is None:
                message = "each procedure says what it found"
                errors.append(error(f"{where}/finding", "missing", message))
            if item.amount is not None and item.priority is None:
                message = "an amount is followed up, so it needs a priority"
                errors.append(error(f"{where}/priority", "missing", message))
        errors += parts.settled("/detail/procedures", procedures)
        amounts = (detail.audited_expenditure, *parts.amounts_of(procedures))
        return errors + parts.money(detail, amounts)

    def rate(self, detail: SpecialAuditDetail, methodology: SpecialAuditMethodology) -> Rating:
        """See `AssessmentType.rate`: whether there are findings of high priority; no level."""
        if detail.reported_value is not None:
            return result(methodology, detail.reported_value, None, "reported")
        return result(methodology, parts.by_priority(_found(detail)), None, "computed")

    def values(self, methodology: SpecialAuditMethodology) -> Mapping[str, RatingLevel | None]:
        """See `AssessmentType.values`."""
        return dict.fromkeys(item.code for item in methodology.results)

    def summarise(
        self, detail: SpecialAuditDetail, methodology: SpecialAuditMethodology
    ) -> dict[str, Any]:
        """See `AssessmentType.summarise`."""
        return parts.summary(detail, _found(detail))

    def found(self, detail: SpecialAuditDetail) -> list[Found]:
        """See `AssuranceType.found`: procedures with a priority, and all recommendations."""
        return _found(detail)


def _found(detail: SpecialAuditDetail) -> list[Found]:
    found = [
        Found("procedures", position, "PROCEDURE", item.priority, item, item.finding)
        for position, item in enumerate(detail.procedures or [])
        if item.priority is not None
    ]
    return found + [
        Found("recommendations", position, "RECOMMENDATION", item.priority, item)
        for position, item in enumerate(detail.recommendations or [])
    ]


TYPE = SpecialAudit()
