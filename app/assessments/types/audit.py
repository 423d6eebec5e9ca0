"""Audit of a partner's expenditure: an opinion, money findings, and weaknesses of key controls.

The opinion is the auditor's judgement and never becomes a level of risk (domain.md 5.4, 6.4).
"""

from __future__ import annotations

from collections import Counter
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
    Value,
    error,
    result,
)
from app.core.errors import FieldError
from app.core.schemas import Flag, Line

_CONTENTS = (
    *("opinion", "basis_for_opinion", "author", "standard", "face_period"),
    *("audited_expenditure", "financial_findings", "key_controls"),
)
_NEEDED = ("year", "opinion", "author", "standard", "face_period", "audited_expenditure")


class FinancialFinding(MoneyFollowUp):
    """Money that the auditor did not find supported."""

    category: Value = Field(examples=["NO_SUPPORTING_DOCUMENTATION"])
    priority: Priority
    description: Reason
    amount: Amount


class KeyControl(FollowUp):
    """What the auditor found of one area of internal control."""

    area: Value = Field(examples=["FIXED_ASSETS_AND_INVENTORY"])
    weakness: Literal["HIGH", "MEDIUM", "LOW", "NONE"]
    observation: Reason | None = Field(None, description="needed where there is a weakness")


class AuditDetail(AssuranceDetail):
    """The audit's report, or the opinion of one that was made elsewhere."""

    opinion: Value | None = Field(None, examples=["QUALIFIED"])
    basis_for_opinion: Reason | None = Field(None, description="needed for a modified opinion")
    author: Line | None = Field(
        None, description="who signed the opinion: firm, institution or role"
    )
    standard: Value | None = Field(None, examples=["ISA_800"])
    face_period: FacePeriod | None = None
    audited_expenditure: Amount | None = None
    financial_findings: list[FinancialFinding] | None = Field(
        None, max_length=200, description="none at all: an empty list, or left out"
    )
    key_controls: list[KeyControl] | None = Field(
        None,
        max_length=13,
        description="each area exactly once; left out where controls were not reviewed",
    )

    @computed_field  # type: ignore[prop-decorator]  # mypy/issues/1362
    @property
    def totals(self) -> Totals | None:
        """Sums of the report, computed."""
        if self.reported_value is not None:
            return None
        return parts.totals(_found(self), self.audited_expenditure)


class AuditIn(AssessmentBase):
    """A new audit."""

    type: Literal["audit"]
    detail: AuditDetail

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "partner_id": "0198f3a2-5b7c-7d31-9a44-0c2f6d1e8b90",
                    "type": "audit",
                    "methodology": "HACT-AUDIT-2014",
                    "conducted_on": "2026-04-20",
                    "confidentiality": "RESTRICTED",
                    "assessor": {"kind": "firm", "name": "Lake Audit LLP"},
                    "detail": {
                        "year": 2025,
                        "opinion": "QUALIFIED",
                        "basis_for_opinion": "Transport costs of two quarters lack receipts.",
                        "author": "Lake Audit LLP",
                        "standard": "ISA_800",
                        "face_period": {"start": "2025-01-01", "end": "2025-12-31"},
                        "audited_expenditure": {"usd": "200000.00"},
                        "financial_findings": [
                            {
                                "category": "NO_SUPPORTING_DOCUMENTATION",
                                "priority": "HIGH",
                                "description": "No receipts for transport in two quarters.",
                                "recommendation": "Refund, or bring the receipts.",
                                "due_on": "2026-09-30",
                                "amount": {"usd": "12500.00"},
                                "resolution": {"amount_refunded": {"usd": "2500.00"}},
                            }
                        ],
                    },
                }
            ]
        }
    )


class Opinion(Coded):
    """An opinion; ``modified`` ones say on what they rest."""

    modified: Flag


class Weakness(Coded):
    """How bad a weakness is, in points; the registry stores them and adds nothing up."""

    points: int = Field(ge=0)


