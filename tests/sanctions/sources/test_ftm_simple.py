"""FollowTheMoney's simple table: invented samples in both layouts, hostile files, a real file."""

from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from app.sanctions.sources import ListedDate, ListedParty, SourceEmpty, SourceUnreadable
from app.sanctions.sources.ftm_simple import SOURCE, values
from tests.sanctions.sources.round_trip import SAMPLES, csv_of, csv_rows, real, stored

NOW = SAMPLES / "ftm_simple" / "16_columns.csv"
BEFORE = SAMPLES / "ftm_simple" / "15_columns.csv"
HEADER = "id,schema,name,aliases,birth_date,countries,sanctions,dataset"


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def _write(content: str | bytes) -> Path:
        path = tmp_path / "list.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return _write


@pytest.fixture(scope="module")
def parties() -> dict[str, ListedParty]:
    return {party.key: party for party in SOURCE.parse(NOW)}


def test_both_layouts_are_read() -> None:
    now, before = SOURCE.parse(NOW), SOURCE.parse(BEFORE)
    assert (now.header.layout, before.header.layout) == ("16 columns", "15 columns")
    for header in (now.header, before.header):
        assert (header.persons, header.organisations, header.others) == (1, 1, 2)
        assert header.generated_at == datetime(2026, 1, 5, 5, 41, 1, tzinfo=UTC)
        assert header.unknown == ()
    assert next(iter(before)).programme == ""


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("", []),
        ('""', []),
        ("a;b", ["a", "b"]),
        ('"a;b";c', ["a;b", "c"]),
        ('"say ""x""";y', ['say "x"', "y"]),
        ('"open;b', ['"open', "b"]),
        ('a "b";c', ['a "b"', "c"]),
        ("a;;b", ["a", "b"]),
        ('"two\nlines"', ["two lines"]),
    ],
)
def test_a_cell_of_several_values(cell: str, found: list[str]) -> None:
    assert values(cell) == found


def test_what_a_row_says(parties: dict[str, ListedParty]) -> None:
    tomas = parties["EX-1"]
    assert [(n.name, n.type) for n in tomas.names] == [
        ("Tomas Vargakov", "primary"),
        ("Томас Варгаков", "original_script"),
        ('Varga; the "Cartographer"', "alias"),
    ]
    assert tomas.birth_dates == (
        ListedDate("EXACT", "1961-05-04", 1961, 1961),
        ListedDate("", None, 1960, 1960, note="1960-07"),
        ListedDate("", None, 1958, 1958),
    )
    assert tomas.countries == ("DZA", "XKX"), "a dissolved state has no code, and stays as it was"
    assert tomas.updated_on == (date(2025, 12, 1),)
    assert tomas.listed_on is None
    assert [i.type for i in tomas.identifiers] == ["identifier", "phone", "email"]
    assert parties["EX-3"].kind == "unknown"
    assert parties["EX-4"].kind == "vessel"
    assert parties["EX-2"].addresses[0].street == "1 Quay of Tales; Port Fable"


def test_dates_of_a_measure_are_read_only_where_both_are_there(
    parties: dict[str, ListedParty],
) -> None:
    (endless,) = parties["EX-1"].measures
    assert (endless.since, endless.until, endless.indefinite) == (date(2020, 1, 2), None, True)
    both, one = parties["EX-2"].measures
    assert (both.since, both.until) == (date(2024, 1, 1), date(2027, 1, 1))
    assert (one.since, one.until) == (None, None)
    assert one.grounds == "Other list - 2024-02-02"
    assert {m.listed_by for m in (endless, both, one)} == {"Invented List"}


def test_a_later_run_alone_is_no_change(write: Any) -> None:
    text = NOW.read_text("utf-8")

    def digests(content: str) -> list[str]:
        return [party.digest for party in SOURCE.parse(write(content))]

    later = text.replace("2026-01-05T05:41:01", "2026-02-05T05:41:01")
    assert digests(later) == digests(text)
    assert digests(text.replace("2025-12-01", "2025-12-09")) != digests(text)


def test_a_list_of_nobody_is_empty(write: Any) -> None:
    with pytest.raises(SourceEmpty):
        SOURCE.parse(write(HEADER + "\n"))


ROW = "EX-1,Person,A,,,,,D"
HOSTILE: dict[str, tuple[str | bytes, str]] = {
    "json lines": ('{"id": "EX-1"}\n', "lone quote|no column"),
    "another table": ("a,b\n1,2\n", "no column id"),
    "a wide row": (f"{HEADER}\n{ROW},x\n", "9 cells instead of 8"),
    "an open quote": (f'{HEADER}\n"{ROW}\n', "never closed"),
    "NUL": (f"{HEADER}\nE\0X,Person,A,,,,,D\n", "NUL"),
    "cp1252": (f"{HEADER}\n{ROW}É\n".encode("cp1252"), "UTF-8"),
    "a column twice": (f"{HEADER},id\n{ROW},\n", "twice"),
    "the same key twice": (f"{HEADER}\n{ROW}\n{ROW}\n", "twice"),
    "no key": (f"{HEADER}\n ,Person,A,,,,,D\n", "key"),
    "no name": (f"{HEADER}\nEX-1,Person, ,,,,,D\n", "name"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_or_broken_file_is_refused_whole(case: str, write: Any) -> None:
    content, reason = HOSTILE[case]
    with pytest.raises(SourceUnreadable, match=reason) as caught:
        SOURCE.parse(write(content))
    assert caught.value.place


def test_a_cell_made_of_quotes_is_read_in_no_time(write: Any) -> None:
    for cell in ('"' * 60_001, ";" * 60_000, '"a' * 30_000, '";"' * 20_000):
        quoted = cell.replace('"', '""')
        (party,) = SOURCE.parse(write(f'{HEADER}\nEX-1,Person,=A(),"{quoted}",,,,D\n'))
        assert party.original["aliases"] == cell
        assert party.caption == "=A()"


def assert_all_comes_back(path: Path, parties: list[ListedParty]) -> None:
    header, published = csv_rows(path.read_bytes().decode())
    assert csv_rows(csv_of(header, stored(parties))) == (header, published)
    for party in parties:
        names = {" ".join(party.original["name"].split()), *values(party.original["aliases"])}
        assert names == {name.name for name in party.names}


@pytest.mark.parametrize("path", [NOW, BEFORE], ids=lambda path: path.name)
def test_every_field_of_the_samples_comes_back(path: Path) -> None:
    assert_all_comes_back(path, list(SOURCE.parse(path)))


@pytest.mark.lists
def test_the_real_list_is_read_in_full() -> None:
    path = real("opensanctions_ua_war_targets.simple_2026-03.csv")
    parsed = SOURCE.parse(path)
    everyone = list(parsed)
    assert parsed.header.count == 5_600
    assert parsed.header.unknown == ()
    kinds = Counter(party.kind for party in everyone)
    assert kinds == {"person": 1_543, "organisation": 1_524, "vessel": 1_340, "unknown": 1_193}
    assert_all_comes_back(path, everyone)
    dates = Counter(date.type for party in everyone for date in party.birth_dates)
    assert dates == {"EXACT": 1_491}
