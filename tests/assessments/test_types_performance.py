"""Performance reviews: grades of four scales, the common grade, and what is never kept (5.3)."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from app.assessments.types import performance
from app.assessments.types.performance import PerformanceDetail, PerformanceMethodology

TOOLS = performance.TYPE.methodologies
COMMON, PORTAL = TOOLS["COMMON-PERF-2026"], TOOLS["UNPP-PERF-2019"]
GRADES = ("UNSATISFACTORY", "PARTLY_SATISFACTORY", "SATISFACTORY", "HIGHLY_SATISFACTORY")
DIMENSIONS = [item.code for item in COMMON.dimensions]
FACTS: dict[str, Any] = {
    "period_from": "2025-01-01",
    "period_to": "2025-12-31",
    "reviewer_office": "Nairobi",
    "would_recommend": True,
    "ethical_concerns": False,
}
JUDGED = {"reason": "index of the fund", "author": "Head of fund"}
REPORTED = {"report_reference": "R/2026/1"}


def common(*numbers: int, skip: str = "community") -> dict[str, Any]:
    """A review whose dimensions have these grades, 1 to 4, in their order."""
    codes = [code for code in DIMENSIONS if len(numbers) == 7 or code != skip]
    pairs = zip(codes, numbers, strict=True)
    return FACTS | {"dimensions": [{"dimension": d, "grade": GRADES[n - 1]} for d, n in pairs]}


def parsed(raw: dict[str, Any]) -> PerformanceDetail:
    return PerformanceDetail.model_validate(raw)


def faults(
    raw: dict[str, Any], tool: PerformanceMethodology = COMMON, *, final: bool = True
) -> list[tuple[str, str]]:
    errors = performance.TYPE.check(parsed(raw), tool, final=final)
    return [(error.pointer, error.code) for error in errors]


def came_to(raw: dict[str, Any], tool: PerformanceMethodology = COMMON) -> tuple[str, Any, str]:
    """Value, common grade and source of a complete review."""
    assert faults(raw, tool) == []
    rating = performance.TYPE.rate(parsed(raw), tool)
    assert (rating.scheme, rating.dimension, rating.level) == (tool.code, "performance", None)
    said = performance.TYPE.summarise(parsed(raw), tool)
    return rating.value, said["common_grade"], rating.rating_source


@pytest.mark.parametrize(
    ("numbers", "grade"),
    [
        ((1,) * 7, 1),
        ((4,) * 7, 4),
        ((1, 1, 1, 2, 4, 4, 4), 2),
        ((4, 1, 4, 1, 4, 1, 3), 3),
        ((3, 2, 3, 2, 4, 3), 3),
        ((2, 2, 2, 3, 3, 3), 2),
        ((1, 1, 1, 4, 4, 4), 2),
        ((1, 1, 1, 2, 2, 2), 1),
    ],
)
def test_the_grade_is_the_middle_one_and_between_two_the_lower(
    numbers: tuple[int, ...], grade: int
) -> None:
    assert came_to(common(*numbers)) == (GRADES[grade - 1], grade, "computed")


def test_grades_of_the_portal_keep_their_scale_and_have_a_common_grade_beside() -> None:
    codes = ("programme_management", "financial_management", "community_engagement")

    def review(*grades: str) -> dict[str, Any]:
        pairs = zip(codes, grades, strict=True)
        return FACTS | {"dimensions": [{"dimension": d, "grade": g} for d, g in pairs]}

    bad, good, best = "NOT_SATISFACTORY", "SATISFACTORY", "HIGHLY_SATISFACTORY"
    assert came_to(review(best, good, best), PORTAL) == (best, 4, "computed")
    assert came_to(review(bad, good, best), PORTAL) == (good, 3, "computed")
    assert came_to(review(bad, best, bad), PORTAL) == (bad, 1, "computed")
    assert faults(review(bad, best, GRADES[1]), PORTAL) == [
        ("/detail/dimensions/2/grade", "unknown_value")
    ]


@pytest.mark.parametrize(("tool", "value"), [("OCHA-PPI", "HIGH"), ("UNHCR-PERF", "A")])
def test_scales_of_risk_are_judged_and_mean_no_grade_by_themselves(tool: str, value: str) -> None:
    judged = FACTS | JUDGED | {"overall": value}
    assert came_to(judged, TOOLS[tool]) == (value, None, "reported")
    assert came_to(judged | {"common_grade": 3}, TOOLS[tool]) == (value, 3, "reported")
    for name in ("reason", "author"):
        lacking = {key: item for key, item in judged.items() if key != name}
        assert faults(lacking, TOOLS[tool]) == [(f"/detail/{name}", "missing")]
    assert faults(judged | {"overall": "GOOD"}, TOOLS[tool]) == [
        ("/detail/overall", "unknown_value")
    ]
    graded = judged | {"dimensions": [{"dimension": "results", "grade": value}]}
    assert ("/detail/dimensions", "not_expected") in faults(graded, TOOLS[tool])


def test_a_judgement_cannot_replace_the_computation() -> None:
    wrong = common(4, 4, 4, 4, 4, 4) | JUDGED | {"overall": GRADES[0], "common_grade": 1}
    assert {pointer for pointer, code in faults(wrong) if code == "not_expected"} == {
        "/detail/overall",
        "/detail/reason",
        "/detail/author",
        "/detail/common_grade",
    }


def test_only_the_work_with_communities_may_be_left_out() -> None:
    assert faults(common(3, 3, 3, 3, 3, 3)) == []
    for code in DIMENSIONS:
        if code != "community":
            fault = ("/detail/dimensions", "dimension_missing")
            assert faults(common(3, 3, 3, 3, 3, 3, skip=code)) == [fault]
            assert faults(common(3, 3, 3, 3, 3, 3, skip=code), final=False) == []
    twice = common(3, 3, 3, 3, 3, 3)
    twice["dimensions"].append(twice["dimensions"][0])
    assert faults(twice) == [("/detail/dimensions", "dimension_repeated")]


def test_a_reported_review_has_its_period_and_its_report() -> None:
    reported = REPORTED | {
        "reported_value": GRADES[2],
        "period_from": "2025-01-01",
        "period_to": "2025-06-30",
    }
    assert came_to(reported) == (GRADES[2], 3, "reported")
    assert faults({"reported_value": GRADES[2]} | REPORTED) == [
        ("/detail/period_from", "missing"),
        ("/detail/period_to", "missing"),
    ]
    assert faults(reported | common(3, 3, 3, 3, 3, 3)) == [("/detail", "one_form")]


def test_a_final_review_says_when_who_and_whether_they_would_again() -> None:
    graded = {"dimensions": common(3, 3, 3, 3, 3, 3)["dimensions"]}
    assert {pointer for pointer, _ in faults(graded)} == {f"/detail/{name}" for name in FACTS}
    assert faults({}, final=False) == []
    backwards = common(3, 3, 3, 3, 3, 3) | {"period_to": "2024-12-31"}
    assert faults(backwards) == [("/detail/period_to", "period_invalid")]
    assert faults(backwards, final=False) == [("/detail/period_to", "period_invalid")]


def test_the_partner_has_fifteen_days_and_its_comment_stands_in_the_summary_as_a_code() -> None:
    assert {tool.comment_days for tool in TOOLS.values()} == {15}
    review = common(3, 3, 3, 3, 3, 3)
    for comment, shown in (
        (None, None),
        ({"waived": True}, "waived"),
        ({"received_on": "2026-02-01", "text": "Floods."}, "received"),
    ):
        commented = parsed(review | {"partner_comment": comment})
        assert performance.TYPE.heard(commented) == (shown is not None)
        said = performance.TYPE.summarise(commented, COMMON)
        assert said == {
            "period_from": "2025-01-01",
            "period_to": "2025-12-31",
            "common_grade": 3,
            "partner_comment": shown,
        }, "no concern, no recommendation, no text"


def test_no_review_supersedes_another() -> None:
    assert performance.TYPE.current_key("COMMON-PERF-2026") is None
    assert performance.TYPE.family == "PERF"


@pytest.mark.parametrize(
    "wrong",
    [
        {"ethical_concerns": "a driver was"},
        {"ethical_concerns": 1},
        {"ethical_concerns": {"what": "x"}},
        {"ethical_concerns_text": "x"},
        {"would_recommend": "yes"},
        {"common_grade": 5},
        {"common_grade": 0},
        {"common_grade": True},
        {"kpis": [{"indicator": "x", "target": 5}]},
        {"kpis": [{"indicator": "x", "target": "NaN"}]},
        {"kpis": [{"target": "5"}]},
        {"kpis": [{"indicator": "x"}] * 101},
        {"partner_comment": {}},
        {"partner_comment": {"waived": True, "text": "x"}},
        {"partner_comment": {"text": "x"}},
        {"partner_comment": {"received_on": "2026-01-01"}},
        {"period_from": "2025"},
        {"narrative": "x" * 4_001},
    ],
)
def test_what_has_another_shape_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        parsed(wrong)


def _repeated(data: dict[str, Any]) -> None:
    data["grades"][1] = data["grades"][0]


def _worse_is_better(data: dict[str, Any]) -> None:
    data["grades"].reverse()


def _no_common_grade(data: dict[str, Any]) -> None:
    data["grades"][1]["common"] = None


def _nothing_graded(data: dict[str, Any]) -> None:
    data["dimensions"] = []


def _no_way(data: dict[str, Any]) -> None:
    data["overall"] = {"by": "dimensions"}


def _judged_by_median(data: dict[str, Any]) -> None:
    data["overall"]["by"] = "judgement"


@pytest.mark.parametrize(
    "spoil",
    [_repeated, _worse_is_better, _no_common_grade, _nothing_graded, _no_way, _judged_by_median],
)
def test_inconsistent_data_is_refused(spoil: Any) -> None:
    data = COMMON.model_dump(mode="json")
    PerformanceMethodology.model_validate(data)
    spoil(data)
    with pytest.raises(ValidationError):
        PerformanceMethodology.model_validate(data)
