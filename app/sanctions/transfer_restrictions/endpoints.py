"""HTTP of transfer restrictions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from app.audit.errors import PurposeRequired
from app.audit.exceptions.errors import ContentRedacted, SecondPersonRequired
from app.auth.caller import Caller, Keys, requires, requires_once
from app.auth.errors import (
    CountryOutsideScope,
    LevelAboveClient,
    PersonRequired,
    RoleLacksRight,
)
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
from app.core.schemas import Page
from app.events.redacting import Text, Words, add_routes
from app.partners.errors import PartnerMerged, PartnerNotFound
from app.partners.purpose import PurposeHeader, purposes_of
from app.sanctions.transfer_restrictions import errors, reading, redaction, service
from app.sanctions.transfer_restrictions.schemas import (
    RestrictionDecisionIn,
    RestrictionDetailOut,
    RestrictionDisclosureOut,
    RestrictionFilter,
    RestrictionIn,
    RestrictionOut,
    RestrictionReviewIn,
)

router = Router(
    prefix="/transfer-restrictions", tags=["transfer-restrictions"], route_class=RegistryRoute
)
Reader = Annotated[Caller, requires(Scope.TRANSFERS_READ)]
Setter = Annotated[Caller, requires_once(Scope.TRANSFERS_WRITE)]
Version = Annotated[int, Depends(expected_version)]
_OWN = (errors.RestrictionNotFound, PersonRequired, RoleLacksRight)
_VERSIONED = (PreconditionRequired, PreconditionFailed)


def _tagged(found: dict[str, Any], response: Response) -> dict[str, Any]:
    response.headers["ETag"] = version_etag(found["version"])
    return found


@router.post(
    "",
    status_code=201,
    operation_id="setTransferRestriction",
    response_model=RestrictionOut,
    responses=problems(
        PartnerNotFound,
        PartnerMerged,
        PersonRequired,
        RoleLacksRight,
        LevelAboveClient,
        CountryOutsideScope,
        errors.NotAPublicAuthority,
        errors.RestrictionPeriodInvalid,
        errors.RestrictionReviewInvalid,
        errors.RestrictionOverlaps,
    ),
    summary="Hold back ways of paying a public authority",
)
async def set_restriction(
    new: RestrictionIn, caller: Setter, session: Session, keys: Keys, now: Now, response: Response
) -> dict[str, Any]:
    """What an agency says instead of a sanction, of a government, a UN entity, or a body that
    exercises public functions. A long one, or one that follows on another, is `PROPOSED` until a
    second person decides."""
    made = await service.set_restriction(session, keys, caller, new, now.date())
    response.headers["Location"] = f"/v1/transfer-restrictions/{made['id']}"
    return _tagged(made, response)


@router.get(
    "",
    operation_id="listTransferRestrictions",
    response_model=Page[RestrictionOut],
    responses=problems(PartnerNotFound, PartnerMerged, PurposeRequired, CursorInvalid),
    summary="List transfer restrictions",
)
async def list_restrictions(
    request: Request,
    response: Response,
    caller: Reader,
    session: Session,
    filters: Annotated[RestrictionFilter, Query()],
    access_purpose: PurposeHeader = None,
) -> dict[str, Any]:
    """Of countries in which the agency has an office, or which the office of the resident
    coordinator covers, for a stated purpose; `mine=true` needs none. Each one shown is logged."""
    why = reading.stated(caller, filters, purposes_of(request))
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    after = None
    if pager.after is not None:
        after = (datetime.fromisoformat(pager.after[0]), UUID(pager.after[1]))
    rows = await reading.list_restrictions(session, caller, filters, after)
    items, following = pager.page(rows, lambda row: [row.set_at.isoformat(), str(row.id)], response)
    return {"items": await reading.disclose(session, caller, items, why), "next_cursor": following}


@router.get(
    "/{restriction_id}",
    operation_id="getTransferRestriction",
    response_model=RestrictionDetailOut,
    responses=problems(errors.RestrictionNotFound, PurposeRequired, ContentRedacted),
    summary="Read a transfer restriction with its statement",
)
async def get_restriction(
    request: Request,
    restriction_id: UUID,
    caller: Reader,
    session: Session,
    keys: Keys,
    response: Response,
    access_purpose: PurposeHeader = None,
) -> dict[str, Any]:
    """Another agency's is read for a stated purpose; each reading is logged."""
    headers = purposes_of(request)
    return _tagged(await reading.read(session, keys, caller, restriction_id, headers), response)


