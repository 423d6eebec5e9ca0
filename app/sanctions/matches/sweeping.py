"""The sweep that catches what was missed: compares what was stored, not the names.

It walks profiles and people by their ids, some thousand in a transaction, and queues those that
were never compared as they are now, or by another algorithm; so it also makes the tokens of
people who were there before there were any, and those of a retired key anew. A sweep that was
broken off goes on where it was. Listed parties are compared by the digest of their bytes.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import utc_now
from app.core.db import Database, touched
from app.core.rekeying import SETTLE_S
from app.partners.people import blind, marks
from app.sanctions.matches.queue import RESCREEN_LOCK
from partner_registry_matcher import ALGORITHM

_PAGE = 2_000
_BY = f"/{ALGORITHM}/{marks.MADE_BY}"
"""Part of the names of sweeps: a release that compares otherwise sweeps at once."""
HOURS = {"entries": 1, "partners": 24, "people": 24}

_LEAD = text("SELECT pg_advisory_xact_lock(:lock)")
_TURN = text(
    """INSERT INTO rescreen_sweeps AS s (name) VALUES (:name)
    ON CONFLICT (name) DO UPDATE SET
      place = CASE WHEN s.finished_at IS NULL THEN s.place END,
      started_at = CASE WHEN s.finished_at IS NULL THEN s.started_at ELSE now() END,
      finished_at = NULL
    WHERE s.finished_at IS NULL OR s.finished_at < now() - make_interval(hours => :hours)
    RETURNING coalesce(s.place, '00000000-0000-0000-0000-000000000000') AS place"""
)
_FURTHER = text("UPDATE rescreen_sweeps SET place = :place WHERE name = :name")
_FINISHED = text("UPDATE rescreen_sweeps SET place = NULL, finished_at = now() WHERE name = :name")
_STATE = text("SELECT name, place, started_at, finished_at FROM rescreen_sweeps ORDER BY name")
_ANEW = text("DELETE FROM rescreen_sweeps WHERE name LIKE :what")
_PARTNERS = """SELECT p.id, s.version IS DISTINCT FROM p.version
      OR s.algorithm IS DISTINCT FROM :algorithm AS missed
    FROM partners p LEFT JOIN screened_subjects s ON s.subject_id = p.id
    WHERE p.id > :place ORDER BY p.id LIMIT :page"""
_PEOPLE = """SELECT p.id, CASE
      WHEN p.erased_at IS NOT NULL OR NOT (p.role = ANY (:roles)
        OR p.authorised OR p.board_member) OR p.valid_to < :last
      THEN s.subject_id IS NOT NULL OR t.person_id IS NOT NULL
      ELSE s.version IS DISTINCT FROM p.version OR s.algorithm IS DISTINCT FROM :algorithm
        OR t.sealed_version IS DISTINCT FROM p.sealed_version
        OR t.made_by IS DISTINCT FROM :made_by OR k.state = 'retired' END AS missed
    FROM partner_people p LEFT JOIN screened_subjects s ON s.subject_id = p.id
      LEFT JOIN partner_person_tokens t ON t.person_id = p.id
      LEFT JOIN blind_keys k ON k.id = t.key_id
    WHERE p.id > :place ORDER BY p.id LIMIT :page"""
# S608 below: the texts are built of constants of this module, never of input.
_QUEUED = """WITH page AS MATERIALIZED ({page}), queued AS (
    INSERT INTO rescreen_tasks (kind, subject_id) SELECT '{kind}', id FROM page WHERE missed
    ON CONFLICT DO NOTHING)
  SELECT count(*) AS seen, (array_agg(id ORDER BY id DESC))[1] AS place FROM page"""
_ENTRIES = text(
    """INSERT INTO rescreen_tasks (kind, subject_id)
    SELECT 'entry', coalesce(n.id, s.entry_id) FROM (
      SELECT DISTINCT ON (f.entry_id) f.entry_id::uuid AS id, sha256(f.entry) AS digest,
        CASE WHEN f.stream <> 'inter_agency' THEN u.agencies ELSE '{}' END AS holders
      FROM feed_entries f LEFT JOIN (
        SELECT 'source.' || source AS stream, array_agg(agency_id ORDER BY agency_id) AS agencies
        FROM list_holders() GROUP BY source) u ON u.stream = f.stream
      WHERE (f.stream = 'inter_agency' OR u.stream IS NOT NULL)
        AND convert_from(f.entry, 'UTF8')::jsonb ->> 'partner_id' IS NULL
      ORDER BY f.entry_id, f.stream <> 'inter_agency', f.stream) n
    FULL JOIN screened_entries s ON s.entry_id = n.id
    WHERE n.digest IS DISTINCT FROM s.digest OR n.holders IS DISTINCT FROM s.holders
    ON CONFLICT DO NOTHING"""
)
_SETTLED = text(
    """DELETE FROM blind_keys k WHERE k.state = 'retired'
      AND k.retired_at < clock_timestamp() - make_interval(secs => :settle)
      AND NOT EXISTS (SELECT FROM partner_person_tokens t WHERE t.key_id = k.id)"""
)
_PAGES = {
    "partners": text(_QUEUED.format(page=_PARTNERS, kind="partner")),
    "people": text(_QUEUED.format(page=_PEOPLE, kind="person")),
}


async def sweep(database: Database) -> int:
    """The next page of each sweep whose time has come; 0 when there is none."""
    done = [await _page(database, name) for name in _PAGES]
    async with database.session() as session:
        if await _place(session, "entries") is not None:
            await session.execute(_ENTRIES)
            await session.execute(_FINISHED, {"name": "entries" + _BY})
    await end_retired_keys(database)
    return sum(done)


async def _place(session: AsyncSession, name: str) -> UUID | None:
    """How far this sweep is; None while its time has not come. The row is locked."""
    await session.execute(_LEAD, {"lock": RESCREEN_LOCK})
    wanted = {"name": name + _BY, "hours": HOURS[name]}
    place: UUID | None = await session.scalar(_TURN, wanted)
    return place


async def _page(database: Database, name: str) -> int:
    async with database.session() as session:
        place = await _place(session, name)
        if place is None:
            return 0
        row = (await session.execute(_PAGES[name], _values(name, place))).one()
        if row.seen == _PAGE:
            await session.execute(_FURTHER, {"name": name + _BY, "place": row.place})
            return int(row.seen)
        await session.execute(_FINISHED, {"name": name + _BY})
        return 0


def _values(name: str, place: UUID) -> dict[str, Any]:
    values: dict[str, Any] = {"place": place, "page": _PAGE, "algorithm": ALGORITHM}
    if name == "people":
        last = blind.last_day(utc_now().date())
        values |= {"roles": blind.RULES["roles"], "last": last, "made_by": marks.MADE_BY}
    return values


async def sweep_anew(session: AsyncSession, what: str = "") -> None:
    """Let all sweeps, or one, begin at once."""
    await session.execute(_ANEW, {"what": f"{what}%"})


async def end_retired_keys(database: Database) -> int:
    """Delete retired keys of which no token is left, once nobody can write one any more."""
    async with database.session() as session:
        return touched(await session.execute(_SETTLED, {"settle": SETTLE_S}))


async def sweeps(session: AsyncSession) -> list[dict[str, Any]]:
    """How far each sweep is."""
    return [dict(row._mapping) for row in await session.execute(_STATE)]
