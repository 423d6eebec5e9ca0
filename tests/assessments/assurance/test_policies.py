"""The policies: read strictly, versions side by side, and what is taken from the common default."""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from app.assessments.assurance.policies import FOLDER, POLICIES, load, rules_for

_NEWER = (
    ('version: "2026.1"', 'version: "2028.1"'),
    ("effective_from: 2014-01-01", "effective_from: 2028-03-01"),
    ('"150000.00"', '"200000.00"'),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "policies"))


def _replace(path: Path, *changes: tuple[str, str]) -> str:
    text = path.read_text("utf-8")
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def test_two_versions_hold_each_for_its_years(folder: Path) -> None:
    current = folder / "UNDP.yaml"
    newer = _replace(current, *_NEWER)
    (folder / "UNDP.2026.1.yaml").write_text(
        _replace(current, ("effective_to: null", "effective_to: 2028-02-29")), "utf-8"
    )
    current.write_text(newer, "utf-8")
    policies = load(folder)
    held = {year: rules_for(policies, "UNDP", year) for year in (2027, 2028, 2029)}
    # The version of a year is that of its first of January: 2028 began under the older one.
    assert [rules.policy.version for rules in held.values()] == ["2026.1", "2026.1", "2028.1"]
    assert held[2028].micro.threshold_usd == Decimal("150000.00")
    assert held[2029].micro.threshold_usd == Decimal("200000.00")


def test_two_versions_of_one_day_are_refused(folder: Path) -> None:
    newer = _replace(folder / "UNDP.yaml", *_NEWER)
    (folder / "UNDP.2028.1.yaml").write_text(newer, "utf-8")
    with pytest.raises(ValueError, match="two policies of UNDP"):
        load(folder)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("default", "effective_from: 2014-01-01", "effective_from: 2015-01-01"),
        ("default", "minimum: 1", "minimun: 1"),
        ("default", 'threshold_usd: "100000.00"', "threshold_usd: 100000.00"),
        ("default", 'threshold_usd: "100000.00"', 'threshold_usd: "-1"'),
        ("default", '{above: "2500.00", up_to', '{above: "2500.01", up_to'),
        ("default", 'up_to: "500000.00"', 'up_to: "90000.00"'),
        ("default", "above: null, up_to", 'above: "1.00", up_to'),
        ("default", "[IGO, UN_ENTITY]", "[IGO, KINGDOM]"),
        ("UNICEF", "agency: UNICEF", "agency: null"),
        ("UNICEF", "effective_to: null", "effective_to: 2013-01-01"),
    ],
)
def test_data_that_is_wrong_is_refused(folder: Path, name: str, old: str, new: str) -> None:
    path = folder / f"{name}.yaml"
    path.write_text(_replace(path, (old, new)), "utf-8")
    with pytest.raises(ValueError, match=r"."):
        load(folder)


def test_a_default_that_lacks_a_section_is_refused(folder: Path) -> None:
    path = folder / "default.yaml"
    text = path.read_text("utf-8")
    path.write_text(text[: text.index("\naudits:")], "utf-8")
    with pytest.raises(ValueError, match="every section"):
        load(folder)


def test_what_an_agency_does_not_say_is_the_common_default() -> None:
    undp, wfp = rules_for(POLICIES, "UNDP", 2026), rules_for(POLICIES, "WFP", 2026)
    assert undp.origin("micro_assessment").name == "UNDP"
    assert undp.origin("programmatic_visits").name == "default"
    assert (wfp.policy.name, wfp.policy.agency) == ("default", None)
    unicef = rules_for(POLICIES, "UNICEF", 2026)
    assert unicef.origin("programmatic_visits").name == "UNICEF"


def test_figures_from_memory_say_so() -> None:
    """Figures that the field reference marks as remembered."""
    unicef, undp = rules_for(POLICIES, "UNICEF", 2026), rules_for(POLICIES, "UNDP", 2026)
    assert (unicef.visits.confirmed, unicef.spot_checks.confirmed) == (True, True)
    assert (unicef.micro.confirmed, unicef.audits.confirmed) == (False, False)
    assert (undp.micro.confirmed, undp.audits.confirmed, undp.visits.confirmed) == (
        True,
        False,
        False,
    )
    assert undp.validity.months == 60
    assert undp.validity.confirmed is False
