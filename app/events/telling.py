"""Who is told of an event: from the numbered outbox to the events of each agency.

A consumer like any other, a batch at a time in one statement: what an agency is told, its number,
and the deliveries to its webhooks are stored in the transaction that moves the cursor, so nothing
is lost and nothing told twice. The unique keys (agency, event) and (webhook, number) say so again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic_core import to_json
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.events.descriptions import TOLD, read
from app.events.models import OutboxEvent
from app.events.service import Consumer

NAME = "agency_events"
_BATCH = 200
# `e` are the events, `about` their partners with the agencies related to them, `audience` who is
# told. The owner of an event hears of it in any case, nobody else of what is AGENCY_ONLY; whoever
# may not know of a protected partner is not given its id.
_TELL = text(
    """WITH e AS MATERIALIZED (
      SELECT r.n, r.id, r.at, r.type, r.owner, r.named, r.audience, r.source, r.data, r.of_partner,
        r.nameless, r.owner_of_assessment, r.partners ||
          CASE WHEN s.partner_id IS NULL OR s.partner_id = ANY (r.partners) THEN '{}'
          ELSE ARRAY[s.partner_id] END AS partners, s.owner_agency AS assessed_by,
        r.assessment IS NULL OR coalesce(s.level <> 'AGENCY_ONLY', false) AS open
      FROM json_to_recordset(CAST(CAST(:rows AS text) AS json)) AS r(n integer, id uuid,
        at timestamptz, type text, owner uuid, named uuid, audience text, source text, data jsonb,
        partners uuid[], assessment uuid, of_partner boolean, nameless boolean,
        owner_of_assessment boolean)
      LEFT JOIN assessments s ON s.id = r.assessment),
    about AS MATERIALIZED (
      SELECT p.partner, r.agency_id, r.vendor_numbers
      FROM (SELECT DISTINCT unnest(e.partners) AS partner FROM e) p
      CROSS JOIN LATERAL partner_relations(p.partner) r),
    audience AS (
      SELECT e.n, e.owner AS agency FROM e
      UNION SELECT e.n, e.named FROM e
      UNION SELECT e.n, e.assessed_by FROM e WHERE e.owner_of_assessment
      UNION SELECT e.n, a.agency_id FROM e JOIN about a ON a.partner = ANY (e.partners)
        WHERE e.audience = 'related' AND e.open
      UNION SELECT e.n, g.id FROM e CROSS JOIN agencies g
        WHERE e.audience = 'everyone' AND e.open
      UNION SELECT e.n, h.agency_id FROM e JOIN list_holders() h ON h.source = e.source
        WHERE e.audience = 'list'),
    told AS (
      SELECT e.n, g.id AS agency, e.id, e.at, e.type,
        e.data || jsonb_build_object('agency', CASE WHEN NOT e.nameless THEN o.code END)
          || CASE WHEN NOT e.of_partner THEN '{}' ELSE jsonb_build_object(
            'partner_id', CASE WHEN e.owner = g.id OR NOT coalesce(p.protected, false)
              OR EXISTS (SELECT FROM about a WHERE a.agency_id = g.id
                AND a.partner = e.partners[1]) THEN e.partners[1] END,
            'vendor_numbers', coalesce((SELECT jsonb_agg(DISTINCT v.number) FROM about a
              CROSS JOIN LATERAL jsonb_array_elements(a.vendor_numbers) v(number)
              WHERE a.agency_id = g.id AND a.partner = ANY (e.partners)), '[]')) END AS data,
        row_number() OVER (PARTITION BY g.id ORDER BY e.n) AS place
      FROM audience u JOIN e ON e.n = u.n
      JOIN agencies g ON g.id = u.agency AND g.status IN ('active', 'suspended')
      LEFT JOIN agencies o ON o.id = e.owner
      LEFT JOIN partners p ON p.id = partner_root(e.partners[1])),
    tops AS (
      INSERT INTO event_tops (agency_id, seq) SELECT agency, count(*) FROM told GROUP BY agency
        ORDER BY agency
      ON CONFLICT (agency_id) DO UPDATE SET seq = event_tops.seq + excluded.seq
      RETURNING agency_id, seq),
    kept AS (
      INSERT INTO agency_events (agency_id, seq, event_id, type, at, data)
      SELECT t.agency, tops.seq - c.number + t.place, t.id, t.type, t.at, t.data
      FROM told t JOIN tops ON tops.agency_id = t.agency
      JOIN (SELECT agency, count(*) AS number FROM told GROUP BY agency) c ON c.agency = t.agency
      RETURNING agency_id, seq, type),
    queued AS (
      INSERT INTO webhook_deliveries (id, webhook_id, agency_id, kind, seq, type)
      SELECT uuidv7(), w.id, w.agency_id, 'event', k.seq, k.type
      FROM kept k JOIN webhooks w ON w.agency_id = k.agency_id AND w.status = 'active'
        AND (w.types = '{}' OR k.type = ANY (w.types))
      ORDER BY w.id, k.seq
      ON CONFLICT (webhook_id, seq) DO NOTHING RETURNING webhook_id)
    UPDATE webhooks SET next_at = least(next_at, now())
    WHERE id IN (SELECT webhook_id FROM queued)"""
)


async def tell(session: AsyncSession, events: Sequence[OutboxEvent]) -> None:
    """Tell agencies of numbered events, in their order. In the caller's transaction."""
    rows = [_row(number, event) for number, event in enumerate(events)]
    await session.execute(_TELL, {"rows": to_json(rows).decode()})


def _row(number: int, event: OutboxEvent) -> dict[str, Any]:
    told = read(event)
    return {
        "n": number,
        "id": event.id,
        "at": event.at,
        "type": event.type,
        "owner": event.agency_id,
        "named": told.named,
        "audience": told.to,
        "source": event.data.get("source"),
        "data": told.data,
        "partners": told.partners,
        "assessment": told.assessment,
        "of_partner": told.described.of_partner,
        "nameless": told.described.nameless,
        "owner_of_assessment": told.described.owner_of_assessment,
    }


CONSUMERS = (Consumer(NAME, frozenset(TOLD), batch=_BATCH, together=tell),)
