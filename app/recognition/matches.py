"""What agencies decided of potential matches, beside what a clearance finds itself. Pure.

A decision counts while both sides say what they said when it was made. A work item that is open
counts although nothing is found now, and that of one of the partner's people without a name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from app.recognition.requirements.sanctions import SanctionsRule
from app.recognition.rules import Outcome
from app.sanctions.lists.audience import audience_of, known
from app.sanctions.matches.words import Item, decided


def joined(
    hits: Sequence[Mapping[str, Any]],
    items: Sequence[Item],
    agency: str,
    own_lists: Collection[str],
) -> list[dict[str, Any]]:
    """Hits with what was decided of each, and work items that stand without a hit.

    ``own_lists``: codes of those the agency switched on; a pair of another one counts no more.
    """
    counted = [item for item in items if not item["own_list"] or item["source"] in own_lists]
    by_entry: dict[str, list[Item]] = {}
    for item in counted:
        if not item["person"]:
            by_entry.setdefault(item["entry_id"], []).append(item)
    shown = [dict(hit) | _about(by_entry.pop(hit["entry_id"], []), agency) for hit in hits]
    for group in by_entry.values():
        first = group[0]
        named = {name: first[name] for name in ("entry_id", "source", "reference", "score")}
        shown.append(named | _about(group, agency))
    nameless = {"entry_id": None, "reference": None, "score": None}
    shown += [
        {"source": item["source"], **nameless, **_about([item], agency)}
        for item in counted
        if item["person"]
    ]
    live = {hit["entry_id"] for hit in hits}
    return [item for item in shown if item["entry_id"] in live or not _cleared(item)]


def _cleared(item: Item) -> bool:
    return item["decision"] is not None and item["decision"]["decision"] == "NOT_A_MATCH"


def _about(group: Sequence[Item], agency: str) -> dict[str, Any]:
    """What stands of the items of one listed party: profiles that are one partner may have more."""
    found = decided(group, agency)
    return {
        "subject": "person" if group and group[0]["person"] else "partner",
        "inherited": bool(group) and all(item["inherited"] for item in group),
        "match_id": group[0]["match_id"] if group else None,
        "decision": found[1] if found else None,
    }


def confirmed(source: str, rule: SanctionsRule | None) -> Outcome:
    """What a confirmed match means alone: the Security Council's list and those the agency chose
    for itself block; of development banks and other agencies as its policy says.
    """
    listed = known(source)
    if listed is not None and audience_of(listed) != "joint":
        return "BLOCKED"
    return rule.other_agency_blocking if rule else "REFER"
