"""Standard Webhooks 1.0.0: secrets, and signatures `v1` (HMAC-SHA256) and `v1a` (Ed25519).

Both are made over ``id.timestamp.body`` by every generation of secrets that holds, so a receiver
may check whichever it likes, and changes its secret when it is ready.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.auth import ed25519

_SYMMETRIC = 32
SIZE = 64


@dataclass(frozen=True, slots=True)
class Secret:
    """A generation of secrets: what signs `v1`, then the private key of `v1a`."""

    raw: bytes

    @classmethod
    def generate(cls) -> Secret:
        return cls(os.urandom(_SYMMETRIC) + ed25519.generate()[2])

    @property
    def symmetric(self) -> str:
        """``whsec_…``: for the receiver that checks `v1`; shown once."""
        return f"whsec_{_b64(self.raw[:_SYMMETRIC])}"

    @property
    def public_key(self) -> str:
        """``whpk_…``: for the receiver that checks `v1a`; no secret."""
        private = ed25519.load_private(self.raw[_SYMMETRIC:])
        return f"whpk_{_b64(private.public_key().public_bytes_raw())}"

    def signatures(self, content: bytes) -> Iterable[str]:
        """Both signatures of a signed content."""
        mac = hmac.new(self.raw[:_SYMMETRIC], content, hashlib.sha256).digest()
        yield f"v1,{_b64(mac)}"
        yield f"v1a,{_b64(ed25519.load_private(self.raw[_SYMMETRIC:]).sign(content))}"


def context(webhook_id: UUID, secret_id: UUID) -> str:
    """Encryption context of a stored generation."""
    return f"webhook_secret|{webhook_id}|{secret_id}"


def headers(
    message_id: str, at: datetime, body: bytes, secrets: Iterable[Secret]
) -> dict[str, str]:
    """The headers of a message that is sent now, signed by each of these generations."""
    stamp = str(int(at.timestamp()))
    content = b".".join((message_id.encode(), stamp.encode(), body))
    signatures = [one for secret in secrets for one in secret.signatures(content)]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(signatures),
    }


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
