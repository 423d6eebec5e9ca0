"""The Canadian list: names in many scripts and separators, and back to XML."""

from datetime import date

import pytest

from app.sanctions.sources import ListedParty
from app.sanctions.sources.ca_sema import SOURCE
from tests.sanctions.sources.published import SAMPLES, exported, published, real, stored

SAMPLE = SAMPLES / "ca_sema.xml"


def parties() -> dict[str, ListedParty]:
    return {party.key: party for party in SOURCE.parse(SAMPLE)}


def named(party: ListedParty, *, derived: bool = False) -> list[tuple[str, str]]:
    return [(name.name, name.type) for name in party.names if name.derived == derived]


def test_an_item_of_a_schedule_is_a_party() -> None:
    header = SOURCE.parse(SAMPLE).header
    assert (header.persons, header.organisations, header.others) == (3, 1, 1)
    person = parties()["Examplia:1, Part 1:1"]
    assert person.reference == "Examplia, Schedule 1, Part 1, item 1"
    assert person.listed_on == date(2020, 9, 28)
    assert person.countries == ()  # the country is that of the regulations
    assert person.titles == ("Colonel",)
    assert named(person) == [
        ("Tomas Emil Vargakov", "primary"),
        ("Томас Варгаков", "original_script"),
        ("Thomas Vargakov", "alias"),
    ]
    boat = parties()["Examplia:1.1:1"]
    assert [(i.type, i.value) for i in boat.identifiers] == [("IMO number", "0000001")]
    assert boat.birth_dates == ()
    assert "Built 1980" in boat.remarks


def test_an_alias_of_many_names_is_kept_whole_and_read_as_each() -> None:
    person = parties()["Examplia:1, Part 1:2"]
    assert ("Amadée Lac, Amadea Quiet Lac", "alias") in named(person)
    assert named(person, derived=True) == [("Amadée Lac", "alias"), ("Amadea Quiet Lac", "alias")]
    arabic = person.names[-1]
    assert (arabic.name, arabic.type, arabic.language) == (
        "أماديا لاك",
        "original_script",
        "Arabic",
    )
    assert named(parties()["Examplia::3"], derived=True) == [("Karim Fable", "alias")]
    assert ("Fable Lines", "weak_alias") in named(parties()["Examplia:1, Part 2:1"], derived=True)


def test_dates_of_birth_keep_their_vagueness() -> None:
    (decade,) = parties()["Examplia:1, Part 1:2"].birth_dates
    assert (decade.on, decade.year_from, decade.year_to) == (None, 1970, 1979)
    assert decade.note == "born in the early 1970s"
    (either,) = parties()["Examplia::3"].birth_dates
    assert (either.on, either.year_from, either.year_to) == (None, 1963, 1964)


def test_the_records_of_the_sample_come_back() -> None:
    before = published(SAMPLE, "record")["record"]
    assert [exported(stored(party), "record") for party in SOURCE.parse(SAMPLE)] == before


@pytest.mark.lists
def test_the_real_list() -> None:
    path = real("ca_sema_2025.xml")
    issue = SOURCE.parse(path)
    header = issue.header
    assert header.count == 4_759
    assert (header.persons, header.organisations, header.others) == (3_334, 1_316, 109)
    assert header.unknown == ()
    before = published(path, "record")["record"]
    found = list(issue)
    assert [exported(stored(party), "record") for party in found] == before
    assert all(party.listed_on for party in found)
    unread = {date.text for party in found for date in party.birth_dates if date.text}
    assert unread == {"Sep-99"}
