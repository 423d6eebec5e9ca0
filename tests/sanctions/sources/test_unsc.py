"""The UN Security Council list: the shipped made-up sample, hostile files, real files."""

import os
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

import pytest
from lxml import etree

from app.sanctions import sources
from app.sanctions.sources import ListedParty, SourceEmpty, SourceUnreadable
from app.sanctions.sources.unsc import SOURCE
from partner_registry_matcher import EMPTY, Matcher, Party, Subject

SAMPLE = Path(sources.__file__).parent / "samples" / "unsc.xml"
ROOT = '<CONSOLIDATED_LIST dateGenerated="2026-01-05T00:00:00Z">'
RECORD = (
    "<INDIVIDUAL><DATAID>1</DATAID><FIRST_NAME>TOMAS</FIRST_NAME>"
    "<REFERENCE_NUMBER>EXi.001</REFERENCE_NUMBER>{}</INDIVIDUAL>"
)


def listing(*records: str) -> str:
    return f"{ROOT}<INDIVIDUALS>{''.join(records)}</INDIVIDUALS></CONSOLIDATED_LIST>"


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def _write(content: str | bytes) -> Path:
        path = tmp_path / "list.xml"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return _write


@pytest.fixture(scope="module")
def parties() -> dict[str, ListedParty]:
    return {party.reference: party for party in SOURCE.parse(SAMPLE)}


def named(party: ListedParty, type_: str) -> list[str]:
    return [name.name for name in party.names if name.type == type_]


def test_the_header_is_known_before_the_parties() -> None:
    header = SOURCE.parse(SAMPLE).header
    assert (header.persons, header.organisations, header.count) == (16, 9, 25)
    assert header.generated_at == datetime(2026, 1, 5, 0, 0, 7, 125_000, tzinfo=UTC)
    assert header.bytes == SAMPLE.stat().st_size
    assert header.unknown == ()


def test_names_are_joined_typed_and_split(parties: dict[str, ListedParty]) -> None:
    assert parties["EXi.001"].caption == "TOMAS EMIL VARGAKOV"
    assert named(parties["EXi.001"], "weak_alias") == ["The Cartographer"]
    karim = parties["EXi.002"]
    assert named(karim, "original_script") == ["كريم الزيتوني المثالي"]
    assert named(karim, "alias") == ["Kareem Zaitouni", "Karim Zeituni", "Abdul Karim al-Zaytuni"]
    assert named(karim, "weak_alias") == ["Abu Mithal", "ابو مثال"]
    assert named(parties["EXi.004"], "original_script") == ["林小云", "林小雲"]
    assert named(parties["EXi.005"], "alias") == ["Dr. Amara Fable", "A. Nwoke", "Amara N. Fable"]
    assert named(parties["EXi.006"], "alias") == ["Jean Fictif (le Conteur)"]
    assert parties["EXi.007"].caption == "MARÍA DE LA FÁBULA"
    assert parties["MCi.003"].names == parties["MCi.003"].names[:1]


def test_bodies_have_former_names_and_acronyms(parties: dict[str, ListedParty]) -> None:
    shipping = parties["EXe.002"]
    assert named(shipping, "former") == ["Imaginary Maritime Lines"]
    assert named(shipping, "weak_alias") == ["ISSC"]
    assert "INVENTED SHIPPING AND STORIES COMPANY" in named(shipping, "alias")
    assert named(parties["EXe.001"], "alias") == ["PAPERMOON IMPORT EXPORT LTD"]
    assert parties["FBe.002"].caption == "FRONT FOR THE LIBERATION OF NOWHERE (FLN-X)"
    assert "\n" in parties["FBe.002"].original["FIRST_NAME"]


