"""Ways of proving to the token endpoint who is asking."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric import ec

from partner_registry_client.encoding import b64url_encode
from partner_registry_client.jws import sign_compact


class Credential(Protocol):
    """One way of proving to the token endpoint who is asking."""

    def token_request(self, issuer: str, now: float) -> tuple[dict[str, str], dict[str, str]]:
        """Headers and form fields; made anew for each attempt."""
        ...


@dataclass(frozen=True, repr=False)
class SecretCredential:
    """`client_secret_basic`."""

    client_id: str
    secret: str

    def token_request(self, issuer: str, now: float) -> tuple[dict[str, str], dict[str, str]]:
        # RFC 6749 2.3.1: both parts are form-encoded before they are joined.
        pair = f"{quote(self.client_id, safe='')}:{quote(self.secret, safe='')}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}, {}


@dataclass(frozen=True, repr=False)
class KeyCredential:
    """`private_key_jwt`."""

    client_id: str
    key: ec.EllipticCurvePrivateKey

    def token_request(self, issuer: str, now: float) -> tuple[dict[str, str], dict[str, str]]:
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": issuer,
            "iat": int(now),
            "exp": int(now) + 60,
            "jti": b64url_encode(secrets.token_bytes(18)),
        }
        assertion = sign_compact(self.key, typ="client-authentication+jwt", claims=claims)
        kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        return {}, {"client_assertion_type": kind, "client_assertion": assertion}
