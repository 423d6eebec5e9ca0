"""The decision by itself: every fact has its reason, the worst reason its outcome."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.recognition.decide import SEVERITY, Facts, Policy, Verdict, codes_of, decide
from app.recognition.rules import DEFAULTS

TODAY = date(2026, 11, 22)
POLICIES: dict[str, Policy] = {
    text.requirement: Policy("p-" + text.requirement, 1, text.requirement, text.rules)
    for text in DEFAULTS.policies
}


def psea(owner: str = "UNICEF", **more: Any) -> dict[str, Any]:
    """A summary as the assessments feature hands it over."""
    rating = {"scheme": "UN-PSEA-2020", "level": "LOW", "rating_source": "computed"}
    rating |= more.pop("rating", {})
    return {
        "id": f"a-{owner}",
        "type": "psea",
        "methodology": "UN-PSEA-2020",
        "owner_agency": owner,
        "conducted_on": "2026-03-01",
        "valid_until": "2031-03-01",
        "rating": rating,
    } | more


def entry(agency: str = "UNDP", *, blocking: bool = True) -> dict[str, Any]:
    return {
        "entry_id": "e-1",
        "imposing_agency": agency,
        "measure": "DEBARMENT_FIXED" if blocking else "CENSURE",
        "blocking": blocking,
        "contact_office": "Vendor review",
        "contact_email": "vendors@undp.example",
    }


GOOD = Facts(
    agency="WFP",
    today=TODAY,
    context="regular",
    contact_with_beneficiaries=None,
    partner={"status": "draft", "partner_type": "NGO_NATIONAL"},
    ambiguous=False,
    sanctions=(),
    potential_matches=(),
    stale_sources=(),
    assessments=(psea(),),
    policies=POLICIES,
)

CASES: dict[str, tuple[dict[str, Any], str, list[str]]] = {
    "nothing adverse": ({}, "CLEAR", []),
    "own assessment": ({"assessments": (psea("WFP"),)}, "CLEAR", []),
    "own debarment": ({"sanctions": (entry("WFP"),)}, "BLOCKED", ["SANCTIONED_OWN"]),
    "other's debarment": ({"sanctions": (entry(),)}, "REFER", ["SANCTIONED_OTHER_AGENCY"]),
    "other's censure": (
        {"sanctions": (entry(blocking=False),)},
        "CLEAR_WITH_CONDITIONS",
        ["SANCTION_CONDITIONS"],
    ),
    "own and other's": (
        {"sanctions": (entry(), entry("WFP"))},
        "BLOCKED",
        ["SANCTIONED_OTHER_AGENCY", "SANCTIONED_OWN"],
    ),
    "potential match": (
        {"potential_matches": ({"source": "unsc", "score": 1.0},)},
        "REFER",
        ["POTENTIAL_MATCH_OPEN"],
    ),
    "stale list": ({"stale_sources": ("unsc",)}, "REFER", ["LIST_STALE"]),
    "unknown partner": ({"partner": None}, "REFER", ["IDENTITY_UNKNOWN"]),
    "ambiguous": ({"partner": None, "ambiguous": True}, "REFER", ["IDENTITY_AMBIGUOUS"]),
    "inactive": (
        {"partner": {"status": "deactivated", "partner_type": "NGO_NATIONAL"}},
        "REFER",
        ["PARTNER_INACTIVE"],
    ),
    "no psea": ({"assessments": ()}, "REFER", ["NO_PSEA"]),
    "no psea in an emergency": (
        {"assessments": (), "context": "emergency"},
        "CLEAR_WITH_CONDITIONS",
        ["NO_PSEA"],
    ),
    "no contact, no psea": ({"assessments": (), "contact_with_beneficiaries": False}, "CLEAR", []),
    "government, no psea": (
        {"assessments": (), "partner": {"status": "draft", "partner_type": "GOV_NATIONAL"}},
        "CLEAR",
        [],
    ),
    "psea past its validity": (
        {"assessments": (psea(valid_until="2026-11-21"),)},
        "REFER",
        ["PSEA_EXPIRED"],
    ),
    "psea valid to the day": ({"assessments": (psea(valid_until="2026-11-22"),)}, "CLEAR", []),
    "psea too old": (
        {"assessments": (psea(conducted_on="2021-11-21", valid_until=None),)},
        "REFER",
        ["PSEA_EXPIRED"],
    ),
    "psea old to the day": (
        {"assessments": (psea(conducted_on="2021-11-22", valid_until=None),)},
        "CLEAR",
        [],
    ),
    "low capacity": (
        {"assessments": (psea(rating={"level": "HIGH"}),)},
        "REFER",
        ["PSEA_LOW_CAPACITY"],
    ),
    "medium capacity": ({"assessments": (psea(rating={"level": "MODERATE"}),)}, "CLEAR", []),
    "reported elsewhere": (
        {"assessments": (psea(rating={"rating_source": "reported"}),)},
        "REFER",
        ["METHOD_NOT_ACCEPTED"],
    ),
    "unknown methodology": (
        {"assessments": (psea(methodology="OTHER-1"),)},
        "REFER",
        ["METHOD_NOT_ACCEPTED"],
    ),
    "no level": (
        {"assessments": (psea(rating={"level": None}),)},
        "REFER",
        ["METHOD_NOT_ACCEPTED"],
    ),
    "no policy at all": (
        {"policies": {}},
        "REFER",
        ["NO_POLICY"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_decision_table(name: str) -> None:
    change, outcome, codes = CASES[name]
    verdict = decide(replace(GOOD, **change))
    assert (verdict.outcome, codes_of(verdict.reasons)) == (outcome, codes)


def test_an_agency_may_block_on_another_agencys_measure() -> None:
    strict = Policy(
        "p", 2, "SANCTIONS", ({"other_agency_blocking": "BLOCKED", "conditions": "REFER"},)
    )
    facts = replace(GOOD, sanctions=(entry(),), policies=POLICIES | {"SANCTIONS": strict})
    assert decide(facts).outcome == "BLOCKED"


def test_an_agency_may_accept_only_some() -> None:
    rule = dict(DEFAULTS.policies[1].rules[0]) | {"accept_from": ["UNHCR"]}
    facts = replace(GOOD, policies=POLICIES | {"PSEA": Policy("p", 1, "PSEA", (rule,))})
    verdict = decide(facts)
    assert codes_of(verdict.reasons) == ["AGENCY_NOT_ACCEPTED"]
    assert verdict.recognition[0]["satisfied"] is False


def test_the_own_assessment_counts_before_a_newer_one_of_another() -> None:
    older = psea("WFP", conducted_on="2025-01-01")
    verdict = decide(replace(GOOD, assessments=(psea(), older)))
    assert verdict.recognition[0]["by"] == "own"
    assert verdict.recognition[0]["from_agency"] == "WFP"


def test_recognition_names_agency_policy_and_rule() -> None:
    line = decide(GOOD).recognition[0]
    assert line["by"] == "recognised"
    assert line["from_agency"] == "UNICEF"
    assert (line["policy_id"], line["policy_version"], line["rule"]) == ("p-PSEA", 1, 1)


BAD: list[dict[str, Any]] = [
    {"sanctions": (entry("WFP"),)},
    {"sanctions": (entry(),)},
    {"potential_matches": ({"source": "unsc", "score": 0.8},)},
    {"stale_sources": ("unsc",)},
    {"assessments": ()},
    {"partner": {"status": "deactivated", "partner_type": "NGO_NATIONAL"}},
]


@given(st.lists(st.sampled_from(BAD), max_size=6), st.sampled_from(BAD))
def test_one_more_bad_fact_never_improves_the_outcome(
    facts: list[dict[str, Any]], more: dict[str, Any]
) -> None:
    def verdict(changes: list[dict[str, Any]]) -> Verdict:
        merged: dict[str, Any] = {}
        for change in changes:
            for key, value in change.items():
                both = key in merged and isinstance(value, tuple) and value
                merged[key] = merged[key] + value if both else value
        return decide(replace(GOOD, **merged))

    assert SEVERITY[verdict([*facts, more]).outcome] >= SEVERITY[verdict(facts).outcome]


@given(st.sampled_from(BAD))
def test_unknown_or_stale_is_never_clear(change: dict[str, Any]) -> None:
    facts = replace(GOOD, **(change | {"stale_sources": ("unsc",)}))
    assert decide(facts).outcome not in ("CLEAR", "CLEAR_WITH_CONDITIONS")
