"""Programmatic visit: what was monitored on the spot, and what was observed.

It counts towards the visits that HACT asks for only where a HACT question was answered on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import ConfigDict, Field

from app.assessments.types import assurance_parts as parts
from app.assessments.types.assurance_parts import (
    AssuranceDetail,
    AssuranceMethodology,
    AssuranceType,
    FollowUp,
    Found,
    Priority,
)
from app.assessments.types.base import AssessmentBase, Rating, RatingLevel, Reason, result
from app.core.errors import FieldError
from app.core.schemas import Day, Flag

_CONTENTS = ("visited_on", "monitored", "hact_question_answered", "observations")
_NEEDED = ("year", "visited_on", "monitored", "hact_question_answered")


class Observation(FollowUp):
    """What was seen; with a priority where it is to be followed up."""

    observation: Reason
    priority: Priority | None = Field(None, description="null: nothing to follow up")


class VisitDetail(AssuranceDetail):
    """The report of the visit, or that one was made elsewhere."""

    visited_on: Day | None = Field(None, examples=["2026-03-18"])
    monitored: Reason | None = Field(None, description="which activities and results, and where")
    hact_question_answered: Flag | None = Field(
        None, description="true: the visit counts as a programmatic visit"
    )
    observations: list[Observation] | None = Field(None, max_length=200)


class VisitIn(AssessmentBase):
    """A new programmatic visit."""

    type: Literal["programmatic_visit"]
    detail: VisitDetail

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "partner_id": "0198f3a2-5b7c-7d31-9a44-0c2f6d1e8b90",
                    "type": "programmatic_visit",
                    "methodology": "HACT-VISIT-2014",
                    "conducted_on": "2026-03-20",
                    "confidentiality": "INTER_AGENCY",
                    "assessor": {"kind": "own_staff"},
                    "detail": {
                        "year": 2026,
                        "visited_on": "2026-03-18",
                        "monitored": "Water points of output 1.2 in two wards.",
                        "hact_question_answered": True,
                        "observations": [
                            {
                                "observation": "One of six pumps does not work.",
                                "priority": "MEDIUM",
                                "recommendation": "Repair it, and train a second mechanic.",
                                "due_on": "2026-06-30",
                            }
                        ],
                    },
                }
            ]
        }
    )


class VisitMethodology(AssuranceMethodology):
    """The result of one edition."""

    hact_question: str


class ProgrammaticVisit(AssuranceType[VisitDetail, VisitMethodology]):
    """The type itself."""

    code = "programmatic_visit"
    title = "Programmatic visit"
    detail_model = VisitDetail
    methodology_model = VisitMethodology
    body_model = VisitIn

    def check(
        self, detail: VisitDetail, methodology: VisitMethodology, *, final: bool
    ) -> list[FieldError]:
        """See `AssessmentType.check`."""
        return [
            *parts.one_form(detail, _CONTENTS, _NEEDED, final),
            *parts.known(
                "/detail/reported_value", detail.reported_value, methodology.result_codes()
            ),
        ]

    def rate(self, detail: VisitDetail, methodology: VisitMethodology) -> Rating:
        """See `AssessmentType.rate`: that it was made; a visit rates nothing."""
        if detail.reported_value is not None:
            return result(methodology, detail.reported_value, None, "reported")
        return result(methodology, "COMPLETED", None, "computed")

    def values(self, methodology: VisitMethodology) -> Mapping[str, RatingLevel | None]:
        """See `AssessmentType.values`."""
        return dict.fromkeys(item.code for item in methodology.results)

    def summarise(self, detail: VisitDetail, methodology: VisitMethodology) -> dict[str, Any]:
        """See `AssessmentType.summarise`."""
        counts = detail.hact_question_answered
        return parts.summary(detail, _found(detail), counts_as_programmatic_visit=counts)

    def found(self, detail: VisitDetail) -> list[Found]:
        """See `AssuranceType.found`: observations with a priority."""
        return _found(detail)


def _found(detail: VisitDetail) -> list[Found]:
    return [
        Found("observations", position, "OBSERVATION", item.priority, item, item.observation)
        for position, item in enumerate(detail.observations or [])
        if item.priority is not None
    ]


TYPE = ProgrammaticVisit()
