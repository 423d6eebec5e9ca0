"""HTTP of partner profiles."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import ValidationError
from pydantic_core import to_json

from app.auth.caller import (
    STATUS_WIDTH,
    Caller,
    VerifiedToken,
    caller_from,
    requires,
    requires_once,
    requires_token,
)
from app.auth.scopes import Scope
from app.core.db import DatabaseDep, Session
from app.core.errors import FieldError, InvalidRequest, problems
from app.core.http import (
    PreconditionFailed,
    PreconditionRequired,
    RegistryRoute,
    expected_version,
    not_modified,
    version_etag,
)
from app.core.paging import CursorInvalid, Pager
from app.core.schemas import Country, Page, Text
from app.partners import queries, service
from app.partners.errors import HeadquartersUnknown, IdentifierTaken, PartnerNotFound, PatchEmpty
from app.partners.identifiers import IdentifierScheme
from app.partners.matching.schemas import PartnerCreated
from app.partners.schemas import (
    IdentifierIn,
    PartnerFilter,
    PartnerIn,
    PartnerOut,
    PartnerPatch,
)

router = APIRouter(prefix="/partners", tags=["partners"], route_class=RegistryRoute)
Reader = Annotated[Caller, requires(Scope.PARTNERS_READ)]
FastReader = Annotated[VerifiedToken, requires_token(Scope.PARTNERS_READ)]
Creator = Annotated[Caller, requires_once(Scope.PARTNERS_WRITE)]
Writer = Annotated[Caller, requires(Scope.PARTNERS_WRITE)]


@router.post(
    "",
    status_code=201,
    operation_id="createPartner",
    response_model=PartnerCreated,
    responses=problems(IdentifierTaken, HeadquartersUnknown),
    summary="Create a partner profile",
)
async def create_partner(
    new: PartnerIn, caller: Creator, session: Session, response: Response
) -> dict[str, Any]:
    """Create a draft profile. An identifier that is taken is a 409 with the `partner_id`;
    profiles that may be the same partner are named in `possible_duplicates`.
    """
    partner = await service.create_partner(session, caller, new)
    response.headers["Location"] = f"/v1/partners/{partner['id']}"
    response.headers["ETag"] = version_etag(partner["version"])
    return partner


@router.get(
    "",
    operation_id="listPartners",
    response_model=Page[PartnerOut],
    responses=problems(CursorInvalid),
    summary="List partner profiles",
)
async def list_partners(
    request: Request,
    token: FastReader,
    database: DatabaseDep,
    filters: Annotated[PartnerFilter, Query()],
) -> Response:
    """Profiles, newest first, by country, type and status."""
    pager = Pager(request, token.client_id, filters.limit, filters.cursor)
    wanted = {
        "country": filters.country,
        "partner_type": filters.partner_type,
        "status": filters.status,
        "after": UUID(pager.after[0]) if pager.after else None,
    }
    clauses: list[str] = ["true"]
    values: list[object] = [token.client_id]
    for name, value in wanted.items():
        if value is not None:
            values.append(value)
            clauses.append(queries.LIST_FILTERS[name].format(n=len(values)))
    sql = queries.FAST_LIST.format(filters=" AND ".join(clauses), limit=filters.limit + 1)
    async with database.fast_read() as connection:
        rows = await connection.fetch(sql, *values)
    caller_from(request, token, rows[0] if rows else None, Scope.PARTNERS_READ)
    found = [row for row in rows if row["id"] is not None]
    response = Response(media_type="application/json")
    items, following = pager.page(found, lambda row: [str(row["id"])], response)
    body = to_json(
        {"items": [service.wire(row[STATUS_WIDTH:]) for row in items], "next_cursor": following}
    )
    return Response(body, media_type="application/json", headers=_link(response))


def _link(response: Response) -> dict[str, str]:
    return {"Link": response.headers["link"]} if "link" in response.headers else {}


@router.get(
    "/resolve",
    operation_id="resolvePartner",
    response_model=PartnerOut,
    responses=problems(PartnerNotFound),
    summary="Find a partner by identifier",
)
async def resolve_partner(
    scheme: IdentifierScheme,
    value: Annotated[Text, Query(min_length=1, max_length=1_024)],
    caller: Reader,
    session: Session,
    response: Response,
    country: Annotated[Country | None, Query()] = None,
) -> dict[str, Any]:
    """The profile that carries this identifier; vendor numbers are the calling agency's own."""
    try:
        item = IdentifierIn(scheme=scheme, value=value, country=country)
    except ValidationError as error:
        message = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
        raise InvalidRequest(
            errors=[FieldError(pointer="query:value", code="value_error", message=message)]
        ) from None
    partner = await service.resolve(session, caller, item)
    response.headers["ETag"] = version_etag(partner["version"])
    return partner


@router.get(
    "/{partner_id}",
    operation_id="getPartner",
    response_model=PartnerOut,
    responses=problems(PartnerNotFound) | {304: {"description": "Not modified"}},
    summary="Read a partner profile",
)
async def get_partner(
    request: Request, partner_id: UUID, token: FastReader, database: DatabaseDep
) -> Response:
    """One profile; its ETag is its version."""
    async with database.fast_read() as connection:
        row = await connection.fetchrow(queries.FAST_GET, token.client_id, partner_id)
    caller_from(request, token, row, Scope.PARTNERS_READ)
    if row["id"] is None:
        raise PartnerNotFound
    etag = version_etag(row["version"])
    return not_modified(request, etag) or Response(
        to_json(service.wire(row[STATUS_WIDTH:])),
        media_type="application/json",
        headers={"ETag": etag},
    )


@router.patch(
    "/{partner_id}",
    operation_id="changePartner",
    response_model=PartnerOut,
    responses=problems(PartnerNotFound, PatchEmpty, PreconditionRequired, PreconditionFailed),
    summary="Change a partner profile",
)
async def change_partner(
    partner_id: UUID,
    patch: PartnerPatch,
    version: Annotated[int, Depends(expected_version)],
    caller: Writer,
    session: Session,
    response: Response,
) -> dict[str, Any]:
    """JSON Merge Patch; needs `If-Match` with the version that was read."""
    partner = await service.change_partner(session, caller, partner_id, version, patch)
    response.headers["ETag"] = version_etag(partner["version"])
    return partner
