"""Records of a list that belong to a party written elsewhere in it, kept out of memory."""

import json
import tempfile
from array import array
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self


class Spool:
    """Values by key in a temporary file; in memory is only where each lies.

    Some publishers write what belongs to one party in several files or far apart in one. Holding
    it all would make memory grow with the list.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__
        self._at: dict[str, array[int]] = {}
        self._end = 0
        self._taken: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def put(self, key: str, value: Any) -> None:
        """Keep one more JSON value under a key; all values before any is taken."""
        line = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        self._file.write(line)
        self._at.setdefault(key, array("Q")).append(self._end)
        self._end += len(line)

    def take(self, key: str) -> list[Any]:
        """The values of a key in the order in which they were put, empty for none."""
        found = []
        for at in self._at.get(key, ()):
            self._file.seek(at)
            found.append(json.loads(self._file.readline()))
        if found:
            self._taken.add(key)
        return found

    def each(self) -> Iterator[tuple[str, list[Any]]]:
        """Every key with its values, in the order in which the keys came."""
        for key in self._at:
            yield key, self.take(key)

    def left(self) -> list[str]:
        """The keys that nobody took, in the order in which they came."""
        return [key for key in self._at if key not in self._taken]
