"""HTTP of webhooks: those of the caller's agency only."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from app.auth.caller import Caller, Keys, requires, requires_once
from app.auth.endpoints import SettingsDep
from app.auth.scopes import Scope
from app.core.db import Session
from app.core.errors import InvalidRequest, problems
from app.core.http import (
    PreconditionFailed,
    PreconditionRequired,
    RegistryRoute,
    expected_version,
    version_etag,
)
from app.core.idempotency import shown_once
from app.core.outbound import OutboundDep
from app.core.paging import CursorInvalid, PageQuery, Pager
from app.core.routing import Router
from app.core.schemas import Page
from app.events.webhooks import queries, service
from app.events.webhooks.errors import (
    TooManyWebhooks,
    WebhookNotFound,
)
from app.events.webhooks.models import Webhook
from app.events.webhooks.schemas import (
    RotationIn,
    SecretMade,
    SecretOut,
    WebhookIn,
    WebhookMade,
    WebhookOut,
    WebhookPatch,
)

router = Router(prefix="/webhooks", tags=["webhooks"], route_class=RegistryRoute)
Keeper = Annotated[Caller, requires(Scope.WEBHOOKS_WRITE)]
Maker = Annotated[Caller, requires_once(Scope.WEBHOOKS_WRITE)]


async def _read(session: Session, rows: list[Webhook]) -> list[dict[str, Any]]:
    found = await queries.secrets_of(session, [row.id for row in rows])
    columns = WebhookOut.model_fields.keys() - {"secrets"}
    return [
        {name: getattr(row, name) for name in columns}
        | {"secrets": [SecretOut.model_validate(one) for one in found[row.id]]}
        for row in rows
    ]


@router.post(
    "",
    status_code=201,
    operation_id="createWebhook",
    response_model=WebhookMade,
    responses=problems(TooManyWebhooks, InvalidRequest),
    summary="Make a webhook",
)
async def create_webhook(
    request: Request,
    new: WebhookIn,
    caller: Maker,
    session: Session,
    settings: SettingsDep,
    outbound: OutboundDep,
    keys: Keys,
    response: Response,
) -> dict[str, Any]:
    """An address that is called with your agency's events, once it has answered a challenge.

    Its `secret` is in this answer and never again.
    """
    shown_once(request, "secret")
    row, secret = await service.make(session, settings, outbound, keys, caller, new)
    response.headers["Location"] = f"/v1/webhooks/{row.id}"
    response.headers["ETag"] = version_etag(row.version)
    return (await _read(session, [row]))[0] | {"secret": secret}


@router.get(
    "",
    operation_id="listWebhooks",
    response_model=Page[WebhookOut],
    responses=problems(CursorInvalid),
    summary="List webhooks",
)
async def list_webhooks(
    request: Request,
    response: Response,
    caller: Keeper,
    session: Session,
    filters: Annotated[PageQuery, Query()],
) -> dict[str, Any]:
    """Webhooks of your agency, oldest first, and how each fares."""
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    after = UUID(pager.after[0]) if pager.after else None
    rows = await queries.list_webhooks(session, after, filters.limit + 1)
    items, following = pager.page(list(rows), lambda row: [str(row.id)], response)
    return {"items": await _read(session, items), "next_cursor": following}


@router.get(
    "/{webhook_id}",
    operation_id="getWebhook",
    response_model=WebhookOut,
    responses=problems(WebhookNotFound),
    summary="Read a webhook",
)
async def get_webhook(
    webhook_id: UUID, caller: Keeper, session: Session, response: Response
) -> dict[str, Any]:
    """One webhook, its public keys, and how it fares."""
    row = await service.find(session, webhook_id)
    response.headers["ETag"] = version_etag(row.version)
    return (await _read(session, [row]))[0]


@router.patch(
    "/{webhook_id}",
    operation_id="changeWebhook",
    response_model=WebhookOut,
    responses=problems(WebhookNotFound, InvalidRequest, PreconditionRequired, PreconditionFailed),
    summary="Change a webhook",
)
async def change_webhook(
    webhook_id: UUID,
    patch: WebhookPatch,
    caller: Keeper,
    version: Annotated[int, Depends(expected_version)],
    session: Session,
    settings: SettingsDep,
    outbound: OutboundDep,
    response: Response,
) -> dict[str, Any]:
    """Another address, other types; switch it off or on. What is queued meanwhile stays queued.

    Events of a time when it was off are not queued: have them replayed.
    """
    row = await service.change(session, settings, outbound, caller, webhook_id, version, patch)
    response.headers["ETag"] = version_etag(row.version)
    return (await _read(session, [row]))[0]


@router.delete(
    "/{webhook_id}",
    status_code=204,
    operation_id="removeWebhook",
    response_model=None,
    responses=problems(WebhookNotFound),
    summary="Remove a webhook",
)
async def remove_webhook(webhook_id: UUID, caller: Keeper, session: Session) -> Response:
    """With its queue, its delivery log and its secrets."""
    await service.remove(session, caller, webhook_id)
    return Response(status_code=204)


@router.post(
    "/{webhook_id}/rotation",
    status_code=201,
    operation_id="rotateWebhookSecret",
    response_model=SecretMade,
    responses=problems(WebhookNotFound),
    summary="Get new signing secrets",
)
async def rotate_secret(
    request: Request,
    webhook_id: UUID,
    wanted: RotationIn,
    caller: Maker,
    session: Session,
    keys: Keys,
) -> dict[str, Any]:
    """The former ones sign beside them for `overlap_hours`; 0 ends them at once."""
    shown_once(request, "secret")
    row, secret = await service.rotate(session, keys, caller, webhook_id, wanted)
    return SecretOut.model_validate(row).model_dump() | {"secret": secret}
