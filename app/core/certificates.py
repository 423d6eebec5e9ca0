"""The client certificate of a request (RFC 9440) and tokens bound to one (RFC 8705)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any

from fastapi import Request

HEADER = "client-cert"
_BYTES = re.compile(r"\A:([A-Za-z0-9+/]+={0,2}):\Z")
_MAX = 12_000
_THUMBPRINT = re.compile(r"\A[A-Za-z0-9_-]{43}\Z")
METHOD = "x5t#S256"


class Unbound(Exception):
    """A certificate, or a token's word about one, is not what it must be."""


def certificate_thumbprint(request: Request, *, believed: bool) -> str | None:
    """SHA-256 thumbprint of the certificate that the proxy vouches for, or None.

    ``believed`` is the setting client_cert_header: without it the header is anybody's. What is no
    byte sequence of a structured field, or comes twice, is no certificate.
    """
    if not believed:
        return None
    given = request.headers.getlist(HEADER)
    found = _BYTES.match(given[0]) if len(given) == 1 and len(given[0]) <= _MAX else None
    if found is None:
        return None
    try:
        der = base64.b64decode(found.group(1), validate=True)
    except ValueError:
        return None
    return base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()


def confirmed_thumbprint(claims: Mapping[str, Any]) -> str | None:
    """The certificate that a token's ``cnf`` names; None for a token without ``cnf``.

    Raises Unbound for every other way of confirmation: what we cannot check must not pass.
    """
    if "cnf" not in claims:
        return None
    cnf = claims["cnf"]
    if not isinstance(cnf, dict) or cnf.keys() != {METHOD}:
        raise Unbound
    thumbprint = cnf[METHOD]
    if not isinstance(thumbprint, str) or not _THUMBPRINT.match(thumbprint):
        raise Unbound
    return thumbprint


def check_certificate(request: Request, wanted: str | None, *, believed: bool) -> None:
    """Raises Unbound unless the token is free, or came with the certificate it is bound to."""
    if wanted is None:
        return
    shown = certificate_thumbprint(request, believed=believed)
    if shown is None or not hmac.compare_digest(shown, wanted):
        raise Unbound
