"""Scopes: what a token may do. One line a scope; a code is never reused for another meaning."""

from __future__ import annotations

from enum import StrEnum


class Scope(StrEnum):
    """`<feature>:<verb>`; there are no wildcards."""

    PARTNERS_READ = "partners:read"
    PARTNERS_WRITE = "partners:write"
    PARTNERS_MERGE = "partners:merge"
    PARTNERS_VERIFY = "partners:verify"
    PARTNERS_PROTECTED = "partners:protected"
    PARTNERS_EXPORT = "partners:export"
    PARTNERS_CLAIMS = "partners:claims"
    VENDORS_WRITE = "vendors:write"
    PEOPLE_READ = "people:read"
    PEOPLE_WRITE = "people:write"
    DOCUMENTS_READ = "documents:read"
    FLAGS_READ = "flags:read"
    FLAGS_WRITE = "flags:write"
    FLAGS_DECIDE = "flags:decide"
    OBJECTIONS_ANSWER = "objections:answer"
    COUNTRIES_WRITE = "countries:write"
    ASSESSMENTS_READ = "assessments:read"
    ASSESSMENTS_DETAIL = "assessments:detail"
    ASSESSMENTS_WRITE = "assessments:write"
    ASSESSMENTS_SHARE = "assessments:share"
    SANCTIONS_READ = "sanctions:read"
    SANCTIONS_WRITE = "sanctions:write"
    SANCTIONS_REVIEW = "sanctions:review"
    SANCTIONS_DECIDE = "sanctions:decide"
    TRANSFERS_READ = "transfers:read"
    TRANSFERS_WRITE = "transfers:write"
    FRAUD_READ = "fraud:read"
    FRAUD_WRITE = "fraud:write"
    SCREENING_RUN = "screening:run"
    SCREENING_ADJUDICATE = "screening:adjudicate"
    FEED_READ = "feed:read"
    POLICIES_READ = "policies:read"
    POLICIES_WRITE = "policies:write"
    POLICIES_APPROVE = "policies:approve"
    CLEARANCE_RUN = "clearance:run"
    CLEARANCE_READ = "clearance:read"
    EVENTS_READ = "events:read"
    WEBHOOKS_WRITE = "webhooks:write"
    AGENCIES_READ = "agencies:read"
    AGENCIES_ADMIN = "agencies:admin"
    CLIENTS_ADMIN = "clients:admin"
    AUDIT_READ = "audit:read"
    HOLDS_WRITE = "holds:write"
    WITHHOLDINGS_WRITE = "withholdings:write"
    SELF_READ = "self:read"
    SELF_WRITE = "self:write"
    SELF_CONTEST = "self:contest"


DESCRIPTIONS: dict[str, str] = {
    Scope.PARTNERS_READ: "read shared partner profiles",
    Scope.PARTNERS_WRITE: "create and change partner profiles",
    Scope.PARTNERS_MERGE: "propose and decide merges of profiles that are one partner",
    Scope.PARTNERS_VERIFY: "verify profiles for the own agency",
    Scope.PARTNERS_PROTECTED: "know of protected profiles",
    Scope.PARTNERS_EXPORT: "export profiles in bulk, for a purpose",
    Scope.PARTNERS_CLAIMS: "invite partners and decide who may act for them",
    Scope.VENDORS_WRITE: "keep the own agency's vendor numbers of partners",
    Scope.PEOPLE_READ: "read the people of a profile and restricted identifiers, for a purpose",
    Scope.PEOPLE_WRITE: "keep the people of a profile",
    Scope.DOCUMENTS_READ: "download documents of a profile",
    Scope.FLAGS_READ: "read the texts of observations and flags, for a purpose",
    Scope.FLAGS_WRITE: "make, escalate and withdraw observations and risk flags",
    Scope.FLAGS_DECIDE: "set red flags and decide escalated ones, as headquarters",
    Scope.OBJECTIONS_ANSWER: "answer partners' objections, corrections and requests",
    Scope.COUNTRIES_WRITE: "say that the partners of a country are not to be published",
    Scope.ASSESSMENTS_READ: "read assessment summaries",
    Scope.ASSESSMENTS_DETAIL: "read assessment detail that is one's own, shared or inter-agency",
    Scope.ASSESSMENTS_WRITE: "file assessments of the own agency",
    Scope.ASSESSMENTS_SHARE: "share the own agency's assessments and decide on access requests",
    Scope.SANCTIONS_READ: "read the shared sanction list and its sources",
    Scope.SANCTIONS_WRITE: "open and investigate the own agency's sanction cases",
    Scope.SANCTIONS_REVIEW: "review the own agency's sanction cases",
    Scope.SANCTIONS_DECIDE: "decide the own agency's sanction cases",
    Scope.TRANSFERS_READ: "read transfer restrictions on public authorities, for a purpose",
    Scope.TRANSFERS_WRITE: "set, decide, review and lift the own agency's transfer restrictions",
    Scope.FRAUD_READ: "read fraud cases that are one's own, shared, or published",
    Scope.FRAUD_WRITE: "keep the own agency's fraud cases, and share or publish them",
    Scope.SCREENING_RUN: "screen names against the lists",
    Scope.SCREENING_ADJUDICATE: "read potential matches, for a purpose, and decide on them",
    Scope.FEED_READ: "follow the signed sanction feed",
    Scope.POLICIES_READ: "read recognition policies and rating scales",
    Scope.POLICIES_WRITE: "propose recognition policies of the own agency and try them",
    Scope.POLICIES_APPROVE: "decide on recognition policies that another person proposed",
    Scope.CLEARANCE_RUN: "ask for a clearance before contracting",
    Scope.CLEARANCE_READ: "re-read the own agency's clearances and receipts",
    Scope.EVENTS_READ: "follow what the own agency is told",
    Scope.WEBHOOKS_WRITE: "keep the own agency's webhooks, read their delivery log, and replay",
    Scope.AGENCIES_READ: "read agencies, their offices and focal points",
    Scope.AGENCIES_ADMIN: "keep the own agency's profile, offices and trusted issuers",
    Scope.CLIENTS_ADMIN: "make, rotate and revoke the own agency's clients and persons",
    Scope.AUDIT_READ: "read what the own agency did and who read its records",
    Scope.HOLDS_WRITE: "set, renew and release legal holds on the own agency's records",
    Scope.WITHHOLDINGS_WRITE: "keep back for a time who read, or a statement, as oversight",
    Scope.SELF_READ: "partner: read what is kept about the own organisation",
    Scope.SELF_WRITE: "partner: keep the own profile, people, documents and declarations",
    Scope.SELF_CONTEST: "partner: comment on statements and object to them",
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
        Scope.TRANSFERS_WRITE,
        Scope.FRAUD_WRITE,
        Scope.SCREENING_ADJUDICATE,
        Scope.ASSESSMENTS_SHARE,
        Scope.AGENCIES_ADMIN,
        Scope.CLIENTS_ADMIN,
        Scope.HOLDS_WRITE,
        Scope.WITHHOLDINGS_WRITE,
        Scope.PARTNERS_MERGE,
        Scope.PARTNERS_VERIFY,
        Scope.PARTNERS_CLAIMS,
        Scope.FLAGS_WRITE,
        Scope.FLAGS_DECIDE,
        Scope.OBJECTIONS_ANSWER,
        Scope.COUNTRIES_WRITE,
        Scope.POLICIES_WRITE,
        Scope.POLICIES_APPROVE,
    }
)
"""Scopes that act only for a natural person with office and role, never for a bare machine."""
