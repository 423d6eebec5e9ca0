"""Tokens of agencies' own identity providers: whose they are, and whom they stand for here.

The issuer is compared byte by byte with our table; agency, scopes and status come from our tables
alone, whatever the token claims.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from app.auth import jose
from app.auth.key_sets import IssuerTerms, KeySets
from app.auth.principals import Principals
from app.auth.scopes import ALL
from app.core.certificates import confirmed_thumbprint
from app.core.db import Database

_FRESH_S = 30.0
_ACTIVE = text(
    """SELECT i.id, i.agency_id, a.code, i.issuer, i.jwks_uri, i.algorithms, i.audience,
        i.token_type, i.ignored_headers, i.client_claim, i.token_id_claim, i.max_life_s,
        i.scope_ceiling, i.key_set, i.key_set_at
    FROM trusted_issuers i JOIN agencies a ON a.id = i.agency_id
    WHERE i.status = 'active' AND a.status = 'active'
      AND i.valid_from <= now() AND (i.valid_to IS NULL OR i.valid_to > now())"""
)


@dataclass(frozen=True, slots=True)
class OutsideToken:
    """What a good token of a trusted issuer comes to."""

    client_id: str
    scopes: frozenset[str]
    expires_at: float
    agency: str
    certificate: str | None


class TrustedIssuers:
    """Active issuers by their exact text, read again every 30 seconds.

    What ends an issuer holds at once all the same: every request reads `client_status`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._terms: dict[str, IssuerTerms] = {}
        self._read_at = float("-inf")
        self._lock = asyncio.Lock()

    def forget(self) -> None:
        """Read the table again before the next token."""
        self._read_at = float("-inf")

    async def find(self, issuer: str) -> IssuerTerms | None:
        """Terms of the issuer with exactly this text, if it is trusted."""
        await self.refresh()
        return self._terms.get(issuer)

    async def refresh(self) -> None:
        """Read the table again if that is due."""
        if time.monotonic() - self._read_at >= _FRESH_S:
            async with self._lock:
                if time.monotonic() - self._read_at >= _FRESH_S:
                    await self._read()

    async def _read(self) -> None:
        started = time.monotonic()
        async with self._database.session() as session:
            rows = (await session.execute(_ACTIVE)).all()
        self._terms = {row.issuer: _terms(row) for row in rows}
        self._read_at = started


def _terms(row: Any) -> IssuerTerms:
    return IssuerTerms(
        id=row.id,
        agency_id=row.agency_id,
        agency_code=row.code,
        issuer=row.issuer,
        jwks_uri=row.jwks_uri,
        algorithms=tuple(row.algorithms),
        audience=row.audience,
        token_type=row.token_type,
        ignored_headers=frozenset(row.ignored_headers),
        client_claim=row.client_claim,
        token_id_claim=row.token_id_claim,
        max_life_s=row.max_life_s,
        scope_ceiling=frozenset(row.scope_ceiling),
        key_set=row.key_set,
        key_set_at=row.key_set_at.timestamp() if row.key_set_at else 0.0,
    )


class TrustedTokens:
    """Verifies tokens of trusted issuers under the terms of each."""

    def __init__(self, issuers: TrustedIssuers, key_sets: KeySets, principals: Principals) -> None:
        self.issuers = issuers
        self.key_sets = key_sets
        self.principals = principals

    async def claims(self, token: str, issuer: str) -> tuple[IssuerTerms, dict[str, Any]]:
        """Terms and claims of a good token that names this issuer. Raises AuthError.

        Nothing is fetched for an issuer that is not in our table.
        """
        terms = await self.issuers.find(issuer)
        if terms is None:
            raise jose.AuthError("issuer")
        name = jose.key_name(token)
        if name[1] not in terms.algorithms:
            raise jose.AuthError("alg")
        keys = await self.key_sets.keys(terms, name)
        claims = jose.verify(
            token,
            {terms.issuer: jose.Issuer(keys, terms.algorithms)},
            terms.audience,
            typ=frozenset({terms.token_type.lower()}),
            max_life=terms.max_life_s,
            ignored_headers=terms.ignored_headers,
            token_id=terms.token_id_claim,
        )
        if claims["exp"] <= time.time():
            raise jose.AuthError("exp")
        return terms, claims

    async def verify(self, token: str, issuer: str) -> OutsideToken:
        """Whom a bearer token of this issuer stands for. Raises AuthError or Unbound."""
        terms, claims = await self.claims(token, issuer)
        scopes = _scopes(claims)
        certificate = confirmed_thumbprint(claims)
        client_id = await self.principals.of(terms, claims)
        expires_at = float(claims["exp"])
        return OutsideToken(client_id, scopes, expires_at, terms.agency_code, certificate)


def _scopes(claims: Mapping[str, Any]) -> frozenset[str]:
    """Scopes a token names, in any of three usual ways; all where it names none."""
    named = claims.get("scope", claims.get("scp", ...))
    if named is ...:
        return ALL
    if isinstance(named, str):
        return frozenset(named.split())
    if "scope" not in claims and isinstance(named, list):
        return frozenset(name for name in named if isinstance(name, str))
    raise jose.AuthError("scope")
