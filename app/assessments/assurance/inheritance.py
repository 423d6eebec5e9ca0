"""Where the result of a headquarters counts for a country profile. Pure.

Never silently: what is inherited says from whom, and the answer says why it is, or is not. A
result of its own, of whatever content, keeps that of the headquarters out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.assessments.assurance.facts import Facts, RatingFact
from app.assessments.assurance.policies import Rules


def covered(rules: Rules, partner_type: str) -> bool:
    """Whether anything of a headquarters counts for country profiles of this type."""
    return partner_type in rules.headquarters.partner_types


def counted(rules: Rules, facts: Facts) -> Sequence[RatingFact]:
    """The ratings without those of the headquarters that do not count."""
    data = rules.headquarters
    own = {one.type for one in facts.ratings if one.inherited_from is None}
    open_types = set(data.types) - own
    if facts.excepted or not covered(rules, facts.partner_type):
        open_types = set()
    return [
        one
        for one in facts.ratings
        if one.inherited_from is None
        or (one.type in open_types and one.value not in data.not_values)
    ]


def told(rules: Rules, facts: Facts, used: Sequence[dict[str, Any] | None]) -> dict[str, Any]:
    """What is said of it for a country profile; ``used`` are the ratings that decided."""
    data = rules.headquarters
    own = {one.type for one in facts.ratings if one.inherited_from is None}
    if not covered(rules, facts.partner_type):
        reason = "partner_type_not_covered"
    elif facts.excepted:
        reason = "excepted"
    elif own >= set(data.types):
        reason = "own_result"
    elif any(one is not None and one["inherited_from"] is not None for one in used):
        reason = "inherited"
    else:
        reason = "no_valid_result"
    return {
        "partner_id": facts.headquarters,
        "counts": reason == "inherited",
        "reason": reason,
        "types": list(data.types),
        "unless": list(data.unless),
    }