def test_dates_of_birth_keep_their_vagueness(parties: dict[str, ListedParty]) -> None:
    about, between = parties["EXi.002"].birth_dates
    assert (about.type, about.year_from, about.year_to) == ("APPROXIMATELY", 1970, 1970)
    assert (between.type, between.year_from, between.year_to) == ("BETWEEN", 1968, 1972)
    (exact,) = parties["EXi.001"].birth_dates
    assert (exact.on, exact.year_from) == ("1961-05-04", 1961)
    assert [d.type for d in parties["EXi.003"].birth_dates] == ["EXACT", "ALIAS"]
    assert parties["EXi.003"].birth_dates[1].year_from == 1959
    assert parties["EXi.005"].birth_dates[0].note == "30-35 years old"


def test_countries_documents_and_dates(parties: dict[str, ListedParty]) -> None:
    assert parties["EXi.006"].countries == ("BEL", "COD")
    assert parties["EXi.006"].nationalities[0].name == "République démocratique du Congo"
    assert parties["EXi.006"].nationalities[0].country == "COD"
    assert parties["EXi.003"].documents[0].type_detail == "Civil Identification number"
    assert parties["EXi.003"].documents[0].number == "55 01 000000"
    assert parties["EXi.003"].original["INDIVIDUAL_DOCUMENT"][0]["NUMBER"] == " 55 01 000000 "
    assert parties["EXi.004"].listed_on == date(2016, 1, 15)
    assert parties["EXi.001"].updated_on == (date(2016, 10, 13), date(2020, 2, 2))
    assert parties["EXi.005"].titles == ("Dr.", "Chief")
    assert parties["EXi.001"].designations == ("Head of the Examplian Ink Office",)
    assert "\n" not in parties["EXi.001"].remarks


def test_any_change_of_content_changes_the_digest(write: Any) -> None:
    (before,) = SOURCE.parse(write(listing(RECORD.format("<COMMENTS1>x</COMMENTS1>"))))
    (after,) = SOURCE.parse(write(listing(RECORD.format("<COMMENTS1>x </COMMENTS1>"))))
    (spaced,) = SOURCE.parse(write(listing("\n ", RECORD.format("\n<COMMENTS1>x</COMMENTS1>\n"))))
    assert before.digest != after.digest
    assert before.digest == spaced.digest


def test_unknown_elements_are_kept_and_named(write: Any) -> None:
    extra = '<EYE_COLOUR unit="rgb">green<SHADE>sea</SHADE>ish</EYE_COLOUR>'
    path = write(
        listing(RECORD.format(extra)).replace("</CONS", "<VESSELS><V>x</V></VESSELS></CONS")
    )
    parsed = SOURCE.parse(path)
    (party,) = parsed
    assert party.original["EYE_COLOUR"] == {"@unit": "rgb", "#text": "greenish", "SHADE": "sea"}
    assert parsed.header.unknown == ("EYE_COLOUR", "V", "VESSELS")


def test_a_list_of_nobody_is_empty(write: Any) -> None:
    for content in (
        listing(),
        f"{ROOT}</CONSOLIDATED_LIST>",
        f"{ROOT}<ENTITIES/></CONSOLIDATED_LIST>",
    ):
        with pytest.raises(SourceEmpty):
            SOURCE.parse(write(content))


def test_odd_values_are_kept_not_guessed(write: Any) -> None:
    content = (
        "<LISTED_ON>soon</LISTED_ON><NATIONALITY><VALUE>na</VALUE></NATIONALITY>"
        "<INDIVIDUAL_DATE_OF_BIRTH><DATE>0000-99-99</DATE></INDIVIDUAL_DATE_OF_BIRTH>"
    )
    (party,) = SOURCE.parse(write(listing(RECORD.format(content))))
    assert party.listed_on is None
    assert party.countries == ()
    assert party.nationalities[0].name == "na"
    assert party.birth_dates[0].text == "0000-99-99"


def compared(party: ListedParty) -> Literal["person", "organisation"]:
    return "person" if party.kind == "person" else "organisation"


