"""Ed25519 keys as JWKs (RFC 8037): checkpoints of the log are notes, which JOSE cannot sign."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


def generate() -> tuple[str, dict[str, str], bytes]:
    """A new key: kid (RFC 7638 thumbprint), public JWK without kid, 32 secret bytes."""
    private = Ed25519PrivateKey.generate()
    public = public_jwk(private.public_key())
    text = json.dumps(public, sort_keys=True, separators=(",", ":"))
    return _b64(hashlib.sha256(text.encode()).digest()), public, private.private_bytes_raw()


def public_jwk(key: Ed25519PublicKey) -> dict[str, str]:
    """The JWK of a public key: kty, crv and x."""
    return {"kty": "OKP", "crv": "Ed25519", "x": _b64(key.public_bytes_raw())}


def load_public(jwk: Mapping[str, str]) -> Ed25519PublicKey:
    """The public key of a JWK. Raises ValueError."""
    if jwk.get("kty") != "OKP" or jwk.get("crv") != "Ed25519":
        raise ValueError("not an Ed25519 key")
    return Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(jwk["x"] + "="))


def load_private(secret: bytes) -> Ed25519PrivateKey:
    """The private key of 32 secret bytes. Raises ValueError."""
    return Ed25519PrivateKey.from_private_bytes(secret)


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
