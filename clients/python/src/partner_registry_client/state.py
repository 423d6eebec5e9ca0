"""What a copy knows of itself: where it is from, what it holds, and whether that still counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from partner_registry_client.manifest import Manifest
from partner_registry_client.trust import SKEW_S, Anchor, KeysDocument


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
