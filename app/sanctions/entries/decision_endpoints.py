"""HTTP of what is decided about a measure once it stands."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Response

from app.auth.caller import Caller, Keys, requires, requires_once
from app.auth.errors import PersonRequired
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
from app.core.routing import Router
from app.sanctions.entries import acts, decisions, errors
from app.sanctions.entries.decision_models import SanctionCondition
from app.sanctions.entries.decision_schemas import (
    AnnulIn,
    EntryActDecisionIn,
    EntryActOut,
    EntryActsOut,
    RecognitionIn,
    ReleaseIn,
    VerificationIn,
)
from app.sanctions.entries.schemas import ConditionOut, RecognitionOut

router = Router(prefix="/sanctions/entries", tags=["sanctions"], route_class=RegistryRoute)
Decider = Annotated[Caller, requires_once(Scope.SANCTIONS_DECIDE)]
Reader = Annotated[Caller, requires(Scope.SANCTIONS_DECIDE)]
Version = Annotated[int, Depends(expected_version)]
_VERSIONED = (PreconditionRequired, PreconditionFailed, PersonRequired)


@router.post(
    "/{entry_id}/release",
    status_code=201,
    operation_id="proposeSanctionRelease",
    response_model=EntryActOut,
    responses=problems(
        errors.EntryNotFound,
        errors.EntryEnded,
        errors.EntryActPending,
        errors.ConditionsNotMet,
        errors.ReleaseInCase,
        *_VERSIONED,
    ),
    summary="Ask for the release of a measure",
)
async def propose_release(
    entry_id: UUID,
    asked: ReleaseIn,
    version: Version,
    caller: Decider,
    session: Session,
    keys: Keys,
    now: Now,
) -> dict[str, Any]:
    """Of a measure in custody, when every condition is met or waived; another person decides.

    One whose case lies with the own agency is released there.
    """
    return await acts.propose(session, keys, caller, entry_id, version, "release", asked, now)


@router.post(
    "/{entry_id}/annul",
    status_code=201,
    operation_id="proposeSanctionAnnulment",
    response_model=EntryActOut,
    responses=problems(
        errors.EntryNotFound,
        errors.EntryEnded,
        errors.EntryActPending,
        errors.DuplicateUnknown,
        *_VERSIONED,
    ),
    summary="Ask for the annulment of a measure",
)
async def propose_annulment(
    entry_id: UUID,
    asked: AnnulIn,
    version: Version,
    caller: Decider,
    session: Session,
    keys: Keys,
    now: Now,
) -> dict[str, Any]:
    """Void from the start, also of one that has ended, once another person has decided.

    The feed has the reason `annulled` or, by `cause`, `error`: clients are told to purge it; or
    `duplicate`: what it said stands in the measure that `duplicate_of` names.
    """
    return await acts.propose(session, keys, caller, entry_id, version, "annul", asked, now)


@router.get(
    "/{entry_id}/acts",
    operation_id="listSanctionActs",
    response_model=EntryActsOut,
    responses=problems(errors.EntryNotFound),
    summary="List releases and annulments that were asked for",
)
async def list_acts(
    entry_id: UUID, caller: Reader, session: Session, keys: Keys, now: Now
) -> dict[str, Any]:
    """The own agency's, with their reasons; the reading is logged."""
    return {"items": await acts.list_acts(session, keys, caller, entry_id, now)}


@router.post(
    "/{entry_id}/acts/{act_id}/decision",
    operation_id="decideSanctionAct",
    response_model=EntryActOut,
    responses=problems(
        errors.EntryActNotFound,
        errors.EntryActDecided,
        errors.EntrySecondPerson,
        errors.EntryEnded,
        errors.ConditionsNotMet,
        errors.DuplicateUnknown,
        *_VERSIONED,
    ),
    summary="Decide on a release or an annulment",
)
async def decide_act(
    entry_id: UUID,
    act_id: UUID,
    decision: EntryActDecisionIn,
    version: Version,
    caller: Decider,
    session: Session,
    keys: Keys,
    response: Response,
    now: Now,
) -> dict[str, Any]:
    """By another person than the one who asked; approved, the measure ends in this transaction."""
    done = await acts.decide(session, keys, caller, entry_id, act_id, version, decision, now)
    response.headers["ETag"] = version_etag(done["version"])
    return done


@router.post(
    "/{entry_id}/conditions/{condition_id}/verification",
    operation_id="verifySanctionCondition",
    response_model=ConditionOut,
    responses=problems(
        errors.ConditionNotFound, errors.ConditionSettled, errors.EntryEnded, *_VERSIONED
    ),
    summary="Say whether a condition was met",
)
async def verify_condition(
    entry_id: UUID,
    condition_id: UUID,
    found: VerificationIn,
    version: Version,
    caller: Decider,
    session: Session,
    keys: Keys,
    response: Response,
    now: Now,
) -> SanctionCondition:
    """By a person of the agency that answers for the measure. The note is kept sealed."""
    condition = await decisions.verify_condition(
        session, keys, caller, entry_id, condition_id, version, found, now
    )
    response.headers["ETag"] = version_etag(condition.version)
    return condition


@router.post(
    "/{entry_id}/recognitions",
    status_code=201,
    operation_id="recogniseSanctionEntry",
    response_model=RecognitionOut,
    responses=problems(errors.EntryNotFound, errors.OwnMeasure, errors.EntryEnded, PersonRequired),
    summary="Recognise another agency's measure, or say that it is not",
)
async def recognise(
    entry_id: UUID, decided: RecognitionIn, caller: Decider, session: Session
) -> dict[str, Any]:
    """From now on the calling agency's clearances treat the measure as its own, or say that it
    was not recognised. The latest decision counts; all agencies read it beside the measure."""
    return await decisions.recognise(session, caller, entry_id, decided)
