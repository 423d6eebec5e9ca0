"""The list of the European Union: the invented sample, hostile files, real files."""

from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from app.sanctions.sources import ListedDate, ListedParty, SourceEmpty, SourceUnreadable
from app.sanctions.sources.eu_fsf import SOURCE
from app.sanctions.sources.eu_fsf_record import NAMESPACE
from tests.sanctions.sources.round_trip import SAMPLES, real, xml_fields, xml_of

SAMPLE = SAMPLES / "eu_fsf.xml"
HEAD = f'<export xmlns="{NAMESPACE}" generationDate="2026-01-05T08:30:00+01:00">'
ENTITY = (
    '<sanctionEntity logicalId="1" euReferenceNumber="EU.1.1"><subjectType code="person" '
    'classificationCode="P"/><nameAlias wholeName="A B" strong="true"/>{}</sanctionEntity>'
)


def listing(*entities: str) -> str:
    return f"{HEAD}{''.join(entities)}</export>"


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def _write(content: str | bytes) -> Path:
        path = tmp_path / "list.xml"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return _write


@pytest.fixture(scope="module")
def parties() -> dict[str, ListedParty]:
    return {party.key: party for party in SOURCE.parse(SAMPLE)}


def test_the_header_says_what_the_file_holds() -> None:
    header = SOURCE.parse(SAMPLE).header
    assert (header.persons, header.organisations, header.others) == (1, 1, 1)
    assert header.generated_at == datetime(2026, 1, 5, 7, 30, tzinfo=UTC)
    assert header.unknown == ()


def test_names_have_type_quality_language_and_note(parties: dict[str, ListedParty]) -> None:
    assert [(n.name, n.type, n.quality, n.language) for n in parties["900001"].names] == [
        ("Tomas Emil VARGAKOV", "primary", "strong", "en"),
        ("Томас Варгаков", "original_script", "strong", "ru"),
        ("Томас Емил Варгаков", "alias", "strong", "bg"),
        ("The Cartographer", "weak_alias", "weak", ""),
    ]
    assert parties["900001"].names[0].note == "Also spelled with a single A."
    assert parties["900001"].titles == ("Dr",)
    assert parties["900001"].designations == ("Head of the Examplian Ink Office",)
    assert parties["900001"].gender == "M"


def test_dates_of_birth_are_never_made_more_exact(parties: dict[str, ListedParty]) -> None:
    assert parties["900001"].birth_dates == (
        ListedDate("EXACT", "1961-05-04", 1961, 1961),
        ListedDate("APPROXIMATELY", None, 1958, 1958, note="By his own account."),
        ListedDate("", None, 1960, 1960, note="1960-07"),
        ListedDate("ISLAMIC", text="1380"),
        ListedDate("BETWEEN", None, 1957, 1963),
    )
    assert [p.city or p.note for p in parties["900001"].birth_places] == [
        "Inkville",
        "By his own account.",
        "Between two rivers",
    ]


def test_numbers_are_documents_or_identifiers(parties: dict[str, ListedParty]) -> None:
    (passport,) = parties["900001"].documents
    assert (passport.type, passport.number, passport.issued_on) == (
        "passport",
        "АБ 1234",
        "2001-02-03",
    )
    assert passport.issuing_country
    assert passport.issuing_country.country == "DZA"
    for said in ("AB 1234", "T. Vargakov", "Ministry of Paper", "2011-02-03", "knownExpired"):
        assert said in passport.note
    assert [(i.type, i.value) for i in parties["900002"].identifiers] == [
        ("regnumber", "0000.111.222"),
        ("email", "office@stories.example"),
        ("phone", "+32 000 000"),
    ]
    (address,) = parties["900002"].addresses
    assert address.note == "P.O. Box 77; as at listing time; Shut since 2020."


def test_who_imposed_it_since_when_and_who_it_is_elsewhere(
    parties: dict[str, ListedParty],
) -> None:
    (measure,) = parties["900001"].measures
    assert measure.imposed_by == "Council of the European Union"
    assert (measure.programme, measure.since) == ("EXA", date(2016, 1, 15))
    assert measure.legal_basis == "2024/9999 (OJ L999); in force 2024-03-02"
    assert parties["900001"].same_as == ("unsc:EXi.001",)
    assert parties["900002"].same_as == ("unsc:EXe.002",), "one that is only mentioned is another"
    assert parties["900003"].delisted_on == date(2025, 12, 1)
    assert parties["900003"].kind == "unknown"


def test_an_identity_in_the_file_twice_is_kept_twice_and_said(write: Any) -> None:
    parsed = SOURCE.parse(write(listing(ENTITY.format(""), ENTITY.format("<remark>x</remark>"))))
    assert [party.key for party in parsed] == ["1", "1#2"]
    assert parsed.header.unknown == ("logicalId 1 twice",)


