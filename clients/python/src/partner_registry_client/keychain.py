"""Which keys the registry signs with: asked for when due, verified, and stepped over new roots."""

from __future__ import annotations

from partner_registry_client.api import Source
from partner_registry_client.errors import Forged, Refused, UnknownKey
from partner_registry_client.manifest import Accepted, Manifest, accept_manifest
from partner_registry_client.state import State
from partner_registry_client.store import Store
from partner_registry_client.trust import KeysDocument, accept_keys

KEYS_REFRESH_S = 6 * 3600
_MOST_STEPS = 200


class Keychain:
    """The keys that one pull believes."""

    def __init__(self, store: Store, source: Source, state: State, now: float) -> None:
        self._store = store
        self._source = source
        self._state = state
        self._now = now
        self._keys: KeysDocument | None = state.keys
        self._new = False

    def refresh_when_due(self) -> None:
        """Keys are asked for a few times a day, so that a withdrawn one is soon refused."""
        age = self._now - self._state.keys_fetched_at
        keys = self._keys
        if keys is None or keys.exp <= self._now or not 0 <= age < KEYS_REFRESH_S:
            self.refresh()

    def trusted(self) -> Manifest | None:
        """The manifest that nothing older may replace.

        None once the registry has withdrawn the key that signed it: whoever stole that key may have
        pushed the version so far ahead that no honest list would ever be accepted again.
        """
        held, keys = self._state.held, self._keys
        if held is None or keys is None or not held.signed_by(keys):
            return None
        return held.manifest

    def accept(self, token: bytes, now: float) -> Accepted:
        """Verify a manifest; a key not known yet is looked for once in a new keys document."""
        keys = self._keys or self.refresh()
        held = self._state.held
        try:
            return accept_manifest(
                token,
                keys=keys,
                stream=self._state.stream,
                agency=held.manifest.agency if held else None,
                trusted=self.trusted(),
                now=now,
            )
        except UnknownKey:
            if self._new:
                raise
            self.refresh()
            return self.accept(token, now)

    def refresh(self) -> KeysDocument:
        """The newest keys document, verified and kept. Raises VerificationFailed."""
        document = self._source.keys_document()
        try:
            keys, payload = self._accepted(document, self._keys)
        except Forged as refusal:
            keys, payload = self._over_new_roots(document, refusal)
        self._store.save_keys(payload, self._now)
        self._keys, self._new = keys, True
        return keys

    def _accepted(
        self, document: bytes, trusted: KeysDocument | None, *, newest: bool = True
    ) -> tuple[KeysDocument, bytes]:
        anchor = self._state.anchor
        return accept_keys(document, anchor=anchor, trusted=trusted, now=self._now, newest=newest)

    def _over_new_roots(self, document: bytes, refusal: Forged) -> tuple[KeysDocument, bytes]:
        """The newest document by way of those between, when the root was replaced meanwhile."""
        known = self._keys
        version = known.version if known else self._state.anchor.version
        for _ in range(_MOST_STEPS):
            version += 1
            try:
                step = self._source.keys_document(version)
            except Refused as error:
                if error.status != 404:
                    raise
                break
            known, _ = self._accepted(step, known, newest=False)
            try:
                return self._accepted(document, known)
            except Forged:
                continue
        raise refusal
