"""Every select of clients: those of one agency only."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies.models import Office
from app.auth.models import Client, ClientSecret, FeedToken, Person, TrustedIssuer


async def find_client(
    session: AsyncSession, agency_id: UUID, client_id: str, *, lock: bool = False
) -> Client | None:
    """The agency's client of this id; with ``lock`` its row is kept until the transaction ends."""
    query = select(Client).where(Client.id == client_id, Client.agency_id == agency_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return (await session.scalars(query)).one_or_none()


async def list_clients(
    session: AsyncSession,
    agency_id: UUID,
    status: str | None,
    person_id: UUID | None,
    after: str | None,
    limit: int,
) -> Sequence[Client]:
    """Clients of an agency by id, those after ``after``."""
    query = select(Client).where(Client.agency_id == agency_id)
    if status is not None:
        query = query.where(Client.status == status)
    if person_id is not None:
        query = query.where(Client.person_id == person_id)
    if after is not None:
        query = query.where(Client.id > after)
    return (await session.scalars(query.order_by(Client.id).limit(limit))).all()


async def secrets_of(
    session: AsyncSession, client_ids: Sequence[str]
) -> dict[str, list[ClientSecret]]:
    """Secrets of these clients, the newest of each first."""
    rows = await session.scalars(
        select(ClientSecret)
        .where(ClientSecret.client_id.in_(client_ids))
        .order_by(ClientSecret.id.desc())
    )
    found: dict[str, list[ClientSecret]] = {client_id: [] for client_id in client_ids}
    for row in rows:
        found[row.client_id].append(row)
    return found


async def find_person(session: AsyncSession, agency_id: UUID, person_id: UUID) -> Person | None:
    """The agency's active person of this id, not to be changed while this transaction runs."""
    query = select(Person).where(
        Person.id == person_id, Person.agency_id == agency_id, Person.status == "active"
    )
    return (await session.scalars(query.with_for_update(read=True))).one_or_none()


async def find_office(session: AsyncSession, agency_id: UUID, office_id: UUID) -> Office | None:
    """The agency's active office of this id."""
    query = select(Office).where(
        Office.id == office_id, Office.agency_id == agency_id, Office.active
    )
    return (await session.scalars(query)).one_or_none()


async def find_issuer(
    session: AsyncSession, agency_id: UUID, issuer_id: UUID
) -> TrustedIssuer | None:
    """The agency's approved issuer of this id."""
    query = select(TrustedIssuer).where(
        TrustedIssuer.id == issuer_id,
        TrustedIssuer.agency_id == agency_id,
        TrustedIssuer.status == "active",
    )
    return (await session.scalars(query)).one_or_none()


async def list_feed_tokens(
    session: AsyncSession, client_id: str, after: UUID | None, limit: int
) -> Sequence[FeedToken]:
    """Feed tokens of a client, newest first, those after ``after``."""
    query = select(FeedToken).where(FeedToken.client_id == client_id)
    if after is not None:
        query = query.where(FeedToken.id < after)
    return (await session.scalars(query.order_by(FeedToken.id.desc()).limit(limit))).all()
