"""What is asked of whom. No database: the rules are data and a pure function."""

from __future__ import annotations

import copy
from datetime import date
from typing import Any

import pytest

from app.partners.sections.completeness import RULES, Profile, all_missing, lapsed, missing
from app.partners.sections.kinds import ALL
from app.partners.types import PartnerType
from tests.partners.sections.factories import FULL, YEAR

TODAY = date(YEAR, 6, 1)
NGO = Profile.of("NGO_NATIONAL", None)


def lacks(section: str, profile: Profile = NGO, **changed: Any) -> list[str]:
    body = {name: value for name, value in (FULL[section] | changed).items() if value is not None}
    return missing(section, body, profile, TODAY)


def test_the_rules_speak_of_fields_and_types_that_there_are() -> None:
    assert list(RULES.sections) == list(ALL)
    for section, rules in RULES.sections.items():
        fields = set(ALL[section].body.model_fields)
        assert {rule.field for rule in rules} | {w for rule in rules for w in rule.when} <= fields
        assert {group for rule in rules for group in rule.groups} <= RULES.groups.keys()
    grouped = [kind for types in RULES.groups.values() for kind in types]
    assert sorted(grouped) == sorted(PartnerType), "every type is in one group"
    assert set(RULES.budget_years) == set(RULES.declaration)


@pytest.mark.parametrize("section", ALL)
def test_a_full_body_is_complete_and_an_empty_one_is_not(section: str) -> None:
    assert lacks(section) == []
    assert missing(section, {}, NGO, TODAY)


@pytest.mark.parametrize("section", ALL)
def test_each_field_that_is_asked_is_missed_when_it_is_not_there(section: str) -> None:
    for rule in RULES.sections[section]:
        if rule.profile == "hq" or (rule.groups and "large" not in rule.groups):
            continue
        changed: dict[str, Any] = {**rule.when, rule.field: None}
        assert f"/{rule.field}" in lacks(section, **changed), rule


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"certificates": []}, ["/certificates"]),
        ({"certificates": [], "missing_reason": "UNSAFE"}, []),
        ({"registered_to_operate": False, "certificates": []}, ["/certificates"]),
        ({"registered_to_operate": False, "certificates": [], "missing_reason": "OTHER"}, []),
        ({"certificates": [{"expires_on": None}]}, []),
        ({"certificates": [{"expires_on": f"{YEAR}-06-01"}]}, []),
        ({"certificates": [{"expires_on": f"{YEAR}-05-31"}]}, ["/certificates"]),
        (
            {"certificates": [{"expires_on": f"{YEAR}-05-31"}],
             "missing_reason": "RENEWAL_PENDING"},
            [],
        ),
        ({"has_governing_document": False}, ["/governing_document_note"]),
        ({"has_governing_document": False, "governing_document_note": "Oral tradition"}, []),
    ],
)  # fmt: skip
def test_papers_or_an_honest_reason(changed: dict[str, Any], found: list[str]) -> None:
    assert lacks("registration", **changed) == found


@pytest.mark.parametrize(
    ("years", "group_of", "enough"),
    [
        ((0, 1, 2), "NGO_NATIONAL", True),
        ((0, 1), "NGO_NATIONAL", False),
        ((2, 3, 4), "NGO_NATIONAL", True),
        ((3, 4, 5), "NGO_NATIONAL", False),
        ((1,), "CBO", True),
        ((), "CBO", False),
        ((), "GOV_LOCAL", True),
    ],
)
def test_budgets_of_enough_years(years: tuple[int, ...], group_of: str, enough: bool) -> None:
    budgets = [{"year": YEAR - n, "band": "LT_500K"} for n in years]
    found = lacks("funding", Profile.of(group_of, None), budgets=budgets)
    assert ("/budgets" not in found) is enough


def test_all_six_functions_and_three_areas_are_answered() -> None:
    assert lacks("implementation", controls=FULL["implementation"]["controls"][1:]) == ["/controls"]
    assert lacks("implementation", policies=FULL["implementation"]["policies"][1:]) == ["/policies"]


def test_an_address_is_the_one_of_its_type() -> None:
    assert lacks("contact", mailing_type="PO_BOX") == ["/mailing_type"]
    assert lacks("contact", mailing_type="PO_BOX", po_box="PO Box 1") == []
    assert lacks("contact", mailing_type=None) == ["/mailing_type"]


def test_headquarters_and_country_profiles_are_asked_differently() -> None:
    hq, office = Profile.of("NGO_INTL", None), Profile.of("NGO_INTL", "some")
    at_hq = {"staff_globally": "GT_500", "presence": ["KEN"], "hq_oversight": "O"}
    asked = {"/staff_globally", "/presence", "/hq_oversight"}
    assert set(lacks("mandate", hq, staff_in_country=None)) == asked
    assert lacks("mandate", hq, staff_in_country=None, **at_hq) == []
    assert lacks("mandate", hq, **(at_hq | {"presence": []})) == ["/presence"]
    assert lacks("mandate", office, staff_in_country=None, **at_hq) == ["/staff_in_country"]
    assert lacks("mandate", office) == []


def test_less_is_asked_of_those_who_have_less() -> None:
    nothing = {name: len(missing_all(name)) for name in ("NGO_NATIONAL", "CBO", "GOV_LOCAL", "IGO")}
    assert nothing["NGO_NATIONAL"] > nothing["CBO"] > nothing["GOV_LOCAL"] >= nothing["IGO"] > 0
    smaller = {"background": None, "works_in_high_risk_locations": None}
    assert lacks("mandate", Profile.of("CBO", None), **smaller) == []


def missing_all(partner_type: str) -> list[str]:
    found = all_missing({}, Profile.of(partner_type, None), False, TODAY)
    return [pointer for pointers in found.values() for pointer in pointers]


@pytest.mark.parametrize("kind", PartnerType)
def test_a_full_profile_is_complete_for_every_type(kind: PartnerType) -> None:
    saved = copy.deepcopy(FULL)
    saved["mandate"] |= {"staff_globally": "GT_500", "presence": ["KEN"], "hq_oversight": "O"}
    bodies = {name: (body, TODAY) for name, body in saved.items()}
    profile = Profile.of(kind, None)
    assert not any(all_missing(bodies, profile, True, TODAY).values())
    assert any(all_missing(bodies, profile, False, TODAY).values()) is profile.declares


def test_a_profile_does_not_stop_being_complete_overnight_but_what_lapsed_is_told() -> None:
    body = FULL["registration"]
    later = date(YEAR + 3, 1, 1)
    assert all_missing({"registration": (body, TODAY)}, NGO, True, later)["registration"] == []
    assert missing("registration", body, NGO, later) == ["/certificates"]
    assert lapsed(body, TODAY) == []
    assert lapsed(body, later) == ["/certificates/0"]


def test_statements_are_asked_by_type() -> None:
    assert len(Profile.of("CBO", None).statements()) == 8
    assert Profile.of("CBO", None).statements() - Profile.of("PRIVATE_FP", None).statements() == {
        "NON_PROFIT"
    }
