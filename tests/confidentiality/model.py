"""What row security must say, told a second time in Python: the oracle of the raw SQL matrix.

A table with row security that has no line here fails the test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Who:
    """For whom a transaction is bound."""

    agency: UUID | None = None
    partner: UUID | None = None
    oversight: bool = False


@dataclass
class Facts:
    """Rows of the tables that decide about others, and the database's time."""

    now: datetime
    acl: list[Row] = field(default_factory=list)
    withholdings: list[Row] = field(default_factory=list)
    agency_of_client: dict[str, UUID | None] = field(default_factory=dict)
    rows: Mapping[str, Sequence[Row]] = field(default_factory=dict)


Says = Callable[[Row, Who, Facts], bool]


def never(row: Row, who: Who, facts: Facts) -> bool:
    return False


def always(row: Row, who: Who, facts: Facts) -> bool:
    return True


def own(column: str) -> Says:
    """The bound agency is the one in this column."""
    return lambda row, who, facts: who.agency is not None and row[column] == who.agency


def either(*rules: Says) -> Says:
    return lambda row, who, facts: any(rule(row, who, facts) for rule in rules)


@dataclass(frozen=True)
class Table:
    """Who may do what to which row as reg_app; ``key`` names a row.

    ``change`` is what an UPDATE must change for the policy's sake; without it a column is set to
    itself. ``closed`` tables are the operator's: reg_app has no part in them.
    """

    key: tuple[str, ...]
    select: Says = never
    insert: Says = never
    update: Says = never
    delete: Says = never
    change: str | None = None
    closed: bool = False


def told(record: Row, who: Who) -> bool:
    """Whether the bound partner is told what goes with this assessment of itself."""
    return (
        who.partner is not None
        and record["partner_id"] == who.partner
        and record["confidentiality"] != "AGENCY_ONLY"
        and record["status"] in ("final", "superseded", "withdrawn")
    )


def of_assessment(row: Row, facts: Facts) -> Row:
    """The assessment that a row is about."""
    return next(one for one in facts.rows["assessments"] if one["id"] == row["assessment_id"])


def _asked(record: Row, who: Who) -> bool:
    """Whether the partner has the first word on it, or is asked for one."""
    shown = record["status"] == "submitted" and record["shown_to_partner_at"] is not None
    return (
        who.partner is not None
        and record["partner_id"] == who.partner
        and record["confidentiality"] != "AGENCY_ONLY"
        and (record["held_until"] is not None or shown)
    )


def _kept_back(subject: UUID, facts: Facts) -> bool:
    return any(
        mark["subject_id"] == subject
        and mark["subject_kind"] != "read_log"
        and mark["ended_at"] is None
        and mark["until"] > facts.now
        for mark in facts.withholdings
    )


def detail_seen(row: Row, who: Who, facts: Facts) -> bool:
    """Whether the bound party sees this detail."""
    if row["redacted"]:
        return False
    if who.agency is None:
        kept = _kept_back(row["assessment_id"], facts)
        return told(of_assessment(row, facts), who) and not kept
    if row["owner_agency"] == who.agency or row["level"] == "INTER_AGENCY":
        return True
    return row["level"] == "RESTRICTED" and any(
        entry["agency_id"] == who.agency
        and entry["record_id"] == row["assessment_id"]
        and entry["level"] == "detail"
        and entry["valid_from"] <= facts.now
        and (entry["valid_to"] is None or entry["valid_to"] > facts.now)
        for entry in facts.acl
    )


def _log(row: Row, who: Who, facts: Facts) -> bool:
    if who.agency is None or who.agency not in (row["owner_agency"], row["agency_id"]):
        return False
    if not row["held"]:
        return True
    return who.oversight and (who.agency == row["agency_id"] or not _withheld(row, facts))


