"""Lists by a mapping: the documented example, the Marketplace's own, hostile files."""

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.sanctions import sources
from app.sanctions.sources import ListedDate, ListedParty, SourceEmpty, SourceUnreadable
from app.sanctions.sources.mapping_dates import DateRules
from app.sanctions.sources.ungm import SOURCE as UNGM
from tests.house.source import ROOT
from tests.sanctions.sources.round_trip import SAMPLES, csv_of, csv_rows, real, stored

DOCUMENTED = re.search(
    r"```yaml\n(version: .*?)```", (ROOT / "docs/lists.md").read_text("utf-8"), re.DOTALL
)
HEADER = (
    "id,name,name_norm,date_end,date_start,comments,address,cause,founders,decision,applicant,"
    "number"
)
ROW = '1,SRL „Roads”,,31.03.2027,"Luni, 1 Aprilie, 2024",-,"str. 1, of. 2",Late,Ann,7/1,,3'
SHORT: dict[str, Any] = {
    "version": "1",
    "title": "T",
    "publisher": "P",
    "licence": "L",
    "source": "S",
    "confirmed": False,
    "key": ["id"],
    "kind": {"always": "organisation"},
    "names": [{"columns": ["name"], "type": "primary"}],
}


def documented() -> str:
    assert DOCUMENTED
    return DOCUMENTED[1]


@pytest.fixture
def parse(tmp_path: Path) -> Any:
    def _parse(table: str | bytes, mapping: str | dict[str, Any] | None = None) -> Any:
        path, beside = tmp_path / "list.csv", tmp_path / "list.mapping.yaml"
        path.write_bytes(table.encode() if isinstance(table, str) else table)
        text = documented() if mapping is None else mapping
        text = text if isinstance(text, str) else yaml.safe_dump(text, allow_unicode=True)
        beside.write_text(text, "utf-8")
        return sources.find("csv:blacklist").parse(beside, path)

    return _parse


def test_a_code_of_its_own_is_found_by_its_shape() -> None:
    source = sources.find("csv:md_blacklist")
    assert (source.code, source.audience) == ("csv:md_blacklist", "opt_in")
    assert (source.joint, source.level, source.required) == (False, "PUBLIC", False)
    for code in ("csv:", "csv:A", "csv:a.b", "csv:a b", "csv:" + "a" * 60, "nowhere"):
        with pytest.raises(KeyError):
            sources.find(code)
    assert sources.find("unsc") is sources.ALL["unsc"]


def test_the_documented_example_reads_its_list(parse: Any) -> None:
    parsed = parse(f"{HEADER}\n{ROW}\n")
    (party,) = parsed
    assert parsed.header.title == "Moldova, operators barred from public procurement"
    assert (parsed.header.organisations, parsed.header.unknown) == (1, ())
    assert (party.key, party.reference, party.caption) == ("1", "7/1", "SRL „Roads”")
    (measure,) = party.measures
    assert (measure.since, measure.until) == (date(2024, 4, 1), date(2027, 3, 31))
    assert (measure.grounds, measure.legal_basis) == ("Late", "7/1")
    assert party.addresses[0].street == "str. 1, of. 2"
    assert party.countries == ("MDA",)
    assert party.remarks == "Ann"


def test_a_date_that_no_format_reads_is_no_date(parse: Any) -> None:
    row = ROW.replace('"Luni, 1 Aprilie, 2024"', "615/14 din 30 septembrie 2014")
    (party,) = parse(f"{HEADER}\n{row}\n")
    assert party.measures[0].since is None
    assert party.remarks.splitlines()[-1] == "date_start: 615/14 din 30 septembrie 2014"


