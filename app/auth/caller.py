"""Who calls: the dependency every protected operation starts with.

The token proves a client; agency, person and status come from our tables on every request.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends, Header, Request, Security
from fastapi.openapi.models import OAuthFlowClientCredentials, OAuthFlows
from fastapi.security import OAuth2, SecurityScopes
from sqlalchemy import text

from app.auth import jose
from app.auth.errors import NotAuthenticated, PersonRequired, ScopeMissing
from app.auth.issuers import TrustedTokens
from app.auth.keys import MAX_TOKEN_LIFE_S, SigningKeys
from app.auth.roles import scopes_of
from app.auth.scopes import DECIDING, DESCRIPTIONS, Scope
from app.core import idempotency
from app.core.certificates import Unbound, check_certificate, confirmed_thumbprint
from app.core.crypto import KeyRing
from app.core.db import Binding, Session, bind_now, database_of
from app.core.limits import limits_of
from app.core.settings import Settings

STATUS_COLUMNS = (
    "s.agency_id, s.agency_code, s.scopes, s.person_id, s.person_name, s.office, s.role, "
    "s.partner_id, s.roles, s.countries, s.max_level"
)
"""Columns of the view ``client_status s`` that `caller_from` reads; for fast statements."""
STATUS_WIDTH = 11
"""How many they are: a fast statement's own columns come after them."""

_STATUS = text(f"SELECT {STATUS_COLUMNS} FROM client_status s WHERE s.client_id = :client_id")  # noqa: S608 - constant
_CACHE_SIZE = 10_000
_OUTSIDE_FRESH_S = 60.0
IdempotencyHeader = Annotated[
    str | None, Header(description="16 to 64 printable characters, new for each new request")
]


@dataclass(frozen=True, slots=True)
class Person:
    """The natural person a client is bound to."""

    id: UUID
    name: str
    office: str
    role: str


Level = Literal["INTER_AGENCY", "RESTRICTED", "AGENCY_ONLY"]
OVERSIGHT = "OVS"
"""Role that sees who exactly read, and what is held back from others."""


@dataclass(frozen=True, slots=True)
class Caller:
    """An agency's or a partner's client, what it may do, and the person behind it, if named.

    ``roles`` are those of the person, or of the machine where there is none. ``countries`` empty
    means every country. A partner's caller has no agency: its ``agency_id`` is NO_AGENCY.
    """

    agency_id: UUID
    agency_code: str
    client_id: str
    scopes: frozenset[str]
    person: Person | None
    partner_id: UUID | None = None
    roles: frozenset[str] = frozenset()
    countries: frozenset[str] = frozenset()
    max_level: Level = "AGENCY_ONLY"

    @property
    def subject(self) -> Literal["agency", "partner"]:
        """What kind of party calls."""
        return "agency" if self.partner_id is None else "partner"

    @property
    def oversight(self) -> bool:
        """Whether an oversight role calls."""
        return OVERSIGHT in self.roles

    @property
    def binding(self) -> Binding:
        """What row security goes by."""
        return Binding(self.agency_id, self.partner_id, self.oversight)

    def require_person(self) -> Person:
        """The deciding person. Raises PersonRequired for a bare machine client."""
        if self.person is None:
            raise PersonRequired
        return self.person


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """A token whose signature and times hold. Says nothing yet about its client's status.

    ``agency`` is what the token says: good for a fair share, never for a right. ``certificate``
    is the thumbprint of the client certificate that the token must come with.
    """

    client_id: str
    scopes: frozenset[str]
    expires_at: float
    agency: str = ""
    certificate: str | None = None


