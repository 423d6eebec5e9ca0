"""Due diligence on a partner by the five questions of the UN Partner Portal (domain.md 5.1).

Each question has the answer that is needed; the partner passes when all five are as needed. Or
the result was reached elsewhere and is reported. Passing is no risk level: there is none on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, Strict, StringConstraints

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

CODE = "due_diligence"
Answered = Literal["yes", "no"]
QuestionCode = Annotated[str, Strict(), StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
_RISKS = frozenset({"other_risk", "recorded_risk"})
"""Questions about what others have observed: the partner gets the answer, not the comment."""
_EXAMPLE: dict[str, Any] = {
    "answers": [
        {"question": "registration", "answer": "yes", "comment": "certificate in force until 2028"},
        {"question": "mandate", "answer": "yes"},
        {"question": "safeguards", "answer": "yes"},
        {"question": "other_risk", "answer": "no"},
        {"question": "recorded_risk", "answer": "no"},
    ]
}


class Answer(Schema):
    """What was found on one question."""

    question: QuestionCode = Field(examples=["registration"])
    answer: Answered
    comment: Reason | None = Field(
        None, description="needed where the answer is not the one that passes"
    )


class DueDiligenceDetail(Reported):
    """An answer to each question, or a reported result."""

    answers: list[Answer] | None = Field(
        None, max_length=20, description="each question exactly once; a draft may lack some"
    )

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})


class DueDiligenceIn(AssessmentBase):
    """A new due diligence."""

    type: Literal["due_diligence"]
    detail: DueDiligenceDetail

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "partner_id": "0198f3a2-5b7c-7d31-9a44-0c2f6d1e8b90",
                    "type": "due_diligence",
                    "methodology": "UNPP-DD-2019",
                    "conducted_on": "2026-03-01",
                    "confidentiality": "RESTRICTED",
                    "detail": _EXAMPLE,
                }
            ]
        }
    )


class Question(BaseModel):
    """One question, and the answer that passes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: QuestionCode
    text: str
    needed: Answered


class DueDiligenceMethodology(Methodology):
    """Questions of one edition, and what passing and not passing are called."""

    questions: tuple[Question, ...] = Field(min_length=1)
    passed: Value
    not_passed: Value


class DueDiligence(AssessmentType[DueDiligenceDetail, DueDiligenceMethodology]):
    """The type itself."""

    code = CODE
    title = "Due diligence"
    detail_model = DueDiligenceDetail
    methodology_model = DueDiligenceMethodology
    body_model = DueDiligenceIn

    def check(
        self, detail: DueDiligenceDetail, methodology: DueDiligenceMethodology, *, final: bool
    ) -> list[FieldError]:
        """See `AssessmentType.check`."""
        answers = detail.answers
        values = self.values(methodology)
        errors = reported_or(detail, "answers", answers is not None, values, final=final)
        if answers is None:
            return errors
        needed = {item.code: item.needed for item in methodology.questions}
        given = [item.question for item in answers]
        errors += each_once("/detail/answers", "question", given, needed, needed, final=final)
        for place, item in enumerate(answers):
            known = item.question in needed
            if final and known and item.comment is None and item.answer != needed[item.question]:
                message = "says why the answer is not the one that passes"
                errors.append(error(f"/detail/answers/{place}/comment", "missing", message))
        return errors

    def rate(self, detail: DueDiligenceDetail, methodology: DueDiligenceMethodology) -> Rating:
        """See `AssessmentType.rate`."""
        if detail.answers is None:
            assert detail.reported_value is not None
            return result(methodology, detail.reported_value, None, "reported")
        met = _as_needed(detail.answers, methodology)
        passed = met == len(methodology.questions)
        value = methodology.passed if passed else methodology.not_passed
        return result(methodology, value, None, "computed")

    def values(self, methodology: DueDiligenceMethodology) -> Mapping[str, RatingLevel | None]:
        """See `AssessmentType.values`."""
        return {methodology.passed: None, methodology.not_passed: None}

    def summarise(
        self, detail: DueDiligenceDetail, methodology: DueDiligenceMethodology
    ) -> dict[str, Any]:
        """How many answers are as needed; which ones are not is in the detail."""
        if detail.answers is None:
            return {}
        return {
            "questions": len(methodology.questions),
            "as_needed": _as_needed(detail.answers, methodology),
        }

    def for_partner(self, detail: dict[str, Any]) -> dict[str, Any]:
        """All but the comments on what others have observed."""
        if detail.get("answers") is None:
            return detail
        shown = [
            {name: value for name, value in item.items() if name != "comment"}
            if item["question"] in _RISKS
            else item
            for item in detail["answers"]
        ]
        return detail | {"answers": shown}


def _as_needed(answers: list[Answer], methodology: DueDiligenceMethodology) -> int:
    needed = {item.code: item.needed for item in methodology.questions}
    return sum(item.answer == needed[item.question] for item in answers)


TYPE = DueDiligence()