def leaves(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for part in value.values():
            yield from leaves(part)
    elif isinstance(value, list):
        for part in value:
            yield from leaves(part)
    elif value:
        yield str(value)


def assert_nothing_is_lost(path: Path) -> None:
    published: Counter[str] = Counter()
    for element in etree.parse(str(path)).getroot().iter():
        if isinstance(element.tag, str) and len(element) == 0 and element.text:
            published[element.text] += 1
    kept: Counter[str] = Counter()
    for party in SOURCE.parse(path):
        kept.update(leaves(party.original))
    assert kept == published


def test_every_text_of_the_sample_is_in_the_originals() -> None:
    assert_nothing_is_lost(SAMPLE)


# ---------------------------------------------------------------- real files


def real(name: str) -> Path:
    folder = os.environ.get("REGISTRY_TEST_LISTS")
    if not folder:
        pytest.skip("REGISTRY_LISTS_DIR names no folder with real list files")
    path = Path(folder) / name
    if not path.exists():
        pytest.skip(f"{name} is not in the folder REGISTRY_LISTS_DIR names")
    return path


@pytest.mark.lists
def test_the_issue_of_2026_is_read_in_full() -> None:
    parsed = SOURCE.parse(real("un_sc_consolidated_2026-02-27.xml"))
    header = parsed.header
    assert (header.persons, header.organisations, header.unknown) == (730, 273, ())
    everyone = list(parsed)
    aliases = [
        alias
        for party in everyone
        for tag in ("INDIVIDUAL_ALIAS", "ENTITY_ALIAS")
        for alias in party.original.get(tag, [])
    ]
    assert Counter(alias["QUALITY"] for alias in aliases) == {
        "Good": 1_524,
        "Low": 615,
        "a.k.a.": 594,
        "f.k.a.": 19,
        "": 291,
    }
    original = [p for p in everyone if p.original.get("NAME_ORIGINAL_SCRIPT")]
    assert len(original) == 378
    assert all(named(p, "original_script") for p in original)
    dates = Counter(
        d["TYPE_OF_DATE"] for p in everyone for d in p.original.get("INDIVIDUAL_DATE_OF_BIRTH", [])
    )
    assert dates == {"EXACT": 722, "APPROXIMATELY": 117, "BETWEEN": 31, "": 49}
    assert all(p.listed_on for p in everyone)
    unplaced = {n.name for p in everyone for n in p.nationalities if not n.country}
    assert unplaced == {"na"}
    assert all(place.country for p in everyone for place in p.addresses if place.country_name)


@pytest.mark.lists
@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("un_sc_consolidated_2018-10-29.xml", 1_093),
        ("un_sc_consolidated_2026-02-27.xml", 1_003),
        ("un_sc_sample_2024-10-17.xml", 7),
    ],
)
def test_nothing_of_a_real_issue_is_lost(name: str, count: int) -> None:
    assert SOURCE.parse(real(name)).header.count == count
    assert_nothing_is_lost(real(name))


@pytest.mark.lists
def test_change_is_seen_by_digest_not_by_the_publishers_number() -> None:
    old = {p.key: p for p in SOURCE.parse(real("un_sc_consolidated_2018-10-29.xml"))}
    new = {p.key: p for p in SOURCE.parse(real("un_sc_consolidated_2026-02-27.xml"))}
    both = old.keys() & new.keys()
    assert len(both) == 891
    assert sum(old[k].digest != new[k].digest for k in both) >= 839
    assert all(old[k].original["VERSIONNUM"] == new[k].original["VERSIONNUM"] for k in both)


@pytest.mark.lists
def test_the_issue_saved_in_another_encoding_is_refused_with_its_place() -> None:
    with pytest.raises(SourceUnreadable, match="UTF-8") as caught:
        SOURCE.parse(real("un_sc_consolidated_2025-08-16_broken_encoding.xml"))
    assert caught.value.place.startswith("line 54, byte ")


@pytest.mark.lists
def test_every_listed_party_is_found_by_its_own_name() -> None:
    everyone = list(SOURCE.parse(real("un_sc_consolidated_2026-02-27.xml")))
    matcher = Matcher(
        [Party(p.key, (compared(p),), [n.name for n in p.names]) for p in everyone], EMPTY
    )
    for party in everyone:
        hits = matcher.screen(Subject(compared(party), [party.caption]), 0.9)
        assert party.key in {hit.owner for hit in hits}, party.caption
