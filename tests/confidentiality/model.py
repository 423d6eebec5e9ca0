"""What row security must say, told a second time in Python: the oracle of the raw SQL matrix.

A table with row security that has no line here fails the test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
    agency_of_client: dict[str, UUID | None] = field(default_factory=dict)


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
    """Who may do what to which row as reg_app; ``key`` names a row."""

    key: tuple[str, ...]
    select: Says = never
    insert: Says = never
    update: Says = never
    delete: Says = never


def _detail(row: Row, who: Who, facts: Facts) -> bool:
    if who.agency is None:
        return False
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
    mine = who.agency is not None and who.agency in (row["owner_agency"], row["agency_id"])
    return mine and (who.oversight or not row["held"])


def _logs(row: Row, who: Who, facts: Facts) -> bool:
    if row["agency_id"] is None:
        return who.partner is not None
    return bool(who.agency == row["agency_id"])


def _of_own_client(row: Row, who: Who, facts: Facts) -> bool:
    return who.agency is not None and facts.agency_of_client[row["client_id"]] == who.agency


_ID = ("id",)
_OWNER = own("owner_agency")
_AGENCY = own("agency_id")

TABLES: dict[str, Table] = {
    "assessments": Table(
        _ID,
        select=lambda row, who, facts: row["level"] != "AGENCY_ONLY" or _OWNER(row, who, facts),
        insert=_OWNER,
        update=_OWNER,
    ),
    "assessment_details": Table(("assessment_id",), select=_detail, insert=_OWNER, update=_OWNER),
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
        update=_OWNER,
    ),
    "sanction_cases": Table(_ID, select=_AGENCY, insert=_AGENCY, update=_AGENCY),
    "sanction_case_steps": Table(_ID, select=_AGENCY, insert=_AGENCY),
    "sanction_entries": Table(
        _ID, select=always, insert=own("imposing_agency"), update=own("imposing_agency")
    ),
    "screenings": Table(_ID, select=_AGENCY, insert=_AGENCY),
    "clearances": Table(_ID, select=_AGENCY, insert=_AGENCY),
    "clearance_receipts": Table(("clearance_id",), select=_AGENCY, insert=_AGENCY),
    "idempotency_keys": Table(
        ("agency_id", "client_id", "route", "key"), select=_AGENCY, insert=_AGENCY
    ),
    "audit_events": Table(_ID, select=_log, insert=_logs),
    "clients": Table(_ID, select=always, insert=_AGENCY, update=_AGENCY),
    "client_secrets": Table(_ID, select=always, insert=_of_own_client, delete=_of_own_client),
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