class TokenVerifier:
    """Verifies access tokens; remembers good ones by SHA-256 of the text until they expire.

    Those of trusted issuers, which live longer, are looked at again after a minute: their keys,
    or the person behind them, may be gone by then.
    """

    def __init__(
        self, keys: SigningKeys, issuer: str, trusted: TrustedTokens | None = None
    ) -> None:
        self._keys = keys
        self._issuer = issuer
        self._believed: object = None
        self._trusted = trusted
        self._cache: dict[bytes, tuple[VerifiedToken, float]] = {}

    async def verify(self, token: str) -> VerifiedToken:
        """Raises NotAuthenticated for every token but a good one of ours or a trusted issuer."""
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        now = time.time()
        keys = await self._keys.verification_keys("token")
        if keys is not self._believed:
            # Another set of keys: what a withdrawn one signed is not remembered.
            self._cache.clear()
            self._believed = keys
        cached = self._cache.get(digest)
        if cached is not None:
            if cached[1] > now:
                return cached[0]
            del self._cache[digest]
        try:
            verified, until = await self._verified(token, now)
        except (jose.AuthError, Unbound):
            raise NotAuthenticated from None
        if verified.expires_at <= now:
            raise NotAuthenticated
        if len(self._cache) >= _CACHE_SIZE:
            self._cache.clear()
        self._cache[digest] = (verified, until)
        return verified

    async def _verified(self, token: str, now: float) -> tuple[VerifiedToken, float]:
        """The token and until when it need not be looked at again. Raises AuthError."""
        issuer = jose.unverified_claims(token).get("iss")
        if self._trusted is not None and isinstance(issuer, str) and issuer != self._issuer:
            found = await self._trusted.verify(token, issuer)
            outside = VerifiedToken(
                found.client_id, found.scopes, found.expires_at, found.agency, found.certificate
            )
            return outside, min(found.expires_at, now + _OUTSIDE_FRESH_S)
        claims = await self._keys.checked("token", lambda keys: self._claims(token, keys))
        scope = claims.get("scope", "")
        if not isinstance(scope, str):
            raise jose.AuthError("scope")
        expires_at = float(claims["exp"])
        verified = VerifiedToken(
            claims["sub"],
            frozenset(scope.split()),
            expires_at,
            str(claims.get("agency", "")),
            confirmed_thumbprint(claims),
        )
        return verified, expires_at

    def _claims(self, token: str, keys: jose.Keys) -> dict[str, Any]:
        return jose.verify(
            token, {self._issuer: jose.Issuer(keys)}, self._issuer, max_life=MAX_TOKEN_LIFE_S
        )


scheme = OAuth2(
    scheme_name="oauth2",
    description="Client credentials; `private_key_jwt` or `client_secret_basic`. Tokens of an "
    "agency's trusted issuer are taken, too.",
    flows=OAuthFlows(
        clientCredentials=OAuthFlowClientCredentials(
            tokenUrl="/oauth/token",
            scopes={str(name): words for name, words in DESCRIPTIONS.items()},
        )
    ),
    auto_error=False,
)


async def verified_token(
    request: Request, header: Annotated[str | None, Depends(scheme)]
) -> VerifiedToken:
    """Dependency of fast operations: a good token, whose client is yet to be looked up."""
    kind, _, token = (header or "").partition(" ")
    if kind.lower() != "bearer" or not token:
        raise NotAuthenticated("Bearer")
    verifier: TokenVerifier = request.app.state.verifier
    verified = await verifier.verify(token)
    # Whose token it is, also when its client may no longer act: a refusal then names it.
    request.scope["presented_client"] = verified.client_id
    await admit(request, verified)
    return verified


async def admit(request: Request, token: VerifiedToken) -> None:
    """Charge the request to its client and agency.

    Raises NotAuthenticated without the token's certificate, RateLimited or AgencyBusy.
    """
    settings: Settings = request.app.state.settings
    try:
        check_certificate(request, token.certificate, believed=settings.client_cert_header)
    except Unbound:
        raise NotAuthenticated from None
    share = token.agency or token.client_id
    await limits_of(request).admit(request.scope, token.client_id, share)


def caller_from(request: Request, token: VerifiedToken, row: Any | None, *any_of: Scope) -> Caller:
    """Build the Caller from a ``client_status`` row; it must hold one of these scopes.

    ``row`` is None when no active client of an active agency has this id. Raises
    NotAuthenticated, ScopeMissing or PersonRequired.
    """
    caller = _built(token, row)
    request.scope["identity"] = caller
    return _holding(caller, any_of)


def caller_of(token: VerifiedToken, row: Any | None, *any_of: Scope) -> Caller:
    """As `caller_from`, where nobody's request is answered: a decision of then made again."""
    return _holding(_built(token, row), any_of)


