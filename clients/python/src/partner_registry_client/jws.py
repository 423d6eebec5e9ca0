"""ES256 signatures, and nothing else: no algorithm is ever read from what is being verified.

A header may carry exactly alg, kid and typ. Keys are named by their RFC 7638 thumbprint,
so a kid cannot be bent to point at another key.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from partner_registry_client.encoding import Fields, b64url_decode, b64url_encode, read_json
from partner_registry_client.errors import Forged, Malformed, TooLarge, UnknownKey

_HEADER_MEMBERS = {"alg", "kid", "typ"}
_JWK_MEMBERS = {"kty", "crv", "x", "y", "kid", "use", "alg", "key_ops"}
_COMPACT = re.compile(rb"([A-Za-z0-9_-]{1,400})\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{86})")
_HASH = ec.ECDSA(hashes.SHA256())
MAX_SIGNATURES = 16


@dataclass(frozen=True)
class PublicKey:
    """A P-256 verification key and its RFC 7638 thumbprint."""

    kid: str
    key: ec.EllipticCurvePublicKey

    @classmethod
    def from_jwk(cls, value: object) -> PublicKey:
        jwk = Fields(value, "key")
        if set(jwk.raw) - _JWK_MEMBERS:  # above all "d": a private key does not belong here
            raise Malformed("key has members that a public key does not have")
        if (jwk.raw.get("kty"), jwk.raw.get("crv")) != ("EC", "P-256"):
            raise Malformed("key is not of the P-256 curve")
        x, y = (b64url_decode(jwk.text(name).encode()) for name in ("x", "y"))
        if len(x) != 32 or len(y) != 32:
            raise Malformed("key coordinates are not 32 bytes long")
        try:
            point = ec.EllipticCurvePublicNumbers(
                int.from_bytes(x, "big"), int.from_bytes(y, "big"), ec.SECP256R1()
            ).public_key()
        except ValueError as error:
            raise Malformed("key is not a point of its curve") from error
        kid = thumbprint(point)
        if jwk.raw.get("kid", kid) != kid:
            raise Malformed("key is not named by its thumbprint")
        return cls(kid, point)

    def accepts(self, signed: bytes, signature: bytes) -> bool:
        r, s = (int.from_bytes(part, "big") for part in (signature[:32], signature[32:]))
        try:
            self.key.verify(encode_dss_signature(r, s), signed, _HASH)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True)
class Verified:
    """Bytes that carry a good signature of the named key."""

    kid: str
    payload: bytes

    def claims(self, what: str) -> Fields:
        return Fields(read_json(self.payload, what), what)


def public_jwk(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    numbers = key.public_numbers()
    x, y = (b64url_encode(n.to_bytes(32, "big")) for n in (numbers.x, numbers.y))
    return {"crv": "P-256", "kty": "EC", "x": x, "y": y}


def thumbprint(key: ec.EllipticCurvePublicKey) -> str:
    """RFC 7638: SHA-256 over the required members in alphabetical order."""
    members = json.dumps(public_jwk(key), separators=(",", ":"), sort_keys=True)
    return b64url_encode(hashlib.sha256(members.encode()).digest())


def verify_compact(
    token: bytes, *, typ: str, keys: Mapping[str, PublicKey], limit: int
) -> Verified:
    """Check a compact JWS against the keys of one use. Raises Malformed, UnknownKey or Forged."""
    if len(token) > limit:
        raise TooLarge(f"{typ}: longer than {limit} bytes")
    parts = _COMPACT.fullmatch(token)
    if parts is None:
        raise Malformed(f"{typ}: not a compact ES256 signature")
    header, payload, signature = parts.groups()
    kid = _read_header(header, typ)
    key = keys.get(kid)
    if key is None:
        raise UnknownKey(f"{typ}: signed by a key that the keys document does not name")
    if not key.accepts(header + b"." + payload, b64url_decode(signature)):
        raise Forged(f"{typ}: the signature is wrong")
    return Verified(kid, b64url_decode(payload))


def verify_general(
    document: bytes, *, typ: str, keys: Iterable[PublicKey], limit: int
) -> tuple[bytes, set[str]]:
    """Payload of a JWS in general JSON form, and which of these keys signed it.

    The answer names keys, not signatures: the same key signing twice is one voice.
    Signatures of other keys are skipped, because old and new roots sign side by side.
    """
    if len(document) > limit:
        raise TooLarge(f"{typ}: longer than {limit} bytes")
    fields = Fields(read_json(document, typ), typ)
    payload = fields.text("payload", limit).encode()
    by_kid = {key.kid: key for key in keys}
    signed_by = set()
    for item in fields.items("signatures", MAX_SIGNATURES):
        part = Fields(item, f"{typ} signature")
        header = part.text("protected", 400).encode()
        signature = b64url_decode(part.text("signature", 86).encode())
        if set(part.raw) != {"protected", "signature"} or len(signature) != 64:
            raise Malformed(f"{typ}: a signature is not of the agreed form")
        key = by_kid.get(_read_header(header, typ))
        if key is not None and key.accepts(header + b"." + payload, signature):
            signed_by.add(key.kid)
    return b64url_decode(payload), signed_by


def sign_compact(key: ec.EllipticCurvePrivateKey, *, typ: str, claims: Mapping[str, Any]) -> str:
    """Sign claims with the caller's own key (its assertion at the token endpoint)."""
    header = {"alg": "ES256", "kid": thumbprint(key.public_key()), "typ": typ}
    signed = ".".join(
        b64url_encode(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims)
    )
    r, s = decode_dss_signature(key.sign(signed.encode(), _HASH))
    return f"{signed}.{b64url_encode(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def _read_header(encoded: bytes, typ: str) -> str:
    """The kid of a header that is exactly what this kind of document must have."""
    header = Fields(read_json(b64url_decode(encoded), f"{typ} header"), f"{typ} header")
    if set(header.raw) != _HEADER_MEMBERS:
        raise Malformed(f"{typ}: the header has other members than alg, kid and typ")
    if header.raw["alg"] != "ES256":
        raise Malformed(f"{typ}: the algorithm is not ES256")
    if header.raw["typ"] != typ:
        raise Malformed(f"{typ}: this is a document of another type")
    return header.text("kid", 64)
