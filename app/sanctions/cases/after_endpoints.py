"""HTTP of what goes with a case: respondents, ends, interim suspensions, appeals, releases."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import Response

from app.auth.caller import Keys
from app.core.clock import Now
from app.core.db import Session
from app.core.errors import problems
from app.core.http import PreconditionFailed, PreconditionRequired, RegistryRoute, version_etag
from app.core.routing import Router
from app.partners.errors import PartnerMerged
from app.partners.public_authority import GovernmentEntity
from app.sanctions.cases import appeals, decisions, errors, interims, releases, service
from app.sanctions.cases.after_schemas import (
    AppealDecisionIn,
    AppealIn,
    EvidenceIn,
    InterimIn,
    ReleaseDecisionIn,
    VerificationIn,
)
from app.sanctions.cases.endpoints import (
    LISTED,
    STEP,
    Decider,
    Investigator,
    Reviewer,
    Version,
    answer,
)
from app.sanctions.cases.schemas import (
    AppealOut,
    CaseOut,
    DecisionNoticeIn,
    DismissalIn,
    MeasureReviewIn,
    ReleaseOut,
    RespondentIn,
    WithdrawalIn,
)
from app.sanctions.entries.errors import ConditionsNotMet, EntryEnded
from app.sanctions.entries.schemas import EntryOut

router = Router(prefix="/sanctions/cases", tags=["sanctions"], route_class=RegistryRoute)


def _tagged(row: Any, response: Response) -> Any:
    response.headers["ETag"] = version_etag(row.version)
    return row


@router.post(
    "/{case_id}/respondents",
    status_code=201,
    operation_id="addSanctionRespondent",
    response_model=CaseOut,
    responses=problems(
        *STEP, errors.PartnerUnknown, PartnerMerged, GovernmentEntity, errors.RespondentExists
    ),
    summary="Add an affiliate or an individual to a case",
)
async def add_respondent(
    case_id: UUID,
    new: RespondentIn,
    caller: Investigator,
    session: Session,
    keys: Keys,
    now: Now,
    response: Response,
) -> dict[str, Any]:
    """It answers for itself: its own notice, reply, review and decision before it is listed.

    The facts of an individual stay with the own agency until then.
    """
    case = await service.add_respondent(session, keys, caller, case_id, new, now)
    return await answer(session, case, response)


@router.post(
    "/{case_id}/withdrawal",
    status_code=201,
    operation_id="withdrawSanctionCase",
    response_model=CaseOut,
    responses=problems(*STEP),
    summary="Withdraw a case before its notice",
)
async def withdraw(
    case_id: UUID,
    withdrawal: WithdrawalIn,
    caller: Investigator,
    session: Session,
    keys: Keys,
    response: Response,
) -> dict[str, Any]:
    """The case is not pursued; once the partner was told, it is decided or dismissed instead."""
    case = await service.withdraw(session, keys, caller, case_id, withdrawal)
    return await answer(session, case, response)


@router.post(
    "/{case_id}/dismissal",
    status_code=201,
    operation_id="dismissSanctionCase",
    response_model=CaseOut,
    responses=problems(*STEP, errors.SamePerson),
    summary="Dismiss a case",
)
async def dismiss(
    case_id: UUID,
    dismissal: DismissalIn,
    caller: Decider,
    session: Session,
    keys: Keys,
    now: Now,
    response: Response,
) -> dict[str, Any]:
    """No measure follows. The partner is told that its notice is closed, nobody else anything."""
    case = await decisions.dismiss(session, keys, caller, case_id, dismissal, now)
    return await answer(session, case, response)


@router.post(
    "/{case_id}/decision-notice",
    status_code=201,
    operation_id="recordSanctionDecisionNotice",
    response_model=CaseOut,
    responses=problems(*STEP),
    summary="Record that the decision was sent",
)
async def record_decision_notice(
    case_id: UUID,
    notice: DecisionNoticeIn,
    caller: Investigator,
    session: Session,
    keys: Keys,
    now: Now,
    response: Response,
) -> dict[str, Any]:
    """With its route of appeal; the appeal period starts on that day."""
    case = await decisions.record_decision_notice(session, keys, caller, case_id, notice, now)
    return await answer(session, case, response)


@router.post(
    "/{case_id}/measure-reviews",
    status_code=201,
    operation_id="reviewSanctionMeasure",
    response_model=CaseOut,
    responses=problems(*STEP),
    summary="Record the review of a measure without an end",
)
async def review_measure(
    case_id: UUID,
    review: MeasureReviewIn,
    caller: Decider,
    session: Session,
    keys: Keys,
    now: Now,
    response: Response,
) -> dict[str, Any]:
    """It stays, and the list says when it was reviewed; the next review is due as the procedure
    says. One that ends it is a release.
    """
    case = await decisions.review_measure(session, keys, caller, case_id, review, now)
    return await answer(session, case, response)


@router.post(
    "/{case_id}/interim-suspensions",
    status_code=201,
    operation_id="suspendDuringSanctionCase",
    response_model=EntryOut,
    responses=problems(*STEP, errors.SamePerson, errors.InterimLimit, *LISTED),
    summary="Suspend a respondent while the case lasts",
)
async def suspend(
    case_id: UUID, new: InterimIn, caller: Decider, session: Session, keys: Keys, now: Now
) -> dict[str, Any]:
    """By a person other than the investigator, within the limits of the procedure; sent again it
    renews the last one. It ends with the decision, or lapses on its day.
    """
    return await interims.suspend(session, keys, caller, case_id, new, now)


@router.post(
    "/{case_id}/appeals",
    status_code=201,
    operation_id="recordSanctionAppeal",
    response_model=AppealOut,
    responses=problems(*STEP, errors.AppealPeriodOver, errors.AppealOpen),
    summary="Record an appeal",
)
async def file_appeal(
    case_id: UUID,
    new: AppealIn,
    caller: Investigator,
    session: Session,
    keys: Keys,
    now: Now,
    response: Response,
) -> Any:
    """An appeal, or a request to reconsider, that reached the agency; the partner may file its
    own. One that suspends ends the measure until it is decided.
    """
    return _tagged(await appeals.file(session, keys, caller, case_id, new, now), response)


@router.post(
    "/{case_id}/appeals/{appeal_id}/decision",
    status_code=201,
    operation_id="decideSanctionAppeal",
    response_model=AppealOut,
    responses=problems(
        *STEP,
        errors.AppealNotFound,
        errors.SamePerson,
        errors.TermsNeeded,
        errors.AppealNotLess,
        *LISTED,
        PreconditionRequired,
        PreconditionFailed,
    ),
    summary="Decide an appeal",
)
async def decide_appeal(
    case_id: UUID,
    appeal_id: UUID,
    decision: AppealDecisionIn,
    version: Version,
    caller: Decider,
    session: Session,
    keys: Keys,
    now: Now,
    response: Response,
) -> Any:
    """By a person who had no part in the decision. `If-Match` is the version of the appeal."""
    found = await appeals.decide(session, keys, caller, case_id, appeal_id, version, decision, now)
    return _tagged(found, response)


@router.post(
    "/{case_id}/releases",
    status_code=201,
    operation_id="recordReleaseEvidence",
    response_model=ReleaseOut,
    responses=problems(*STEP, errors.ReleaseOpen),
    summary="Record evidence that conditions are met",
)
async def record_evidence(
    case_id: UUID,
    evidence: EvidenceIn,
    caller: Investigator,
    session: Session,
    keys: Keys,
    now: Now,
    response: Response,
) -> Any:
    """Starts the way out of a measure: a second person checks it, a third one decides."""
    return _tagged(await releases.record(session, keys, caller, case_id, evidence, now), response)


@router.post(
    "/{case_id}/releases/{release_id}/verification",
    status_code=201,
    operation_id="verifyReleaseEvidence",
    response_model=ReleaseOut,
    responses=problems(*STEP, errors.ReleaseNotFound, errors.SamePerson),
    summary="Check the evidence",
)
async def verify_evidence(
    case_id: UUID,
    release_id: UUID,
    verification: VerificationIn,
    caller: Reviewer,
    session: Session,
    keys: Keys,
    now: Now,
    response: Response,
) -> Any:
    """By another person than the one who recorded it."""
    found = await releases.verify(session, keys, caller, case_id, release_id, verification, now)
    return _tagged(found, response)


@router.post(
    "/{case_id}/releases/{release_id}/decision",
    status_code=201,
    operation_id="decideRelease",
    response_model=ReleaseOut,
    responses=problems(
        *STEP,
        errors.ReleaseNotFound,
        errors.SamePerson,
        EntryEnded,
        ConditionsNotMet,
        PreconditionRequired,
        PreconditionFailed,
    ),
    summary="Decide on a release",
)
async def decide_release(
    case_id: UUID,
    release_id: UUID,
    decision: ReleaseDecisionIn,
    version: Version,
    caller: Decider,
    session: Session,
    keys: Keys,
    now: Now,
    response: Response,
) -> Any:
    """A third person; a release ends the measure, once its conditions are met or waived and its
    earliest day has come. `If-Match` is the version of the release.
    """
    found = await releases.decide(
        session, keys, caller, case_id, release_id, version, decision, now
    )
    return _tagged(found, response)
