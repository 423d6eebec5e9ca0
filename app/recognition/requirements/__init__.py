"""The requirements that policies speak of. Add one here: its module, and its line in the list.

The order is that of the reasons in an answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.recognition.facts import Policy
from app.recognition.requirements import (
    audit,
    capacity_other,
    core_values,
    hact_micro,
    performance,
    psea,
    sanctions,
    terms,
    verification,
)
from app.recognition.requirements.base import Kind

ALL: dict[str, Kind[Any]] = {
    kind.code: kind
    for kind in (
        sanctions.KIND,
        psea.KIND,
        verification.KIND,
        hact_micro.KIND,
        core_values.KIND,
        audit.KIND,
        performance.KIND,
        capacity_other.KIND,
        terms.KIND,
    )
}

_MOST = 4_096
_parsed: dict[tuple[str, int], tuple[Sequence[Mapping[str, Any]], tuple[Any, ...]]] = {}


def rules_of(policy: Policy) -> tuple[Any, ...]:
    """The rules of a policy, read. A version never changes, so each is read once a process."""
    key = (policy.id, policy.version)
    found = _parsed.get(key)
    if found is not None and found[0] == policy.rules:
        return found[1]
    if len(_parsed) >= _MOST:
        _parsed.clear()
    rules = ALL[policy.requirement].parse(policy.rules)
    _parsed[key] = (policy.rules, rules)
    return rules
