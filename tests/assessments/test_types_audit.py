"""Audits: opinions, money that is pending, percent, key controls (domain.md 5.4)."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from app.assessments.types import audit
from app.assessments.types.assurance_parts import BANDS, Bands, percent
from app.assessments.types.audit import AuditDetail, AuditMethodology
from tests.assessments.audit_factories import AREAS, audit_detail, control, controls, finding

TOOL: AuditMethodology = audit.TYPE.methodologies["HACT-AUDIT-2014"]
KINDS = (
    "amount_refunded",
    "additional_documentation_provided",
    "justification_accepted",
    "write_off",
)


def parsed(detail: dict[str, Any]) -> AuditDetail:
    return AuditDetail.model_validate(detail)


def faults(detail: dict[str, Any], *, final: bool = True) -> list[tuple[str, str]]:
    return [(one.pointer, one.code) for one in audit.TYPE.check(parsed(detail), TOOL, final=final)]


def said(detail: dict[str, Any]) -> dict[str, Any]:
    return audit.TYPE.summarise(parsed(detail), TOOL)


def test_the_lists_are_as_long_as_the_source_has_them() -> None:
    assert (len(TOOL.areas), len(TOOL.categories)) == (13, 16)
    points = {item.code: item.points for item in TOOL.weaknesses}
    assert points == {"HIGH": 4, "MEDIUM": 2, "LOW": 1, "NONE": 0}
    assert [item.code for item in TOOL.results if item.modified] == [
        "QUALIFIED",
        "ADVERSE",
        "DISCLAIMER",
    ]
    assert not TOOL.confirmed


@pytest.mark.parametrize("opinion", ["UNQUALIFIED", "QUALIFIED", "ADVERSE", "DISCLAIMER"])
def test_an_opinion_is_a_judgement_and_never_a_level(opinion: str) -> None:
    detail = audit_detail(opinion=opinion)
    assert faults(detail) == []
    rating = audit.TYPE.rate(parsed(detail), TOOL)
    assert (rating.value, rating.level, rating.rating_source) == (opinion, None, "reported")
    assert rating.dimension == "audit_opinion"
    assert audit.TYPE.values(TOOL)[opinion] is None
    assert audit.TYPE.current_key("HACT-AUDIT-2014") is None


def test_an_opinion_has_an_author_and_a_modified_one_a_basis() -> None:
    detail = audit_detail()
    del detail["author"], detail["basis_for_opinion"]
    assert faults(detail) == [
        ("/detail/author", "missing"),
        ("/detail/basis_for_opinion", "missing"),
    ]
    assert faults(detail, final=False) == []
    assert faults(detail | {"opinion": "UNQUALIFIED", "author": "SAI"}) == []
    assert faults(detail | {"author": "A", "opinion": "CLEAN"}) == [
        ("/detail/opinion", "unknown_value")
    ]


def test_a_draft_may_be_empty_and_a_final_audit_not() -> None:
    assert faults({}, final=False) == []
    missing = {pointer for pointer, code in faults({}) if code == "missing"}
    assert missing == {
        f"/detail/{name}"
        for name in (
            *("year", "opinion", "author", "standard", "face_period", "audited_expenditure"),
        )
    }


def test_the_worked_example() -> None:
    """12,500 without receipts, 2,500 of it refunded, 1,000 justified: 9,000 are pending."""
    detail = audit_detail(
        finding("12500.00", resolved={KINDS[0]: "2500.00", KINDS[2]: "1000.00"}),
        finding("500.00", "LOW", resolved={KINDS[3]: "500.00"}),
    )
    assert faults(detail) == []
    shown = json.loads(parsed(detail).model_dump_json())["totals"]
    assert shown == {
        "findings_usd": "13000.00",
        "amount_refunded_usd": "2500.00",
        "additional_documentation_provided_usd": "0.00",
        "justification_accepted_usd": "1000.00",
        "write_off_usd": "500.00",
        "pending_unsupported_usd": "9000.00",
        "percent": "6.50",
    }
    assert said(detail) == {
        "opinion": "QUALIFIED",
        "year": 2025,
        "open_high_findings": 1,
        "pending_unsupported_band": "UP_TO_10K",
    }
    # Stored as it is, it is read back: totals are computed anew, never believed.
    again = parsed(json.loads(parsed(detail).model_dump_json()) | {"totals": {"percent": "0"}})
    assert again == parsed(detail)


@pytest.mark.parametrize("kind", KINDS)
def test_pending_is_never_negative(kind: str) -> None:
    exact = finding("100.00", resolved={kind: "100.00"})
    assert faults(audit_detail(exact)) == []
    beyond = finding("100.00", resolved={kind: "100.01"})
    fault = ("/detail/financial_findings/1/resolution", "exceeds_finding")
    assert faults(audit_detail(exact, beyond)) == [fault]
    assert faults(audit_detail(exact, beyond), final=False) == [fault]


def test_the_parts_of_a_resolution_are_added_up() -> None:
    parts = dict.fromkeys(KINDS, "25.00")
    assert faults(audit_detail(finding("100.00", resolved=parts))) == []
    assert faults(audit_detail(finding("99.99", resolved=parts))) == [
        ("/detail/financial_findings/0/resolution", "exceeds_finding")
    ]


def test_local_amounts_name_currency_and_rate_and_are_bounded_too() -> None:
    local = finding(amount={"usd": "100.00", "local": "12925.00"})
    assert faults(audit_detail(local)) == [
        ("/detail/currency", "missing"),
        ("/detail/exchange_rate", "missing"),
    ]
    named = {"currency": "KES", "exchange_rate": "129.25", "rate_date": "2026-04-01"}
    assert faults(audit_detail(local, **named)) == []
    local["resolution"] = {"write_off": {"usd": "1.00", "local": "12925.01"}}
    assert faults(audit_detail(local, **named)) == [
        ("/detail/financial_findings/0/resolution", "exceeds_finding")
    ]


@pytest.mark.parametrize(
    ("part", "whole", "expected"),
    [("0", "0", "0.00"), ("5", "0", "0.00"), ("1", "3", "33.33"), ("2", "3", "66.67")],
)
def test_percent_of_the_audited_expenditure(part: str, whole: str, expected: str) -> None:
    assert percent(Decimal(part), Decimal(whole)) == Decimal(expected)


@pytest.mark.parametrize("amount", [100.0, 100, "1e3", "-1.00", "1.005", "", "1" * 19, None, True])
def test_money_is_a_decimal_string_with_two_places(amount: Any) -> None:
    with pytest.raises(ValidationError):
        parsed(audit_detail(finding(amount={"usd": amount})))


@pytest.mark.parametrize("rate", ["0", "0.0", 129.25, "1,5", "-1", "1e2", "१२"])
def test_an_exchange_rate_is_a_decimal_string_above_zero(rate: Any) -> None:
    with pytest.raises(ValidationError):
        parsed(audit_detail(exchange_rate=rate))


@pytest.mark.parametrize("currency", ["XXZ", "kes", "KE", 1])
def test_a_currency_is_one_of_iso_4217(currency: Any) -> None:
    with pytest.raises(ValidationError):
        parsed(audit_detail(currency=currency))


def test_each_area_of_control_is_given_exactly_once() -> None:
    assert faults(audit_detail(key_controls=controls())) == []
    assert faults(audit_detail(key_controls=controls()[1:])) == [
        ("/detail/key_controls", "area_missing")
    ]
    repeated = [*controls()[1:], control(AREAS[1])]
    assert faults(audit_detail(key_controls=repeated)) == [
        ("/detail/key_controls", "area_missing"),
        ("/detail/key_controls", "area_repeated"),
    ]
    strange = [control("ASTROLOGY"), *controls()[1:]]
    assert ("/detail/key_controls/0/area", "unknown_value") in faults(
        audit_detail(key_controls=strange)
    )


def test_a_weakness_is_described_and_followed_up() -> None:
    silent = controls()
    silent[3] = {"area": AREAS[3], "weakness": "HIGH"}
    assert faults(audit_detail(key_controls=silent)) == [
        ("/detail/key_controls/3/observation", "missing")
    ]
    weak = audit_detail(key_controls=controls(PROCUREMENT="HIGH", OTHER="LOW"))
    found = audit.TYPE.found(parsed(weak))
    assert [(one.part, one.code, one.priority) for one in found] == [
        ("key_controls", "PROCUREMENT", "HIGH"),
        ("key_controls", "OTHER", "LOW"),
    ]
    assert said(weak)["open_high_findings"] == 1
    assert said(weak)["pending_unsupported_band"] == "NONE"


def test_an_unknown_category_is_refused() -> None:
    assert faults(audit_detail(finding(category="BAD_LUCK"))) == [
        ("/detail/financial_findings/0/category", "unknown_value")
    ]


def test_an_opinion_reported_from_elsewhere_says_nothing_of_findings() -> None:
    reported = {"reported_value": "ADVERSE", "report_reference": "UNDP/2026/4", "year": 2025}
    assert faults(reported) == []
    rating = audit.TYPE.rate(parsed(reported), TOOL)
    assert (rating.value, rating.level, rating.rating_source) == ("ADVERSE", None, "reported")
    # Not known is not none.
    assert said(reported) == {
        "opinion": "ADVERSE",
        "year": 2025,
        "open_high_findings": None,
        "pending_unsupported_band": None,
    }
    assert faults({"reported_value": "ADVERSE"}) == [
        ("/detail/report_reference", "missing"),
        ("/detail/year", "missing"),
    ]
    assert ("/detail/opinion", "not_expected") in faults(audit_detail() | reported)
    assert faults(audit_detail(report_reference="R")) == [
        ("/detail/report_reference", "not_expected")
    ]


@pytest.mark.parametrize(
    ("amount", "band"),
    [
        ("0", "NONE"), ("0.01", "UP_TO_10K"), ("10000.00", "UP_TO_10K"), ("10000.01", "UP_TO_50K"),
        ("50000.01", "UP_TO_100K"), ("500000.00", "UP_TO_500K"), ("500000.01", "OVER_500K"),
    ],
)  # fmt: skip
def test_bands_hold_their_upper_limit(amount: str, band: str) -> None:
    assert BANDS.of(Decimal(amount)) == band


@pytest.mark.parametrize("steps", [["0", "0", None], ["5", "1", None], ["0", "1"], [None, None]])
def test_bands_rise_and_end_without_a_limit(steps: list[str | None]) -> None:
    bands = [{"code": f"B{n}", "up_to": step} for n, step in enumerate(steps)]
    content = BANDS.model_dump() | {"bands": bands}
    with pytest.raises(ValidationError):
        Bands.model_validate(content)


def test_an_audit_counts_for_thirty_six_months() -> None:
    assert TOOL.valid_until(date(2026, 4, 20)) == date(2029, 4, 20)


def test_a_period_does_not_end_before_it_starts() -> None:
    with pytest.raises(ValidationError):
        parsed(audit_detail(face_period={"start": "2025-02-01", "end": "2025-01-31"}))
