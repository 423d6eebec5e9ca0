"""Every select of webhooks, as the API needs them. Row security shows the own agency's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.events.webhooks.models import Webhook, WebhookAttempt, WebhookDelivery, WebhookSecret

_SECRET = (
    WebhookSecret.id,
    WebhookSecret.webhook_id,
    WebhookSecret.public_key,
    WebhookSecret.created_at,
    WebhookSecret.ends_at,
)


async def find(session: AsyncSession, webhook_id: UUID, *, lock: bool = False) -> Webhook | None:
    """A webhook of the own agency, read anew; locked for a change if asked."""
    query = select(Webhook).where(Webhook.id == webhook_id)
    if lock:
        query = query.with_for_update()
    return await session.scalar(query.execution_options(populate_existing=True))


async def count(session: AsyncSession) -> int:
    """How many webhooks the agency has."""
    return await session.scalar(select(func.count()).select_from(Webhook)) or 0


async def list_webhooks(session: AsyncSession, after: UUID | None, limit: int) -> Sequence[Webhook]:
    """The agency's webhooks, oldest first."""
    query = select(Webhook).order_by(Webhook.id).limit(limit)
    if after is not None:
        query = query.where(Webhook.id > after)
    return (await session.scalars(query)).all()


async def secrets_of(session: AsyncSession, webhooks: Sequence[UUID]) -> dict[UUID, list[Any]]:
    """The generations that sign now, the newest first, by webhook."""
    query = (
        select(*_SECRET)
        .where(
            WebhookSecret.webhook_id.in_(webhooks),
            or_(WebhookSecret.ends_at.is_(None), WebhookSecret.ends_at > func.now()),
        )
        .order_by(WebhookSecret.created_at.desc())
    )
    found: dict[UUID, list[Any]] = {one: [] for one in webhooks}
    for row in await session.execute(query):
        found[row.webhook_id].append(row)
    return found


async def list_deliveries(
    session: AsyncSession, webhook_id: UUID, state: str | None, after: UUID | None, limit: int
) -> Sequence[WebhookDelivery]:
    """Messages of a webhook, newest first."""
    query = (
        select(WebhookDelivery)
        .where(WebhookDelivery.webhook_id == webhook_id)
        .order_by(WebhookDelivery.id.desc())
        .limit(limit)
    )
    if state is not None:
        query = query.where(WebhookDelivery.state == state)
    if after is not None:
        query = query.where(WebhookDelivery.id < after)
    return (await session.scalars(query)).all()


async def find_delivery(
    session: AsyncSession, webhook_id: UUID, delivery_id: UUID, *, lock: bool = False
) -> WebhookDelivery | None:
    """One message of a webhook."""
    query = select(WebhookDelivery).where(
        WebhookDelivery.id == delivery_id, WebhookDelivery.webhook_id == webhook_id
    )
    if lock:
        query = query.with_for_update()
    return await session.scalar(query.execution_options(populate_existing=True))


async def attempts_of(session: AsyncSession, delivery_id: UUID) -> Sequence[WebhookAttempt]:
    """The calls of a message, the last hundred, oldest first."""
    query = (
        select(WebhookAttempt)
        .where(WebhookAttempt.delivery_id == delivery_id)
        .order_by(WebhookAttempt.id.desc())
        .limit(100)
    )
    return list(reversed((await session.scalars(query)).all()))
