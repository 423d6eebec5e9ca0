"""Redaction of a restriction's statement; what it means: `app.audit.exceptions.redaction`.

The restriction goes on: days, modalities and reason code stay.
"""

from __future__ import annotations

from functools import partial
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.exceptions.redaction import Target
from app.auth import policy
from app.auth.caller import Caller
from app.events.redacting import Find
from app.sanctions.transfer_restrictions import queries
from app.sanctions.transfer_restrictions.errors import RestrictionNotFound


async def _statement(session: AsyncSession, caller: Caller, restriction_id: UUID) -> Target:
    row = await queries.lock(session, restriction_id)
    # An emergency needs no right to the content, but it must not look absent to the caller.
    if row is None or not policy.within(caller, row.country):
        raise RestrictionNotFound
    if not policy.reaches(caller, "RESTRICTED"):
        raise RestrictionNotFound
    return Target("transfer_restriction", row.id, row.id, row.partner_id)


async def statement(restriction_id: UUID) -> Find:
    """The statement of an own restriction; raises RestrictionNotFound."""
    return partial(_statement, restriction_id=restriction_id)
