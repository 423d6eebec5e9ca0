"""Whether statements are contested: shown beside them, to everybody who sees them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.schemas import Instant, Schema

SubjectKind = Literal["flag", "verification", "assessment", "sanction_entry", "profile_field"]
ObjectionState = Literal["open", "upheld", "partly", "rejected", "withdrawn"]

_SHOWN = ("status", "since", "due_on", "overdue")
_LATEST = text(
    """SELECT DISTINCT ON (o.subject_id) o.subject_id, o.state AS status, o.raised_at AS since,
        o.due_on, o.state = 'open' AND o.due_on < current_date AS overdue
    FROM objections o
    WHERE o.subject_kind = :kind AND o.subject_id = ANY (:ids) AND o.state <> 'withdrawn'
    ORDER BY o.subject_id, (o.state = 'open') DESC, o.raised_at DESC"""
)


def latest_of(kind: SubjectKind, statement: str) -> str:
    """SQL: that objection to one statement (an expression for its id), or no row; for statements
    that read more, which tell of it by `objection_of`.
    """
    return f"""SELECT o.state AS objection_status, o.raised_at AS objection_since,
        o.due_on AS objection_due_on, o.state = 'open' AND o.due_on < current_date
          AS objection_overdue
    FROM objections o
    WHERE o.subject_kind = '{kind}' AND o.subject_id = {statement} AND o.state <> 'withdrawn'
    ORDER BY (o.state = 'open') DESC, o.raised_at DESC LIMIT 1"""  # noqa: S608 - texts of ours


def objection_of(row: Any) -> dict[str, Any] | None:
    """The columns of `latest_of` as ContestedOut needs them."""
    if row.objection_status is None:
        return None
    return {name: getattr(row, f"objection_{name}") for name in _SHOWN}


class ContestedOut(Schema):
    """The objection to a statement: an open one, else the latest."""

    status: ObjectionState
    since: Instant
    due_on: date
    overdue: bool


async def contested(
    session: AsyncSession, kind: SubjectKind, ids: Iterable[UUID]
) -> dict[UUID, dict[str, Any]]:
    """The objection to each of these statements, as ContestedOut needs it; none, no key."""
    wanted = list(ids)
    if not wanted:
        return {}
    rows = await session.execute(_LATEST, {"kind": kind, "ids": wanted})
    return {row.subject_id: {name: getattr(row, name) for name in _SHOWN} for row in rows}
