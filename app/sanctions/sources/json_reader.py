"""Reading list files in JSON that are small by their publisher's nature: bounded, then a record
at a time.

The text of the file is held, at most MAX_BYTES of it; of the records only one. A streaming parser
would save that text and cost a dependency: the one list that comes so is under 2 MB.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from app.sanctions.sources.base import SourceUnreadable
from app.sanctions.sources.file_reader import FileFacts, check_text

MAX_BYTES = 32 * 1024 * 1024
MAX_DEPTH = 16
_EXACT = 1 << 53
"""Past this no reader of JSON keeps an integer as it was written."""


def check_json(path: Path) -> FileFacts:
    """The facts of a file of UTF-8 text, of at most MAX_BYTES. Raises SourceUnreadable."""
    return check_text(path, lambda block, at: None, max_bytes=MAX_BYTES)


def records(path: Path, *route: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each object of the list that lies at ``route`` in nested objects, with its place.

    Raises SourceUnreadable with line and column for what is no JSON, for a member that is there
    twice, numbers that nobody reads alike (NaN, 1e999, integers past 2^53), half a character, a
    NUL, nesting past MAX_DEPTH, for another route, and for a record that is no object.
    """
    scan = _Scan(path.read_bytes().decode("utf-8-sig"))
    yield from scan.inside(list(route))
    if scan.at < len(scan.text):
        scan.fail("goes on after its end")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice[:40]} twice in one object")
    return found


def _whole(text: str) -> int:
    if len(text) > 16 or abs(int(text)) > _EXACT:
        raise ValueError("an integer past 2^53")
    return int(text)


def _real(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number without bounds")
    return value


def _constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_once, parse_int=_whole, parse_float=_real, parse_constant=_constant
)


def _check_leaves(value: Any, depth: int = 1) -> None:
    """Raises ValueError for what cannot be stored as it is."""
    if depth > MAX_DEPTH:
        raise ValueError(f"nested past {MAX_DEPTH}")
    if isinstance(value, str):
        if "\0" in value:
            raise ValueError("a NUL in a text")
        value.encode()  # a surrogate alone is half a character: UnicodeEncodeError, a ValueError
    elif isinstance(value, dict):
        for name, part in value.items():
            _check_leaves(name, depth)
            _check_leaves(part, depth + 1)
    elif isinstance(value, list):
        for part in value:
            _check_leaves(part, depth + 1)


@dataclass(slots=True)
class _Scan:
    text: str
    at: int = 0

    def __post_init__(self) -> None:
        self._blank()

    def fail(self, reason: str, at: int | None = None) -> NoReturn:
        raise SourceUnreadable(reason, self.place(self.at if at is None else at))

    def place(self, at: int) -> str:
        start = self.text.rfind("\n", 0, at) + 1
        return f"line {self.text.count(chr(10), 0, at) + 1}, column {at - start + 1}"

    def inside(self, route: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        """What the array at the route holds; the objects on the way are read to their ends."""
        if not route:
            yield from self._array()
            return
        self._need("{")
        met: set[str] = set()
        while not self._take("}"):
            if met:
                self._need(",")
            name = self._value()
            if not isinstance(name, str) or name in met:
                self.fail("not a name that is there once")
            met.add(name)
            self._need(":")
            if name == route[0]:
                yield from self.inside(route[1:])
            else:
                self._value()
        if route[0] not in met:
            self.fail(f"not the shape of this list: no {route[0]}")

    def _array(self) -> Iterator[tuple[str, dict[str, Any]]]:
        self._need("[")
        first = True
        while not self._take("]"):
            if not first:
                self._need(",")
            first = False
            started = self.at
            record = self._value()
            if not isinstance(record, dict):
                self.fail("a record that is no object", started)
            yield self.place(started), record

    def _value(self) -> Any:
        started = self.at
        try:
            value, self.at = _DECODER.raw_decode(self.text, started)
            _check_leaves(value)
        except json.JSONDecodeError as error:
            self.fail(error.msg, error.pos)
        except RecursionError:
            self.fail(f"nested past {MAX_DEPTH}", started)
        except UnicodeEncodeError:
            self.fail("half a character in a text", started)
        except ValueError as error:
            self.fail(str(error), started)
        self._blank()
        return value

    def _blank(self) -> None:
        while self.text[self.at : self.at + 1] in (" ", "\t", "\r", "\n"):
            self.at += 1

    def _take(self, mark: str) -> bool:
        if self.text.startswith(mark, self.at):
            self.at += 1
            self._blank()
            return True
        return False

    def _need(self, mark: str) -> None:
        if not self._take(mark):
            self.fail(f"Expecting '{mark}'")
