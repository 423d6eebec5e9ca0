"""What agencies say of potential matches, and what of it counts for one agency. Pure.

An item is a work item as the statements of clearances and screenings read it: ``fresh`` (both
sides still say what they said when it was found), ``accepts`` (whose finding that there is no
match the agency takes over) and ``words``, those that stand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Item = Mapping[str, Any]


def decided(group: Sequence[Item], agency: str) -> tuple[Item, dict[str, Any]] | None:
    """What counts for the agency of the items of one listed party, and the item it is about.

    Profiles that are one partner may have several: one that was not decided leaves all open, and
    one that was confirmed confirms all.
    """
    words = [(item, word_of(item, agency)) for item in group]
    said = [(item, word) for item, word in words if word is not None]
    true = [one for one in said if one[1]["decision"] == "TRUE_MATCH"]
    found = true or (said if len(said) == len(words) else [])
    return found[0] if found else None


def word_of(item: Item, agency: str) -> dict[str, Any] | None:
    """The word on one item that counts for the agency: its own, or one that it takes over."""
    words = item["words"] or []
    for word in sorted(words, key=lambda one: one["agency"] != agency):
        # As long as it stands it counts, also in the moment in which a side has just changed.
        if word["decision"] == "TRUE_MATCH":
            return _said(word, "own" if word["agency"] == agency else "other")
    if not item["fresh"]:
        return None
    for word in words:
        if word["agency"] == agency:
            return _said(word, "accepted" if word["accepted"] else "own")
    accepts = item["accepts"] or "none"
    for word in words:
        if not word["accepted"] and (accepts == "all" or word["agency"] in _listed(accepts)):
            return _said(word, "policy")
    return None


def _listed(accepts: Any) -> list[str]:
    return accepts if isinstance(accepts, list) else []


def _said(word: Mapping[str, Any], by: str) -> dict[str, Any]:
    shown = {"decision": word["decision"], "by": by, "agency": word["agency"], "on": word["on"]}
    return shown | ({"id": word["id"]} if "id" in word else {})
