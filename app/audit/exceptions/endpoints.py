"""HTTP of redactions (reading), legal holds and withholdings."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response

from app.audit.exceptions import errors, holds, redaction, withholding
from app.audit.exceptions.schemas import (
    HoldFilter,
    HoldIn,
    HoldOut,
    HoldReleaseIn,
    HoldRenewalIn,
    RedactionDetailOut,
    RedactionFilter,
    RedactionOut,
    WithholdingFilter,
    WithholdingIn,
    WithholdingOut,
    WithholdingRenewalIn,
)
from app.auth.caller import Caller, Keys, requires, requires_once
from app.auth.scopes import Scope
from app.core.clock import Now
from app.core.db import Session
from app.core.errors import problems
from app.core.http import RegistryRoute, version_etag
from app.core.paging import CursorInvalid, Pager
from app.core.routing import Router
from app.core.schemas import Page

router = Router(route_class=RegistryRoute)
RedactionReader = Annotated[
    Caller, requires(Scope.ASSESSMENTS_WRITE, Scope.SANCTIONS_WRITE, Scope.AUDIT_READ)
]
HoldReader = Annotated[Caller, requires(Scope.HOLDS_WRITE, Scope.AUDIT_READ)]
Holder = Annotated[Caller, requires_once(Scope.HOLDS_WRITE)]
WithholdingReader = Annotated[Caller, requires(Scope.WITHHOLDINGS_WRITE)]
Withholder = Annotated[Caller, requires_once(Scope.WITHHOLDINGS_WRITE)]


def _pages(request: Request, caller: Caller, filters: Any) -> tuple[Pager, UUID | None]:
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    return pager, UUID(pager.after[0]) if pager.after else None


@router.get(
    "/redactions",
    tags=["redactions"],
    operation_id="listRedactions",
    response_model=Page[RedactionOut],
    responses=problems(CursorInvalid),
    summary="List redactions",
)
async def list_redactions(
    request: Request,
    response: Response,
    caller: RedactionReader,
    session: Session,
    keys: Keys,
    filters: Annotated[RedactionFilter, Query()],
) -> dict[str, Any]:
    """Redactions of the own agency's content, newest first; `overdue` wait for their decision."""
    pager, after = _pages(request, caller, filters)
    rows = await redaction.list_redactions(session, caller, filters.state, after, filters.limit + 1)
    items, following = pager.page(list(rows), lambda row: [str(row.id)], response)
    shown = [await redaction.wire(session, keys, row) for row in items]
    return {"items": shown, "next_cursor": following}


@router.get(
    "/redactions/{redaction_id}",
    tags=["redactions"],
    operation_id="getRedaction",
    response_model=RedactionDetailOut,
    responses=problems(errors.RedactionNotFound),
    summary="Read a redaction",
)
async def get_redaction(
    redaction_id: UUID, caller: RedactionReader, session: Session, keys: Keys
) -> dict[str, Any]:
    """One redaction of the own agency's content, and who has read that content since entry."""
    return await redaction.read_for(session, keys, caller, redaction_id)


@router.post(
    "/legal-holds",
    tags=["legal holds"],
    status_code=201,
    operation_id="setLegalHold",
    response_model=HoldOut,
    responses=problems(errors.RoleRequired, errors.RecordNotFound, errors.PeriodInvalid),
    summary="Set a legal hold",
)
async def set_hold(
    new: HoldIn, caller: Holder, session: Session, keys: Keys, now: Now, response: Response
) -> dict[str, Any]:
    """Nothing destroys the record until the hold is released: no retention, no redaction.

    For a person with role OVS or LEGAL, on an own record or any partner. The review date lies at
    most 366 days ahead; when it has passed the hold stays in force and is listed as overdue.
    """
    found = await holds.set_hold(session, keys, caller, new, now.date())
    response.headers["Location"] = f"/v1/legal-holds/{found['id']}"
    response.headers["ETag"] = version_etag(found["version"])
    return found


@router.get(
    "/legal-holds",
    tags=["legal holds"],
    operation_id="listLegalHolds",
    response_model=Page[HoldOut],
    responses=problems(CursorInvalid, errors.RoleRequired),
    summary="List legal holds",
)
async def list_holds(
    request: Request,
    response: Response,
    caller: HoldReader,
    session: Session,
    keys: Keys,
    filters: Annotated[HoldFilter, Query()],
) -> dict[str, Any]:
    """Legal holds of the own agency, newest first."""
    pager, after = _pages(request, caller, filters)
    rows = await holds.list_holds(session, caller, filters, after)
    items, following = pager.page(list(rows), lambda row: [str(row.id)], response)
    shown = [await holds.wire(session, keys, row) for row in items]
    return {"items": shown, "next_cursor": following}


