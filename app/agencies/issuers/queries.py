"""Every select of trusted issuers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies.models import Agency
from app.auth.models import TrustedIssuer


async def find_issuer(
    session: AsyncSession, agency_id: UUID, issuer_id: UUID, *, lock: bool = False
) -> TrustedIssuer | None:
    """An issuer of this agency, read anew; locked for a change if asked."""
    query = select(TrustedIssuer).where(
        TrustedIssuer.id == issuer_id, TrustedIssuer.agency_id == agency_id
    )
    if lock:
        query = query.with_for_update()
    return await session.scalar(query.execution_options(populate_existing=True))


async def list_issuers(
    session: AsyncSession, agency: str | None, status: str | None, after: UUID | None, limit: int
) -> Sequence[Any]:
    """Which issuer speaks for which agency, oldest first, those after ``after``."""
    query = (
        select(
            TrustedIssuer.id,
            TrustedIssuer.issuer,
            Agency.code.label("agency"),
            TrustedIssuer.status,
            TrustedIssuer.valid_from,
            TrustedIssuer.valid_to,
        )
        .join(Agency, Agency.id == TrustedIssuer.agency_id)
        .order_by(TrustedIssuer.id)
        .limit(limit)
    )
    if agency is not None:
        query = query.where(Agency.code == agency)
    if status is not None:
        query = query.where(TrustedIssuer.status == status)
    if after is not None:
        query = query.where(TrustedIssuer.id > after)
    return (await session.execute(query)).all()


async def find_any(session: AsyncSession, issuer_id: UUID) -> TrustedIssuer | None:
    """An issuer of whatever agency, locked for a change: for the operator."""
    return await session.get(TrustedIssuer, issuer_id, with_for_update=True)
