"""What the policies ask for, vector by vector, without a database."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.assessments.assurance import coverage
from app.assessments.assurance.coverage import Activity, PlannedRow
from app.assessments.assurance.facts import Facts, RatingFact
from app.assessments.assurance.policies import POLICIES, rules_for
from app.assessments.assurance.requirements import as_of, require

ME, OTHER, THIRD = uuid4(), uuid4(), uuid4()
TODAY = date(2026, 6, 30)


def rating(kind: str, value: str, level: str | None = None, **more: Any) -> RatingFact:
    facts: dict[str, Any] = {
        "id": uuid4(),
        "type": kind,
        "agency": "WFP",
        "conducted_on": date(2025, 3, 1),
        "valid_until": date(2030, 3, 1),
        "scheme": "TEST",
        "value": value,
        "level": level,
        "source": "computed",
    }
    return RatingFact(**facts | more)


def hact(level: str, **more: Any) -> RatingFact:
    return rating("hact_micro", level, level, **more)


def row(kind: str, **more: Any) -> PlannedRow:
    values: dict[str, Any] = {
        "id": uuid4(),
        "type": kind,
        "year": 2026,
        "basis": "required",
        "joint_with": (),
        "status": "planned",
        "to_year": None,
        "done_by": None,
    }
    return PlannedRow(**values | more)


def did(kind: str, owner: UUID = ME, on: date = date(2026, 4, 1)) -> Activity:
    return Activity(uuid4(), kind, owner, on)


def needed(
    *ratings: RatingFact, cash: str | None = None, agency: str = "UNICEF", **more: Any
) -> dict[str, Any]:
    amounts: dict[str, Any] = {
        name: None if more.get(name) is None else Decimal(more.pop(name))
        for name in ("liquidations", "cycle_cash")
    }
    facts = Facts(
        agency=agency,
        agency_id=ME,
        partner_type="NGO_NATIONAL",
        year=2026,
        as_of=TODAY,
        cash=None if cash is None else Decimal(cash),
        ratings=ratings,
        **amounts,
    )
    return require(rules_for(POLICIES, agency, 2026), replace(facts, **more))


LOW, MODERATE, SIGNIFICANT, HIGH = (
    hact(level) for level in ("LOW", "MODERATE", "SIGNIFICANT", "HIGH")
)
# Cash; visits for low, moderate, significant and high risk. Bounds: exclusive below.
VISITS = [
    ("0", 0, 0, 0, 0),
    ("2500.00", 0, 0, 0, 0),
    ("2500.01", 1, 1, 1, 1),
    ("100000.00", 1, 1, 1, 1),
    ("100000.01", 1, 2, 3, 3),
    ("500000.00", 1, 2, 3, 3),
    ("500000.01", 2, 3, 4, 4),
    ("999999999999999999.99", 2, 3, 4, 4),
]


@pytest.mark.parametrize("agency", ["UNICEF", "UNDP", "WFP"])
@pytest.mark.parametrize(("cash", "low", "moderate", "significant", "high"), VISITS)
def test_visits(
    agency: str, cash: str, low: int, moderate: int, significant: int, high: int
) -> None:
    found = [
        needed(one, cash=cash, agency=agency)["programmatic_visits"]["minimum"]
        for one in (LOW, MODERATE, SIGNIFICANT, HIGH)
    ]
    assert found == [low, moderate, significant, high]


@pytest.mark.parametrize(
    ("kind", "value", "level", "expected"),
    [
        ("psea", "FULL_CAPACITY", "LOW", "low"),
        ("psea", "MEDIUM_CAPACITY", "MODERATE", "moderate"),
        ("psea", "LOW_CAPACITY", "HIGH", "high"),
        ("psea", "NO_CONTACT_WITH_BENEFICIARIES", None, "low"),
        ("psea", "LOW_CAPACITY_ASSUMED_EMERGENCY", None, "high"),
        ("hact_micro", "LOW_RISK_ASSUMED", None, "low"),
        ("hact_micro", "HIGH_RISK_ASSUMED", None, "high"),
        ("hact_micro", "SIGNIFICANT", "SIGNIFICANT", "high"),
        ("hact_micro", "NOT_REQUIRED", None, None),
    ],
)
def test_the_row_of_a_rating(
    kind: str, value: str, level: str | None, expected: str | None
) -> None:
    assert needed(rating(kind, value, level))["risk"]["row"] == expected


def test_the_highest_of_money_and_sea_counts_and_both_are_named() -> None:
    sea = rating("psea", "LOW_CAPACITY", "HIGH", agency="UNFPA")
    risk = needed(LOW, sea, cash="600000")["risk"]
    assert (risk["row"], risk["basis"], risk["unknown"]) == ("high", "highest_known", [])
    assert (risk["hact"]["row"], risk["sea"]["row"], risk["sea"]["agency"]) == (
        "low",
        "high",
        "UNFPA",
    )
    full = rating("psea", "FULL_CAPACITY", "LOW")
    assert needed(HIGH, full, cash="600000")["risk"]["row"] == "high"


def test_the_newest_valid_rating_counts_and_of_one_day_the_higher() -> None:
    older = hact("HIGH", conducted_on=date(2024, 1, 1))
    newer = hact("MODERATE", conducted_on=date(2025, 6, 1))
    assert needed(older, newer)["risk"]["row"] == "moderate"
    assert needed(newer, hact("LOW", conducted_on=date(2025, 6, 1)))["risk"]["row"] == "moderate"
    # Not yet made, and not valid any more.
    future = hact("LOW", conducted_on=date(2026, 7, 1))
    lapsed = hact("LOW", valid_until=date(2026, 6, 29), conducted_on=date(2025, 7, 1))
    assert needed(older, future, lapsed)["risk"]["row"] == "high"
    # A newer word that says no risk does not take away what is known.
    assert needed(older, rating("hact_micro", "NOT_REQUIRED"))["risk"]["row"] == "high"


def test_a_rating_ends_with_its_last_day_and_the_months_of_the_policy() -> None:
    assert needed(hact("LOW", valid_until=TODAY))["risk"]["row"] == "low"
    sixty = hact("LOW", conducted_on=date(2021, 6, 30), valid_until=date(2040, 1, 1))
    assert needed(sixty)["risk"]["row"] == "low"
    assert needed(replace(sixty, conducted_on=date(2021, 6, 29)))["risk"]["row"] is None


def test_a_micro_assessment_ends_with_the_programme_cycle() -> None:
    assert needed(HIGH, cash="200000")["micro_assessment"]["needed"] is False
    later = needed(HIGH, cash="200000", cycle_start=date(2026, 1, 1))
    assert later["micro_assessment"]["needed"] is True
    assert later["risk"]["hact"] is None
    same = needed(HIGH, cash="200000", cycle_start=date(2025, 3, 1))
    assert same["micro_assessment"]["needed"] is False


@pytest.mark.parametrize(
    ("cash", "visits", "assumed"), [("100000.00", 1, False), ("100000.01", 3, True)]
)
def test_unknown_risk_counts_as_high_above_a_hundred_thousand_and_says_so(
    cash: str, visits: int, assumed: bool
) -> None:
    found = needed(cash=cash)
    assert found["programmatic_visits"]["minimum"] == visits
    assert (found["risk"]["assumed"], found["risk"]["unknown"]) == (assumed, ["hact", "sea"])
    basis = "unknown_above_threshold" if assumed else "unknown"
    assert found["risk"]["basis"] == basis


def test_not_assessed_above_its_threshold_is_high_for_undp_whatever_sea_says() -> None:
    full = rating("psea", "FULL_CAPACITY", "LOW")
    below = needed(full, cash="150000.00", agency="UNDP")
    above = needed(full, cash="150000.01", agency="UNDP")
    assert (below["risk"]["row"], above["risk"]["row"]) == ("low", "high")
    assert above["risk"]["basis"] == "not_assessed_above_threshold"
    assert above["micro_assessment"]["needed"] is True
    assert needed(full, cash="150000.01", agency="UNICEF")["risk"]["row"] == "low"


@pytest.mark.parametrize(
    ("agency", "cash", "expected", "approaching"),
    [
        ("UNICEF", "50000.00", False, False),
        ("UNICEF", "50000.01", False, True),
        ("UNICEF", "100000.00", False, True),
        ("UNICEF", "100000.01", True, False),
        ("UNDP", "150000.00", False, False),
        ("UNDP", "150000.01", True, False),
        ("UNICEF", None, None, False),
    ],
)
def test_the_need_of_a_micro_assessment(
    agency: str, cash: str | None, expected: bool | None, approaching: bool
) -> None:
    found = needed(cash=cash, agency=agency)["micro_assessment"]
    assert (found["needed"], found["approaching"]) == (expected, approaching)


def test_an_assumed_rating_is_no_micro_assessment() -> None:
    assumed = rating("hact_micro", "HIGH_RISK_ASSUMED")
    assert needed(assumed, cash="200000")["micro_assessment"]["needed"] is True
    held = needed(MODERATE, assumed, cash="200000")["micro_assessment"]
    assert (held["needed"], held["valid"]["assessment_id"]) == (False, MODERATE.id)


@pytest.mark.parametrize(
    ("liquidations", "expected", "reason"),
    [
        (None, None, "liquidations_not_given"),
        ("50000.00", 0, "not_above_threshold"),
        ("50000.01", 1, "above_threshold"),
    ],
)
def test_spot_checks_by_liquidations(
    liquidations: str | None, expected: int | None, reason: str
) -> None:
    found = needed(MODERATE, liquidations=liquidations)["spot_checks"]
    assert (found["minimum"], found["reason"]) == (expected, reason)


def test_no_spot_check_of_assumed_low_risk_nor_beside_a_scheduled_audit() -> None:
    assumed = rating("hact_micro", "LOW_RISK_ASSUMED")
    assert needed(assumed, liquidations="90000")["spot_checks"]["reason"] == "low_risk_assumed"
    assert needed(LOW, liquidations="90000")["spot_checks"]["minimum"] == 1
    for rows, minimum in (
        ([row("audit")], 0),
        ([row("special_audit")], 1),
        ([row("audit", status="cancelled")], 1),
        ([row("audit", status="postponed", to_year=2027)], 1),
        ([row("audit", status="postponed", to_year=2026)], 0),
    ):
        assert needed(LOW, liquidations="90000", rows=rows)["spot_checks"]["minimum"] == minimum
    done = needed(LOW, liquidations="90000", activities=[did("audit")])
    assert done["spot_checks"]["reason"] == "audit_scheduled"
    others = needed(LOW, liquidations="90000", activities=[did("audit", OTHER)])
    assert others["spot_checks"]["minimum"] == 1


def test_follow_ups_come_on_top_of_what_is_required() -> None:
    rows = [row("spot_check"), row("spot_check", basis="follow_up")]
    found = needed(LOW, liquidations="90000", rows=rows)["spot_checks"]
    assert (found["minimum"], found["follow_ups"], found["required"]) == (1, 1, 2)


def test_audits_by_the_cash_of_the_cycle() -> None:
    def audits(**more: Any) -> tuple[int | None, str]:
        found = needed(LOW, agency="WFP", **more)["audits"]
        return found["minimum"], found["reason"]

    assert audits() == (None, "cash_not_given")
    assert audits(cash="500000.00") == (0, "not_above_threshold")
    assert audits(cash="500000.01") == (1, "above_threshold")
    assert audits(cash="10", cycle_cash="500000.01") == (1, "above_threshold")
    before = [did("audit", on=date(2025, 5, 1))]
    assert audits(cash="500000.01", activities=before) == (0, "audited_in_cycle")
    others = [did("audit", OTHER, date(2025, 5, 1))]
    assert audits(cash="500000.01", activities=others) == (1, "above_threshold")
    assert needed(cash="1")["audits"]["cycle_cash_unknown"] is True
    assert needed(cash="1", cycle_cash="2")["audits"]["cycle_cash_unknown"] is False


def test_a_planned_audit_is_required_where_the_policy_says_so() -> None:
    rows = [row("audit"), row("special_audit"), row("audit", status="cancelled")]
    assert needed(LOW, cash="1", rows=rows)["audits"]["minimum"] == 2
    assert needed(LOW, cash="1", rows=rows, agency="WFP")["audits"]["minimum"] == 0


@pytest.mark.parametrize("kind", ["IGO", "UN_ENTITY"])
def test_bodies_of_states_and_of_the_un_need_nothing(kind: str) -> None:
    for amounts in ({}, {"cash": "900000", "liquidations": "900000"}):
        found = needed(HIGH, partner_type=kind, **amounts)
        assert found["exempt"] is True
        assert found["exempt_rule"]["confirmed"] is True
        assert found["micro_assessment"]["needed"] is False
        minimums = [found[name]["minimum"] for name in coverage.KINDS]
        assert (minimums, found["missing"]) == ([0, 0, 0], [])


def test_without_cash_the_table_is_given_and_nothing_is_made_up() -> None:
    found = needed(MODERATE)
    assert found["missing"] == ["cash_usd", "liquidations_usd"]
    assert found["programmatic_visits"]["minimum"] is None
    bands = found["programmatic_visits"]["bands"]
    assert [(band["low"], band["moderate"], band["high"]) for band in bands] == [
        (0, 0, 0),
        (1, 1, 1),
        (1, 2, 3),
        (2, 3, 4),
    ]
    assert [str(band["up_to"]) for band in bands] == ["2500.00", "100000.00", "500000.00", "None"]


def test_the_day_asked_for() -> None:
    assert as_of(2026, TODAY) == TODAY
    assert as_of(2025, TODAY) == date(2025, 12, 31)
    assert as_of(2027, TODAY) == date(2027, 1, 1)


# ---------------------------------------------------------------------------------- coverage


def _status(required: tuple[int | None, ...], *activities: Activity, **more: Any) -> Any:
    minimum = dict(zip(coverage.KINDS, required, strict=True))
    return coverage.count(ME, 2026, minimum, more.get("rows", ()), activities)["status"]


def test_complete_is_asked_before_void_and_void_before_partial() -> None:
    assert _status((0, 0, 0)) == "complete"
    assert _status((1, 0, 0)) == "void"
    assert _status((1, 1, 0), did("programmatic_visit")) == "partial"
    assert _status((1, 1, 0), did("programmatic_visit"), did("spot_check")) == "complete"
    assert _status((0, 0, 1), did("special_audit")) == "complete"
    assert _status((2, 0, 0), did("spot_check")) == "partial"
    assert _status((None, 0, 0), did("programmatic_visit")) is None


def _done(*activities: Activity, rows: tuple[PlannedRow, ...] = ()) -> int:
    return len(coverage.done(ME, 2026, rows, activities)["spot_checks"])


def test_what_counts_as_done() -> None:
    assert _done(did("spot_check"), did("spot_check", on=date(2025, 12, 31))) == 1
    assert _done(did("spot_check", OTHER)) == 0
    joint = row("spot_check", joint_with=(OTHER,))
    assert _done(did("spot_check", OTHER), rows=(joint,)) == 1
    assert _done(did("spot_check", THIRD), rows=(joint,)) == 0
    # One row, one activity of the other agency.
    both = (did("spot_check", OTHER), did("spot_check", OTHER))
    assert _done(*both, rows=(joint,)) == 1
    twice = (joint, row("spot_check", joint_with=(OTHER,)))
    assert {*coverage.done(ME, 2026, twice, both)["spot_checks"]} == {one.id for one in both}
    assert _done(both[0], rows=twice) == 1
    assert _done(*both, rows=(replace(joint, status="cancelled"),)) == 0
    assert _done(*both, rows=(row("audit", joint_with=(OTHER,)),)) == 0
    # A joint row that the agency itself has done does not count another's, too.
    own = did("spot_check")
    assert _done(own, *both, rows=(replace(joint, status="done", done_by=own.id),)) == 1
    named = replace(joint, status="done", done_by=both[1].id)
    assert coverage.done(ME, 2026, (named,), both)["spot_checks"] == [both[1].id]


HQ = uuid4()


def of_hq(value: str, level: str | None, kind: str = "psea", **more: Any) -> RatingFact:
    return rating(kind, value, level, inherited_from=HQ, **more)


def office(*ratings: RatingFact, **more: Any) -> dict[str, Any]:
    """What a country profile of an international NGO needs."""
    fixed: dict[str, Any] = {"partner_type": "NGO_INTL", "headquarters": HQ}
    return needed(*ratings, cash="300000", **fixed | more)


def test_a_headquarters_result_counts_where_the_country_profile_has_none() -> None:
    found = office(of_hq("FULL_CAPACITY", "LOW"))
    assert (found["risk"]["row"], found["programmatic_visits"]["minimum"]) == ("low", 1)
    assert found["risk"]["sea"]["inherited_from"] == HQ
    said = found["headquarters"]
    assert (said["counts"], said["reason"], said["partner_id"]) == (True, "inherited", HQ)
    assert "HIGH_RISK_CONTEXT" in said["unless"]
    assert (said["rule"]["policy"], said["rule"]["confirmed"]) == ("default", False)


@pytest.mark.parametrize(
    ("own", "more", "reason"),
    [
        (rating("psea", "LOW_CAPACITY", "HIGH"), {}, "own_result"),
        # One that says no risk is a result of its own all the same.
        (rating("psea", "NOT_ASSESSED"), {}, "own_result"),
        (None, {"excepted": True}, "excepted"),
        (None, {"partner_type": "RCRC_INTL"}, "partner_type_not_covered"),
    ],
)
def test_it_does_not_count_beside_a_result_of_its_own_or_where_an_exception_holds(
    own: RatingFact | None, more: dict[str, Any], reason: str
) -> None:
    # Also where that of the headquarters is the newer one.
    ratings = [of_hq("FULL_CAPACITY", "LOW", conducted_on=date(2026, 5, 1))]
    ratings += [own] if own else []
    found = office(*ratings, **more)
    assert found["risk"]["row"] == "high"
    assert (found["headquarters"]["counts"], found["headquarters"]["reason"]) == (False, reason)


@pytest.mark.parametrize(
    "above",
    [
        of_hq("NO_CONTACT_WITH_BENEFICIARIES", None),
        of_hq("NOT_ASSESSED", None),
        of_hq("FULL_CAPACITY", "LOW", valid_until=date(2026, 6, 29)),
        of_hq("LOW", "LOW", "hact_micro"),
    ],
)
def test_what_says_nothing_of_a_country_office_does_not_count(above: RatingFact) -> None:
    found = office(above)
    assert found["headquarters"]["reason"] == "no_valid_result"
    assert (found["risk"]["row"], found["risk"]["basis"]) == ("high", "unknown_above_threshold")
    assert (found["risk"]["hact"], found["risk"]["sea"]) == (None, None)
    assert found["micro_assessment"]["needed"] is True


def test_a_partner_without_a_headquarters_hears_nothing_of_it() -> None:
    assert needed(MODERATE, cash="300000")["headquarters"] is None
