"""Which open clearances an event concerns: found by what they rest on, never by a scan.

A new fact is about a partner, its headquarters or a merged profile of it; a fact that an answer
rested on is named itself; what an agency goes by concerns all its open answers. What is found is
put on a list that `recheck` works off: what concerns many waits there behind what concerns a few.
Answers without a profile: see `unknown`.

An answer may be stored after a change was looked up that it was computed without. So its own event
has it looked up by whatever was numbered since its facts were read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.events import descriptions
from app.events.catalogue import EventType
from app.events.models import OutboxEvent
from app.events.service import Consumer
from app.recognition.rests_on import AGENCY, NAMELESS, SHARE, STALE_SOURCE, TIME
from app.recognition.rules import DEFAULTS
from app.recognition.watching import unknown

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
    EventType.SHARE_REVOKED: "share",
    EventType.SHARING_POLICY_ENDED: "share",
    EventType.CONTENT_HIDDEN: "assessment",
    EventType.CONTENT_RESTORED: "assessment",
    EventType.FINDINGS_OPENED: "assessment",
    EventType.FINDING_CLOSED: "finding",
    EventType.FINDING_REOPENED: "finding",
    EventType.PLAN_AGREED: "plan",
    EventType.PLAN_CHANGED: "plan",
    EventType.PLAN_CLOSED: "plan",
    EventType.PLAN_WINDOW_ENDED: "plan",
    EventType.FRAUD_CASE_PUBLISHED: "fraud_case",
    EventType.FRAUD_CASE_CHANGED: "fraud_case",
    EventType.SANCTION_IMPOSED: "measure",
    EventType.SANCTION_BEGAN: "measure",
    EventType.SANCTION_CHANGED: "measure",
    EventType.SANCTION_LIFTED: "measure",
    EventType.SANCTION_RECOGNISED: "measure",
    EventType.PARTNER_FLAGGED: "flag",
    EventType.FLAG_CHANGED: "flag",
    EventType.PARTNER_CREATED: "partner",
    EventType.PARTNERS_LOADED: "partner",
    EventType.PARTNER_CHANGED: "partner",
    EventType.PARTNER_SECTION_CHANGED: "partner",
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
    EventType.LIST_USE_CHANGED: AGENCY,
    EventType.POLICY_APPROVED: AGENCY,
}
"""Events that may make an answer better or worse, and the kind of what they are about."""

_CLOCKS = timedelta(seconds=5)
"""How far clocks of servers may differ."""
_MANY = ("source", STALE_SOURCE, TIME, AGENCY, NAMELESS)
"""Kinds of changes that concern many answers at once."""

# Of some the event does not name the partner.
_OF_PARTNER = {
    "match": "screening_matches",
    "transfer_restriction": "transfer_restrictions",
    "sea_restriction": "sea_restrictions",
    "assessment": "assessments",
    "fraud_case": "fraud_cases",
}
_PARTNERS = " || ".join(
    f"CASE WHEN r.kind = '{kind}' THEN ARRAY(SELECT x.partner_id FROM {table} x "  # noqa: S608 - texts of ours
    "WHERE x.id = r.ref::uuid) ELSE '{}' END"
    for kind, table in _OF_PARTNER.items()
)
_QUEUE = text(
    f"""WITH e AS MATERIALIZED (
      SELECT r.kind, r.ref, r.at, r.unshared, r.agency, r.partners || {_PARTNERS} AS partners
      FROM json_to_recordset(CAST(CAST(:rows AS text) AS json)) AS r(kind text, ref text,
        at timestamptz, unshared text, agency uuid, partners uuid[])),
    profiles AS MATERIALIZED (
      SELECT DISTINCT e.at, p.id FROM e CROSS JOIN LATERAL unnest(e.partners) u (id)
      CROSS JOIN LATERAL partner_lineage(partner_root(u.id)) p (id)
      WHERE e.unshared IS NULL),
    wanted AS (
      SELECT e.kind, e.ref, e.at, e.unshared, e.agency FROM e
      UNION SELECT 'partner', p.id::text, p.at, NULL, NULL FROM profiles p
      UNION SELECT 'partner', c.id::text, p.at, NULL, NULL
        FROM profiles p JOIN partners c ON c.hq_id = p.id),
    found AS (
      SELECT d.clearance_id, d.agency_id, w.at, w.unshared, w.kind
      FROM wanted w JOIN clearance_dependencies d
        ON d.kind = w.kind AND d.ref = w.ref AND d.until > now()
      WHERE w.agency IS NULL OR w.agency = d.agency_id
      UNION ALL SELECT c.id, c.agency_id, e.at, NULL, e.kind FROM e JOIN clearances c
        ON c.agency_id = e.ref::uuid AND c.expires_at > now()
          AND c.evaluated_at > now() - make_interval(days => :days)
      WHERE e.kind = '{AGENCY}'
      UNION ALL SELECT d.clearance_id, d.agency_id, e.at, NULL, e.kind
      FROM e JOIN clearance_dependencies d ON d.kind IN ('name', 'identifier') AND d.until > now()
      WHERE e.kind = '{NAMELESS}')
    INSERT INTO clearance_rechecks AS r (clearance_id, agency_id, changed_at, unshared, bulk)
    SELECT f.clearance_id, f.agency_id, max(f.at),
      coalesce(array_agg(DISTINCT f.unshared) FILTER (WHERE f.unshared IS NOT NULL), '{{}}'),
      bool_and(f.kind = ANY (:many))
    FROM found f WHERE CAST(:only AS uuid[]) IS NULL OR f.clearance_id = ANY (:only)
    GROUP BY f.clearance_id, f.agency_id ORDER BY f.clearance_id
    ON CONFLICT (clearance_id) DO UPDATE SET
      changed_at = greatest(r.changed_at, excluded.changed_at),
      unshared = r.unshared || excluded.unshared, bulk = r.bulk AND excluded.bulk,
      due_at = clock_timestamp(), failures = 0"""  # noqa: S608 - texts of ours; values are bound
).bindparams(days=DEFAULTS.answer_valid_days, many=list(_MANY))
# One statement may put every open answer on the list; it ends with its transaction.
_PATIENCE = text("SELECT set_config('statement_timeout', '50s', true)")
# Numbers are given in the order of time. Events without a time are of an earlier release.
_SINCE_READ = text(
    """SELECT coalesce(max(o.seq), 0) FROM outbox o WHERE o.seq < :seq AND coalesce(o.numbered_at
      < (SELECT min(c.evaluated_at) FROM clearances c WHERE c.id = ANY (:given)) - :clocks, true)"""
).bindparams(clocks=_CLOCKS)
_BEGUN = text(
    "SELECT EXISTS (SELECT FROM recognition_policies WHERE id = :id "
    "AND effective_from <= current_date)"
)
# A standing share is of many assessments: those that open answers of its agency rest on.
_STANDING = text(
    """SELECT DISTINCT split_part(d.ref, '/', 2) FROM clearances c JOIN clearance_dependencies d
      ON d.clearance_id = c.id AND d.kind = :kind AND starts_with(d.ref, :share)
    WHERE c.agency_id = :agency AND c.expires_at > now()
      AND c.evaluated_at > now() - make_interval(days => :days)"""
).bindparams(days=DEFAULTS.answer_valid_days, kind=SHARE)


async def queue(session: AsyncSession, events: Sequence[OutboxEvent]) -> None:
    """Put the clearances that these events concern on the list of work."""
    given = [event.subject_id for event in events if event.type == EventType.CLEARANCE_GIVEN]
    if given:
        await _look_up(session, await _before(session, events[0], given), given)
    await _look_up(session, [event for event in events if event.type != EventType.CLEARANCE_GIVEN])


async def _before(
    session: AsyncSession, first: OutboxEvent, given: Sequence[UUID]
) -> Sequence[OutboxEvent]:
    """Events that passed already and that one of these answers may not have seen."""
    since = await session.scalar(_SINCE_READ, {"seq": first.seq, "given": given})
    passed = (
        select(OutboxEvent)
        .where(OutboxEvent.seq > since, OutboxEvent.seq < first.seq)
        .where(OutboxEvent.type.in_(_BY_SUBJECT))
        .order_by(OutboxEvent.seq)
    )
    return (await session.scalars(passed)).all()


async def _look_up(
    session: AsyncSession, events: Sequence[OutboxEvent], only: Sequence[UUID] | None = None
) -> None:
    rows: list[dict[str, Any]] = []
    for event in events:
        rows += await _rows(session, event)
    rows += [about(NAMELESS, "", at) for at in await unknown.queue(session, events)]
    await put(session, rows, only)


async def put(
    session: AsyncSession, rows: Iterable[dict[str, Any]], only: Sequence[UUID] | None = None
) -> None:
    """As `queue`, for what is described already; ``only`` of these answers."""
    if found := list(rows):
        await session.execute(_PATIENCE)
        await session.execute(_QUEUE, {"rows": to_json(found).decode(), "only": only})


def about(kind: str, ref: str, at: datetime, **more: Any) -> dict[str, Any]:
    """Something that changed, as `put` takes it."""
    named = {"kind": kind, "ref": ref, "at": at}
    return named | {"unshared": None, "agency": None, "partners": []} | more


async def _rows(session: AsyncSession, event: OutboxEvent) -> list[dict[str, Any]]:
    kind = _BY_SUBJECT[EventType(event.type)]
    told = descriptions.read(event)
    if kind == "share":
        return await _shares(session, event, told.named)
    if kind == AGENCY:
        if event.type == EventType.POLICY_APPROVED and not await _begun(session, event.subject_id):
            return []
        # A list that all share has no agency: its matches say what it changes.
        return [about(kind, str(event.agency_id), event.at)] if event.agency_id else []
    ref = event.data["source"] if kind in ("source", STALE_SOURCE) else str(event.subject_id)
    return [about(kind, ref, event.at, partners=told.partners)]


async def _begun(session: AsyncSession, policy_id: UUID) -> bool:
    """Whether a policy holds today; of one that begins later the clock tells."""
    return bool(await session.scalar(_BEGUN, {"id": policy_id}))


async def _shares(
    session: AsyncSession, event: OutboxEvent, agency: UUID | None
) -> list[dict[str, Any]]:
    """Of a share, or of each assessment of a standing one, for the agency that it was for."""
    share, records = event.data.get("share_id"), [str(event.subject_id)]
    if share is None:
        share = str(event.subject_id)
        values = {"share": f"{share}/", "agency": agency}
        records = list(await session.scalars(_STANDING, values))
    return [
        about("share", f"{share}/{record}", event.at, unshared=record, agency=agency)
        for record in records
    ]


CONSUMERS = (
    Consumer(
        "recognition.watch", frozenset({*_BY_SUBJECT, EventType.CLEARANCE_GIVEN}), together=queue
    ),
)
