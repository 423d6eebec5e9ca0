"""Records of a list that belong to a party written elsewhere in it, kept out of memory."""

import json
import sqlite3
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

_CACHE_KIB = 8_192


class Spool:
    """Values by key in a temporary file that is gone when it is closed.

    Some publishers write what belongs to one party in several files, or far apart in one. Holding
    that, or no more than where each lies, would make memory grow with the list.
    """

    def __init__(self) -> None:
        # The empty name is a database of its own in a temporary file. A generator that was not
        # read to its end may be closed by another thread.
        self._base = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._base.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._base.execute("PRAGMA journal_mode = OFF")
        self._base.execute("PRAGMA synchronous = OFF")
        self._base.execute(
            "CREATE TABLE spool (at INTEGER PRIMARY KEY, key TEXT, value TEXT, taken INTEGER)"
        )
        self._base.execute("BEGIN")
        self._ready = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._base.close()

    def put(self, key: str, value: Any) -> None:
        """Keep one more JSON value under a key; all values before any is taken."""
        self._base.execute(
            "INSERT INTO spool (key, value, taken) VALUES (?, ?, 0)",
            (key, json.dumps(value, ensure_ascii=False)),
        )

    def take(self, key: str) -> list[Any]:
        """The values of a key in the order in which they were put, empty for none."""
        if not self._ready:
            self._base.execute("CREATE INDEX spool_by_key ON spool (key)")
            self._ready = True
        found = self._base.execute(
            "SELECT value FROM spool WHERE key = ? ORDER BY at", (key,)
        ).fetchall()
        if found:
            self._base.execute("UPDATE spool SET taken = 1 WHERE key = ? AND taken = 0", (key,))
        return [json.loads(value) for (value,) in found]

    def each(self) -> Iterator[tuple[str, list[Any]]]:
        """Every key with its values, in the order in which the keys came."""
        keys = self._base.execute("SELECT key FROM spool GROUP BY key ORDER BY min(at)")
        for (key,) in keys:
            yield key, self.take(key)

    def left(self) -> Iterator[str]:
        """The keys that nobody took, in the order in which they came."""
        keys = self._base.execute(
            "SELECT key FROM spool GROUP BY key HAVING max(taken) = 0 ORDER BY min(at)"
        )
        for (key,) in keys:
            yield key
