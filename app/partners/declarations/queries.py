"""Every select of declarations.

A profile stands under its own declarations and those of its headquarters, of their whole
lineages: a merge loses none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.partners.lineage import lineage, root

_OWN = lineage("CAST(:partner AS uuid)")
_HQ = lineage("CAST(:hq AS uuid)")
_SUBJECT = lineage("coalesce(CAST(:hq AS uuid), CAST(:partner AS uuid))")
_ABOVE = root("CAST(:hq AS uuid)")
# S608 below: built of constants of ours.
_COLUMNS = f"""d.id, d.partner_id, d.form_version, d.answers, d.accepted, d.signed_on,
    d.recorded_at, a.code AS recorded_by, CASE WHEN d.partner_id NOT IN {_OWN} THEN {_ABOVE} END
    AS inherited_from
    FROM partner_declarations d LEFT JOIN agencies a ON a.id = d.recorded_by"""
_CURRENT = f"""SELECT {_COLUMNS}
    WHERE d.partner_id IN {_SUBJECT}
    ORDER BY d.signed_on DESC, d.id DESC LIMIT 1"""
_ALL = f"""SELECT {_COLUMNS}
    WHERE (d.partner_id IN {_OWN} OR (CAST(:hq AS uuid) IS NOT NULL AND d.partner_id IN {_HQ}))
    AND (CAST(:after AS uuid) IS NULL OR d.id < :after)
    AND (CAST(:id AS uuid) IS NULL OR d.id = :id)
    ORDER BY d.id DESC LIMIT :limit"""


async def current(session: AsyncSession, partner_id: UUID, hq_id: UUID | None) -> Row[Any] | None:
    """The declaration that counts: the newest signed of the headquarters, if there is one above,
    else of the profile.
    """
    values = {"partner": partner_id, "hq": hq_id}
    return (await session.execute(text(_CURRENT), values)).one_or_none()


async def visible_to(
    session: AsyncSession,
    partner_id: UUID,
    hq_id: UUID | None,
    *,
    after: UUID | None = None,
    declaration_id: UUID | None = None,
    limit: int = 1,
) -> Sequence[Row[Any]]:
    """Declarations that a profile stands under, newest recorded first."""
    values = {"partner": partner_id, "hq": hq_id, "after": after, "id": declaration_id}
    return (await session.execute(text(_ALL), values | {"limit": limit})).all()
