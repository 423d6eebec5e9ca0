"""One pull: nothing new, the changes since last time, or the full set.

The clock is read once, everything is verified before anything is kept, and each way ends in
a store that holds exactly the set that the manifest signs, or in the store as it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from partner_registry_client.api import FIRST_PAGE, PAGE, Source
from partner_registry_client.attached import renew_statistics, statistics_of
from partner_registry_client.changes import (
    Change,
    Delta,
    DeltaUnusable,
    Page,
    delta_changes,
    read_files,
    read_page,
)
from partner_registry_client.chunks import IndexItem, read_chunk, read_index, require_bytes
from partner_registry_client.errors import (
    ClockSetBack,
    Malformed,
    Mismatch,
    Refused,
    Unavailable,
)
from partner_registry_client.keychain import Keychain
from partner_registry_client.manifest import Accepted, require_unexpired
from partner_registry_client.pull_result import PullResult, result_of, take
from partner_registry_client.spool import Spool
from partner_registry_client.state import Held, State
from partner_registry_client.store import STATISTICS, Store

STATISTICS_REFRESH_S = 24 * 3600
MOVED_ON_RETRIES = 3
FAR_BEHIND = 1000
MOST_PAGED = 5000
WITHDRAWN = "file_withdrawn"
Progress = Callable[[int, int], None]


def pull(
    store: Store,
    source: Source,
    *,
    now: float | None = None,
    progress: Progress | None = None,
    accept_clock: bool = False,
    wait: int = 0,
) -> PullResult:
    """Bring the store up to date. Raises VerificationFailed, Stale or Unavailable.

    On any error the store keeps the set it had. `accept_clock` forgets the time of the last
    pull, for a host whose clock was wrong then and is right now; versions still never fall.
    `wait`: up to 55 seconds that the registry may wait for a change.
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
        return _Pull(store, source, state, moment, progress or (lambda done, total: None)).run(wait)


