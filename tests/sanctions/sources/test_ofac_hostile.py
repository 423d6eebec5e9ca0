"""The OFAC readers against broken and hostile files: refused whole, with file and place."""

from pathlib import Path
from typing import Any

import pytest

from app.sanctions.sources import SourceEmpty, SourceUnreadable
from app.sanctions.sources.ofac import SDN
from tests.sanctions.sources.published import SAMPLES

FOLDER = SAMPLES / "ofac_sdn"
SLS = "https://sanctionslistservice.ofac.treas.gov/api/PublicationPreview/exports/"
ENTRY = "<sdnEntry><uid>{}</uid><lastName>{}</lastName><sdnType>Entity</sdnType>{}</sdnEntry>"


def listing(*entries: str) -> str:
    return f'<sdnList xmlns="{SLS}XML">{"".join(entries)}</sdnList>'


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def _write(content: str | bytes, name: str = "list.xml") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return _write


@pytest.fixture
def broken_set(tmp_path: Path) -> Any:
    """The sample's four tables, one of them with its content changed."""

    def _set(name: str, old: bytes, new: bytes) -> list[Path]:
        paths = []
        for sample in sorted((FOLDER / "csv").iterdir()):
            content = sample.read_bytes()
            if sample.name == name:
                assert old in content
                content = content.replace(old, new, 1)
            paths.append(tmp_path / sample.name)
            paths[-1].write_bytes(content)
        return paths

    return _set


GOOD = ENTRY.format(1, "FABLE", "")
HOSTILE: dict[str, tuple[str | bytes, str]] = {
    "bomb": ('<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]>' + listing(GOOD), "DOCTYPE"),
    "undeclared entity": (listing(ENTRY.format(1, "&x;", "")), "Entity"),
    "utf-16": (listing(GOOD).encode("utf-16"), "NUL|UTF-8|table"),
    "declared latin": (
        b'<?xml version="1.0" encoding="ISO-8859-1"?>' + listing(GOOD).encode(),
        "encoding",
    ),
    "cp1252": (listing(ENTRY.format(1, "Café", "")).encode("cp1252"), "UTF-8"),
    "another root": ("<HTML><BODY>Not found</BODY></HTML>", "none of the formats"),
    "json": ('{"error": "try later"}', "quote"),
    "a web page": ("<!DOCTYPE html><html></html>", "DOCTYPE"),
    "deep": (listing(ENTRY.format(1, "FABLE", "<A>" * 100 + "</A>" * 100)), "nested"),
    "the same key twice": (listing(GOOD, GOOD), "record 1 twice"),
    "no key": (listing(ENTRY.format("", "FABLE", "")), "without its key"),
    "no name": (listing(ENTRY.format(1, " ", "")), "without a name"),
    "an empty entry": (listing("<sdnEntry/>"), "empty sdnEntry"),
    "text for a list": (listing(ENTRY.format("", "FABLE", "<akaList>x</akaList>")), "key"),
    "two lists": (listing(GOOD) * 2, "Extra content"),
    "one table of four": ('36,"A",-0- \r\n', "table|missing"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_or_broken_file_is_refused_whole(case: str, write: Any) -> None:
    content, reason = HOSTILE[case]
    with pytest.raises(SourceUnreadable, match=reason):
        SDN.parse(write(content))


def test_a_list_of_nobody_is_empty(write: Any) -> None:
    for content in (
        listing(),
        f'<sanctionsData xmlns="{SLS}ENHANCED_XML"><entities/></sanctionsData>',
        '<Sanctions xmlns="http://www.un.org/sanctions/1.0" Version="1"/>',
    ):
        with pytest.raises(SourceEmpty):
            SDN.parse(write(content))


BROKEN_SETS: dict[str, tuple[str, bytes, bytes, str, str]] = {
    "a lone quote": ("sdn.csv", b'"PAPER BOAT"', b'PAPER "BOAT', "quote", "sdn.csv, line 3, col"),
    "an open quote": ("alt.csv", b'8002,"fka"', b'8002,"fka', "quote", "alt.csv, line 2, col"),
    "a cell too many": ("add.csv", b"9002,7002", b"9002,7002,7", "7 cells", "add.csv, line 2"),
    "another encoding": ("sdn.csv", b"Kite", b"Kit\xe9", "UTF-8", "sdn.csv, line"),
    "a NUL": ("sdn.csv", b"PAPER BOAT", b"PAPER\0BOAT", "NUL", "sdn.csv, byte"),
    "a control character": ("alt.csv", b"FABLE", b"FA\x1bLE", "0x1B", "alt.csv, line 2, column"),
    "no number": ("add.csv", b"9002,7002", b"x,7002", "ent_num", "add.csv, line 2, column 1"),
    "an address of nobody": ("add.csv", b"9002,7002", b"9999,7002", "9999", "add.csv, line 2"),
    "an alias of nobody": ("alt.csv", b"9001,8001", b"9999,8001", "9999", "alt.csv, line 1"),
    "an entry twice": ("sdn.csv", b"9003,", b"9002,", "9002 twice", "sdn.csv, line 3"),
    "an entry without name": ("sdn.csv", b'"PAPER BOAT"', b"-0- ", "without a name", "line 3"),
    "rows after the end": ("alt.csv", b"\x1a", b'\x1a\r\n9,9,"aka","A",-0- ', "goes on", "line 5"),
}


@pytest.mark.parametrize("case", BROKEN_SETS)
def test_a_broken_table_is_refused_with_file_and_line(case: str, broken_set: Any) -> None:
    name, old, new, reason, place = BROKEN_SETS[case]
    with pytest.raises(SourceUnreadable, match=reason) as caught:
        SDN.parse(*broken_set(name, old, new))
    assert place in caught.value.place


def test_a_set_that_is_not_whole_is_refused() -> None:
    paths = {path.stem: path for path in (FOLDER / "csv").iterdir()}
    with pytest.raises(SourceUnreadable, match="addresses is missing"):
        SDN.parse(paths["sdn"], paths["alt"])
    with pytest.raises(SourceUnreadable, match="entry is missing"):
        SDN.parse(paths["add"], paths["alt"])
    with pytest.raises(SourceUnreadable, match="second table of aliases"):
        SDN.parse(paths["sdn"], paths["alt"], paths["alt"], paths["add"])
    with pytest.raises(SourceUnreadable, match="quote in a cell"):
        SDN.parse(paths["sdn"], paths["alt"], paths["add"], FOLDER / "sdn.xml")


def test_a_listing_of_nobody_in_the_advanced_layout_is_said(write: Any) -> None:
    text = (FOLDER / "advanced.xml").read_text()
    orphan = text.replace('ProfileID="9005" ListID', 'ProfileID="9999" ListID')
    header = SDN.parse(write(orphan)).header
    assert header.unknown == ("SanctionsEntry 9999, which is nobody's",)
    assert header.count == 5  # a party whose listing is lost stays on the list


def test_a_long_remark_is_read_in_linear_time(broken_set: Any) -> None:
    for piece in (b"Passport (", b"Passport A (A ", b"a.k.a. 'A", b"DOB 19", b";"):
        paths = broken_set("sdn.csv", b"Aircraft Model Kite 2", piece * (200_000 // len(piece)))
        assert SDN.parse(*paths).header.count == 5
