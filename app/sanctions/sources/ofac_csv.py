"""OFAC's legacy set of tables: entries, addresses, aliases, and the overflow of remarks.

The four files are told apart by their widths: 12, 6, 5 and 2 cells. They have no header, write
"-0- " for nothing and end with the character 0x1A. What a remark of 1,000 characters has no room
for goes on in the fourth file.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.sanctions.sources.base import (
    ListedIdentifier,
    ListedName,
    ListedParty,
    ListedPlace,
    SourceUnreadable,
)
from app.sanctions.sources.draft import Draft, country_of, one_line, place_of_text
from app.sanctions.sources.file_reader import FileFacts, joined, within
from app.sanctions.sources.issue import Notes
from app.sanctions.sources.ofac_terms import (
    add_paper,
    alias,
    birth_date,
    kind_of,
    listing,
    paper_of,
    programmes_of,
    said,
)
from app.sanctions.sources.spool import Spool
from app.sanctions.sources.table_reader import Shape, check_table, rows

COLUMNS: dict[str, tuple[str, ...]] = {
    "entry": (
        *("ent_num", "SDN_Name", "SDN_Type", "Program", "Title", "Call_Sign", "Vess_type"),
        *("Tonnage", "GRT", "Vess_flag", "Vess_owner", "Remarks"),
    ),
    "addresses": ("Ent_num", "Add_num", "Address", "City_State_Zip", "Country", "Add_remarks"),
    "aliases": ("ent_num", "alt_num", "alt_type", "alt_name", "alt_remarks"),
    "comments": ("ent_num", "Remarks"),
}
"""The cells of the four tables, by OFAC's description of them."""
BESIDE = ("addresses", "aliases", "comments")
_PARTS = {len(columns): part for part, columns in COLUMNS.items()}
_SHAPE = Shape(end_mark=True)
# The copies of 2019 that are about lost their last bytes, and with them the end of the last mark.
_NOTHING = ("-0-", "-0")
_PIECE = re.compile(r";\s*")
_QUOTED = re.compile(r"(?:alt\. )?([afn]\.k\.a\.) '(.{1,400})'")
_WORDED = re.compile(r"(?:alt\. )?(DOB|POB|nationality|citizen|Gender) (.{1,300})")

Row = dict[str, str | None]


def parts_of(paths: tuple[Path, ...]) -> dict[str, Path]:
    """Which file is which table. Raises SourceUnreadable unless each that is needed is there."""
    parts: dict[str, Path] = {}
    for path in paths:
        with within(path):
            first = next(rows(path, _SHAPE), None)
            # A set without any overflow has a fourth file of only the mark of the end.
            part = _PARTS.get(len(first.cells)) if first else "comments"
            if part is None:
                raise SourceUnreadable("no table of OFAC's set", "line 1")
            if part in parts:
                raise SourceUnreadable(f"a second table of {part}", "line 1")
        parts[part] = path
    for part in ("entry", "addresses", "aliases"):
        if part not in parts:
            raise SourceUnreadable(f"the table of {part} is missing", f"{len(paths)} files")
    return parts


def facts_of(parts: dict[str, Path]) -> FileFacts:
    """The facts of a set whose bytes are sound. Raises SourceUnreadable."""
    facts = {}
    for part, path in parts.items():
        with within(path):
            facts[part] = check_table(path, _SHAPE)
    return joined(facts)


def _table(parts: dict[str, Path], part: str) -> Iterator[tuple[str, str, Row]]:
    """The rows of a table with the place and the ent_num of each."""
    path, columns = parts[part], COLUMNS[part]
    shape = Shape(width=len(columns), end_mark=True)
    with within(path):
        for line, cells in rows(path, shape):
            values = (None if cell.strip() in _NOTHING else cell for cell in cells)
            row = dict(zip(columns, values, strict=True))
            number = (row[columns[0]] or "").strip()
            if not number.isdecimal():
                raise SourceUnreadable("a row without its ent_num", f"line {line}, column 1")
            yield f"line {line}", number, row