class _Pull:
    def __init__(
        self, store: Store, source: Source, state: State, now: float, progress: Progress
    ) -> None:
        self._store = store
        self._source = source
        self._state = state
        self._now = now
        self._progress = progress
        self._keys = Keychain(store, source, state, now)
        self._spool = Spool(store.folder)

    def run(self, wait: int) -> PullResult:
        self._keys.refresh_when_due()
        held = self._state.held
        if held is None:
            return self._full("first pull")
        if self._keys.trusted() is None:
            return self._full("the key that signed the copy was withdrawn")
        if not self._source.live:
            return self._full("no changes are served there")
        try:
            result = self._changes(held, wait)
        except DeltaUnusable as reason:
            return self._full(str(reason))
        if not 0 <= self._now - self._store.attachments_at() < STATISTICS_REFRESH_S:
            renew_statistics(self._store, self._source, self._now)
        if result.purged:
            self._spool.clear()  # what an interrupted pull left may hold what was withdrawn
        return result

    # ------------------------------------------------------------ no change, or changes

    def _changes(self, held: Held, wait: int) -> PullResult:
        # An etag saves bytes, but "not modified" proves no freshness: once the signature has
        # used up a part of its allowed age, ask for a new one.
        age = self._now - held.manifest.iat
        etag = held.etag if age < held.manifest.max_staleness_s / 4 else None
        after = held.manifest.seq_to
        answer = self._page(after, etag, FIRST_PAGE, wait if etag else 0)
        if answer is None:
            if etag is None:
                raise Malformed("changes: 'not modified', though nothing was named")
            require_unexpired(held.manifest, self._now)
            self._store.note_seen(self._now)
            return result_of("unchanged", held.manifest)
        page, tag = answer
        accepted = self._keys.accept(page.manifest, self._now)
        deltas: list[Delta] = []
        if accepted.manifest.seq_to - after > FAR_BEHIND:
            deltas = self._deltas(after)
        if deltas:
            page = Page([], deltas[-1].to, True, page.manifest)
        return self._follow(page, tag, accepted, deltas)

    def _follow(
        self, page: Page, tag: str | None, accepted: Accepted, deltas: list[Delta]
    ) -> PullResult:
        """Pages up to the signed end, behind the deltas if there are any."""
        changes = page.changes
        after = page.last_seq
        if accepted.manifest.seq_to - after > MOST_PAGED:
            raise DeltaUnusable("too many changes for pages")
        while after < accepted.manifest.seq_to:
            if not page.more:
                raise DeltaUnusable("the changes end before the signed list does")
            answer = self._page(after, None, PAGE, 0)
            if answer is None:
                raise Malformed("changes: 'not modified', though nothing was named")
            page, tag = answer
            accepted = self._keys.accept(page.manifest, self._now)
            changes += page.changes
            after = page.last_seq
        if after != accepted.manifest.seq_to:
            raise DeltaUnusable("the changes go beyond the signed list")
        return self._apply(deltas, changes, accepted, tag)

    def _page(
        self, after: int, etag: str | None, limit: int, wait: int
    ) -> tuple[Page, str | None] | None:
        """A page and its tag; None for "not modified"."""
        asked = time.monotonic()
        try:
            answer = self._source.changes(self._state.stream, after, etag, limit=limit, wait=wait)
        except Refused as refusal:
            if refusal.status in (409, 410):
                raise DeltaUnusable(refusal.code or "the registry asks for a full pull") from None
            raise
        if wait:  # the clock was read once; only waiting moves it on
            self._now += time.monotonic() - asked
        return None if answer.status == 304 else (read_page(answer.body, after), answer.etag)

    def _deltas(self, after: int) -> list[Delta]:
        """Files that bring a copy far behind near the end; downloaded, and not believed yet."""
        files = read_files(self._source.files(self._state.stream), self._state.stream)
        self._spool.drop(files.withdrawn)
        found = files.way(after)
        for done, delta in enumerate(found, 1):
            try:
                self._fetch(delta.sha256, delta.bytes, "delta")
            except Refused as refusal:
                if refusal.status not in (404, 410):
                    raise
                raise DeltaUnusable("a skip delta is gone") from None
            self._progress(done, len(found))
        return found

    def _apply(
        self, deltas: list[Delta], changes: list[Change], accepted: Accepted, etag: str | None
    ) -> PullResult:
        purged: dict[str, None] = {}
        try:
            with self._store.swap(self._now) as swap:
                for delta in deltas:
                    for change in delta_changes(self._spool.read(delta.sha256), delta):
                        take(swap, change, purged)
                for change in changes:
                    take(swap, change, purged)
                swap.seal(accepted, etag)
        except Mismatch:
            raise DeltaUnusable("the changes do not arrive at the signed set digest") from None
        if deltas:
            self._spool.clear()
        return result_of(
            "delta" if deltas or changes else "unchanged", accepted.manifest, swap, list(purged)
        )

    # ------------------------------------------------------------ full set

    def _full(self, reason: str) -> PullResult:
        for attempt in range(MOVED_ON_RETRIES):
            answer = self._source.manifest(self._state.stream)
            accepted = self._keys.accept(answer.body, self._now)
            try:
                return self._full_of(accepted, answer.etag, reason)
            except Refused as refusal:
                # The list may have moved on, and the old chunks gone, while we were reading.
                if refusal.status not in (404, 410) or attempt + 1 == MOVED_ON_RETRIES:
                    raise
        raise AssertionError("unreachable")

    def _full_of(self, accepted: Accepted, etag: str | None, reason: str) -> PullResult:
        manifest = accepted.manifest
        if self._held_whole(accepted, etag):
            return result_of("unchanged", manifest)
        data = self._source.chunk(manifest.index_sha256, manifest.index_bytes)
        items = read_index(data, manifest)
        statistics = statistics_of(self._store, self._source, data, manifest)
        wanted = self._differing(items, manifest.bucket_bits)
        for done, item in enumerate(wanted, 1):
            if item.sha256 is not None:
                self._fetch(item.sha256, item.bytes, "chunk")
            self._progress(done, len(wanted))
        with self._store.swap(self._now) as swap:
            for item in wanted:
                lines = []
                if item.sha256 is not None:
                    chunk = self._spool.read(item.sha256)
                    lines = read_chunk(chunk, item, manifest.bucket_bits)
                swap.replace_bucket(item.bucket, manifest.bucket_bits, lines)
            purged = swap.explain(self._purged()) if swap.unexplained else []
            swap.seal(accepted, etag)
            self._store.keep_attachment(STATISTICS, statistics, self._now)
        self._spool.clear()
        return result_of("full", manifest, swap, purged, full_because=reason)

    def _purged(self) -> dict[str, str]:
        """What was annulled or wrong: a full set does not say so, the list of files does.

        It is not signed. What is erased here is decided by the set; this tells of copies elsewhere,
        and without it the pull is as good.
        """
        try:
            return read_files(self._source.files(self._state.stream), self._state.stream).purged
        except (Refused, Unavailable, DeltaUnusable):
            return {}

    def _held_whole(self, accepted: Accepted, etag: str | None) -> bool:
        """Whether the copy is that set already, in which case the newer signature is kept."""
        held = self._state.held
        if held is None or held.manifest.index_sha256 != accepted.manifest.index_sha256:
            return False
        try:
            with self._store.swap(self._now) as swap:
                swap.seal(accepted, etag)
        except Mismatch:  # altered on the disk
            return False
        return True

    def _differing(self, items: list[IndexItem], bucket_bits: int) -> list[IndexItem]:
        """Buckets whose content is not held already, byte for byte."""
        held = self._store.bucket_digests(bucket_bits)
        return [item for item in items if bytes.fromhex(item.raw_sha256) != held[item.bucket]]

    def _fetch(self, sha256: str, length: int, what: str) -> None:
        """Have a file in the spool; one left there by an interrupted pull is used again."""
        if self._spool.has(sha256):
            return
        try:
            data = self._source.chunk(sha256, length)
        except Refused as refusal:
            if refusal.code == WITHDRAWN:
                # It held what was listed in error: so may all that an earlier pull left there.
                self._spool.clear()
            raise
        require_bytes(data, sha256, length, what)
        self._spool.write(sha256, data)
