"""Reading the log and its proofs: what each caller sees of an event."""

from __future__ import annotations

import base64
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import leaves, merkle, queries
from app.audit.errors import (
    AuditEventNotFound,
    CheckpointNotPublished,
    LeafNotFound,
    TreeSizeInvalid,
)
from app.audit.schemas import AuditFilter
from app.audit.tree import fetch_by, read_spans
from app.auth.caller import Caller
from app.auth.errors import ScopeMissing
from app.auth.scopes import Scope
from app.core.errors import FieldError, InvalidRequest

_PARTNERS_FILTERS = {"since", "until", "limit", "cursor"}


async def list_events(
    session: AsyncSession, caller: Caller, filters: AuditFilter, after: UUID | None
) -> list[dict[str, Any]]:
    """One row more than a page; newest first. Each has its ``id``, a partner's for paging only.

    Raises InvalidRequest for a partner that asks for more than a period, and ScopeMissing.
    """
    wanted = filters.model_dump(exclude={"limit", "cursor"}) | {"after": after}
    if caller.subject == "partner":
        # A filter answers by what it leaves out: partners learn agency and time only.
        asked = filters.model_fields_set - _PARTNERS_FILTERS
        if asked:
            raise InvalidRequest(
                errors=[
                    FieldError(
                        pointer=f"query:{name}",
                        code="not_for_partners",
                        message="Partners filter by time only",
                    )
                    for name in sorted(asked)
                ]
            )
        period = {name: wanted[name] for name in ("after", "since", "until")}
        rows = await queries.partner_accesses(session, period, filters.limit + 1)
        return [dict(row._mapping) for row in rows]
    if Scope.AUDIT_READ not in caller.scopes:
        raise ScopeMissing(Scope.AUDIT_READ)
    found = await queries.list_events(session, caller.agency_id, wanted, filters.limit + 1)
    return [_shown(caller, row._mapping) for row in found]


async def get_event(session: AsyncSession, caller: Caller, event_id: UUID) -> dict[str, Any]:
    """An event with its leaf. Raises AuditEventNotFound.

    The leaf holds who acted; salt and leaf are for those who may see that. The salt is left out
    with the leaf: with it, what is left to guess could be guessed.
    """
    found = await queries.find_event(session, event_id)
    if found is None:
        raise AuditEventNotFound
    shown = _shown(caller, found._mapping)
    row = await queries.leaf_of(session, event_id)
    own_machine = found.agency_id == caller.agency_id and found.person_id is None
    open_leaf = row.salt is not None and (caller.oversight or own_machine)
    return shown | {
        "seq": row.seq,
        "leaf_hash": row.leaf_hash.hex() if row.leaf_hash else None,
        "salt": base64.b64encode(row.salt).decode() if open_leaf else None,
        "leaf": base64.b64encode(leaves.body(dict(row._mapping))).decode() if open_leaf else None,
    }


def _shown(caller: Caller, row: Any) -> dict[str, Any]:
    event = {name: row[name] for name in row if name not in ("agency_id", "person_id")}
    if row["agency_id"] != caller.agency_id:
        event |= {"client_id": None, "claimed_user": None}
    if not caller.oversight:
        event["person"] = None
    return event


async def newest_note(session: AsyncSession) -> str:
    """The newest checkpoint. Raises CheckpointNotPublished."""
    newest = await queries.newest_checkpoint(session)
    if newest is None:
        raise CheckpointNotPublished
    note: str = newest.note
    return note


async def prove_inclusion(session: AsyncSession, leaf: bytes, size: int | None) -> dict[str, Any]:
    """That a leaf is in the newest tree, or in that of ``size``.

    Raises LeafNotFound, TreeSizeInvalid or CheckpointNotPublished.
    """
    size = await _size(session, size)
    index = await queries.find_leaf(session, leaf)
    if index is None or index >= size:
        raise LeafNotFound
    root, *hashes = await read_spans(fetch_by(session), [(0, size), *merkle.inclusion(index, size)])
    return {
        "leaf": leaf.hex(),
        "index": index,
        "size": size,
        "root": root.hex(),
        "hashes": [value.hex() for value in hashes],
        "checkpoint": await queries.note_of(session, size),
    }


async def prove_consistency(session: AsyncSession, old: int, new: int | None) -> dict[str, Any]:
    """That the newest tree, or that of ``new``, continues that of ``old``.

    Raises TreeSizeInvalid or CheckpointNotPublished.
    """
    new = await _size(session, new)
    if old > new:
        raise TreeSizeInvalid
    old_root, new_root, *hashes = await read_spans(
        fetch_by(session), [(0, old), (0, new), *merkle.consistency(old, new)]
    )
    return {
        "from": old,
        "to": new,
        "from_root": old_root.hex(),
        "to_root": new_root.hex(),
        "hashes": [value.hex() for value in hashes],
        "checkpoint": await queries.note_of(session, new),
    }


async def _size(session: AsyncSession, asked: int | None) -> int:
    newest = await queries.newest_checkpoint(session)
    if newest is None:
        raise CheckpointNotPublished
    if asked is not None and asked > newest.size:
        raise TreeSizeInvalid
    size: int = newest.size if asked is None else asked
    return size
