"""A page of changes: untrusted until the set it leads to has the signed digest."""

from __future__ import annotations

from dataclasses import dataclass

from partner_registry_client.api import PAGE
from partner_registry_client.chunks import Line, line_of
from partner_registry_client.encoding import Fields, read_json
from partner_registry_client.errors import Malformed, TooLarge
from partner_registry_client.manifest import MAX_MANIFEST_BYTES


class DeltaUnusable(Exception):
    """Changes cannot lead to the signed set; the full set can. Never leaves a pull."""


@dataclass(frozen=True)
class Change:
    """One step: a line to put, or None to remove the entry."""

    seq: int
    entry_id: str
    line: Line | None
    reason: str | None


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
        changes = [_read_change(item) for item in fields.items("changes", PAGE)]
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
    )
