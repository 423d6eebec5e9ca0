"""The signed manifest of a stream, and when a client must refuse it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from partner_registry_client.encoding import Fields, read_json
from partner_registry_client.errors import (
    Expired,
    FromTheFuture,
    Malformed,
    RolledBack,
    WrongIssuer,
    WrongStream,
)
from partner_registry_client.jws import verify_compact
from partner_registry_client.trust import SKEW_S, KeysDocument

MANIFEST_TYP = "debarred-manifest+jwt"
MAX_MANIFEST_BYTES = 1200
MAX_BUCKET_BITS = 16
MAX_INDEX_BYTES = 32 * 1024 * 1024
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


OWN = "agency"
"""The stream that is another one for each agency."""


@dataclass(frozen=True)
class Manifest:
    """What the set of one stream is, as its publisher signed it."""

    issuer: str
    stream: str
    version: int
    seq_to: int
    count: int
    bucket_bits: int
    set_sha256: str
    prev_set_sha256: str | None
    index_sha256: str
    index_bytes: int
    iat: int
    exp: int
    next_transition_at: str | None
    max_staleness_s: int
    min_wait_s: int
    agency: str | None

    @classmethod
    def read(cls, payload: bytes) -> Manifest:
        """Read claims whose signature was checked, now or when they were stored."""
        claims = Fields(read_json(payload, "manifest"), "manifest")
        index = claims.fields("index")
        transition = claims.optional_text("next_transition_at", 40)
        if transition is not None and not _TIME.fullmatch(transition):
            raise Malformed("manifest: next_transition_at is not a time")
        return cls(
            issuer=claims.text("iss"),
            stream=claims.text("stream", 128),
            version=claims.integer("version"),
            seq_to=claims.integer("seq_to"),
            count=claims.integer("count"),
            bucket_bits=claims.integer("bucket_bits", most=MAX_BUCKET_BITS),
            set_sha256=claims.digest("set_sha256"),
            prev_set_sha256=claims.optional_digest("prev_set_sha256"),
            index_sha256=index.digest("sha256"),
            index_bytes=index.integer("bytes", least=1, most=MAX_INDEX_BYTES),
            iat=claims.integer("iat"),
            exp=claims.integer("exp"),
            next_transition_at=transition,
            max_staleness_s=claims.integer("max_staleness_s", least=1),
            min_wait_s=claims.integer("min_wait_s"),
            agency=claims.optional_text("agency", 64),
        )


class Accepted(NamedTuple):
    """A manifest that passed every check, the bytes that were signed, and by which key."""

    manifest: Manifest
    payload: bytes
    kid: str


def accept_manifest(
    token: bytes,
    *,
    keys: KeysDocument,
    stream: str,
    agency: str | None,
    trusted: Manifest | None,
    now: float,
) -> Accepted:
    """The manifest, once every check has passed. `agency`: whose own stream is followed."""
    signed = verify_compact(
        token, typ=MANIFEST_TYP, keys=keys.of_use("list"), limit=MAX_MANIFEST_BYTES
    )
    manifest = Manifest.read(signed.payload)
    if manifest.issuer != keys.issuer:
        raise WrongIssuer("manifest: another issuer than the trust anchor's")
    if manifest.stream != stream or (stream == OWN) != (manifest.agency is not None):
        raise WrongStream(f"manifest: of another stream than {stream}")
    if agency is not None and manifest.agency != agency:
        raise WrongStream("manifest: of another agency's stream")
    keys.require_held("list", signed.kid, manifest.iat)
    if manifest.iat > now + SKEW_S:
        raise FromTheFuture("manifest: issued in the future; is the clock of this host right?")
    require_unexpired(manifest, now)
    if trusted is not None:
        _require_not_older(manifest, trusted)
    return Accepted(manifest, signed.payload, signed.kid)


def require_unexpired(manifest: Manifest, now: float) -> None:
    if manifest.exp <= now:
        raise Expired("manifest: expired; an old list is being served")


def _require_not_older(manifest: Manifest, trusted: Manifest) -> None:
    if manifest.version < trusted.version or manifest.seq_to < trusted.seq_to:
        raise RolledBack("manifest: an older list than the one already trusted")
    if manifest.version == trusted.version:
        if manifest.iat < trusted.iat:
            raise RolledBack("manifest: an older signature of the list already trusted")
        if manifest.set_sha256 != trusted.set_sha256:
            raise RolledBack("manifest: the same version with another content")
