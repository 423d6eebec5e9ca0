"""The PSEA type: cut-offs, N/A, special and reported ratings (domain.md 4.3)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from app.assessments.types import psea
from app.assessments.types.psea import PseaDetail, PseaMethodology
from tests.assessments.factories import psea_detail

TOOL: PseaMethodology = psea.TYPE.methodologies["UN-PSEA-2020"]
FULL, MEDIUM, LOW = (
    ("FULL_CAPACITY", "LOW"),
    ("MEDIUM_CAPACITY", "MODERATE"),
    ("LOW_CAPACITY", "HIGH"),
)


def rate(**detail: Any) -> tuple[str, str | None, str]:
    rating = psea.TYPE.rate(PseaDetail.model_validate(detail), TOOL)
    assert rating.scheme == "UN-PSEA-2020"
    assert rating.dimension == "sea_risk"
    return rating.value, rating.level, rating.rating_source


def faults(detail: dict[str, Any], *, final: bool = True) -> list[tuple[str, str]]:
    errors = psea.TYPE.check(PseaDetail.model_validate(detail), TOOL, final=final)
    return [(error.pointer, error.code) for error in errors]


@pytest.mark.parametrize(
    ("met", "expected"),
    [(8, FULL), (7, MEDIUM), (6, MEDIUM), *((n, LOW) for n in range(6))],
)
def test_cut_offs_with_eight_applicable_standards(met: int, expected: tuple[str, str]) -> None:
    assert faults(psea_detail(met)) == []
    assert rate(**psea_detail(met)) == (*expected, "computed")


@pytest.mark.parametrize(
    ("met", "expected"),
    [(7, FULL), (6, MEDIUM), (5, MEDIUM), *((n, LOW) for n in range(5))],
)
def test_cut_offs_when_subcontracting_does_not_apply(met: int, expected: tuple[str, str]) -> None:
    assert faults(psea_detail(met, skip=2)) == []
    assert rate(**psea_detail(met, skip=2)) == (*expected, "computed")


@pytest.mark.parametrize("number", [1, 3, 4, 5, 6, 7, 8])
def test_only_the_second_standard_may_be_not_applicable(number: int) -> None:
    fault = (f"/detail/standards/{number - 1}/result", "always_applicable")
    assert faults(psea_detail(skip=number)) == [fault]
    assert faults(psea_detail(skip=number), final=False) == [fault]


def test_the_order_of_the_answers_does_not_matter() -> None:
    detail = psea_detail(6)
    assert rate(standards=detail["standards"][::-1]) == rate(**detail)


def test_each_standard_is_answered_exactly_once() -> None:
    standards = psea_detail()["standards"]
    assert faults({"standards": standards[:-1]}) == [("/detail/standards", "standard_missing")]
    assert faults({"standards": [*standards[:-1], standards[0]]}) == [
        ("/detail/standards", "standard_repeated"),
        ("/detail/standards", "standard_missing"),
    ]


def test_a_draft_may_lack_answers_but_not_repeat_one() -> None:
    standards = psea_detail()["standards"]
    assert faults({}, final=False) == []
    assert faults({"standards": standards[:3]}, final=False) == []
    repeated = [("/detail/standards", "standard_repeated")]
    assert faults({"standards": standards[:1] * 2}, final=False) == repeated


@pytest.mark.parametrize("number", [0, 9, -1, True, "1", 1.0])
def test_a_standard_is_one_of_eight(number: object) -> None:
    with pytest.raises(ValueError, match="number"):
        PseaDetail.model_validate({"standards": [{"number": number, "result": "met"}]})


@pytest.mark.parametrize(
    ("value", "level"),
    [("LOW_CAPACITY_ASSUMED_EMERGENCY", "HIGH"), ("NO_CONTACT_WITH_BENEFICIARIES", "LOW")],
)
def test_a_special_rating_is_judged_with_reason_and_author(value: str, level: str) -> None:
    judged = {"special_rating": value, "reason": "flood response", "author": "Head of office"}
    assert faults(judged) == []
    assert rate(**judged) == (value, level, "reported")
    for name in ("reason", "author"):
        lacking = {key: item for key, item in judged.items() if key != name}
        assert faults(lacking) == [(f"/detail/{name}", "missing")]
        assert faults(lacking, final=False) == []


@pytest.mark.parametrize("value", ["FULL_CAPACITY", "NOT_ASSESSED"])
def test_a_judgement_cannot_replace_the_computation(value: str) -> None:
    judged = {"special_rating": value, "reason": "because", "author": "somebody"}
    assert faults(judged) == [("/detail/special_rating", "unknown_value")]


def test_a_result_reported_from_elsewhere_names_its_report() -> None:
    reported = {"reported_value": "MEDIUM_CAPACITY", "report_reference": "OCHA/KE/2026/4"}
    assert faults(reported) == []
    assert rate(**reported) == (*MEDIUM, "reported")
    assert faults({"reported_value": "MEDIUM_CAPACITY"}) == [
        ("/detail/report_reference", "missing")
    ]
    assert faults(reported | {"reported_value": "GOOD_CAPACITY"}) == [
        ("/detail/reported_value", "unknown_value")
    ]


def test_a_detail_has_exactly_one_form() -> None:
    reported = {"reported_value": "MEDIUM_CAPACITY", "report_reference": "R"}
    assert faults({}) == [("/detail", "one_form")]
    assert faults(psea_detail() | reported) == [("/detail", "one_form")]
    assert faults(psea_detail() | {"reason": "x"}) == [("/detail/reason", "not_expected")]
    assert faults(reported | {"author": "x"}) == [("/detail/author", "not_expected")]


def test_validity_counts_sixty_months_from_completion() -> None:
    assert TOOL.valid_until(date(2026, 3, 1)) == date(2031, 3, 1)
    assert TOOL.valid_until(date(2024, 2, 29)) == date(2029, 2, 28)
