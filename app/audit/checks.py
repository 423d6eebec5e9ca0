"""What is looked at in every record of the log, by the full walk and by the sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app.audit import leaves, notes

RECORDS = f"""SELECT w.seq AS wanted, l.seq, l.event_id, l.leaf_hash, e.id AS found,
    CASE WHEN e.salt IS NULL THEN EXISTS (SELECT FROM audit_events x
      WHERE x.event = 'audit:event:erase' AND x.subject_id = e.id) END AS explained,
    {leaves.COLUMNS}
    FROM unnest($1::bigint[]) AS w (seq) LEFT JOIN log_leaves l ON l.seq = w.seq
    LEFT JOIN audit_events e ON e.id = l.event_id ORDER BY w.seq"""  # noqa: S608 - constant
CHECKPOINTS = """SELECT size, previous, root, note FROM log_checkpoints
    WHERE size > $1 AND size <= $2 ORDER BY size"""

EDITED = "the event was edited: it does not give its leaf hash"
GONE = "the event was deleted; its leaf is still there"
MISSING = "the leaf was deleted"
UNEXPLAINED = "the event was erased, and no event says so"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with the log, and with which record."""

    what: str
    seq: int | None = None
    event_id: UUID | None = None

    def __str__(self) -> str:
        where = [f"seq {self.seq}"] if self.seq is not None else []
        where += [f"event {self.event_id}"] if self.event_id is not None else []
        return f"{', '.join(where)}: {self.what}" if where else self.what


def record_fault(row: Mapping[str, Any]) -> Fault | None:
    """What is wrong with a row of `RECORDS` taken by itself."""
    if row["seq"] is None:
        return Fault(MISSING, row["wanted"])
    if row["found"] is None:
        what = GONE
    elif row["salt"] is None:
        what = "" if row["explained"] else UNEXPLAINED
    else:
        what = "" if leaves.hash_of(row) == row["leaf_hash"] else EDITED
    return Fault(what, row["seq"], row["event_id"]) if what else None


def note_fault(row: Mapping[str, Any], keys: list[Ed25519PublicKey]) -> Fault | None:
    """What is wrong with a row of `CHECKPOINTS` taken by itself."""
    try:
        signed = notes.verify(row["note"], keys)
    except notes.NoteInvalid as invalid:
        return Fault(f"checkpoint {row['size']} is not signed by this registry: {invalid}")
    if (signed.size, signed.root) != (row["size"], row["root"]):
        return Fault(f"checkpoint {row['size']} was changed: its note says {signed.size}")
    return None
