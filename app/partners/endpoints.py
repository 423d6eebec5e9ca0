"""HTTP of partner profiles."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response
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
from app.auth.errors import CountryOutsideScope
from app.auth.scopes import Scope
from app.core.clock import Now
from app.core.db import DatabaseDep, Session
from app.core.errors import problems
from app.core.http import (
    PreconditionFailed,
    PreconditionRequired,
    RegistryRoute,
    bytes_etag,
    expected_version,
    not_modified,
    version_etag,
)
from app.core.paging import LIMIT_DEFAULT, CursorInvalid, CursorText, Limit, Pager
from app.core.routing import Router
from app.core.schemas import Day, Instant, Page
from app.partners import queries, service, visibility
from app.partners.errors import (
    ChangeDateWithoutFormerName,
    CountryProfileExists,
    CountryProfileRefused,
    CountryProfilesHang,
    EditsFrozen,
    HeadquartersProtected,
    HeadquartersUnknown,
    IdentifierTaken,
    MeasureInForce,
    NameRequired,
    OwnedByPartner,
    PartnerMerged,
    PartnerNotFound,
    PatchEmpty,
    RedFlagInForce,
    SameCountryUnjustified,
    TagNotAllowed,
    TypeDiffers,
    TypeNotListed,
)
from app.partners.history import service as history
from app.partners.history.errors import NotKnownThen
from app.partners.identifiers.errors import VendorCountryUnfit
from app.partners.matching.schemas import PartnerCreated
from app.partners.schemas import (
    PartnerIn,
    PartnerOut,
    PartnerPatch,
    SourcesOut,
)
from app.partners.types import PartnerStatus

router = Router(prefix="/partners", tags=["partners"], route_class=RegistryRoute)
Reader = Annotated[Caller, requires(Scope.PARTNERS_READ)]
FastReader = Annotated[VerifiedToken, requires_token(Scope.PARTNERS_READ)]
Creator = Annotated[Caller, requires_once(Scope.PARTNERS_WRITE)]
Writer = Annotated[Caller, requires(Scope.PARTNERS_WRITE)]
_PROTECTED = Scope.PARTNERS_PROTECTED.value
_RULES = (TypeNotListed, TagNotAllowed, CountryProfileRefused, TypeDiffers, SameCountryUnjustified)


@router.post(
    "",
    status_code=201,
    operation_id="createPartner",
    response_model=PartnerCreated,
    responses=problems(
        IdentifierTaken,
        VendorCountryUnfit,
        CountryProfileExists,
        HeadquartersUnknown,
        CountryOutsideScope,
        *_RULES,
    ),
    summary="Create a partner profile",
)
async def create_partner(
    new: PartnerIn, caller: Creator, session: Session, now: Now, response: Response
) -> dict[str, Any]:
    """Create a draft profile. An identifier that is taken is a 409 with the `partner_id`;
    profiles that may be the same partner are named in `possible_duplicates`.

    Where the other profile is protected from the caller, it is a 409 with `contact_registry: true`
    and no id.
    """
    partner = await service.create_partner(session, caller, new, now.date())
    response.headers["Location"] = f"/v1/partners/{partner['id']}"
    response.headers["ETag"] = version_etag(partner["version"])
    return partner


@router.get(
    "/{partner_id}",
    operation_id="getPartner",
    response_model=PartnerOut,
    responses=problems(PartnerNotFound, NotKnownThen) | {304: {"description": "Not modified"}},
    summary="Read a partner profile",
)
async def get_partner(
    request: Request,
    partner_id: UUID,
    token: FastReader,
    database: DatabaseDep,
    as_of: Annotated[
        Instant | None, Query(description="the profile as the registry had it at this instant")
    ] = None,
    valid_on: Annotated[
        Day | None, Query(description="what held in the world on this day, as known now")
    ] = None,
) -> Response:
    """One profile; its ETag is its version.

    With `as_of` and `valid_on` together: what was known at that instant to hold on that day.
    """
    asked: list[object] = [token.client_id, partner_id, _PROTECTED in token.scopes]
    then = as_of is not None or valid_on is not None
    if then:
        asked += [as_of, valid_on]
    async with database.fast_read() as connection:
        row = await connection.fetchrow(history.FAST_THEN if then else queries.FAST_GET, *asked)
    caller = caller_from(request, token, row, Scope.PARTNERS_READ)
    if row["id"] is None:
        raise PartnerNotFound
    if not then and row["status"] == PartnerStatus.MERGED:
        args = visibility.survivor_args(caller)
        async with database.fast_read() as connection:
            survivor = await connection.fetchval(visibility.SURVIVOR, partner_id, *args)
        raise PartnerNotFound if survivor is None else PartnerMerged(survivor)
    body = to_json(history.wire_then(row)) if then else b""
    etag = bytes_etag(body) if then else version_etag(row["version"])
    return not_modified(request, etag) or Response(
        body or to_json(service.wire(row[STATUS_WIDTH:])),
        media_type="application/json",
        headers={"ETag": etag},
    )


@router.patch(
    "/{partner_id}",
    operation_id="changePartner",
    response_model=PartnerOut,
    responses=problems(
        PartnerNotFound,
        PatchEmpty,
        EditsFrozen,
        OwnedByPartner,
        NameRequired,
        ChangeDateWithoutFormerName,
        CountryProfilesHang,
        RedFlagInForce,
        MeasureInForce,
        HeadquartersProtected,
        *_RULES,
        PreconditionRequired,
        PreconditionFailed,
    ),
    summary="Change a partner profile",
)
async def change_partner(
    partner_id: UUID,
    patch: PartnerPatch,
    version: Annotated[int, Depends(expected_version)],
    caller: Writer,
    session: Session,
    now: Now,
    response: Response,
) -> dict[str, Any]:
    """JSON Merge Patch; needs `If-Match` with the version that was read.

    An official name that gives way to another becomes a former name, unless `correction` says
    that it was never so. To protect a headquarters protects its country profiles. Protection is
    taken away by the agency that made the profile, or with the scope `partners:protected`.
    """
    partner = await service.change_partner(session, caller, partner_id, version, patch, now.date())
    response.headers["ETag"] = version_etag(partner["version"])
    return partner


@router.post(
    "/{partner_id}/confirmation",
    operation_id="confirmPartner",
    response_model=PartnerOut,
    responses=problems(PartnerNotFound, EditsFrozen, OwnedByPartner),
    summary="Confirm that a profile is right",
)
async def confirm_partner(
    partner_id: UUID, caller: Creator, session: Session, now: Now, response: Response
) -> dict[str, Any]:
    """Say that the profile as it stands is right today; sets `last_confirmed_at`."""
    partner = await service.confirm(session, caller, partner_id, now)
    response.headers["ETag"] = version_etag(partner["version"])
    return partner


@router.get(
    "/{partner_id}/sources",
    operation_id="getPartnerSources",
    response_model=SourcesOut,
    responses=problems(PartnerNotFound),
    summary="Read where the fields of a profile come from",
)
async def get_sources(
    partner_id: UUID, caller: Reader, session: Session, response: Response
) -> dict[str, Any]:
    """Who gave each field that has a value, and when."""
    found = await service.sources(session, caller, partner_id)
    response.headers["ETag"] = version_etag(found["version"])
    return found


@router.get(
    "/{partner_id}/offices",
    operation_id="listPartnerOffices",
    response_model=Page[PartnerOut],
    responses=problems(PartnerNotFound, CursorInvalid),
    summary="List the country profiles of a headquarters",
)
async def list_offices(
    request: Request,
    response: Response,
    partner_id: UUID,
    caller: Reader,
    session: Session,
    limit: Limit = LIMIT_DEFAULT,
    cursor: CursorText | None = None,
) -> dict[str, Any]:
    """Country profiles that the caller may know of, oldest first; empty for any other profile."""
    pager = Pager(request, caller.agency_id, limit, cursor)
    after = UUID(pager.after[0]) if pager.after else None
    rows = await service.offices(session, caller, partner_id, after, limit + 1)
    items, following = pager.page(rows, lambda row: [str(row["id"])], response)
    return {"items": items, "next_cursor": following}
