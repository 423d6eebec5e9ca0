"""Which open clearances an event concerns: found by what they rest on, never by a scan.

A new fact is about a partner, its headquarters or a merged profile of it; a fact that an answer
rested on is named itself. What is found is put on a list that `recheck` works off.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from pydantic_core import to_json
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.events import descriptions
from app.events.catalogue import EventType
from app.events.models import OutboxEvent
from app.events.service import Consumer
from app.recognition.evidence import STALE_SOURCE

_BY_SUBJECT: dict[EventType, str] = {
    EventType.MATCH_OPENED: "match",
    EventType.MATCH_REOPENED: "match",
    EventType.MATCH_DECIDED: "match",
    EventType.MATCH_OBSOLETE: "match",
    EventType.TRANSFER_RESTRICTION_CHANGED: "transfer_restriction",
    EventType.SEA_RESTRICTION_SET: "sea_restriction",
    EventType.SEA_RESTRICTION_LIFTED: "sea_restriction",
    EventType.ASSESSMENT_FILED: "assessment",
    EventType.ASSESSMENT_SUPERSEDED: "assessment",
    EventType.ASSESSMENT_WITHDRAWN: "assessment",
    EventType.ASSESSMENT_REINSTATED: "assessment",
    EventType.ASSESSMENT_ADJUSTED: "assessment",
    EventType.ASSESSMENT_EXPIRED: "assessment",
    EventType.SHARE_REVOKED: "assessment",
    EventType.CONTENT_HIDDEN: "assessment",
    EventType.CONTENT_RESTORED: "assessment",
    EventType.SANCTION_IMPOSED: "measure",
    EventType.SANCTION_BEGAN: "measure",
    EventType.SANCTION_CHANGED: "measure",
    EventType.SANCTION_LIFTED: "measure",
    EventType.SANCTION_RECOGNISED: "measure",
    EventType.PARTNER_FLAGGED: "flag",
    EventType.FLAG_CHANGED: "flag",
    EventType.PARTNER_VERIFICATION_RECORDED: "partner",
    EventType.PARTNER_VERIFICATION_STALE: "partner",
    EventType.PARTNER_VERIFICATION_LAPSED: "partner",
    EventType.PARTNER_DEACTIVATED: "partner",
    EventType.PARTNER_REACTIVATED: "partner",
    EventType.PARTNER_MERGED: "partner",
    EventType.PARTNER_UNMERGED: "partner",
    EventType.OBJECTION_RAISED: "objection",
    EventType.OBJECTION_ANSWERED: "objection",
    EventType.OBJECTION_OVERDUE: "objection",
    EventType.OBJECTION_WITHDRAWN: "objection",
    EventType.LIST_HELD: "source",
    EventType.LIST_CHANGED: STALE_SOURCE,
}
"""Events that may make an answer better or worse, and the kind of what they are about."""

# Of a match and a transfer restriction the event does not name the partner.
_QUEUE = text(
    """WITH e AS MATERIALIZED (
      SELECT r.kind, r.ref, r.at, r.unshared, r.agency, r.partners
        || CASE WHEN r.kind = 'match' THEN ARRAY(SELECT m.partner_id FROM screening_matches m
          WHERE m.id = r.ref::uuid) ELSE '{}' END
        || CASE WHEN r.kind = 'transfer_restriction' THEN ARRAY(SELECT t.partner_id
          FROM transfer_restrictions t WHERE t.id = r.ref::uuid) ELSE '{}' END
        || CASE WHEN r.kind = 'sea_restriction' THEN ARRAY(SELECT x.partner_id
          FROM sea_restrictions x WHERE x.id = r.ref::uuid) ELSE '{}' END
        || CASE WHEN r.kind = 'assessment' THEN ARRAY(SELECT a.partner_id
          FROM assessments a WHERE a.id = r.ref::uuid) ELSE '{}' END AS partners
      FROM json_to_recordset(CAST(CAST(:rows AS text) AS json)) AS r(kind text, ref text,
        at timestamptz, unshared boolean, agency uuid, partners uuid[])),
    profiles AS MATERIALIZED (
      SELECT DISTINCT e.at, p.id FROM e CROSS JOIN LATERAL unnest(e.partners) u (id)
      CROSS JOIN LATERAL partner_lineage(partner_root(u.id)) p (id)
      WHERE NOT e.unshared),
    wanted AS (
      SELECT e.kind, e.ref, e.at, e.unshared, e.agency FROM e
      UNION SELECT 'partner', p.id::text, p.at, false, NULL FROM profiles p
      UNION SELECT 'partner', c.id::text, p.at, false, NULL
        FROM profiles p JOIN partners c ON c.hq_id = p.id),
    found AS (
      SELECT d.clearance_id, d.agency_id, max(w.at) AS at,
        coalesce(array_agg(DISTINCT w.ref) FILTER (WHERE w.unshared), '{}') AS unshared
      FROM wanted w JOIN clearance_dependencies d
        ON d.kind = w.kind AND d.ref = w.ref AND d.until > now()
      WHERE w.agency IS NULL OR w.agency = d.agency_id
      GROUP BY d.clearance_id, d.agency_id)
    INSERT INTO clearance_rechecks AS r (clearance_id, agency_id, changed_at, unshared)
    SELECT f.clearance_id, f.agency_id, f.at, f.unshared FROM found f ORDER BY f.clearance_id
    ON CONFLICT (clearance_id) DO UPDATE SET
      changed_at = greatest(r.changed_at, excluded.changed_at),
      unshared = r.unshared || excluded.unshared, due_at = clock_timestamp(), failures = 0"""
)


async def queue(session: AsyncSession, events: Sequence[OutboxEvent]) -> None:
    """Put the clearances that these events concern on the list of work."""
    await put(session, [_row(event) for event in events])


async def put(session: AsyncSession, rows: Iterable[dict[str, Any]]) -> None:
    """As `queue`, for what is described already."""
    await session.execute(_QUEUE, {"rows": to_json(list(rows)).decode()})


def about(kind: str, ref: str, at: datetime, **more: Any) -> dict[str, Any]:
    """Something that changed, as `put` takes it."""
    named = {"kind": kind, "ref": ref, "at": at}
    return named | {"unshared": False, "agency": None, "partners": []} | more


def _row(event: OutboxEvent) -> dict[str, Any]:
    kind = _BY_SUBJECT[EventType(event.type)]
    ref = event.data["source"] if kind in ("source", STALE_SOURCE) else str(event.subject_id)
    told = descriptions.read(event)
    more: dict[str, Any] = {"partners": told.partners}
    if event.type == EventType.SHARE_REVOKED:
        more |= {"unshared": True, "agency": told.named}
    return about(kind, ref, event.at, **more)


CONSUMERS = (Consumer("recognition.watch", frozenset(_BY_SUBJECT), together=queue),)
