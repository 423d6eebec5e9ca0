"""Verification of the profile, its completeness and its registration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from app.core.clock import add_months
from app.recognition.facts import Facts, Policy, Verdict
from app.recognition.requirements.base import Kind, Rule, choose, held_to
from app.recognition.requirements.conditions import day
from app.recognition.rules import GROUPS

Mild = Literal["CLEAR_WITH_CONDITIONS", "REFER"]


class VerificationRule(Rule):
    """Whose verification is accepted, and how old it may be.

    A missing registration that the partner gave a reason for is always a condition, never more.
    """

    accept_from: tuple[str, ...]
    max_age_months: int = Field(ge=1, le=240)
    old: Mild = "CLEAR_WITH_CONDITIONS"
    incomplete: Mild | None = "CLEAR_WITH_CONDITIONS"
    registration_expired: Mild | None = "REFER"
    registration_missing: Mild | None = "REFER"


class Verification(Kind[VerificationRule]):
    code = "VERIFICATION"
    title = "Verification and registration"
    needed = True
    rule = VerificationRule

    def weigh(
        self,
        facts: Facts,
        policy: Policy,
        rules: Sequence[VerificationRule],
        verdict: Verdict,
    ) -> None:
        """See `Kind.weigh`."""
        chosen = choose(rules, facts)
        if chosen is None or facts.partner is None:
            verdict.recognition.append(self.line(policy, None, "NOT_REQUIRED", satisfied=True))
            return
        number, rule = chosen
        line = self._verified(facts, policy, number, rule, verdict)
        if rule.incomplete is not None and not facts.partner.get("complete"):
            verdict.add("PROFILE_INCOMPLETE", "registry", rule.incomplete, requirement=self.code)
            verdict.next("gap", self.code, codes=["PROFILE_INCOMPLETE"])
        self._registered(facts, rule, verdict)
        verdict.recognition.append(line)

    def _verified(
        self,
        facts: Facts,
        policy: Policy,
        number: int,
        rule: VerificationRule,
        verdict: Verdict,
    ) -> dict[str, Any]:
        assert facts.partner is not None  # asked before
        found = facts.partner.get("verification") or {}
        status, by = found.get("status", "pending_verification"), found.get("by")
        if status == "unverified":
            outcome = held_to(rule.adverse, facts.contested.get(str(found.get("id"))))
            verdict.add("NOT_VERIFIED", by or "registry", outcome, status=status)
            return self.line(policy, number, "NOT_VERIFIED", tier=rule.tier)
        accepted = by == facts.agency or any(
            GROUPS.holds(one, by or "") for one in rule.accept_from
        )
        if status != "verified" or not accepted:
            code = "NOT_VERIFIED" if status != "verified" else "AGENCY_NOT_ACCEPTED"
            line = self.line(policy, number, code, tier=rule.tier)
            return line | self.missing(
                facts, verdict, rule, [(code, by or "registry", {"status": status})]
            )
        how = {"by": "own" if by == facts.agency else "recognised", "from_agency": by}
        line = self.line(policy, number, "ACCEPTED", satisfied=True, tier=rule.tier, **how)
        on = found.get("on")
        if on is not None and add_months(day(on), rule.max_age_months) < facts.today:
            verdict.add("VERIFICATION_OLD", str(by), rule.old, on=str(on))
            verdict.next("gap", self.code, codes=["VERIFICATION_OLD"])
            line |= {"satisfied": False, "reason": "VERIFICATION_OLD"}
        return line

    def _registered(self, facts: Facts, rule: VerificationRule, verdict: Verdict) -> None:
        assert facts.partner is not None  # asked before
        state = (facts.partner.get("registration") or {}).get("state")
        if state == "expired" and rule.registration_expired is not None:
            verdict.add("REGISTRATION_EXPIRED", "registry", rule.registration_expired)
            verdict.next("gap", self.code, codes=["REGISTRATION_EXPIRED"])
        elif state in ("missing", "explained") and rule.registration_missing is not None:
            # That a reason was given is not told: it shows in what it means alone.
            mild: Mild = rule.registration_missing
            if state == "explained":
                mild = "CLEAR_WITH_CONDITIONS"
            verdict.add("REGISTRATION_MISSING", "registry", mild)
            verdict.next("gap", self.code, codes=["REGISTRATION_MISSING"])


KIND = Verification()
