"""HTTP of the sections of a profile."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Header, Request, Response

from app.audit.errors import PurposeRequired
from app.auth.caller import Caller, Keys, requires
from app.auth.scopes import Scope
from app.core.db import Session
from app.core.errors import problems
from app.core.http import (
    PreconditionFailed,
    PreconditionRequired,
    RegistryRoute,
    expected_version,
)
from app.core.paging import LIMIT_DEFAULT, CursorInvalid, CursorText, Limit, Pager
from app.core.routing import Router
from app.core.schemas import Page, Schema
from app.partners.errors import EditsFrozen, OwnedByPartner, PartnerNotFound, PatchEmpty
from app.partners.history.errors import NotKnownThen
from app.partners.sections import service
from app.partners.sections.errors import RegistrationReasonNotFound
from app.partners.sections.kinds import ALL, Kind
from app.partners.sections.schemas import (
    CompletenessOut,
    ReasonOut,
    SectionCode,
    SectionOut,
    SectionsOut,
    SectionVersionOut,
)
from app.partners.sections.then import AsOf, ValidOn, answer, past

router = Router(prefix="/partners/{partner_id}", tags=["partners"], route_class=RegistryRoute)
Reader = Annotated[Caller, requires(Scope.PARTNERS_READ)]
Writer = Annotated[Caller, requires(Scope.PARTNERS_WRITE)]
PeopleReader = Annotated[Caller, requires(Scope.PEOPLE_READ)]
Purpose = Annotated[
    str | None,
    Header(
        description='why a RESTRICTED text is read: `CODE; ref="reference"`',
        examples=['PARTNER_SELECTION; ref="WFP-KE-2026-17"'],
    ),
]


def purposes(request: Request, given: str | None) -> list[str]:
    """Every Access-Purpose header of the request."""
    return request.headers.getlist("access-purpose") if given is not None else []


@router.get(
    "/sections",
    operation_id="getPartnerSections",
    response_model=SectionsOut,
    responses=problems(PartnerNotFound),
    summary="Read all sections of a profile",
)
async def get_sections(partner_id: UUID, caller: Reader, session: Session) -> Response:
    """What the partner says of itself, section by section. Each has its own version."""
    return answer(await service.get_sections(session, caller, partner_id))


@router.get(
    "/completeness",
    operation_id="getPartnerCompleteness",
    response_model=CompletenessOut,
    responses=problems(PartnerNotFound),
    summary="Read what a profile still lacks",
)
async def get_completeness(partner_id: UUID, caller: Reader, session: Session) -> dict[str, Any]:
    """By the rules for the partner's type; a documented reason for missing papers is complete."""
    return await service.get_completeness(session, caller, partner_id)


@router.get(
    "/sections/registration/reason",
    operation_id="readRegistrationReason",
    response_model=ReasonOut,
    responses=problems(PartnerNotFound, RegistrationReasonNotFound, PurposeRequired),
    summary="Read why a partner is not registered",
)
async def read_reason(
    request: Request,
    partner_id: UUID,
    caller: PeopleReader,
    session: Session,
    keyring: Keys,
    access_purpose: Purpose = None,
) -> dict[str, Any]:
    """The partner's own words, RESTRICTED: asks for a purpose, and the reading is logged."""
    headers = purposes(request, access_purpose)
    return await service.read_reason(session, keyring, caller, partner_id, headers)


@router.get(
    "/sections/{section}/history",
    operation_id="listPartnerSectionVersions",
    response_model=Page[SectionVersionOut],
    responses=problems(PartnerNotFound, CursorInvalid),
    summary="List the versions of a section",
)
async def list_versions(
    request: Request,
    response: Response,
    partner_id: UUID,
    section: SectionCode,
    caller: Reader,
    session: Session,
    limit: Limit = LIMIT_DEFAULT,
    cursor: CursorText | None = None,
) -> dict[str, Any]:
    """Every version ever recorded, newest first; read one with `as_of` at the section itself."""
    pager = Pager(request, caller.agency_id, limit, cursor)
    after = pager.after[0] if pager.after else None
    rows = await service.versions(session, caller, partner_id, section, after, limit + 1)
    items, following = pager.page(rows, lambda row: [row["version"]], response)
    return {"items": items, "next_cursor": following}


def _serve_reading(kind: Kind) -> None:
    """Add the route that reads a section, with that section's own fields in the contract."""
    name = kind.code.capitalize()
    body: Any = SectionOut[kind.body]  # type: ignore[name-defined]  # known at run time only

    async def get(
        request: Request,
        partner_id: UUID,
        caller: Reader,
        session: Session,
        as_of: AsOf = None,
        valid_on: ValidOn = None,
    ) -> Response:
        if as_of is not None or valid_on is not None:
            then = await service.section_then(session, caller, partner_id, kind, as_of, valid_on)
            return past(request, then)
        found = await service.get_section(session, caller, partner_id, kind)
        return answer(found, found["version"])

    router.add_api_route(
        f"/sections/{kind.code}",
        get,
        operation_id=f"getPartner{name}",
        response_model=body,
        responses=problems(PartnerNotFound, NotKnownThen) | {304: {"description": "Not modified"}},
        summary=f"Read the section {kind.code}",
        description=f"Section {kind.code} ({kind.title}) with its version, what it lacks and who "
        "gave each field. Version 0: never saved. With `as_of` and `valid_on` together: what was "
        "known at that instant to hold on that day.",
    )


def _serve_changing(kind: Kind) -> None:
    """Add the route that changes a section, with that section's own fields in the contract."""
    name = kind.code.capitalize()
    body: Any = SectionOut[kind.body]  # type: ignore[name-defined]  # known at run time only

    async def change(
        partner_id: UUID,
        patch: Schema,
        version: Annotated[int, Depends(expected_version)],
        caller: Writer,
        session: Session,
        keyring: Keys,
    ) -> Response:
        found = await service.change_section(
            session, keyring, caller, partner_id, kind, version, patch
        )
        return answer(found, found["version"])

    change.__annotations__["patch"] = kind.patch
    router.add_api_route(
        f"/sections/{kind.code}",
        change,
        methods=["PATCH"],
        operation_id=f"changePartner{name}",
        response_model=body,
        responses=problems(
            PartnerNotFound,
            PatchEmpty,
            EditsFrozen,
            OwnedByPartner,
            PreconditionRequired,
            PreconditionFailed,
        ),
        summary=f"Change the section {kind.code}",
        description=f"JSON Merge Patch of section {kind.code} ({kind.title}); it can be saved in "
        'parts. Needs `If-Match`; `"v0"` for a section that was never saved.',
    )


for _kind in ALL.values():
    _serve_reading(_kind)
    _serve_changing(_kind)
