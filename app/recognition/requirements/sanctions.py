"""What measures, listings and flags of others mean to this agency.

Nothing here is ever waived, and what is the own agency's or the Security Council's is not asked of
a policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator

from app.core.schemas import Line
from app.recognition.facts import Facts, Policy, Verdict
from app.recognition.requirements.base import Kind
from app.recognition.rules import Data
from app.sanctions.entries.cross_debarment import AGREEMENTS


def _agreement(value: str) -> str:
    if value not in AGREEMENTS.sets:
        raise ValueError("is no agreement that the registry knows")
    return value


class SanctionsRule(Data):
    """What measures of other agencies, and measures that do not block, mean to this agency.

    ``auto_recognise``: the agreement (cross_debarment.yaml) whose conditions another agency's
    measure must meet to count as an own one; without, only single decisions do that.
    ``vendor_measures``: whether a measure on the partner as a vendor counts for partnerships, or is
    only a question to the agency that imposed it.
    """

    other_agency_blocking: Literal["REFER", "BLOCKED"]
    conditions: Literal["CLEAR_WITH_CONDITIONS", "REFER"]
    auto_recognise: Annotated[str, AfterValidator(_agreement)] | None = None
    vendor_measures: Literal["COUNT", "REFER"] = "REFER"
    red_flag_of_others: Literal["REFER", "BLOCKED"] = "REFER"
    yellow_flag: Literal["CLEAR_WITH_CONDITIONS", "REFER"] = "CLEAR_WITH_CONDITIONS"
    legal_basis: Line | None = None


class Sanctions(Kind[SanctionsRule]):
    """Weighed by the decision itself, in its order: see `decide`."""

    code = "SANCTIONS"
    title = "Measures, lists and flags"
    one_rule = True
    rule = SanctionsRule

    def weigh(
        self, facts: Facts, policy: Policy, rules: Sequence[SanctionsRule], verdict: Verdict
    ) -> None:
        """See `Kind.weigh`."""


KIND = Sanctions()


def rule_of(facts: Facts) -> SanctionsRule | None:
    """The agency's rule, if it has one in force."""
    policy = facts.policies.get(KIND.code)
    return SanctionsRule.model_validate(policy.rules[0]) if policy else None
