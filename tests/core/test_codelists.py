"""Code lists: what every list must be, editions, and what a field takes."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import TypeAdapter, ValidationError

from app.core import codelists
from app.core.codelists import Coded, CodeList, Item
from app.core.countries import ALL

_COUNTS = {
    "sectors": 13, "specialisations": 81, "risk_categories": 13, "declaration_statements": 8,
    "control_functions": 6, "populations": 6, "staff_bands": 7, "budget_bands": 7,
    "countries": len(ALL), "partner_types": 17, "identifier_schemes": 16,
}  # fmt: skip


@pytest.mark.parametrize("code", codelists.everything())
def test_a_list_is_whole(code: str) -> None:
    for edition in codelists.everything()[code]:
        codes = [item.code for item in edition.items]
        assert len(codes) == len(set(codes)) == _COUNTS.get(code, len(codes)) > 0
        assert all(item.labels.get("en") for item in edition.items)
        assert edition.source
        assert {str(type(item.code)) for item in edition.items} == {"<class 'str'>"}


def test_no_list_calls_itself_confirmed_before_somebody_compared_it() -> None:
    assert [code for code, found in codelists.everything().items() if found[-1].confirmed] == []


def test_parents_are_codes() -> None:
    sectors = codelists.current("sectors").by_code
    parents = {item.parent for item in codelists.current("specialisations").items}
    assert parents == sectors.keys()
    clusters = codelists.current("iasc_clusters")
    assert {item.parent for item in clusters.items} - {None} <= clusters.by_code.keys()


def test_countries_and_languages_have_the_names_of_the_standards() -> None:
    countries = codelists.current("countries").by_code
    kenya = countries["KEN"]
    assert kenya.facts == {"alpha_2": "KE", "m49": "404"}
    assert kenya.labels["ar"] == "كينيا"
    assert kenya.labels["zh"] == "肯尼亚"
    assert countries["XKX"].facts == {"alpha_2": "XK"}
    assert set(countries["XKX"].labels) == {"en"}
    assert sum(len(item.labels) == 6 for item in countries.values()) >= len(ALL) - 2
    languages = codelists.current("working_languages").by_code
    assert languages["RUS"].labels["ru"] == "русский"
    assert set(languages["OTH"].labels) == {"en"}


def _edition(version: str, begins: date, *items: Item) -> CodeList:
    return CodeList(
        code="colours", title="Colours", version=version, effective_from=begins, source="us",
        confirmed=False, items=items,
    )  # fmt: skip


RED, OLD_RED = Item(code="RED", labels={"en": "Red"}), Item(
    code="RED", labels={"en": "Red"}, deprecated=True
)  # fmt: skip


def test_the_edition_in_force_is_the_newest_that_has_begun() -> None:
    first, second = _edition("1", date(2026, 1, 1), RED), _edition("2", date(2027, 1, 1), OLD_RED)
    assert codelists.in_force((first, second), date(2026, 12, 31)) is first
    assert codelists.in_force((first, second), date(2027, 1, 1)) is second
    assert codelists.in_force((first, second), date(2020, 1, 1)) is first
    assert first.accepts("RED")
    assert not second.accepts("RED")
    assert not first.accepts("BLUE")


def test_editions_lie_side_by_side(tmp_path: Path) -> None:
    for name, version, begins in (("a", "2", "2027-01-01"), ("a.1", "1", "2026-01-01")):
        (tmp_path / f"{name}.yaml").write_text(
            f'code: a\ntitle: A\nversion: "{version}"\neffective_from: {begins}\nsource: us\n'
            "confirmed: false\nitems:\n  - {code: X, labels: {en: X}}\n"
        )
    assert [edition.version for edition in codelists.load(tmp_path)["a"]] == ["1", "2"]


def test_a_field_takes_codes_in_force_only() -> None:
    field: TypeAdapter[str] = TypeAdapter(Annotated[str, Coded("sectors")])
    assert field.validate_python("WASH") == "WASH"
    for wrong in ("wash", "Canary", "", 7, None, "W" * 65):
        with pytest.raises(ValidationError) as raised:
            field.validate_python(wrong)
        assert "Canary" not in raised.value.errors()[0]["msg"]
    assert field.json_schema()["examples"] == ["CCCM"]
