"""The Denied Persons List: rows become parties, and come back as rows."""

from datetime import date
from typing import Any

import pytest

from app.sanctions.sources.us_bis_dpl import COLUMNS, SOURCE
from tests.sanctions.sources.published import SAMPLES, real, rows_of, stored, table_of

SAMPLE = SAMPLES / "us_bis_dpl.txt"


def test_rows_of_one_name_and_one_day_are_one_party() -> None:
    first, second, third = SOURCE.parse(SAMPLE)
    assert (first.caption, first.kind) == ("TOMAS VARGAKOV", "unknown")
    assert [place.country for place in first.addresses] == ["KEN", None]
    assert first.countries == ("KEN",)
    assert first.original["rows"][0]["Name"] == " TOMAS VARGAKOV"
    assert first.updated_on == (date(2017, 10, 23), date(2018, 1, 2))
    assert second.caption == 'AMADEA "Q" LAC'
    assert len(third.original["rows"]) == 2
    assert len(third.addresses) == len(third.measures) == 1


def test_ends_are_as_published() -> None:
    """A day is a day, none is none, and the year 9999 is a way to write "for good"."""
    ends = [(m.since, m.until, m.indefinite) for p in SOURCE.parse(SAMPLE) for m in p.measures]
    assert ends == [
        (date(2017, 10, 16), date(2030, 10, 13), False),
        (date(1981, 9, 10), None, False),
        (date(2019, 6, 5), None, True),
    ]


def assert_rows_come_back(content: bytes, parties: list[dict[str, Any]]) -> None:
    rows = [row for original in parties for row in original["rows"]]
    out = table_of([COLUMNS, *([row[column] for column in COLUMNS] for row in rows)], "\t")
    assert rows_of(out, "\t") == rows_of(content, "\t")


def test_the_rows_of_the_sample_come_back() -> None:
    assert_rows_come_back(SAMPLE.read_bytes(), [stored(party) for party in SOURCE.parse(SAMPLE)])


@pytest.mark.lists
def test_the_real_list() -> None:
    path = real("us_bis_denied_persons.txt")
    parties = list(SOURCE.parse(path))
    assert sum(len(party.original["rows"]) for party in parties) == 546
    assert len(parties) == 417
    assert all(party.measures and party.listed_on for party in parties)
    assert_rows_come_back(path.read_bytes(), [stored(party) for party in parties])
    # Fifty-year orders end on a day that was published: they are not endless.
    assert max(m.until for p in parties for m in p.measures if m.until) == date(2056, 6, 29)