@router.get(
    "/legal-holds/{hold_id}",
    tags=["legal holds"],
    operation_id="getLegalHold",
    response_model=HoldOut,
    responses=problems(errors.HoldNotFound, errors.RoleRequired),
    summary="Read a legal hold",
)
async def get_hold(
    hold_id: UUID, caller: HoldReader, session: Session, keys: Keys
) -> dict[str, Any]:
    """A legal hold of the own agency."""
    return await holds.read(session, keys, caller, hold_id)


@router.post(
    "/legal-holds/{hold_id}/renewal",
    tags=["legal holds"],
    status_code=201,
    operation_id="renewLegalHold",
    response_model=HoldOut,
    responses=problems(
        errors.HoldNotFound, errors.RoleRequired, errors.HoldReleased, errors.PeriodInvalid
    ),
    summary="Renew a legal hold",
)
async def renew_hold(
    hold_id: UUID, renewal: HoldRenewalIn, caller: Holder, session: Session, keys: Keys, now: Now
) -> dict[str, Any]:
    """The hold was reviewed and stays; sets the next review date."""
    return await holds.renew(session, keys, caller, hold_id, renewal.review_on, now.date())


@router.post(
    "/legal-holds/{hold_id}/release",
    tags=["legal holds"],
    status_code=201,
    operation_id="releaseLegalHold",
    response_model=HoldOut,
    responses=problems(
        errors.HoldNotFound, errors.RoleRequired, errors.HoldReleased, errors.SecondPersonRequired
    ),
    summary="Release a legal hold",
)
async def release_hold(
    hold_id: UUID, release: HoldReleaseIn, caller: Holder, session: Session, keys: Keys
) -> dict[str, Any]:
    """A person other than the one who set the hold ends it, and says why."""
    return await holds.release(session, keys, caller, hold_id, release.reason)


@router.post(
    "/withholdings",
    tags=["withholdings"],
    status_code=201,
    operation_id="setWithholding",
    response_model=WithholdingOut,
    responses=problems(errors.RoleRequired, errors.RecordNotFound, errors.PeriodInvalid),
    summary="Keep something back",
)
async def set_withholding(
    new: WithholdingIn, caller: Withholder, session: Session, keys: Keys, now: Now
) -> dict[str, Any]:
    """Keep held reads from the owner's oversight, or a statement from its partner, for a time.

    For a person with role OVS. Nothing is left out of the log itself.
    """
    return await withholding.withhold(session, keys, caller, new, now)


@router.get(
    "/withholdings",
    tags=["withholdings"],
    operation_id="listWithholdings",
    response_model=Page[WithholdingOut],
    responses=problems(CursorInvalid, errors.RoleRequired),
    summary="List what is kept back",
)
async def list_withholdings(
    request: Request,
    response: Response,
    caller: WithholdingReader,
    session: Session,
    keys: Keys,
    filters: Annotated[WithholdingFilter, Query()],
) -> dict[str, Any]:
    """Withholdings of the own oversight, newest first."""
    pager, after = _pages(request, caller, filters)
    rows = await withholding.list_withholdings(session, caller, filters, after)
    items, following = pager.page(list(rows), lambda row: [str(row.id)], response)
    shown = [await withholding.wire(session, keys, row) for row in items]
    return {"items": shown, "next_cursor": following}


@router.get(
    "/withholdings/{withholding_id}",
    tags=["withholdings"],
    operation_id="getWithholding",
    response_model=WithholdingOut,
    responses=problems(errors.WithholdingNotFound, errors.RoleRequired),
    summary="Read what is kept back",
)
async def get_withholding(
    withholding_id: UUID, caller: WithholdingReader, session: Session, keys: Keys
) -> dict[str, Any]:
    """A withholding of the own oversight."""
    return await withholding.read(session, keys, caller, withholding_id)


@router.post(
    "/withholdings/{withholding_id}/renewal",
    tags=["withholdings"],
    status_code=201,
    operation_id="renewWithholding",
    response_model=WithholdingOut,
    responses=problems(
        errors.WithholdingNotFound,
        errors.RoleRequired,
        errors.WithholdingEnded,
        errors.SecondPersonRequired,
        errors.PeriodInvalid,
    ),
    summary="Keep it back for longer",
)
async def renew_withholding(
    withholding_id: UUID,
    renewal: WithholdingRenewalIn,
    caller: Withholder,
    session: Session,
    keys: Keys,
    now: Now,
) -> dict[str, Any]:
    """A person other than the one who set it gives it a further period, from now."""
    return await withholding.renew(session, keys, caller, withholding_id, renewal.until, now)


@router.delete(
    "/withholdings/{withholding_id}",
    tags=["withholdings"],
    status_code=204,
    operation_id="endWithholding",
    responses=problems(errors.WithholdingNotFound, errors.RoleRequired, errors.WithholdingEnded),
    summary="Keep it back no longer",
)
async def end_withholding(
    withholding_id: UUID, caller: WithholdingReader, session: Session, keys: Keys
) -> Response:
    """End a withholding early; what it kept back shows from the next request on."""
    await withholding.end(session, keys, caller, withholding_id)
    return Response(status_code=204)