def test_every_kind_of_part_is_mapped(parse: Any) -> None:
    mapping = {
        **SHORT,
        "file": {"delimiter": "\t", "quote": None, "rows_ahead": 1, "encoding": "cp1251"},
        "key": ["no", "of"],
        "rows": "many",
        "kind": {"column": "k", "values": {"P": "person"}, "otherwise": "organisation"},
        "names": [
            {"columns": ["first", "last"], "type": "primary", "language": {"text": "ru"}},
            {"columns": ["aka"], "type": "alias", "separators": [";", " or "], "quality": "k"},
        ],
        "dates": {"formats": ["%d/%m/%Y", "%m/%Y", "%Y"], "endless": ["Permanent"]},
        "birth_dates": [{"column": "born", "separators": [";"]}],
        "birth_places": [{"city": "town", "country": "land"}],
        "nationalities": ["land"],
        "identifiers": [{"type": "tax", "value": "tax", "country": "land"}],
        "documents": [{"type": "passport", "value": "pass", "note": {"text": "seen"}}],
        "measures": [{"measure": "m", "until": "to"}],
        "same_as": [{"list": "unsc", "reference": "un"}],
        "titles": ["title"],
    }
    columns = [
        "no",
        "of",
        "k",
        "first",
        "last",
        "aka",
        "born",
        "town",
        "land",
        "tax",
        "pass",
        "m",
        "to",
        "un",
        "title",
    ]
    first = ["1", "A", "P", "Анна", "Доу", "Ann Doe; A. D. or Q", "01/02/1960;03/1961;1962;?"]
    rows = [
        ["a list of 2026", "with a row above"],
        columns,
        [*first, "Town", "France", '"7"', "X1", "ban", "permanent", "EXi.001", "Dr"],
        ["2", "A", "C", "Body", "", "", "", "", "", "", "", "fine", "01/01/3000", "", ""],
        ["1", "A", "P", "Анна", "Доу", "Third", "", "", "", "", "", "fine", "31/12/2027", "", ""],
    ]
    anna, body = parse("\n".join("\t".join(row) for row in rows).encode("cp1251"), mapping)
    assert anna.key == '["1", "A"]'
    assert (anna.kind, body.kind) == ("person", "organisation")
    assert [(n.name, n.type, n.quality, n.language, n.derived) for n in anna.names] == [
        ("Анна Доу", "primary", "", "ru", False),
        ("Ann Doe", "alias", "P", "", True),
        ("A. D.", "alias", "P", "", True),
        ("Q", "alias", "P", "", True),
        ("Third", "alias", "P", "", False),
    ]
    assert anna.birth_dates == (
        ListedDate("EXACT", "1960-02-01", 1960, 1960),
        ListedDate("", None, 1961, 1961, note="03/1961"),
        ListedDate("", None, 1962, 1962),
        ListedDate("", text="?"),
    )
    assert anna.birth_places[0].city == "Town"
    assert anna.countries == ("FRA",)
    assert anna.identifiers[0].value == '"7"'
    assert anna.documents[0].note == "seen"
    assert [(m.until, m.indefinite) for m in anna.measures] == [
        (None, True),
        (date(2027, 12, 31), False),
    ]
    assert (body.measures[0].until, body.measures[0].indefinite) == (None, True)
    assert anna.same_as == ("unsc:EXi.001",)
    assert anna.titles == ("Dr",)


def test_columns_that_the_mapping_does_not_name_are_kept_and_named(parse: Any) -> None:
    parsed = parse("id,name,wealth\n1,A,much\n", SHORT)
    (party,) = parsed
    assert parsed.header.unknown == ("wealth",)
    assert party.original == {"rows": [{"id": "1", "name": "A", "wealth": "much"}]}


def test_the_digest_is_that_of_table_and_mapping(parse: Any) -> None:
    table = "id,name\n1,A\n"
    first, again = parse(table, SHORT).header.sha256, parse(table, SHORT).header.sha256
    other = parse(table, {**SHORT, "title": "U"}).header.sha256
    assert first == again != other


def test_a_list_of_nobody_is_empty(parse: Any) -> None:
    with pytest.raises(SourceEmpty):
        parse("id,name\n", SHORT)


def test_it_takes_one_table_and_one_mapping(tmp_path: Path) -> None:
    source = sources.find("csv:x")
    for paths in ((), (tmp_path / "a.csv",), (tmp_path / "a.mapping.yaml",)):
        with pytest.raises(SourceUnreadable, match="instead of one each"):
            source.parse(*paths)


TABLES: dict[str, tuple[str | bytes, str]] = {
    "no such column": ("id,names\n1,A\n", "no column 'name'"),
    "a column twice": ("id,name,name\n1,A,B\n", "twice"),
    "a wide row": ("id,name\n1,A,B\n", "3 cells instead of 2"),
    "an open quote": ('id,name\n1,"A\n', "never closed"),
    "NUL": ("id,name\n1,A\0\n", "NUL"),
    "cp1252": ("id,name\n1,É\n".encode("cp1252"), "UTF-8"),
    "a huge cell": (f"id,name\n1,{'A' * 300_000}\n", "longer"),
    "the same key twice": ("id,name\n1,A\n1,B\n", "twice"),
    "no key": ("id,name\n ,A\n", "key"),
    "no name": ("id,name\n1, \n", "name"),
}


@pytest.mark.parametrize("case", TABLES)
def test_a_hostile_or_broken_table_is_refused_whole(case: str, parse: Any) -> None:
    table, reason = TABLES[case]
    with pytest.raises(SourceUnreadable, match=reason) as caught:
        parse(table, SHORT)
    assert caught.value.place


