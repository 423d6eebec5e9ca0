"""Idempotency-Key: a POST that is sent again has one effect and gets the same answer.

The answer is stored in the transaction of the effect, sealed under the agency's key. A lost
transaction takes the key with it, so the retry works; two at once: one gets a 409 and retries.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import rfc8785
from fastapi import Request, Response
from sqlalchemy import DateTime, Index, LargeBinary, SmallInteger, Text, func, select, text
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from app.core.crypto import KeyRing, agency_scope
from app.core.db import Base
from app.core.errors import MalformedBody, ServiceError
from app.core.http import parse_json

KEEP_DAYS = 7
KEY = re.compile(r"\A[!-~]{16,64}\Z")
_SHOWN_ONCE = "shown_once"
_LOCKS = text("SELECT pg_advisory_xact_lock(n) FROM unnest(CAST(:locks AS bigint[])) n")
_KEPT_HEADERS = ("location", "etag", "content-type", "link")


class IdempotencyKeyRequired(ServiceError):
    status = 400
    code = "idempotency_key_required"
    title = "Send an Idempotency-Key of 16 to 64 printable characters with this POST."


class IdempotencyKeyReused(ServiceError):
    status = 422
    code = "idempotency_key_reused"
    title = "This Idempotency-Key was used for another request."


class IdempotencyInProgress(ServiceError):
    status = 409
    code = "idempotency_in_progress"
    title = "A request with this Idempotency-Key is being carried out; try again."


class IdempotencyRecord(Base):
    """The stored answer of one POST."""

    __tablename__ = "idempotency_keys"

    agency_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[str] = mapped_column(Text, primary_key=True)
    route: Mapped[str] = mapped_column(Text, primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int] = mapped_column(SmallInteger)
    headers: Mapped[dict[str, str]] = mapped_column(JSONB)
    sealed_body: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (Index("ix_idempotency_keys_created_at", "created_at"),)


class Replay(Exception):
    """Not an error: carries the stored answer past the handler."""

    def __init__(self, response: Response) -> None:
        super().__init__("replay")
        self.response = response


def fingerprint(method: str, path: str, body: bytes) -> bytes:
    """Hash of what a request asks: method, path and the canonical form of its JSON."""
    try:
        canonical = rfc8785.dumps(parse_json(body)) if body else b""
    except json.JSONDecodeError:
        raise MalformedBody from None
    except (rfc8785.CanonicalizationError, ValueError, UnicodeError):
        canonical = body
    return hashlib.sha256(b"\n".join((method.encode(), path.encode(), canonical))).digest()


def check_key(key: str | None) -> str:
    """The key, if it is a usable one. Raises IdempotencyKeyRequired."""
    if key is None or not KEY.match(key):
        raise IdempotencyKeyRequired
    return key


def context(agency_id: UUID, client_id: str, route: str, key: str) -> str:
    """Encryption context of a stored answer."""
    return f"idempotency|{agency_id}|{client_id}|{route}|{key}"


def lock_number(agency_id: UUID, client_id: str, route: str, key: str) -> int:
    """The advisory lock of a key, as a signed 64-bit number."""
    digest = hashlib.sha256(context(agency_id, client_id, route, key).encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def replay_response(status: int, headers: Mapping[str, str], body: bytes) -> Response:
    """The stored answer, marked as a replay."""
    return Response(body, status_code=status, headers={**headers, "Idempotency-Replayed": "true"})


async def begin(
    request: Request,
    session: AsyncSession,
    keyring: KeyRing,
    agency_id: UUID,
    client_id: str,
    key: str | None,
) -> None:
    """Start an idempotent POST: replay a stored answer, or arrange for this one to be stored.

    Raises Replay with the stored answer, IdempotencyKeyRequired, -Reused or -InProgress.
    """
    key = check_key(key)
    route = request.url.path
    print_ = fingerprint(request.method, route, await request.body())
    lock = lock_number(agency_id, client_id, route, key)
    got = await session.scalar(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": lock})
    if not got:
        raise IdempotencyInProgress(headers={"Retry-After": "1"})
    record = await session.scalar(
        select(IdempotencyRecord).where(
            IdempotencyRecord.agency_id == agency_id,
            IdempotencyRecord.client_id == client_id,
            IdempotencyRecord.route == route,
            IdempotencyRecord.key == key,
        )
    )
    bound = context(agency_id, client_id, route, key)
    if record is not None:
        if record.fingerprint != print_:
            raise IdempotencyKeyReused
        body = await keyring.open(session, bound, record.sealed_body)
        raise Replay(replay_response(record.status, record.headers, body))

    async def store(_request: Request, response: Response) -> None:
        if not 200 <= response.status_code < 300:
            return
        kept = _without(bytes(response.body), request.scope.get(_SHOWN_ONCE, ()))
        sealed = await keyring.seal(session, agency_scope(agency_id), bound, kept)
        values: dict[str, Any] = {
            "agency_id": agency_id,
            "client_id": client_id,
            "route": route,
            "key": key,
            "fingerprint": print_,
            "status": response.status_code,
            "headers": kept_headers(response),
            "sealed_body": sealed,
        }
        await session.execute(insert(IdempotencyRecord).values(**values))

    request.scope["before_commit"] = store


@dataclass(frozen=True, slots=True)
class LineKeys:
    """Keys of the lines of a stream: as an Idempotency-Key each, of one client and route."""

    agency_id: UUID
    client_id: str
    route: str

    async def held(
        self, session: AsyncSession, keys: Sequence[str]
    ) -> dict[str, IdempotencyRecord]:
        """What was stored under these keys, once nobody else is about to store under one."""
        # In one order for all, or two streams could wait for each other.
        locks = sorted({lock_number(self.agency_id, self.client_id, self.route, k) for k in keys})
        await session.execute(_LOCKS, {"locks": locks})
        found = await session.scalars(
            select(IdempotencyRecord).where(
                IdempotencyRecord.agency_id == self.agency_id,
                IdempotencyRecord.client_id == self.client_id,
                IdempotencyRecord.route == self.route,
                IdempotencyRecord.key.in_(sorted(set(keys))),
            )
        )
        return {record.key: record for record in found}

    async def keep(
        self,
        session: AsyncSession,
        keyring: KeyRing,
        lines: Sequence[tuple[str, bytes, bytes]],
    ) -> None:
        """Store key, fingerprint and answer of lines that had their effect in this transaction."""
        rows = [
            {
                "agency_id": self.agency_id,
                "client_id": self.client_id,
                "route": self.route,
                "key": key,
                "fingerprint": print_,
                "status": 201,
                "headers": {},
                "sealed_body": await keyring.seal(
                    session, agency_scope(self.agency_id), self._context(key), answer
                ),
            }
            for key, print_, answer in lines
        ]
        if rows:
            await session.execute(insert(IdempotencyRecord).values(rows))

    async def answer(
        self, session: AsyncSession, keyring: KeyRing, record: IdempotencyRecord
    ) -> bytes:
        """The stored answer of a line. Raises Undecipherable."""
        return await keyring.open(session, self._context(record.key), record.sealed_body)

    def _context(self, key: str) -> str:
        return context(self.agency_id, self.client_id, self.route, key)


def shown_once(request: Request, *fields: str) -> None:
    """These members of the JSON object that answers this POST are secrets, shown this once.

    The stored answer has null in their place, so a replay has, too.
    """
    request.scope[_SHOWN_ONCE] = fields


def _without(body: bytes, fields: Sequence[str]) -> bytes:
    if not fields:
        return body
    return json.dumps(
        json.loads(body) | dict.fromkeys(fields), ensure_ascii=False, separators=(",", ":")
    ).encode()


def kept_headers(response: Response) -> dict[str, str]:
    """The headers of an answer that its replay repeats."""
    return {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}


# ------------------------------------------------------------- the same for fast writes (no ORM)

KEPT_COLUMNS = (
    "k.key AS idempotency_key, k.fingerprint AS idempotency_fingerprint, "
    "k.status AS idempotency_status, k.headers::text AS idempotency_headers, "
    "k.sealed_body AS idempotency_body"
)
"""Columns of `KEPT` for `FastKey.check`, in statements that bind themselves (`app.auth.bound`)."""
KEPT = (
    "SELECT k.key, k.fingerprint, k.status, k.headers, k.sealed_body FROM idempotency_keys k "
    "WHERE k.agency_id = s.agency_id AND k.client_id = $1 AND k.route = {route} "
    "AND k.key = ANY ({keys}::text[])"
)
"""The stored answers of the client ``$1``, ``k`` of these columns; for `behind`."""
KEEP = (
    "INSERT INTO idempotency_keys (agency_id, client_id, route, key, fingerprint, status, headers, "
    "sealed_body) SELECT s.agency_id, $1, {route}, n.key, n.fingerprint, 201, n.headers::jsonb, "
    "n.body FROM s, unnest({keys}::text[], {fingerprints}::bytea[], {headers}::text[], "
    "{sealed_bodies}::bytea[]) AS n (key, fingerprint, headers, body)"
)
"""The end of the statement that stores, with an answer for each key."""


@dataclass(frozen=True, slots=True)
class FastKey:
    """The Idempotency-Key of one fast write. It takes no lock: twins meet at the primary key."""

    agency_id: UUID
    client_id: str
    route: str
    key: str
    fingerprint: bytes

    @property
    def context(self) -> str:
        """Encryption context of the stored answer."""
        return context(self.agency_id, self.client_id, self.route, self.key)

    async def check(self, keyring: KeyRing, connection: Any, row: Any) -> None:
        """Raises Replay or IdempotencyKeyReused by what the first statement found."""
        if row["idempotency_fingerprint"] is None:
            return
        if row["idempotency_fingerprint"] != self.fingerprint:
            raise IdempotencyKeyReused
        body = await keyring.open(connection, self.context, row["idempotency_body"])
        headers = json.loads(row["idempotency_headers"])
        raise Replay(replay_response(row["idempotency_status"], headers, body))
