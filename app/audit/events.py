"""Names of audit events, ``source:subject:action``. One line each; a name is never reused."""

from __future__ import annotations

from enum import StrEnum


class Event(StrEnum):
    PARTNER_CREATED = "partner:profile:create"
    PARTNER_CHANGED = "partner:profile:change"
    ASSESSMENT_FILED = "assessment:record:file"
    ASSESSMENT_CHANGED = "assessment:record:change"
    ASSESSMENT_FINALISED = "assessment:record:finalise"
    ASSESSMENT_DETAIL_READ = "assessment:detail:read"
    SHARE_GIVEN = "assessment:share:give"
    SHARE_REVOKED = "assessment:share:revoke"
    ACCESS_REQUESTED = "assessment:access:request"
    ACCESS_DECIDED = "assessment:access:decide"
    CASE_OPENED = "sanction:case:open"
    CASE_NOTICE = "sanction:case:notice"
    CASE_REPLY = "sanction:case:reply"
    CASE_REVIEWED = "sanction:case:review"
    CASE_READ = "sanction:case:read"
    CASE_DECIDED = "sanction:case:decide"
    CASE_LIFTED = "sanction:case:lift"
    ENTRY_LIFTED = "sanction:entry:lift"
    ENTRY_EXPIRED = "sanction:entry:expire"
    LIST_IMPORTED = "sanction:list:import"
    SCREENED = "screening:subject:run"
    CLEARANCE_GIVEN = "clearance:answer:give"
    EVENT_ERASED = "audit:event:erase"
