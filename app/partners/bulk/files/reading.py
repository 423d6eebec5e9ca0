"""A file of partners as chunks of lines, headquarters first, each with its place in the file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Literal

from app.core.http import parse_json
from app.core.ndjson import CHUNK, MAX_LINE, Line
from app.partners.bulk.files import columns, tables, templates, unpp
from app.partners.bulk.files.columns import Draft
from app.partners.bulk.files.tables import FileRefused, Row

Format = Literal["ndjson", "csv", "xlsx", "unpp"]


@dataclass(slots=True)
class Piece:
    """One line of a file. ``faults``: what is wrong with it before anybody looks at the fields."""

    line: Line
    draft: Draft | None = None
    faults: list[tuple[str, str]] = field(default_factory=list)
    reports: list[unpp.Report] = field(default_factory=list)
    statement: unpp.Statement | None = None
    partner: bool = True
    """Whether the line says what the partner is, and not only a further flag on it."""

    def place(self, pointer: str = "") -> str:
        """Where it stands, to a person."""
        if self.draft is None:
            return f"line {self.line.number}" + (f", {pointer}" if pointer else "")
        return self.draft.row.place(self.draft.column_of(pointer))


@dataclass(slots=True)
class Notes:
    """What is to be said of the file as a whole."""

    ignored: list[str] = field(default_factory=list)


def guess_format(file: Path) -> Format:
    """By the ending of its name. Raises FileRefused."""
    endings: dict[str, Format] = {
        ".ndjson": "ndjson",
        ".jsonl": "ndjson",
        ".csv": "csv",
        ".xlsx": "xlsx",
    }
    found = endings.get(file.suffix.lower())
    if found is None:
        raise FileRefused("Say what the file is with --format: ndjson, csv, xlsx or unpp.")
    return found


def chunks(
    file: Path, kind: Format, agency: str, key_column: str | None, notes: Notes
) -> Iterator[list[Piece]]:
    """The lines in chunks: first those without a headquarters, then those below one."""
    for below in (False, True):
        pieces = (
            piece
            for piece in _pieces(file, kind, agency, key_column, notes)
            if _is_below(piece) is below
        )
        while chunk := list(islice(pieces, CHUNK)):
            yield chunk


def _is_below(piece: Piece) -> bool:
    value = piece.line.value
    return isinstance(value, dict) and bool(value.get("hq_key"))


def _pieces(
    file: Path, kind: Format, agency: str, key_column: str | None, notes: Notes
) -> Iterator[Piece]:
    if kind == "ndjson":
        yield from _ndjson(file)
    elif kind == "unpp":
        yield from _unpp(_rows(file), agency, notes)
    else:
        yield from _template(_rows(file), key_column)


def _rows(file: Path) -> Iterator[Row]:
    if file.suffix.lower() == ".csv":
        return tables.read_csv(file)
    return tables.read_xlsx(file)


def _ndjson(file: Path) -> Iterator[Piece]:
    with file.open("rb") as source:
        for number, raw in enumerate(iter(lambda: source.readline(MAX_LINE + 2), b""), 1):
            if len(raw) > MAX_LINE + 1:
                raise FileRefused(f"Line {number} is longer than {MAX_LINE} bytes.")
            if not raw.strip():
                continue
            try:
                yield Piece(Line(number, parse_json(raw)))
            except ValueError:
                yield Piece(Line(number, None, "malformed_json"))


def _template(rows: Iterator[Row], key_column: str | None) -> Iterator[Piece]:
    first = True
    wanted = tables.column_name(key_column) if key_column else None
    for row in rows:
        if first:
            columns.check_header(row, wanted)
            if wanted is not None and wanted not in row.letters:
                raise FileRefused(f"There is no column {wanted}.")
            first = False
        if all(row.cells.get(name) == text for name, text in templates.EXAMPLE.items()):
            continue  # the example that came with the template
        draft = columns.draft_of(row, wanted)
        yield Piece(Line(row.line, draft.value), draft, draft.faults)


def _unpp(rows: Iterator[Row], agency: str, notes: Notes) -> Iterator[Piece]:
    seen: set[str] = set()
    first = True
    for row in rows:
        if first:
            notes.ignored = unpp.check_header(row)
            first = False
        draft = unpp.draft_of(row, agency)
        key = str(draft.value.get("key"))
        piece = Piece(Line(row.line, draft.value), draft, draft.faults)
        piece.partner = key not in seen
        seen.add(key)
        piece.reports = unpp.reports_of(draft, agency)
        piece.statement = unpp.statement_of(draft) if "key" in draft.value else None
        yield piece
