"""Sealed texts of flags: their contexts, and how they are opened for a reader."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.errors import PurposeRequired
from app.audit.events import Event
from app.audit.purposes import OWN_RECORD, parse_purpose
from app.auth import policy
from app.auth.caller import Caller
from app.core.crypto import KeyRing, agency_scope
from app.partners.flags import queries
from app.partners.flags.errors import FlagNotFound
from app.partners.flags.schemas import FlagIn
from app.partners.service import visible_partner


def _context(flag_id: UUID, owner: UUID) -> str:
    return f"partner_flag_texts|{flag_id}|{owner}"


def _step_context(step_id: UUID, owner: UUID) -> str:
    return f"partner_flag_steps|{step_id}|{owner}"


async def seal_text(
    session: AsyncSession, keyring: KeyRing, flag_id: UUID, owner: UUID, new: FlagIn
) -> bytes:
    """Text and factual basis of a new flag, sealed for its owner."""
    plain = to_json({"text": new.text, "factual_basis": new.factual_basis.model_dump(mode="json")})
    return await keyring.seal(session, agency_scope(owner), _context(flag_id, owner), plain)


async def seal_comment(
    session: AsyncSession, keyring: KeyRing, step_id: UUID, owner: UUID, comment: str
) -> bytes:
    """The comment of a step, sealed for its owner."""
    context = _step_context(step_id, owner)
    return await keyring.seal(session, agency_scope(owner), context, comment.encode())


async def open_text(session: AsyncSession, keyring: KeyRing, row: Any) -> dict[str, Any]:
    """Text and factual basis of a row of `queries.read_text` or `queries.told`."""
    context = _context(row.id, row.owner_id)
    opened: dict[str, Any] = json.loads(await keyring.open(session, context, row.sealed))
    return opened


async def read_text(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    partner_id: UUID,
    flag_id: UUID,
    purpose_headers: Sequence[str],
) -> dict[str, Any]:
    """What a flag says and every step, with the reading in the log of the same transaction.

    Raises PartnerNotFound, FlagNotFound, then PurposeRequired, in this order.
    """
    partner = await visible_partner(session, caller, partner_id)
    row = await queries.read_text(session, partner_id, flag_id)
    if row is None:
        raise FlagNotFound
    # Two headers would leave open which one the log should believe.
    stated = parse_purpose(purpose_headers[0]) if len(purpose_headers) == 1 else None
    resource = policy.Resource("FLAG_TEXT", row.owner_id, country=partner.country)
    decision = policy.can(caller, "read", resource, stated.purpose if stated else None)
    policy.require_readable(decision, FlagNotFound)
    own = row.owner_id == caller.agency_id
    if own:
        stated = None
    elif stated is None:
        raise PurposeRequired
    await audit.record(
        session,
        caller,
        Event.FLAG_TEXT_READ,
        audit.Subject(row.id, row.owner_id, row.partner_id),
        purpose=OWN_RECORD if own else stated.purpose if stated else None,
        reference=stated.reference if stated else None,
        basis=decision.basis,
        version=row.version,
    )
    facts = {name: getattr(row, name) for name in ("id", "partner_id", "kind", "state")}
    opened = await open_text(session, keyring, row)
    return facts | opened | {"steps": await _steps(session, keyring, flag_id)}


async def _steps(session: AsyncSession, keyring: KeyRing, flag_id: UUID) -> list[dict[str, Any]]:
    found = []
    for step in await queries.steps(session, flag_id):
        comment = None
        if step.sealed_comment is not None:
            context = _step_context(step.id, step.owner_agency)
            comment = (await keyring.open(session, context, step.sealed_comment)).decode()
        facts = {"action": step.action, "at": step.at, "office": step.office}
        found.append(facts | {"comment": comment})
    return found
