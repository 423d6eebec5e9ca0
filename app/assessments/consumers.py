"""What assessments do when something below changes."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments.life_cycle import upkeep
from app.audit import service as audit
from app.audit.events import Event
from app.core.db import touched
from app.events.catalogue import EventType
from app.events.models import OutboxEvent
from app.events.service import Consumer

_APPLY = text(
    "SELECT apply_sharing_policies(id, owner_agency, false) FROM assessments "
    "WHERE partner_id = :partner AND status IN ('final', 'superseded')"
)


async def _share_anew(session: AsyncSession, event: OutboxEvent) -> None:
    """A partner moved to another country: policies by country let go of it or take it in."""
    if "country" in event.data.get("fields", ()):
        await session.execute(_APPLY, {"partner": event.subject_id})


_WITHDRAWN = text("SELECT status = 'withdrawn' FROM agencies WHERE id = :agency")
_BATCH = 1_000
# The change and its line in the log in one statement: an agency may have many shares.
_END_SHARES = text(
    """WITH due AS (
        SELECT id FROM assessment_shares WHERE shared_with = :agency AND active
        LIMIT :batch FOR NO KEY UPDATE),
      ended AS (
        UPDATE assessment_shares s SET active = false, ended_at = now(),
            end_reason = 'recipient_withdrawn'
        FROM due WHERE s.id = due.id
        RETURNING s.id, s.assessment_id, s.owner_agency, s.purpose),
      closed AS (
        DELETE FROM assessments_acl x USING ended e
        WHERE x.agency_id = :agency AND x.record_id = e.assessment_id AND x.share_id = e.id)
    INSERT INTO audit_events (id, event, subject_id, owner_agency, partner_id, purpose, detail)
    SELECT uuidv7(), :event, e.assessment_id, e.owner_agency, a.partner_id, e.purpose,
        jsonb_build_object('share_id', e.id, 'shared_with', CAST(:agency AS uuid),
            'reason', 'recipient_withdrawn')
    FROM ended e JOIN assessments a ON a.id = e.assessment_id"""
)
_CLOSE_REQUESTS = text(
    """WITH due AS (
        SELECT id FROM access_requests
        WHERE (owner_agency = :agency OR requested_by = :agency) AND status = 'open'
        LIMIT :batch FOR NO KEY UPDATE),
      closed AS (
        UPDATE access_requests r SET status = 'closed', version = version + 1,
            close_reason = CASE WHEN r.owner_agency = :agency THEN 'owner_withdrawn'
                                ELSE 'requester_withdrawn' END
        FROM due WHERE r.id = due.id
        RETURNING r.id, r.assessment_id, r.owner_agency, r.purpose, r.close_reason)
    INSERT INTO audit_events (id, event, subject_id, owner_agency, partner_id, purpose, detail)
    SELECT uuidv7(), :event, c.assessment_id, c.owner_agency, a.partner_id, c.purpose,
        jsonb_build_object('request', c.id, 'reason', c.close_reason)
    FROM closed c JOIN assessments a ON a.id = c.assessment_id"""
)
# It ends by itself: no record fits a policy whose recipient withdrew.
_LOG_POLICIES = text(
    """INSERT INTO audit_events (id, event, subject_id, owner_agency, purpose, detail)
    SELECT uuidv7(), :event, s.id, s.owner_agency, s.purpose,
        jsonb_build_object('shared_with', CAST(:agency AS uuid), 'reason', 'recipient_withdrawn')
    FROM sharing_policies s WHERE s.shared_with = :agency AND s.ended_at IS NULL"""
)
# A list entry that no share accounts for, such as one given while the agency withdrew.
_CLEAR_LIST = text("DELETE FROM assessments_acl WHERE agency_id = :agency")


async def _end_withdrawn(session: AsyncSession, event: OutboxEvent) -> None:
    """An agency withdrew: what was shared with it ends, what waits for it is closed.

    Between its withdrawal and this no read is possible: its clients are refused on their next
    request, and there is no way back. What it shared with others stays readable.
    """
    withdrawn = await session.scalar(_WITHDRAWN, {"agency": event.agency_id})
    if not withdrawn:
        return  # an event is the API's word; what ends for good wants the operator's
    values = {"agency": event.agency_id, "batch": _BATCH}
    for statement, kind in (
        (_END_SHARES, Event.SHARE_ENDED),
        (_CLOSE_REQUESTS, Event.ACCESS_CLOSED),
    ):
        while True:
            done = await session.execute(statement, values | {"event": kind.value})
            if touched(done) < _BATCH:
                break
    ended = {"agency": event.agency_id, "event": Event.SHARING_POLICY_ENDED.value}
    await session.execute(_LOG_POLICIES, ended)
    await session.execute(_CLEAR_LIST, {"agency": event.agency_id})


# On the day of the word, or with the step before it where that one's day is to come; not where a
# later step has an earlier day, for steps do not go back.
_NOTED = text(
    """WITH asked AS (
        SELECT a.id, a.owner_agency, a.partner_id, greatest((now() AT TIME ZONE 'utc')::date,
          (SELECT max(m.reached_on) FROM assessment_milestones m
            WHERE m.assessment_id = a.id AND m.position < 4)) AS day
        FROM assessments a
        WHERE a.id = :id AND a.status = 'submitted' AND a.shown_to_partner_at IS NOT NULL),
      noted AS (
        INSERT INTO assessment_milestones (assessment_id, code, owner_agency, position, reached_on)
        SELECT k.id, 'partner_comments', k.owner_agency, 4, k.day FROM asked k
        WHERE NOT EXISTS (SELECT FROM assessment_milestones m WHERE m.assessment_id = k.id
          AND (m.code = 'partner_comments' OR m.position > 4 AND m.reached_on < k.day))
        RETURNING assessment_id)
    SELECT k.id, k.owner_agency, k.partner_id FROM asked k JOIN noted n ON n.assessment_id = k.id"""
)


async def _open_heard(session: AsyncSession, event: OutboxEvent) -> None:
    """The partner has had its word on a result that was held for it."""
    if event.data.get("subject_kind") != "assessment":
        return
    await upkeep.open_heard(session, UUID(event.data["statement"]))
    noted = (await session.execute(_NOTED, {"id": event.data["statement"]})).one_or_none()
    if noted is not None:
        subject = audit.Subject(noted.id, noted.owner_agency, noted.partner_id)
        step = Event.ASSESSMENT_MILESTONE
        await audit.record(session, None, step, subject, code="partner_comments")


CONSUMERS = (
    Consumer(
        name="assessments.partner_heard",
        types=frozenset({EventType.STATEMENT_COMMENTED}),
        effect=_open_heard,
    ),
    Consumer(
        name="assessments.partner_country",
        types=frozenset({EventType.PARTNER_CHANGED}),
        effect=_share_anew,
    ),
    Consumer(
        name="assessments.agency_withdrawn",
        types=frozenset({EventType.AGENCY_WITHDRAWN}),
        effect=_end_withdrawn,
    ),
)
