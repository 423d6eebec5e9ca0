"""The token service. Works inside the caller's transaction."""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_plus

from pydantic_core import to_json
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth import jose, queries
from app.auth.clients import MAX_SECRETS
from app.auth.errors import TokenRefused
from app.auth.models import AssertionReplay, Client

TOKEN_LIFE_S = 300
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_TYPES = frozenset({"", "jwt", "client-authentication+jwt"})
_MAX_CLIENT_ID = 128
_NOBODY = hashlib.sha256(b"nobody").digest()


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a token request offered as proof of its client."""

    client_id: str | None = None
    client_secret: str | None = None
    assertion: str | None = None


def basic_credentials(header: str) -> Credentials:
    """Client id and secret of an ``Authorization: Basic`` header. Raises TokenRefused."""
    kind, _, encoded = header.partition(" ")
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
    except ValueError:
        raise TokenRefused("invalid_client", 401) from None
    client_id, colon, secret = decoded.partition(":")
    if kind.lower() != "basic" or not colon:
        raise TokenRefused("invalid_client", 401)
    # RFC 6749 2.3.1: both parts are form-encoded before they are joined.
    return Credentials(client_id=unquote_plus(client_id), client_secret=unquote_plus(secret))


async def authenticate(
    session: AsyncSession, credentials: Credentials, issuer: str, now: datetime
) -> Client:
    """The active client that proved itself. Raises TokenRefused("invalid_client") otherwise.

    Never says which part failed, and an unknown client, a revoked one, one of the other method
    and a wrong proof cost the same work: the same queries, the same comparisons.
    """
    if credentials.assertion is not None:
        return await _by_assertion(session, credentials, issuer)
    client_id, secret = credentials.client_id or "", credentials.client_secret or ""
    if "\x00" in client_id or len(client_id) > _MAX_CLIENT_ID:
        client_id = ""  # nobody's name, and one that the database can be asked for
    client = await queries.find_client(session, client_id)
    digests = await queries.live_digests(session, client_id, now)
    offered = hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
    matched = False
    for digest in (digests + [_NOBODY] * MAX_SECRETS)[:MAX_SECRETS]:
        matched |= hmac.compare_digest(digest, offered)
    usable = _uses(client, "client_secret_basic")
    if client is None or not usable or not matched or offered == _NOBODY:
        raise TokenRefused("invalid_client", 401)
    return client


def _uses(client: Client | None, method: str) -> bool:
    return client is not None and client.status == "active" and client.auth_method == method


async def _by_assertion(session: AsyncSession, credentials: Credentials, issuer: str) -> Client:
    """RFC 7523 with the audience rule of RFC 10070: exactly our issuer, used once."""
    assertion = credentials.assertion or ""
    try:
        claimed = _claimed_issuer(assertion)
        client = await queries.find_client(session, claimed)
        usable = _uses(client, "private_key_jwt")
        keys = _keys_to_try(client.jwks if client is not None and usable else None, assertion)
        claims = jose.verify(
            assertion,
            {claimed: jose.Issuer(keys, jose.INBOUND_ALGORITHMS)},
            issuer,
            typ=_ASSERTION_TYPES,
            max_life=3_600,
            max_age=60,
        )
        if client is None or not usable:  # pragma: no cover - nobody signs for nobody's keys
            raise jose.AuthError("client")
        if claims["sub"] != client.id or credentials.client_id not in (None, client.id):
            raise jose.AuthError("sub")
        if not claims["jti"].isprintable():  # it is stored as text
            raise jose.AuthError("jti")
    except jose.AuthError:
        raise TokenRefused("invalid_client", 401) from None
    used = await session.execute(
        insert(AssertionReplay)
        .values(
            client_id=client.id,
            jti=claims["jti"],
            expires_at=datetime.fromtimestamp(claims["exp"] + 60, UTC),
        )
        .on_conflict_do_nothing()
        .returning(AssertionReplay.jti)
    )
    if used.first() is None:
        raise TokenRefused("invalid_client", 401)
    return client


def _keys_to_try(jwks: dict[str, Any] | None, assertion: str) -> jose.Keys:
    """The client's keys; where they lack the one that is named, a key of nobody's in its place.

    So a signature is checked in every case, and the time it takes says nothing about the client.
    Raises AuthError.
    """
    keys = jose.load_jwks(jwks or _nobody_jwks(), jose.INBOUND_ALGORITHMS)
    name = jose.key_name(assertion)
    return keys if jwks and name in keys else {name: _nobody_key(name[1])}


@functools.cache
def _nobody_jwks() -> dict[str, Any]:
    return {"keys": [jose.public_jwk(jose.load_signing_key(jose.generate_key()))]}


@functools.cache
def _nobody_key(algorithm: str) -> Any:
    """A verification key whose private half was thrown away. Raises AuthError."""
    return jose.throwaway_key(algorithm)


def claimed_client(credentials: Credentials) -> str | None:
    """The client that a token request says it is; believed by nobody."""
    if credentials.assertion is None:
        return credentials.client_id
    try:
        return _claimed_issuer(credentials.assertion)
    except jose.AuthError:
        return None


def _claimed_issuer(assertion: str) -> str:
    claims = jose.unverified_claims(assertion)
    claimed = claims.get("iss")
    if not isinstance(claimed, str) or not 0 < len(claimed) <= 128 or not claimed.isprintable():
        raise jose.AuthError("iss")
    return claimed


def grant(client: Client, requested: str | None) -> list[str]:
    """Scopes of the new token: what was asked, or all. Raises TokenRefused("invalid_scope")."""
    allowed = sorted(client.scopes)
    if requested is None or not requested.strip():
        return allowed
    asked = requested.split()
    if not set(asked) <= set(allowed):
        raise TokenRefused("invalid_scope")
    return sorted(set(asked))


def bound_to(client: Client, certificate: str | None) -> str | None:
    """The certificate that the client's new token is bound to (RFC 8705), None for a free one.

    Raises TokenRefused("invalid_client") for a bound client that came without.
    """
    if not client.certificate_bound:
        return None
    if certificate is None:
        raise TokenRefused("invalid_client", 401)
    return certificate


def issue_token(
    key: jose.SigningKey,
    issuer: str,
    client_id: str,
    agency_code: str,
    scopes: Iterable[str],
    *,
    life_s: int = TOKEN_LIFE_S,
    certificate: str | None = None,
    **more: Any,
) -> dict[str, Any]:
    """The RFC 6749 answer with an RFC 9068 access token (ES256, 300 s), bound if asked.

    ``more`` are further claims.
    """
    issued = int(time.time())
    claims = {
        "iss": issuer,
        "aud": issuer,
        "sub": client_id,
        "client_id": client_id,
        "iat": issued,
        "exp": issued + life_s,
        "jti": secrets.token_urlsafe(16),
        "scope": " ".join(scopes),
        "agency": agency_code,
        **({"cnf": {"x5t#S256": certificate}} if certificate else {}),
        **more,
    }
    return {
        "access_token": jose.sign(to_json(claims), key, "at+jwt"),
        "token_type": "Bearer",
        "expires_in": life_s,
        "scope": claims["scope"],
    }
