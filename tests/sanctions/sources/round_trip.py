"""Published -> parsed -> stored -> published again: what a file holds, field by field."""

import csv
import io
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from app.sanctions import sources
from app.sanctions.sources import ListedParty

SAMPLES = Path(sources.__file__).parent / "samples"


def real(name: str) -> Path:
    """A real file, or the test is skipped."""
    folder = os.environ.get("REGISTRY_TEST_LISTS")
    if not folder:
        pytest.skip("REGISTRY_LISTS_DIR names no folder with real list files")
    path = Path(folder) / name
    if not path.exists():
        pytest.skip(f"{name} is not in the folder REGISTRY_LISTS_DIR names")
    return path


def stored(parties: Iterable[ListedParty]) -> Iterator[dict[str, Any]]:
    """The originals as the database gives them back: names of members in an order of its own."""
    for party in parties:
        yield json.loads(json.dumps(party.original, sort_keys=True))


# ---------------------------------------------------------------- XML


def _element(name: str, value: Any) -> etree._Element:
    element = etree.Element(name)
    if isinstance(value, str):
        element.text = value
        return element
    for key, part in value.items():
        if key == "#text":
            element.text = part
        elif key.startswith("@"):
            element.set(key[1:], part)
        else:
            for one in part if isinstance(part, list) else [part]:
                element.append(_element(key, one))
    return element


def xml_of(parties: Iterable[ListedParty], record: str, namespace: str) -> bytes:
    """The records as a document of one namespace."""
    root = etree.Element("export")
    for original in stored(parties):
        root.append(_element(record, original))
    for element in root.iter():
        element.tag = f"{{{namespace}}}{element.tag}"
    return bytes(etree.tostring(root, encoding="utf-8"))


def xml_fields(document: etree._Element) -> Counter[tuple[str, str]]:
    """Every attribute and every text below the records, by the path that leads to it."""
    found: Counter[tuple[str, str]] = Counter()

    def walk(element: etree._Element, path: str) -> None:
        path = f"{path}/{element.tag}"
        found[path, ""] += 1
        for name, value in element.attrib.items():
            found[f"{path}@{name!s}", str(value)] += 1
        if len(element) == 0 and element.text:
            found[path, element.text] += 1
        for child in element:
            if isinstance(child.tag, str):
                walk(child, path)

    for record in document:
        if isinstance(record.tag, str):
            walk(record, "")
    return found


# ---------------------------------------------------------------- tables


def csv_of(header: list[str], rows: Iterable[dict[str, str]]) -> str:
    """The rows as a table under these names of columns."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(header)
    for row in rows:
        assert set(row) == set(header)
        writer.writerow([row[column] for column in header])
    return out.getvalue()


def csv_rows(text: str, ahead: int = 0) -> tuple[list[str], Counter[tuple[str, ...]]]:
    """The names of the columns, and the rows below, each as often as it is there."""
    table = list(csv.reader(io.StringIO(text, newline="")))[ahead:]
    return table[0], Counter(tuple(row) for row in table[1:])