def _withheld(row: Row, facts: Facts) -> bool:
    """Whether the reader's oversight keeps a read from the owner's."""
    return any(
        mark["agency_id"] == row["agency_id"]
        and mark["subject_kind"] == "read_log"
        and mark["ended_at"] is None
        and mark["until"] > facts.now
        and any(
            mark[name] is not None and mark[name] == row[name]
            for name in ("subject_id", "partner_id")
        )
        for mark in facts.withholdings
    )


def _by_oversight(row: Row, who: Who, facts: Facts) -> bool:
    return who.oversight and _AGENCY(row, who, facts)


def _logs(row: Row, who: Who, facts: Facts) -> bool:
    partner = row["agency_id"] is None and who.partner is not None
    author = partner or (row["agency_id"] is not None and who.agency == row["agency_id"])
    return author and (not row["held"] or who.oversight or _of_oversight(row, facts))


def _of_oversight(event: Row, facts: Facts) -> bool:
    """Held back is only what an oversight role does: the event's client has it."""
    return any(
        (client["client_id"], client["agency_id"]) == (event["client_id"], event["agency_id"])
        and "OVS" in client["roles"]
        for client in facts.rows["client_status"]
    )


def _of_own_client(row: Row, who: Who, facts: Facts) -> bool:
    return who.agency is not None and facts.agency_of_client[row["client_id"]] == who.agency


def _approved_now(client: Row, who: Who, facts: Facts) -> bool:
    """The client is one that the bound agency's approval of a claim makes at this moment."""
    return who.agency is not None and any(
        claim["client_id"] == client["id"]
        and claim["partner_id"] == client["partner_id"]
        and claim["state"] == "approved"
        and (claim["decided_at"], claim["decided_by"]) == (facts.now, who.agency)
        for claim in facts.rows["partner_claims"]
    )


def _parted_now(client: Row, who: Who, facts: Facts) -> bool:
    """The client's partner is one over whose control the bound agency decides at this moment."""
    return who.agency is not None and any(
        dispute["partner_id"] == client["partner_id"]
        and (dispute["decided_at"], dispute["decided_by"]) == (facts.now, who.agency)
        for dispute in facts.rows["partner_control_disputes"]
    )


def _makes_client(row: Row, who: Who, facts: Facts) -> bool:
    of_partner = row["agency_id"] is None and _approved_now(row, who, facts)
    return _AGENCY(row, who, facts) or of_partner


def _ends_client(row: Row, who: Who, facts: Facts) -> bool:
    parted = row["agency_id"] is None and row["status"] == "revoked"
    return _AGENCY(row, who, facts) or (parted and _parted_now(row, who, facts))


def _client_of(row: Row, facts: Facts) -> Row:
    return next(one for one in facts.rows["clients"] if one["id"] == row["client_id"])


def _makes_secret(row: Row, who: Who, facts: Facts) -> bool:
    claimed = _approved_now(_client_of(row, facts), who, facts)
    return _of_own_client(row, who, facts) or claimed


def _ends_secret(row: Row, who: Who, facts: Facts) -> bool:
    parted = _parted_now(_client_of(row, facts), who, facts)
    return _of_own_client(row, who, facts) or parted


def _stored_answer(row: Row, who: Who, facts: Facts) -> bool:
    """Of the own agency, or of the partner's own client, which has none."""
    if row["agency_id"].int:
        return _AGENCY(row, who, facts)
    clients = {one["id"]: one["partner_id"] for one in facts.rows["clients"]}
    return who.partner is not None and clients.get(row["client_id"]) == who.partner


_ID = ("id",)
_OWNER = own("owner_agency")
_AGENCY = own("agency_id")

