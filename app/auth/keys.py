"""Online signing keys: rows wrapped by the root key, so that every process sees a rotation."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from app.auth import ed25519, jose
from app.auth.models import SigningKeyRow
from app.core.db import Database
from app.core.key_provider import KeyProvider

T = TypeVar("T")
Use = Literal["token", "list", "receipt", "checkpoint"]
USES: tuple[Use, ...] = ("token", "list", "receipt", "checkpoint")
MAX_TOKEN_LIFE_S = 600
"""No access token of ours is accepted that was made to live longer."""
LEEWAY_S = 30
BELIEVED_AFTER = timedelta(hours=24, seconds=MAX_TOKEN_LIFE_S + LEEWAY_S)
"""How long a retired token key still verifies."""
LOCK = text("SELECT pg_advisory_xact_lock(hashtext('signing_keys'))")
"""Whoever makes or changes a signing key holds it."""
_FRESH_S = 30.0
_UNKNOWN_S = 1.0


class NoSigningKey(Exception):
    """The database holds no current key for this use."""


class SigningKeys:
    """Signing and verification keys by use, read again every 30 seconds."""

    def __init__(self, database: Database, root: KeyProvider) -> None:
        self._database = database
        self._root = root
        self._signing: dict[str, jose.SigningKey] = {}
        self._verification: dict[str, dict[tuple[str, str], Any]] = {}
        self._public: dict[str, list[dict[str, str]]] = {}
        self._note_key: Ed25519PrivateKey | None = None
        self._note_verifiers: list[Ed25519PublicKey] = []
        self._read_at = -_FRESH_S
        self._lock = asyncio.Lock()

    async def ensure(self) -> None:
        """Create the first key of each use where none exists; safe in many processes at once."""
        async with self._database.session() as session:
            await session.execute(LOCK)
            current = set(
                await session.scalars(
                    select(SigningKeyRow.use).where(SigningKeyRow.state == "current")
                )
            )
            for use in USES:
                if use not in current:
                    row = await new_row(self._root, use)
                    await session.execute(insert(SigningKeyRow).values(**row))

    async def signing_key(self, use: Use) -> jose.SigningKey:
        """The key that signs now. Raises NoSigningKey."""
        await self._refresh(_FRESH_S)
        try:
            return self._signing[use]
        except KeyError:
            raise NoSigningKey(use) from None

    async def verification_keys(self, use: Use) -> Mapping[tuple[str, str], Any]:
        """Every key of this use that signatures may carry, by (kid, alg).

        The same object until it is another set of keys.
        """
        await self._refresh(_FRESH_S)
        return self._verification.get(use, {})

    async def checked(self, use: Use, check: Callable[[jose.Keys], T]) -> T:
        """``check(verification keys)``; once more, with the keys read anew, for an unknown one.

        So a key that another process has just begun to sign with is known on the first request.
        Raises what ``check`` raises.
        """
        try:
            return check(await self.verification_keys(use))
        except jose.UnknownKey:
            # Whoever sends invented key names costs one query a second, not one a request.
            await self._refresh(_UNKNOWN_S)
            return check(self._verification.get(use, {}))

    async def public_keys(self, use: Use) -> list[dict[str, str]]:
        """Public JWKs of this use that signatures may carry."""
        await self._refresh(_FRESH_S)
        return self._public.get(use, [])

    async def note_key(self) -> Ed25519PrivateKey:
        """The key that signs checkpoints of the log now. Raises NoSigningKey."""
        await self._refresh(_FRESH_S)
        if self._note_key is None:
            raise NoSigningKey("checkpoint")
        return self._note_key

    async def note_verifiers(self) -> list[Ed25519PublicKey]:
        """Every key that has signed checkpoints, or soon will."""
        await self._refresh(_FRESH_S)
        return list(self._note_verifiers)

    async def _refresh(self, age: float) -> None:
        if time.monotonic() - self._read_at < age:
            return
        async with self._lock:
            if time.monotonic() - self._read_at < age:
                return
            read_at = time.monotonic()
            async with self._database.session() as session:
                rows = list(await session.scalars(select(SigningKeyRow)))
            await self._load(rows)
            self._read_at = read_at

    async def _load(self, rows: list[SigningKeyRow]) -> None:
        signing: dict[str, jose.SigningKey] = {}
        public: dict[str, list[dict[str, str]]] = {}
        verification: dict[str, dict[tuple[str, str], Any]] = {}
        note_key = None
        for row in rows:
            if row.use != "checkpoint" and _believed(row):
                jwk = {**row.public, "kid": row.kid, "alg": "ES256", "use": "sig"}
                public.setdefault(row.use, []).append(jwk)
                keys = jose.load_jwks({"keys": [jwk]}, ("ES256",))
                verification.setdefault(row.use, {}).update(keys)
            if row.state == "current":
                secret = await self._root.unwrap(row.wrapped, context_of(row.use, row.kid))
                if row.use == "checkpoint":
                    note_key = ed25519.load_private(secret)
                else:
                    signing[row.use] = jose.load_signing_key(secret)
        notes = [ed25519.load_public(row.public) for row in rows if row.use == "checkpoint"]
        self._verification = {
            use: self._same_or_new(use, keys) for use, keys in verification.items()
        }
        self._signing, self._public = signing, public
        self._note_key, self._note_verifiers = note_key, notes

    def _same_or_new(
        self, use: str, keys: dict[tuple[str, str], Any]
    ) -> dict[tuple[str, str], Any]:
        known = self._verification.get(use)
        return known if known is not None and known.keys() == keys.keys() else keys


def _believed(row: SigningKeyRow) -> bool:
    # A token is of today; a list or a receipt is verified for ever, by when it was signed.
    if row.use != "token" or row.not_after is None:
        return True
    return row.state != "withdrawn" and row.not_after + BELIEVED_AFTER > datetime.now(UTC)


def context_of(use: str, kid: str) -> str:
    """What the wrapped secret of this key is bound to."""
    return f"signing|{use}|{kid}"


async def new_row(root: KeyProvider, use: Use) -> dict[str, Any]:
    """Values of a row with a new key of this use."""
    if use == "checkpoint":
        kid, public, secret = ed25519.generate()
    else:
        key = jose.load_signing_key(jose.generate_key())
        kid, public, secret = key.kid, key.public, key.pem
    wrapped = await root.wrap(secret, context_of(use, kid))
    return {"kid": kid, "use": use, "public": public, "wrapped": wrapped}


async def published_keys(database: Database) -> list[dict[str, Any]]:
    """List, receipt and checkpoint keys as the signed keys document names them, oldest first."""
    async with database.session() as session:
        rows = await session.scalars(
            select(SigningKeyRow)
            .where(SigningKeyRow.use.in_(("list", "receipt", "checkpoint")))
            .order_by(SigningKeyRow.not_before, SigningKeyRow.kid)
        )
        return [
            {
                "use": row.use,
                "kid": row.kid,
                "jwk": row.public,
                "not_before": _epoch(row.not_before),
                "not_after": _epoch(row.not_after) if row.not_after else None,
            }
            for row in rows
        ]


def _epoch(moment: datetime) -> int:
    return int(moment.timestamp())
