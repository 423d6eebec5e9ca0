"""One pull: nothing new, the changes since last time, or the full set.

The clock is read once, everything is verified before anything is kept, and each way ends in
a store that holds exactly the set that the manifest signs, or in the store as it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from partner_registry_client.api import Answer, Api
from partner_registry_client.changes import Change, DeltaUnusable, read_page
from partner_registry_client.chunks import (
    IndexItem,
    read_attachment,
    read_attachments,
    read_chunk,
    read_index,
    require_bytes,
)
from partner_registry_client.encoding import sha256_hex
from partner_registry_client.errors import (
    ClockSetBack,
    Malformed,
    Mismatch,
    Refused,
    UnknownKey,
)
from partner_registry_client.manifest import Manifest, accept_manifest, require_unexpired
from partner_registry_client.spool import Spool
from partner_registry_client.store import STATISTICS, Held, State, Store
from partner_registry_client.trust import KeysDocument, accept_keys

KEYS_REFRESH_S = 6 * 3600
STATISTICS_REFRESH_S = 24 * 3600
MOVED_ON_RETRIES = 3
Progress = Callable[[int, int], None]
_PURGE = {"annulled", "error"}


@dataclass(frozen=True)
class PullResult:
    """What a pull did. `purged` names entries that other systems must erase too."""

    mode: Literal["unchanged", "delta", "full"]
    version: int
    seq: int
    count: int
    put: int = 0
    removed: int = 0
    purged: list[str] = field(default_factory=list)
    full_because: str | None = None


def pull(
    store: Store,
    api: Api,
    *,
    now: float | None = None,
    progress: Progress | None = None,
    accept_clock: bool = False,
) -> PullResult:
    """Bring the store up to date. Raises VerificationFailed, Stale or Unavailable.

    On any error the store keeps the set it had. `accept_clock` forgets the time of the last
    pull, for a host whose clock was wrong then and is right now; versions still never fall.
    """
    moment = time.time() if now is None else now
    with store.exclusive():
        if accept_clock:
            store.note_seen(moment)
        state = store.state()
        if state.clock_set_back(moment):
            raise ClockSetBack(
                "the clock of this host is behind the time of the last pull; set it right, or"
                " pull with --accept-clock if it is right now"
            )
        return _Pull(store, api, state, moment, progress or (lambda done, total: None)).run()


class _Pull:
    def __init__(
        self, store: Store, api: Api, state: State, now: float, progress: Progress
    ) -> None:
        self._store = store
        self._api = api
        self._state = state
        self._now = now
        self._progress = progress
        self._keys: KeysDocument | None = state.keys
        self._keys_are_new = False

    def run(self) -> PullResult:
        self._refresh_keys_when_due()
        held = self._state.held
        if held is None:
            return self._full("first pull")
        try:
            result = self._changes(held)
            if not 0 <= self._now - self._store.attachments_at() < STATISTICS_REFRESH_S:
                self._renew_statistics()
            return result
        except DeltaUnusable as reason:
            return self._full(str(reason))

    # ------------------------------------------------------------ keys and manifest

    def _refresh_keys_when_due(self) -> None:
        """Keys are asked for a few times a day, so that a withdrawn one is soon refused."""
        keys = self._keys
        age = self._now - self._state.keys_fetched_at
        if keys is None or keys.exp <= self._now or not 0 <= age < KEYS_REFRESH_S:
            self._fetch_keys()

    def _fetch_keys(self) -> KeysDocument:
        keys, payload = accept_keys(
            self._api.keys_document(), anchor=self._state.anchor, trusted=self._keys, now=self._now
        )
        self._store.save_keys(payload, self._now)
        self._keys, self._keys_are_new = keys, True
        return keys

    def _accept(self, token: bytes) -> tuple[Manifest, bytes]:
        """Verify a manifest; a key not known yet is looked for once in a new keys document."""
        trusted = self._state.held.manifest if self._state.held else None
        keys = self._keys or self._fetch_keys()
        try:
            return accept_manifest(
                token, keys=keys, stream=self._state.stream, trusted=trusted, now=self._now
            )
        except UnknownKey:
            if self._keys_are_new:
                raise
            self._fetch_keys()
            return self._accept(token)

    # ------------------------------------------------------------ no change, or changes

    def _changes(self, held: Held) -> PullResult:
        # An etag saves bytes, but "not modified" proves no freshness: once the signature has
        # used up a part of its allowed age, ask for a new one.
        age = self._now - held.manifest.iat
        etag = held.etag if age < held.manifest.max_staleness_s / 4 else None
        changes: list[Change] = []
        after = held.manifest.seq_to
        while True:
            answer = self._page(after, etag if not changes else None)
            if answer.status == 304:
                return self._not_modified(held, asked=etag is not None and not changes)
            page = read_page(answer.body, after)
            manifest, payload = self._accept(page.manifest)
            changes += page.changes
            after = page.last_seq
            if after >= manifest.seq_to:
                break
            if not page.more:
                raise DeltaUnusable("the changes end before the signed list does")
            if manifest.seq_to - after > max(2_000, manifest.count):
                raise DeltaUnusable("so far behind that the full set is shorter")
        if after > manifest.seq_to:
            raise DeltaUnusable("the changes go beyond the signed list")
        return self._apply(changes, manifest, payload, answer.etag)

    def _page(self, after: int, etag: str | None) -> Answer:
        try:
            return self._api.changes(self._state.stream, after, etag)
        except Refused as refusal:
            if refusal.status in (409, 410):
                raise DeltaUnusable(refusal.code or "the registry asks for a full pull") from None
            raise

    def _not_modified(self, held: Held, *, asked: bool) -> PullResult:
        if not asked:
            raise Malformed("changes: 'not modified', though nothing was named")
        require_unexpired(held.manifest, self._now)
        self._store.note_seen(self._now)
        return _result("unchanged", held.manifest)

    def _apply(
        self, changes: list[Change], manifest: Manifest, payload: bytes, etag: str | None
    ) -> PullResult:
        try:
            with self._store.swap() as swap:
                for change in changes:
                    if change.line is not None:
                        swap.put([change.line])
                    else:
                        swap.remove(change.entry_id)
                swap.seal(manifest, payload, etag, self._now)
        except Mismatch:
            raise DeltaUnusable("the changes do not arrive at the signed set digest") from None
        put = sum(change.line is not None for change in changes)
        return _result(
            "delta" if changes else "unchanged",
            manifest,
            put=put,
            removed=len(changes) - put,
            purged=[c.entry_id for c in changes if c.line is None and c.reason in _PURGE],
        )

    # ------------------------------------------------------------ full set

    def _full(self, reason: str) -> PullResult:
        for attempt in range(MOVED_ON_RETRIES):
            answer = self._api.manifest(self._state.stream)
            manifest, payload = self._accept(answer.body)
            try:
                return self._full_of(manifest, payload, answer.etag, reason)
            except Refused as refusal:
                # The list may have moved on, and the old chunks gone, while we were reading.
                if refusal.status not in (404, 410) or attempt + 1 == MOVED_ON_RETRIES:
                    raise
        raise AssertionError("unreachable")

    def _full_of(
        self, manifest: Manifest, payload: bytes, etag: str | None, reason: str
    ) -> PullResult:
        data = self._api.chunk(manifest.index_sha256, manifest.index_bytes)
        items = read_index(data, manifest)
        statistics = self._statistics(data, manifest)
        wanted = self._differing(items, manifest.bucket_bits)
        spool = Spool(self._store.folder)
        for done, item in enumerate(wanted, 1):
            self._download(spool, item)
            self._progress(done, len(wanted))
        with self._store.swap() as swap:
            for item in wanted:
                swap.empty_bucket(item.bucket, manifest.bucket_bits)
                if item.sha256 is not None:
                    chunk = spool.read(item.sha256)
                    swap.put(read_chunk(chunk, item, manifest.bucket_bits))
            swap.seal(manifest, payload, etag, self._now)
            self._store.keep_attachment(STATISTICS, statistics, self._now)
        spool.clear()
        put = sum(item.count for item in wanted)
        return _result("full", manifest, put=put, full_because=reason)

    # ------------------------------------------------------------ statistics

    def _renew_statistics(self) -> None:
        """Those that the index names now. They may be a day old; without them scores differ a
        little from the registry's, and each answer says which they rest on.
        """
        held = self._store.state().held
        if held is None:
            return
        try:
            data = self._api.chunk(held.manifest.index_sha256, held.manifest.index_bytes)
            content = self._statistics(data, held.manifest)
        except Refused as refusal:
            if refusal.status in (404, 410):
                return  # the list has moved on; the next pull asks again
            raise
        self._store.keep_attachment(STATISTICS, content, self._now)

    def _statistics(self, index: bytes, manifest: Manifest) -> bytes | None:
        item = read_attachments(index, manifest).get(STATISTICS)
        if item is None:
            return None
        known = self._store.attachment(STATISTICS)
        if known is not None and sha256_hex(known) == item.raw_sha256:
            return known
        return read_attachment(self._api.chunk(item.sha256, item.bytes), item)

    def _differing(self, items: list[IndexItem], bucket_bits: int) -> list[IndexItem]:
        """Buckets whose content is not held already, byte for byte."""
        held = self._store.bucket_digests(bucket_bits)
        return [item for item in items if bytes.fromhex(item.raw_sha256) != held[item.bucket]]

    def _download(self, spool: Spool, item: IndexItem) -> None:
        """Have a chunk in the spool; one left there by an interrupted pull is used again."""
        if item.sha256 is None or spool.has(item.sha256):
            return
        chunk = self._api.chunk(item.sha256, item.bytes)
        require_bytes(chunk, item.sha256, item.bytes, "chunk")
        spool.write(item.sha256, chunk)


def _result(
    mode: Literal["unchanged", "delta", "full"],
    manifest: Manifest,
    *,
    put: int = 0,
    removed: int = 0,
    purged: list[str] | None = None,
    full_because: str | None = None,
) -> PullResult:
    return PullResult(
        mode=mode,
        version=manifest.version,
        seq=manifest.seq_to,
        count=manifest.count,
        put=put,
        removed=removed,
        purged=purged or [],
        full_because=full_because,
    )
