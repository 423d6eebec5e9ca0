"""HTTP of observations and flags."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Header, Query, Request, Response

from app.audit.errors import PurposeRequired
from app.audit.exceptions.errors import PeriodInvalid, RoleRequired, SecondPersonRequired
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
)
from app.core.paging import CursorInvalid, PageQuery, Pager
from app.core.routing import Router
from app.core.schemas import Page
from app.partners.errors import PartnerNotFound
from app.partners.flags import service, texts
from app.partners.flags.errors import (
    AlreadyEscalated,
    AlreadyRenewed,
    FlagNotFound,
    FlagStateUnfit,
    OfficeRequired,
    ReviewDateInvalid,
)
from app.partners.flags.schemas import (
    EscalationIn,
    FlagDecisionIn,
    FlagFilter,
    FlagIn,
    FlagOut,
    FlagTextOut,
    InvalidationIn,
    RenewalIn,
    ReviewIn,
    SelfFlagOut,
)
from app.partners.public_authority import GovernmentEntity

router = Router(tags=["flags"], route_class=RegistryRoute)
Reader = Annotated[Caller, requires(Scope.PARTNERS_READ)]
TextReader = Annotated[Caller, requires(Scope.FLAGS_READ)]
Author = Annotated[Caller, requires_once(Scope.FLAGS_WRITE)]
Decider = Annotated[Caller, requires_once(Scope.FLAGS_DECIDE)]
Partner = Annotated[Caller, requires(Scope.SELF_READ)]
_ABSENT = (PartnerNotFound, FlagNotFound)
_FLAG = "/partners/{partner_id}/flags/{flag_id}"


def after_of(pager: Pager) -> tuple[datetime, UUID] | None:
    """Where a page of a list by time and id begins."""
    if pager.after is None:
        return None
    return datetime.fromisoformat(pager.after[0]), UUID(pager.after[1])


@router.post(
    "/partners/{partner_id}/flags",
    status_code=201,
    operation_id="makeFlag",
    response_model=FlagOut,
    responses=problems(
        PartnerNotFound,
        RoleRequired,
        RoleLacksRight,
        GovernmentEntity,
        ReviewDateInvalid,
        PeriodInvalid,
    ),
    summary="Make an observation or flag",
)
async def make_flag(
    partner_id: UUID,
    new: FlagIn,
    caller: Author,
    session: Session,
    keyring: Keys,
    now: Now,
    response: Response,
) -> dict[str, Any]:
    """Other agencies see that it is there; few read the text, each time for a stated purpose.

    A red one locks the partner at once, is the headquarters unit's alone, and needs
    `flags:decide`. Nothing is made escalated: that is a step.
    """
    flag = await service.make(session, keyring, caller, partner_id, new, now)
    response.headers["Location"] = f"/v1/partners/{partner_id}/flags/{flag['id']}"
    return flag


@router.get(
    "/partners/{partner_id}/flags",
    operation_id="listFlags",
    response_model=Page[FlagOut],
    responses=problems(PartnerNotFound, CursorInvalid),
    summary="List the flags on a partner",
)
async def list_flags(
    request: Request,
    partner_id: UUID,
    caller: Reader,
    session: Session,
    response: Response,
    filters: Annotated[FlagFilter, Query()],
) -> dict[str, Any]:
    """Flags on the profile and its headquarters, newest first, without their texts."""
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    rows = await service.list_flags(session, caller, partner_id, filters, after_of(pager))
    items, following = pager.page(
        rows, lambda row: [row.made_at.isoformat(), str(row.id)], response
    )
    return {"items": await service.wire(session, items), "next_cursor": following}


@router.get(
    _FLAG,
    operation_id="getFlag",
    response_model=FlagOut,
    responses=problems(*_ABSENT),
    summary="Read that there is a flag",
)
async def get_flag(
    partner_id: UUID, flag_id: UUID, caller: Reader, session: Session
) -> dict[str, Any]:
    """One flag without its text. One that was found invalid is its owner's alone."""
    return await service.get_flag(session, caller, partner_id, flag_id)


@router.get(
    _FLAG + "/text",
    operation_id="readFlagText",
    response_model=FlagTextOut,
    responses=problems(*_ABSENT, PurposeRequired),
    summary="Read what a flag says",
)
async def read_flag_text(
    request: Request,
    partner_id: UUID,
    flag_id: UUID,
    caller: TextReader,
    session: Session,
    keyring: Keys,
    access_purpose: Annotated[
        str | None,
        Header(
            description='why another agency\'s flag is read: `CODE; ref="reference"`',
            examples=['PARTNER_SELECTION; ref="WFP-KE-2026-17"'],
        ),
    ] = None,
) -> dict[str, Any]:
    """Text, factual basis and history. The reading is logged, and the owner can see the log.

    Checked in this order: scope (403), visibility (404), purpose (422).
    """
    headers = request.headers.getlist("access-purpose") if access_purpose is not None else []
    return await texts.read_text(session, keyring, caller, partner_id, flag_id, headers)


