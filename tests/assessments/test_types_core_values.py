"""The core-values type: eight statements, each found to hold or not (domain.md 2.6)."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from app.assessments.types import core_values
from app.assessments.types.core_values import CoreValuesDetail
from app.core import codelists

TOOL = core_values.TYPE.methodologies["CORE-VALUES-2019"]
CODES = [item.code for item in TOOL.statements]


def detail(**results: str) -> dict[str, Any]:
    """Every statement confirmed but those named."""
    return {
        "statements": [
            {"statement": code, "result": results.get(code, "confirmed"), "comment": "as found"}
            for code in CODES
        ]
    }


def parsed(raw: dict[str, Any]) -> CoreValuesDetail:
    return CoreValuesDetail.model_validate(raw)


def faults(raw: dict[str, Any], *, final: bool = True) -> list[tuple[str, str]]:
    errors = core_values.TYPE.check(parsed(raw), TOOL, final=final)
    return [(error.pointer, error.code) for error in errors]


def rated(raw: dict[str, Any]) -> tuple[str, str | None, str]:
    rating = core_values.TYPE.rate(parsed(raw), TOOL)
    assert rating.dimension == "core_values"
    return rating.value, rating.level, rating.rating_source


def test_the_statements_are_those_of_the_partners_declaration() -> None:
    assert [item.code for item in codelists.current("declaration_statements").items] == CODES


def test_one_statement_that_does_not_hold_fails_the_check() -> None:
    assert rated(detail()) == ("CONFIRMED", None, "computed")
    for code in CODES:
        raw = detail(**{code: "not_confirmed"})
        assert faults(raw) == []
        assert rated(raw) == ("NOT_CONFIRMED", None, "computed"), code
        del raw["statements"][CODES.index(code)]["comment"]
        where = f"/detail/statements/{CODES.index(code)}/comment"
        assert faults(raw) == [(where, "missing")]
        assert faults(raw, final=False) == []


def test_only_the_statement_for_civil_society_may_not_apply() -> None:
    assert faults(detail(NON_PROFIT="not_applicable")) == []
    assert rated(detail(NON_PROFIT="not_applicable"))[0] == "CONFIRMED"
    for place, code in enumerate(CODES[1:], 1):
        fault = (f"/detail/statements/{place}/result", "always_applicable")
        assert faults(detail(**{code: "not_applicable"})) == [fault]
        assert faults(detail(**{code: "not_applicable"}), final=False) == [fault]


def test_each_statement_is_there_once() -> None:
    found = detail()["statements"]
    assert faults({"statements": found[1:]}) == [("/detail/statements", "statement_missing")]
    assert faults({"statements": found[1:]}, final=False) == []
    assert faults({"statements": [*found, found[0]]}) == [
        ("/detail/statements", "statement_repeated")
    ]
    other = {"statement": "KINDNESS", "result": "not_applicable"}
    assert faults({"statements": [*found, other]}) == [
        ("/detail/statements/8/statement", "unknown_statement")
    ]


def test_the_summary_counts_and_names_nothing() -> None:
    raw = detail(NON_PROFIT="not_applicable", NO_CRIMES="not_confirmed")
    assert core_values.TYPE.summarise(parsed(raw), TOOL) == {
        "confirmed": 6,
        "not_confirmed": 1,
        "not_applicable": 1,
    }


def test_a_reported_check_names_its_report() -> None:
    reported = {"reported_value": "NOT_CONFIRMED", "report_reference": "CV/2026/2"}
    assert faults(reported) == []
    assert rated(reported) == ("NOT_CONFIRMED", None, "reported")
    assert core_values.TYPE.summarise(parsed(reported), TOOL) == {}
    assert faults(detail() | reported) == [("/detail", "one_form")]


@pytest.mark.parametrize(
    "wrong",
    [
        {"statements": [{"statement": "UN_VALUES", "result": True}]},
        {"statements": [{"statement": "un values", "result": "confirmed"}]},
        {"statements": [{"statement": "UN_VALUES", "result": "confirmed"}] * 31},
        {"statements": {}},
        {"confirmed": True},
    ],
)
def test_what_has_another_shape_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        parsed(wrong)
