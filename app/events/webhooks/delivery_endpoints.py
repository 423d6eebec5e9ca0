"""HTTP of what webhooks are sent: challenges, pings, the log, replays; those of the own agency."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response

from app.core.db import Session
from app.core.errors import problems
from app.core.http import RegistryRoute
from app.core.paging import CursorInvalid, Pager
from app.core.routing import Router
from app.core.schemas import Page
from app.events.webhooks import queries, service
from app.events.webhooks.endpoints import Keeper, Maker
from app.events.webhooks.errors import (
    DeliveryNotFound,
    DeliveryWaiting,
    WebhookCalledTooOften,
    WebhookNotFound,
)
from app.events.webhooks.models import WebhookDelivery
from app.events.webhooks.schemas import (
    AttemptOut,
    DeliveryDetailOut,
    DeliveryFilter,
    DeliveryOut,
    ReplayIn,
    ReplayOut,
)

router = Router(prefix="/webhooks", tags=["webhooks"], route_class=RegistryRoute)


def _delivery(row: WebhookDelivery) -> dict[str, Any]:
    said = {name: getattr(row, name) for name in DeliveryOut.model_fields}
    return said | {"next_at": row.next_at if row.finished_at is None else None}


@router.post(
    "/{webhook_id}/challenge",
    status_code=202,
    operation_id="challengeWebhook",
    response_model=DeliveryOut,
    responses=problems(WebhookNotFound, WebhookCalledTooOften),
    summary="Have the address prove itself",
)
async def challenge_webhook(webhook_id: UUID, caller: Maker, session: Session) -> dict[str, Any]:
    """Sends `webhook.challenge`; the answer must be 2xx and `{"challenge": "<data.challenge>"}`.

    Then the webhook is active. How it went is in the delivery.
    """
    return _delivery(await service.ask(session, caller, webhook_id, "challenge"))


@router.post(
    "/{webhook_id}/ping",
    status_code=202,
    operation_id="pingWebhook",
    response_model=DeliveryOut,
    responses=problems(WebhookNotFound, WebhookCalledTooOften),
    summary="Send a test message",
)
async def ping_webhook(webhook_id: UUID, caller: Maker, session: Session) -> dict[str, Any]:
    """Sends `webhook.ping` once, past the queue, whatever the state of the webhook."""
    return _delivery(await service.ask(session, caller, webhook_id, "ping"))


@router.post(
    "/{webhook_id}/replay",
    status_code=202,
    operation_id="replayWebhookEvents",
    response_model=ReplayOut,
    responses=problems(WebhookNotFound),
    summary="Send the events of a range again",
)
async def replay_events(
    webhook_id: UUID, wanted: ReplayIn, caller: Maker, session: Session
) -> dict[str, Any]:
    """Events of the types of this webhook, at most 10,000 a call; those still queued stay so.

    A message keeps its `webhook-id`, by which a receiver knows what it has.
    """
    return await service.replay(session, caller, webhook_id, wanted)


@router.get(
    "/{webhook_id}/deliveries",
    operation_id="listWebhookDeliveries",
    response_model=Page[DeliveryOut],
    responses=problems(WebhookNotFound, CursorInvalid),
    summary="Read the delivery log",
)
async def list_deliveries(
    request: Request,
    response: Response,
    webhook_id: UUID,
    caller: Keeper,
    session: Session,
    filters: Annotated[DeliveryFilter, Query()],
) -> dict[str, Any]:
    """Messages of a webhook, newest first; `state=dead` are the dead letters. Kept for 30 days."""
    await service.find(session, webhook_id)
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    after = UUID(pager.after[0]) if pager.after else None
    rows = await queries.list_deliveries(
        session, webhook_id, filters.state, after, filters.limit + 1
    )
    items, following = pager.page(list(rows), lambda row: [str(row.id)], response)
    return {"items": [_delivery(row) for row in items], "next_cursor": following}


@router.get(
    "/{webhook_id}/deliveries/{delivery_id}",
    operation_id="getWebhookDelivery",
    response_model=DeliveryDetailOut,
    responses=problems(WebhookNotFound, DeliveryNotFound),
    summary="Read a delivery and its calls",
)
async def get_delivery(
    webhook_id: UUID, delivery_id: UUID, caller: Keeper, session: Session
) -> dict[str, Any]:
    """When it was called, how long that took, and what status came back."""
    row = await service.find_delivery(session, webhook_id, delivery_id)
    calls = await queries.attempts_of(session, delivery_id)
    return _delivery(row) | {"calls": [AttemptOut.model_validate(one) for one in calls]}


@router.post(
    "/{webhook_id}/deliveries/{delivery_id}/replay",
    status_code=202,
    operation_id="replayWebhookDelivery",
    response_model=DeliveryOut,
    responses=problems(WebhookNotFound, DeliveryNotFound, DeliveryWaiting),
    summary="Send one event again",
)
async def replay_delivery(
    webhook_id: UUID, delivery_id: UUID, caller: Maker, session: Session
) -> dict[str, Any]:
    """A dead letter, or one that was delivered, starts anew; its log goes on."""
    return _delivery(await service.replay_one(session, caller, webhook_id, delivery_id))
