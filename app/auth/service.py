"""The token service and the life of clients. Works inside the caller's transaction."""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from urllib.parse import unquote_plus
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import delete, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth import jose, queries
from app.auth.errors import TokenRefused
from app.auth.models import AssertionReplay, Client, ClientSecret, Person
from app.auth.scopes import AGENCY, DECIDING
from app.core.ids import new_id

TOKEN_LIFE_S = 300
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SECRET_LIFE = timedelta(days=180)
_MAX_SECRETS = 2
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
    for digest in (digests + [_NOBODY] * _MAX_SECRETS)[:_MAX_SECRETS]:
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
    certificate: str | None = None,
) -> dict[str, Any]:
    """The RFC 6749 answer with an RFC 9068 access token (ES256, 300 s), bound if asked."""
    issued = int(time.time())
    claims = {
        "iss": issuer,
        "aud": issuer,
        "sub": client_id,
        "client_id": client_id,
        "iat": issued,
        "exp": issued + TOKEN_LIFE_S,
        "jti": secrets.token_urlsafe(16),
        "scope": " ".join(scopes),
        "agency": agency_code,
        **({"cnf": {"x5t#S256": certificate}} if certificate else {}),
    }
    return {
        "access_token": jose.sign(to_json(claims), key, "at+jwt"),
        "token_type": "Bearer",
        "expires_in": TOKEN_LIFE_S,
        "scope": claims["scope"],
    }


# ------------------------------------------------------------------------------ life of clients


class ClientProblem(Exception):
    """A client cannot be made or changed as asked; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class NewClient:
    """What it takes to create a client."""

    id: str
    agency_id: UUID
    name: str
    scopes: tuple[str, ...]
    auth_method: Literal["private_key_jwt", "client_secret_basic"] = "private_key_jwt"
    jwks: dict[str, Any] | None = None
    person_id: UUID | None = None
    demo: bool = False


async def add_person(
    session: AsyncSession, agency_id: UUID, name: str, office: str, role: str
) -> Person:
    """Record a person of an agency who may decide."""
    person = Person(id=new_id(), agency_id=agency_id, name=name, office=office, role=role)
    session.add(person)
    await session.flush()  # clients refer to the row by its key
    return person


async def create_client(session: AsyncSession, new: NewClient) -> str | None:
    """Create a client; returns its secret (shown once) for ``client_secret_basic``, else None.

    Raises ClientProblem for unknown scopes, a missing key, or a deciding scope without a person.
    """
    unknown = sorted(set(new.scopes) - AGENCY)
    if unknown:
        raise ClientProblem(f"Unknown scope: {', '.join(unknown)}.")
    if DECIDING & set(new.scopes) and new.person_id is None:
        raise ClientProblem("A deciding scope needs a client bound to a named person.")
    if new.auth_method == "private_key_jwt" and not (
        new.jwks and jose.load_jwks(new.jwks, jose.INBOUND_ALGORITHMS)
    ):
        raise ClientProblem("private_key_jwt needs a JWKS with at least one usable public key.")
    if await queries.find_client(session, new.id) is not None:
        raise ClientProblem(f"A client {new.id} exists already.")
    session.add(
        Client(
            id=new.id,
            agency_id=new.agency_id,
            person_id=new.person_id,
            name=new.name,
            scopes=sorted(new.scopes),
            auth_method=new.auth_method,
            jwks=new.jwks,
            demo=new.demo,
        )
    )
    await session.flush()  # the secret refers to the row
    if new.auth_method == "private_key_jwt":
        return None
    return await add_secret(session, new.id)


async def add_secret(session: AsyncSession, client_id: str) -> str:
    """A new secret of 256 random bits, shown once; the older of two live ones stops working."""
    secret = secrets.token_urlsafe(32)
    await session.execute(
        text(
            "DELETE FROM client_secrets WHERE client_id = :client AND id NOT IN "
            "(SELECT id FROM client_secrets WHERE client_id = :client "
            "ORDER BY created_at DESC, id DESC LIMIT :keep)"
        ),
        {"client": client_id, "keep": _MAX_SECRETS - 1},
    )
    session.add(
        ClientSecret(
            id=new_id(),
            client_id=client_id,
            digest=hashlib.sha256(secret.encode()).digest(),
            expires_at=datetime.now(UTC) + SECRET_LIFE,
        )
    )
    return secret


async def rotate_secret(session: AsyncSession, client_id: str) -> str:
    """A second secret beside the present one. Raises ClientProblem for an unfit client."""
    client = await queries.find_client(session, client_id)
    if client is None or client.status != "active":
        raise ClientProblem(f"There is no active client {client_id}.")
    if client.auth_method != "client_secret_basic":
        raise ClientProblem(f"Client {client_id} signs assertions; it has no secret to rotate.")
    return await add_secret(session, client_id)


async def revoke_client(session: AsyncSession, client_id: str) -> None:
    """Stop a client at once: its next request is refused. Raises ClientProblem."""
    client = await queries.find_client(session, client_id)
    if client is None:
        raise ClientProblem(f"There is no client {client_id}.")
    client.status = "revoked"
    await session.execute(delete(ClientSecret).where(ClientSecret.client_id == client_id))
