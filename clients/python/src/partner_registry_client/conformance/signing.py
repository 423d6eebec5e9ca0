"""Signing as the protocol has it, sharing no code with the client."""

import base64
import hashlib
import json
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

Key = ec.EllipticCurvePrivateKey


def new_key() -> Key:
    return ec.generate_private_key(ec.SECP256R1())


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def jcs(value: Any) -> bytes:
    """RFC 8785 for what the tests use: ASCII member names, whole numbers."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def jwk(key: Key) -> dict[str, str]:
    point = key.public_key().public_numbers()
    x, y = b64(point.x.to_bytes(32, "big")), b64(point.y.to_bytes(32, "big"))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}


def kid(key: Key) -> str:
    return b64(hashlib.sha256(jcs(jwk(key))).digest())


def raw_signature(key: Key, data: bytes) -> bytes:
    # Deterministic (RFC 6979), so that the test vectors can be written again.
    how = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
    r, s = decode_dss_signature(key.sign(data, how))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def compact(key: Key, typ: str, claims: dict[str, Any], /, **header: Any) -> str:
    head = {"alg": "ES256", "kid": kid(key), "typ": typ} | header
    signed = f"{b64(jcs(head))}.{b64(jcs(claims))}"
    return f"{signed}.{b64(raw_signature(key, signed.encode()))}"
