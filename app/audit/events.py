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
    SHARING_POLICY_GIVEN = "assessment:sharing_policy:give"
    SHARING_POLICY_ENDED = "assessment:sharing_policy:end"
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
    ROOT_KEY_ROTATED = "keys:root:rotate"
    ENCRYPTION_KEYS_ROTATED = "keys:encryption:rotate"
    SIGNING_KEY_PREPARED = "keys:signing:prepare"
    SIGNING_KEY_ROTATED = "keys:signing:rotate"
    SIGNING_KEY_REPLACED = "keys:signing:replace"
    CLIENT_CREATED = "client:record:create"
    CLIENT_CHANGED = "client:record:change"
    CLIENT_REVOKED = "client:record:revoke"
    SECRET_ROTATED = "client:secret:rotate"  # noqa: S105 - a name
    SECRET_ENDED = "client:secret:end"  # noqa: S105 - a name
    FEED_TOKEN_CREATED = "client:feed_token:create"  # noqa: S105 - a name
    FEED_TOKEN_REVOKED = "client:feed_token:revoke"  # noqa: S105 - a name
    PERSON_CREATED = "person:record:create"
    PERSON_CHANGED = "person:record:change"
    ISSUER_PROPOSED = "agency:issuer:propose"
    ISSUER_APPROVED = "agency:issuer:approve"
    ISSUER_REFUSED = "agency:issuer:refuse"
    ISSUER_REVOKED = "agency:issuer:revoke"
    ISSUER_KEY_SHARED = "agency:issuer:key-shared"
    PRINCIPAL_MADE = "agency:principal:make"
    EVENT_ERASED = "audit:event:erase"
