"""Reading list files that are tables (CSV, TSV): suspicious of the bytes, a row at a time.

The standard library's reader takes a quote in the middle of a cell and rows of any width, and
cannot say in which column it stumbled. Here a table is exactly what its shape says, or it is
refused with the line and the column.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple

from app.sanctions.sources.base import SourceUnreadable
from app.sanctions.sources.file_reader import MAX_BYTES, FileFacts, check_text

MAX_CELL = 1 << 18
"""Characters of a cell, and bytes of a line: far above what lists publish, far below any harm."""
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_BOM = "\ufeff"
_END_MARK = "\x1a"


@dataclass(frozen=True, slots=True)
class Shape:
    """How a table is written.

    `width` is the number of cells of every row; None takes that of the first row. Without a
    `quote` a quotation mark is a character like any other. `encoding` must be one in which the
    bytes of a line end, a delimiter and a quote stand for nothing else: UTF-8, or what a source
    documents (cp1252). With `end_mark` a last line of the single character 0x1A is no row. The
    first `ahead` rows are of any width: what some publishers write above the names of columns.
    """

    delimiter: str = ","
    quote: str | None = '"'
    width: int | None = None
    encoding: str = "utf-8"
    end_mark: bool = False
    ahead: int = 0


class Row(NamedTuple):
    """The cells of a row, exactly as published, and the line on which it starts."""

    line: int
    cells: tuple[str, ...]


def check_table(path: Path, shape: Shape) -> FileFacts:
    """The facts of a file whose bytes are text in this encoding. Raises SourceUnreadable.

    Its rows are checked by `rows`, which a source reads to the end once before it hands anything
    over.
    """
    return check_text(path, lambda block, at: None, encoding=shape.encoding, max_bytes=MAX_BYTES)


def rows(path: Path, shape: Shape) -> Iterator[Row]:
    """The rows of a table, the header row included, one at a time in memory.

    Cells may hold line ends where they are quoted, and keep them. Raises SourceUnreadable with
    line and column for bytes that are no text, control characters, a quote that is never closed
    or stands where none may, a cell past MAX_CELL, a row of another width, an empty line before
    the last.
    """
    reading = _Reading(shape)
    with path.open("rb") as file:
        for number, text in _lines(file, shape):
            if row := reading.feed(text, number):
                yield row
    reading.close()


def records(
    path: Path, shape: Shape, needed: Sequence[str] = ()
) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows below a header row as (line, {column: cell}). Raises SourceUnreadable.

    Columns may come in any order and with any others beside; each is named once, and those
    ``needed`` are there.
    """
    header: tuple[str, ...] | None = None
    for line, cells in rows(path, shape):
        if header is None:
            header = tuple(cell.strip() for cell in cells)
            twice = sorted({name for name in header if header.count(name) > 1})
            missing = [name for name in needed if name not in header]
            if twice or missing:
                what = f"column {twice[0]} twice" if twice else f"no column {missing[0]}"
                raise SourceUnreadable(f"not the columns of this list: {what}", f"line {line}")
        else:
            yield line, dict(zip(header, cells, strict=True))


def _lines(file: BinaryIO, shape: Shape) -> Iterator[tuple[int, str]]:
    """Each line with its number and its line end. The mark of the end ends the table."""
    number = 0
    ended = False
    while raw := file.readline(MAX_CELL + 1):
        number += 1
        if len(raw) > MAX_CELL:
            raise SourceUnreadable(f"a line longer than {MAX_CELL} bytes", f"line {number}")
        try:
            text = raw.decode(shape.encoding)
        except UnicodeDecodeError as error:
            place = f"line {number}, column {error.start + 1}"
            raise SourceUnreadable(f"not {shape.encoding.upper()}", place) from error
        if ended:
            raise SourceUnreadable("goes on after the mark of the end", f"line {number}")
        if number == 1:
            text = text.removeprefix(_BOM)
        if shape.end_mark and text.rstrip("\r\n") == _END_MARK:
            ended = True
            continue
        if control := _CONTROL.search(text):
            raise SourceUnreadable(
                f"holds the control character 0x{ord(control.group()):02X}",
                f"line {number}, column {control.start() + 1}",
            )
        yield number, text


