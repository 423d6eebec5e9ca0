"""Whom to believe: the pinned anchor, and the keys document that its root keys sign.

The anchor reaches an agency out of band. Every later keys document must be signed by the
threshold of the root keys trusted so far; one that names a new root must also be signed by
the threshold of that new root, so a root cannot be handed to keys that nobody holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from partner_registry_client.encoding import Fields, read_json
from partner_registry_client.errors import (
    Expired,
    Forged,
    FromTheFuture,
    Malformed,
    RolledBack,
    UnknownKey,
    WrongIssuer,
)
from partner_registry_client.jws import PublicKey, verify_general

KEYS_TYP = "registry-keys+jwt"
MAX_KEYS_BYTES = 512 * 1024
MAX_ROOT_KEYS = 16
MAX_KEYS = 2000  # verification keys stay for ever
SKEW_S = 60


@dataclass(frozen=True)
class Root:
    """A set of root keys of which `threshold` must agree."""

    threshold: int
    keys: tuple[PublicKey, ...]

    @classmethod
    def read(cls, value: object, what: str) -> Root:
        fields = Fields(value, what)
        keys = tuple(PublicKey.from_jwk(k) for k in fields.items("keys", MAX_ROOT_KEYS))
        if len({key.kid for key in keys}) != len(keys):
            raise Malformed(f"{what}: the same key is listed twice")
        # One root key must never be enough: that is what the threshold is for.
        threshold = fields.integer("threshold", least=2, most=max(2, len(keys)))
        if len(keys) < threshold:
            raise Malformed(f"{what}: fewer keys than the threshold asks for")
        return cls(threshold, keys)

    def same_as(self, other: Root) -> bool:
        return self.threshold == other.threshold and {k.kid for k in self.keys} == {
            k.kid for k in other.keys
        }

    def verify(self, document: bytes) -> bytes:
        """Payload of a keys document that enough of these root keys signed."""
        payload, signed_by = verify_general(
            document, typ=KEYS_TYP, keys=self.keys, limit=MAX_KEYS_BYTES
        )
        if len(signed_by) < self.threshold:
            raise Forged(
                f"keys document: {len(signed_by)} of {self.threshold} needed root signatures"
            )
        return payload


@dataclass(frozen=True)
class Anchor:
    """What an agency pins: the issuer and its first root."""

    issuer: str
    version: int
    root: Root

    @classmethod
    def read(cls, data: bytes) -> Anchor:
        value = read_json(data, "trust anchor")
        fields = Fields(value, "trust anchor")
        return cls(
            issuer=fields.text("issuer"),
            version=fields.integer("version"),
            root=Root.read(value, "trust anchor"),
        )


@dataclass(frozen=True)
class RegistryKey:
    """A verification key of the registry, for one use and one time."""

    use: str
    public: PublicKey
    not_before: int
    not_after: int | None

    def held_at(self, moment: int) -> bool:
        return self.not_before <= moment and (self.not_after is None or moment <= self.not_after)


@dataclass(frozen=True)
class KeysDocument:
    """A verified statement of which keys the registry signs with."""

    issuer: str
    version: int
    iat: int
    exp: int
    root: Root
    keys: tuple[RegistryKey, ...]

    @classmethod
    def read(cls, payload: bytes) -> KeysDocument:
        """Read a payload whose signatures were checked, now or when it was stored."""
        fields = Fields(read_json(payload, "keys document"), "keys document")
        return cls(
            issuer=fields.text("iss"),
            version=fields.integer("version"),
            iat=fields.integer("iat"),
            exp=fields.integer("exp"),
            root=Root.read(fields.raw.get("root"), "keys document root"),
            keys=_read_keys(fields.items("keys", MAX_KEYS)),
        )

    def of_use(self, use: str) -> dict[str, PublicKey]:
        return {key.public.kid: key.public for key in self.keys if key.use == use}

    def names(self, use: str, kid: str, moment: int) -> bool:
        """Whether this key was the registry's at that time."""
        return any(
            key.use == use and key.public.kid == kid and key.held_at(moment) for key in self.keys
        )

    def require_held(self, use: str, kid: str, moment: int) -> None:
        """Refuse what claims to be signed while this key was not the registry's."""
        if not self.names(use, kid, moment):
            raise UnknownKey(f"the {use} key was not in use at the time of signing")

    def require_not_ended(self, use: str, kid: str, moment: int) -> None:
        """Refuse what speaks of a time when this key had ended or the registry had none yet."""
        of_use = [key for key in self.keys if key.use == use]
        begun = any(key.not_before <= moment for key in of_use)
        if not begun or not any(
            key.public.kid == kid and (key.not_after is None or moment <= key.not_after)
            for key in of_use
        ):
            raise UnknownKey(f"the {use} key was not in use at the time of the answer")


def accept_keys(
    document: bytes,
    *,
    anchor: Anchor,
    trusted: KeysDocument | None,
    now: float,
    newest: bool = True,
) -> tuple[KeysDocument, bytes]:
    """The keys document and its payload, once every check has passed.

    Not `newest`: a step on the way to the newest, which may have expired since.
    """
    root = trusted.root if trusted else anchor.root
    payload = root.verify(document)
    keys = KeysDocument.read(payload)
    if keys.issuer != anchor.issuer:
        raise WrongIssuer("keys document: another issuer than the trust anchor's")
    lowest = (trusted.version, trusted.iat) if trusted else (anchor.version, 0)
    if (keys.version, keys.iat) < lowest:
        raise RolledBack("keys document: older than the one already trusted")
    if keys.iat > now + SKEW_S:
        raise FromTheFuture("keys document: issued in the future; is the clock of this host right?")
    if newest and keys.exp <= now:
        raise Expired("keys document: expired")
    if not keys.root.same_as(root):
        keys.root.verify(document)
    return keys, payload


def _read_keys(items: Sequence[object]) -> tuple[RegistryKey, ...]:
    keys = []
    for item in items:
        fields = Fields(item, "key entry")
        use = fields.text("use", 32)
        if use not in ("list", "receipt"):
            continue  # a later use; its key may be of another kind
        key = RegistryKey(
            use=use,
            public=PublicKey.from_jwk(fields.raw.get("jwk")),
            not_before=fields.integer("not_before"),
            not_after=fields.optional_integer("not_after"),
        )
        if fields.text("kid", 64) != key.public.kid:
            raise Malformed("key entry: kid is not the thumbprint of its key")
        keys.append(key)
    return tuple(keys)
