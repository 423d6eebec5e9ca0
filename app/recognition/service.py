"""Use cases beside the clearance itself. Works inside the caller's transaction."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.caller import Caller
from app.core.crypto import KeyRing
from app.core.ids import new_id
from app.recognition import queries
from app.recognition.errors import ClearanceNotFound
from app.recognition.models import RecognitionPolicy
from app.recognition.rules import DEFAULTS, validate_rules


async def ensure_default_policies(session: AsyncSession, agency_id: UUID) -> None:
    """Give an agency the shipped policies where it has none of its own for a requirement."""
    for policy in DEFAULTS.policies:
        rules = [dict(rule) for rule in policy.rules]
        validate_rules(policy.requirement, rules)
        await session.execute(
            insert(RecognitionPolicy)
            .values(
                id=new_id(),
                agency_id=agency_id,
                requirement=policy.requirement,
                version=1,
                rules=rules,
                source=DEFAULTS.source,
                effective_from=DEFAULTS.effective_from,
            )
            .on_conflict_do_nothing()
        )


async def read_clearance(
    session: AsyncSession, keys: KeyRing, caller: Caller, clearance_id: UUID
) -> bytes:
    """The answer, byte for byte as it was given. Raises ClearanceNotFound for another agency's."""
    row = await queries.find_clearance(session, clearance_id)
    if row is None:
        raise ClearanceNotFound
    context = f"clearances.answer|{row.id}|{caller.agency_id}"
    return await keys.open(session, context, row.sealed_answer)
