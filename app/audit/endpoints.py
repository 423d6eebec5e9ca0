"""HTTP of the log: events, and the proof that nobody changed them."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response

from app.audit import reading
from app.audit.errors import (
    AuditEventNotFound,
    CheckpointNotPublished,
    LeafNotFound,
    TreeSizeInvalid,
)
from app.audit.schemas import (
    AuditEventDetail,
    AuditEventOut,
    AuditFilter,
    ConsistencyProof,
    InclusionProof,
    PartnerAccess,
)
from app.auth.caller import Caller, requires
from app.auth.scopes import Scope
from app.core.db import Session
from app.core.errors import problems
from app.core.http import RegistryRoute, bytes_etag, not_modified
from app.core.paging import CursorInvalid, Pager
from app.core.routing import Router
from app.core.schemas import Page, QueryInt

router = Router(tags=["audit"], route_class=RegistryRoute)
Reader = Annotated[Caller, requires(Scope.AUDIT_READ)]
ListReader = Annotated[Caller, requires(Scope.AUDIT_READ, Scope.SELF_READ)]
# The tree holds hashes only; whoever relies on the log may check it.
Checker = Annotated[
    Caller, requires(Scope.AUDIT_READ, Scope.CLEARANCE_READ, Scope.FEED_READ, Scope.SELF_READ)
]
LeafHash = Annotated[
    str, Query(pattern=r"^[0-9a-f]{64}$", description="leaf hash, hex", examples=["e3" * 32])
]
MAX_SIZE = 2**53 - 1
TreeSize = Annotated[QueryInt, Query(ge=1, le=MAX_SIZE, description="default: the newest")]


@router.get(
    "/audit/events",
    operation_id="listAuditEvents",
    response_model=Page[AuditEventOut | PartnerAccess],
    responses=problems(CursorInvalid),
    summary="List who did what",
)
async def list_audit_events(
    request: Request,
    response: Response,
    caller: ListReader,
    session: Session,
    filters: Annotated[AuditFilter, Query()],
) -> dict[str, Any]:
    """Acts of the own agency and of others on its records, newest first.

    A partner's client reads agency and time of what was done to its own records, by period only.
    """
    who = caller.partner_id or caller.agency_id
    pager = Pager(request, who, filters.limit, filters.cursor)
    after = UUID(pager.after[0]) if pager.after else None
    rows = await reading.list_events(session, caller, filters, after)
    items, following = pager.page(rows, lambda row: [str(row["id"])], response)
    if caller.subject == "partner":
        items = [{"agency": row["agency"], "at": row["at"]} for row in items]
    return {"items": items, "next_cursor": following}


@router.get(
    "/audit/events/{event_id}",
    operation_id="getAuditEvent",
    response_model=AuditEventDetail,
    responses=problems(AuditEventNotFound),
    summary="Read an event and its leaf",
)
async def get_audit_event(event_id: UUID, caller: Reader, session: Session) -> dict[str, Any]:
    """An event with number and leaf hash; with its leaf for those who may see who acted."""
    return await reading.get_event(session, caller, event_id)


@router.get(
    "/log/checkpoint",
    operation_id="getLogCheckpoint",
    response_class=Response,
    responses=problems(CheckpointNotPublished)
    | {
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
        304: {"description": "Not modified"},
    },
    summary="Read the newest checkpoint of the log",
)
async def get_log_checkpoint(request: Request, caller: Checker, session: Session) -> Response:
    """Size and root of the log as a C2SP signed note. Keep a copy where this service cannot reach.

    Whoever keeps one can prove later that no event before it was changed or taken out.
    """
    body = (await reading.newest_note(session)).encode()
    etag = bytes_etag(body)
    return not_modified(request, etag) or Response(
        body, media_type="text/plain; charset=utf-8", headers={"ETag": etag}
    )


@router.get(
    "/log/proof/inclusion",
    operation_id="getInclusionProof",
    response_model=InclusionProof,
    responses=problems(CheckpointNotPublished, LeafNotFound, TreeSizeInvalid),
    summary="Prove that an event is in the log",
)
async def get_inclusion_proof(
    caller: Checker, session: Session, leaf: LeafHash, size: TreeSize | None = None
) -> dict[str, Any]:
    """The hashes beside a leaf's way to the root (RFC 9162, 2.1.3)."""
    return await reading.prove_inclusion(session, bytes.fromhex(leaf), size)


@router.get(
    "/log/proof/consistency",
    operation_id="getConsistencyProof",
    response_model=ConsistencyProof,
    responses=problems(CheckpointNotPublished, TreeSizeInvalid),
    summary="Prove that the log was only ever continued",
)
async def get_consistency_proof(
    caller: Checker,
    session: Session,
    old: Annotated[QueryInt, Query(alias="from", ge=0, le=MAX_SIZE, description="older size")],
    new: Annotated[
        QueryInt | None, Query(alias="to", ge=0, le=MAX_SIZE, description="default: the newest")
    ] = None,
) -> dict[str, Any]:
    """The hashes that lead from an older root to a newer one (RFC 9162, 2.1.4)."""
    return await reading.prove_consistency(session, old, new)
