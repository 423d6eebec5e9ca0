"""Key sets of trusted issuers: fetched rarely, never for a token that names nobody we know.

A set is good for ten minutes; older, it is renewed in the background; older than a day it is no
longer believed, and the tokens of that issuer are refused. The last good set is kept in the
issuer's row, so that a restart needs no network.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import structlog
from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth import jose
from app.auth.models import SigningKeyRow, TrustedIssuer
from app.core.db import Database
from app.core.http import parse_json
from app.core.outbound import Outbound, OutboundFailed, OutboundRefused

SOFT_S = 600.0
HARD_S = 86_400.0
COOL_S = 60.0
_DATABASE = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, SQLAlchemyError)
log = structlog.get_logger()
Name = tuple[str, str]
"""Key id and algorithm."""


@dataclass(frozen=True, slots=True)
class IssuerTerms:
    """What two persons agreed on for one issuer, and the key set it was last seen with."""

    id: UUID
    agency_id: UUID
    agency_code: str
    issuer: str
    jwks_uri: str
    algorithms: tuple[str, ...]
    audience: str
    token_type: str
    ignored_headers: frozenset[str]
    client_claim: str
    token_id_claim: str | None
    max_life_s: int
    scope_ceiling: frozenset[str]
    key_set: Mapping[str, Any] | None
    key_set_at: float


class KeySetRefused(Exception):
    """A key set cannot be had or used; the argument is a code, for log and administrator."""


@dataclass(frozen=True, slots=True)
class KeySet:
    """A usable key set: what is stored, and what verifies."""

    document: dict[str, Any]
    keys: jose.Keys


@dataclass(slots=True)
class _Known:
    keys: jose.Keys
    good_at: float
    tried_at: float = float("-inf")
    renewal: asyncio.Task[None] | None = None


class KeySets:
    """Keys of the issuers, by issuer. One for the application; close it at the end."""

    def __init__(
        self, database: Database, outbound: Outbound, clock: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._outbound = outbound
        self._clock = clock
        self._known: dict[UUID, _Known] = {}

    async def fetch(self, jwks_uri: str, algorithms: tuple[str, ...]) -> KeySet:
        """The key set at this address. Raises KeySetRefused unless it holds a usable key."""
        try:
            answer = await self._outbound.call(jwks_uri, headers={"Accept": "application/json"})
        except (OutboundRefused, OutboundFailed) as error:
            raise KeySetRefused(str(error)) from None
        if answer.status != 200:
            raise KeySetRefused("status")
        try:
            document = parse_json(answer.body)
            kept = jose.public_keys(document, algorithms) if isinstance(document, dict) else []
        except (json.JSONDecodeError, jose.AuthError):
            raise KeySetRefused("content") from None
        if not kept:
            raise KeySetRefused("no_usable_key")
        found = {"keys": kept}
        return KeySet(found, jose.load_jwks(found, algorithms))

    async def keys(self, terms: IssuerTerms, name: Name) -> jose.Keys:
        """Keys of an issuer, renewed once if they lack ``name``. Raises AuthError when too old."""
        known = self._of(terms)
        age = self._clock() - known.good_at
        if age > HARD_S or name not in known.keys:
            renewal = self._renewal(terms, known)
            if renewal is not None:
                # One request's end must not take the keys from the others that wait.
                await asyncio.shield(renewal)
        elif age > SOFT_S:
            self._renewal(terms, known)
        if self._clock() - known.good_at > HARD_S:
            raise jose.AuthError("keys too old")
        return known.keys

    def _of(self, terms: IssuerTerms) -> _Known:
        known = self._known.get(terms.id)
        if known is None or terms.key_set_at > known.good_at:
            keys = jose.load_jwks(terms.key_set or {}, terms.algorithms)
            if known is None:
                known = self._known[terms.id] = _Known(keys, terms.key_set_at)
            known.keys, known.good_at = keys, terms.key_set_at
        return known

    def _renewal(self, terms: IssuerTerms, known: _Known) -> asyncio.Task[None] | None:
        """The renewal under way, else a new one, else None while the issuer is left in peace."""
        if known.renewal is not None and not known.renewal.done():
            return known.renewal
        if self._clock() - known.tried_at < COOL_S:
            return None
        known.tried_at = self._clock()
        known.renewal = asyncio.create_task(self._renew(terms, known))
        return known.renewal

    async def _renew(self, terms: IssuerTerms, known: _Known) -> None:
        """Fetch, check and keep the set; a failure is logged and leaves the present one."""
        try:
            found = await self.fetch(terms.jwks_uri, terms.algorithms)
            async with self._database.session(terms.agency_id) as session:
                other = await sharing_a_key(session, terms.id, found.keys)
                if other is not None:
                    log.error("issuer_key_shared", issuer=str(terms.id), other=other)
                    return
                await session.execute(
                    update(TrustedIssuer)
                    .where(TrustedIssuer.id == terms.id, TrustedIssuer.status == "active")
                    .values(
                        key_set=found.document,
                        key_set_at=datetime.fromtimestamp(self._clock(), UTC),
                    )
                )
        except KeySetRefused as error:
            log.warning("issuer_keys_failed", issuer=str(terms.id), reason=str(error))
            return
        except _DATABASE as error:  # the present set stays good for its day
            log.warning("issuer_keys_failed", issuer=str(terms.id), reason=type(error).__name__)
            return
        known.keys, known.good_at = found.keys, self._clock()

    async def close(self) -> None:
        """End renewals under way."""
        running = [known.renewal for known in self._known.values() if known.renewal is not None]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def sharing_a_key(session: AsyncSession, issuer_id: UUID, keys: jose.Keys) -> str | None:
    """Who else signs with one of these keys: an active issuer's id, ``own`` for us, else None."""
    offered = jose.key_digests(keys)
    own = await session.scalars(
        select(SigningKeyRow.public).where(SigningKeyRow.use != "checkpoint")
    )
    for public in own:
        jwk = {**public, "kid": "own", "alg": "ES256"}
        if offered & jose.key_digests(jose.load_jwks({"keys": [jwk]}, ("ES256",))):
            return "own"
    others = await session.execute(
        select(TrustedIssuer.id, TrustedIssuer.key_set).where(
            TrustedIssuer.status == "active", TrustedIssuer.id != issuer_id
        )
    )
    for other_id, document in others:
        theirs = jose.load_jwks(document or {}, jose.INBOUND_ALGORITHMS)
        if offered & jose.key_digests(theirs):
            return str(other_id)
    return None
