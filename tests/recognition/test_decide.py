"""The decision by itself: the book of cases, what must hold of any facts, and every code pinned."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.recognition.decide import SEVERITY, decide
from app.recognition.requirements import ALL
from app.recognition.requirements.assessed import AssessmentRule
from app.recognition.rests_on import RestsOn
from app.recognition.rules import CODES, DEFAULTS, REASON_CODES
from tests.recognition.cases import BOOK, OUTCOMES, Case, build, cases

CASES = cases()
ADVERSE = [
    *("the Security Council list is stale", "the index is behind"),
    *("open match with the Security Council list", "open match of a director"),
    *("open match with the World Bank list", "confirmed on the Security Council list"),
    *("confirmed on the World Bank list", "own debarment", "own interim suspension"),
    *("own censure", "own debarment elsewhere", "own vendor measure", "UNDP's debarment"),
    *("UNDP's censure", "UNDP's debarment that WFP recognised", "UNDP's vendor measure"),
    *("UNDP suspended it and lets that be named", "UNDP suspended it and wants to be asked"),
    *("UNDP holds transfers back", "own red flag", "UNHCR's red flag", "UNHCR's escalated flag"),
    *("UNHCR's yellow flag", "UNFPA's SEA restriction is named", "UNFPA wants to be asked"),
    *("UNFPA published a case", "UNICEF has old open HIGH findings", "own unsupported amounts"),
    *("own PSEA assessment of low capacity", "UNFPA's newer PSEA assessment of low capacity"),
    *("UNFPA's older PSEA assessment of low capacity", "PSEA low capacity"),
    *("PSEA of the headquarters of low capacity", "PSEA plan overdue", "PSEA plan not completed"),
    *("PSEA that UNICEF wants to be asked about", "qualified audit", "adverse special audit"),
    *("micro-assessment high", "core values not confirmed", "unsatisfactory performance"),
    *("ineligible at OCHA", "deactivated", "profile not complete", "registration expired"),
]
"""Facts that are bad and take no other away."""
WORK: dict[str, st.SearchStrategy[Any]] = {
    "amount": st.sampled_from([None, "40000.00", "120000.00", "700000.00"]),
    "contact": st.sampled_from([None, True, False]),
    "modality": st.sampled_from([None, "direct_cash_transfer", "direct_implementation"]),
    "context": st.sampled_from(["regular", "emergency"]),
    "country": st.sampled_from([None, "KEN", "SOM"]),
}
WORKS = st.fixed_dictionaries(WORK)
POLICIES = st.sampled_from([None, *BOOK["policies"]])
SOME = st.lists(st.sampled_from(ADVERSE), max_size=5, unique=True)
TYPES = st.sampled_from([None, "a local NGO", "an international NGO", "a ministry"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_book_of_cases(case: Case) -> None:
    verdict = decide(case.facts)
    found = [(one["code"], one["detail"]["alone"]) for one in verdict.reasons]
    assert (verdict.outcome, found) == (case.outcome, case.reasons)


def test_the_book_pins_every_code_and_outcome() -> None:
    assert len(CASES) >= 150
    assert len({case.name for case in CASES}) == len(CASES)
    assert {code for case in CASES for code, _ in case.reasons} == CODES
    assert {case.outcome for case in CASES} == set(OUTCOMES.values())
    used = {name for line in BOOK["cases"] for name in line.get("given", ())}
    assert used == set(BOOK["facts"])
    assert {line.get("policies") for line in BOOK["cases"]} == {None, *BOOK["policies"]}


def test_what_only_the_offline_client_says() -> None:
    assert set(REASON_CODES.codes) - CODES == {"OFFLINE_PROVISIONAL"}


@given(SOME, st.sampled_from(ADVERSE), TYPES, WORKS, POLICIES)
@settings(max_examples=400)
def test_one_more_bad_fact_never_improves_the_outcome(
    facts: list[str], more: str, kind: str | None, work: dict[str, Any], policies: str | None
) -> None:
    known = [name for name in (kind, *facts) if name]
    before = decide(build(known, work=work, policies=policies))
    after = decide(build([*known, more], work=work, policies=policies))
    assert SEVERITY[after.outcome] >= SEVERITY[before.outcome]


# Few bad facts: most of them are REFER by themselves, and nothing would be left to see.
@given(
    st.one_of(SOME, st.just([]), st.just(["own debarment elsewhere"])),
    TYPES,
    WORKS,
    st.sampled_from(["amount", "contact", "modality", "country"]),
    st.sampled_from([["micro"], ["psea"], ["micro", "psea"]]),
)
@settings(max_examples=300)
def test_what_is_not_said_about_the_work_never_improves_the_outcome(
    facts: list[str], kind: str | None, work: dict[str, Any], unsaid: str, lacking: list[str]
) -> None:
    known = [name for name in (kind, *facts) if name]
    said = decide(build(known, work=work, without=lacking))
    silent = decide(build(known, work=work | {unsaid: None}, without=lacking))
    assert SEVERITY[silent.outcome] >= SEVERITY[said.outcome]


@given(
    SOME,
    TYPES,
    WORKS,
    POLICIES,
    st.sampled_from(
        [
            *("two profiles fit", "no profile fits", "the Security Council list is stale"),
            *("the index is behind", "open match with the Security Council list"),
        ]
    ),
)
def test_unknown_or_stale_is_never_clear(
    facts: list[str], kind: str | None, work: dict[str, Any], policies: str | None, unsure: str
) -> None:
    known = [name for name in (kind, unsure, *facts) if name]
    assert decide(build(known, work=work, policies=policies)).outcome in ("REFER", "BLOCKED")


@given(SOME, WORKS, st.sampled_from(["own debarment", "confirmed on the Security Council list"]))
def test_no_emergency_and_no_policy_lifts_the_gravest(
    facts: list[str], work: dict[str, Any], grave: str
) -> None:
    verdict = decide(build([*facts, grave], work=work | {"context": "emergency"}))
    assert verdict.outcome == "BLOCKED"


# ------------------------------------------------------------------- what is told beside reasons


def test_recognition_names_agency_policy_rule_and_tier() -> None:
    lines = {one["requirement"]: one for one in decide(build([])).recognition}
    psea = lines["PSEA"]
    assert (psea["by"], psea["from_agency"], psea["assessment_id"]) == (
        "recognised",
        "UNICEF",
        "psea",
    )
    assert (psea["policy_id"], psea["policy_version"], psea["rule"]) == ("d-PSEA", 1, 2)
    assert (lines["VERIFICATION"]["from_agency"], psea["tier"]) == ("UNICEF", "standard")
    light = decide(build(["a local NGO"], work={"amount": "40000.00"})).recognition
    assert {one["tier"] for one in light if one["requirement"] in ("PSEA", "VERIFICATION")} == {
        "light"
    }


def test_what_does_not_apply_is_not_required_and_no_gap() -> None:
    verdict = decide(build([], without=["psea", "micro"], work={"contact": False}))
    lines = {one["requirement"]: one for one in verdict.recognition}
    assert (lines["PSEA"]["reason"], lines["PSEA"]["satisfied"]) == ("NOT_REQUIRED", True)
    assert lines["HACT_MICRO"]["reason"] == "NOT_REQUIRED"
    assert [step for step in verdict.required_next if step["kind"] == "gap"] == []


def test_a_waiver_says_what_until_when_and_who_approves() -> None:
    verdict = decide(build([], without=["psea"], work={"context": "emergency"}))
    waived = next(one for one in verdict.reasons if one["code"] == "REQUIREMENT_WAIVED")
    assert waived["detail"] == {
        "requirement": "PSEA",
        "complete_by": "2027-05-22",
        "approval": "PSEA_FOCAL_POINT",
        "alone": "CLEAR_WITH_CONDITIONS",
    }
    line = next(one for one in verdict.recognition if one["requirement"] == "PSEA")
    assert (line["satisfied"], line["complete_by"]) == (False, "2027-05-22")
    approval = {"role": "PSEA_FOCAL_POINT", "of": "waiver"}
    step = {"kind": "approval", "requirement": "PSEA", "detail": approval}
    assert step in verdict.required_next


def test_a_waiver_lasts_at_most_six_months_and_sanctions_have_none() -> None:
    rule = dict(next(t for t in DEFAULTS.policies if t.requirement == "PSEA").rules[1])
    with pytest.raises(ValueError, match="less than or equal to 6"):
        AssessmentRule.model_validate(rule | {"emergency_waiver": {"months": 7}})
    sanctions = dict(DEFAULTS.policies[0].rules[0])
    with pytest.raises(ValueError, match="Extra inputs"):
        ALL["SANCTIONS"].parse([sanctions | {"emergency_waiver": {"months": 1}}])


def test_gaps_approvals_whom_to_ask_and_the_agencys_terms_are_next() -> None:
    verdict = decide(
        build(["UNFPA wants to be asked"], without=["micro"], work={"amount": "250000.00"})
    )
    kinds = [(step["kind"], step["requirement"]) for step in verdict.required_next]
    assert kinds == [("ask", None), ("gap", "HACT_MICRO"), ("terms", "TERMS")]
    assert "data_protection" in verdict.required_next[-1]["detail"]


def test_a_question_to_an_owner_tells_nothing_else() -> None:
    verdict = decide(build(["UNFPA wants to be asked"]))
    (reason,) = verdict.reasons
    assert set(reason["detail"]) == {"contact_office", "contact", "alone"}


def test_that_a_reason_for_missing_registration_was_given_is_not_told() -> None:
    (reason,) = decide(build(["no registration, and it said why"])).reasons
    assert reason["detail"] == {"alone": "CLEAR_WITH_CONDITIONS"}


def test_whatever_was_read_is_rested_on() -> None:
    facts = build(
        ["UNDP's debarment", "own yellow flag", "cleared match", "UNDP holds transfers back"]
    )
    rested = decide(replace(facts, sources={"unsc": 12})).rests_on
    assert {one.kind for one in rested} == {
        *("policy", "partner", "verification", "source", "measure", "assessment", "flag"),
        *("match", "transfer_restriction"),
    }
    assert RestsOn("assessment", "psea", 1) in rested
    assert RestsOn("source", "unsc", 12) in rested
    assert len(set(rested)) == len(rested)


def test_a_policy_of_an_older_shape_is_read() -> None:
    rule = {
        "accept_from": ["ANY_UN"],
        "methodologies": ["UN-PSEA-2020"],
        "max_age_months": 60,
        "must_be_unexpired": True,
        "max_risk": "MODERATE",
        "accept_reported": False,
        "partner_types": ["NGO_NATIONAL"],
        "gap": {"regular": "REFER", "emergency": "CLEAR_WITH_CONDITIONS"},
    }
    (parsed,) = ALL["PSEA"].parse([rule])
    assert parsed.partner_types == ("NGO_NATIONAL",)


def test_the_shipped_policies_say_where_they_are_from() -> None:
    assert DEFAULTS.effective_from <= date(2026, 11, 23)
    for text in DEFAULTS.policies:
        assert text.source
        assert ALL[text.requirement].parse(text.rules)
        assert text.confirmed or "[M]" in (text.note or "") or text.source
    assert {text.requirement for text in DEFAULTS.of("WFP")} == set(ALL)
    of_undp = {text.requirement: text for text in DEFAULTS.of("UNDP")}
    assert of_undp["HACT_MICRO"].agency == "UNDP"
