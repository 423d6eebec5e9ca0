"""HTTP of clients, their secrets and feed tokens: those of the caller's agency only."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Path, Query, Request, Response

from app.agencies.clients import queries, service
from app.agencies.clients.errors import (
    BeyondCaller,
    ClientExists,
    ClientNotFound,
    ClientRevoked,
    ClientUnfit,
    FeedTokenNotFound,
    SecretNotFound,
)
from app.agencies.clients.schemas import (
    ClientFilter,
    ClientId,
    ClientIn,
    ClientMade,
    ClientOut,
    ClientPatch,
    FeedTokenIn,
    FeedTokenMade,
    FeedTokenOut,
    SecretMade,
    SecretOut,
)
from app.agencies.errors import PatchEmpty
from app.auth.caller import Caller, requires, requires_once
from app.auth.models import Client, ClientSecret
from app.auth.scopes import Scope
from app.core.db import Session
from app.core.errors import problems
from app.core.http import (
    PreconditionFailed,
    PreconditionRequired,
    RegistryRoute,
    expected_version,
    version_etag,
)
from app.core.idempotency import shown_once
from app.core.paging import LIMIT_DEFAULT, CursorInvalid, CursorText, Limit, Pager
from app.core.routing import Router
from app.core.schemas import Page

router = Router(prefix="/clients", tags=["clients"], route_class=RegistryRoute)
Admin = Annotated[Caller, requires(Scope.CLIENTS_ADMIN)]
Maker = Annotated[Caller, requires_once(Scope.CLIENTS_ADMIN)]
TheClient = Annotated[ClientId, Path()]


def _wire(caller: Caller, client: Client, secrets: list[ClientSecret]) -> dict[str, Any]:
    columns = ClientOut.model_fields.keys() - {"agency", "secrets"}
    return {name: getattr(client, name) for name in columns} | {
        "agency": caller.agency_code,
        "secrets": [SecretOut.model_validate(item) for item in secrets],
    }


async def _read(
    session: Session, caller: Caller, client: Client, response: Response
) -> dict[str, Any]:
    found = await queries.secrets_of(session, [client.id])
    response.headers["ETag"] = version_etag(client.version)
    return _wire(caller, client, found[client.id])


@router.post(
    "",
    status_code=201,
    operation_id="createClient",
    response_model=ClientMade,
    responses=problems(ClientExists, ClientUnfit, BeyondCaller),
    summary="Make a client",
)
async def create_client(
    request: Request, new: ClientIn, caller: Maker, session: Session, response: Response
) -> dict[str, Any]:
    """A machine client of your agency, or one of a named person; it can do no more than you.

    A `client_secret_basic` client gets its `secret` in this answer and never again.
    """
    shown_once(request, "secret")
    client, secret = await service.create_client(session, caller, new)
    response.headers["Location"] = f"/v1/clients/{client.id}"
    return await _read(session, caller, client, response) | {"secret": secret}


@router.get(
    "",
    operation_id="listClients",
    response_model=Page[ClientOut],
    responses=problems(CursorInvalid),
    summary="List clients",
)
async def list_clients(
    request: Request,
    response: Response,
    caller: Admin,
    session: Session,
    filters: Annotated[ClientFilter, Query()],
) -> dict[str, Any]:
    """Clients of your agency by id, revoked ones too."""
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    after = pager.after[0] if pager.after else None
    rows = await queries.list_clients(
        session, caller.agency_id, filters.status, filters.person_id, after, filters.limit + 1
    )
    items, following = pager.page(list(rows), lambda row: [row.id], response)
    secrets = await queries.secrets_of(session, [row.id for row in items])
    return {
        "items": [_wire(caller, row, secrets[row.id]) for row in items],
        "next_cursor": following,
    }


@router.get(
    "/{client_id}",
    operation_id="getClient",
    response_model=ClientOut,
    responses=problems(ClientNotFound),
    summary="Read a client",
)
async def get_client(
    client_id: TheClient, caller: Admin, session: Session, response: Response
) -> dict[str, Any]:
    """One client of your agency and when its secrets end; a secret itself is never served."""
    client = await service.get_client(session, caller, client_id)
    return await _read(session, caller, client, response)


@router.patch(
    "/{client_id}",
    operation_id="changeClient",
    response_model=ClientOut,
    responses=problems(
        ClientNotFound,
        ClientRevoked,
        ClientUnfit,
        BeyondCaller,
        PatchEmpty,
        PreconditionRequired,
        PreconditionFailed,
    ),
    summary="Change a client",
)
async def change_client(
    client_id: TheClient,
    patch: ClientPatch,
    version: Annotated[int, Depends(expected_version)],
    caller: Admin,
    session: Session,
    response: Response,
) -> dict[str, Any]:
    """JSON Merge Patch, in force on the client's next request; never beyond your rights."""
    client = await service.change_client(session, caller, client_id, version, patch)
    return await _read(session, caller, client, response)


