"""The file of the copy: its tables, how it is opened, and what its failures mean."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from partner_registry_client.errors import ClientError, StoreBusy, StoreDamaged

LOCK_WAIT_S = 10.0
SCHEMA = """
CREATE TABLE state (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE entries (prefix INTEGER NOT NULL, entry_id TEXT NOT NULL, line BLOB NOT NULL);
CREATE UNIQUE INDEX entries_key ON entries (prefix, entry_id);
CREATE TABLE journal (at REAL NOT NULL, entry_id TEXT NOT NULL, op TEXT NOT NULL, reason TEXT);
CREATE INDEX journal_at ON journal (at);
"""


def connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    mode = "ro" if read_only else "rw"
    db = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=10, isolation_level=None
    )
    # FULL: after a pull says it is done, a power cut must not bring an older list back.
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA secure_delete = ON")
    return db


def explain(error: sqlite3.Error) -> ClientError:
    if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
        return StoreBusy("another process holds the store; try again when it has finished")
    return StoreDamaged(f"the local store cannot be used: {error}")


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """SQLite's own lock: it ends with the process, on every platform."""
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    held = sqlite3.connect(path, timeout=LOCK_WAIT_S, isolation_level=None)
    try:
        held.execute("BEGIN EXCLUSIVE")
        yield
    finally:
        held.close()
