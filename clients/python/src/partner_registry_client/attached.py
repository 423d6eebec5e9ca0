"""Files that belong to a list beside its entries: the word statistics that scores rest on."""

from __future__ import annotations

from partner_registry_client.api import Source
from partner_registry_client.chunks import read_attachment, read_attachments
from partner_registry_client.encoding import sha256_hex
from partner_registry_client.errors import Refused
from partner_registry_client.manifest import Manifest
from partner_registry_client.store import STATISTICS, Store


def renew_statistics(store: Store, source: Source, now: float) -> None:
    """Take those that the index names now. They may be a day old; without them scores differ a
    little from the registry's, and each answer says which they rest on.
    """
    held = store.state().held
    if held is None:
        return
    try:
        data = source.chunk(held.manifest.index_sha256, held.manifest.index_bytes)
        content = statistics_of(store, source, data, held.manifest)
    except Refused as refusal:
        if refusal.status in (404, 410):
            return  # the list has moved on; the next pull asks again
        raise
    store.keep_attachment(STATISTICS, content, now)


def statistics_of(store: Store, source: Source, index: bytes, manifest: Manifest) -> bytes | None:
    """Those that this index names, verified; None where it names none."""
    item = read_attachments(index, manifest).get(STATISTICS)
    if item is None:
        return None
    known = store.attachment(STATISTICS)
    if known is not None and sha256_hex(known) == item.raw_sha256:
        return known
    return read_attachment(source.chunk(item.sha256, item.bytes), item)
