"""What changes though nobody writes: days that come, policies that begin and end, lists that age.

An answer keeps the first moment from which it may be another (`recognition.moments`), found by an
index; the worker remembers how far it has looked. A list that goes stale concerns every open
answer: it is said once when it happens, and once when it is over.
"""

from __future__ import annotations

import json
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import rfc3339, utc_now
from app.core.db import Database
from app.recognition.rests_on import AGENCY, STALE_SOURCE, TIME
from app.recognition.watching import affected
from app.sanctions.lists.freshness import FRESHNESS_SQL, REQUIRED, required_stale

WATCH_LOCK = 7_021_062
_PASSES = {"": timedelta(0), "_again": timedelta(seconds=65)}
"""Each moment is looked at when it comes, and once more when whatever was being written then is
stored: no transaction lasts longer.
"""
_REMEMBER = timedelta(minutes=1)
_ONE_DAY = timedelta(days=1)
_Rows = list[dict[str, Any]]

_LEAD = text("SELECT pg_try_advisory_xact_lock(:lock)")
_STATES = text("SELECT name, state FROM clearance_watch")
_STATE = text(
    """INSERT INTO clearance_watch (name, state) VALUES (:name, :state)
    ON CONFLICT (name) DO UPDATE SET state = excluded.state"""
)
_DUE = text(
    f"""SELECT DISTINCT ref FROM clearance_dependencies
    WHERE kind = '{TIME}' AND ref > :after AND ref <= :now AND until > now()"""  # noqa: S608 - texts of ours; values are bound
)
_POLICIES = text(
    """SELECT DISTINCT agency_id FROM recognition_policies WHERE state = 'approved'
      AND (effective_from > :seen AND effective_from <= :today
        OR effective_to >= :seen AND effective_to < :today)"""
)
_SOURCES = text(f"SELECT ({FRESHNESS_SQL})")
HELD_SQL = "SELECT DISTINCT source FROM list_candidates WHERE state = 'waiting'"
"""Lists of which an issue waits for a person."""
_HELD = text(HELD_SQL)


async def look(database: Database, now: datetime | None = None) -> None:
    """Put on the list of work what the clock has changed since the last look."""
    now = now or utc_now()
    async with database.session() as session:
        if not await session.scalar(_LEAD, {"lock": WATCH_LOCK}):
            return
        before = {row.name: row.state for row in await session.execute(_STATES)}
        after = dict(before)
        found = [
            *await _times(session, after, now),
            *await _policies(session, after, now),
            *await _lists(session, after, now),
        ]
        await affected.put(session, found)
        for name, state in after.items():
            if before.get(name) != state:
                await session.execute(_STATE, {"name": name, "state": state})


async def _times(session: AsyncSession, states: dict[str, str], now: datetime) -> _Rows:
    found: _Rows = []
    for suffix, lag in _PASSES.items():
        name, to = f"times{suffix}", now - lag
        seen = states.get(name, "")
        if seen > rfc3339(to):  # the clock was ahead: what it passed over comes once more
            seen = rfc3339(to - _ONE_DAY)
        refs = (await session.scalars(_DUE, {"after": seen, "now": rfc3339(to)})).all()
        found += [affected.about(TIME, ref, datetime.fromisoformat(ref)) for ref in refs]
        # An empty stretch is looked at again at no cost, and need not be remembered each time.
        if refs or seen < rfc3339(to - _REMEMBER):
            states[name] = rfc3339(to)
    return found


async def _policies(session: AsyncSession, states: dict[str, str], now: datetime) -> _Rows:
    """Agencies for which one begins to hold, or holds no longer, since the day of the last look."""
    found: _Rows = []
    for suffix, lag in _PASSES.items():
        name, today = f"policies{suffix}", (now - lag).date()
        seen = date.fromisoformat(states.get(name, today.isoformat()))
        if seen < today:
            days = {"seen": seen, "today": today}
            at = datetime.combine(today, time(), now.tzinfo)
            agencies = (await session.scalars(_POLICIES, days)).all()
            found += [affected.about(AGENCY, str(agency), at) for agency in agencies]
        states[name] = max(seen, today).isoformat()
    return found


async def _lists(session: AsyncSession, states: dict[str, str], now: datetime) -> _Rows:
    rows = json.loads(await session.scalar(_SOURCES) or "[]")
    stale = {*required_stale(rows, now), *(await session.scalars(_HELD)).all()}
    found: _Rows = []
    for code in sorted({*REQUIRED, *(row["code"] for row in rows)}):
        name, state = f"list:{code}", "stale" if code in stale else "fresh"
        if states.get(name) != state:
            states[name] = state
            kind = "source" if state == "stale" else STALE_SOURCE
            found.append(affected.about(kind, code, now))
    return found