@router.get(
    "/{restriction_id}/disclosures",
    operation_id="listTransferRestrictionDisclosures",
    response_model=Page[RestrictionDisclosureOut],
    responses=problems(errors.RestrictionNotFound, RoleLacksRight, CursorInvalid),
    summary="List who has read a transfer restriction",
)
async def list_disclosures(
    request: Request,
    response: Response,
    restriction_id: UUID,
    caller: Reader,
    session: Session,
    limit: Limit = LIMIT_DEFAULT,
    cursor: CursorText | None = None,
) -> dict[str, Any]:
    """Each reading of the own agency's restriction, newest first; for everyone else a 404."""
    pager = Pager(request, caller.agency_id, limit, cursor)
    after = UUID(pager.after[0]) if pager.after else None
    rows = await reading.disclosures(session, caller, restriction_id, after, limit + 1)
    items, following = pager.page(rows, lambda row: [str(row["id"])], response)
    return {"items": items, "next_cursor": following}


@router.post(
    "/{restriction_id}/decision",
    operation_id="decideTransferRestriction",
    response_model=RestrictionOut,
    responses=problems(*_OWN, errors.RestrictionNotProposed, SecondPersonRequired, *_VERSIONED),
    summary="Let a proposed restriction come into force, or refuse it",
)
async def decide_restriction(
    restriction_id: UUID,
    said: RestrictionDecisionIn,
    version: Version,
    caller: Setter,
    session: Session,
    response: Response,
) -> dict[str, Any]:
    """By a second person of the owner."""
    return _tagged(await service.decide(session, caller, restriction_id, version, said), response)


@router.post(
    "/{restriction_id}/review",
    operation_id="reviewTransferRestriction",
    response_model=RestrictionOut,
    responses=problems(*_OWN, errors.RestrictionOver, errors.RestrictionReviewInvalid),
    summary="Record that a restriction was reviewed and stays",
)
async def review_restriction(
    restriction_id: UUID,
    done: RestrictionReviewIn,
    caller: Setter,
    session: Session,
    now: Now,
    response: Response,
) -> dict[str, Any]:
    """Without a review it stays in force, and the owner is reminded."""
    return _tagged(
        await service.review(session, caller, restriction_id, done, now.date()), response
    )


@router.post(
    "/{restriction_id}/lift",
    operation_id="liftTransferRestriction",
    response_model=RestrictionOut,
    responses=problems(*_OWN, errors.RestrictionOver, *_VERSIONED),
    summary="Lift a restriction, or withdraw a proposed one",
)
async def lift_restriction(
    restriction_id: UUID,
    version: Version,
    caller: Setter,
    session: Session,
    now: Now,
    response: Response,
) -> dict[str, Any]:
    """By one person of the owner, without a body. Others see it no more."""
    return _tagged(
        await service.lift(session, caller, restriction_id, version, now.date()), response
    )


add_routes(
    router,
    Words(
        path="/{restriction_id}",
        name="TransferRestriction",
        find=redaction.statement,
        may=requires_once(Scope.TRANSFERS_WRITE),
        missing=(errors.RestrictionNotFound,),
        hide=Text(
            summary="Hide the statement of a restriction at once",
            description="""\
An emergency: nobody reads it from the next request on, the owner included. A second person
decides within 72 hours. The restriction stays, marked `redacted`.""",
        ),
        decide=Text(
            summary="Destroy a hidden statement, or bring it back",
            description="By a second person, also after the 72 hours.",
        ),
    ),
)