class AuditMethodology(AssuranceMethodology):
    """Opinions (the results), standards, areas, weaknesses and categories of one edition."""

    results: tuple[Opinion, ...] = Field(min_length=1)
    standards: tuple[Coded, ...] = Field(min_length=1)
    areas: tuple[Coded, ...] = Field(min_length=1)
    weaknesses: tuple[Weakness, ...] = Field(min_length=1)
    categories: tuple[Coded, ...] = Field(min_length=1)


class Audit(AssuranceType[AuditDetail, AuditMethodology]):
    """The type itself."""

    code = "audit"
    title = "Audit"
    detail_model = AuditDetail
    methodology_model = AuditMethodology
    body_model = AuditIn

    def check(
        self, detail: AuditDetail, methodology: AuditMethodology, *, final: bool
    ) -> list[FieldError]:
        """See `AssessmentType.check`."""
        findings = detail.financial_findings or []
        codes = methodology.result_codes()
        categories = {item.code for item in methodology.categories}
        errors = parts.one_form(detail, _CONTENTS, _NEEDED, final)
        errors += parts.known("/detail/opinion", detail.opinion, codes)
        errors += parts.known("/detail/reported_value", detail.reported_value, codes)
        standards = {item.code for item in methodology.standards}
        errors += parts.known("/detail/standard", detail.standard, standards)
        for position, item in enumerate(findings):
            pointer = f"/detail/financial_findings/{position}/category"
            errors += parts.known(pointer, item.category, categories)
        modified = {item.code for item in methodology.results if item.modified}
        if final and detail.opinion in modified and detail.basis_for_opinion is None:
            message = "a modified opinion says on what it rests"
            errors.append(error("/detail/basis_for_opinion", "missing", message))
        if detail.key_controls is not None:
            errors += _controls(detail.key_controls, methodology, final)
        errors += parts.settled("/detail/financial_findings", findings)
        amounts = (detail.audited_expenditure, *parts.amounts_of(findings))
        return errors + parts.money(detail, amounts)

    def rate(self, detail: AuditDetail, methodology: AuditMethodology) -> Rating:
        """See `AssessmentType.rate`. A judgement, so never `computed`, and without a level."""
        value = detail.opinion or detail.reported_value
        assert value is not None
        return result(methodology, value, None, "reported")

    def values(self, methodology: AuditMethodology) -> Mapping[str, RatingLevel | None]:
        """See `AssessmentType.values`."""
        return dict.fromkeys(item.code for item in methodology.results)

    def summarise(self, detail: AuditDetail, methodology: AuditMethodology) -> dict[str, Any]:
        """See `AssessmentType.summarise`."""
        opinion = detail.opinion or detail.reported_value
        return parts.summary(detail, self.found(detail), opinion=opinion)

    def found(self, detail: AuditDetail) -> list[Found]:
        """See `AssuranceType.found`: money findings, and every area with a weakness."""
        return _found(detail)


def _found(detail: AuditDetail) -> list[Found]:
    found = [
        Found("financial_findings", position, item.category, item.priority, item, item.description)
        for position, item in enumerate(detail.financial_findings or [])
    ]
    for position, control in enumerate(detail.key_controls or []):
        if control.weakness != "NONE":
            found.append(
                Found(
                    "key_controls",
                    position,
                    control.area,
                    control.weakness,
                    control,
                    control.observation,
                )
            )
    return found


def _controls(
    controls: list[KeyControl], methodology: AuditMethodology, final: bool
) -> list[FieldError]:
    where = "/detail/key_controls"
    areas = [item.code for item in methodology.areas]
    errors = []
    for position, item in enumerate(controls):
        errors += parts.known(f"{where}/{position}/area", item.area, areas)
        if final and item.weakness != "NONE" and item.observation is None:
            message = "a weakness is described"
            errors.append(error(f"{where}/{position}/observation", "missing", message))
    count = Counter(item.area for item in controls)
    for area in areas:
        if count[area] > 1:
            errors.append(error(where, "area_repeated", f"{area} is given twice"))
        if final and count[area] == 0:
            errors.append(error(where, "area_missing", f"{area} is not given"))
    return errors


TYPE = Audit()