@router.delete(
    "/{client_id}",
    status_code=204,
    operation_id="revokeClient",
    response_model=None,
    responses=problems(ClientNotFound),
    summary="Revoke a client",
)
async def revoke_client(client_id: TheClient, caller: Admin, session: Session) -> Response:
    """Stop a client for good: its next request is refused, whatever token it has."""
    await service.revoke_client(session, caller, client_id)
    return Response(status_code=204)


@router.post(
    "/{client_id}/secrets",
    status_code=201,
    operation_id="rotateSecret",
    response_model=SecretMade,
    responses=problems(ClientNotFound, ClientRevoked, ClientUnfit, BeyondCaller),
    summary="Rotate a secret",
)
async def rotate_secret(
    request: Request, client_id: TheClient, caller: Maker, session: Session
) -> dict[str, Any]:
    """A new secret for 180 days beside the newest one; an older one stops working."""
    shown_once(request, "secret")
    made = await service.rotate_secret(session, caller, client_id)
    return SecretOut.model_validate(made.row).model_dump() | {
        "secret": made.secret,
        "ended": made.ended,
    }


@router.delete(
    "/{client_id}/secrets/{secret_id}",
    status_code=204,
    operation_id="endSecret",
    response_model=None,
    responses=problems(ClientNotFound, SecretNotFound),
    summary="End a secret",
)
async def end_secret(
    client_id: TheClient, secret_id: UUID, caller: Admin, session: Session
) -> Response:
    """End one secret at once."""
    await service.end_secret(session, caller, client_id, secret_id)
    return Response(status_code=204)


@router.post(
    "/{client_id}/feed-tokens",
    status_code=201,
    operation_id="createFeedToken",
    response_model=FeedTokenMade,
    responses=problems(ClientNotFound, ClientRevoked, ClientUnfit, BeyondCaller),
    summary="Make a feed token",
)
async def create_feed_token(
    request: Request, client_id: TheClient, new: FeedTokenIn, caller: Maker, session: Session
) -> dict[str, Any]:
    """A token of up to a year for the FollowTheMoney files only, shown in this answer only.

    Send it as `Authorization: Token …`, `ApiKey …` or `Bearer …`.
    """
    shown_once(request, "token")
    row, token = await service.create_feed_token(session, caller, client_id, new)
    return FeedTokenOut.model_validate(row).model_dump() | {"token": token}


@router.get(
    "/{client_id}/feed-tokens",
    operation_id="listFeedTokens",
    response_model=Page[FeedTokenOut],
    responses=problems(ClientNotFound, CursorInvalid),
    summary="List feed tokens",
)
async def list_feed_tokens(
    request: Request,
    response: Response,
    client_id: TheClient,
    caller: Admin,
    session: Session,
    limit: Limit = LIMIT_DEFAULT,
    cursor: CursorText | None = None,
) -> dict[str, Any]:
    """Feed tokens of a client, newest first, those that ended too."""
    client = await service.get_client(session, caller, client_id)
    pager = Pager(request, caller.agency_id, limit, cursor)
    after = UUID(pager.after[0]) if pager.after else None
    rows = await queries.list_feed_tokens(session, client.id, after, limit + 1)
    items, following = pager.page(list(rows), lambda row: [str(row.id)], response)
    return {"items": items, "next_cursor": following}


@router.delete(
    "/{client_id}/feed-tokens/{token_id}",
    status_code=204,
    operation_id="revokeFeedToken",
    response_model=None,
    responses=problems(ClientNotFound, FeedTokenNotFound),
    summary="Revoke a feed token",
)
async def revoke_feed_token(
    client_id: TheClient, token_id: UUID, caller: Admin, session: Session
) -> Response:
    """End a feed token: its next request is refused."""
    await service.revoke_feed_token(session, caller, client_id, token_id)
    return Response(status_code=204)
