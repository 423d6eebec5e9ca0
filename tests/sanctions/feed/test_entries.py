"""What a list says of a party becomes the entry of the feed."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest

from app.sanctions.feed.entries import listed_entry
from app.sanctions.sources import ALL, ListedParty
from tests.sanctions.sources.test_contract import issues_of


@pytest.fixture(scope="module")
def person() -> ListedParty:
    parties = ALL["unsc"].parse(*issues_of("unsc")[0])
    return next(one for one in parties if one.kind == "person")


@pytest.mark.parametrize(
    ("said", "gender"),
    [("Male", "male"), ("F", "female"), ("female; F", "female"), ("M; F", None), ("", None),
     ("?", None), ("Male; unknown", None)],
)  # fmt: skip
def test_one_gender_is_said_or_none(person: ListedParty, said: str, gender: str | None) -> None:
    assert listed_entry("unsc", replace(person, gender=said)).get("gender") == gender


@pytest.mark.parametrize("kind", ["organisation", "vessel"])
def test_only_persons_have_one(
    person: ListedParty, kind: Literal["organisation", "vessel"]
) -> None:
    assert "gender" not in listed_entry("unsc", replace(person, kind=kind, gender="Male"))
