"""The Consolidated Screening List: many lists in one table, and back."""

from datetime import date
from typing import Any

import pytest

from app.sanctions.sources import ListedParty
from app.sanctions.sources.us_csl import COLUMNS, SOURCE
from tests.sanctions.sources.published import SAMPLES, real, rows_of, stored, table_of

SAMPLE = SAMPLES / "us_csl.csv"


def parties() -> dict[str, ListedParty]:
    return {party.key: party for party in SOURCE.parse(SAMPLE)}


def test_an_entry_of_the_treasury_keeps_its_number() -> None:
    person = parties()["SDN:9001"]
    assert (person.reference, person.kind, person.caption) == (
        "9001",
        "person",
        "Tomas Emil VARGAKOV",
    )
    assert {name.name for name in person.names[1:]} == {"Thomas VARGAKOV", "THE CARTOGRAPHER"}
    assert [(d.on, d.year_from) for d in person.birth_dates] == [("1961-05-04", 1961), (None, 1960)]
    assert [(d.type, d.number) for d in person.documents] == [("Passport", "A0000001")]
    assert person.gender == "Male"
    assert person.identifiers == ()
    assert [country.country for country in person.nationalities] == ["KEN", "UGA"]
    boat = parties()["SDN:9003"]
    assert (boat.kind, boat.countries) == ("vessel", ("PAN",))


def test_the_imposing_and_the_listing_authority_are_two() -> None:
    (measure,) = parties()["DPL:TOMAS VARGAKOV:2017-10-16"].measures
    assert measure.imposed_by == "Bureau of Industry and Security"
    assert "International Trade Administration" in measure.listed_by
    assert (measure.since, measure.until) == (date(2017, 10, 16), date(2030, 10, 13))
    assert measure.reference == "Denied Persons List"


def test_a_state_of_the_us_is_not_taken_for_a_country() -> None:
    denied = parties()["DPL:TOMAS VARGAKOV:2017-10-16"]
    assert denied.countries == ()  # "AZ" is Arizona there, not Azerbaijan
    assert len(denied.addresses) == 2
    assert parties()["SDN:9001"].addresses[0].country == "KEN"


def assert_rows_come_back(content: bytes, originals: list[dict[str, Any]]) -> None:
    rows = [row for original in originals for row in original["rows"]]
    out = table_of([COLUMNS, *([row[column] for column in COLUMNS] for row in rows)])
    assert rows_of(out) == rows_of(content)


def test_the_rows_of_the_sample_come_back() -> None:
    assert_rows_come_back(SAMPLE.read_bytes(), [stored(party) for party in SOURCE.parse(SAMPLE)])


@pytest.mark.lists
def test_the_real_sample() -> None:
    path = real("us_csl_sample.csv")
    found = list(SOURCE.parse(path))
    assert sum(len(party.original["rows"]) for party in found) == 115
    assert len(found) == 113
    assert_rows_come_back(path.read_bytes(), [stored(party) for party in found])
    unplaced = [a for party in found for a in party.addresses if not a.country]
    assert len(unplaced) == 2
