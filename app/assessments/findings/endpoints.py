"""HTTP of findings, for agencies."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response

from app.assessments.errors import AssessmentNotFound, PurposeNotShared, PurposeRequired
from app.assessments.findings import reading, service, wire
from app.assessments.findings.errors import (
    EvidenceRequired,
    ExceedsFinding,
    FindingNotFound,
    FindingNotOpen,
    FindingOpen,
    FindingUnsettled,
    NothingToVerify,
    ResolutionNotFound,
)
from app.assessments.findings.schemas import (
    AgreedIn,
    ClosingIn,
    FindingFilter,
    FindingOut,
    FindingsOut,
    FindingsSummaryOut,
    FindingWithHistoryOut,
    ReopeningIn,
    ResolutionIn,
    VerificationIn,
)
from app.audit.exceptions.errors import ContentRedacted, SecondPersonRequired
from app.auth.caller import Caller, Keys, requires, requires_once
from app.auth.errors import PersonRequired, RoleLacksRight
from app.auth.scopes import Scope
from app.core.clock import Now
from app.core.db import Session
from app.core.errors import problems
from app.core.http import RegistryRoute
from app.core.paging import LIMIT_DEFAULT, CursorInvalid, CursorText, Limit, Pager
from app.core.routing import Router
from app.core.schemas import Page
from app.partners.errors import PartnerMerged, PartnerNotFound
from app.partners.purpose import PurposeHeader, purposes_of

router = Router(tags=["findings"], route_class=RegistryRoute)
Reader = Annotated[Caller, requires(Scope.ASSESSMENTS_READ)]
DetailReader = Annotated[Caller, requires(Scope.ASSESSMENTS_DETAIL)]
Writer = Annotated[Caller, requires_once(Scope.ASSESSMENTS_WRITE)]
_PURPOSE = (PurposeRequired, PurposeNotShared)
_OWN = (FindingNotFound, RoleLacksRight)
_DECIDED = (*_OWN, PersonRequired)


@router.get(
    "/assessments/{assessment_id}/findings",
    operation_id="listAssessmentFindings",
    response_model=FindingsOut,
    responses=problems(AssessmentNotFound, ContentRedacted, *_PURPOSE, CursorInvalid),
    summary="Read the findings of an assessment",
)
async def list_assessment_findings(
    request: Request,
    response: Response,
    assessment_id: UUID,
    caller: DetailReader,
    session: Session,
    keyring: Keys,
    access_purpose: PurposeHeader = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: CursorText | None = None,
) -> dict[str, Any]:
    """With texts and amounts, in the order of the report, for whoever may read its detail.

    Logged as a reading of the detail; what is shared needs the purpose it is shared for.
    """
    pager = Pager(request, caller.agency_id, limit, cursor)
    rows, totals = await reading.of_assessment(
        *(session, keyring, caller, assessment_id, purposes_of(request), pager.after, limit + 1)
    )
    items, following = pager.page(rows, lambda row: [row["part"], row["position"]], response)
    return {"items": items, "next_cursor": following, "totals": totals}


@router.get(
    "/findings",
    operation_id="listFindings",
    response_model=Page[FindingOut],
    responses=problems(CursorInvalid),
    summary="List findings",
)
async def list_findings(
    request: Request,
    response: Response,
    caller: DetailReader,
    session: Session,
    filters: Annotated[FindingFilter, Query()],
) -> dict[str, Any]:
    """The own agency's and those of INTER_AGENCY reports, newest first, without text or amount.

    What another agency shares is read with its assessment, for a purpose.
    """
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    after = None
    if pager.after:
        after = (datetime.fromisoformat(pager.after[0]), UUID(pager.after[1]))
    rows = await reading.list_findings(session, caller, filters, after)
    items, following = pager.page(
        rows, lambda row: [row.created_at.isoformat(), str(row.id)], response
    )
    return {"items": [wire.facts(row) for row in items], "next_cursor": following}


@router.get(
    "/findings/{finding_id}",
    operation_id="readFinding",
    response_model=FindingWithHistoryOut,
    responses=problems(FindingNotFound, ContentRedacted, *_PURPOSE),
    summary="Read a finding and its follow-up",
)
async def read_finding(
    request: Request,
    finding_id: UUID,
    caller: DetailReader,
    session: Session,
    keyring: Keys,
    access_purpose: PurposeHeader = None,
) -> dict[str, Any]:
    """Text, amount, what was settled, and every step; logged as a reading of the detail."""
    return await reading.one(session, keyring, caller, finding_id, purposes_of(request))


@router.post(
    "/findings/{finding_id}/actions",
    status_code=201,
    operation_id="agreeFindingAction",
    response_model=FindingOut,
    responses=problems(*_OWN, FindingNotOpen),
    summary="Agree what is to be done about a finding",
)
async def agree_action(
    finding_id: UUID, new: AgreedIn, caller: Writer, session: Session, keyring: Keys
) -> dict[str, Any]:
    """Action, responsible office and deadline; the newest counts."""
    return await service.agree(session, keyring, caller, finding_id, new)


@router.post(
    "/findings/{finding_id}/resolutions",
    status_code=201,
    operation_id="resolveFindingAmount",
    response_model=FindingOut,
    responses=problems(*_OWN, FindingNotOpen, ExceedsFinding, ResolutionNotFound),
    summary="Record money of a finding that was settled",
)
async def resolve_amount(
    finding_id: UUID, new: ResolutionIn, caller: Writer, session: Session, keyring: Keys, now: Now
) -> dict[str, Any]:
    """Refunded, documented, justified or written off; never more than is pending.

    Entries stay; one that was wrong is reversed by another.
    """
    return await service.settle(session, keyring, caller, finding_id, new, now.date())


@router.post(
    "/findings/{finding_id}/closing",
    operation_id="closeFinding",
    response_model=FindingOut,
    responses=problems(*_DECIDED, FindingNotOpen, FindingUnsettled, EvidenceRequired),
    summary="Close a finding",
)
async def close_finding(
    finding_id: UUID, new: ClosingIn, caller: Writer, session: Session, keyring: Keys
) -> dict[str, Any]:
    """With the action that was taken. Of high priority it needs evidence, and then waits for
    another person's verification; until that it counts as open."""
    return await service.close(session, keyring, caller, finding_id, new)


