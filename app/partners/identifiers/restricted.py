"""Tax numbers: sealed under the partners' key, found by a keyed hash, read for a purpose.

The key of the hash is random and itself sealed in the database. One that is derived from the root
key would end with it, and every number would have to be opened and hashed again.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.errors import PurposeRequired
from app.audit.events import Event
from app.audit.purposes import StatedPurpose
from app.auth import policy
from app.auth.caller import Caller
from app.core.crypto import KeyRing, partner_scope
from app.partners.errors import PartnerNotFound
from app.partners.identifiers import queries
from app.partners.identifiers.models import IdentifierDigestKey
from app.partners.identifiers.schemas import IdentifierIn, IdentifierRef
from app.partners.models import Partner

_KEY_CONTEXT = "identifier_digest_keys|1"
_KEY = select(IdentifierDigestKey.sealed).where(IdentifierDigestKey.id == 1)


async def digest(session: AsyncSession, keys: KeyRing, item: IdentifierRef) -> bytes:
    """What a tax number is compared by: the same for the same number, and no way back to it."""
    sealed = await session.scalar(_KEY)
    if sealed is None:
        fresh = await keys.seal(session, partner_scope(), _KEY_CONTEXT, os.urandom(32))
        # Of two that make the key at once one waits here, and both read the one that stands.
        await session.execute(
            insert(IdentifierDigestKey).values(id=1, sealed=fresh).on_conflict_do_nothing()
        )
        sealed = (await session.scalars(_KEY)).one()
    key = await keys.open(session, _KEY_CONTEXT, sealed)
    text = f"{item.scheme.value}|{item.country}|{item.value}"
    return hmac.digest(key, text.encode(), hashlib.sha256)


def _context(row_id: UUID, partner_id: UUID) -> str:
    return f"restricted_identifiers|{row_id}|{partner_id}"


async def columns(
    session: AsyncSession, keys: KeyRing, row_id: UUID, partner_id: UUID, item: IdentifierIn
) -> dict[str, Any]:
    """The columns of a tax number that an open identifier does not have."""
    context = _context(row_id, partner_id)
    return {
        "digest": await digest(session, keys, item),
        "sealed": await keys.seal(session, partner_scope(), context, item.value.encode()),
    }


def _require(caller: Caller, partner: Partner, stated: StatedPurpose | None) -> StatedPurpose:
    resource = policy.Resource("PEOPLE", country=partner.country)
    if not policy.can(caller, "read", resource).allowed:
        raise PartnerNotFound
    if stated is None:
        raise PurposeRequired
    return stated


async def read_all(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    partner: Partner,
    stated: StatedPurpose | None,
) -> list[dict[str, Any]]:
    """The partner's tax numbers, with the reading in the log of the same transaction.

    Raises PartnerNotFound for a caller whose roles or countries do not reach them, then
    PurposeRequired.
    """
    purpose = _require(caller, partner, stated)
    found = []
    for row in await queries.restricted_of(session, partner.id):
        plain = await keys.open(session, _context(row.id, row.partner_id), row.sealed)
        shown = {name: row._mapping[name] for name in row._fields if name != "sealed"}
        del shown["ended_at"], shown["end_reason"]
        found.append(shown | {"value": plain.decode()})
    await audit.record(
        session,
        caller,
        Event.RESTRICTED_IDENTIFIERS_READ,
        audit.Subject(partner.id, partner_id=partner.id),
        purpose=purpose.purpose,
        reference=purpose.reference,
        basis="role",
        identifiers=[str(item["id"]) for item in found],
    )
    return found
