"""HTTP of the partner's own profile."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from app.auth.caller import Caller, Keys, requires, requires_once
from app.auth.errors import RoleLacksRight
from app.auth.scopes import Scope
from app.core.clock import Now
from app.core.db import Session
from app.core.errors import problems
from app.core.http import (
    PreconditionFailed,
    PreconditionRequired,
    RegistryRoute,
    expected_version,
    version_etag,
)
from app.core.paging import LIMIT_DEFAULT, CursorInvalid, CursorText, Limit, Pager
from app.core.routing import Router
from app.core.schemas import Page, Schema
from app.partners import service
from app.partners.claims import control
from app.partners.claims.errors import AdministratorNotFound, ControlInDispute
from app.partners.claims.schemas import ControlOut, DisputeIn
from app.partners.declarations import service as declarations
from app.partners.declarations.errors import AnswersUnfit, DeclarationInherited, FormOutdated
from app.partners.declarations.schemas import DeclarationFilter, DeclarationIn, DeclarationOut
from app.partners.errors import (
    ChangeDateWithoutFormerName,
    CountryProfilesHang,
    EditsFrozen,
    HeadquartersProtected,
    IdentifierTaken,
    NameRequired,
    PartnerMerged,
    PatchEmpty,
    TagNotAllowed,
    TypeDiffers,
    TypeNotListed,
)
from app.partners.history.errors import NotKnownThen
from app.partners.identifiers import queries as identifier_queries
from app.partners.identifiers import service as identifiers
from app.partners.identifiers.errors import (
    IdentifierDisputed,
    IdentifierEnded,
    IdentifierNotFound,
)
from app.partners.identifiers.schemas import IdentifierAdd, IdentifierEnd, IdentifierRecord
from app.partners.identifiers.schemes import rule
from app.partners.schemas import PartnerOut, PartnerPatch
from app.partners.sections import service as sections
from app.partners.sections.kinds import ALL, Kind
from app.partners.sections.schemas import (
    CompletenessOut,
    SectionCode,
    SectionOut,
    SectionVersionOut,
)
from app.partners.sections.then import AsOf, ValidOn, answer, past
from app.partners.self_service.access import own_id
from app.partners.self_service.errors import SchemeNotTaken
from app.partners.self_service.schemas import Administrators, IdentifierQuery
from app.partners.verifications import standing
from app.partners.verifications.schemas import StandingOut

router = Router(prefix="/self", tags=["self"], route_class=RegistryRoute)
Reader = Annotated[Caller, requires(Scope.SELF_READ)]
Writer = Annotated[Caller, requires(Scope.SELF_WRITE)]
Creator = Annotated[Caller, requires_once(Scope.SELF_WRITE)]
Contester = Annotated[Caller, requires_once(Scope.SELF_CONTEST)]


@router.get(
    "/profile",
    operation_id="getOwnProfile",
    response_model=PartnerOut,
    responses=problems(PartnerMerged),
    summary="Read the own profile",
)
async def get_profile(caller: Reader, session: Session, response: Response) -> dict[str, Any]:
    """The profile as agencies have it; its ETag is its version."""
    partner = await service.visible_partner(session, caller, own_id(caller))
    response.headers["ETag"] = version_etag(partner.version)
    return await service.get_partner(session, caller, partner.id)


@router.patch(
    "/profile",
    operation_id="changeOwnProfile",
    response_model=PartnerOut,
    responses=problems(
        PartnerMerged,
        PatchEmpty,
        EditsFrozen,
        NameRequired,
        ChangeDateWithoutFormerName,
        CountryProfilesHang,
        HeadquartersProtected,
        TagNotAllowed,
        TypeDiffers,
        TypeNotListed,
        PreconditionRequired,
        PreconditionFailed,
    ),
    summary="Change the own profile",
)
async def change_profile(
    patch: PartnerPatch,
    version: Annotated[int, Depends(expected_version)],
    caller: Writer,
    session: Session,
    now: Now,
    response: Response,
) -> dict[str, Any]:
    """JSON Merge Patch; needs `If-Match`. A change of name or type makes a verified profile wait
    for verification again. To protect the profile, or no longer, is the partner's own decision."""
    partner = await service.change_partner(
        session, caller, own_id(caller), version, patch, now.date()
    )
    response.headers["ETag"] = version_etag(partner["version"])
    return partner


