"""HTTP of identifiers."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Header, Query, Request, Response

from app.audit.errors import PurposeRequired
from app.audit.purposes import StatedPurpose, parse_purpose
from app.auth.caller import Caller, Keys, requires, requires_once
from app.auth.errors import RoleLacksRight
from app.auth.scopes import Scope
from app.core.db import Session
from app.core.errors import InvalidRequest, problems
from app.core.http import RegistryRoute, version_etag
from app.core.paging import CursorInvalid, Pager
from app.core.routing import Router
from app.core.schemas import Page
from app.partners import service as partners
from app.partners.errors import (
    ContactRegistry,
    EditsFrozen,
    IdentifierTaken,
    OwnedByPartner,
    PartnerNotFound,
)
from app.partners.identifiers import queries, resolve, restricted, service
from app.partners.identifiers.errors import (
    IdentifierAmbiguous,
    IdentifierDisputed,
    IdentifierEnded,
    IdentifierNotFound,
    ProfileMerged,
    VendorCountryUnfit,
)
from app.partners.identifiers.schemas import (
    IdentifierAdd,
    IdentifierEnd,
    IdentifierFilter,
    IdentifierRecord,
    ResolveQuery,
    RestrictedList,
    RestrictedMatchIn,
    RestrictedMatchOut,
)
from app.partners.schemas import PartnerOut

router = Router(prefix="/partners", tags=["identifiers"], route_class=RegistryRoute)
Reader = Annotated[Caller, requires(Scope.PARTNERS_READ)]
RestrictedReader = Annotated[Caller, requires(Scope.PEOPLE_READ)]
Keeper = Annotated[Caller, requires_once(Scope.PARTNERS_WRITE, Scope.VENDORS_WRITE)]
Purpose = Annotated[
    str | None,
    Header(
        description='why RESTRICTED contents are read: `CODE; ref="reference"`',
        examples=['CONTRACTING; ref="WFP-KE-2026-17"'],
    ),
]


async def stated_purpose(request: Request, access_purpose: Purpose = None) -> StatedPurpose | None:
    """Dependency: the purpose, if one and only one was stated in a form the log can keep."""
    headers = request.headers.getlist("access-purpose") if access_purpose is not None else []
    # Two headers would leave open which one the log should believe.
    return parse_purpose(headers[0]) if len(headers) == 1 else None


Stated = Annotated[StatedPurpose | None, Depends(stated_purpose)]


@router.get(
    "/resolve",
    operation_id="resolvePartner",
    response_model=PartnerOut,
    responses=problems(PartnerNotFound, IdentifierAmbiguous, ContactRegistry, InvalidRequest),
    summary="Find a partner by identifier",
)
async def resolve_partner(
    wanted: Annotated[ResolveQuery, Query()],
    caller: Reader,
    session: Session,
    response: Response,
) -> dict[str, Any]:
    """The profile that carries this identifier, exactly; merges are followed.

    The header `Identifier-Status` says `active`, `disputed` or `ended`; the last is found with
    `include=ended` only, and never while a profile holds the identifier.
    """
    found = await resolve.resolve(session, caller, wanted)
    await partners.visible_partner(session, caller, found.partner_id)
    partner = await partners.get_partner(session, caller, found.partner_id)
    response.headers["ETag"] = version_etag(partner["version"])
    response.headers["Identifier-Status"] = found.status
    return partner


@router.post(
    "/restricted-identifiers/match",
    operation_id="matchRestrictedIdentifier",
    response_model=RestrictedMatchOut,
    responses=problems(PurposeRequired),
    summary="Find a partner by its tax number",
)
async def match_restricted(
    wanted: RestrictedMatchIn,
    caller: RestrictedReader,
    session: Session,
    keys: Keys,
    stated: Stated,
) -> dict[str, Any]:
    """Exact, for a purpose, and logged. Stores nothing else."""
    found = await resolve.match_restricted(session, keys, caller, wanted, stated)
    if found is None:
        return {"partner_id": None, "status": None}
    return {"partner_id": found.partner_id, "status": found.status}


@router.get(
    "/{partner_id}/identifiers",
    operation_id="listIdentifiers",
    response_model=Page[IdentifierRecord],
    responses=problems(PartnerNotFound, CursorInvalid),
    summary="List a partner's identifiers",
)
async def list_identifiers(
    request: Request,
    response: Response,
    partner_id: UUID,
    caller: Reader,
    session: Session,
    filters: Annotated[IdentifierFilter, Query()],
) -> dict[str, Any]:
    """What the partner holds, oldest first, and what profiles merged into it hold."""
    partner = await partners.visible_partner(session, caller, partner_id)
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    ended = filters.include == "ended"
    rows = await queries.list_held(session, partner.id, ended, pager.after, filters.limit + 1)
    items, following = pager.page(
        list(rows), lambda row: [row.added_at.isoformat(), str(row.id)], response
    )
    return {"items": [service.wire(row) for row in items], "next_cursor": following}


@router.post(
    "/{partner_id}/identifiers",
    status_code=201,
    operation_id="addIdentifier",
    response_model=IdentifierRecord,
    responses=problems(
        PartnerNotFound,
        RoleLacksRight,
        IdentifierTaken,
        EditsFrozen,
        OwnedByPartner,
        ProfileMerged,
        VendorCountryUnfit,
    ),
    summary="Add an identifier",
)
async def add_identifier(
    partner_id: UUID,
    new: IdentifierAdd,
    caller: Keeper,
    session: Session,
    keys: Keys,
    response: Response,
) -> dict[str, Any]:
    """Add an identifier; a vendor number is the calling agency's own.

    Raises the profile's version. One that another profile holds is a 409 with its `partner_id`, or
    with `contact_registry` where the caller may not know of that profile. If it is this profile's
    all the same, the answer is a dispute (`…/identifier-disputes`).
    """
    partner = await partners.visible_partner(session, caller, partner_id)
    made = await service.add(session, keys, caller, partner, new)
    response.headers["Location"] = f"/v1/partners/{partner_id}/identifiers"
    return made


@router.post(
    "/{partner_id}/identifiers/{identifier_id}/end",
    operation_id="endIdentifier",
    response_model=IdentifierRecord,
    responses=problems(
        PartnerNotFound,
        RoleLacksRight,
        IdentifierNotFound,
        EditsFrozen,
        OwnedByPartner,
        IdentifierEnded,
        IdentifierDisputed,
    ),
    summary="End an identifier",
)
async def end_identifier(
    partner_id: UUID, identifier_id: UUID, why: IdentifierEnd, caller: Keeper, session: Session
) -> dict[str, Any]:
    """End an identifier; it stays in the history. A vendor number is ended by its agency alone."""
    partner = await partners.visible_partner(session, caller, partner_id)
    return await service.end(session, caller, partner, identifier_id, why.reason)


@router.get(
    "/{partner_id}/restricted-identifiers",
    operation_id="readRestrictedIdentifiers",
    response_model=RestrictedList,
    responses=problems(PartnerNotFound, PurposeRequired),
    summary="Read a partner's tax numbers",
)
async def read_restricted(
    partner_id: UUID, caller: RestrictedReader, session: Session, keys: Keys, stated: Stated
) -> dict[str, Any]:
    """Tax numbers, opened for a purpose; the reading is logged. At most a handful: no pages."""
    partner = await partners.visible_partner(session, caller, partner_id)
    return {"items": await restricted.read_all(session, keys, caller, partner, stated)}
