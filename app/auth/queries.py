"""Every select of the token service."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.models import Client, ClientSecret, Person


async def find_client(session: AsyncSession, client_id: str) -> Client | None:
    """The client, active or not."""
    return await session.get(Client, client_id)


async def lock_client(session: AsyncSession, client_id: str) -> Client | None:
    """The client as it is now, its row locked until the transaction ends."""
    query = select(Client).where(Client.id == client_id).with_for_update()
    found = await session.scalars(query.execution_options(populate_existing=True))
    return found.one_or_none()


async def live_digests(session: AsyncSession, client_id: str, now: datetime) -> list[bytes]:
    """Digests of the client's unexpired secrets."""
    rows = await session.scalars(
        select(ClientSecret.digest).where(
            ClientSecret.client_id == client_id, ClientSecret.expires_at > now
        )
    )
    return list(rows)


async def secrets_of(session: AsyncSession, client_id: str) -> list[ClientSecret]:
    """The client's secrets, expired ones too, newest first."""
    rows = await session.scalars(
        select(ClientSecret)
        .where(ClientSecret.client_id == client_id)
        .order_by(ClientSecret.id.desc())
    )
    return list(rows)


async def find_person(session: AsyncSession, person_id: UUID) -> Person | None:
    """The person with this id."""
    return await session.get(Person, person_id)
