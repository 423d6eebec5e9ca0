"""What agencies state about a partner, of every feature, newest first.

Features above this one are not imported: each says in its own `statements.py` what the partner is
told, and the application hands all of them in (`app.state.statements`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.partners.claims.rules import RULES
from app.partners.objections.contested import contested
from app.partners.self_service.schemas import StatementKind

After = tuple[datetime, UUID] | None


@dataclass(frozen=True, slots=True)
class Provider:
    """One kind of statement.

    ``select`` is a constant SELECT about the partner ``:partner`` and what was merged into it, run
    under the partner's row security, with the columns id, partner_id, agency, owner_id, type,
    result, stated_at, dated and until. What oversight keeps back is taken out of it here.
    """

    kind: StatementKind
    select: str


VERIFICATIONS = Provider(
    "verification",
    """SELECT v.id, v.partner_id, a.code AS agency, v.agency_id AS owner_id, NULL AS type,
      v.result, v.recorded_at AS stated_at, v.verified_on AS dated, v.valid_until AS until
    FROM partner_verifications v JOIN agencies a ON a.id = v.agency_id
    WHERE v.partner_id IN (SELECT partner_lineage(:partner))""",
)
FLAGS = Provider(
    "flag",
    """SELECT f.id, f.partner_id, a.code AS agency, f.owner_agency AS owner_id,
      f.category AS type, f.kind || ' ' || f.state AS result, f.made_at AS stated_at,
      f.made_at::date AS dated, f.until::date AS until
    FROM partner_flags f JOIN agencies a ON a.id = f.owner_agency
    WHERE f.partner_id IN (SELECT partner_bearing(:partner))""",
)

_PAGE = """SELECT s.id, s.partner_id, s.agency, s.owner_id, s.type, s.result, s.stated_at, s.dated,
      s.until, (SELECT count(*) FROM statement_comments c WHERE c.subject_kind = :kind
      AND c.subject_id = s.id) AS comments
    FROM ({select}) s WHERE NOT withheld(s.id)
      AND (CAST(:id AS uuid) IS NULL OR s.id = :id)
      AND (CAST(:at AS timestamptz) IS NULL OR (s.stated_at, s.id) < (:at, CAST(:after AS uuid)))
    ORDER BY s.stated_at DESC, s.id DESC LIMIT :limit"""


async def _rows(
    session: AsyncSession,
    provider: Provider,
    partner_id: UUID,
    after: After,
    limit: int,
    one: UUID | None = None,
) -> Sequence[Any]:
    at, after_id = after or (None, None)
    values = {"partner": partner_id, "kind": provider.kind, "at": at, "after": after_id}
    sql = text(_PAGE.format(select=provider.select))
    return (await session.execute(sql, values | {"limit": limit, "id": one})).all()


async def find_statement(
    session: AsyncSession,
    providers: Sequence[Provider],
    partner_id: UUID,
    kind: str,
    statement_id: UUID,
) -> Any | None:
    """One statement that the partner is told of."""
    for provider in providers:
        if provider.kind == kind:
            rows = await _rows(session, provider, partner_id, None, 1, statement_id)
            return rows[0] if rows else None
    return None


async def list_statements(
    session: AsyncSession,
    providers: Sequence[Provider],
    partner_id: UUID,
    after: After,
    limit: int,
) -> list[dict[str, Any]]:
    """Statements of all kinds, newest first; ``limit`` rows."""
    found: list[tuple[StatementKind, Any]] = []
    for provider in providers:
        rows = await _rows(session, provider, partner_id, after, limit)
        found += [(provider.kind, row) for row in rows]
    found.sort(key=lambda item: (item[1].stated_at, item[1].id), reverse=True)
    del found[limit:]
    objections: dict[UUID, dict[str, Any]] = {}
    for provider in providers:
        ids = [row.id for kind, row in found if kind == provider.kind]
        objections |= await contested(session, provider.kind, ids)
    return [_wire(kind, row, objections.get(row.id)) for kind, row in found]


def comment_until(stated_at: datetime) -> date:
    """The last day on which a statement of this moment takes comments."""
    return stated_at.date() + timedelta(days=RULES.comment_days)


def _wire(kind: StatementKind, row: Any, objection: dict[str, Any] | None) -> dict[str, Any]:
    names = ("id", "partner_id", "agency", "type", "result", "stated_at", "dated", "until")
    return {name: getattr(row, name) for name in (*names, "comments")} | {
        "kind": kind,
        "contested": objection,
        "comment_until": comment_until(row.stated_at),
        "may_object": objection is None or objection["status"] != "open",
    }
