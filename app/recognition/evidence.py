"""The evidence of a clearance: what its sealed values are bound to, and what it says when it is
computed again.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from pydantic_core import to_json

from app.recognition.decide import Facts, Verdict, decide
from app.recognition.reading import facts_on

_FACTS = TypeAdapter(Facts)


def context(name: str, clearance_id: UUID, agency_id: UUID) -> str:
    """What a sealed value of a clearance is bound to."""
    return f"clearances.{name}|{clearance_id}|{agency_id}"


def facts_from(inputs: bytes) -> Facts:
    """The facts that an answer was decided by."""
    return _FACTS.validate_json(inputs)


def plain_reasons(verdict: Verdict) -> Any:
    """Its reasons as they stand in an answer."""
    return json.loads(to_json(verdict.reasons))


def recomputed(inputs: bytes, answer: bytes, as_of: datetime | None = None) -> dict[str, Any]:
    """The decision made again from the stored facts, as of the answer's own moment or a later one,
    and whether it is the one that was given.
    """
    facts, given = facts_from(inputs), json.loads(answer)
    verdict = decide(facts if as_of is None else facts_on(facts, as_of.date()))
    equal = (
        verdict.outcome == given["outcome"]
        and plain_reasons(verdict) == given["reasons"]
        and json.loads(to_json(verdict.recognition)) == given["recognition"]
    )
    return {
        "clearance_id": given["clearance_id"],
        "as_of": given["evaluated_at"] if as_of is None else as_of,
        "outcome": verdict.outcome,
        "outcome_given": given["outcome"],
        "reasons": plain_reasons(verdict),
        "equal": equal,
    }