def read(parts: dict[str, Path], notes: Notes) -> Iterator[tuple[str, ListedParty]]:
    """The parties in the order of the first table. Raises SourceUnreadable.

    A row of an address or alias that belongs to no entry means that the files are of different
    issues: refused. Overflow of no entry changes nothing about anybody: it is noted.
    """
    with Spool() as spool:
        for part in filter(parts.__contains__, BESIDE):
            for place, number, row in _table(parts, part):
                spool.put(f"{part} {number}", [place, row])
        for place, number, row in _table(parts, "entry"):
            original: dict[str, Any] = {"entry": row}
            for part in BESIDE:
                original[part] = [found for _, found in spool.take(f"{part} {number}")]
            yield f"{parts['entry'].name}, {place}", _party_of(number, original)
        for key in spool.left():
            part, number = key.split(" ")
            if part != "comments":
                place = spool.take(key)[0][0]
                reason = f"a row of {part} for {number}, which is no entry"
                raise SourceUnreadable(reason, f"{parts[part].name}, {place}")
            notes.unknown.add(f"comments for {number}, which is no entry")


def _party_of(number: str, original: dict[str, Any]) -> ListedParty:
    row: Row = original["entry"]
    kind = kind_of(row["SDN_Type"]) if row["SDN_Type"] else "organisation"
    draft = Draft(number, kind)
    draft.names.append(ListedName(said(row["SDN_Name"], kind), "primary"))
    for other in original["aliases"]:
        name = alias(said(other["alt_name"], kind), other["alt_type"] or "", False, "")
        draft.names.append(name)
    for place in original["addresses"]:
        country = country_of(place["Country"])
        draft.addresses.append(
            ListedPlace(
                street=one_line(place["Address"]),
                city=one_line(place["City_State_Zip"]),
                country_name=country.name if country else "",
                country=country.country if country else None,
                note=one_line(place["Add_remarks"]),
            )
        )
    draft.titles.append(one_line(row["Title"]))
    _add_vessel(draft, row)
    programmes = (row["Program"] or "").strip("[] ").split("] [")
    programmes_of(draft, programmes)
    draft.measures.append(listing(draft))
    overflow = (comment["Remarks"] or "" for comment in original["comments"])
    _add_remarks(draft, one_line("".join((row["Remarks"] or "", *overflow))))
    return draft.finish(original)


def _add_vessel(draft: Draft, row: Row) -> None:
    if row["Call_Sign"]:
        draft.identifiers.append(ListedIdentifier("Vessel Call Sign", one_line(row["Call_Sign"])))
    if country := country_of(row["Vess_flag"]):
        draft.nationalities.append(country)
    for column, name in (
        ("Vess_type", "Vessel type"),
        ("Tonnage", "Tonnage"),
        ("GRT", "Gross registered tonnage"),
        ("Vess_owner", "Vessel owner"),
    ):
        if row[column]:
            draft.remarks.append(f"{name} {one_line(row[column])}")


def _add_remarks(draft: Draft, remarks: str) -> None:
    """Keep a remark whole, and read out of it what the other formats publish apart."""
    draft.remarks.append(remarks)
    for piece in _PIECE.split(remarks.removesuffix(".")):
        if quoted := _QUOTED.fullmatch(piece):
            name = said(quoted[2], draft.kind)
            draft.names.append(alias(name, quoted[1], True, "weak"))
        elif worded := _WORDED.fullmatch(piece):
            _add_worded(draft, worded[1], worded[2])
        elif paper := paper_of(piece):
            add_paper(draft, paper)


def _add_worded(draft: Draft, word: str, text: str) -> None:
    if word == "DOB":
        if born := birth_date(text):
            draft.birth_dates.append(born)
    elif word == "POB":
        draft.birth_places.append(place_of_text(text))
    elif word == "Gender":
        draft.gender = text
    elif country := country_of(text):
        draft.nationalities.append(country)
