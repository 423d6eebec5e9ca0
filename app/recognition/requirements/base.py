"""What every requirement of a policy has in common. A kind is a module beside this one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Generic, Literal, TypeVar

from pydantic import Field

from app.core.clock import add_months
from app.core.schemas import Line
from app.recognition.facts import Facts, Policy, Verdict
from app.recognition.requirements.situation import AppliesWhen
from app.recognition.rules import Data, Outcome

Open = Literal["CLEAR_WITH_CONDITIONS", "REFER", "BLOCKED"]
EMERGENCY_MONTHS = 6
"""The longest that an emergency may put a requirement off (domain reference 6.2 and issue 9)."""


class Gap(Data):
    """What it means that something is not there, or too old, by context."""

    regular: Outcome
    emergency: Outcome


class Waiver(Data):
    """In an emergency what is missing may be completed after signing, within so many months."""

    months: int = Field(ge=1, le=EMERGENCY_MONTHS)
    approval: Line | None = Field(None, description="role that approves the waiver")


class Rule(Data):
    """What a rule of any requirement may say."""

    applies_when: AppliesWhen = AppliesWhen()
    tier: Literal["light", "standard"] = "standard"
    gap: Gap = Gap(regular="REFER", emergency="REFER")
    adverse: Open = "REFER"
    emergency_waiver: Waiver | None = None
    legal_basis: Line | None = None


R = TypeVar("R", bound=Data)
S = TypeVar("S", bound=Rule)


class Kind(ABC, Generic[R]):
    """A requirement: its rule, and how facts are weighed by it."""

    code: ClassVar[str]
    title: ClassVar[str]
    one_rule: ClassVar[bool] = False
    """There is nothing to choose between: a policy has exactly one rule."""
    needed: ClassVar[bool] = False
    """Without a policy in force the answer is REFER."""
    rule: type[R]

    def parse(self, rules: Sequence[Any]) -> tuple[R, ...]:
        """Raises pydantic's ValidationError for the first rule that is none."""
        return tuple(self.rule.model_validate(rule) for rule in rules)

    @abstractmethod
    def weigh(self, facts: Facts, policy: Policy, rules: Sequence[R], verdict: Verdict) -> None:
        """Reasons, and a line of `recognition`, of a partner that is known."""

    def line(self, policy: Policy, number: int | None, reason: str, **more: Any) -> dict[str, Any]:
        """A line of `recognition`."""
        blank = {"by": None, "from_agency": None, "assessment_id": None, "tier": None}
        about = {
            "requirement": self.code,
            "satisfied": False,
            "policy_id": policy.id,
            "policy_version": policy.version,
            "rule": number,
            "reason": reason,
            "complete_by": None,
        }
        return about | blank | more

    def missing(
        self,
        facts: Facts,
        verdict: Verdict,
        rule: Rule,
        codes: Sequence[tuple[str, str, dict[str, Any]]],
    ) -> dict[str, Any]:
        """Reasons of something that is not there: (code, source, detail), and the waiver if there
        is one; what of it belongs into the line.
        """
        emergency = facts.context == "emergency"
        outcome: Outcome = rule.gap.emergency if emergency else rule.gap.regular
        waiver = rule.emergency_waiver if emergency else None
        if waiver is not None:
            outcome = "CLEAR_WITH_CONDITIONS"
        for code, source, detail in codes:
            verdict.add(code, source, outcome, requirement=self.code, **detail)
        verdict.next("gap", self.code, codes=list(dict.fromkeys(code for code, _, _ in codes)))
        if waiver is None:
            return {}
        until = add_months(facts.today, waiver.months)
        verdict.add(
            "REQUIREMENT_WAIVED",
            facts.agency,
            "CLEAR_WITH_CONDITIONS",
            requirement=self.code,
            complete_by=until.isoformat(),
            approval=waiver.approval,
        )
        if waiver.approval:
            verdict.next("approval", self.code, role=waiver.approval, of="waiver")
        return {"complete_by": until.isoformat()}


def held_to(outcome: Outcome, contested: bool | None) -> Outcome:
    """What a statement means alone while its owner owes the partner an answer: at most REFER."""
    return "REFER" if contested and outcome == "BLOCKED" else outcome


def choose(rules: Sequence[S], facts: Facts) -> tuple[int, S] | None:
    """The first rule that is made for this work, and its number."""
    for number, rule in enumerate(rules, start=1):
        if rule.applies_when.holds(facts):
            return number, rule
    return None
