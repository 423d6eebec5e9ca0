"""Of an owner, a partner and a type (or methodology) one final result is current; one more that
only the owner sees.

A later one about the same profile supersedes it in its own transaction; a withdrawal puts the one
before back in force. Where two profiles are one partner, the newest of either is current, and that
of the other is superseded by the merge. This is stored nowhere: it holds while the merge does,
whoever files, withdraws, merges or parts at the same time.
"""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.partners.lineage import ids_inline, lineage, root_inline


def newer_by_merge(known: str | None = None, profiles: str | None = None) -> str:
    """SQL: of the record ``a``, the id of its owner's newest result on another profile of the same
    partner, if that is newer and so the current one; else null.

    ``known`` is a condition on that profile ``w``: may the reader know of it? ``profiles`` is SQL
    for an array of the partner's profiles, where a statement has it already.
    """
    profiles = profiles or ids_inline(root_inline("a.partner_id"))
    about = f"JOIN partners w ON w.id = n.partner_id AND {known}" if known else ""
    return f"""(SELECT n.id FROM assessments n {about}
      WHERE a.status = 'final' AND n.owner_agency = a.owner_agency
        AND n.partner_id = ANY ({profiles}) AND n.partner_id <> a.partner_id
        AND n.current_key = a.current_key AND n.status = 'final'
        AND (n.conducted_on, n.finalised_at, n.id) > (a.conducted_on, a.finalised_at, a.id)
      ORDER BY n.conducted_on DESC, n.finalised_at DESC, n.id DESC LIMIT 1)"""  # noqa: S608 - texts of ours


# Two filings at once take turns: the second one sees what the first one stored.
_TURN = text(
    "SELECT pg_advisory_xact_lock(hashtextextended("
    "concat_ws('|', CAST(:agency AS uuid), partner_root(:partner), CAST(:key AS text)), 7032))"
)
_LINE = "owner_agency = :agency AND current_key = :key"
_SAME = f"{_LINE} AND partner_id = :partner"
_SUPERSEDE = text(
    f"""UPDATE assessments SET status = 'superseded', superseded_by = :by,
        version = version + 1, updated_at = now()
    WHERE {_SAME} AND status = 'final' AND id <> :by AND conducted_on <= :on
    RETURNING id, partner_id, level"""  # noqa: S608 - constants
)
# Only the newest of them was current till now.
_OVERTAKEN = text(
    f"""SELECT id, partner_id, level FROM (
      SELECT id, partner_id, level, conducted_on FROM assessments
      WHERE {_LINE} AND partner_id IN {lineage(":partner")} AND status = 'final'
      ORDER BY conducted_on DESC, finalised_at DESC, id DESC LIMIT 1) a
    WHERE a.partner_id <> :partner AND a.conducted_on <= :on"""  # noqa: S608 - constants
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
    RETURNING id"""  # noqa: S608 - constants
)
_FOLLOW = text(
    f"""UPDATE assessments SET superseded_by = :now WHERE {_SAME} AND status = 'superseded'
        AND superseded_by = :gone"""  # noqa: S608 - constants
)
_NEXT = text(
    f"""SELECT a.id, a.partner_id, a.level FROM assessments a JOIN assessments g ON g.id = :gone
    WHERE a.owner_agency = :agency AND a.current_key = :key AND a.status = 'final'
      AND a.partner_id IN {lineage(":partner")}
      AND (a.conducted_on, a.finalised_at, a.id) < (g.conducted_on, g.finalised_at, g.id)
      AND {newer_by_merge()} IS NULL"""  # noqa: S608 - constants
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

    What is current on another profile of the partner is among the first, and stays as it is.
    """
    if key is None:
        return [], None
    same = {"agency": agency, "partner": partner, "key": key}
    await session.execute(_TURN, same)
    elsewhere = (await session.execute(_OVERTAKEN, {**same, "on": conducted_on})).all()
    done = await session.execute(_SUPERSEDE, {**same, "by": new, "on": conducted_on})
    earlier = [*done.all(), *elsewhere]
    return earlier, await session.scalar(_LATER, {**same, "by": new})


async def put_back(
    session: AsyncSession, agency: UUID, partner: UUID, key: str | None, gone: UUID
) -> Any | None:
    """After the result ``gone`` of this profile was withdrawn: the newest of the superseded ones
    of the profile stands again. What is current in place of ``gone`` (id, partner_id, level);
    None if nothing is, or ``gone`` was not current.
    """
    if key is None:
        return None
    same = {"agency": agency, "partner": partner, "key": key}
    await session.execute(_TURN, same)
    back = await session.scalar(_BEFORE, same)
    if back is not None:
        await session.execute(_FOLLOW, {**same, "now": back, "gone": gone})
    return (await session.execute(_NEXT, {**same, "gone": gone})).one_or_none()
