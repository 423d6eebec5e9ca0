"""Reading list files in XML: suspicious of the bytes, sparing of memory, losing nothing."""

import codecs
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from lxml import etree

from app.sanctions.sources.base import SourceUnreadable
from app.sanctions.sources.file_reader import MAX_BYTES, FileFacts, check_text

MAX_DEPTH = 32
_FORBIDDEN = re.compile(rb"<!(?:DOCTYPE|ENTITY)")
_DECLARED = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']([^"']{1,40})["']""")


def check_bytes(path: Path) -> FileFacts:
    """Refuse what no list is, before any XML parser sees it.

    Passes only UTF-8 without NUL, DOCTYPE or entity declarations, of at most MAX_BYTES. Any
    other encoding is refused even if declared: it is how a DOCTYPE would get past this check.
    """
    return check_text(path, _check_block, max_bytes=MAX_BYTES)


def _check_start(block: bytes) -> None:
    start = block.removeprefix(codecs.BOM_UTF8).lstrip()
    if not start.startswith(b"<"):
        raise SourceUnreadable("not XML in UTF-8", "line 1, byte 0")
    declared = _DECLARED.match(start)
    if declared and declared[1].upper() not in (b"UTF-8", b"UTF8", b"US-ASCII", b"ASCII"):
        raise SourceUnreadable("declares an encoding other than UTF-8", "line 1")


def _check_block(block: bytes, at: int) -> None:
    if at == 0:
        _check_start(block)
    if found := _FORBIDDEN.search(block):
        raise SourceUnreadable("holds a DOCTYPE or entity", f"byte {at + found.start()}")


def place_of(element: etree._Element) -> str:
    """Where an element starts, for people."""
    return f"line {element.sourceline}"


def elements(file: BinaryIO) -> Iterator[tuple[str, etree._Element, int]]:
    """Every element as ("start" | "end", element, depth), root at depth 0; SourceUnreadable.

    Nothing is fetched, resolved or expanded. The caller clears what it has used.
    """
    context = etree.iterparse(
        file,
        events=("start", "end"),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    depth = -1
    try:
        for event, element in context:
            if event == "start":
                depth += 1
                if depth > MAX_DEPTH:
                    raise SourceUnreadable(f"nested past {MAX_DEPTH}", place_of(element))
                yield event, element, depth
            else:
                yield event, element, depth
                depth -= 1
    except etree.XMLSyntaxError as error:
        # The log holds the first fault; the exception may hold only what followed from it.
        for entry in context.error_log:
            place = f"line {entry.line}, column {entry.column}"
            raise SourceUnreadable(entry.message, place) from error
        line, column = error.position
        raise SourceUnreadable(str(error.msg), f"line {line}, column {column}") from error


def forget(element: etree._Element) -> None:
    """Free an element and all its elder siblings: what keeps memory flat."""
    element.clear()
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]


def as_json(
    element: etree._Element, is_list: Callable[[str], bool], namespace: str = ""
) -> dict[str, Any] | str:
    """An element as nested JSON, losing nothing: text of leaves exactly as published.

    Leaves are strings, "" if empty; others are objects. A child is a list if `is_list` says so
    or it occurs twice; attributes are "@name", text between children is "#text". Tags of
    ``namespace`` go by their local names, those of any other keep it.
    """
    content: dict[str, Any] = {f"@{name!s}": str(value) for name, value in element.attrib.items()}
    if len(element) == 0 and not content:
        return element.text or ""
    loose = [element.text or "", *(child.tail or "" for child in element)]
    if len(element) == 0:
        if element.text:
            content["#text"] = element.text
    elif text := "".join(part for part in loose if part.strip()):
        content["#text"] = text
    prefix = f"{{{namespace}}}"
    for child in element:
        tag, value = str(child.tag).removeprefix(prefix), as_json(child, is_list, namespace)
        if tag not in content:
            content[tag] = [value] if is_list(tag) else value
        elif isinstance(content[tag], list):
            content[tag].append(value)
        else:
            content[tag] = [content[tag], value]
    return content


def namespace_of(element: etree._Element) -> str:
    """The namespace of an element, "" if it has none."""
    tag = str(element.tag)
    return tag[1:].partition("}")[0] if tag.startswith("{") else ""


def local(element: etree._Element) -> str:
    """The name of an element without its namespace."""
    return str(element.tag).rpartition("}")[2]


def starts_as_xml(path: Path) -> bool:
    """Whether a file starts as XML does; nothing of it is parsed."""
    with path.open("rb") as file:
        return file.read(512).removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"<")


def root_of(path: Path) -> tuple[str, str]:
    """Local name and namespace of the root of a file that passed `check_bytes`."""
    with path.open("rb") as file:
        for _, element, _ in elements(file):
            return local(element), namespace_of(element)
    raise SourceUnreadable("holds no element", "line 1")
