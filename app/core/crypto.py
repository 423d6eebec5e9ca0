"""Envelope encryption: sealed values, and the keys that seal them.

The root key (`key_provider`) wraps key-encryption keys (rows, one current per scope); those wrap a
fresh data key for every sealed value. A scope is an opaque text, such as ``agency:<uuid>``. The
context, bound to the content as additional data, names record, version and owner: a value moved
to another record does not open. The data key is bound to its key-encryption key alone, so that a
change of keys rewrites the header of a value and needs to know nothing about the record.

    version 1 | key id 16 | nonce 12 | wrapped data key 48 | nonce 12 | content and tag
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID, uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import CheckConstraint, Index, LargeBinary, Text, func, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import DateTime

from app.core.db import Base
from app.core.key_provider import KeyProvider, RootKey, Undecipherable

HEADER = 77
"""Bytes of a sealed value that its key-encryption key decides."""
_FIRST, FORMAT = b"\x01", b"\x02"
_SHORTEST = HEADER + 12 + 16
_CACHE_S = 60.0

Connection: TypeAlias = Any
"""An AsyncSession or a raw asyncpg connection: whatever the caller's transaction runs on."""


class EncryptionKey(Base):
    """A key-encryption key, wrapped by the root key.

    A retired one opens what is still sealed under it. ``moved_at`` says when nothing that can be
    moved was left; its row is deleted when nothing at all refers to it.
    """

    __tablename__ = "encryption_keys"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    scope: Mapped[str] = mapped_column(Text)
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(Text, server_default="current")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    retired_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    moved_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        CheckConstraint("state IN ('current', 'retired')", name="state"),
        CheckConstraint("(state = 'retired') = (retired_at IS NOT NULL)", name="retired_at"),
        CheckConstraint("moved_at >= retired_at", name="moved_at"),
        Index(
            "uq_encryption_keys_scope_current",
            "scope",
            unique=True,
            postgresql_where=text("state = 'current'"),
        ),
    )


@dataclass(frozen=True, slots=True)
class Kek:
    """A key-encryption key, unwrapped; lives in memory for a minute at most."""

    id: UUID
    secret: bytes
    read_at: float


async def fetch(connection: Connection, sql: str, *args: Any) -> Sequence[Any]:
    """Rows of a statement, on either kind of connection."""
    if isinstance(connection, AsyncSession):
        result = await (await connection.connection()).exec_driver_sql(sql, args)
        return result.all() if result.returns_rows else ()
    rows: Sequence[Any] = await connection.fetch(sql, *args)
    return rows