@router.post(
    "/findings/{finding_id}/verification",
    operation_id="verifyFinding",
    response_model=FindingOut,
    responses=problems(*_DECIDED, NothingToVerify, SecondPersonRequired),
    summary="Verify that a finding was acted on",
)
async def verify_finding(
    finding_id: UUID, new: VerificationIn, caller: Writer, session: Session, keyring: Keys
) -> dict[str, Any]:
    """By another person than who closed it. What is not confirmed is open again."""
    return await service.verify(session, keyring, caller, finding_id, new)


@router.post(
    "/findings/{finding_id}/reopening",
    operation_id="reopenFinding",
    response_model=FindingOut,
    responses=problems(*_DECIDED, FindingOpen),
    summary="Take a finding up again",
)
async def reopen_finding(
    finding_id: UUID, new: ReopeningIn, caller: Writer, session: Session, keyring: Keys
) -> dict[str, Any]:
    """With the reason; what was recorded before stays."""
    return await service.reopen(session, keyring, caller, finding_id, new)


@router.get(
    "/partners/{partner_id}/findings-summary",
    operation_id="getFindingsSummary",
    response_model=FindingsSummaryOut,
    responses=problems(PartnerNotFound, PartnerMerged),
    summary="Read how many findings about a partner are open",
)
async def get_summary(partner_id: UUID, caller: Reader, session: Session) -> dict[str, Any]:
    """For every agency: counts, the oldest open finding of high priority, and for each agency that
    made findings a band of what is still unsupported; no text and no amount."""
    return await reading.summary(session, caller, partner_id)