def _built(token: VerifiedToken, row: Any | None) -> Caller:
    if row is None or row[0] is None:
        raise NotAuthenticated
    agency_id, code, scopes, person_id, name, office, role, partner_id, roles, countries, level = (
        row[:STATUS_WIDTH]
    )
    held_roles = frozenset(roles)
    usable = token.scopes.intersection(scopes)
    return Caller(
        UUID(str(agency_id)),
        code,
        token.client_id,
        usable & scopes_of(held_roles) if held_roles else usable,
        Person(UUID(str(person_id)), name, office, role) if person_id else None,
        UUID(str(partner_id)) if partner_id else None,
        held_roles,
        frozenset(countries),
        level,
    )


def _holding(caller: Caller, any_of: tuple[Scope, ...]) -> Caller:
    held = [scope for scope in any_of if scope in caller.scopes]
    if not held:
        raise ScopeMissing(any_of[0])
    if DECIDING.issuperset(held):
        caller.require_person()
    return caller


async def get_caller(
    request: Request,
    needed: SecurityScopes,
    token: Annotated[VerifiedToken, Depends(verified_token)],
    session: Session,
) -> Caller:
    """Dependency: the caller, with the request's transaction bound to its agency."""
    row = (await session.execute(_STATUS, {"client_id": token.client_id})).one_or_none()
    caller = caller_from(request, token, row, *map(Scope, needed.scopes))
    await bind_now(session, caller.binding)
    return caller


async def get_writing_caller(
    request: Request,
    caller: Annotated[Caller, Depends(get_caller)],
    session: Session,
    idempotency_key: IdempotencyHeader = None,
) -> Caller:
    """Dependency of a POST that stores something: the caller; the answer is kept for replay."""
    await idempotency.begin(
        request, session, keyring_of(request), caller.agency_id, caller.client_id, idempotency_key
    )
    return caller


def keyring_of(request: Request) -> KeyRing:
    """The application's keys for sealed values."""
    keyring: KeyRing = request.app.state.keyring
    return keyring


@dataclass(frozen=True, slots=True)
class FastWriter:
    """A token whose agency is known, and the Idempotency-Key of a fast write.

    The agency comes from our tables; it never changes for a client, so it is remembered. The
    client's status is read again in the writing transaction (`caller_from`).
    """

    token: VerifiedToken
    key: idempotency.FastKey
    keys: KeyRing

    @property
    def agency_id(self) -> UUID:
        """Agency to bind the transaction to."""
        return self.key.agency_id


async def fast_writer(
    request: Request,
    token: Annotated[VerifiedToken, Depends(verified_token)],
    idempotency_key: IdempotencyHeader = None,
) -> FastWriter:
    """Dependency of fast writes. Raises NotAuthenticated or IdempotencyKeyRequired."""
    agency_id = await _agency_of(request, token)
    key = idempotency.check_key(idempotency_key)
    route: str = request.scope["path"]
    fingerprint = idempotency.fingerprint(request.method, route, await request.body())
    fast_key = idempotency.FastKey(agency_id, token.client_id, route, key, fingerprint)
    return FastWriter(token, fast_key, keyring_of(request))


async def _agency_of(request: Request, token: VerifiedToken) -> UUID:
    known: dict[str, UUID] = request.app.state.agency_by_client
    agency_id = known.get(token.client_id)
    if agency_id is None:
        async with database_of(request).fast_read() as connection:
            found = await connection.fetchval(
                "SELECT agency_id FROM client_status WHERE client_id = $1", token.client_id
            )
        if found is None:
            raise NotAuthenticated
        agency_id = known[token.client_id] = UUID(str(found))
    return agency_id


def requires_fast_once(scope: Scope) -> Any:
    """As `requires_token`, for a fast POST that stores something."""
    return Security(fast_writer, scopes=[scope.value])


def requires_once(*any_of: Scope) -> Any:
    """As `requires`, for a POST that stores something: also wants an Idempotency-Key."""
    return Security(get_writing_caller, scopes=[scope.value for scope in any_of])


def requires(*any_of: Scope) -> Any:
    """Annotation of a caller that must hold one of these: ``Annotated[Caller, requires(X)]``."""
    return Security(get_caller, scopes=[scope.value for scope in any_of])


def requires_token(scope: Scope) -> Any:
    """As `requires`, for fast operations: they check the scope by `caller_from` themselves."""
    return Security(verified_token, scopes=[scope.value])


async def _keyring(request: Request) -> KeyRing:
    return keyring_of(request)


Keys = Annotated[KeyRing, Depends(_keyring)]
