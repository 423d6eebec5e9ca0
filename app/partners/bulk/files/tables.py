"""Tables of cells out of CSV and XLSX files. Nothing is calculated: a formula is its own text."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

MAX_FILE = 100_000_000
MAX_UNPACKED = 1_000_000_000
MAX_RATIO = 200
MAX_ROWS = 1_000_000
MAX_COLUMNS = 120
MAX_CELL = 20_000
_TRIGGERS = "=+-@＝＋－＠\t\r"


class FileRefused(Exception):
    """The file as a whole cannot be read; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of cells by the name of their column; ``where`` says its place to a person."""

    line: int
    sheet: str | None
    cells: dict[str, str]
    letters: dict[str, str]

    def place(self, column: str | None = None) -> str:
        """Where a cell, or the row, is to be found."""
        sheet = f"sheet {self.sheet}, " if self.sheet else ""
        letter = self.letters.get(column or "")
        cell = f", column {letter} ({column})" if letter else f", column {column}" if column else ""
        return f"{sheet}row {self.line}{cell}"


def column_name(text: str) -> str:
    """The name of a column whatever its spelling: "Legal name *" is legal_name."""
    plain = "".join(c.lower() if c.isalnum() else " " for c in text)
    return "_".join(plain.split())


def _named(header: list[str]) -> dict[int, str]:
    names = {at: column_name(text) for at, text in enumerate(header) if text.strip()}
    if len(names) > MAX_COLUMNS:
        raise FileRefused(f"The table has more than {MAX_COLUMNS} columns.")
    twice = sorted({name for name in names.values() if list(names.values()).count(name) > 1})
    if twice:
        raise FileRefused(f"A column is there twice: {', '.join(twice)}.")
    if not names:
        raise FileRefused("The first row holds no names of columns.")
    return names


@lru_cache(MAX_COLUMNS)
def column_letter(number: int) -> str:
    """The name that spreadsheets give to a column, from 1 on: A, B, … Z, AA."""
    letters = ""
    while number:
        number, digit = divmod(number - 1, 26)
        letters = chr(ord("A") + digit) + letters
    return letters


def _row(line: int, sheet: str | None, names: dict[int, str], cells: list[str]) -> Row | None:
    found = {}
    for at, name in names.items():
        text = cells[at].strip() if at < len(cells) else ""
        if len(text) > 1 and text[0] == "'" and text[1] in _TRIGGERS:
            text = text[1:]  # the guard of our own exports
        if len(text) > MAX_CELL:
            raise FileRefused(f"Row {line}: a cell holds more than {MAX_CELL} characters.")
        if text:
            found[name] = text
    letters = {name: column_letter(at + 1) for at, name in names.items()}
    return Row(line, sheet, found, letters) if found else None


def read_csv(file: Path) -> Iterator[Row]:
    """Rows of a CSV file: UTF-8, comma, semicolon or tab. Raises FileRefused."""
    _small_enough(file)
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileRefused(f"The file is not UTF-8 (byte {error.start}).") from error
    if "\x00" in text:
        raise FileRefused("The file holds NUL characters.")
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    csv.field_size_limit(1_000_000)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names: dict[int, str] | None = None
        line = 1
        for cells in reader:
            if names is None:
                names = _named(cells)
            elif (row := _row(line, None, names, cells)) is not None:
                if len(cells) > len(names) and any(cells[max(names) + 1 :]):
                    raise FileRefused(f"Row {line} has more cells than the header has columns.")
                yield row
            line = reader.line_num + 1
            if line > MAX_ROWS * 2:
                raise FileRefused(f"The file has more than {MAX_ROWS * 2} lines.")
    except csv.Error as error:
        raise FileRefused(f"Line {reader.line_num}: {error}.") from error


def _small_enough(file: Path) -> None:
    if file.stat().st_size > MAX_FILE:
        raise FileRefused(f"The file is larger than {MAX_FILE // 1_000_000} MB.")


def _check_archive(file: Path) -> None:
    """Raises FileRefused for what is no workbook, holds macros, or unpacks to something huge."""
    _small_enough(file)
    try:
        with zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
            names = {part.filename for part in parts}
            unpacked = sum(part.file_size for part in parts)
            packed = sum(part.compress_size for part in parts) or 1
    except (zipfile.BadZipFile, OSError) as error:
        raise FileRefused("The file is no XLSX workbook.") from error
    if any("vba" in name.lower() or "macro" in name.lower() for name in names):
        raise FileRefused("The workbook holds macros; save it as XLSX without them.")
    if unpacked > MAX_UNPACKED or (unpacked > 10_000_000 and unpacked / packed > MAX_RATIO):
        raise FileRefused("The workbook unpacks to more than is reasonable.")
    if "[Content_Types].xml" not in names or len(parts) > 2_000:
        raise FileRefused("The file is no XLSX workbook.")


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def read_xlsx(file: Path, sheets: tuple[str, ...] = ()) -> Iterator[Row]:
    """Rows of the first visible sheet of a workbook, or of the named ones. Raises FileRefused."""
    # Imported here: it is slow to import, and every process of the service knows this module.
    from openpyxl import load_workbook

    _check_archive(file)
    try:
        book = load_workbook(file, read_only=True, data_only=False, keep_links=False)
    except Exception as error:  # the library raises whatever the parts of the file provoke
        raise FileRefused("The workbook cannot be read.") from error
    try:
        chosen = [s for s in book.worksheets if column_name(s.title) in sheets] if sheets else []
        if not chosen:
            chosen = [s for s in book.worksheets if s.sheet_state == "visible"][:1]
        for sheet in chosen:
            names: dict[int, str] | None = None
            for line, values in enumerate(sheet.iter_rows(values_only=True), 1):
                if line > MAX_ROWS:
                    raise FileRefused(f"A sheet has more than {MAX_ROWS} rows.")
                cells = [_text(value) for value in values[:MAX_COLUMNS]]
                if names is None:
                    names = _named(cells)
                elif (row := _row(line, sheet.title, names, cells)) is not None:
                    yield row
    except FileRefused:
        raise
    except Exception as error:  # as above: a sheet is parsed as it is read
        raise FileRefused("The workbook cannot be read.") from error
    finally:
        book.close()
