"""Ways in which a registry is not to be believed that more than one suite needs."""

import base64
import json

from partner_registry_client.conformance.double import Registry
from partner_registry_client.conformance.signing import b64, jcs, jwk, kid, new_key


def other_payload(body: bytes) -> bytes:
    header, payload, signature = body.decode().split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return f"{header}.{b64(jcs(claims | {'count': 0}))}.{signature}".encode()


def unknown_key(registry: Registry) -> None:
    registry.list_key = new_key()


def receipt_key(registry: Registry) -> None:
    registry.list_key = registry.receipt_key


def ended_key(registry: Registry) -> None:
    key = registry.list_key
    old = {"use": "list", "kid": kid(key), "jwk": jwk(key), "not_before": 0}
    registry.keys_claims["keys"] = [old | {"not_after": registry.now - 1}]
