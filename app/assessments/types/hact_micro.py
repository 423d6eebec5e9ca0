"""Financial management risk of a partner by the HACT framework (domain.md 3.1, 3.2).

Three ways to a result: answers to a questionnaire, from which it is computed; a judgement on
another basis, such as an assumption or an audit, with reason and author; a result reported from
an assessment made elsewhere. Which of them are open, the methodology says.

The questionnaires and their arithmetic: `hact_scoring.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from app.assessments.types.base import (
    AssessmentBase,
    AssessmentType,
    Rating,
    RatingLevel,
    Reason,
    Reported,
    Value,
    error,
    result,
)
from app.assessments.types.forms import Form, known, one_form
from app.assessments.types.hact_scoring import (
    MAX_ANSWER,
    HactMethodology,
    QuestionCode,
    Score,
    explained,
    rating_of,
    score,
)
from app.core.errors import FieldError
from app.core.schemas import Day, Line, Schema, Text

CODE = "hact_micro"
FORMS = (
    Form("answers", takes=("subject_areas",)),
    Form("basis", needs=("reason", "author"), takes=("judged_value", "report_reference")),
    Form("reported_value", needs=("report_reference",)),
)

Comment = Annotated[
    Text,
    StringConstraints(min_length=1, max_length=1_000, strip_whitespace=True),
    Field(description="on systems and documents; persons are not named here"),
]

# ------------------------------------------------------------------------------------- the detail


class HactAnswer(Schema):
    """The risk that was found for one question."""

    question: QuestionCode
    value: Annotated[int, Field(strict=True, ge=0, le=MAX_ANSWER)] = Field(
        description="0 not applicable, 1 low, 2 moderate, 3 significant, 4 high risk"
    )
    comment: Comment | None = None


class HactSubjectArea(Schema):
    """The risk that the assessor's own tests found in one area."""

    area: QuestionCode
    value: Annotated[int, Field(strict=True, ge=1, le=MAX_ANSWER)] = Field(
        description="1 low, 2 moderate, 3 significant, 4 high risk"
    )
    comment: Comment


_CHECKLIST: JsonDict = {
    "answers": [
        {"question": code, "value": value}
        for code, value in zip(
            ("O1", "O2", "O3", "M1", "M2", "M3", "M4", "M5", "P1", "P2", "R1", "R2"),
            (1, 2, 1, 3, 1, 2, 1, 1, 2, 1, 0, 2),
            strict=True,
        )
    ]
}
_ASSUMED: JsonDict = {
    "basis": "HIGH_RISK_ASSUMED",
    "reason": "Above the threshold; the assessment is planned for the next quarter.",
    "author": "Head of office",
}


class HactMicroDetail(Reported):
    """Answers, or a basis that is judged, or a reported result: exactly one of the three."""

    answers: list[HactAnswer] | None = Field(
        None,
        max_length=150,
        description="each question of the methodology exactly once; a draft may lack some",
    )
    subject_areas: list[HactSubjectArea] | None = Field(
        None, max_length=20, description="tested subject areas; they do not change the rating"
    )
    basis: Value | None = Field(
        None,
        description="of a rating without questionnaire; needs `reason` and `author`",
        examples=["HIGH_RISK_ASSUMED"],
    )
    judged_value: Value | None = Field(
        None,
        description="the rating judged on that basis; only where the basis allows more than one",
        examples=["SIGNIFICANT"],
    )
    reason: Reason | None = None
    author: Line | None = Field(
        None, description="office or role of whoever judged", examples=["Head of office"]
    )
    cycle_end: Day | None = Field(
        None,
        description="end of the programme cycle; the result is not valid beyond it",
        examples=["2028-12-31"],
    )

    model_config = ConfigDict(json_schema_extra={"examples": [_CHECKLIST, _ASSUMED]})


class HactMicroIn(AssessmentBase):
    """A new micro-assessment, or another basis of a partner's HACT rating."""

    type: Literal["hact_micro"]
    detail: HactMicroDetail

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "partner_id": "0198f3a2-5b7c-7d31-9a44-0c2f6d1e8b90",
                    "type": "hact_micro",
                    "methodology": "HACT-SIMPLIFIED",
                    "conducted_on": "2026-03-01",
                    "confidentiality": "RESTRICTED",
                    "assessor": {"kind": "firm", "name": "Lake Audit LLP"},
                    "detail": _CHECKLIST,
                }
            ]
        }
    )


# --------------------------------------------------------------------------------------- the type