MAPPINGS: dict[str, tuple[str | dict[str, Any], str]] = {
    "nothing": ("", "valid dictionary|empty"),
    "no YAML": ("a: [", "mapping"),
    "a list": ("[1]", "valid dictionary|Mapping"),
    "an unknown part": ({**SHORT, "colour": "x"}, "Extra inputs"),
    "no title": ({k: v for k, v in SHORT.items() if k != "title"}, "required"),
    "no primary name": ({**SHORT, "names": [{"columns": ["name"], "type": "alias"}]}, "primary"),
    "an unknown type": ({**SHORT, "names": [{"columns": ["name"], "type": "x"}]}, "Input should"),
    "a value of neither": ({**SHORT, "remarks": [{"separators": [";"]}]}, "either column or text"),
    "a value of both": ({**SHORT, "remarks": [{"column": "a", "text": "b"}]}, "either column"),
    "a kind of both": ({**SHORT, "kind": {"always": "person", "column": "k"}}, "either always"),
    "an unknown encoding": ({**SHORT, "file": {"encoding": "utf-7"}}, "one of cp1250"),
    "an unknown token": ({**SHORT, "dates": {"formats": ["%H-%Y"]}}, "only %d %m %Y"),
    "a token twice": ({**SHORT, "dates": {"formats": ["%d-%d-%Y"]}}, "at most once"),
    "no year": ({**SHORT, "dates": {"formats": ["%d-%m"]}}, "a year"),
    "an alias": (f"a: &x [1]\nb: *x\n{yaml.safe_dump(SHORT)}", "an alias"),
    "a bomb": (
        "a: &a [x,x]\n" + "".join(f"b{n}: &b{n} [*a,*a]\n" for n in range(9)),
        "an alias",
    ),
    "a name twice": (f"{yaml.safe_dump(SHORT)}title: U\n", "title twice"),
    "deep": ("a: " + "[" * 10_000, "nested"),
    "a tag": ("!!python/object/apply:os.system ['true']", "mapping"),
    "NUL": ("a: \0", "NUL"),
    "huge": ("# " + "x" * 300_000, "larger"),
}


@pytest.mark.parametrize("case", MAPPINGS)
def test_a_mapping_that_says_anything_else_is_refused(case: str, parse: Any) -> None:
    mapping, reason = MAPPINGS[case]
    with pytest.raises(SourceUnreadable, match=reason) as caught:
        parse("id,name\n1,A\n", mapping)
    assert caught.value.place


@pytest.mark.parametrize(
    ("text", "day", "endless"),
    [
        ("1 mai 2024", date(2024, 5, 1), False),
        ("01 MAI 2024", date(2024, 5, 1), False),
        ("1 foo 2024", None, False),
        ("31 februarie 2024", None, False),
        ("31.12.2999", date(2999, 12, 31), True),
        ("PERMANENT", None, True),
        ("x" * 100_000, None, False),
        ("", None, False),
    ],
)
def test_dates_by_rules(text: str, day: date | None, endless: bool) -> None:
    rules = DateRules(
        formats=("%d %B %Y", "%d.%m.%Y"),
        months={"mai": 5, "februarie": 2},
        endless=("permanent",),
    )
    assert (rules.day(text), rules.is_endless(text)) == (day, endless)


# ---------------------------------------------------------------- the Marketplace


def test_the_marketplace_list_is_for_the_agencies_alone() -> None:
    assert (UNGM.audience, UNGM.level, UNGM.regime) == ("shared", "INTER_AGENCY", "VENDOR")
    assert all(s.level == "PUBLIC" for code, s in sources.ALL.items() if code != "ungm")


def test_a_vendor_may_be_ineligible_by_several_agencies() -> None:
    roads, tomas = UNGM.parse(SAMPLES / "ungm.csv")
    assert [(m.imposed_by, m.measure, m.since, m.until) for m in roads.measures] == [
        ("UNDP", "Debarment", date(2024, 3, 1), date(2027, 2, 28)),
        ("UNOPS", "Interim suspension", date(2025, 6, 1), None),
    ]
    assert [(n.name, n.type) for n in roads.names] == [
        ("Invented Roads & Bridges Ltd.", "primary"),
        ("IRB", "alias"),
        ("Roads of Fable", "alias"),
        ("Fable Paving", "former"),
    ]
    assert (tomas.kind, tomas.measures[0].indefinite) == ("person", True)


def test_the_marketplace_list_may_bring_a_mapping(tmp_path: Path) -> None:
    table, mapping = tmp_path / "export.csv", tmp_path / "export.mapping.yaml"
    table.write_text("id,name\n1,A\n", "utf-8")
    mapping.write_text(yaml.safe_dump(SHORT), "utf-8")
    (party,) = UNGM.parse(table, mapping)
    assert party.caption == "A"
    with pytest.raises(SourceUnreadable, match="no column 'Address'"):
        UNGM.parse(table)


# ---------------------------------------------------------------- round trips


def assert_all_comes_back(path: Path, parties: list[ListedParty]) -> None:
    header, published = csv_rows(path.read_bytes().decode())
    again = csv_of(header, (row for original in stored(parties) for row in original["rows"]))
    assert csv_rows(again) == (header, published)


def test_every_field_of_the_sample_comes_back() -> None:
    path = SAMPLES / "ungm.csv"
    assert_all_comes_back(path, list(UNGM.parse(path)))


@pytest.mark.lists
def test_the_list_of_moldova_is_read_by_the_documented_mapping(tmp_path: Path) -> None:
    path, mapping = real("md_debarred_firms_2018.csv"), tmp_path / "md.mapping.yaml"
    mapping.write_text(documented(), "utf-8")
    parsed = sources.find("csv:md").parse(path, mapping)
    everyone = list(parsed)
    assert (parsed.header.organisations, parsed.header.unknown) == (55, ())
    assert_all_comes_back(path, everyone)
    assert all(party.measures[0].until for party in everyone)
    unread = [party for party in everyone if "date_start: " in party.remarks]
    starts = [party for party in everyone if party.measures[0].since]
    assert (len(unread), len(starts)) == (22, 24)
