"""Online signing keys: rows wrapped by the root key, so that every process sees a rotation."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from app.auth import ed25519, jose
from app.auth.models import SigningKeyRow
from app.core.crypto import RootKey
from app.core.db import Database

Use = Literal["token", "list", "receipt", "checkpoint"]
USES: tuple[Use, ...] = ("token", "list", "receipt", "checkpoint")
_FRESH_S = 30.0


class NoSigningKey(Exception):
    """The database holds no current key for this use."""


class SigningKeys:
    """Signing and verification keys by use, read again every 30 seconds."""

    def __init__(self, database: Database, root: RootKey) -> None:
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
            await session.execute(text("SELECT pg_advisory_xact_lock(hashtext('signing_keys'))"))
            current = set(
                await session.scalars(
                    select(SigningKeyRow.use).where(SigningKeyRow.state == "current")
                )
            )
            for use in USES:
                if use not in current:
                    await session.execute(insert(SigningKeyRow).values(**self._new_row(use)))

    def _new_row(self, use: Use) -> dict[str, Any]:
        if use == "checkpoint":
            kid, public, secret = ed25519.generate()
            wrapped = self._root.wrap(secret, f"signing|{use}|{kid}")
            return {"kid": kid, "use": use, "public": public, "wrapped": wrapped}
        key = jose.load_signing_key(jose.generate_key())
        return {
            "kid": key.kid,
            "use": use,
            "public": key.public,
            "wrapped": self._root.wrap(key.pem, f"signing|{use}|{key.kid}"),
        }

    async def signing_key(self, use: Use) -> jose.SigningKey:
        """The key that signs now. Raises NoSigningKey."""
        await self._refresh()
        try:
            return self._signing[use]
        except KeyError:
            raise NoSigningKey(use) from None

    async def verification_keys(self, use: Use) -> Mapping[tuple[str, str], Any]:
        """Every key of this use that signatures may still carry, by (kid, alg)."""
        await self._refresh()
        return self._verification.get(use, {})

    async def public_keys(self, use: Use) -> list[dict[str, str]]:
        """Public JWKs of this use."""
        await self._refresh()
        return self._public.get(use, [])

    async def note_key(self) -> Ed25519PrivateKey:
        """The key that signs checkpoints of the log now. Raises NoSigningKey."""
        await self._refresh()
        if self._note_key is None:
            raise NoSigningKey("checkpoint")
        return self._note_key

    async def note_verifiers(self) -> list[Ed25519PublicKey]:
        """Every key that has ever signed checkpoints."""
        await self._refresh()
        return list(self._note_verifiers)

    async def _refresh(self) -> None:
        if time.monotonic() - self._read_at < _FRESH_S:
            return
        async with self._lock:
            if time.monotonic() - self._read_at < _FRESH_S:
                return
            async with self._database.session() as session:
                rows = list(await session.scalars(select(SigningKeyRow)))
            self._load(rows)
            self._read_at = time.monotonic()

    def _load(self, rows: list[SigningKeyRow]) -> None:
        signing: dict[str, jose.SigningKey] = {}
        verification: dict[str, dict[tuple[str, str], Any]] = {}
        public: dict[str, list[dict[str, str]]] = {}
        notes = [row for row in rows if row.use == "checkpoint"]
        self._note_verifiers = [ed25519.load_public(row.public) for row in notes]
        for row in notes:
            if row.state == "current":
                secret = self._root.unwrap(row.wrapped, f"signing|{row.use}|{row.kid}")
                self._note_key = ed25519.load_private(secret)
        for row in (row for row in rows if row.use != "checkpoint"):
            jwk = {**row.public, "kid": row.kid, "alg": "ES256", "use": "sig"}
            public.setdefault(row.use, []).append(jwk)
            keys = jose.load_jwks({"keys": [jwk]}, ("ES256",))
            verification.setdefault(row.use, {}).update(keys)
            if row.state == "current":
                pem = self._root.unwrap(row.wrapped, f"signing|{row.use}|{row.kid}")
                signing[row.use] = jose.load_signing_key(pem)
        self._signing, self._verification, self._public = signing, verification, public


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
