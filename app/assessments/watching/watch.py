"""The watch: the worker goes through the log and tells owners how others read.

It follows the numbers of the log, which leave none out, so nothing is looked at twice and the path
of a reading does no more work than it did. What an oversight role does for an investigation or an
audit is held back in the log and is not watched: telling of it would be telling of that.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies.settings import KEYS, UNUSUAL_READING_RECORDS
from app.assessments.watching.rules import RULES
from app.audit import service as audit
from app.audit.events import Event
from app.core.db import Database, touched
from app.events import service as events
from app.events.catalogue import EventType

_BATCH = 1_000
_CURSOR = text(
    "INSERT INTO reading_watch (id, seq) VALUES (1, 0) "
    "ON CONFLICT (id) DO UPDATE SET seq = reading_watch.seq RETURNING seq"
)
_PASSED = text("UPDATE reading_watch SET seq = :seq WHERE id = 1")
_NEXT = text(
    "SELECT max(seq) FROM (SELECT seq FROM log_leaves WHERE seq > :from "
    "ORDER BY seq LIMIT :batch) n"
)
_READS = f"""reads AS MATERIALIZED (
    SELECT l.seq, e.id, e.at, e.owner_agency, e.agency_id AS reader_agency, e.client_id,
      e.subject_id AS assessment_id, e.purpose, e.at > now() - interval '{RULES.report_days} days'
        AS fresh
    FROM log_leaves l JOIN audit_events e ON e.id = l.event_id
    WHERE l.seq > :from AND l.seq <= :to AND e.event = '{Event.ASSESSMENT_DETAIL_READ.value}'
      AND e.agency_id <> e.owner_agency AND NOT e.held AND e.client_id IS NOT NULL)"""  # noqa: S608 - constants
_COLUMNS = "id, owner_agency, reader_agency, client_id, kind, event_id, assessment_id, purpose, at"
_TOLD = "RETURNING id, owner_agency, reader_agency, kind, assessment_id, purpose, records"

# The memory of purposes says which are new; of several in one batch the first.
_NEW_PURPOSE = text(
    f"""WITH {_READS}, first AS (
      SELECT DISTINCT ON (owner_agency, reader_agency, purpose) seq, id, at, owner_agency,
        reader_agency, client_id, assessment_id, purpose, fresh FROM reads
      WHERE purpose IS NOT NULL ORDER BY owner_agency, reader_agency, purpose, seq),
    new AS (
      INSERT INTO reading_purposes (owner_agency, reader_agency, purpose, first_at)
      SELECT owner_agency, reader_agency, purpose, at FROM first
      ON CONFLICT DO NOTHING RETURNING owner_agency, reader_agency, purpose)
    INSERT INTO unusual_readings ({_COLUMNS})
    SELECT uuidv7(), f.owner_agency, f.reader_agency, f.client_id, 'new_purpose', f.id,
      f.assessment_id, f.purpose, f.at
    FROM first f JOIN new n USING (owner_agency, reader_agency, purpose) WHERE f.fresh
    ORDER BY f.seq
    ON CONFLICT DO NOTHING {_TOLD}"""  # noqa: S608 - constants
)
# Asked for each reader and owner of the batch; ids carry the time, so the index of the owner's
# events is entered where the day begins.
_VOLUME = text(
    f"""WITH {_READS}, last AS (
      SELECT DISTINCT ON (owner_agency, client_id) id, at, owner_agency, reader_agency,
        client_id FROM reads WHERE fresh
      ORDER BY owner_agency, client_id, seq DESC),
    counted AS (
      SELECT l.id, l.at, l.owner_agency, l.reader_agency, l.client_id,
        (SELECT count(DISTINCT e.subject_id) FROM audit_events e
          WHERE e.owner_agency = l.owner_agency
            AND e.id > uuidv7(l.at - now() - interval '{RULES.hours + 1} hours')
            AND e.at > l.at - interval '{RULES.hours} hours' AND e.at <= l.at
            AND e.client_id = l.client_id AND NOT e.held
            AND e.event = '{Event.ASSESSMENT_DETAIL_READ.value}') AS records,
        coalesce((SELECT CAST(s.value AS integer) FROM agency_settings s
          WHERE s.agency_id = l.owner_agency AND s.key = '{UNUSUAL_READING_RECORDS}'
            AND s.superseded_at IS NULL AND s.effective_from <= current_date
            AND (s.effective_to IS NULL OR s.effective_to >= current_date)),
          {KEYS[UNUSUAL_READING_RECORDS].default}) AS most
      FROM last l)
    INSERT INTO unusual_readings ({_COLUMNS}, records)
    SELECT uuidv7(), c.owner_agency, c.reader_agency, c.client_id, 'volume', c.id, NULL, NULL,
      c.at, c.records
    FROM counted c WHERE c.records > c.most AND NOT EXISTS (
      SELECT FROM unusual_readings u WHERE u.owner_agency = c.owner_agency
        AND u.client_id = c.client_id AND u.kind = 'volume'
        AND u.at > c.at - interval '{RULES.hours} hours')
    ON CONFLICT DO NOTHING {_TOLD}"""  # noqa: S608 - constants
)
# A refused reading of what the agency had read before, or what was once shared with it.
_AFTER_REVOKE = text(
    f"""INSERT INTO unusual_readings ({_COLUMNS})
    SELECT uuidv7(), a.owner_agency, e.agency_id, e.client_id, 'after_revoke', e.id, a.id,
      e.purpose, e.at
    FROM log_leaves l JOIN audit_events e ON e.id = l.event_id
    JOIN assessments a ON a.id = e.subject_id
    WHERE l.seq > :from AND l.seq <= :to AND e.event = '{Event.REQUEST_REFUSED.value}'
      AND e.detail ->> 'operation' = 'readAssessmentDetail'
      AND e.detail ->> 'code' = 'assessment_not_found'
      AND e.agency_id <> a.owner_agency AND NOT e.held AND e.client_id IS NOT NULL
      AND e.at > now() - interval '{RULES.report_days} days'
      AND (EXISTS (SELECT FROM assessment_shares s WHERE s.assessment_id = a.id
          AND s.shared_with = e.agency_id
          AND least(s.revoked_at, s.ended_at, s.valid_until) <= e.at)
        OR EXISTS (SELECT FROM audit_events r WHERE r.subject_id = a.id AND r.id < e.id
          AND r.agency_id = e.agency_id AND r.event = '{Event.ASSESSMENT_DETAIL_READ.value}'))
    ORDER BY l.seq
    ON CONFLICT DO NOTHING {_TOLD}"""  # noqa: S608 - constants
)
_FORGET = text(
    f"""DELETE FROM unusual_readings WHERE id IN (SELECT id FROM unusual_readings
    WHERE at < now() - interval '{RULES.keep_days} days' LIMIT 500)"""  # noqa: S608 - constants
)


async def watch_reading(database: Database) -> int:
    """Go through the next piece of the log; how many of its events were passed."""
    async with database.session() as session:
        start: int = (await session.execute(_CURSOR)).scalar_one()
        end = await session.scalar(_NEXT, {"from": start, "batch": _BATCH})
        if end is None:
            return 0
        for statement in (_NEW_PURPOSE, _VOLUME, _AFTER_REVOKE):
            for row in (await session.execute(statement, {"from": start, "to": end})).all():
                await _tell(session, row)
        await session.execute(_PASSED, {"seq": end})
    return int(end - start)


async def _tell(session: AsyncSession, row: Any) -> None:
    about = {
        "unusual": row.kind,
        "reader": str(row.reader_agency),
        "purpose": row.purpose,
        "records": row.records,
    }
    about = {name: value for name, value in about.items() if value is not None}
    subject: UUID = row.assessment_id or row.id
    await audit.record(
        session, None, Event.READING_UNUSUAL, audit.Subject(subject, row.owner_agency), **about
    )
    await events.publish(session, EventType.READING_UNUSUAL, row.id, row.owner_agency, **about)


async def forget(database: Database) -> int:
    """Delete what was found long ago, a batch at a time."""
    async with database.session() as session:
        return touched(await session.execute(_FORGET))
