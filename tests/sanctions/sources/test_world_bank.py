"""The World Bank's list: the invented sample, hostile JSON, the real file."""

import json
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from app.sanctions.sources import ListedParty, SourceEmpty, SourceUnreadable
from app.sanctions.sources.world_bank import SOURCE
from tests.sanctions.sources.round_trip import SAMPLES, real, stored

SAMPLE = SAMPLES / "world_bank.json"
RECORD = '{"SUPP_ID": 1, "SUPP_NAME": "A"}'


def listing(*records: str) -> str:
    return f'{{"response": {{"ZPROCSUPP": [{",".join(records)}]}}}}'


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def _write(content: str | bytes) -> Path:
        path = tmp_path / "list.json"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return _write


@pytest.fixture(scope="module")
def parties() -> dict[str, ListedParty]:
    return {party.key: party for party in SOURCE.parse(SAMPLE)}


def names(party: ListedParty) -> list[tuple[str, str]]:
    return [(name.name, name.type) for name in party.names]


def test_the_source_counts_only_after_a_joint_decision() -> None:
    assert (SOURCE.audience, SOURCE.joint, SOURCE.level) == ("shared", True, "PUBLIC")


def test_several_names_in_one_field_are_taken_apart(parties: dict[str, ListedParty]) -> None:
    assert names(parties["9000001"]) == [("INVENTED ROADS & BRIDGES LTD.", "primary")]
    assert parties["9000001"].remarks == "*54"
    assert names(parties["9000002"]) == [
        ("PAPERMOON HOLDINGS LIMITED", "primary"),
        ("PAPERMOON PTE LTD.", "former"),
    ]
    assert names(parties["9000003"]) == [("TOMAS VARGAKOV", "primary"), ("TOM VARGA", "alias")]
    assert parties["9000003"].titles == ("MR",)
    assert names(parties["9000004"]) == [
        ("FABLE DEVELOPMENT CENTRE (FDC)", "primary"),
        ("FABLE DEVELOPMENT CENTRE", "alias"),
        ("FDC", "weak_alias"),
        ("虚构道路有限公司", "original_script"),
    ]
    assert [name for name, _ in names(parties["9000005"])][1:] == [
        "INVENTED CONSTRUCTORS INTERNATIONAL INC./INVENTED CONSTRUCTEURS INTERNATIONAL INC.",
        "INVENTED CONSTRUCTORS INTERNATIONAL INC.",
        "INVENTED CONSTRUCTEURS INTERNATIONAL INC.",
    ]
    assert names(parties["9000006"])[1:] == [
        ("M/S STORY TRADERS", "alias"),
        ("Tale Merchants", "alias"),
        ("Rumour House", "former"),
    ]
    assert all(n.derived for n in parties["9000002"].names)


def test_who_imposed_and_who_lists_are_two(parties: dict[str, ListedParty]) -> None:
    by = {key: party.measures[0].imposed_by for key, party in parties.items()}
    assert by == {
        "9000001": "World Bank",
        "9000002": "World Bank",
        "9000003": "IDB",
        "9000004": "AfDB",
        "9000005": "World Bank",
        "9000006": "World Bank",
    }
    assert {party.measures[0].listed_by for party in parties.values()} == {"World Bank"}
    assert parties["9000003"].measures[0].grounds == "Cross-Debarment: IDB"


def test_no_end_is_never_a_far_date(parties: dict[str, ListedParty]) -> None:
    ends = {key: (p.measures[0].until, p.measures[0].indefinite) for key, p in parties.items()}
    assert ends["9000001"] == (date(2027, 2, 28), False)
    assert ends["9000002"] == ends["9000003"] == ends["9000006"] == (None, True)


@pytest.mark.parametrize(
    ("to", "status", "until", "indefinite"),
    [
        ("3000-07-31T00:00:00.000Z", None, None, True),
        ("2027-01-01T00:00:00.000Z", "Permanent", None, True),
        (None, "Ongoing", None, True),
        (None, None, None, False),
        ("soon", None, None, False),
    ],
)
def test_an_end_that_is_no_day(
    write: Any, to: str | None, status: str | None, until: date | None, indefinite: bool
) -> None:
    record = {
        "SUPP_ID": 1,
        "SUPP_NAME": "A",
        "DEBAR_TO_DATE": to,
        "INELIGIBLY_STATUS": status,
    }
    (party,) = SOURCE.parse(write(listing(json.dumps(record))))
    assert (party.measures[0].until, party.measures[0].indefinite) == (until, indefinite)


def test_registration_numbers_are_taken_out_of_texts(parties: dict[str, ListedParty]) -> None:
    assert [(i.type, i.value) for i in parties["9000004"].identifiers] == [
        ("registration no", "990000000001")
    ]
    assert [(i.type, i.value) for i in parties["9000006"].identifiers] == [("duns", "990001")]


def test_a_new_day_of_the_run_is_no_change(write: Any) -> None:
    def digest(**more: str) -> str:
        (party,) = SOURCE.parse(write(listing(json.dumps({**json.loads(RECORD), **more}))))
        return party.digest

    assert digest(LAST_REFRESH_DATE="2026-01-01") == digest(LAST_REFRESH_DATE="2026-01-02")
    assert digest(SUPP_CITY="A") != digest(SUPP_CITY="B")


