"""The agency's terms on the areas where agencies differ: told, never weighed.

Intellectual property, data protection, support costs and reporting are the four areas that
JIU/REP/2021/4 names as sources of disagreement.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from app.core.schemas import Line
from app.recognition.facts import Facts, Policy, Verdict
from app.recognition.requirements.base import Kind, Rule, choose
from app.recognition.rules import Data

Percent = Annotated[Decimal, Field(ge=0, le=100, max_digits=5, decimal_places=2)]


class SupportCosts(Data):
    """Rates of support costs, in percent of direct costs."""

    headquarters_percent: Percent | None = None
    country_percent: Percent | None = None
    note: Line | None = None


class TermsRule(Rule):
    """Where nothing is said the agreement itself says it."""

    intellectual_property: Line | None = None
    data_protection: Line | None = None
    support_costs: SupportCosts | None = None
    reporting: Line | None = None


_AREAS = ("intellectual_property", "data_protection", "support_costs", "reporting")


class Terms(Kind[TermsRule]):
    code = "TERMS"
    title = "Terms of agreements"
    rule = TermsRule

    def weigh(
        self, facts: Facts, policy: Policy, rules: Sequence[TermsRule], verdict: Verdict
    ) -> None:
        """See `Kind.weigh`."""
        chosen = choose(rules, facts)
        if chosen is None:
            return
        said = chosen[1].model_dump(mode="json", include=set(_AREAS), exclude_none=True)
        verdict.next("terms", self.code, policy_version=policy.version, rule=chosen[0], **said)


KIND = Terms()
