"""Words of the published contract."""

from __future__ import annotations

SUMMARY = (
    "Shared profiles of implementing partners, confidential assessments, the shared sanction "
    "list and mutual recognition, for the systems of UN agencies."
)

DESCRIPTION = """\
One identity per partner, and one complete answer before signing. Every name, number and code in
the examples is invented.

**Errors** are RFC 9457 problem documents (`application/problem+json`). Decide by `code`; texts may
change. What you may not read looks like what does not exist: the same 404. A 403 always means a
missing scope, or that only a named person may take this step. Quote `instance` when asking for
help.

**Lists** are pages of `limit` items (1 to 200). Follow `Link: rel="next"` or pass `next_cursor` as
`cursor` with the same filters until it is null. An unknown query parameter is a 422.

**Sending again**: every POST that stores something needs an `Idempotency-Key`, new for each new
request. The same key with the same body has one effect and gets the same answer, marked
`Idempotency-Replayed: true`, for seven days.

**Changing** needs `If-Match` with the ETag that was read: 428 without it, 412 when another write
came first. PATCH is a JSON Merge Patch (RFC 7396): what is absent stays, null empties.

**Reading again**: send `If-None-Match` with the ETag you hold; an unchanged resource is a 304.

**Purposes**: reading the detail of another agency's restricted record needs a purpose,
`Access-Purpose: PARTNER_SELECTION; ref="WFP-KE-2026-17"`. The read is logged before the body
leaves, and the owner sees who read what and why.

**Changes of this contract** are additive within `/v1`: operations, optional parameters, response
fields and codes are only ever added. Ignore fields you do not know; treat an unknown outcome code
as REFER.
"""

TAGS: dict[str, str] = {
    "tokens": "Access tokens by client credentials, and the keys that verify them.",
    "agencies": "Agencies that take part, and whom to write to.",
    "clients": "Machine clients of your agency, their secrets and feed tokens.",
    "persons": "Persons of your agency who decide.",
    "partners": "Shared profiles: one per legal person and country, their sections and history.",
    "identifiers": "Numbers of partners, who may give them, and disputes about them.",
    "people": "Named persons of a partner, and what they ask about their own data.",
    "documents": "Files of partners: sent, checked, kept encrypted, never shown inline.",
    "merges": "Two profiles of one partner become one, by two persons, and apart again.",
    "verifications": "Whether a partner is what it says: statements, standing, deactivation.",
    "flags": "Observations about a partner that others can see or count.",
    "objections": "What a partner answers to a statement about it, and by when it is heard.",
    "codelists": "Codes that fields take, with their labels and versions.",
    "assessments": "Assessments of partners: summaries, detail by confidentiality, shares.",
    "capacity-plans": "Capacity-strengthening plans: actions, progress, windows, measured outcome.",
    "sea-restrictions": "That an oversight office has a restriction in force, and whom to ask.",
    "access-requests": "Asking another agency for an assessment, and deciding on it.",
    "sanctions": "Debarment cases, the shared list of entries, and external lists.",
    "screenings": "Names against the lists. A potential match is never a sanction.",
    "feeds": "The signed sanction list for clients that keep a verified copy.",
    "recognition": "Which assessments of others an agency accepts.",
    "clearances": "One complete answer before signing, with a signed receipt.",
    "events": "What your agency is told, in order, and the catalogue of what there is.",
    "webhooks": "Addresses of yours that are called with events: proof, secrets, log, replay.",
    "audit": "Who did what.",
    "operations": "State of the service.",
}
"""A tag that is not named here is described by its own name, so a new feature needs no edit."""


def tag_description(tag: str) -> str:
    """What the operations of a tag are about."""
    return TAGS.get(tag) or f"{tag.replace('-', ' ').replace('_', ' ').capitalize()}."
