"""Of an owner, a partner and a type (or methodology) one final result is current; one more that
only the owner sees.

A later one supersedes it in its own transaction; a withdrawal puts the one before back in force.
"""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.partners.lineage import lineage

# Two filings at once take turns: the second one sees what the first one stored.
_TURN = text(
    "SELECT pg_advisory_xact_lock(hashtextextended("
    "concat_ws('|', CAST(:agency AS uuid), partner_root(:partner), CAST(:key AS text)), 7032))"
)
_SAME = f"""owner_agency = :agency AND partner_id IN {lineage(":partner")} AND current_key = :key"""
_SUPERSEDE = text(
    f"""UPDATE assessments SET status = 'superseded', superseded_by = :by,
        version = version + 1, updated_at = now()
    WHERE {_SAME} AND status = 'final' AND id <> :by AND conducted_on <= :on
    RETURNING id, partner_id, level"""  # noqa: S608 - constants
)
_LATER = text(
    f"""SELECT id FROM assessments WHERE {_SAME} AND status = 'final' AND id <> :by
    ORDER BY conducted_on DESC, finalised_at DESC LIMIT 1"""  # noqa: S608 - constants
)
_BEFORE = text(
    f"""UPDATE assessments SET status = 'final', superseded_by = NULL, version = version + 1,
        updated_at = now()
    WHERE id = (SELECT id FROM assessments WHERE {_SAME} AND status = 'superseded'
        ORDER BY conducted_on DESC, finalised_at DESC LIMIT 1)
    RETURNING id, partner_id, level"""  # noqa: S608 - constants
)
_FOLLOW = text(
    f"""UPDATE assessments SET superseded_by = :now WHERE {_SAME} AND status = 'superseded'
        AND superseded_by = :gone"""  # noqa: S608 - constants
)


async def make_room(
    session: AsyncSession,
    agency: UUID,
    partner: UUID,
    key: str | None,
    conducted_on: date,
    new: UUID,
) -> tuple[list[Any], UUID | None]:
    """Before ``new`` becomes final: what it supersedes (id, partner_id, level), and the later
    result that supersedes it at once, when an older one is filed after a newer.
    """
    if key is None:
        return [], None
    same = {"agency": agency, "partner": partner, "key": key}
    await session.execute(_TURN, same)
    done = await session.execute(_SUPERSEDE, {**same, "by": new, "on": conducted_on})
    return list(done.all()), await session.scalar(_LATER, {**same, "by": new})


async def put_back(
    session: AsyncSession, agency: UUID, partner: UUID, key: str | None, gone: UUID
) -> Any | None:
    """After the current result ``gone`` was withdrawn: the newest of the superseded ones is
    current again (id, partner_id, level). None if there is none.
    """
    if key is None:
        return None
    same = {"agency": agency, "partner": partner, "key": key}
    await session.execute(_TURN, same)
    back = (await session.execute(_BEFORE, same)).one_or_none()
    if back is not None:
        await session.execute(_FOLLOW, {**same, "now": back.id, "gone": gone})
    return back