@dataclass(slots=True)
class _Reading:
    """A row as far as it was read."""

    shape: Shape
    width: int | None = None
    started: int = 0  # the line of its first cell
    cells: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)  # of the quoted cell that is open
    kept: int = 0  # the characters of these parts
    opened: tuple[int, int] | None = None  # line and column of its quote
    empty: int | None = None  # the first empty line after the last row
    done: int = 0  # rows

    def feed(self, text: str, line: int) -> Row | None:
        """The row that this line ends, if it ends one."""
        end = len(text.removesuffix("\n").removesuffix("\r"))
        if self.opened is None:
            if end == 0:
                self.empty = self.empty or line
                return None
            if self.empty:
                raise SourceUnreadable("an empty line between rows", f"line {self.empty}")
            self.started = line
            if not self._odd(text[:end]):
                return self._row(text[:end].split(self.shape.delimiter))
        return self._row(self.cells) if self._cells(text, end, line) else None

    def close(self) -> None:
        """Raises SourceUnreadable if the file ended within a quoted cell."""
        if self.opened:
            raise SourceUnreadable("a quote that is never closed", _at(*self.opened))

    def _odd(self, text: str) -> bool:
        quote = self.shape.quote
        return "\r" in text or (quote is not None and quote in text)

    def _cells(self, text: str, end: int, line: int) -> bool:
        """Read on; whether the row ends with this line."""
        delimiter, quote = self.shape.delimiter, self.shape.quote
        at = 0
        while True:
            if self.opened is None and quote and text.startswith(quote, at):
                self.opened = (line, at + 1)
                at += 1
            if self.opened is None:
                stop = text.find(delimiter, at, end)
                stop = end if stop < 0 else stop
                self.cells.append(self._unquoted(text[at:stop], line, at))
            else:
                stop = self._quoted(text, at)
                if stop < 0:
                    return False
                if stop < end and not text.startswith(delimiter, stop):
                    raise SourceUnreadable("text after a closing quote", _at(line, stop + 1))
            if stop >= end:
                return True
            at = stop + len(delimiter)

    def _unquoted(self, cell: str, line: int, at: int) -> str:
        for mark, what in ((self.shape.quote, "lone quote"), ("\r", "lone carriage return")):
            if mark and mark in cell:
                place = _at(line, at + cell.index(mark) + 1)
                raise SourceUnreadable(f"a {what} in a cell", place)
        return cell

    def _quoted(self, text: str, at: int) -> int:
        """Read the open cell; where it ends, or -1 if it goes on in the next line."""
        quote = self.shape.quote or ""
        while True:
            close = text.find(quote, at)
            if close < 0:
                self._keep(text[at:])
                return -1
            if not text.startswith(quote, close + 1):
                self._keep(text[at:close])
                self.cells.append("".join(self.parts))
                self.parts, self.kept, self.opened = [], 0, None
                return close + 1
            self._keep(text[at : close + 1])
            at = close + 2

    def _keep(self, part: str) -> None:
        self.parts.append(part)
        self.kept += len(part)
        if self.kept > MAX_CELL and self.opened:
            raise SourceUnreadable(f"a cell longer than {MAX_CELL} characters", _at(*self.opened))

    def _row(self, cells: list[str]) -> Row:
        self.done += 1
        if self.done > self.shape.ahead:
            self.width = self.width or self.shape.width or len(cells)
        if self.width and len(cells) != self.width:
            raise SourceUnreadable(
                f"a row of {len(cells)} cells instead of {self.width}", f"line {self.started}"
            )
        self.cells = []
        return Row(self.started, tuple(cells))


def _at(line: int, column: int) -> str:
    return f"line {line}, column {column}"
