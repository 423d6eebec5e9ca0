"""Writing stored originals back in the shape their publisher gave them, and comparing the two.

What is compared is generated from what a file holds, by the standard library's reader of tables
and a plain walk through the XML: nothing here knows which fields a source has.
"""

import csv
import io
import json
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import pytest
from lxml import etree

from app.sanctions import sources
from app.sanctions.sources import ListedParty

SAMPLES = Path(sources.__file__).parent / "samples"
Leaf = tuple[str, tuple[tuple[str, str], ...], str]


def real(name: str) -> Path:
    """A published file, if the folder of real files is there."""
    folder = os.environ.get("REGISTRY_TEST_LISTS")
    if not folder:
        pytest.skip("REGISTRY_LISTS_DIR names no folder with real list files")
    path = Path(folder) / name
    if not path.exists():
        pytest.skip(f"{name} is not in the folder REGISTRY_LISTS_DIR names")
    return path


def stored(party: ListedParty) -> dict[str, Any]:
    """The original as a database gives it back: the order of the names in it is lost."""
    found: dict[str, Any] = json.loads(json.dumps(party.original, sort_keys=True))
    return found


# ---------------------------------------------------------------- tables


def table_of(rows: Iterable[Iterable[str]], delimiter: str = ",") -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return out.getvalue().encode()


def rows_of(content: bytes, delimiter: str = ",") -> Counter[tuple[str, ...]]:
    """The rows of a table, how often each, read by a reader that is not ours."""
    text = io.StringIO(content.decode("utf-8-sig"), newline="")
    return Counter(tuple(row) for row in csv.reader(text, delimiter=delimiter, strict=True))


# ---------------------------------------------------------------- XML


def xml_of(value: Any, tag: str) -> str:
    """The element that `as_json` read a value from."""
    if not isinstance(value, dict):
        return f"<{tag}>{escape(value)}</{tag}>"
    attributes = "".join(
        f" {name[1:]}={quoteattr(text)}" for name, text in value.items() if name.startswith("@")
    )
    inner = escape(value.get("#text", ""))
    for name, part in value.items():
        if not name.startswith(("@", "#")):
            parts = part if isinstance(part, list) else [part]
            inner += "".join(xml_of(one, name) for one in parts)
    return f"<{tag}{attributes}>{inner}</{tag}>"


def leaves(element: etree._Element) -> Counter[Leaf]:
    """Every element from one down: where it is, its attributes, and its text if it is a leaf."""
    found: Counter[Leaf] = Counter()
    waiting = [(element, "")]
    while waiting:
        one, path = waiting.pop()
        where = f"{path}/{etree.QName(one).localname}"
        text = (one.text or "") if len(one) == 0 else ""
        found[where, tuple(sorted((str(k), str(v)) for k, v in one.attrib.items())), text] += 1
        waiting += [(child, where) for child in one if isinstance(child.tag, str)]
    return found


def published(path: Path, *tags: str) -> dict[str, list[Counter[Leaf]]]:
    """The elements of these names in a file, each as its leaves."""
    root = etree.parse(str(path)).getroot()
    found: dict[str, list[Counter[Leaf]]] = {tag: [] for tag in tags}
    for element in root.iter():
        if isinstance(element.tag, str) and etree.QName(element).localname in tags:
            found[etree.QName(element).localname].append(leaves(element))
    return found


def exported(value: Any, tag: str) -> Counter[Leaf]:
    """The leaves of a stored element after writing it as XML and reading that again."""
    return leaves(etree.fromstring(xml_of(value, tag).encode()))
