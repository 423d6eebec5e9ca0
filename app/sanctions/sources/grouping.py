"""Rows of a table that belong to one party and lie far apart in it, brought together."""

import json
import tempfile
from array import array
from collections.abc import Iterable, Iterator

Cells = dict[str, str]


def grouped(rows: Iterable[tuple[str, Cells]]) -> Iterator[tuple[str, list[Cells]]]:
    """The rows by key, keys in the order in which they first come, rows in that of the table.

    The rows wait in a temporary file; in memory is only where each lies.
    """
    places: dict[str, array[int]] = {}
    with tempfile.TemporaryFile() as file:
        end = 0
        for key, cells in rows:
            line = json.dumps(cells, ensure_ascii=False).encode() + b"\n"
            file.write(line)
            places.setdefault(key, array("Q")).append(end)
            end += len(line)
        for key, starts in places.items():
            found = []
            for start in starts:
                file.seek(start)
                found.append(json.loads(file.readline()))
            yield key, found
