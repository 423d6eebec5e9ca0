"""Windows of plans end at their day even if nobody writes: the worker tells before, and then.

Nothing lapses: a plan past its window stays as it was until a person closes or extends it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments.plans.rules import RULES
from app.audit import service as audit
from app.audit.events import Event
from app.core.db import Database
from app.events import service as events
from app.events.catalogue import EventType

_BATCH = 200
_COLUMNS = "id, partner_id, owner_agency, kind, assessment_level, window_ends_on, reminded_days"
# The nearest mark that is reached: a worker that was away tells of the shortest, and once.
_ENDING = text(
    f"""UPDATE capacity_plans SET reminded_days = (SELECT min(d)
        FROM unnest(CAST(:days AS integer[])) d WHERE window_ends_on - current_date <= d)
    WHERE id IN (SELECT p.id FROM capacity_plans p
        WHERE p.status = 'agreed' AND p.window_ends_on >= current_date
          AND EXISTS (SELECT FROM unnest(CAST(:days AS integer[])) d
            WHERE p.window_ends_on - current_date <= d
              AND d < coalesce(p.reminded_days, 1000000))
        ORDER BY p.window_ends_on LIMIT :most FOR UPDATE SKIP LOCKED)
    RETURNING {_COLUMNS}"""  # noqa: S608 - texts of ours
).bindparams(most=_BATCH, days=sorted(RULES.reminder_days))
_ENDED = text(
    f"""UPDATE capacity_plans SET window_ended_at = now()
    WHERE id IN (SELECT p.id FROM capacity_plans p
        WHERE p.status = 'agreed' AND p.window_ends_on < current_date
          AND p.window_ended_at IS NULL
        ORDER BY p.window_ends_on LIMIT :most FOR UPDATE SKIP LOCKED)
    RETURNING {_COLUMNS}"""  # noqa: S608 - texts of ours
).bindparams(most=_BATCH)


async def remind(database: Database) -> int:
    """Tell, once for each mark, of windows that end soon, and once that they ended; how many."""
    async with database.session() as session:
        ending = (await session.execute(_ENDING)).all()
        for row in ending:
            await _tell(session, EventType.PLAN_WINDOW_ENDING, row, days=row.reminded_days)
        ended = (await session.execute(_ENDED)).all()
        for row in ended:
            subject = audit.Subject(row.id, row.owner_agency, row.partner_id)
            until = row.window_ends_on.isoformat()
            await audit.record(
                session, None, Event.PLAN_WINDOW_ENDED, subject, basis="period_over", until=until
            )
            await _tell(session, EventType.PLAN_WINDOW_ENDED, row)
    return len(ending) + len(ended)


async def _tell(session: AsyncSession, kind: EventType, row: Any, **about: Any) -> None:
    hidden = row.assessment_level == "AGENCY_ONLY"
    await events.publish(
        session,
        kind,
        row.id,
        row.owner_agency,
        partner_id=str(row.partner_id),
        plan_kind=row.kind,
        level="AGENCY_ONLY" if hidden else "RESTRICTED",
        window_ends_on=row.window_ends_on.isoformat(),
        **about,
    )