def test_unknown_members_are_kept_and_named(write: Any) -> None:
    parsed = SOURCE.parse(write(listing('{"SUPP_ID": 1, "SUPP_NAME": "A", "WEALTH": 1.5}')))
    (party,) = parsed
    assert party.original["WEALTH"] == 1.5
    assert parsed.header.unknown == ("WEALTH",)


def test_what_lies_around_the_records_does_not_matter(write: Any) -> None:
    around = '{"a": {"ZPROCSUPP": 1}, "response": {"n": [2], "ZPROCSUPP": [%s], "z": 3}, "b": 4}\n'
    assert SOURCE.parse(write(around % RECORD)).header.count == 1


def test_a_list_of_nobody_is_empty(write: Any) -> None:
    with pytest.raises(SourceEmpty):
        SOURCE.parse(write(listing()))


HOSTILE: dict[str, tuple[str | bytes, str]] = {
    "a web page": ("<html></html>", "Expecting '{'"),
    "an error": ('{"error": "try later"}', "no response"),
    "no records": ('{"response": {"ZPROCSUPP": {}}}', r"Expecting '\['"),
    "two documents": (listing(RECORD) * 2, "goes on"),
    "a comma too many": (listing(RECORD).replace("]", ",]"), "Expecting value"),
    "a member twice": (listing('{"SUPP_ID": 1, "SUPP_ID": 2, "SUPP_NAME": "A"}'), "twice"),
    "a list twice": (
        listing(RECORD).replace("]", '], "ZPROCSUPP": []'),
        "there once",
    ),
    "NaN": (listing('{"SUPP_ID": NaN, "SUPP_NAME": "A"}'), "NaN"),
    "infinity": (listing('{"SUPP_ID": 1e999, "SUPP_NAME": "A"}'), "bounds"),
    "a huge integer": (listing(f'{{"SUPP_ID": {"9" * 5_000}, "SUPP_NAME": "A"}}'), "2\\^53"),
    "deep": (listing("[" * 100_000), "nested|Expecting"),
    "deep in a member": (listing('{"SUPP_ID": 1, "A": ' + "[" * 30 + "]" * 30 + "}"), "nested"),
    "a list in a record": (listing('{"SUPP_ID": 1, "SUPP_NAME": ["A"]}'), "plain"),
    "no object": (listing('"A"'), "no object"),
    "half a character": (listing('{"SUPP_ID": 1, "SUPP_NAME": "\\ud800"}'), "half"),
    "NUL": (listing('{"SUPP_ID": 1, "SUPP_NAME": "a\\u0000b"}'), "NUL"),
    "a NUL byte": (listing(RECORD) + "\0", "NUL"),
    "cp1252": (listing('{"SUPP_ID": 1, "SUPP_NAME": "É"}').encode("cp1252"), "UTF-8"),
    "utf-16": (listing(RECORD).encode("utf-16-le"), "NUL"),
    "a raw line end in a text": (listing('{"SUPP_ID": 1, "SUPP_NAME": "a\nb"}'), "control"),
    "no key": (listing('{"SUPP_NAME": "A"}'), "key"),
    "no name": (listing('{"SUPP_ID": 1, "SUPP_NAME": null}'), "name"),
    "the same key twice": (listing(RECORD, RECORD), "twice"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_or_broken_file_is_refused_whole(case: str, write: Any) -> None:
    content, reason = HOSTILE[case]
    with pytest.raises(SourceUnreadable, match=reason) as caught:
        SOURCE.parse(write(content))
    assert caught.value.place


def test_the_place_is_exact(write: Any) -> None:
    with pytest.raises(SourceUnreadable) as caught:
        SOURCE.parse(write(listing(RECORD).replace("[", "[\n  ") + "x"))
    assert caught.value.place == f"line 2, column {len(RECORD) + 6}"


def test_names_that_try_to_be_slow_or_formulas_are_just_names(write: Any) -> None:
    for name in ("=cmd|' /C calc'!A0", "(" * 5_000, "AKA " * 2_000, "A*" * 5_000, "a.k.a.", "*54"):
        record = json.dumps({"SUPP_ID": 1, "SUPP_NAME": name, "ADD_SUPP_INFO": name})
        (party,) = SOURCE.parse(write(listing(record)))
        assert party.names[0].name
        assert party.original["SUPP_NAME"] == name


def assert_all_comes_back(path: Path, parties: list[ListedParty]) -> None:
    published = json.loads(path.read_text("utf-8"))["response"]["ZPROCSUPP"]
    assert list(stored(parties)) == published


def test_every_field_of_the_sample_comes_back(parties: dict[str, ListedParty]) -> None:
    assert_all_comes_back(SAMPLE, list(parties.values()))


@pytest.mark.lists
def test_the_real_list_is_read_in_full() -> None:
    path = real("worldbank_debarred_2019-05-20.json")
    parsed = SOURCE.parse(path)
    everyone = list(parsed)
    assert (parsed.header.persons, parsed.header.organisations, parsed.header.others) == (
        278,
        1_031,
        8,
    )
    assert parsed.header.unknown == ()
    assert_all_comes_back(path, everyone)
    imposed = Counter(party.measures[0].imposed_by for party in everyone)
    assert imposed == {"World Bank": 1_044, "IDB": 170, "ADB": 73, "EBRD": 21, "AfDB": 9}
    assert sum(party.measures[0].indefinite for party in everyone) == 367
    assert all(m.until is None or m.until.year < 2100 for p in everyone for m in p.measures)
    assert not [party.caption for party in everyone if "*" in party.caption]
    assert all(place.country for party in everyone for place in party.addresses)
