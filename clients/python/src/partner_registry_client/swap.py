"""Changing the set that the store holds, inside of one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping

from partner_registry_client.chunks import Line, prefix_of, prefixes_of
from partner_registry_client.manifest import Accepted
from partner_registry_client.state import Noted

Seal = Callable[[Accepted, str | None], None]


class Swap:
    """The inside of one swap: change entries at will, then seal them at a signed digest."""

    def __init__(self, db: sqlite3.Connection, now: float, seal: Seal, *, noted: bool) -> None:
        self._db = db
        self._seal = seal
        self._now = now
        self._noted = noted
        self.sealed = False
        self.put_count = 0
        self.removed_count = 0
        self.unexplained: list[str] = []

    def put(self, line: Line) -> None:
        """Hold this entry in the place of what was held of it."""
        row = self._db.execute(
            "SELECT line FROM entries WHERE prefix = ? AND entry_id = ?",
            (line.prefix, line.entry_id),
        ).fetchone()
        self._put([line], {} if row is None else {line.entry_id: row[0]})

    def remove(self, entry_id: str, reason: str | None = None) -> None:
        """Hold nothing of this entry; it is no error when nothing was held."""
        found = self._db.execute(
            "DELETE FROM entries WHERE prefix = ? AND entry_id = ?",
            (prefix_of(entry_id), entry_id),
        )
        if found.rowcount:
            self.removed_count += 1
            if reason is None:
                self.unexplained.append(entry_id)
            self._note([Noted(self._now, entry_id, "removed", reason)])

    def replace_bucket(self, bucket: int, bucket_bits: int, lines: list[Line]) -> None:
        """Hold exactly these entries in a bucket."""
        held = dict(
            self._db.execute(
                "SELECT entry_id, line FROM entries WHERE prefix BETWEEN ? AND ?",
                prefixes_of(bucket, bucket_bits),
            )
        )
        for entry_id in held.keys() - {line.entry_id for line in lines}:
            self.remove(entry_id)
        self._put([line for line in lines if held.get(line.entry_id) != line.data], held)

    def _put(self, lines: list[Line], held: Mapping[str, bytes]) -> None:
        # In the order of the key, so that each row comes behind the one before.
        in_place = sorted(lines, key=lambda line: line.prefix)
        self._db.executemany(
            "INSERT INTO entries (entry_id, prefix, line) VALUES (?, ?, ?)"
            " ON CONFLICT (prefix, entry_id) DO UPDATE SET line = excluded.line",
            in_place,
        )
        self.put_count += len(lines)
        self._note(
            Noted(self._now, line.entry_id, "changed" if line.entry_id in held else "new", None)
            for line in lines
            if held.get(line.entry_id) != line.data
        )

    def _note(self, rows: Iterable[Noted]) -> None:
        if self._noted:
            self._db.executemany("INSERT INTO journal VALUES (?, ?, ?, ?)", rows)

    def explain(self, reasons: Mapping[str, str]) -> list[str]:
        """Note why entries are gone whose removal had no reason; which ones were explained."""
        told = [entry_id for entry_id in self.unexplained if entry_id in reasons]
        self.unexplained = [entry_id for entry_id in self.unexplained if entry_id not in reasons]
        self._db.executemany(
            "UPDATE journal SET reason = ? WHERE entry_id = ? AND op = 'removed' AND at = ?",
            [(reasons[entry_id], entry_id, self._now) for entry_id in told],
        )
        return told

    def seal(self, accepted: Accepted, etag: str | None) -> None:
        """Check what the store would hold against the signature, then let it be committed."""
        self._seal(accepted, etag)
        self.sealed = True
