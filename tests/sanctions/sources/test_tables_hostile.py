"""The smaller national lists against broken files; and any of them against what chance does."""

import random
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from app.sanctions.sources import ALL, SourceEmpty, SourceUnreadable
from tests.sanctions.sources.published import SAMPLES

BROKEN: dict[str, tuple[str, bytes, bytes, str, str]] = {
    "dpl: a lone quote": ("us_bis_dpl.txt", b'"COAST"', b'CO"AST', "quote", "line 5, column"),
    "dpl: a cell less": ("us_bis_dpl.txt", b'"QUAY 3"\t', b"", "11 cells", "line 5"),
    "dpl: no name": ("us_bis_dpl.txt", b" TOMAS VARGAKOV", b" ", "without its key", "line 2"),
    "dpl: other columns": ("us_bis_dpl.txt", b'"Name"', b'"Names"', "no column Name", "line 1"),
    "dpl: latin-1": ("us_bis_dpl.txt", b"FABLE", b"F\xe9BLE", "UTF-8", "line 2, byte"),
    "csl: an open quote": ("us_csl.csv", b'Mombasa, KE"', b"Mombasa, KE", "quote|never", "line"),
    "csl: a column twice": ("us_csl.csv", b"programs,name", b"name,name", "name twice", "line 1"),
    "csl: NUL": ("us_csl.csv", b"NOWHERE", b"NOW\0ERE", "NUL", "byte"),
    "csl: commas for semicolons": ("us_csl.csv", b"FCI NOWHERE", b'", "', "quote|cells", "line"),
    "sema: an item twice": ("ca_sema.xml", b"<Item>2<", b"<Item>1<", "twice", "line"),
    "sema: no item": ("ca_sema.xml", b"<Item>2<", b"<Item> <", "without Item", "line"),
    "sema: no name": ("ca_sema.xml", b"Paper Boat", b" ", "without a name", "line"),
    "sema: another root": ("ca_sema.xml", b"data-set", b"dataset", "root|mismatch", "line"),
    "sema: doctype": ("ca_sema.xml", b"<data-set", b"<!DOCTYPE a><data-set", "DOCTYPE", "byte"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_refused_with_its_place(case: str, tmp_path: Path) -> None:
    name, old, new, reason, place = BROKEN[case]
    content = (SAMPLES / name).read_bytes()
    assert old in content
    path = tmp_path / name
    path.write_bytes(content.replace(old, new, 1))
    with pytest.raises(SourceUnreadable, match=reason) as caught:
        ALL[path.stem].parse(path)
    assert place in caught.value.place


def test_unknown_columns_and_elements_are_kept_and_said(tmp_path: Path) -> None:
    path = tmp_path / "us_bis_dpl.txt"
    lines = (SAMPLES / path.name).read_text().splitlines()
    path.write_text("\n".join([f'{lines[0]}\t"Colour"', *(f'{line}\t"red"' for line in lines[1:])]))
    issue = ALL["us_bis_dpl"].parse(path)
    assert issue.header.unknown == ("Colour",)
    assert all(row["Colour"] == "red" for party in issue for row in party.original["rows"])
    path = tmp_path / "ca_sema.xml"
    text = (SAMPLES / path.name).read_text()
    path.write_text(text.replace("<Item>", "<Colour>red</Colour><Item>"))
    issue = ALL["ca_sema"].parse(path)
    assert issue.header.unknown == ("Colour",)
    assert all(party.original["Colour"] == "red" for party in issue)


OFAC = SAMPLES / "ofac_sdn"
XML = [
    ("ofac_sdn", OFAC / "sdn.xml"),
    ("ofac_sdn", OFAC / "enhanced.xml"),
    ("ofac_sdn", OFAC / "advanced.xml"),
    ("ca_sema", SAMPLES / "ca_sema.xml"),
]


@pytest.mark.parametrize(("code", "sample"), XML, ids=lambda value: getattr(value, "name", value))
def test_whatever_happens_to_an_element_the_answer_is_a_list_or_a_refusal(
    code: str, sample: Path, tmp_path: Path
) -> None:
    """Elements lost, doubled, emptied, renamed or moved; attributes lost or turned to nonsense."""
    chosen = random.Random(20261123)
    content = sample.read_bytes()
    path = tmp_path / sample.name
    outcomes: set[str] = set()
    for _ in range(40):
        root = etree.fromstring(content)
        for _ in range(chosen.randint(1, 4)):
            _damage(root, chosen)
        path.write_bytes(etree.tostring(root, encoding="utf-8", xml_declaration=True))
        try:
            parties = list(ALL[code].parse(path))
        except (SourceUnreadable, SourceEmpty):
            outcomes.add("refused")
        else:
            outcomes.add("read")
            assert all(party.key and party.names[0].type == "primary" for party in parties)
    assert "read" in outcomes


def _damage(root: etree._Element, chosen: random.Random) -> None:
    below: list[Any] = [element for element in root.iter() if element is not root]
    if not below:
        return
    element = chosen.choice(below)
    parent = element.getparent()
    match chosen.randint(0, 5):
        case 0:
            parent.remove(element)
        case 1:
            parent.append(etree.fromstring(etree.tostring(element)))
        case 2:
            for child in element:
                element.remove(child)
            element.text = chosen.choice(("", " ", "x", "9" * 300, "2999-99-99"))
        case 3:
            element.tag = f"{element.tag}X"
        case 4:
            chosen.choice(below).append(etree.fromstring(etree.tostring(element)))
        case _:
            for name in list(element.attrib):
                element.set(name, chosen.choice(("", "-1", "true", "nonsense")))


def test_whatever_happens_to_a_byte_of_a_table_the_answer_is_a_list_or_a_refusal(
    tmp_path: Path,
) -> None:
    chosen = random.Random(20261123)
    refused = 0
    for name in ("us_bis_dpl.txt", "us_csl.csv"):
        content = (SAMPLES / name).read_bytes()
        path = tmp_path / name
        for _ in range(100):
            damaged = bytearray(content)
            for _ in range(chosen.randint(1, 3)):
                damaged[chosen.randrange(len(damaged))] = chosen.choice(b'",\t\n\r\0\x1a\xe9;a0')
            path.write_bytes(bytes(damaged))
            try:
                list(ALL[path.stem].parse(path))
            except (SourceUnreadable, SourceEmpty):
                refused += 1
    assert refused
