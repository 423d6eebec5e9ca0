"""Making tokens by hand, good and bad, without the library under test."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384

from tests.support import BASE

EcKey = ec.EllipticCurvePrivateKey
Key = EcKey | rsa.RSAPrivateKey | bytes | None
Json = dict[str, Any] | bytes


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(part: Json) -> bytes:
    return part if isinstance(part, bytes) else json.dumps(part).encode()


def new_key() -> EcKey:
    """A P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def jwk(key: EcKey, kid: str = "k1", **more: Any) -> dict[str, Any]:
    """The public half of an EC key."""
    size = (key.curve.key_size + 7) // 8
    numbers = key.public_key().public_numbers()
    return {
        "kty": "EC",
        "crv": {"secp256r1": "P-256", "secp384r1": "P-384"}.get(key.curve.name, key.curve.name),
        "x": b64(numbers.x.to_bytes(size, "big")),
        "y": b64(numbers.y.to_bytes(size, "big")),
        "kid": kid,
        "use": "sig",
        **more,
    }


def rsa_jwk(key: rsa.RSAPrivateKey, kid: str = "r1", **more: Any) -> dict[str, Any]:
    """The public half of an RSA key."""
    numbers = key.public_key().public_numbers()
    size = (key.key_size + 7) // 8
    return {
        "kty": "RSA",
        "n": b64(numbers.n.to_bytes(size, "big")),
        "e": b64(numbers.e.to_bytes(3, "big")),
        "kid": kid,
        "alg": "RS256",
        **more,
    }


def signature(message: bytes, key: Key) -> bytes:
    """ES256/ES384 by curve, RS256 for RSA, HS256 for bytes, nothing for None."""
    if key is None:
        return b""
    if isinstance(key, bytes):
        return hmac.new(key, message, hashlib.sha256).digest()
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(message, padding.PKCS1v15(), SHA256())
    size = (key.curve.key_size + 7) // 8
    digest = SHA384() if key.curve.name == "secp384r1" else SHA256()
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(digest)))
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def forge(header: Json, claims: Json, key: Key) -> str:
    """A compact JWS over exactly these parts."""
    message = f"{b64(_bytes(header))}.{b64(_bytes(claims))}"
    return f"{message}.{b64(signature(message.encode(), key))}"


def claims(subject: str, **more: Any) -> dict[str, Any]:
    """Claims of a good access token of ours; a value of `...` leaves a claim out."""
    now = int(time.time())
    values = {
        "iss": BASE,
        "aud": BASE,
        "sub": subject,
        "client_id": subject,
        "iat": now,
        "exp": now + 300,
        "jti": secrets.token_urlsafe(12),
        "scope": "partners:read",
    } | more
    return {name: value for name, value in values.items() if value is not ...}


def assertion(client_id: str, key: Key, kid: str = "k1", **more: Any) -> str:
    """A client assertion (RFC 7523) as a well-mannered client makes it."""
    header = more.pop("header", {"alg": "ES256", "kid": kid})
    values = claims(client_id, iss=client_id, scope=..., client_id=...) | more
    return forge(header, {name: value for name, value in values.items() if value is not ...}, key)
