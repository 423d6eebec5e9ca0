"""Sealed texts of findings: each for its owner, the partner's answers for partners."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.crypto import KeyRing, agency_scope, partner_scope


def context(table: str, row_id: UUID, owner: UUID) -> str:
    """Encryption context: moved to another record or owner, a text stays shut."""
    return f"{table}|{row_id}|{owner}"


async def seal(
    session: AsyncSession,
    keyring: KeyRing,
    table: str,
    row_id: UUID,
    owner: UUID,
    body: dict[str, Any],
    *,
    by_partner: bool = False,
) -> bytes:
    """A body sealed for its owner."""
    scope = partner_scope() if by_partner else agency_scope(owner)
    kept = {name: value for name, value in body.items() if value is not None}
    return await keyring.seal(session, scope, context(table, row_id, owner), to_json(kept))


async def unseal(
    session: AsyncSession, keyring: KeyRing, table: str, row_id: UUID, owner: UUID, sealed: bytes
) -> dict[str, Any]:
    """What `seal` sealed. Raises Undecipherable."""
    plain = await keyring.open(session, context(table, row_id, owner), sealed)
    body: dict[str, Any] = json.loads(plain)
    return body