@router.post(
    "/confirmation",
    operation_id="confirmOwnProfile",
    response_model=PartnerOut,
    responses=problems(PartnerMerged, EditsFrozen),
    summary="Confirm that the own profile is right",
)
async def confirm(
    caller: Creator, session: Session, now: Now, response: Response
) -> dict[str, Any]:
    """Say that the profile as it stands is right today; sets `last_confirmed_at`."""
    partner = await service.confirm(session, caller, own_id(caller), now)
    response.headers["ETag"] = version_etag(partner["version"])
    return partner


@router.get(
    "/completeness",
    operation_id="getOwnCompleteness",
    response_model=CompletenessOut,
    responses=problems(PartnerMerged),
    summary="Read what the own profile still lacks",
)
async def get_completeness(caller: Reader, session: Session) -> dict[str, Any]:
    """Section by section, by the rules for the partner's type."""
    return await sections.get_completeness(session, caller, own_id(caller))


@router.get(
    "/standing",
    operation_id="getOwnStanding",
    response_model=StandingOut,
    responses=problems(PartnerMerged),
    summary="Read where the own organisation stands",
)
async def get_standing(caller: Reader, session: Session) -> StandingOut:
    """Computed from what is in force now, without what oversight keeps back for a time."""
    return await standing.get_standing(session, caller, own_id(caller))


@router.post(
    "/declarations",
    status_code=201,
    operation_id="signOwnDeclaration",
    response_model=DeclarationOut,
    responses=problems(
        PartnerMerged, EditsFrozen, DeclarationInherited, FormOutdated, AnswersUnfit
    ),
    summary="Sign a declaration",
)
async def sign(
    new: DeclarationIn, caller: Creator, session: Session, keyring: Keys, response: Response
) -> dict[str, Any]:
    """Answers to every statement of the form in force; nothing of it can be changed later."""
    made = await declarations.sign(session, keyring, caller, own_id(caller), new)
    response.headers["Location"] = "/v1/self/declarations"
    return made


@router.get(
    "/declarations",
    operation_id="listOwnDeclarations",
    response_model=Page[DeclarationOut],
    responses=problems(PartnerMerged, CursorInvalid),
    summary="List the own declarations",
)
async def list_declarations(
    request: Request,
    response: Response,
    caller: Reader,
    session: Session,
    filters: Annotated[DeclarationFilter, Query()],
) -> dict[str, Any]:
    """The own ones and those of the headquarters, newest first."""
    pager = Pager(request, caller.client_id, filters.limit, filters.cursor)
    after = UUID(pager.after[0]) if pager.after else None
    rows = await declarations.list_declarations(
        session, caller, own_id(caller), after, filters.limit + 1
    )
    items, following = pager.page(rows, lambda row: [str(row["id"])], response)
    return {"items": items, "next_cursor": following}


@router.get(
    "/identifiers",
    operation_id="listOwnIdentifiers",
    response_model=Page[IdentifierRecord],
    responses=problems(PartnerMerged, CursorInvalid),
    summary="List the own identifiers",
)
async def list_identifiers(
    request: Request,
    response: Response,
    caller: Reader,
    session: Session,
    filters: Annotated[IdentifierQuery, Query()],
) -> dict[str, Any]:
    """Oldest first, vendor numbers of agencies included."""
    partner = await service.visible_partner(session, caller, own_id(caller))
    pager = Pager(request, caller.client_id, filters.limit, filters.cursor)
    rows = await identifier_queries.list_held(
        session, partner.id, filters.ended, pager.after, filters.limit + 1
    )
    items, following = pager.page(
        list(rows), lambda row: [row.added_at.isoformat(), str(row.id)], response
    )
    return {"items": [identifiers.wire(row) for row in items], "next_cursor": following}


@router.post(
    "/identifiers",
    status_code=201,
    operation_id="addOwnIdentifier",
    response_model=IdentifierRecord,
    responses=problems(PartnerMerged, EditsFrozen, IdentifierTaken, RoleLacksRight, SchemeNotTaken),
    summary="Add an own identifier",
)
async def add_identifier(
    new: IdentifierAdd, caller: Creator, session: Session, keyring: Keys, response: Response
) -> dict[str, Any]:
    """A public one; tax numbers and vendor numbers go through an agency. One that another profile
    holds is a 409 that does not say whose; if it is the own one, `dispute` says where to say so."""
    if rule(new.scheme).restricted:
        raise SchemeNotTaken
    partner = await service.visible_partner(session, caller, own_id(caller))
    made = await identifiers.add(session, keyring, caller, partner, new)
    response.headers["Location"] = "/v1/self/identifiers"
    return made


