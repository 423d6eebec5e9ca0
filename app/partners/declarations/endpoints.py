"""HTTP of declarations."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response

from app.audit.errors import PurposeRequired
from app.auth.caller import Caller, Keys, requires_once
from app.auth.scopes import Scope
from app.core.db import Session
from app.core.errors import problems
from app.core.http import RegistryRoute
from app.core.paging import CursorInvalid, Pager
from app.core.routing import Router
from app.core.schemas import Page
from app.partners.declarations import service
from app.partners.declarations.errors import (
    AnswersUnfit,
    DeclarationInherited,
    DeclarationNotFound,
    FormOutdated,
)
from app.partners.declarations.schemas import (
    DeclarationFilter,
    DeclarationIn,
    DeclarationOut,
    SignatureOut,
)
from app.partners.errors import EditsFrozen, OwnedByPartner, PartnerNotFound
from app.partners.sections.endpoints import PeopleReader, Purpose, Reader, purposes

router = Router(
    prefix="/partners/{partner_id}/declarations", tags=["partners"], route_class=RegistryRoute
)
Signer = Annotated[Caller, requires_once(Scope.PARTNERS_WRITE)]


@router.get(
    "",
    operation_id="listDeclarations",
    response_model=Page[DeclarationOut],
    responses=problems(PartnerNotFound, CursorInvalid),
    summary="List declarations of a partner",
)
async def list_declarations(
    request: Request,
    response: Response,
    partner_id: UUID,
    caller: Reader,
    session: Session,
    filters: Annotated[DeclarationFilter, Query()],
) -> dict[str, Any]:
    """Its own and those of its headquarters, newest first."""
    pager = Pager(request, caller.client_id, filters.limit, filters.cursor)
    after = UUID(pager.after[0]) if pager.after else None
    rows = await service.list_declarations(session, caller, partner_id, after, filters.limit + 1)
    items, following = pager.page(rows, lambda row: [str(row["id"])], response)
    return {"items": items, "next_cursor": following}


@router.post(
    "",
    status_code=201,
    operation_id="signDeclaration",
    response_model=DeclarationOut,
    responses=problems(
        PartnerNotFound,
        EditsFrozen,
        OwnedByPartner,
        DeclarationInherited,
        FormOutdated,
        AnswersUnfit,
    ),
    summary="Record a signed declaration",
)
async def sign_declaration(
    partner_id: UUID,
    new: DeclarationIn,
    caller: Signer,
    session: Session,
    keyring: Keys,
    response: Response,
) -> dict[str, Any]:
    """Answers to every statement of the form in force that is asked of this type of partner.

    Nothing of it can be changed: what has become different is declared anew.
    """
    made = await service.sign(session, keyring, caller, partner_id, new)
    response.headers["Location"] = f"/v1/partners/{partner_id}/declarations"
    return made


@router.get(
    "/{declaration_id}/signature",
    operation_id="readDeclarationSignature",
    response_model=SignatureOut,
    responses=problems(PartnerNotFound, DeclarationNotFound, PurposeRequired),
    summary="Read who signed a declaration",
)
async def read_signature(
    request: Request,
    partner_id: UUID,
    declaration_id: UUID,
    caller: PeopleReader,
    session: Session,
    keyring: Keys,
    access_purpose: Purpose = None,
) -> dict[str, Any]:
    """Name and title, RESTRICTED: asks for a purpose, and the reading is logged."""
    headers = purposes(request, access_purpose)
    return await service.read_signature(
        session, keyring, caller, partner_id, declaration_id, headers
    )
