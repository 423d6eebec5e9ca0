"""Spot check: a review of samples of expenditure and of internal controls at the partner's place.

Ineligible expenditure is the sum of the findings' amounts; it is computed, never entered.
"""

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
    Coded,
    FacePeriod,
    Found,
    MoneyFollowUp,
    Totals,
)
from app.assessments.types.base import AssessmentBase, Rating, RatingLevel, Reason, Value, result
from app.core.errors import FieldError

_CONTENTS = ("face_period", "tested_amount", "internal_controls", "findings")
_NEEDED = ("year", *_CONTENTS)


class SpotCheckFinding(MoneyFollowUp):
    """What the check found; with an amount where expenditure is ineligible."""

    category: Value = Field(examples=["NO_PROOF_OF_PAYMENT"])
    priority: Literal["HIGH", "LOW"]
    description: Reason


class SpotCheckDetail(AssuranceDetail):
    """The report of the check, or the result of one that was made elsewhere."""

    face_period: FacePeriod | None = None
    tested_amount: Amount | None = Field(None, description="expenditure that was tested")
    internal_controls: Reason | None = Field(
        None, description="what was found of the internal controls"
    )
    findings: list[SpotCheckFinding] | None = Field(
        None, max_length=200, description="none at all: an empty list"
    )

    @computed_field  # type: ignore[prop-decorator]  # mypy/issues/1362
    @property
    def totals(self) -> Totals | None:
        """Sums of the report, computed; `findings_usd` is the ineligible expenditure."""
        if self.reported_value is not None:
            return None
        return parts.totals(_found(self), self.tested_amount)


class SpotCheckIn(AssessmentBase):
    """A new spot check."""

    type: Literal["spot_check"]
    detail: SpotCheckDetail

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "partner_id": "0198f3a2-5b7c-7d31-9a44-0c2f6d1e8b90",
                    "type": "spot_check",
                    "methodology": "HACT-SPOT-CHECK-2014",
                    "conducted_on": "2026-02-10",
                    "confidentiality": "RESTRICTED",
                    "assessor": {"kind": "own_staff"},
                    "detail": {
                        "year": 2026,
                        "face_period": {"start": "2025-07-01", "end": "2025-12-31"},
                        "tested_amount": {"usd": "40000.00"},
                        "internal_controls": "Payments are approved by two persons.",
                        "findings": [
                            {
                                "category": "NO_PROOF_OF_PAYMENT",
                                "priority": "HIGH",
                                "description": "Two payments have no bank record.",
                                "amount": {"usd": "1800.00"},
                            }
                        ],
                    },
                }
            ]
        }
    )


class SpotCheckMethodology(AssuranceMethodology):
    """Results and categories of one edition."""

    categories: tuple[Coded, ...] = Field(min_length=1)


class SpotCheck(AssuranceType[SpotCheckDetail, SpotCheckMethodology]):
    """The type itself."""

    code = "spot_check"
    title = "Spot check"
    detail_model = SpotCheckDetail
    methodology_model = SpotCheckMethodology
    body_model = SpotCheckIn

    def check(
        self, detail: SpotCheckDetail, methodology: SpotCheckMethodology, *, final: bool
    ) -> list[FieldError]:
        """See `AssessmentType.check`."""
        findings = detail.findings or []
        categories = {item.code for item in methodology.categories}
        errors = parts.one_form(detail, _CONTENTS, _NEEDED, final)
        errors += parts.known(
            "/detail/reported_value", detail.reported_value, methodology.result_codes()
        )
        for position, item in enumerate(findings):
            pointer = f"/detail/findings/{position}/category"
            errors += parts.known(pointer, item.category, categories)
        errors += parts.settled("/detail/findings", findings)
        return errors + parts.money(detail, (detail.tested_amount, *parts.amounts_of(findings)))

    def rate(self, detail: SpotCheckDetail, methodology: SpotCheckMethodology) -> Rating:
        """See `AssessmentType.rate`: whether there are findings of high priority; no level."""
        if detail.reported_value is not None:
            return result(methodology, detail.reported_value, None, "reported")
        return result(methodology, parts.by_priority(_found(detail)), None, "computed")

    def values(self, methodology: SpotCheckMethodology) -> Mapping[str, RatingLevel | None]:
        """See `AssessmentType.values`."""
        return dict.fromkeys(item.code for item in methodology.results)

    def summarise(
        self, detail: SpotCheckDetail, methodology: SpotCheckMethodology
    ) -> dict[str, Any]:
        """See `AssessmentType.summarise`."""
        return parts.summary(detail, _found(detail))

    def found(self, detail: SpotCheckDetail) -> list[Found]:
        """See `AssuranceType.found`."""
        return _found(detail)


def _found(detail: SpotCheckDetail) -> list[Found]:
    return [
        Found("findings", position, item.category, item.priority, item, item.description)
        for position, item in enumerate(detail.findings or [])
    ]


TYPE = SpotCheck()
