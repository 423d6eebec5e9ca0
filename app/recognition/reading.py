"""The row of `queries.FACTS_BY_ID` as the facts of a decision. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from math import ceil
from typing import Any
from uuid import UUID

from pydantic_core import from_json

from app.agencies.facts import default as counted_by_default
from app.auth import policy
from app.auth.caller import Caller
from app.recognition.facts import Cash, Facts, Policy
from app.recognition.schemas import ClearanceIn, Period
from app.sanctions.lists.freshness import required_stale

_DAYS_A_MONTH = 30.4375


def facts_of(
    caller: Caller,
    wanted: ClearanceIn,
    row: Mapping[str, Any],
    hits: Sequence[Mapping[str, Any]],
    stale: Sequence[str],
    policies: Mapping[str, Policy],
    now: datetime,
    *,
    ambiguous: bool,
    hidden: bool,
) -> Facts:
    """``hidden``: the profile is protected from the caller, and its links lead nowhere."""
    known = row["partner_id"] is not None
    items = {name: from_json(row[name]) if known else [] for name in _LISTS}
    if hidden:
        # Its headquarters would lead to it.
        items["sanctions"] = [one | {"inherited_from": None} for one in items["sanctions"]]
    flags = from_json(row["flags"]) if known else None
    standing = flags.pop("standing") if flags is not None else []
    counted = from_json(row["counted"]) if known else {}
    sources = from_json(row["sources"])
    cash = wanted.cash
    return Facts(
        agency=caller.agency_code,
        today=now.date(),
        context=wanted.context,
        contact_with_beneficiaries=wanted.contact_with_beneficiaries,
        partner=_partner(row, now.date()) if known else None,
        ambiguous=ambiguous,
        sanctions=items["sanctions"],
        potential_matches=hits,
        stale_sources=sorted({*required_stale(sources, now), *stale}),
        assessments=_counting(items["assessments"], counted, caller.agency_code),
        policies=policies,
        flags=flags,
        country=wanted.country,
        modality=wanted.modality,
        suspended=items["suspended"],
        transfers=_transfers(caller, wanted, items["transfers"]),
        merged=known and wanted.partner.id not in (None, row["partner_id"]),
        amount=wanted.amount_usd,
        months=_months(wanted.period),
        cash=Cash() if cash is None else Cash(**cash.model_dump()),
        headquarters=[
            one | {"inherited": True}
            for one in _counting(items["headquarters"], counted, caller.agency_code)
        ],
        standing_flags=standing,
        contested=from_json(row["contested"]) if known else {},
        restricted=items["restricted"],
        plans=items["plans"],
        eligible_types=from_json(row["eligible"]) if row["eligible"] else (),
        sources={one["code"]: one["version"] for one in sources},
    )


_LISTS = (
    *("sanctions", "suspended", "transfers", "assessments", "headquarters"),
    *("restricted", "plans"),
)


def _months(period: Period | None) -> int:
    """How long the work lasts, in months begun."""
    if period is None:
        return 12
    return max(1, ceil(((period.to - period.from_).days + 1) / _DAYS_A_MONTH))


def _partner(row: Mapping[str, Any], today: date) -> dict[str, Any]:
    return {
        "id": str(row["partner_id"]),
        "version": row["version"],
        "status": row["status"],
        "partner_type": row["partner_type"],
        "country": row["country"],
        "complete": row["complete"],
        "verification": verification(row, today) | {"id": _text(row["verification_id"])},
        "registration": {
            "state": _registration(row["registration"], today),
            "until": _until(row["registration"]),
        },
    }


def facts_on(facts: Facts, day: date) -> Facts:
    """The same facts on a later day: what has an end may be over; nothing recorded since."""
    partner = facts.partner
    if partner is not None:
        verified, registered = partner["verification"], partner["registration"]
        if _over(verified.get("until"), day):
            none = dict.fromkeys(("on", "until", "by"))
            verified = verified | none | {"status": "pending_verification"}
        if registered["state"] == "valid" and _over(registered.get("until"), day):
            registered = registered | {"state": "expired"}
        partner = {**partner, "verification": verified, "registration": registered}
    return replace(facts, today=day, partner=partner)


def _over(until: Any, day: date) -> bool:
    return until is not None and date.fromisoformat(str(until)) < day


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def verification(row: Mapping[str, Any], today: date) -> dict[str, Any]:
    """What is in force; past its last day a verification counts as none."""
    until, status = row["verified_until"], row["verification"]
    if status is None or (until is not None and until < today):
        return {"status": "pending_verification", "on": None, "until": None, "by": None}
    return {"status": status, "on": row["verified_on"], "until": until, "by": row["verified_by"]}


def _registration(text: str | None, today: date) -> str:
    """Valid, expired, explained (a reason why there is none), or missing."""
    said: dict[str, Any] = from_json(text) if text else {"certificates": 0, "explained": False}
    if not said["certificates"]:
        return "explained" if said["explained"] else "missing"
    last = said["expires_on"]
    if said["unlimited"] or last is None or date.fromisoformat(last) >= today:
        return "valid"
    return "explained" if said["explained"] else "expired"


def _until(text: str | None) -> str | None:
    """The last day of the last certificate, where each has one."""
    said: dict[str, Any] = from_json(text) if text else {}
    return None if said.get("unlimited") else said.get("expires_on")


def _counting(
    items: Sequence[dict[str, Any]], counted: Mapping[str, Any], own: str
) -> list[dict[str, Any]]:
    """Assessments as their owners let RESTRICTED ones count for others: as they are, as a question
    to the owner, or not at all.
    """
    found = []
    for item in items:
        if item["owner_agency"] == own or item["confidentiality"] != "RESTRICTED":
            found.append(item)
            continue
        of_owner = counted.get(item["owner_agency"]) or {}
        said = (of_owner.get("said") or {}).get(item["type"], counted_by_default(item["type"]))
        if said == "named":
            found.append(item)
        elif said == "consult":
            contact = {name: of_owner.get(name) for name in ("contact_office", "contact")}
            found.append(item | {"consult": True} | contact)
    return found


def _transfers(
    caller: Caller, wanted: ClearanceIn, found: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Each with whether this caller may read it for the purpose of its clearance."""
    told = []
    for item in found:
        owner, country = UUID(item.pop("owner_id")), item["country"]
        about = policy.Resource("TRANSFER_RESTRICTION", owner, country=country)
        shown = policy.can(caller, "read", about, wanted.purpose).allowed
        told.append(item | {"shown": shown})
    return told
