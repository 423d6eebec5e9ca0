"""The UN list reader against broken and hostile files: refused whole, with the place."""

from pathlib import Path
from typing import Any

import pytest

from app.sanctions import sources
from app.sanctions.sources import SourceUnreadable
from app.sanctions.sources.unsc import SOURCE

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


BOMB = (
    '<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>'
    + listing(RECORD.format("<COMMENTS1>&c;</COMMENTS1>"))
)
XXE = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]>' + listing(
    RECORD.format("<COMMENTS1>&x;</COMMENTS1>")
)
HOSTILE: dict[str, tuple[str | bytes, str]] = {
    "bomb": (BOMB, "DOCTYPE"),
    "external entity": (XXE, "DOCTYPE"),
    "plain doctype": ("<!DOCTYPE CONSOLIDATED_LIST>" + listing(RECORD.format("")), "DOCTYPE"),
    "late doctype": (" " * 70_000 + "<!DOCTYPE a>" + listing(RECORD.format("")), "not XML|DOCTYPE"),
    "doctype over a block edge": (
        ("<?xml version='1.0'?><!--" + "x" * 65_500 + "-->")[:65_530] + "--><!DOCTYPE a>",
        "DOCTYPE",
    ),
    "utf-16": (BOMB.encode("utf-16"), "NUL|not XML"),
    "declared utf-7": (
        b'<?xml version="1.0" encoding="UTF-7"?>' + listing(RECORD.format("")).encode(),
        "encoding",
    ),
    "undeclared entity": (listing(RECORD.format("<COMMENTS1>&x;</COMMENTS1>")), "Entity"),
    "deep": (listing(RECORD.format("<A>" * 100 + "</A>" * 100)), "nested"),
    "very deep": ("<A>" * 100_000, "root|nested"),
    "NUL": (listing(RECORD.format("<COMMENTS1>a\0b</COMMENTS1>")), "NUL"),
    "control character": (listing(RECORD.format("<COMMENTS1>a\x19b</COMMENTS1>")), "PCDATA|Char"),
    "cp1252": (listing(RECORD.format("\n<COMMENTS1>l’an</COMMENTS1>")).encode("cp1252"), "UTF-8"),
    "another root": ("<HTML><BODY>Not found</BODY></HTML>", "root"),
    "a web page": ("<!DOCTYPE html><html></html>", "DOCTYPE"),
    "json": ('{"error": "try later"}', "not XML"),
    "two lists": (listing(RECORD.format("")) * 2, "Extra content"),
    "the same key twice": (listing(RECORD.format(""), RECORD.format("")), "twice"),
    "no key": (listing("<INDIVIDUAL><FIRST_NAME>A</FIRST_NAME></INDIVIDUAL>"), "DATAID"),
    "no name": (listing("<INDIVIDUAL><DATAID>1</DATAID></INDIVIDUAL>"), "FIRST_NAME"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_or_broken_file_is_refused_whole(case: str, write: Any) -> None:
    content, reason = HOSTILE[case]
    with pytest.raises(SourceUnreadable, match=reason):
        SOURCE.parse(write(content))


def test_the_place_is_exact(write: Any) -> None:
    text = listing(RECORD.format("\n\n<COMMENTS1>l’an</COMMENTS1>"))
    with pytest.raises(SourceUnreadable) as caught:
        SOURCE.parse(write(text.encode("cp1252")))
    assert caught.value.place == f"line 3, byte {text.index('’')}"


def test_a_character_over_a_block_edge_is_read(write: Any) -> None:
    for shift in range(4):
        text = listing(RECORD.format(f"<COMMENTS1>{'x' * (65_400 + shift)}{'€' * 60}</COMMENTS1>"))
        assert SOURCE.parse(write(text)).header.count == 1


def test_a_file_past_the_cap_is_refused(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.sanctions.sources.xml_reader.MAX_BYTES", 1_000)
    with pytest.raises(SourceUnreadable, match="larger"):
        SOURCE.parse(SAMPLE)
