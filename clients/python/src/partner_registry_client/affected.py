"""Which of the agency's own vendors are touched by what the list learned since some day.

Entries that are new or changed are compared with the vendors of the last `vendors match`; of those
that are gone nothing is left but their ids, which that match noted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

from partner_registry_client.encoding import Fields, read_json
from partner_registry_client.errors import NotConfigured
from partner_registry_client.home import write_private
from partner_registry_client.screening import LocalList, party_of
from partner_registry_client.state import Noted
from partner_registry_client.store import Store
from partner_registry_client.vendor_files import Vendor
from partner_registry_client.vendors import (
    Finding,
    bare,
    day_of,
    numbers_of,
    parties_of,
    screened,
)
from partner_registry_matcher import DEFAULT_THRESHOLD, Matcher

VENDORS = "vendors.json"


def keep(home: Path, vendors: list[Vendor], findings: list[Finding], now: float) -> None:
    """Remember vendors and what they were linked to; readable by the owner alone."""
    links = {
        str(finding.line): [party["entry_id"] for party in finding.parties]
        for finding in findings
        if finding.parties
    }
    kept = {"at": now, "vendors": [asdict(vendor) for vendor in vendors], "links": links}
    write_private(home / VENDORS, json.dumps(kept, ensure_ascii=False).encode())


def kept_vendors(home: Path) -> tuple[list[Vendor], dict[str, list[str]]]:
    try:
        data = (home / VENDORS).read_bytes()
    except FileNotFoundError:
        raise NotConfigured(
            "no vendors are known here; run 'registry-sync vendors match FILE' first"
        ) from None
    fields = Fields(read_json(data, VENDORS), VENDORS)
    return [Vendor(**item) for item in fields.raw["vendors"]], fields.raw["links"]


def affected(
    vendors: list[Vendor],
    links: Mapping[str, list[str]],
    listed: LocalList,
    noted: list[Noted],
    *,
    now: float,
    threshold: float = DEFAULT_THRESHOLD,
) -> list[dict[str, Any]]:
    """Vendors that entries touch which are new, changed or gone: one item a vendor and entry."""
    last = {one.entry_id: one for one in noted}
    fresh = {one.entry_id for one in noted if one.op == "new"}
    present = {
        entry_id: listed.entries[entry_id] for entry_id in last if entry_id in listed.entries
    }
    matcher = Matcher(map(party_of, present.values()), listed.matcher.statistics)
    numbers = numbers_of(LocalList(listed.states, matcher, present))
    today, found = day_of(now), []
    for vendor in vendors:
        linked = {entry for text in vendor.registry for entry in numbers.get(bare(text), ())}
        parties = parties_of(linked, screened(vendor, matcher, threshold), present, today)
        about = {party["entry_id"]: party for party in parties}
        before = [one for one in links.get(str(vendor.line), []) if one in last]
        for entry_id in [*about, *(one for one in before if one not in about)]:
            op = last[entry_id].op
            if entry_id in present:
                op = "new" if entry_id in fresh else "changed"
            found.append(
                {
                    "number": vendor.number,
                    "line": vendor.line,
                    "entry_id": entry_id,
                    "what": op,
                    "reason": last[entry_id].reason,
                    "at": last[entry_id].at,
                    "party": about.get(entry_id),
                }
            )
    return found


def since(text: str) -> float:
    """A day or a moment. Raises ValueError."""
    if len(text) == 10:
        day = date.fromisoformat(text)
        return datetime(day.year, day.month, day.day, tzinfo=timezone.utc).timestamp()
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()


def journals(stores: list[Store], moment: float) -> tuple[list[Noted], float | None]:
    """What all copies learned since then, and from when on all of them know."""
    begun = [store.journal_from() for store in stores]
    noted = [one for store in stores for one in store.journal(moment)]
    noted.sort(key=lambda one: one.at)
    known = [one for one in begun if one is not None]
    return noted, max(known) if len(known) == len(begun) else None
