"""Envelope encryption and the one root key.

Root key (file) wraps key-encryption keys (rows, one current per scope); those wrap a fresh data
key for every sealed value. A scope is an opaque text, such as ``agency:<uuid>``. The context,
bound as additional data, names record, version and owner: a value moved to another record does
not open.
"""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias
from uuid import UUID, uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import CheckConstraint, Index, LargeBinary, Text, func, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import DateTime

from app.core.db import Base
from app.core.settings import UnsafeSettings

_FORMAT = b"\x01"
_CACHE_S = 60.0
_KEY_FILE_PREFIX = "registry-root-key:v1:"

Connection: TypeAlias = Any
"""An AsyncSession or a raw asyncpg connection: whatever the caller's transaction runs on."""


class Undecipherable(Exception):
    """A sealed value does not open: wrong key, wrong record, or altered bytes."""


class EncryptionKey(Base):
    """A key-encryption key, wrapped by the root key."""

    __tablename__ = "encryption_keys"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    scope: Mapped[str] = mapped_column(Text)
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(Text, server_default="current")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (
        CheckConstraint("state IN ('current', 'retired')", name="state"),
        Index(
            "uq_encryption_keys_scope_current",
            "scope",
            unique=True,
            postgresql_where=text("state = 'current'"),
        ),
    )


