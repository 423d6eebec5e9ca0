"""Pages of changes and skip deltas: untrusted until the set they lead to has the signed digest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from partner_registry_client.chunks import (
    MAX_CHUNK_BYTES,
    MAX_RAW_BYTES,
    Line,
    inflated_lines,
    line_of,
)
from partner_registry_client.encoding import Fields, read_json
from partner_registry_client.errors import Malformed, Mismatch, TooLarge
from partner_registry_client.manifest import MAX_MANIFEST_BYTES

MAX_PAGE = 1000
_MOST_FILES = 100_000


class DeltaUnusable(Exception):
    """Changes cannot lead to the signed set; the full set can. Never leaves a pull."""


@dataclass(frozen=True)
class Change:
    """One step: a line to put, or None to remove the entry."""

    seq: int
    entry_id: str
    line: Line | None
    reason: str | None
    at: str | None


@dataclass(frozen=True)
class Delta:
    """A file with the last change of each entry of a block of numbers."""

    after: int
    to: int
    sha256: str
    bytes: int
    raw_sha256: str
    raw_bytes: int
    count: int


@dataclass(frozen=True)
class Files:
    """What there is beside the full set."""

    deltas: list[Delta]
    withdrawn: list[str]
    purged: dict[str, str]
    """Entries that copies elsewhere must lose too, and why."""

    def way(self, after: int) -> list[Delta]:
        """The fewest deltas that go on from a number, as far as they go."""
        found = []
        while fits := [one for one in self.deltas if one.after <= after < one.to]:
            found.append(max(fits, key=lambda one: one.to))
            after = found[-1].to
        return found


@dataclass(frozen=True)
class Page:
    changes: list[Change]
    last_seq: int
    more: bool
    manifest: bytes


def read_page(body: bytes, after: int) -> Page:
    """Read a page that follows on from `after` without a gap. Raises DeltaUnusable."""
    try:
        fields = Fields(read_json(body, "changes"), "changes")
        changes = [_read_change(item) for item in fields.items("changes", MAX_PAGE)]
        manifest = fields.text("manifest", MAX_MANIFEST_BYTES).encode()
    except (Malformed, TooLarge) as error:
        raise DeltaUnusable(str(error)) from error
    if [change.seq for change in changes] != list(range(after + 1, after + 1 + len(changes))):
        raise DeltaUnusable("the numbers of the changes have a gap")
    more = fields.raw.get("more") is True
    if more and not changes:
        raise DeltaUnusable("a page without changes says that there are more")
    return Page(changes, after + len(changes), more, manifest)


def _read_change(value: object) -> Change:
    fields = Fields(value, "change")
    entry_id = fields.text("entry_id", 256)
    op = fields.text("op", 16)
    if op not in ("put", "remove"):
        raise Malformed("change: an operation that this client does not know")
    line = line_of(fields.raw.get("entry")) if op == "put" else None
    if line is not None and line.entry_id != entry_id:
        raise Malformed("change: its entry has another id")
    return Change(
        seq=fields.integer("seq"),
        entry_id=entry_id,
        line=line,
        reason=fields.optional_text("reason", 64),
        at=fields.optional_text("at", 40),
    )


def read_files(body: bytes, stream: str) -> Files:
    """Read the list of files of a stream; it is not signed. Raises DeltaUnusable."""
    try:
        fields = Fields(read_json(body, "files"), "files")
        if fields.raw.get("stream") != stream:
            raise Malformed("files: of another stream")
        return Files(
            [_read_delta(item) for item in fields.items("deltas", _MOST_FILES)],
            [
                Fields(item, "withdrawn file").digest("sha256")
                for item in fields.items("withdrawn", _MOST_FILES)
            ],
            # Registries of an older release say nothing of it.
            dict(map(_read_purged, fields.items("purged", _MOST_FILES)))
            if "purged" in fields.raw
            else {},
        )
    except (Malformed, TooLarge) as error:
        raise DeltaUnusable(str(error)) from error


def _read_purged(value: object) -> tuple[str, str]:
    fields = Fields(value, "purged entry")
    return fields.text("entry_id", 256), fields.text("reason", 64)


def _read_delta(value: object) -> Delta:
    fields = Fields(value, "delta")
    return Delta(
        after=fields.integer("from"),
        to=fields.integer("to"),
        sha256=fields.digest("sha256"),
        bytes=fields.integer("bytes", most=MAX_CHUNK_BYTES),
        raw_sha256=fields.digest("raw_sha256"),
        raw_bytes=fields.integer("raw_bytes", most=MAX_RAW_BYTES),
        count=fields.integer("count"),
    )


def delta_changes(data: bytes, delta: Delta) -> Iterator[Change]:
    """The changes of a file, one by one. Raises DeltaUnusable, at the latest at its end."""
    last, count = delta.after, 0
    try:
        for line in inflated_lines(data, delta.raw_bytes, delta.raw_sha256):
            change = _read_change(read_json(line, "change"))
            if not last < change.seq <= delta.to:
                raise Malformed("delta: a number out of order, or not of this file")
            last, count = change.seq, count + 1
            yield change
    except (Malformed, Mismatch, TooLarge) as error:
        raise DeltaUnusable(str(error)) from error
    if count != delta.count:
        raise DeltaUnusable("delta: another number of changes than announced")
