"""Due diligence: five questions, which answers pass, and who reads what (domain.md 5.1)."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from pydantic import ValidationError

from app.assessments.types import due_diligence
from app.assessments.types.due_diligence import DueDiligenceDetail

TOOL = due_diligence.TYPE.methodologies["UNPP-DD-2019"]
QUESTIONS = ("registration", "mandate", "safeguards", "other_risk", "recorded_risk")
NEEDED = ("yes", "yes", "yes", "no", "no")


def detail(answers: tuple[str, ...] = NEEDED, comment: str | None = "seen") -> dict[str, Any]:
    pairs = zip(QUESTIONS, answers, strict=True)
    said = {"comment": comment} if comment else {}
    return {"answers": [{"question": code, "answer": answer} | said for code, answer in pairs]}


def parsed(raw: dict[str, Any]) -> DueDiligenceDetail:
    return DueDiligenceDetail.model_validate(raw)


def faults(raw: dict[str, Any], *, final: bool = True) -> list[tuple[str, str]]:
    errors = due_diligence.TYPE.check(parsed(raw), TOOL, final=final)
    return [(error.pointer, error.code) for error in errors]


@pytest.mark.parametrize("answers", list(product(("yes", "no"), repeat=5)))
def test_only_three_times_yes_and_two_times_no_passes(answers: tuple[str, ...]) -> None:
    assert faults(detail(answers)) == []
    rating = due_diligence.TYPE.rate(parsed(detail(answers)), TOOL)
    assert rating.value == ("PASSED" if answers == NEEDED else "NOT_PASSED")
    assert (rating.level, rating.dimension) == (None, "due_diligence")
    assert rating.rating_source == "computed"
    met = sum(one == needed for one, needed in zip(answers, NEEDED, strict=True))
    said = due_diligence.TYPE.summarise(parsed(detail(answers)), TOOL)
    assert said == {"questions": 5, "as_needed": met}, "which ones are not is in no summary"


def test_an_answer_that_does_not_pass_says_why() -> None:
    failing = ("yes", "yes", "no", "no", "yes")
    missing = [("/detail/answers/2/comment", "missing"), ("/detail/answers/4/comment", "missing")]
    assert faults(detail(failing, comment=None)) == missing
    assert faults(detail(failing, comment=None), final=False) == []
    assert faults(detail(comment=None)) == []


def test_each_question_is_answered_once() -> None:
    answers = detail()["answers"]
    missing = ("/detail/answers", "question_missing")
    assert faults({"answers": answers[:-1]}) == [missing]
    assert faults({"answers": answers[:-1]}, final=False) == []
    repeated = [("/detail/answers", "question_repeated")]
    assert faults({"answers": [*answers, answers[0]]}) == repeated
    assert faults({"answers": answers[:1] * 2}, final=False) == repeated
    unknown = answers[0] | {"question": "budget"}
    fault = ("/detail/answers/5/question", "unknown_question")
    assert faults({"answers": [*answers, unknown]}) == [fault]
    assert faults({"answers": [unknown]}, final=False) == [("/detail/answers/0/question", fault[1])]


def test_the_order_of_the_answers_does_not_matter() -> None:
    backwards = parsed({"answers": detail()["answers"][::-1]})
    assert due_diligence.TYPE.rate(backwards, TOOL).value == "PASSED"


def test_a_result_made_elsewhere_is_reported_with_its_report() -> None:
    reported = {"reported_value": "PASSED", "report_reference": "UNPP, 2026-01-12"}
    assert faults(reported) == []
    rating = due_diligence.TYPE.rate(parsed(reported), TOOL)
    assert (rating.value, rating.rating_source) == ("PASSED", "reported")
    assert due_diligence.TYPE.summarise(parsed(reported), TOOL) == {}
    assert faults({"reported_value": "PASSED"}) == [("/detail/report_reference", "missing")]
    assert faults(reported | {"reported_value": "GOOD"}) == [
        ("/detail/reported_value", "unknown_value")
    ]
    assert faults(detail() | reported) == [("/detail", "one_form")]
    assert faults({}) == [("/detail", "one_form")]
    assert faults({}, final=False) == []
    assert faults(detail() | {"report_reference": "R"}) == [
        ("/detail/report_reference", "not_expected")
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"answers": [{"question": "mandate", "answer": "maybe"}]},
        {"answers": [{"question": "mandate", "answer": True}]},
        {"answers": [{"question": "mandate"}]},
        {"answers": [{"question": "Mandate!", "answer": "yes"}]},
        {"answers": [{"question": "mandate", "answer": "yes", "comment": ""}]},
        {"answers": [{"question": "mandate", "answer": "yes", "comment": "x" * 2_001}]},
        {"answers": [{"question": "mandate", "answer": "yes", "by": "me"}]},
        {"answers": [{"question": "mandate", "answer": "yes"}] * 21},
        {"verdict": "PASSED"},
    ],
)
def test_what_has_another_shape_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        parsed(wrong)


def test_the_partner_gets_no_comment_on_what_others_observed() -> None:
    stored = detail()
    shown = due_diligence.TYPE.for_partner(stored)
    assert [item["question"] for item in shown["answers"] if "comment" not in item] == [
        "other_risk",
        "recorded_risk",
    ]
    assert [item["answer"] for item in shown["answers"]] == list(NEEDED)
    assert all("comment" in item for item in stored["answers"]), "what is stored stays"
    reported = {"reported_value": "PASSED", "report_reference": "R"}
    assert due_diligence.TYPE.for_partner(reported) == reported
