"""The local copy: one SQLite file that only ever holds sets whose signed digest was reached.

Entries are kept as their exact published bytes, so the set digest can be computed again at
any time. All that a pull changes (entries, manifest, etag) changes in one transaction; a
process killed at any point leaves the last complete set behind.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from partner_registry_client.chunks import Line, prefix_of, prefixes_of, set_digest
from partner_registry_client.errors import Mismatch, NotConfigured
from partner_registry_client.manifest import Accepted, Manifest
from partner_registry_client.sqlite_file import SCHEMA, connect, explain, lock
from partner_registry_client.state import Held, Noted, State
from partner_registry_client.trust import Anchor, KeysDocument

DATABASE = "store.sqlite3"
STATISTICS = "matcher-statistics"
"""Name of the word statistics among the files that belong to the list."""
JOURNAL_S = 730 * 86400.0
_FORMAT = 2


class Swap:
    """The inside of one swap: change entries at will, then seal them at a signed digest."""

    def __init__(self, store: Store, db: sqlite3.Connection, now: float, *, noted: bool) -> None:
        self._store = store
        self._db = db
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

    def seal(self, accepted: Accepted, etag: str | None) -> None:
        """Check what the store would hold against the signature, then let it be committed."""
        self._store.require_set(accepted.manifest)
        now = repr(self._now).encode()
        self._store.write_state(
            manifest=accepted.payload,
            kid=accepted.kid.encode(),
            etag=(etag or "").encode(),
            pulled_at=now,
            last_seen=now,
        )
        if not self._noted:
            self._store.write_state(journal_from=now)
        self._db.execute("DELETE FROM journal WHERE at < ?", (self._now - JOURNAL_S,))
        self.sealed = True


class Store:
    """An open store; use it as a context manager."""

    def __init__(self, db: sqlite3.Connection, folder: Path) -> None:
        self._db = db
        self.folder = folder

    @classmethod
    def create(cls, folder: Path, anchor: bytes, stream: str) -> None:
        """Make an empty store in an existing private folder."""
        Anchor.read(anchor)
        path = folder / DATABASE
        # Made before SQLite opens it: SQLite would take the umask's mode, for its journal too.
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        with cls(connect(path, read_only=False), folder) as store:
            # Entries of half a kilobyte: larger pages take a third of the time off a full pull.
            store._db.execute("PRAGMA page_size = 16384")
            store._db.execute("PRAGMA journal_mode = WAL")
            with store._transaction():
                if not store._db.execute("SELECT 1 FROM sqlite_master").fetchone():
                    for statement in SCHEMA.strip().split("\n"):
                        store._db.execute(statement)
                    store.write_state(
                        format=str(_FORMAT).encode(), anchor=anchor, stream=stream.encode()
                    )

    @classmethod
    def open(cls, folder: Path, *, read_only: bool = False) -> Store:
        path = folder / DATABASE
        if not path.is_file():
            raise NotConfigured(f"no store in {folder}; run 'registry-sync init' first")
        try:
            return cls(connect(path, read_only=read_only), folder)
        except sqlite3.Error as error:
            raise explain(error) from error

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
        if isinstance(error, sqlite3.Error):
            raise explain(error) from error

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """One pull at a time."""
        with lock(self.folder / "pull.lock"):
            yield

    @contextmanager
    def snapshot(self) -> Iterator[State]:
        """State and entries as of one moment, whatever a pull beside does."""
        self._db.execute("BEGIN")
        try:
            yield self.state()
        finally:
            self._db.execute("ROLLBACK")

    @contextmanager
    def swap(self, now: float) -> Iterator[Swap]:
        """Change the set in one transaction; what was not sealed is undone."""
        with self._transaction():
            swap = Swap(self, self._db, now, noted=self.journal_from() is not None)
            yield swap
            if not swap.sealed:
                raise Mismatch("a swap ended without reaching a signed set")
        # Deleted entries must leave the write-ahead log too: some were deleted as errors.
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def state(self) -> State:
        rows = dict(self._db.execute("SELECT key, value FROM state").fetchall())
        if rows.get("format") != str(_FORMAT).encode():
            raise NotConfigured("this store was made by another version of the client")
        manifest = rows.get("manifest")
        keys = rows.get("keys")
        return State(
            anchor=Anchor.read(rows["anchor"]),
            stream=rows["stream"].decode(),
            keys=KeysDocument.read(keys) if keys else None,
            keys_fetched_at=float(rows.get("keys_fetched_at", b"0")),
            held=None
            if manifest is None
            else Held(
                manifest=Manifest.read(manifest),
                kid=rows["kid"].decode(),
                etag=rows["etag"].decode() or None,
                pulled_at=float(rows["pulled_at"]),
            ),
            last_seen=float(rows.get("last_seen", b"0")),
        )

    def write_state(self, **values: bytes) -> None:
        """Set rows of the state; part of the caller's transaction if there is one."""
        self._db.executemany(
            "INSERT INTO state (key, value) VALUES (?, ?)"
            " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            values.items(),
        )

    def save_keys(self, payload: bytes, now: float) -> None:
        """Keep a verified keys document, even if the list that follows is refused."""
        with self._transaction():
            self.write_state(keys=payload, keys_fetched_at=repr(now).encode())

    def note_seen(self, now: float) -> None:
        self.write_state(last_seen=repr(now).encode())

    def journal_from(self) -> float | None:
        """When the first set was taken: what came with it is not noted."""
        row = self._db.execute("SELECT value FROM state WHERE key = 'journal_from'").fetchone()
        return None if row is None else float(row[0])

    def journal(self, since: float) -> Iterator[Noted]:
        """What the copy learned since then, in order."""
        for row in self._db.execute(
            "SELECT at, entry_id, op, reason FROM journal WHERE at >= ? ORDER BY rowid", (since,)
        ):
            yield Noted(*row)

    def count(self) -> int:
        (count,) = self._db.execute("SELECT count(*) FROM entries").fetchone()
        return int(count)

    def entries(self) -> Iterator[bytes]:
        """Every entry as published, in no particular order."""
        for (line,) in self._db.execute("SELECT line FROM entries"):
            yield line

    def bucket_digests(self, bucket_bits: int) -> list[bytes]:
        """SHA-256 of the content of each bucket, from the bytes that are really held."""
        digests = []
        for bucket in range(2**bucket_bits):
            digest = hashlib.sha256()
            for (line,) in self._db.execute(
                "SELECT line FROM entries WHERE prefix BETWEEN ? AND ? ORDER BY entry_id",
                prefixes_of(bucket, bucket_bits),
            ):
                digest.update(line)
                digest.update(b"\n")
            digests.append(digest.digest())
        return digests

    def attachment(self, name: str) -> bytes | None:
        """A file that came with the list, as it was before it was packed; None without one."""
        row = self._db.execute(
            "SELECT value FROM state WHERE key = ?", (f"attachment:{name}",)
        ).fetchone()
        return None if row is None else bytes(row[0])

    def keep_attachment(self, name: str, content: bytes | None, now: float) -> None:
        """Keep a verified file of the list, or none; part of the caller's transaction if there is
        one.
        """
        self._db.execute("DELETE FROM state WHERE key = ?", (f"attachment:{name}",))
        self.write_state(attachments_at=repr(now).encode())
        if content is not None:
            self.write_state(**{f"attachment:{name}": content})

    def attachments_at(self) -> float:
        """When the list was last asked for its files."""
        row = self._db.execute("SELECT value FROM state WHERE key = 'attachments_at'").fetchone()
        return 0.0 if row is None else float(row[0])

    def require_set(self, manifest: Manifest) -> None:
        """Raise Mismatch unless the store holds exactly the signed set."""
        if self.count() != manifest.count:
            raise Mismatch("the entries do not add up to the signed count")
        if set_digest(self.bucket_digests(manifest.bucket_bits)) != manifest.set_sha256:
            raise Mismatch("the entries do not add up to the signed set digest")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:  # Ctrl-C too: half a state is never kept
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")
