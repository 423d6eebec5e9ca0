"""Governments, United Nations entities, and bodies that exercise public functions (domain.md 5.6).

No measure, interim suspension or red flag of an agency names one; an agency that holds back money
says so by a transfer restriction. The database refuses the same, by `public_authority()`. That a
body exercises public functions says what it does, and implies no recognition of it.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import ServiceError
from app.partners.lineage import lineage
from app.partners.models import Partner
from app.partners.types import is_public_authority

RESTRICTIONS = "/v1/transfer-restrictions"
# Locked: none of them becomes one, or ceases to be one, while this transaction acts on it.
_LOCKED = text(
    f"""SELECT p.partner_type, p.tags FROM partners p WHERE p.id IN {lineage(":partner")}
    ORDER BY p.id FOR NO KEY UPDATE OF p"""  # noqa: S608 - texts of ours; values are bound
)


class GovernmentEntity(ServiceError):
    """A measure or a red flag would name a government, a UN entity, or a body handled like one."""

    status = 422
    code = "government_entity"
    title = "A public authority gets no sanction and no red flag; use a transfer restriction."

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail, extra={"link": RESTRICTIONS})


def names_public_authority(partner: Partner) -> bool:
    """Whether this profile is that of a public authority."""
    return is_public_authority(partner.partner_type, partner.tags)


async def is_one(session: AsyncSession, partner_id: UUID) -> bool:
    """Whether a profile, or one of its lineage, is; they are locked until the transaction ends."""
    rows = (await session.execute(_LOCKED, {"partner": partner_id})).all()
    return any(is_public_authority(row.partner_type, row.tags) for row in rows)


async def refuse(session: AsyncSession, partner_id: UUID) -> None:
    """Raises GovernmentEntity for a public authority; the profile is locked."""
    if await is_one(session, partner_id):
        raise GovernmentEntity
