"""Scopes: what a token may do. One line a scope; a code is never reused for another meaning."""

from __future__ import annotations

from enum import StrEnum


class Scope(StrEnum):
    """`<feature>:<verb>`; there are no wildcards."""

    PARTNERS_READ = "partners:read"
    PARTNERS_WRITE = "partners:write"
    ASSESSMENTS_READ = "assessments:read"
    ASSESSMENTS_DETAIL = "assessments:detail"
    ASSESSMENTS_WRITE = "assessments:write"
    ASSESSMENTS_SHARE = "assessments:share"
    SANCTIONS_READ = "sanctions:read"
    SANCTIONS_WRITE = "sanctions:write"
    SANCTIONS_REVIEW = "sanctions:review"
    SANCTIONS_DECIDE = "sanctions:decide"
    SCREENING_RUN = "screening:run"
    FEED_READ = "feed:read"
    POLICIES_READ = "policies:read"
    CLEARANCE_RUN = "clearance:run"
    CLEARANCE_READ = "clearance:read"
    AGENCIES_READ = "agencies:read"
    AGENCIES_ADMIN = "agencies:admin"
    CLIENTS_ADMIN = "clients:admin"
    AUDIT_READ = "audit:read"
    HOLDS_WRITE = "holds:write"
    WITHHOLDINGS_WRITE = "withholdings:write"
    SELF_READ = "self:read"


DESCRIPTIONS: dict[str, str] = {
    Scope.PARTNERS_READ: "read shared partner profiles",
    Scope.PARTNERS_WRITE: "create and change partner profiles",
    Scope.ASSESSMENTS_READ: "read assessment summaries",
    Scope.ASSESSMENTS_DETAIL: "read assessment detail that is one's own, shared or inter-agency",
    Scope.ASSESSMENTS_WRITE: "file assessments of the own agency",
    Scope.ASSESSMENTS_SHARE: "share the own agency's assessments and decide on access requests",
    Scope.SANCTIONS_READ: "read the shared sanction list and its sources",
    Scope.SANCTIONS_WRITE: "open and investigate the own agency's sanction cases",
    Scope.SANCTIONS_REVIEW: "review the own agency's sanction cases",
    Scope.SANCTIONS_DECIDE: "decide the own agency's sanction cases",
    Scope.SCREENING_RUN: "screen names against the lists",
    Scope.FEED_READ: "follow the signed sanction feed",
    Scope.POLICIES_READ: "read recognition policies and rating scales",
    Scope.CLEARANCE_RUN: "ask for a clearance before contracting",
    Scope.CLEARANCE_READ: "re-read the own agency's clearances and receipts",
    Scope.AGENCIES_READ: "read agencies, their offices and focal points",
    Scope.AGENCIES_ADMIN: "keep the own agency's profile, offices and trusted issuers",
    Scope.CLIENTS_ADMIN: "make, rotate and revoke the own agency's clients and persons",
    Scope.AUDIT_READ: "read what the own agency did and who read its records",
    Scope.HOLDS_WRITE: "set, renew and release legal holds on the own agency's records",
    Scope.WITHHOLDINGS_WRITE: "keep back for a time who read, or a statement, as oversight",
    Scope.SELF_READ: "partner: read what is kept about the own organisation",
}

ALL: frozenset[str] = frozenset(scope.value for scope in Scope)
PARTNER: frozenset[str] = frozenset(scope for scope in ALL if scope.startswith("self:"))
"""Scopes of partners' own clients; no other client holds one, and they hold no other."""
AGENCY: frozenset[str] = ALL - PARTNER
"""Scopes of agencies' clients."""
DECIDING: frozenset[str] = frozenset(
    {
        Scope.SANCTIONS_REVIEW,
        Scope.SANCTIONS_DECIDE,
        Scope.ASSESSMENTS_SHARE,
        Scope.AGENCIES_ADMIN,
        Scope.CLIENTS_ADMIN,
        Scope.HOLDS_WRITE,
        Scope.WITHHOLDINGS_WRITE,
    }
)
"""Scopes that act only for a natural person with office and role, never for a bare machine."""