TABLES: dict[str, Table] = {
    "assessments": Table(
        _ID,
        select=lambda row, who, facts: (
            row["level"] != "AGENCY_ONLY" or _OWNER(row, who, facts) or _asked(row, who)
        ),
        insert=_OWNER,
        update=_OWNER,
    ),
    "assessment_details": Table(
        ("assessment_id",), select=detail_seen, insert=_OWNER, update=_OWNER
    ),
    "assessments_acl": Table(
        ("agency_id", "record_id", "share_id"),
        select=either(_AGENCY, _OWNER),
        insert=_OWNER,
        delete=_OWNER,
    ),
    "assessment_shares": Table(
        _ID, select=either(_OWNER, own("shared_with")), insert=_OWNER, update=_OWNER
    ),
    "access_requests": Table(
        _ID,
        select=either(_OWNER, own("requested_by")),
        insert=lambda row, who, facts: (
            row["status"] == "open" and own("requested_by")(row, who, facts)
        ),
        update=lambda row, who, facts: (
            _OWNER(row, who, facts)
            or (row["status"] == "open" and own("requested_by")(row, who, facts))
        ),
        change="status = 'withdrawn'",
    ),
    "agencies": Table(_ID, select=always, update=own("id")),
    "focal_points": Table(_ID, select=always, insert=_AGENCY, update=_AGENCY, delete=_AGENCY),
    "agency_signatories": Table(("agency_id", "version"), select=always, insert=_AGENCY),
    "agency_settings": Table(
        ("agency_id", "key", "version"), select=_AGENCY, insert=_AGENCY, update=_AGENCY
    ),
    "sharing_policies": Table(
        _ID, select=either(_OWNER, own("shared_with")), insert=_OWNER, update=_OWNER
    ),
    "legal_holds": Table(
        _ID,
        select=_AGENCY,
        insert=_AGENCY,
        update=lambda row, who, facts: row["released_at"] is None and _AGENCY(row, who, facts),
    ),
    "redactions": Table(
        _ID,
        select=_AGENCY,
        insert=_AGENCY,
        update=lambda row, who, facts: row["state"] == "hidden" and _AGENCY(row, who, facts),
        change="state = 'undone'",
    ),
    "withholdings": Table(
        _ID,
        select=_by_oversight,
        insert=_by_oversight,
        update=lambda row, who, facts: row["ended_at"] is None and _by_oversight(row, who, facts),
    ),
    "agency_agreements": Table(_ID, closed=True),
    "agency_status_changes": Table(_ID, closed=True),
    "sanction_custody": Table(_ID, closed=True),
    "break_glass": Table(_ID, closed=True),
    "operators": Table(("name",), closed=True),
    "clearances": Table(
        _ID,
        select=_AGENCY,
        insert=_AGENCY,
        update=lambda row, who, facts: (
            row["contents_erased_at"] is None and who.oversight and _AGENCY(row, who, facts)
        ),
        change="sealed_request = NULL, sealed_answer = NULL, sealed_inputs = NULL, "
        "contents_erased_at = now()",
    ),
    "clearance_receipts": Table(("clearance_id",), select=_AGENCY, insert=_AGENCY),
    "idempotency_keys": Table(
        ("agency_id", "client_id", "route", "key"),
        select=_stored_answer,
        insert=_stored_answer,
        # With the contents of a clearance that two persons have destroyed.
        delete=lambda row, who, facts: bool(
            row["route"] == "/v1/clearances"
            and who.oversight
            and _stored_answer(row, who, facts)
            and _AGENCY(row, who, facts)
        ),
    ),
    "audit_events": Table(_ID, select=_log, insert=_logs),
    "clients": Table(_ID, select=always, insert=_makes_client, update=_ends_client),
    "client_secrets": Table(_ID, select=always, insert=_makes_secret, delete=_ends_secret),
    "feed_tokens": Table(_ID, select=always, insert=_of_own_client, update=_of_own_client),
    "persons": Table(_ID, select=always, insert=_AGENCY, update=_AGENCY),
    "offices": Table(_ID, select=always, insert=_AGENCY, update=_AGENCY),
    "trusted_issuers": Table(
        _ID,
        select=always,
        insert=lambda row, who, facts: row["status"] == "proposed" and _AGENCY(row, who, facts),
        update=_AGENCY,
    ),
}