class HactMicro(AssessmentType[HactMicroDetail, HactMethodology]):
    """The type itself."""

    code = CODE
    title = "HACT micro-assessment"
    family = "ASSESS"
    detail_model = HactMicroDetail
    methodology_model = HactMethodology
    body_model = HactMicroIn

    def check(
        self, detail: HactMicroDetail, methodology: HactMethodology, *, final: bool
    ) -> list[FieldError]:
        """See `AssessmentType.check`."""
        errors = one_form(detail, FORMS, final=final) + _open_forms(detail, methodology)
        if errors:
            return errors
        if detail.answers is not None:
            errors += _answers(detail.answers, methodology, final)
        if detail.subject_areas is not None:
            errors += _subject_areas(detail.subject_areas, methodology)
        if detail.basis is not None:
            errors += _basis(detail, methodology, final)
        if detail.reported_value is not None:
            errors += known("/detail/reported_value", detail.reported_value, methodology.levels())
        return errors

    def rate(self, detail: HactMicroDetail, methodology: HactMethodology) -> Rating:
        """See `AssessmentType.rate`."""
        if detail.answers is not None and methodology.scoring is not None:
            value = rating_of(_total(detail.answers, methodology), methodology.scoring)
            assert value is not None, "`check` refuses answers of which none applies"
            return result(methodology, value, methodology.levels()[value], "computed")
        value = detail.reported_value or _judged(detail, methodology)
        return result(methodology, value, methodology.levels()[value], "reported")

    def values(self, methodology: HactMethodology) -> Mapping[str, RatingLevel | None]:
        """See `AssessmentType.values`."""
        return methodology.levels()

    def valid_until(
        self, detail: HactMicroDetail, methodology: HactMethodology, conducted_on: date
    ) -> date:
        """See `AssessmentType.valid_until`: not beyond the programme cycle.

        A cycle that was over already leaves the day itself.
        """
        until = methodology.valid_until(conducted_on)
        return max(conducted_on, min(until, detail.cycle_end or until))

    def summarise(self, detail: HactMicroDetail, methodology: HactMethodology) -> dict[str, Any]:
        """See `AssessmentType.summarise`: what it rests on, and on how many questions."""
        summary: dict[str, Any] = {"basis": detail.basis or methodology.basis}
        if detail.answers is not None:
            summary["applicable_questions"] = _total(detail.answers, methodology).applicable
        return summary

    def explain(self, detail: HactMicroDetail, methodology: HactMethodology) -> dict[str, Any]:
        """See `AssessmentType.explain`: points, score and cut-offs, in all and by area."""
        if detail.answers is None or methodology.scoring is None:
            return {}
        given = {item.question: item.value for item in detail.answers}
        areas = []
        for area in methodology.areas:
            questions = [item for item in methodology.questions if item.area == area.code]
            found = score(questions, given, methodology.scoring.weights)
            areas.append({"area": area.code, **explained(found, methodology)})
        return {**explained(_total(detail.answers, methodology), methodology), "areas": areas}


def _total(answers: list[HactAnswer], methodology: HactMethodology) -> Score:
    assert methodology.scoring is not None
    given = {item.question: item.value for item in answers}
    return score(methodology.questions, given, methodology.scoring.weights)


# --------------------------------------------------------------------------------- what is wrong


def _open_forms(detail: HactMicroDetail, methodology: HactMethodology) -> list[FieldError]:
    """Forms that this methodology does not have."""
    closed = (
        ("answers", not methodology.questions, "its cut-offs or questions are not known here"),
        ("basis", not methodology.bases, f"what it gives rests on {methodology.basis}"),
        ("reported_value", bool(methodology.bases), "say on which basis it rests"),
    )
    return [
        error(f"/detail/{name}", "not_of_methodology", f"not by this methodology: {why}")
        for name, shut, why in closed
        if shut and getattr(detail, name) is not None
    ]


def _answers(
    answers: list[HactAnswer], methodology: HactMethodology, final: bool
) -> list[FieldError]:
    where = "/detail/answers"
    codes = {item.code: None for item in methodology.questions}
    errors = []
    count: Counter[str] = Counter()
    for position, item in enumerate(answers):
        count[item.question] += 1
        pointer = f"{where}/{position}/question"
        if item.question not in codes:
            errors.append(error(pointer, "unknown_question", "the methodology has no such one"))
        elif count[item.question] > 1:
            errors.append(error(pointer, "question_repeated", "it has an answer already"))
    if not final:
        return errors
    missing = [code for code in codes if not count[code]]
    if missing:
        message = f"no answer to {', '.join(missing)}"
        errors.append(error(where, "answers_missing", message))
    elif not errors and all(item.value == 0 for item in answers):
        message = "no question applies, so there is nothing to rate"
        errors.append(error(where, "nothing_applicable", message))
    return errors


def _subject_areas(found: list[HactSubjectArea], methodology: HactMethodology) -> list[FieldError]:
    codes = {area.code for area in methodology.areas}
    errors = []
    seen: set[str] = set()
    for position, item in enumerate(found):
        pointer = f"/detail/subject_areas/{position}/area"
        if item.area not in codes:
            errors.append(error(pointer, "unknown_area", "the methodology has no such one"))
        elif item.area in seen:
            errors.append(error(pointer, "area_repeated", "it has a rating already"))
        seen.add(item.area)
    return errors


def _basis(detail: HactMicroDetail, methodology: HactMethodology, final: bool) -> list[FieldError]:
    rule = next((item for item in methodology.bases if item.code == detail.basis), None)
    if rule is None:
        return [error("/detail/basis", "unknown_basis", "the methodology has no such one")]
    errors = []
    if detail.judged_value is not None and detail.judged_value not in rule.values:
        message = f"on this basis it is one of {', '.join(rule.values)}"
        errors.append(error("/detail/judged_value", "unknown_value", message))
    if final and detail.judged_value is None and len(rule.values) > 1:
        errors.append(
            error("/detail/judged_value", "missing", "the basis leaves it to a judgement")
        )
    if final and rule.needs_report and detail.report_reference is None:
        errors.append(error("/detail/report_reference", "missing", "name the report judged from"))
    return errors


def _judged(detail: HactMicroDetail, methodology: HactMethodology) -> str:
    if detail.judged_value is not None:
        return detail.judged_value
    (value,) = next(item.values for item in methodology.bases if item.code == detail.basis)
    return value


TYPE = HactMicro()
