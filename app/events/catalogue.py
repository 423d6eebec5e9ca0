"""Types of events. One line each; a type is never reused for another meaning."""

from __future__ import annotations

from enum import StrEnum


class EventType(StrEnum):
    PARTNER_CREATED = "partner.created"
    PARTNER_CHANGED = "partner.changed"
    DUPLICATE_DECIDED = "duplicate.decided"
    ASSESSMENT_FILED = "assessment.filed"
    ASSESSMENT_SHARED = "assessment.shared"
    SHARE_REVOKED = "assessment.share_revoked"
    SHARING_POLICY_GIVEN = "sharing_policy.given"
    SHARING_POLICY_ENDED = "sharing_policy.ended"
    SANCTION_IMPOSED = "sanction.imposed"
    SANCTION_LIFTED = "sanction.lifted"
    LIST_CHANGED = "list.changed"
    CLEARANCE_GIVEN = "clearance.given"
    AGENCY_CREATED = "agency.created"
    AGENCY_ACTIVATED = "agency.activated"
    AGENCY_SUSPENDED = "agency.suspended"
    AGENCY_RESUMED = "agency.resumed"
    AGENCY_WITHDRAWN = "agency.withdrawn"
    AGENCY_CHANGED = "agency.changed"
    ENTRY_HANDED_OVER = "sanction.handed_over"
    CONTENT_HIDDEN = "content.hidden"
    CONTENT_DESTROYED = "content.destroyed"
    CONTENT_RESTORED = "content.restored"
    REDACTION_OVERDUE = "redaction.overdue"
    BREAK_GLASS_OPENED = "break_glass.opened"
