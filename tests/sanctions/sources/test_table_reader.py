"""Reading tables: what a cell is to the character, and where a broken one is refused."""

import csv
import io
import random
import time
from pathlib import Path
from typing import Any

import pytest

from app.sanctions.sources import SourceUnreadable, table_reader
from app.sanctions.sources.table_reader import Shape, check_table, records, rows

COMMA = Shape()


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def _write(content: str | bytes) -> Path:
        path = tmp_path / "list.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return _write


def cells(path: Path, shape: Shape = COMMA) -> list[tuple[str, ...]]:
    return [row.cells for row in rows(path, shape)]


def test_cells_are_what_was_written(write: Any) -> None:
    text = 'a,"b, ""c""", d \r\n"e\nf\r\ng",,""\n'
    read = list(rows(write("\ufeff" + text), COMMA))
    assert [row.cells for row in read] == [("a", 'b, "c"', " d "), ("e\nf\r\ng", "", "")]
    assert [row.line for row in read] == [1, 2]
    assert cells(write("a\tb\tc\n"), Shape(delimiter="\t")) == [("a", "b", "c")]
    assert cells(write('a,"b\n'), Shape(quote=None)) == [("a", '"b')]
    assert cells(write("é,b\n".encode("cp1252")), Shape(encoding="cp1252")) == [("é", "b")]
    assert cells(write("a,b\n\n\n")) == [("a", "b")]
    assert cells(write("a,b")) == [("a", "b")]
    assert cells(write("a\u2028b,c\x85d\n")) == [("a\u2028b", "c\x85d")]


def test_any_table_the_standard_library_writes_is_read(write: Any) -> None:
    letters = 'ab",\n\r\t;é \u2028'
    chosen = random.Random(20261123)  # the same tables in every run
    for _ in range(200):
        width = chosen.randint(2, 4)
        table = [
            tuple(
                "".join(chosen.choice(letters) for _ in range(chosen.randint(0, 6)))
                for _ in range(width)
            )
            for _ in range(chosen.randint(1, 5))
        ]
        out = io.StringIO(newline="")
        csv.writer(out, quoting=chosen.choice((csv.QUOTE_ALL, csv.QUOTE_MINIMAL))).writerows(table)
        assert cells(write(out.getvalue())) == table


BROKEN: dict[str, tuple[str | bytes, Shape, str, str]] = {
    "lone quote": ('a,b\nc,d"e\n', COMMA, "lone quote", "line 2, column 4"),
    "after the quote": ('a,b\n"c"d,e\n', COMMA, "after a closing", "line 2, column 4"),
    "never closed": ('a,b\nc,"d\ne\n', COMMA, "never closed", "line 2, column 3"),
    "wide": ("a,b\nc,d,e\n", COMMA, "3 cells instead of 2", "line 2"),
    "narrow": ("a,b\nc\n", COMMA, "1 cells instead of 2", "line 2"),
    "not the width": ("a,b\n", Shape(width=3), "2 cells instead of 3", "line 1"),
    "empty line": ("a,b\n\nc,d\n", COMMA, "empty line", "line 2"),
    "lone return": ("a,b\nc\rd,e\n", COMMA, "carriage", "line 2, column 2"),
    "control": ("a,b\nc,d\x1be\n", COMMA, "0x1B", "line 2, column 4"),
    "end mark unasked": ("a,b\n\x1a", COMMA, "0x1A", "line 2, column 1"),
    "after the end": ("a,b\n\x1a\nc,d\n", Shape(end_mark=True), "goes on", "line 3"),
    "end mark in a cell": ("a,\x1a\n", Shape(end_mark=True), "0x1A", "line 1, column 3"),
    "not text": (b"a,b\nc,\xe9\n", COMMA, "UTF-8", "line 2, column 3"),
    "line too long": ("a" * (table_reader.MAX_CELL + 1), COMMA, "longer", "line 1"),
    "cell too long": ('"' + "a\n" * table_reader.MAX_CELL, COMMA, "longer", "line 1, column 1"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_table_is_refused_with_its_place(case: str, write: Any) -> None:
    content, shape, reason, place = BROKEN[case]
    with pytest.raises(SourceUnreadable, match=reason) as caught:
        list(rows(write(content), shape))
    assert caught.value.place == place


def test_the_mark_of_the_end_is_no_row(write: Any) -> None:
    assert cells(write("a,b\r\n\x1a"), Shape(end_mark=True)) == [("a", "b")]
    assert cells(write("a,b\r\n\x1a\r\n"), Shape(end_mark=True)) == [("a", "b")]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"a,\0b\n", "NUL"),
        ("a,b\n".encode("utf-16"), "NUL|UTF-8"),
        (b"a,b\nc,\xff\n", "UTF-8"),
        ("a,é".encode()[:-1], "ends inside"),
    ],
)
def test_bytes_that_are_no_table_are_refused(content: bytes, reason: str, write: Any) -> None:
    with pytest.raises(SourceUnreadable, match=reason):
        check_table(write(content), COMMA)


def test_a_table_past_the_cap_is_refused(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_reader, "MAX_BYTES", 1_000)
    with pytest.raises(SourceUnreadable, match="larger"):
        check_table(write("a,b\n" * 1_000), COMMA)


def test_columns_are_found_by_name(write: Any) -> None:
    path = write('name,"id"\nA,1\n"B\nC",2\n')
    assert list(records(path, COMMA, ("id",))) == [
        (2, {"name": "A", "id": "1"}),
        (3, {"name": "B\nC", "id": "2"}),
    ]
    with pytest.raises(SourceUnreadable, match="no column date"):
        list(records(path, COMMA, ("date",)))
    with pytest.raises(SourceUnreadable, match="column id twice"):
        list(records(write("id,id\n1,2\n"), COMMA))


def test_a_cell_of_quotes_is_read_in_linear_time(write: Any) -> None:
    content = '"' + '""' * 120_000 + '"\n'
    started = time.perf_counter()
    ((cell,),) = cells(write(content))
    assert len(cell) == 120_000
    assert time.perf_counter() - started < 2
