"""HTTP of what stands beside a clearance."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from app.audit.errors import CheckpointNotPublished, LeafNotFound
from app.audit.exceptions.errors import SecondPersonRequired
from app.auth.caller import Caller, Keys, requires, requires_once
from app.auth.errors import PersonRequired
from app.auth.scopes import Scope
from app.core.db import Session
from app.core.errors import problems
from app.core.http import (
    PreconditionFailed,
    PreconditionRequired,
    RegistryRoute,
    bytes_etag,
    expected_version,
    not_modified,
    version_etag,
)
from app.core.routing import Router
from app.recognition import erasing, proofs, service, standing
from app.recognition.errors import (
    AsOfOutOfRange,
    ClearanceNotFound,
    ContentsErased,
    ContentsHeld,
    ErasureDecided,
    ErasureExists,
    ErasureNotFound,
    InputsNotStored,
)
from app.recognition.evidence_schemas import (
    AsOf,
    ErasureDecisionIn,
    ErasureIn,
    ErasureOut,
    RecomputedOut,
    StatusOut,
)

router = Router(
    prefix="/clearances/{clearance_id}", tags=["recognition"], route_class=RegistryRoute
)
Reader = Annotated[Caller, requires(Scope.CLEARANCE_READ)]
Eraser = Annotated[Caller, requires_once(Scope.HOLDS_WRITE)]
EraserReads = Annotated[Caller, requires(Scope.HOLDS_WRITE)]
Version = Annotated[int, Depends(expected_version)]


@router.get(
    "/status",
    operation_id="getClearanceStatus",
    response_model=StatusOut,
    responses=problems(ClearanceNotFound),
    summary="See how a clearance stands now",
)
async def get_status(
    response: Response, clearance_id: UUID, caller: Reader, session: Session
) -> dict[str, Any]:
    """Whether what it rested on has changed since, to the worse or to the better.

    The answer itself never changes. Evidence that is no longer viewable is named and worsens
    nothing by itself.
    """
    found = await standing.get_status(session, caller, clearance_id)
    response.headers["ETag"] = version_etag(found["version"])
    return found


@router.get(
    "/proof",
    operation_id="getClearanceProof",
    response_class=Response,
    responses=problems(ClearanceNotFound, LeafNotFound, CheckpointNotPublished)
    | {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    summary="Prove that a clearance is in the log",
)
async def get_proof(
    request: Request, clearance_id: UUID, caller: Reader, session: Session
) -> Response:
    """Proof file of the form `c2sp.org/tlog-proof@v1`, to be had two seconds after the answer.

    Salt and leaf are in it for an oversight role, or for a machine's own clearance.
    """
    body = (await proofs.get_proof(session, caller, clearance_id)).encode()
    etag = bytes_etag(body)
    return not_modified(request, etag) or Response(
        body, media_type="text/plain; charset=utf-8", headers={"ETag": etag}
    )


@router.get(
    "/recomputation",
    operation_id="recomputeClearance",
    response_model=RecomputedOut,
    responses=problems(ClearanceNotFound, AsOfOutOfRange, ContentsErased, InputsNotStored),
    summary="Compute a clearance again as of a moment",
)
async def recompute(
    clearance_id: UUID,
    caller: Reader,
    session: Session,
    keys: Keys,
    query: Annotated[AsOf, Query()],
) -> dict[str, Any]:
    """The decision made again from the facts as they were, and whether it comes out the same.

    With a later `as_of`, such as the day of a signature: by the same facts as they stood on that
    day, so that what was over or too old by then shows; and beside it the status at that moment,
    with all that had been recorded since.
    """
    return await service.recompute(session, keys, caller, clearance_id, query.as_of)


@router.post(
    "/erasure",
    status_code=201,
    operation_id="proposeClearanceErasure",
    response_model=ErasureOut,
    responses=problems(PersonRequired, ClearanceNotFound, ContentsErased, ErasureExists),
    summary="Ask for the contents of a clearance to be destroyed",
)
async def propose_erasure(
    clearance_id: UUID, wanted: ErasureIn, caller: Eraser, session: Session
) -> dict[str, Any]:
    """By a person of an oversight role. Nothing is destroyed before a second one has decided."""
    return await erasing.propose(session, caller, clearance_id, wanted.basis)


@router.get(
    "/erasure",
    operation_id="getClearanceErasure",
    response_model=ErasureOut,
    responses=problems(ClearanceNotFound, ErasureNotFound),
    summary="Read whether contents are to be destroyed",
)
async def get_erasure(
    clearance_id: UUID, caller: EraserReads, session: Session, response: Response
) -> dict[str, Any]:
    """What was asked for last, for an oversight role."""
    found = await erasing.read(session, caller, clearance_id)
    response.headers["ETag"] = version_etag(found["version"])
    return found


@router.post(
    "/erasure/decision",
    status_code=201,
    operation_id="decideClearanceErasure",
    response_model=ErasureOut,
    responses=problems(
        PersonRequired,
        ClearanceNotFound,
        ErasureNotFound,
        ErasureDecided,
        SecondPersonRequired,
        ContentsHeld,
        PreconditionRequired,
        PreconditionFailed,
    ),
    summary="Destroy the contents of a clearance, or leave them",
)
async def decide_erasure(
    clearance_id: UUID,
    wanted: ErasureDecisionIn,
    caller: Eraser,
    version: Version,
    session: Session,
) -> dict[str, Any]:
    """By a second person of an oversight role; `If-Match` is the version that was read.

    Request, answer and inputs go with the keys that sealed them; outcome, codes, versions, hashes
    and the receipt stay, and the receipt still verifies. Refused under a legal hold.
    """
    return await erasing.decide(session, caller, clearance_id, version, wanted.decision)