class KeyRing:
    """Seals and opens values. Works inside the caller's transaction, on its own connection."""

    def __init__(self, root: KeyProvider) -> None:
        self.root = root
        self._current: dict[str, Kek] = {}
        self._by_id: dict[UUID, Kek] = {}

    async def seal(self, connection: Connection, scope: str, context: str, plain: bytes) -> bytes:
        """Encrypt ``plain`` for ``scope``; ``context`` must be given again to open it."""
        kek = await self._current_key(connection, scope)
        data_key, nonce = os.urandom(32), os.urandom(12)
        content = AESGCM(data_key).encrypt(nonce, plain, f"v2|{context}".encode())
        return _header(kek, data_key) + nonce + content

    async def open(self, connection: Connection, context: str, sealed: bytes) -> bytes:
        """Decrypt a sealed value. Raises Undecipherable."""
        if len(sealed) < _SHORTEST or sealed[:1] not in (_FIRST, FORMAT):
            raise Undecipherable(context)
        kek = await self._key(connection, key_id_of(sealed))
        bound = f"v2|{context}".encode()
        own = _bound(kek)
        if sealed[:1] == _FIRST:
            bound = own = f"v1|{kek.id}|{context}".encode()
        try:
            data_key = AESGCM(kek.secret).decrypt(sealed[17:29], sealed[29:HEADER], own)
            content = sealed[HEADER:]
            return AESGCM(data_key).decrypt(content[:12], content[12:], bound)
        except InvalidTag as error:
            raise Undecipherable(context) from error

    async def _current_key(self, connection: Connection, scope: str) -> Kek:
        cached = self._current.get(scope)
        if cached and time.monotonic() - cached.read_at < _CACHE_S:
            return cached
        rows = await fetch(
            connection,
            # created_at is the start of the transaction that made the key: a key of this very
            # transaction is not older than now(), may yet be rolled back, and is not remembered.
            "SELECT id, wrapped, created_at < now() AS lasting FROM encryption_keys "
            "WHERE scope = $1 AND state = 'current'",
            scope,
        )
        if rows:
            kek = await self._unwrapped(rows[0][0], scope, rows[0][1])
            if rows[0][2]:
                self._current[scope] = self._by_id[kek.id] = kek
            return kek
        return await self._create(connection, scope)

    async def _create(self, connection: Connection, scope: str) -> Kek:
        key_id = uuid4()
        await fetch(
            connection,
            "INSERT INTO encryption_keys (id, scope, wrapped) VALUES ($1, $2, $3) "
            "ON CONFLICT (scope) WHERE state = 'current' DO NOTHING",
            key_id,
            scope,
            await new_wrapped(self.root, key_id, scope),
        )
        rows = await fetch(
            connection,
            "SELECT id, wrapped FROM encryption_keys WHERE scope = $1 AND state = 'current'",
            scope,
        )
        # Not cached: this transaction may still roll back, and a key that then does not exist
        # would lose what is sealed under it.
        return await self._unwrapped(rows[0][0], scope, rows[0][1])

    async def _key(self, connection: Connection, key_id: UUID) -> Kek:
        cached = self._by_id.get(key_id)
        if cached and time.monotonic() - cached.read_at < _CACHE_S:
            return cached
        rows = await fetch(
            connection, "SELECT scope, wrapped FROM encryption_keys WHERE id = $1", key_id
        )
        if not rows:
            raise Undecipherable(f"key {key_id} is gone")
        kek = await self._unwrapped(key_id, rows[0][0], rows[0][1])
        self._by_id[key_id] = kek
        return kek

    async def _unwrapped(self, key_id: UUID, scope: str, wrapped: bytes) -> Kek:
        return await unwrapped(self.root, key_id, scope, wrapped)


async def new_wrapped(root: KeyProvider, key_id: UUID, scope: str) -> bytes:
    """A new secret for this key of this scope, wrapped."""
    return await root.wrap(os.urandom(32), f"kek|{key_id}|{scope}")


async def unwrapped(root: KeyProvider, key_id: UUID, scope: str, wrapped: bytes) -> Kek:
    """The key-encryption key of a row. Raises Undecipherable."""
    # asyncpg's own UUID type is normalised, so that equal ids are equal keys of the cache.
    key_id = UUID(str(key_id))
    return Kek(key_id, await root.unwrap(wrapped, f"kek|{key_id}|{scope}"), time.monotonic())


def key_id_of(sealed: bytes) -> UUID:
    """Which key-encryption key a sealed value, or its header, names."""
    return UUID(bytes=sealed[1:17])


def moved(header: bytes, old: Kek, new: Kek) -> bytes:
    """The header of a value of the present format, under another key.

    Raises Undecipherable when it is not ``old`` that wrapped it.
    """
    try:
        data_key = AESGCM(old.secret).decrypt(header[17:29], header[29:HEADER], _bound(old))
    except InvalidTag as error:
        raise Undecipherable(f"a header under key {old.id}") from error
    return _header(new, data_key)


def _header(kek: Kek, data_key: bytes) -> bytes:
    nonce = os.urandom(12)
    wrapped = AESGCM(kek.secret).encrypt(nonce, data_key, _bound(kek))
    return b"".join((FORMAT, kek.id.bytes, nonce, wrapped))


def _bound(kek: Kek) -> bytes:
    return f"v2|{kek.id}".encode()


def agency_scope(agency_id: UUID) -> str:
    """Key scope of what one agency owns."""
    return f"agency:{agency_id}"


def partner_scope() -> str:
    """Key scope of what partners own."""
    return "partners"


__all__ = [
    "FORMAT",
    "HEADER",
    "EncryptionKey",
    "Kek",
    "KeyProvider",
    "KeyRing",
    "RootKey",
    "Undecipherable",
    "agency_scope",
    "fetch",
    "key_id_of",
    "moved",
    "new_wrapped",
    "partner_scope",
    "unwrapped",
]
