"""Every select of objections."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

_COLUMNS = """o.id, o.partner_id, o.subject_kind, o.subject_id, a.code AS owner_agency,
    coalesce(r.code, 'partner') AS raised_by, o.raised_at, o.due_on, o.state,
    o.state = 'open' AND o.due_on < current_date AS overdue,
    CASE WHEN o.due_on < current_date AND o.author_office IS NOT NULL
      THEN 'outside_author_office' ELSE 'owner' END AS answered_by_office,
    o.answered_at, o.version, o.owner_agency AS owner_id, o.raised_by_agency AS raiser_id,
    o.evidence, o.sealed_reason, o.sealed_answer, p.country"""
# S608 below: the texts are built of constants of this module, never of input.
_OBJECTIONS = f"""SELECT {_COLUMNS} FROM objections o JOIN agencies a ON a.id = o.owner_agency
    JOIN partners p ON p.id = o.partner_id LEFT JOIN agencies r ON r.id = o.raised_by_agency"""  # noqa: S608 - texts of ours; values are bound
_STATEMENT = text(
    """SELECT s.owner_agency, s.office FROM statement_of(:kind, :id) s
    WHERE s.partner_id IN (SELECT partner_bearing(:partner))"""
)
_LOCKED = text(
    """SELECT o.id, o.partner_id, o.subject_kind, o.subject_id, o.owner_agency, o.author_office,
        o.state, o.due_on < current_date AS overdue, o.version
    FROM objections o WHERE o.id = :id FOR UPDATE OF o"""
)


async def find_statement(
    session: AsyncSession, kind: str, statement_id: UUID, partner_id: UUID
) -> Row[Any] | None:
    """Owner and office of a statement about this partner that the bound caller can see."""
    values = {"kind": kind, "id": statement_id, "partner": partner_id}
    return (await session.execute(_STATEMENT, values)).one_or_none()


async def list_objections(
    session: AsyncSession,
    partner_id: UUID,
    state: str | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """Objections of a partner, of all of its lineage, newest first."""
    clauses = ["o.partner_id IN (SELECT partner_lineage(:partner))"]
    values: dict[str, Any] = {"partner": partner_id, "limit": limit}
    if state is not None:
        clauses.append("o.state = :state")
        values["state"] = state
    if after is not None:
        clauses.append("(o.raised_at, o.id) < (:after_at, :after_id)")
        values |= {"after_at": after[0], "after_id": after[1]}
    where = " AND ".join(clauses)
    sql = f"{_OBJECTIONS} WHERE {where} ORDER BY o.raised_at DESC, o.id DESC LIMIT :limit"
    return (await session.execute(text(sql), values)).all()


async def read_objection(session: AsyncSession, objection_id: UUID) -> Row[Any] | None:
    """One objection."""
    sql = text(f"{_OBJECTIONS} WHERE o.id = :id")
    return (await session.execute(sql, {"id": objection_id})).one_or_none()


async def lock_own(session: AsyncSession, objection_id: UUID) -> Row[Any] | None:
    """An objection to a statement of the own agency, held until the transaction ends."""
    return (await session.execute(_LOCKED, {"id": objection_id})).one_or_none()