@router.post(
    "/identifiers/{identifier_id}/end",
    operation_id="endOwnIdentifier",
    response_model=IdentifierRecord,
    responses=problems(
        PartnerMerged, EditsFrozen, IdentifierNotFound, IdentifierEnded, IdentifierDisputed
    ),
    summary="End an own identifier",
)
async def end_identifier(
    identifier_id: UUID, why: IdentifierEnd, caller: Creator, session: Session
) -> dict[str, Any]:
    """It stays in the history. A vendor number is ended by its agency alone."""
    partner = await service.visible_partner(session, caller, own_id(caller))
    return await identifiers.end(session, caller, partner, identifier_id, why.reason)


@router.get(
    "/administrators",
    operation_id="listAdministrators",
    response_model=Administrators,
    summary="Read who acts for the own organisation",
)
async def list_administrators(caller: Reader, session: Session) -> dict[str, Any]:
    """Every client that acts for it or asked to, oldest first: so an earlier administrator sees a
    new one. At most a handful: no pages."""
    return {"items": await control.list_administrators(session, caller)}


@router.post(
    "/administrators/dispute",
    status_code=201,
    operation_id="disputeControl",
    response_model=ControlOut,
    responses=problems(AdministratorNotFound, ControlInDispute),
    summary="Dispute that another administrator acts for the organisation",
)
async def dispute_control(
    new: DisputeIn, caller: Contester, session: Session, keyring: Keys
) -> dict[str, Any]:
    """Freezes the profile, for both, until an agency that did not approve the other decides."""
    return await control.dispute(session, keyring, caller, new)


@router.get(
    "/sections/{section}/history",
    operation_id="listOwnSectionVersions",
    response_model=Page[SectionVersionOut],
    responses=problems(PartnerMerged, CursorInvalid),
    summary="List the versions of an own section",
)
async def list_section_versions(
    request: Request,
    response: Response,
    section: SectionCode,
    caller: Reader,
    session: Session,
    limit: Limit = LIMIT_DEFAULT,
    cursor: CursorText | None = None,
) -> dict[str, Any]:
    """Every version ever recorded, newest first; read one with `as_of` at the section itself."""
    pager = Pager(request, caller.client_id, limit, cursor)
    after = pager.after[0] if pager.after else None
    rows = await sections.versions(session, caller, own_id(caller), section, after, limit + 1)
    items, following = pager.page(rows, lambda row: [row["version"]], response)
    return {"items": items, "next_cursor": following}


def _serve(kind: Kind) -> None:
    """Add the two routes of a section, each with that section's own fields in the contract."""
    name = kind.code.capitalize()
    body: Any = SectionOut[kind.body]  # type: ignore[name-defined]  # known at run time only

    async def get(
        request: Request,
        caller: Reader,
        session: Session,
        as_of: AsOf = None,
        valid_on: ValidOn = None,
    ) -> Response:
        if as_of is not None or valid_on is not None:
            then = await sections.section_then(
                session, caller, own_id(caller), kind, as_of, valid_on
            )
            return past(request, then)
        found = await sections.get_section(session, caller, own_id(caller), kind)
        return answer(found, found["version"])

    async def change(
        patch: Schema,
        version: Annotated[int, Depends(expected_version)],
        caller: Writer,
        session: Session,
        keyring: Keys,
    ) -> Response:
        found = await sections.change_section(
            session, keyring, caller, own_id(caller), kind, version, patch
        )
        return answer(found, found["version"])

    change.__annotations__["patch"] = kind.patch
    router.add_api_route(
        f"/sections/{kind.code}",
        get,
        operation_id=f"getOwn{name}",
        response_model=body,
        responses=problems(PartnerMerged, NotKnownThen) | {304: {"description": "Not modified"}},
        summary=f"Read the own section {kind.code}",
        description=f"Section {kind.code} ({kind.title}) with its version and what it lacks. With "
        "`as_of` and `valid_on` together: what was known at that instant to hold on that day.",
    )
    router.add_api_route(
        f"/sections/{kind.code}",
        change,
        methods=["PATCH"],
        operation_id=f"changeOwn{name}",
        response_model=body,
        responses=problems(
            PartnerMerged, PatchEmpty, EditsFrozen, PreconditionRequired, PreconditionFailed
        ),
        summary=f"Change the own section {kind.code}",
        description=f"JSON Merge Patch of section {kind.code} ({kind.title}). Needs `If-Match`; "
        '`"v0"` for a section that was never saved.',
    )


for _kind in ALL.values():
    _serve(_kind)
