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
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from partner_registry_client.chunks import PREFIX_BITS, Line, prefix_of, set_digest
from partner_registry_client.errors import (
    ClientError,
    Mismatch,
    NotConfigured,
    StoreBusy,
    StoreDamaged,
)
from partner_registry_client.manifest import Accepted, Manifest
from partner_registry_client.trust import SKEW_S, Anchor, KeysDocument

DATABASE = "store.sqlite3"
LOCK = "pull.lock"
LOCK_WAIT_S = 10.0
STATISTICS = "matcher-statistics"
"""Name of the word statistics among the files that belong to the list."""
JOURNAL_S = 730 * 86400.0
_FORMAT = 2
_SCHEMA = """
CREATE TABLE state (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE entries (prefix INTEGER NOT NULL, entry_id TEXT NOT NULL, line BLOB NOT NULL);
CREATE UNIQUE INDEX entries_key ON entries (prefix, entry_id);
CREATE TABLE journal (at REAL NOT NULL, entry_id TEXT NOT NULL, op TEXT NOT NULL, reason TEXT);
CREATE INDEX journal_at ON journal (at);
"""


@dataclass(frozen=True)
class Held:
    """The set in the store: the manifest that was reached, the key that signed it, and when."""

    manifest: Manifest
    kid: str
    etag: str | None
    pulled_at: float

    def signed_by(self, keys: KeysDocument) -> bool:
        """Whether the registry still stands by the key that signed the set."""
        return keys.names("list", self.kid, self.manifest.iat)


@dataclass(frozen=True)
class State:
    """Highest trusted state: nothing older than this is ever accepted again."""

    anchor: Anchor
    stream: str
    keys: KeysDocument | None
    keys_fetched_at: float
    held: Held | None
    last_seen: float

    def clock_set_back(self, now: float) -> bool:
        """A clock set back would make an old list look fresh."""
        latest = max(self.last_seen, self.held.manifest.iat if self.held else 0)
        return now < latest - SKEW_S

    def stale_reason(self, now: float) -> str | None:
        if self.held is None:
            return "never_pulled"
        if self.clock_set_back(now):
            return "clock_set_back"
        if now - self.held.manifest.iat > self.held.manifest.max_staleness_s:
            return "past_max_staleness"
        if self.keys is not None and not self.held.signed_by(self.keys):
            return "key_withdrawn"
        return None


class Noted(NamedTuple):
    """What the copy learned of an entry, and when. Never a name: some were listed in error."""

    at: float
    entry_id: str
    op: str
    reason: str | None


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
            self._note([Noted(self._now, entry_id, "removed", reason)])

    def replace_bucket(self, bucket: int, bucket_bits: int, lines: list[Line]) -> None:
        """Hold exactly these entries in a bucket."""
        held = dict(
            self._db.execute(
                "SELECT entry_id, line FROM entries WHERE prefix BETWEEN ? AND ?",
                _range(bucket, bucket_bits),
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
        with cls(_connect(path, read_only=False), folder) as store:
            # Entries of half a kilobyte: larger pages take a third of the time off a full pull.
            store._db.execute("PRAGMA page_size = 16384")
            store._db.execute("PRAGMA journal_mode = WAL")
            with store._transaction():
                if not store._db.execute("SELECT 1 FROM sqlite_master").fetchone():
                    for statement in _SCHEMA.strip().split("\n"):
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
            return cls(_connect(path, read_only=read_only), folder)
        except sqlite3.Error as error:
            raise _explain(error) from error

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
            raise _explain(error) from error

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """One pull at a time. SQLite's own lock: it ends with the process, on every platform."""
        path = self.folder / LOCK
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        lock = sqlite3.connect(path, timeout=LOCK_WAIT_S, isolation_level=None)
        try:
            lock.execute("BEGIN EXCLUSIVE")
            yield
        finally:
            lock.close()

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
                _range(bucket, bucket_bits),
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


def _range(bucket: int, bucket_bits: int) -> tuple[int, int]:
    width = PREFIX_BITS - bucket_bits
    return bucket << width, ((bucket + 1) << width) - 1


def _connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    mode = "ro" if read_only else "rw"
    db = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=10, isolation_level=None
    )
    # FULL: after a pull says it is done, a power cut must not bring an older list back.
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA secure_delete = ON")
    return db


def _explain(error: sqlite3.Error) -> ClientError:
    if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
        return StoreBusy("another process holds the store; try again when it has finished")
    return StoreDamaged(f"the local store cannot be used: {error}")