@router.post(
    _FLAG + "/escalation",
    operation_id="escalateFlag",
    response_model=FlagOut,
    responses=problems(*_ABSENT, AlreadyEscalated, FlagStateUnfit, OfficeRequired),
    summary="Send a yellow flag to headquarters",
)
async def escalate_flag(
    partner_id: UUID,
    flag_id: UUID,
    step: EscalationIn,
    caller: Author,
    session: Session,
    keyring: Keys,
) -> dict[str, Any]:
    """By the author's office, once in the life of a flag; headquarters then decides."""
    return await service.escalate(session, keyring, caller, partner_id, flag_id, step.comment)


@router.post(
    _FLAG + "/decision",
    operation_id="decideFlag",
    response_model=FlagOut,
    responses=problems(
        *_ABSENT,
        RoleRequired,
        FlagStateUnfit,
        SecondPersonRequired,
        GovernmentEntity,
        PreconditionRequired,
        PreconditionFailed,
    ),
    summary="Decide an escalated flag",
)
async def decide_flag(
    partner_id: UUID,
    flag_id: UUID,
    decision: FlagDecisionIn,
    version: Annotated[int, Depends(expected_version)],
    caller: Decider,
    session: Session,
    keyring: Keys,
    now: Now,
) -> dict[str, Any]:
    """By a person of the headquarters unit who neither wrote nor escalated it. `confirm` locks the
    partner for six months; a deferred flag stays yellow and is not escalated again."""
    return await service.decide(
        session, keyring, caller, partner_id, flag_id, version, decision, now
    )


@router.post(
    _FLAG + "/invalidation",
    operation_id="invalidateFlag",
    response_model=FlagOut,
    responses=problems(*_ABSENT, FlagStateUnfit, RoleRequired),
    summary="Say that a flag does not stand",
)
async def invalidate_flag(
    partner_id: UUID,
    flag_id: UUID,
    step: InvalidationIn,
    caller: Author,
    session: Session,
    keyring: Keys,
) -> dict[str, Any]:
    """By the owner agency, for a red flag by its headquarters unit. Other agencies see it no more;
    what it alone held back is released, nothing else."""
    return await service.invalidate(session, keyring, caller, partner_id, flag_id, step.comment)


@router.post(
    _FLAG + "/renewal",
    operation_id="renewFlag",
    response_model=FlagOut,
    responses=problems(
        *_ABSENT, RoleRequired, FlagStateUnfit, AlreadyRenewed, SecondPersonRequired
    ),
    summary="Renew a red flag",
)
async def renew_flag(
    partner_id: UUID,
    flag_id: UUID,
    step: RenewalIn,
    caller: Decider,
    session: Session,
    keyring: Keys,
    now: Now,
) -> dict[str, Any]:
    """Once, for six months from now, by another person of the headquarters unit."""
    return await service.renew(session, keyring, caller, partner_id, flag_id, step.comment, now)


@router.post(
    _FLAG + "/review",
    operation_id="reviewFlag",
    response_model=FlagOut,
    responses=problems(*_ABSENT, FlagStateUnfit, ReviewDateInvalid),
    summary="Record that a flag was reviewed",
)
async def review_flag(
    partner_id: UUID,
    flag_id: UUID,
    done: ReviewIn,
    caller: Author,
    session: Session,
    keyring: Keys,
    now: Now,
) -> dict[str, Any]:
    """The flag stays until the next review, in two years at the latest."""
    return await service.review(session, keyring, caller, partner_id, flag_id, done, now)


@router.get(
    "/self/flags",
    operation_id="listOwnFlags",
    response_model=Page[SelfFlagOut],
    responses=problems(CursorInvalid),
    summary="Flags on the own organisation",
)
async def list_own_flags(
    request: Request,
    caller: Partner,
    session: Session,
    keyring: Keys,
    response: Response,
    filters: Annotated[PageQuery, Query()],
) -> dict[str, Any]:
    """Every flag that agencies see or count, newest first, unless oversight keeps it back for a
    time. The partner can object to each (`raiseOwnObjection`)."""
    pager = Pager(request, caller.client_id, filters.limit, filters.cursor)
    rows = await service.told(session, caller, after_of(pager), filters.limit)
    items, following = pager.page(
        rows, lambda row: [row.made_at.isoformat(), str(row.id)], response
    )
    return {
        "items": await service.told_wire(session, keyring, caller, items),
        "next_cursor": following,
    }
