"""Other capacity assessments: each body's own results, and the levels of the crosswalk (6.4)."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from app.assessments.types import capacity_other
from app.assessments.types.capacity_other import CapacityDetail, CapacityMethodology

TOOLS = capacity_other.TYPE.methodologies
LEVELS: dict[str, dict[str, str | None]] = {
    "OCHA-CBPF-CA": {"LOW": "LOW", "MEDIUM": "MODERATE", "HIGH": "HIGH", "INELIGIBLE": None},
    "OCHA-CBPF-PI": {"LOW": "LOW", "MEDIUM": "MODERATE", "HIGH": "HIGH"},
    "UNHCR-CAPACITY": {"A": "LOW", "B": "MODERATE", "C": "HIGH"},
    "UNHCR-PPQ": {"PREQUALIFIED": None, "NOT_PREQUALIFIED": None},
    "ECHO-FPA": {"PASSED": None, "NOT_PASSED": None},
    "FCDO-DD": {"PASSED": None, "PASSED_WITH_CONDITIONS": None, "NOT_PASSED": None},
    "OTHER-CAPACITY": {"RECORDED": None},
}
REPORT: dict[str, Any] = {"report_reference": "R/2026/1 of 2026-03-01", "assessed_by": "the body"}
OWN = {"tool": "Network self-check", "source_value": "level 3 of 5"}


def parsed(raw: dict[str, Any]) -> CapacityDetail:
    return CapacityDetail.model_validate(raw)


def faults(tool: str, raw: dict[str, Any], *, final: bool = True) -> list[tuple[str, str]]:
    errors = capacity_other.TYPE.check(parsed(raw), TOOLS[tool], final=final)
    return [(error.pointer, error.code) for error in errors]


def test_every_tool_has_its_results_and_no_more_levels_than_the_crosswalk() -> None:
    assert {code: dict(capacity_other.TYPE.values(TOOLS[code])) for code in TOOLS} == LEVELS
    assert not any(tool.confirmed for tool in TOOLS.values())


@pytest.mark.parametrize(
    ("tool", "value"), [(tool, value) for tool, found in LEVELS.items() for value in found]
)
def test_a_result_is_reported_on_the_scale_of_its_body(tool: str, value: str) -> None:
    raw = REPORT | {"reported_value": value} | (OWN if tool == "OTHER-CAPACITY" else {})
    assert faults(tool, raw) == []
    rating = capacity_other.TYPE.rate(parsed(raw), TOOLS[tool])
    assert (rating.scheme, rating.value, rating.level) == (tool, value, LEVELS[tool][value])
    assert (rating.dimension, rating.rating_source) == ("partner_capacity_risk", "reported")


def test_a_body_knows_only_its_own_results() -> None:
    fault = [("/detail/reported_value", "unknown_value")]
    assert faults("OCHA-CBPF-PI", REPORT | {"reported_value": "INELIGIBLE"}) == fault
    assert faults("UNHCR-CAPACITY", REPORT | {"reported_value": "LOW"}) == fault
    assert faults("UNHCR-CAPACITY", {"reported_value": "LOW"}, final=False) == fault


def test_a_final_one_names_result_report_and_assessor_and_a_draft_may_lack_them() -> None:
    assert faults("ECHO-FPA", {}) == [
        ("/detail/reported_value", "missing"),
        ("/detail/assessed_by", "missing"),
    ]
    assert faults("ECHO-FPA", {"reported_value": "PASSED", "assessed_by": "ECHO"}) == [
        ("/detail/report_reference", "missing")
    ]
    assert faults("ECHO-FPA", {}, final=False) == []


def test_a_tool_that_is_not_listed_is_named_and_quoted_and_a_listed_one_is_not() -> None:
    recorded = REPORT | {"reported_value": "RECORDED"}
    assert faults("OTHER-CAPACITY", recorded) == [
        ("/detail/tool", "missing"),
        ("/detail/source_value", "missing"),
    ]
    assert faults("ECHO-FPA", REPORT | OWN | {"reported_value": "PASSED"}) == [
        ("/detail/tool", "not_expected"),
        ("/detail/source_value", "not_expected"),
    ]


def test_each_tool_has_a_current_result_of_its_own() -> None:
    keys = {capacity_other.TYPE.current_key(code) for code in TOOLS}
    assert keys == set(TOOLS)


def test_the_summary_says_whose_tool_and_how_many_conditions() -> None:
    raw = REPORT | {"reported_value": "MEDIUM", "conditions": ["a bank account", "an audit"]}
    said = capacity_other.TYPE.summarise(parsed(raw), TOOLS["OCHA-CBPF-CA"])
    assert said == {"body": "OCHA", "conditions": 2}


@pytest.mark.parametrize(
    "wrong",
    [
        {"score": "1"},
        {"score_of": "10"},
        {"score": "11", "score_of": "10"},
        {"score": 5, "score_of": 10},
        {"score": "-1", "score_of": "10"},
        {"score": "1e3", "score_of": "1e4"},
        {"areas": [{"area": "x", "score": "2", "score_of": "1"}]},
        {"areas": [{"value": "high"}]},
        {"areas": [{"area": "x"}] * 41},
        {"conditions": ["x"] * 21},
        {"level": "LOW"},
    ],
)
def test_what_has_another_shape_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        parsed(wrong)


def test_inconsistent_data_is_refused() -> None:
    good = TOOLS["OCHA-CBPF-CA"].model_dump()
    for spoilt in (
        good | {"own_words": True},
        good | {"body": None},
        good | {"results": [good["results"][0]] * 2},
        good | {"results": []},
    ):
        with pytest.raises(ValidationError):
            CapacityMethodology.model_validate(spoilt)
