"""The local copy: one SQLite file that only ever holds sets whose signed digest was reached.

Entries are kept as their exact published bytes, so the set digest can be computed again at
any time. All that a pull changes (entries, manifest, etag) changes in one transaction; a
process killed at any point leaves the last complete set behind.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType

from partner_registry_client.chunks import prefixes_of, set_digest
from partner_registry_client.errors import Mismatch, NotConfigured
from partner_registry_client.manifest import Accepted, Manifest
from partner_registry_client.sqlite_file import SCHEMA, connect, explain, lock
from partner_registry_client.state import Held, Noted, State
from partner_registry_client.swap import Swap
from partner_registry_client.trust import Anchor, KeysDocument

DATABASE = "store.sqlite3"
STATISTICS = "matcher-statistics"
"""Name of the word statistics among the files that belong to the list."""
JOURNAL_S = 730 * 86400.0
_FORMAT = 2


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
            noted = self.journal_from() is not None
            seal = partial(self._seal, now=now, noted=noted)
            swap = Swap(self._db, now, seal, noted=noted)
            yield swap
            if not swap.sealed:
                raise Mismatch("a swap ended without reaching a signed set")
        # Deleted entries must leave the write-ahead log too: some were deleted as errors.
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _seal(self, accepted: Accepted, etag: str | None, now: float, noted: bool) -> None:
        self.require_set(accepted.manifest)
        moment = repr(now).encode()
        self.write_state(
            manifest=accepted.payload,
            kid=accepted.kid.encode(),
            etag=(etag or "").encode(),
            pulled_at=moment,
            last_seen=moment,
        )
        if not noted:
            self.write_state(journal_from=moment)
        self._db.execute("DELETE FROM journal WHERE at < ?", (now - JOURNAL_S,))

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
