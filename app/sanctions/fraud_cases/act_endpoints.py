"""HTTP of fraud cases: money, acts of two persons, shares, and who has read."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import Request, Response

from app.agencies.errors import AgencyUnknown
from app.audit.exceptions.errors import SecondPersonRequired
from app.auth.errors import PersonRequired, RoleLacksRight
from app.core.clock import Now
from app.core.db import Session
from app.core.errors import problems
from app.core.http import RegistryRoute, version_etag
from app.core.paging import LIMIT_DEFAULT, CursorInvalid, CursorText, Limit, Pager
from app.core.routing import Router
from app.core.schemas import Page
from app.sanctions.fraud_cases import errors, reading, service, sharing
from app.sanctions.fraud_cases.endpoints import (
    OWN,
    VERSIONED,
    Changer,
    Keeper,
    Reader,
    Version,
    tagged,
)
from app.sanctions.fraud_cases.schemas import (
    ActDecisionIn,
    ActIn,
    FraudActOut,
    FraudCaseOut,
    FraudDisclosureOut,
    FraudShareIn,
    FraudShareOut,
    RecoveryIn,
)

router = Router(tags=["fraud-cases"], route_class=RegistryRoute)
_CASE = "/fraud-cases/{case_id}"


@router.post(
    f"{_CASE}/recoveries",
    status_code=201,
    operation_id="recordFraudRecovery",
    response_model=FraudCaseOut,
    responses=problems(
        *OWN, errors.FraudCaseClosed, errors.ExceedsOutstanding, errors.FraudAmountNotFound
    ),
    summary="Record money that came back",
)
async def record_recovery(
    case_id: UUID, new: RecoveryIn, caller: Keeper, session: Session, now: Now, response: Response
) -> dict[str, Any]:
    """Or reverse an amount that was recorded by mistake. Never more than is outstanding, however
    many record at once."""
    return tagged(await service.recover(session, caller, case_id, new, now.date()), response)


@router.post(
    f"{_CASE}/acts",
    status_code=201,
    operation_id="proposeFraudCaseAct",
    response_model=FraudActOut,
    responses=problems(
        *OWN, errors.FraudCaseStageUnfit, errors.ExceedsOutstanding, errors.FraudActPending
    ),
    summary="Ask a second person to substantiate a case, or to write money off",
)
async def propose_act(
    case_id: UUID, new: ActIn, caller: Keeper, session: Session, response: Response
) -> dict[str, Any]:
    """One of a kind waits at a time."""
    made = await service.propose(session, caller, case_id, new)
    response.headers["ETag"] = version_etag(made["version"])
    return made


@router.post(
    f"{_CASE}/acts/{{act_id}}/decision",
    operation_id="decideFraudCaseAct",
    response_model=FraudActOut,
    responses=problems(
        *OWN,
        errors.FraudActNotFound,
        errors.FraudActDecided,
        SecondPersonRequired,
        errors.FraudCaseStageUnfit,
        errors.FraudCaseClosed,
        errors.ExceedsOutstanding,
        *VERSIONED,
    ),
    summary="Decide about an act as the second person",
)
async def decide_act(
    case_id: UUID,
    act_id: UUID,
    said: ActDecisionIn,
    version: Version,
    caller: Keeper,
    session: Session,
    now: Now,
    response: Response,
) -> dict[str, Any]:
    """What is approved is done at once. `If-Match` is the version of the act."""
    done = await service.decide(session, caller, case_id, act_id, version, said, now.date())
    response.headers["ETag"] = version_etag(done["version"])
    return done


@router.post(
    f"{_CASE}/shares",
    status_code=201,
    operation_id="shareFraudCase",
    response_model=FraudShareOut,
    responses=problems(*OWN, AgencyUnknown, errors.FraudShareInvalid, errors.FraudCaseNotShareable),
    summary="Let another agency read a case",
)
async def share_case(
    case_id: UUID, new: FraudShareIn, caller: Keeper, session: Session, now: Now, response: Response
) -> dict[str, Any]:
    """For a purpose and a time, at any stage but `unsubstantiated`."""
    made = await sharing.share(session, caller, case_id, new, now)
    response.headers["Location"] = f"/v1/fraud-cases/{case_id}/shares/{made['id']}"
    return made


@router.get(
    f"{_CASE}/shares",
    operation_id="listFraudCaseShares",
    response_model=list[FraudShareOut],
    responses=problems(errors.FraudCaseNotFound),
    summary="List shares of an own case",
)
async def list_shares(case_id: UUID, caller: Reader, session: Session) -> list[dict[str, Any]]:
    """Ended ones are in the log."""
    return await sharing.list_shares(session, caller, case_id)


@router.delete(
    f"{_CASE}/shares/{{share_id}}",
    status_code=204,
    operation_id="endFraudCaseShare",
    responses=problems(
        errors.FraudCaseNotFound, PersonRequired, RoleLacksRight, errors.FraudShareNotFound
    ),
    summary="End a share of a case",
)
async def end_share(case_id: UUID, share_id: UUID, caller: Changer, session: Session) -> None:
    """The next reading finds nothing."""
    await sharing.end(session, caller, case_id, share_id)


@router.get(
    "/fraud-case-shares",
    operation_id="listReceivedFraudCaseShares",
    response_model=Page[FraudShareOut],
    responses=problems(CursorInvalid),
    summary="List fraud cases that are shared with the own agency",
)
async def list_received(
    request: Request,
    response: Response,
    caller: Reader,
    session: Session,
    limit: Limit = LIMIT_DEFAULT,
    cursor: CursorText | None = None,
) -> dict[str, Any]:
    """That they are, by whom and for what; the case itself is read for that purpose."""
    pager = Pager(request, caller.agency_id, limit, cursor)
    after = None
    if pager.after is not None:
        after = (datetime.fromisoformat(pager.after[0]), UUID(pager.after[1]))
    rows = list(await sharing.list_received(session, caller, after, limit + 1))
    items, following = pager.page(
        rows, lambda row: [row.valid_from.isoformat(), str(row.id)], response
    )
    return {"items": [sharing.wire(row) for row in items], "next_cursor": following}


@router.get(
    f"{_CASE}/disclosures",
    operation_id="listFraudCaseDisclosures",
    response_model=Page[FraudDisclosureOut],
    responses=problems(errors.FraudCaseNotFound, RoleLacksRight, CursorInvalid),
    summary="List who has read a fraud case",
)
async def list_disclosures(
    request: Request,
    response: Response,
    case_id: UUID,
    caller: Reader,
    session: Session,
    limit: Limit = LIMIT_DEFAULT,
    cursor: CursorText | None = None,
) -> dict[str, Any]:
    """Each reading of the own agency's case, newest first; for everyone else a 404."""
    pager = Pager(request, caller.agency_id, limit, cursor)
    after = UUID(pager.after[0]) if pager.after else None
    rows = await reading.disclosures(session, caller, case_id, after, limit + 1)
    items, following = pager.page(rows, lambda row: [str(row["id"])], response)
    return {"items": items, "next_cursor": following}
