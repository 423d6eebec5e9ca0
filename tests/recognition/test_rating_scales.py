"""The crosswalk to the common scale (domain.md 6.4): complete, and one with the methodologies."""

from __future__ import annotations

import pytest

from app.assessments.types import ALL
from app.recognition.rules import RANK, SCALES, SERIES

BY_SCHEME = {scale.scheme: scale for scale in SCALES.scales}
HACT = {"LOW": "LOW", "MODERATE": "MODERATE", "SIGNIFICANT": "SIGNIFICANT", "HIGH": "HIGH"}
NONE = {"NOT_REQUIRED": None, "NOT_ASSESSED": None}


def test_each_scheme_is_there_once() -> None:
    assert len(BY_SCHEME) == len(SCALES.scales)
    assert SCALES.order == ("LOW", "MODERATE", "SIGNIFICANT", "HIGH")
    assert RANK["LOW"] < RANK["MODERATE"] < RANK["SIGNIFICANT"] < RANK["HIGH"]
    assert not SCALES.confirmed


def test_every_level_of_a_methodology_is_that_of_the_crosswalk() -> None:
    checked = 0
    for kind in ALL.values():
        for code, methodology in kind.methodologies.items():
            for value, level in kind.values(methodology).items():
                scale = BY_SCHEME.get(code)
                if scale is None:
                    # A scheme that the crosswalk does not know has no levels.
                    assert level is None, (code, value)
                    continue
                assert scale.dimension == methodology.dimension, code
                assert scale.values[value] == level, (code, value)
                checked += 1
    assert checked >= 30


@pytest.mark.parametrize("scheme", ["HACT-MA-2014", "HACT-MA-2016", "HACT-MA-V2"])
def test_hact_is_a_scale_of_four(scheme: str) -> None:
    assert BY_SCHEME[scheme].values == HACT | NONE
    assert BY_SCHEME[scheme].dimension == "financial_management_risk"


def test_an_assumption_is_low_or_high() -> None:
    values = BY_SCHEME["HACT-ASSUMED"].values
    assert (values["LOW_RISK_ASSUMED"], values["HIGH_RISK_ASSUMED"]) == ("LOW", "HIGH")
    assert {name for name, level in values.items() if level is None} == set(NONE)


def test_scales_of_three_skip_significant() -> None:
    assert BY_SCHEME["OCHA-CBPF-CA"].values == {
        "LOW": "LOW",
        "MEDIUM": "MODERATE",
        "HIGH": "HIGH",
        "INELIGIBLE": None,
    }
    assert BY_SCHEME["OCHA-CBPF-PI"].values == {"LOW": "LOW", "MEDIUM": "MODERATE", "HIGH": "HIGH"}
    assert BY_SCHEME["UNHCR-CAPACITY"].values == {"A": "LOW", "B": "MODERATE", "C": "HIGH"}


def test_sea_risk_is_a_dimension_of_its_own_and_the_inverse_of_capacity() -> None:
    assert BY_SCHEME["UN-PSEA-2020"].values == {
        "FULL_CAPACITY": "LOW",
        "MEDIUM_CAPACITY": "MODERATE",
        "LOW_CAPACITY": "HIGH",
        "LOW_CAPACITY_ASSUMED_EMERGENCY": "HIGH",
        "NO_CONTACT_WITH_BENEFICIARIES": None,
        "NOT_ASSESSED": None,
    }
    of_sea = {scale.scheme for scale in SCALES.scales if scale.dimension == "sea_risk"}
    assert of_sea == {"UN-PSEA-2020", "UNICEF-PSEA-2020"}


def test_an_audit_opinion_is_never_converted() -> None:
    opinions = BY_SCHEME["AUDIT-OPINION"].values
    assert set(opinions) == {"UNQUALIFIED", "QUALIFIED", "ADVERSE", "DISCLAIMER"}
    assert set(opinions.values()) == {None}


def test_editions_of_a_series_are_methodologies_of_one_type_oldest_first() -> None:
    of = {
        code: (kind.code, made)
        for kind in ALL.values()
        for code, made in kind.methodologies.items()
    }
    for name, editions in SERIES.items():
        assert len({of[code][0] for code in editions}) == 1, name
        begun = [of[code][1].effective_from for code in editions]
        assert begun == sorted(begun), name
    named = [code for editions in SERIES.values() for code in editions]
    assert len(named) == len({*named})
