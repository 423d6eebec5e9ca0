"""Types of events. One line each; a type is never reused for another meaning."""

from __future__ import annotations

from enum import StrEnum


class EventType(StrEnum):
    PARTNER_CREATED = "partner.created"
    PARTNER_CHANGED = "partner.changed"
    ASSESSMENT_FILED = "assessment.filed"
    ASSESSMENT_SHARED = "assessment.shared"
    SHARE_REVOKED = "assessment.share_revoked"
    SANCTION_IMPOSED = "sanction.imposed"
    SANCTION_LIFTED = "sanction.lifted"
    LIST_CHANGED = "list.changed"
    CLEARANCE_GIVEN = "clearance.given"
    CONTENT_HIDDEN = "content.hidden"
    CONTENT_DESTROYED = "content.destroyed"
    CONTENT_RESTORED = "content.restored"
    REDACTION_OVERDUE = "redaction.overdue"
    BREAK_GLASS_OPENED = "break_glass.opened"
