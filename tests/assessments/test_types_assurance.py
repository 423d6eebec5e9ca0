"""Spot checks, special audits and programmatic visits (domain.md 5.4, 3.3)."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from app.assessments.types import programmatic_visit, special_audit, spot_check
from app.assessments.types.assurance_parts import AssuranceType
from tests.assessments.audit_factories import (
    METHODOLOGIES,
    finding,
    special_audit_detail,
    spot_check_detail,
    visit_detail,
)

SPOT, SPECIAL, VISIT = spot_check.TYPE, special_audit.TYPE, programmatic_visit.TYPE
DETAILS = [(SPOT, spot_check_detail), (SPECIAL, special_audit_detail), (VISIT, visit_detail)]


def faults(
    kind: AssuranceType[Any, Any], detail: dict[str, Any], *, final: bool = True
) -> list[tuple[str, str]]:
    tool = kind.methodologies[METHODOLOGIES[kind.code]]
    errors = kind.check(kind.detail_model.model_validate(detail), tool, final=final)
    return [(one.pointer, one.code) for one in errors]


def rated(kind: AssuranceType[Any, Any], detail: dict[str, Any]) -> tuple[str, str | None, str]:
    tool = kind.methodologies[METHODOLOGIES[kind.code]]
    rating = kind.rate(kind.detail_model.model_validate(detail), tool)
    assert rating.dimension == "assurance_result"
    return rating.value, rating.level, rating.rating_source


def said(kind: AssuranceType[Any, Any], detail: dict[str, Any]) -> dict[str, Any]:
    tool = kind.methodologies[METHODOLOGIES[kind.code]]
    return kind.summarise(kind.detail_model.model_validate(detail), tool)


@pytest.mark.parametrize(("kind", "make"), DETAILS, ids=lambda one: getattr(one, "code", ""))
def test_a_complete_report_is_taken_and_an_empty_one_only_as_a_draft(kind: Any, make: Any) -> None:
    assert faults(kind, make()) == []
    assert faults(kind, {}, final=False) == []
    assert all(code == "missing" for _, code in faults(kind, {}))
    assert ("/detail/year", "missing") in faults(kind, {})
    assert kind.current_key("X") is None
    assert set(kind.values(kind.methodologies[METHODOLOGIES[kind.code]]).values()) == {None}


@pytest.mark.parametrize(("kind", "make"), DETAILS, ids=lambda one: getattr(one, "code", ""))
def test_a_result_reported_from_elsewhere(kind: Any, make: Any) -> None:
    value = "COMPLETED" if kind is VISIT else "HIGH_FINDINGS"
    reported = {"reported_value": value, "report_reference": "R-1", "year": 2026}
    assert faults(kind, reported) == []
    assert rated(kind, reported) == (value, None, "reported")
    assert said(kind, reported)["open_high_findings"] is None
    assert faults(kind, reported | {"reported_value": "FINE"}) == [
        ("/detail/reported_value", "unknown_value")
    ]
    assert {code for _, code in faults(kind, make() | reported)} == {"not_expected"}


def test_the_spot_check_has_the_categories_of_the_source() -> None:
    assert len(SPOT.methodologies["HACT-SPOT-CHECK-2014"].categories) == 28


def test_a_spot_check_is_rated_by_whether_it_has_high_findings() -> None:
    low, high = finding("300.00", "LOW"), finding("500.00")
    assert rated(SPOT, spot_check_detail()) == ("NO_HIGH_FINDINGS", None, "computed")
    assert rated(SPOT, spot_check_detail(low)) == ("NO_HIGH_FINDINGS", None, "computed")
    assert rated(SPOT, spot_check_detail(low, high)) == ("HIGH_FINDINGS", None, "computed")
    assert said(SPOT, spot_check_detail(low, high)) == {
        "year": 2026,
        "open_high_findings": 1,
        "pending_unsupported_band": "UP_TO_10K",
    }


def test_ineligible_expenditure_is_the_sum_of_the_findings() -> None:
    without = finding(priority="LOW")
    del without["amount"]
    detail = spot_check_detail(finding("300.00"), finding("700.00", "LOW"), without)
    totals = spot_check.SpotCheckDetail.model_validate(detail).totals
    assert totals is not None
    assert (str(totals.findings_usd), str(totals.percent)) == ("1000.00", "2.50")


def test_a_spot_check_knows_no_medium_priority() -> None:
    with pytest.raises(ValidationError):
        faults(SPOT, spot_check_detail(finding(priority="MEDIUM")))


def test_what_has_no_amount_is_not_settled() -> None:
    free = finding(resolved={"write_off": "1.00"})
    del free["amount"]
    fault = ("/detail/findings/0/resolution", "no_amount")
    assert faults(SPOT, spot_check_detail(free)) == [fault]


def test_a_spot_check_says_what_it_found_of_controls_and_findings() -> None:
    detail = spot_check_detail()
    del detail["internal_controls"], detail["findings"]
    assert faults(SPOT, detail) == [
        ("/detail/internal_controls", "missing"),
        ("/detail/findings", "missing"),
    ]


def test_each_procedure_of_a_special_audit_says_what_it_found() -> None:
    open_one = {"description": "Count the stock"}
    detail = special_audit_detail(procedures=[open_one])
    assert faults(SPECIAL, detail) == [("/detail/procedures/0/finding", "missing")]
    assert faults(SPECIAL, detail, final=False) == []
    costly = {"description": "Payroll", "finding": "Too high", "amount": {"usd": "5.00"}}
    assert faults(SPECIAL, special_audit_detail(procedures=[costly])) == [
        ("/detail/procedures/0/priority", "missing")
    ]


def test_procedures_with_a_priority_and_all_recommendations_are_followed_up() -> None:
    quiet = {"description": "Cash count", "finding": "It agrees"}
    loud = {"description": "Payroll", "finding": "Too high", "priority": "HIGH"}
    advice = {"recommendation": "Keep them apart", "priority": "LOW"}
    detail = special_audit_detail(procedures=[quiet, loud], recommendations=[advice])
    found = SPECIAL.found(special_audit.SpecialAuditDetail.model_validate(detail))
    assert [(one.part, one.position, one.priority) for one in found] == [
        ("procedures", 1, "HIGH"),
        ("recommendations", 0, "LOW"),
    ]
    assert rated(SPECIAL, detail)[0] == "HIGH_FINDINGS"
    assert rated(SPECIAL, special_audit_detail())[0] == "NO_HIGH_FINDINGS"


@pytest.mark.parametrize("answered", [True, False])
def test_a_visit_counts_where_a_hact_question_was_answered(answered: bool) -> None:
    detail = visit_detail(hact_question_answered=answered)
    assert rated(VISIT, detail) == ("COMPLETED", None, "computed")
    assert said(VISIT, detail)["counts_as_programmatic_visit"] is answered


def test_observations_with_a_priority_are_followed_up() -> None:
    seen = [{"observation": "All well"}, {"observation": "A pump is broken", "priority": "HIGH"}]
    detail = programmatic_visit.VisitDetail.model_validate(visit_detail(observations=seen))
    assert [(one.position, one.priority) for one in VISIT.found(detail)] == [(1, "HIGH")]


def test_the_summary_has_no_amount_and_no_text() -> None:
    detail = spot_check_detail(finding("123.45"))
    assert "123" not in str(said(SPOT, detail))
    assert "Canary" not in str(said(SPOT, detail))
