"""The predecessor of the common PSEA tool: six standards of 1 to 3 points (domain.md 4.2)."""

from __future__ import annotations

from typing import Any

import pytest

from app.assessments.types import psea
from app.assessments.types.psea import PseaDetail
from app.assessments.types.psea_methodology import PseaMethodology
from tests.assessments.factories import make_assessment, psea_detail
from tests.conftest import ApiFor

LEGACY: PseaMethodology = psea.TYPE.methodologies["UNICEF-PSEA-2020"]
POINTS = ("absent", "progressing", "adequate")
LOW, MODERATE, HIGH = (
    ("LOW_RISK", "LOW"),
    ("MODERATE_RISK", "MODERATE"),
    ("HIGH_RISK", "HIGH"),
)


def summing_to(total: int) -> dict[str, Any]:
    """Six answers with these points in all."""
    above = total - 6
    points = [min(2, max(0, above - 2 * place)) for place in range(6)]
    return {
        "standards": [
            {"number": number, "result": POINTS[more]} for number, more in enumerate(points, 1)
        ]
    }


def faults(detail: dict[str, Any]) -> list[tuple[str, str]]:
    errors = psea.TYPE.check(PseaDetail.model_validate(detail), LEGACY, final=True)
    return [(error.pointer, error.code) for error in errors]


@pytest.mark.parametrize(
    ("total", "expected"),
    [
        *((total, HIGH) for total in (6, 7, 8)),
        *((total, MODERATE) for total in range(9, 15)),
        *((total, LOW) for total in range(15, 19)),
    ],
)
def test_the_sum_of_six_standards_gives_the_risk(total: int, expected: tuple[str, str]) -> None:
    detail = summing_to(total)
    assert faults(detail) == []
    parsed = PseaDetail.model_validate(detail)
    rating = psea.TYPE.rate(parsed, LEGACY)
    assert (rating.value, rating.level) == expected
    assert (rating.scheme, rating.dimension) == ("UNICEF-PSEA-2020", "sea_risk")
    assert rating.rating_source == "computed"
    assert psea.TYPE.explain(parsed, LEGACY) == {"points": total, "applicable_standards": 6}


def test_it_has_six_standards_which_all_apply() -> None:
    standards = summing_to(12)["standards"]
    assert faults({"standards": standards[:5]}) == [("/detail/standards", "standard_missing")]
    seventh = [*standards, {"number": 7, "result": "adequate"}]
    assert faults({"standards": seventh}) == [("/detail/standards/6/number", "unknown_standard")]
    standards[1]["result"] = "not_applicable"
    assert faults({"standards": standards}) == [("/detail/standards/1/result", "always_applicable")]


def test_results_of_one_tool_are_none_of_the_other() -> None:
    standards = summing_to(18)["standards"]
    standards[0]["result"] = "met"
    assert faults({"standards": standards}) == [("/detail/standards/0/result", "unknown_result")]
    common = psea.TYPE.methodologies["UN-PSEA-2020"]
    answers = psea_detail()
    answers["standards"][0]["result"] = "adequate"
    errors = psea.TYPE.check(PseaDetail.model_validate(answers), common, final=True)
    assert [error.code for error in errors] == ["unknown_result"]


def test_it_has_no_special_ratings_but_reported_ones() -> None:
    judged = {"special_rating": "LOW_CAPACITY_ASSUMED_EMERGENCY", "reason": "x", "author": "y"}
    assert faults(judged) == [("/detail/special_rating", "unknown_value")]
    reported = {"reported_value": "MODERATE_RISK", "report_reference": "KEN/2021PSEA7"}
    assert faults(reported) == []
    assert faults(reported | {"reported_value": "MEDIUM_CAPACITY"}) == [
        ("/detail/reported_value", "unknown_value")
    ]


async def test_it_is_filed_and_read_like_the_common_tool(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    made = await make_assessment(
        unicef, methodology="UNICEF-PSEA-2020", conducted_on="2022-05-31", detail=summing_to(14)
    )
    assert made["rating"] == {
        "scheme": "UNICEF-PSEA-2020",
        "value": "MODERATE_RISK",
        "dimension": "sea_risk",
        "level": "MODERATE",
        "rating_source": "computed",
    }
    assert made["valid_until"] == "2027-05-31"
    read = await unicef.read(f"/v1/assessments/{made['id']}/detail")
    assert read["computed"] == {"points": 14, "applicable_standards": 6}