def test_unknown_elements_are_kept_and_named(write: Any) -> None:
    parsed = SOURCE.parse(write(listing(ENTITY.format('<wealth unit="t">9</wealth>'), "<note/>")))
    (party,) = parsed
    assert party.original["wealth"] == {"@unit": "t", "#text": "9"}
    assert parsed.header.unknown == ("note", "wealth")


def test_a_list_of_nobody_is_empty(write: Any) -> None:
    with pytest.raises(SourceEmpty):
        SOURCE.parse(write(listing()))


def test_odd_values_are_kept_as_texts(write: Any) -> None:
    birth = '<birthdate calendarType="GREGORIAN" birthdate="1960-99-99" year="99999999999"/>'
    (party,) = SOURCE.parse(write(listing(ENTITY.format(birth))))
    assert party.birth_dates == (ListedDate("", text="1960-99-99"),)


HOSTILE: dict[str, tuple[str | bytes, str]] = {
    "bomb": (f'<!DOCTYPE a [<!ENTITY b "b">]>{listing(ENTITY.format("&b;"))}', "DOCTYPE"),
    "external entity": (
        f'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]>{listing(ENTITY.format("&x;"))}',
        "DOCTYPE",
    ),
    "deep": (listing(ENTITY.format("<a>" * 100 + "</a>" * 100)), "nested"),
    "NUL": (listing(ENTITY.format("<remark>a\0b</remark>")), "NUL"),
    "control character": (listing(ENTITY.format("<remark>a\x19b</remark>")), "PCDATA|Char"),
    "cp1252": (listing(ENTITY.format("<remark>l’an</remark>")).encode("cp1252"), "UTF-8"),
    "utf-16": (listing(ENTITY.format("")).encode("utf-16"), "NUL|not XML"),
    "another root": ("<CONSOLIDATED_LIST/>", "root"),
    "another namespace": (listing(ENTITY.format("")).replace("/fsd/", "/other/"), "root"),
    "no key": (listing(ENTITY.format("").replace('logicalId="1"', "")), "key"),
    "no name": (listing(ENTITY.format("").replace('"A B"', '" "')), "name"),
    "an attribute twice": (
        listing(ENTITY.format("").replace('code="person"', 'code="a" code="b"')),
        "redefined",
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_or_broken_file_is_refused_whole(case: str, write: Any) -> None:
    content, reason = HOSTILE[case]
    with pytest.raises(SourceUnreadable, match=reason) as caught:
        SOURCE.parse(write(content))
    assert caught.value.place


def assert_all_is_there(path: Path, parties: list[ListedParty]) -> None:
    """Every field comes back out of the originals, and every name stands among the names."""
    root = etree.parse(str(path)).getroot()
    again = xml_of(parties, "sanctionEntity", NAMESPACE)
    assert xml_fields(etree.fromstring(again)) == xml_fields(root)
    published = {
        (entity.get("logicalId"), " ".join(alias.get("wholeName", "").split()))
        for entity in root
        for alias in entity.iterfind(f"{{{NAMESPACE}}}nameAlias")
    }
    assert published == {(p.key.split("#")[0], n.name) for p in parties for n in p.names}


def test_every_field_of_the_sample_comes_back(parties: dict[str, ListedParty]) -> None:
    assert_all_is_there(SAMPLE, list(parties.values()))


@pytest.mark.lists
def test_every_field_of_an_original_file_comes_back() -> None:
    path = real("eu_fsf_sample_2020.xml")
    parsed = SOURCE.parse(path)
    assert (parsed.header.persons, parsed.header.organisations, parsed.header.others) == (7, 0, 0)
    assert_all_is_there(path, list(parsed))


@pytest.mark.lists
def test_the_list_of_2026_is_read_in_full() -> None:
    path = real("eu_fsf_2026-05-01_even_logical_ids.xml")
    parsed = SOURCE.parse(path)
    everyone = list(parsed)
    assert (parsed.header.persons, parsed.header.organisations) == (2_307, 764)
    assert (parsed.header.others, parsed.header.unknown) == (0, ())
    assert_all_is_there(path, everyone)
    assert sum(bool(party.same_as) for party in everyone) == 50
    languages = Counter(name.language for party in everyone for name in party.names)
    assert languages["ru"] > 1_500
    unplaced = {n.name for p in everyone for n in p.nationalities if not n.country}
    assert unplaced == {"SERBIA AND MONTENEGRO"}
    assert all(party.measures and party.programme for party in everyone)
