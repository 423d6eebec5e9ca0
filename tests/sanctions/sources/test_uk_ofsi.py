"""The UK consolidated list in both layouts: invented samples, hostile files, real files."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from app.sanctions.sources import ListedDate, ListedParty, SourceEmpty, SourceUnreadable
from app.sanctions.sources.uk_ofsi import SOURCE
from app.sanctions.sources.un_reference import un_references
from tests.sanctions.sources.round_trip import SAMPLES, csv_of, csv_rows, real, stored

AS_PUBLISHED = SAMPLES / "uk_ofsi" / "conlist.csv"
NAMES_FIRST = SAMPLES / "uk_ofsi" / "names_first.csv"
HEADER = "Name 6,Name 1,Group Type,Alias Type,Regime,DOB,Other Information,Group ID"
ROW = "DOE,Ann,Individual,Prime Alias,Nowhere,{},{},1"


def listing(*rows: str) -> str:
    return "\n".join([HEADER, *rows]) + "\n"


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def _write(content: str | bytes) -> Path:
        path = tmp_path / "list.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return _write


@pytest.fixture(scope="module")
def parties() -> dict[str, ListedParty]:
    return {party.key: party for party in SOURCE.parse(AS_PUBLISHED)}


def test_the_layouts_are_told_apart_by_their_content() -> None:
    published, bare = SOURCE.parse(AS_PUBLISHED).header, SOURCE.parse(NAMES_FIRST).header
    assert published.layout == "with a line of its date"
    assert published.generated_at == datetime(2026, 1, 5, tzinfo=UTC)
    assert (bare.layout, bare.generated_at) == ("names of columns first", None)
    for header in (published, bare):
        assert (header.persons, header.organisations, header.unknown) == (1, 1, ())


def test_rows_far_apart_are_one_party(parties: dict[str, ListedParty]) -> None:
    assert list(parties) == ["990002", "990001"], "in the order of their first rows"
    tomas = parties["990001"]
    assert [(n.name, n.type, n.language) for n in tomas.names] == [
        ("Tomas Emil VARGAKOV", "primary", ""),
        ("The CARTOGRAPHER", "weak_alias", ""),
        ("Томас Варгаков", "original_script", "Russian"),
    ]
    assert tomas.names[1].quality == "Low Quality a.k.a"
    assert [(n.name, n.type) for n in parties["990002"].names] == [
        ("INVENTED SHIPPING AND STORIES COMPANY", "primary"),
        ("INVENTED MARITIME LINES", "former"),
    ]


def test_what_is_said_of_a_person(parties: dict[str, ListedParty]) -> None:
    tomas = parties["990001"]
    assert tomas.birth_dates == (
        ListedDate("EXACT", "1961-05-04", 1961, 1961),
        ListedDate("", None, 1960, 1960, note="1960-07"),
    )
    assert [(n.name, n.country) for n in tomas.nationalities] == [
        ("Algerian", "DZA"),
        ("Yemeni", "YEM"),
    ]
    assert [(d.type, d.number, d.note) for d in tomas.documents] == [
        ("passport", "AB 1234", "issued 2001, expired"),
        ("national identification", "55 01 000000", "civil"),
    ]
    assert tomas.same_as == ("unsc:EXi.001", "uk_sanctions:EXA0001")
    assert (tomas.listed_on, tomas.measures[0].since) == (date(2016, 1, 15), date(2016, 1, 15))
    assert tomas.measures[0].programme == tomas.programme == "Examplia"
    other = next(iter(SOURCE.parse(NAMES_FIRST)))
    assert other.documents[0].number == "AB 1234 (Algeria)"
    assert other.same_as == ("unsc:EXi.001",)


def test_a_group_without_a_primary_name_goes_by_its_first() -> None:
    ship = list(SOURCE.parse(NAMES_FIRST))[1]
    assert [(n.name, n.type) for n in ship.names] == [
        ("INVENTED SHIPPING AND STORIES COMPANY", "primary")
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("UN Ref QDi.401. More", ["QDi.401"]),
        ("UN REF:QE.A.146.14. Also", ["QE.A.146.14"]),
        ("(UK Sanctions List Ref):AQD0001 (UN Ref):QDi.263. Also", ["QDi.263"]),
        ("IRe.001. Subordinate of DIO.", ["IRe.001"]),
        ("UN Ref. no. CFi.009", ["CFi.009"]),
        ("UN Ref E.29.II.13. Owned by", ["E.29.II.13"]),
        ("Leader of a group (UN listed as QDe.014)", []),
        ("UN Ref QDi.401. Associated with QDe.014.", ["QDi.401"]),
        ("", []),
    ],
)
def test_only_its_own_un_reference_is_taken(text: str, found: list[str]) -> None:
    assert un_references(text) == found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("00/00/1960", ListedDate("", None, 1960, 1960)),
        ("dd/mm/1960", ListedDate("", None, 1960, 1960)),
        ("31/02/1960", ListedDate("", None, 1960, 1960, note="1960-02")),
        ("circa 1960", ListedDate("", None, 1960, 1960)),
        ("1959 to 1961", ListedDate("", None, 1959, 1961)),
        ("unknown", ListedDate("", text="unknown")),
    ],
)
def test_dates_of_birth_are_never_made_more_exact(
    write: Any, text: str, expected: ListedDate
) -> None:
    (party,) = SOURCE.parse(write(listing(ROW.format(text, ""))))
    assert party.birth_dates == (expected,)


def test_columns_that_are_new_are_kept_and_named(write: Any) -> None:
    parsed = SOURCE.parse(write(f"{HEADER},Wealth\n{ROW.format('', '')},much\n"))
    (party,) = parsed
    assert parsed.header.unknown == ("Wealth",)
    assert party.original["rows"][0]["Wealth"] == "much"


def test_formulas_and_marks_of_direction_stay_what_they_are(write: Any) -> None:
    (party,) = SOURCE.parse(write(listing(ROW.format("", '"=1+1 ""\u202eeno"" -2"'))))
    assert party.original["rows"][0]["Other Information"] == '=1+1 "\u202eeno" -2'
    assert party.remarks == '=1+1 "eno" -2'


def test_a_list_of_nobody_is_empty(write: Any) -> None:
    for content in (listing(), "Last Updated,01/01/2026\n" + listing()):
        with pytest.raises(SourceEmpty):
            SOURCE.parse(write(content))


FULL = ROW.format("", "")
HOSTILE: dict[str, tuple[str | bytes, str]] = {
    "a web page": ("<html>\n<body>\n", "no column"),
    "another table": ("a,b\n1,2\nc,d\n", "no column"),
    "a wide row": (listing(FULL + ",x"), "9 cells instead of 8"),
    "a narrow row": (listing("DOE,Ann"), "2 cells instead of 8"),
    "an open quote": (listing(FULL.replace("DOE", '"DOE')), "never closed"),
    "a lone quote": (listing(FULL.replace("DOE", 'D"OE')), "lone quote"),
    "text after a quote": (listing(FULL.replace("DOE", '"D"OE')), "after a closing quote"),
    "NUL": (listing(FULL.replace("DOE", "D\0E")), "NUL"),
    "control character": (listing(FULL.replace("DOE", "D\x07E")), "control character"),
    "cp1252": (listing(FULL.replace("DOE", "DÉE")).encode("cp1252"), "UTF-8"),
    "utf-16": (listing(FULL).encode("utf-16"), "NUL|UTF-8"),
    "a huge cell": (listing(FULL.replace("DOE", "D" * 300_000)), "longer"),
    "a column twice": (listing(FULL).replace("DOB", "Name 1"), "twice"),
    "a field twice": (listing(FULL).replace("DOB", "Regime Name"), "twice"),
    "no key": (listing(FULL[:-1]), "key"),
    "no name": (listing(FULL.replace("DOE,Ann", ",")), "name"),
    "an empty line": (listing(FULL, "", FULL), "empty line"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_or_broken_file_is_refused_whole(case: str, write: Any) -> None:
    content, reason = HOSTILE[case]
    with pytest.raises(SourceUnreadable, match=reason) as caught:
        SOURCE.parse(write(content))
    assert caught.value.place


def test_the_place_is_exact(write: Any) -> None:
    with pytest.raises(SourceUnreadable) as caught:
        SOURCE.parse(write(listing(FULL, FULL.replace("DOE", 'D"OE'))))
    assert caught.value.place == "line 3, column 2"


def assert_all_comes_back(path: Path, parties: list[ListedParty], ahead: int) -> None:
    header, published = csv_rows(path.read_bytes().decode(), ahead)
    again = csv_of(header, (row for original in stored(parties) for row in original["rows"]))
    assert csv_rows(again) == (header, published)
    names = {
        (row[header.index("Group ID")], " ".join(" ".join([*row[1:6], row[0]]).split()))
        for row in published
    }
    listed = {(p.key, n.name) for p in parties for n in p.names if n.type != "original_script"}
    assert names == listed


@pytest.mark.parametrize(("path", "ahead"), [(AS_PUBLISHED, 1), (NAMES_FIRST, 0)])
def test_every_field_of_the_samples_comes_back(path: Path, ahead: int) -> None:
    assert_all_comes_back(path, list(SOURCE.parse(path)), ahead)


@pytest.mark.lists
def test_every_field_of_an_original_file_comes_back() -> None:
    path = real("uk_hmt_conlist_sample_2020.csv")
    parsed = SOURCE.parse(path)
    assert (parsed.header.count, parsed.header.generated_at) == (
        6,
        datetime(2020, 4, 27, tzinfo=UTC),
    )
    everyone = list(parsed)
    assert sum(len(party.original["rows"]) for party in everyone) == 23
    assert_all_comes_back(path, everyone, 1)


@pytest.mark.lists
def test_the_list_of_2017_is_read_in_full() -> None:
    path = real("uk_ofsi_conlist_2017-09_even_groups.csv")
    parsed = SOURCE.parse(path)
    everyone = list(parsed)
    assert (parsed.header.persons, parsed.header.organisations) == (700, 315)
    assert parsed.header.unknown == ()
    assert sum(len(party.original["rows"]) for party in everyone) == 4_812
    assert_all_comes_back(path, everyone, 0)
    told = [party for party in everyone if "UN REF" in party.remarks.upper()]
    assert len(told) == 264
    assert all(party.same_as for party in told)
    unplaced = {n.name for p in everyone for n in p.nationalities if not n.country}
    assert unplaced == {
        "Congolese",
        "United States of America. Also believed to hold Syrian nationality",
    }
