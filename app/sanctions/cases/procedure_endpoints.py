"""HTTP of sanction procedures."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from app.auth.caller import Caller, requires, requires_once
from app.auth.errors import PersonRequired, RoleLacksRight
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
from app.core.paging import CursorInvalid, Pager
from app.core.routing import Router
from app.core.schemas import Page
from app.sanctions.cases import errors, procedures, queries
from app.sanctions.cases.procedures import (
    ProcedureDecisionIn,
    ProcedureFilter,
    ProcedureIn,
    ProcedureOut,
)

router = Router(prefix="/sanctions/procedures", tags=["sanctions"], route_class=RegistryRoute)
Reader = Annotated[Caller, requires(Scope.SANCTIONS_READ)]
Decider = Annotated[Caller, requires_once(Scope.SANCTIONS_DECIDE)]


@router.get(
    "",
    operation_id="listSanctionProcedures",
    response_model=Page[ProcedureOut],
    responses=problems(CursorInvalid),
    summary="List procedures",
)
async def list_procedures(
    request: Request,
    response: Response,
    caller: Reader,
    session: Session,
    filters: Annotated[ProcedureFilter, Query()],
) -> dict[str, Any]:
    """Approved versions of every agency, own proposals, and the common floor, which holds where
    an agency has none.
    """
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    after = UUID(pager.after[0]) if pager.after else None
    rows = list(await queries.list_procedures(session, filters.agency, after, filters.limit + 1))
    items, following = pager.page(rows, lambda row: [str(row[0].id)], response)
    return {"items": [procedures.wire(*row) for row in items], "next_cursor": following}


@router.post(
    "",
    status_code=201,
    operation_id="proposeSanctionProcedure",
    response_model=ProcedureOut,
    responses=problems(errors.ProcedureBelowFloor, PersonRequired, RoleLacksRight),
    summary="Propose a procedure",
)
async def propose(
    new: ProcedureIn, caller: Decider, session: Session, response: Response
) -> dict[str, Any]:
    """A version of the own agency's; it may ask for more than the common floor, never for less."""
    found = await procedures.propose(session, caller, new)
    response.headers["Location"] = f"/v1/sanctions/procedures/{found['id']}"
    response.headers["ETag"] = version_etag(found["version"])
    return found


@router.get(
    "/{procedure_id}",
    operation_id="getSanctionProcedure",
    response_model=ProcedureOut,
    responses=problems(errors.ProcedureNotFound),
    summary="Read a procedure",
)
async def get_procedure(
    procedure_id: UUID, caller: Reader, session: Session, response: Response
) -> dict[str, Any]:
    """An approved version never changes; cases stay with the one they were told under."""
    found = await procedures.get(session, procedure_id)
    response.headers["ETag"] = version_etag(found["version"])
    return found


@router.post(
    "/{procedure_id}/approval",
    status_code=201,
    operation_id="approveSanctionProcedure",
    response_model=ProcedureOut,
    responses=problems(
        errors.ProcedureNotFound,
        errors.ProcedureDecided,
        errors.SamePerson,
        PreconditionRequired,
        PreconditionFailed,
        PersonRequired,
        RoleLacksRight,
    ),
    summary="Approve or refuse a procedure",
)
async def approve(
    procedure_id: UUID,
    decision: ProcedureDecisionIn,
    version: Annotated[int, Depends(expected_version)],
    caller: Decider,
    session: Session,
    now: Now,
    response: Response,
) -> dict[str, Any]:
    """By a second person of the agency. It holds for partners told from its day on."""
    found = await procedures.approve(session, caller, procedure_id, version, decision, now)
    response.headers["ETag"] = version_etag(found["version"])
    return found
