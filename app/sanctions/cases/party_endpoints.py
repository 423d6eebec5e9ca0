"""HTTP of other agencies in a case, and of decisions taken outside the registry."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response

from app.auth.caller import Caller, Keys, requires, requires_once
from app.auth.errors import LevelAboveClient, PersonRequired, RoleLacksRight
from app.auth.scopes import Scope
from app.core.clock import Now
from app.core.db import Session
from app.core.errors import problems
from app.core.http import RegistryRoute
from app.core.paging import CursorInvalid, PageQuery, Pager
from app.core.routing import Router
from app.core.schemas import Page
from app.partners.errors import PartnerMerged
from app.sanctions.cases import errors, parties, reading, recorded
from app.sanctions.cases.after_schemas import InvitationAnswerIn, PartyIn
from app.sanctions.cases.endpoints import LISTED, STEP, CaseReader, Decider, Investigator, answer
from app.sanctions.cases.recorded import CertificateIn, RecordIn
from app.sanctions.cases.schemas import CaseOut, PartyOut
from app.sanctions.entries.schemas import EntryOut
from app.sanctions.errors import DateNotPossible

router = Router(prefix="/sanctions", tags=["sanctions"], route_class=RegistryRoute)
Ender = Annotated[Caller, requires(Scope.SANCTIONS_WRITE)]
Answerer = Annotated[Caller, requires_once(Scope.SANCTIONS_REVIEW, Scope.SANCTIONS_DECIDE)]


@router.post(
    "/cases/{case_id}/parties",
    status_code=201,
    operation_id="inviteIntoSanctionCase",
    response_model=PartyOut,
    responses=problems(
        errors.CaseNotFound,
        errors.AgencyUnfit,
        errors.InvitationExists,
        PersonRequired,
        RoleLacksRight,
    ),
    summary="Ask another agency into a case",
)
async def invite(
    case_id: UUID, new: PartyIn, caller: Investigator, session: Session
) -> dict[str, Any]:
    """To join, or to lend its panel. Once it accepts, it reads the steps of the kinds named."""
    return await parties.invite(session, caller, case_id, new)


@router.delete(
    "/cases/{case_id}/parties/{party_id}",
    status_code=204,
    operation_id="endSanctionCaseParty",
    responses=problems(
        errors.CaseNotFound,
        errors.InvitationNotFound,
        errors.StepOutOfOrder,
        PersonRequired,
        RoleLacksRight,
    ),
    summary="End another agency's part in a case",
)
async def end_party(
    case_id: UUID, party_id: UUID, caller: Ender, session: Session, now: Now
) -> None:
    """It reads nothing of the case from the next request on."""
    await parties.end(session, caller, case_id, party_id, now)


@router.get(
    "/case-invitations",
    operation_id="listSanctionCaseInvitations",
    response_model=Page[PartyOut],
    responses=problems(CursorInvalid),
    summary="List invitations into cases of other agencies",
)
async def list_invitations(
    request: Request,
    response: Response,
    caller: CaseReader,
    session: Session,
    filters: Annotated[PageQuery, Query()],
) -> dict[str, Any]:
    """To the own agency, answered ones included."""
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    after = UUID(pager.after[0]) if pager.after else None
    rows = await parties.list_received(session, caller, after, filters.limit + 1)
    items, following = pager.page(rows, lambda row: [str(row.id)], response)
    return {"items": await reading.shown_parties(session, items), "next_cursor": following}


@router.post(
    "/case-invitations/{invitation_id}/answer",
    status_code=201,
    operation_id="answerSanctionCaseInvitation",
    response_model=PartyOut,
    responses=problems(
        errors.InvitationNotFound, errors.StepOutOfOrder, PersonRequired, RoleLacksRight
    ),
    summary="Join a case of another agency, or decline",
)
async def answer_invitation(
    invitation_id: UUID,
    given: InvitationAnswerIn,
    caller: Answerer,
    session: Session,
    now: Now,
) -> dict[str, Any]:
    """Joining binds to nothing: a measure of the own agency is its own decision."""
    return await parties.answer(session, caller, invitation_id, given, now)


@router.post(
    "/recorded-decisions",
    status_code=201,
    operation_id="recordSanctionDecision",
    response_model=CaseOut,
    responses=problems(
        errors.PartnerUnknown,
        PartnerMerged,
        DateNotPossible,
        *LISTED[:2],
        PersonRequired,
        RoleLacksRight,
        LevelAboveClient,
    ),
    summary="Record a decision taken outside the registry",
)
async def record_decision(
    new: RecordIn,
    caller: Investigator,
    session: Session,
    keys: Keys,
    now: Now,
    response: Response,
) -> dict[str, Any]:
    """Before joining, or elsewhere: with its real days, its legal reference and the hash of its
    document. A day that is not known is left out. A second person must certify it.
    """
    case = await recorded.record(session, keys, caller, new, now)
    response.headers["Location"] = f"/v1/sanctions/cases/{case.id}"
    return await answer(session, case, response)


@router.post(
    "/cases/{case_id}/certificate",
    status_code=201,
    operation_id="certifySanctionDecision",
    response_model=EntryOut,
    responses=problems(*STEP, errors.SamePerson, *LISTED),
    summary="Certify the due process of a recorded decision",
)
async def certify(
    case_id: UUID,
    certificate: CertificateIn,
    caller: Decider,
    session: Session,
    keys: Keys,
    now: Now,
    response: Response,
) -> dict[str, Any]:
    """A second person saw the file; the measure goes to the list with `procedure: recorded`."""
    entry = await recorded.certify(session, keys, caller, case_id, certificate, now)
    response.headers["Location"] = f"/v1/sanctions/entries/{entry['entry_id']}"
    return entry
