"""The UK list of 2022. No file of the publisher was at hand: the invented sample alone."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from app.sanctions.sources import ListedParty, SourceUnreadable
from app.sanctions.sources.uk_sanctions import SOURCE
from tests.sanctions.sources.round_trip import SAMPLES, csv_of, csv_rows, stored

SAMPLE = SAMPLES / "uk_sanctions.csv"


@pytest.fixture(scope="module")
def parties() -> dict[str, ListedParty]:
    return {party.key: party for party in SOURCE.parse(SAMPLE)}


def test_a_row_a_name_becomes_one_party(parties: dict[str, ListedParty]) -> None:
    header = SOURCE.parse(SAMPLE).header
    assert (header.persons, header.organisations, header.others, header.unknown) == (1, 1, 1, ())
    assert header.generated_at == datetime(2026, 1, 5, tzinfo=UTC)
    tomas = parties["EXA0001"]
    assert [(n.name, n.type, n.quality) for n in tomas.names] == [
        ("Tomas Emil VARGAKOV", "primary", ""),
        ("Tomas VARGAKOFF", "alias", ""),
        ("THE CARTOGRAPHER", "weak_alias", "Low Quality AKA"),
        ("Томас Варгаков", "original_script", ""),
    ]
    assert tomas.same_as == ("unsc:EXi.001", "uk_ofsi:990001")
    assert tomas.birth_dates[0].year_from == 1961
    assert tomas.gender == "Male"


def test_the_measure_names_who_designated_and_why(parties: dict[str, ListedParty]) -> None:
    (measure,) = parties["EXA0001"].measures
    assert measure.imposed_by == "United Kingdom; United Nations Security Council"
    assert measure.listed_by == "Foreign, Commonwealth and Development Office"
    assert measure.measure == "Asset freeze; Travel Ban"
    assert measure.grounds == 'He kept, and "lost", the ledger.'
    assert measure.since == date(2016, 1, 14)


def test_bodies_and_ships_keep_their_numbers(parties: dict[str, ListedParty]) -> None:
    assert [(i.type, i.value) for i in parties["EXA0002"].identifiers] == [
        ("registration", "0000.111.222"),
        ("email", "office@stories.example"),
        ("website", "https://stories.example"),
    ]
    assert parties["EXA0002"].urls == ("https://stories.example",)
    assert "parent: Papermoon Holdings" in parties["EXA0002"].remarks
    ship = parties["EXA0003"]
    assert ship.kind == "vessel"
    assert [(i.type, i.value) for i in ship.identifiers] == [("imo", "9000001")]
    assert "ship_type: Tanker" in ship.remarks


def test_the_consolidated_list_is_not_taken_for_this_one() -> None:
    with pytest.raises(SourceUnreadable, match="no column for"):
        SOURCE.parse(SAMPLES / "uk_ofsi" / "conlist.csv")


def test_every_field_of_the_sample_comes_back(parties: dict[str, ListedParty]) -> None:
    path: Path = SAMPLE
    header, published = csv_rows(path.read_bytes().decode(), 1)
    originals = stored(parties.values())
    again = csv_of(header, (row for original in originals for row in original["rows"]))
    assert csv_rows(again) == (header, published)