@dataclass(frozen=True, slots=True)
class RootKey:
    """The key above all keys. ``purpose`` says what it was made for; production refuses demo."""

    secret: bytes
    purpose: Literal["demo", "production"]

    @classmethod
    def generate(cls, purpose: Literal["demo", "production"]) -> RootKey:
        return cls(os.urandom(32), purpose)

    @classmethod
    def load(cls, path: Path) -> RootKey:
        """Read a root-key file. Raises UnsafeSettings with one sentence when it is not one."""
        try:
            content = path.read_text("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UnsafeSettings(f"The root key file {path} cannot be read.") from error
        purpose, _, encoded = content.removeprefix(_KEY_FILE_PREFIX).partition(":")
        try:
            secret = base64.b64decode(encoded, validate=True)
        except ValueError:
            secret = b""
        if not content.startswith(_KEY_FILE_PREFIX) or len(secret) != 32:
            raise UnsafeSettings(f"The root key file {path} does not hold a root key.")
        if purpose == "demo":
            return cls(secret, "demo")
        if purpose == "production":
            return cls(secret, "production")
        raise UnsafeSettings(f"The root key file {path} names an unknown purpose.")

    def save(self, path: Path) -> None:
        """Write the key to a new file that only its owner can read; never overwrites one."""
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(
                f"{_KEY_FILE_PREFIX}{self.purpose}:{base64.b64encode(self.secret).decode()}\n"
            )

    def derive(self, label: str) -> bytes:
        """A 256-bit key for one purpose; the same label always gives the same key."""
        return HKDF(SHA256(), 32, salt=None, info=b"partner-registry|" + label.encode()).derive(
            self.secret
        )

    def wrap(self, plain: bytes, context: str) -> bytes:
        """Encrypt key material under the root key, bound to ``context``."""
        nonce = os.urandom(12)
        return nonce + AESGCM(self.derive("wrap")).encrypt(nonce, plain, context.encode())

    def unwrap(self, wrapped: bytes, context: str) -> bytes:
        """Undo `wrap`. Raises Undecipherable."""
        try:
            return AESGCM(self.derive("wrap")).decrypt(wrapped[:12], wrapped[12:], context.encode())
        except (InvalidTag, ValueError) as error:
            raise Undecipherable(context) from error


@dataclass(frozen=True, slots=True)
class _Kek:
    id: UUID
    secret: bytes
    read_at: float


async def _fetch(connection: Connection, sql: str, *args: Any) -> Sequence[Any]:
    if isinstance(connection, AsyncSession):
        result = await (await connection.connection()).exec_driver_sql(sql, args)
        return result.all() if result.returns_rows else ()
    rows: Sequence[Any] = await connection.fetch(sql, *args)
    return rows


class KeyRing:
    """Seals and opens values. Works inside the caller's transaction, on its own connection."""

    def __init__(self, root: RootKey) -> None:
        self.root = root
        self._current: dict[str, _Kek] = {}
        self._by_id: dict[UUID, _Kek] = {}

    async def seal(self, connection: Connection, scope: str, context: str, plain: bytes) -> bytes:
        """Encrypt ``plain`` for ``scope``; ``context`` must be given again to open it."""
        kek = await self._current_key(connection, scope)
        data_key, key_nonce, nonce = os.urandom(32), os.urandom(12), os.urandom(12)
        bound = _aad(kek.id, context)
        return b"".join(
            (
                _FORMAT,
                kek.id.bytes,
                key_nonce,
                AESGCM(kek.secret).encrypt(key_nonce, data_key, bound),
                nonce,
                AESGCM(data_key).encrypt(nonce, plain, bound),
            )
        )

    async def open(self, connection: Connection, context: str, sealed: bytes) -> bytes:
        """Decrypt a sealed value. Raises Undecipherable."""
        if len(sealed) < 105 or sealed[:1] != _FORMAT:
            raise Undecipherable(context)
        kek = await self._key(connection, UUID(bytes=sealed[1:17]))
        bound = _aad(kek.id, context)
        try:
            data_key = AESGCM(kek.secret).decrypt(sealed[17:29], sealed[29:77], bound)
            return AESGCM(data_key).decrypt(sealed[77:89], sealed[89:], bound)
        except InvalidTag as error:
            raise Undecipherable(context) from error

    async def _current_key(self, connection: Connection, scope: str) -> _Kek:
        cached = self._current.get(scope)
        if cached and time.monotonic() - cached.read_at < _CACHE_S:
            return cached
        rows = await _fetch(
            connection,
            # created_at is the start of the transaction that made the key: a key of this very
            # transaction is not older than now(), may yet be rolled back, and is not remembered.
            "SELECT id, wrapped, created_at < now() AS lasting FROM encryption_keys "
            "WHERE scope = $1 AND state = 'current'",
            scope,
        )
        if rows:
            kek = self._unwrapped(rows[0][0], scope, rows[0][1])
            if rows[0][2]:
                self._current[scope] = self._by_id[kek.id] = kek
            return kek
        return await self._create(connection, scope)

    async def _create(self, connection: Connection, scope: str) -> _Kek:
        key_id, secret = uuid4(), os.urandom(32)
        await _fetch(
            connection,
            "INSERT INTO encryption_keys (id, scope, wrapped) VALUES ($1, $2, $3) "
            "ON CONFLICT (scope) WHERE state = 'current' DO NOTHING",
            key_id,
            scope,
            self.root.wrap(secret, f"kek|{key_id}|{scope}"),
        )
        rows = await _fetch(
            connection,
            "SELECT id, wrapped FROM encryption_keys WHERE scope = $1 AND state = 'current'",
            scope,
        )
        # Not cached: this transaction may still roll back, and a key that then does not exist
        # would lose what is sealed under it.
        return self._unwrapped(rows[0][0], scope, rows[0][1])

    async def _key(self, connection: Connection, key_id: UUID) -> _Kek:
        cached = self._by_id.get(key_id)
        if cached and time.monotonic() - cached.read_at < _CACHE_S:
            return cached
        rows = await _fetch(
            connection, "SELECT scope, wrapped FROM encryption_keys WHERE id = $1", key_id
        )
        if not rows:
            raise Undecipherable(f"key {key_id} is gone")
        kek = self._unwrapped(key_id, rows[0][0], rows[0][1])
        self._by_id[key_id] = kek
        return kek

    def _unwrapped(self, key_id: UUID, scope: str, wrapped: bytes) -> _Kek:
        # asyncpg's own UUID type is normalised, so that equal ids are equal keys of the cache.
        key_id = UUID(str(key_id))
        return _Kek(key_id, self.root.unwrap(wrapped, f"kek|{key_id}|{scope}"), time.monotonic())


def _aad(key_id: UUID, context: str) -> bytes:
    return f"v1|{key_id}|{context}".encode()


def agency_scope(agency_id: UUID) -> str:
    """Key scope of what one agency owns."""
    return f"agency:{agency_id}"
