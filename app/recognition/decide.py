"""The decision: facts in, reasons and outcome out. Pure.

Order and meaning: domain reference 6.3. Every reason is returned, the worst one gives the
outcome; unknown or stale never means clear. The answer informs, the agency decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from app.core.clock import add_months
from app.recognition import matches, measures
from app.recognition.rests_on import RestsOn
from app.recognition.rules import RANK, AssessmentRule, Outcome, SanctionsRule

SEVERITY: dict[str, int] = {"CLEAR": 0, "CLEAR_WITH_CONDITIONS": 1, "REFER": 2, "BLOCKED": 3}


@dataclass(frozen=True, slots=True)
class Policy:
    """A version of an agency's policy for one requirement."""

    id: str
    version: int
    requirement: str
    rules: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the decision rests on, from one snapshot."""

    agency: str
    today: date
    context: Literal["regular", "emergency"]
    contact_with_beneficiaries: bool | None
    partner: Mapping[str, Any] | None
    ambiguous: bool
    sanctions: Sequence[Mapping[str, Any]]
    potential_matches: Sequence[Mapping[str, Any]]
    stale_sources: Sequence[str]
    assessments: Sequence[Mapping[str, Any]]
    policies: Mapping[str, Policy]
    flags: Mapping[str, Any] | None = None
    """How many stand: by kind, of the headquarters, the caller's own."""
    country: str | None = None
    modality: str | None = None
    """Of the work that is asked about."""
    suspended: Sequence[Mapping[str, Any]] = ()
    """Agencies to be asked about RESTRICTED measures of theirs."""
    transfers: Sequence[Mapping[str, Any]] = ()
    """Transfer restrictions that the asking agency may know of; ``shown``: the caller, too."""


@dataclass(slots=True)
class Verdict:
    """Reasons with what each means alone; the worst is the outcome."""

    outcome: Outcome = "CLEAR"
    reasons: list[dict[str, Any]] = field(default_factory=list)
    recognition: list[dict[str, Any]] = field(default_factory=list)
    rests_on: tuple[RestsOn, ...] = ()

    def add(self, code: str, source: str, outcome: Outcome, **detail: Any) -> None:
        """One more reason."""
        self.reasons.append(
            {"code": code, "source": source, "detail": {**detail, "alone": outcome}}
        )
        if SEVERITY[outcome] > SEVERITY[self.outcome]:
            self.outcome = outcome


def decide(facts: Facts) -> Verdict:
    """Weigh the facts by the caller's policies."""
    verdict = Verdict()
    _identity(facts, verdict)
    for source in facts.stale_sources:
        verdict.add("LIST_STALE", source, "REFER")
    _sanctions(facts, verdict)
    _flags(facts, verdict)
    _matches(facts, verdict)
    _requirement(facts, verdict)
    verdict.rests_on = _rests_on(facts)
    return verdict


def _rests_on(facts: Facts) -> tuple[RestsOn, ...]:
    hits = {hit.get("match_id") for hit in facts.potential_matches} - {None}
    return (
        *(RestsOn("measure", item["entry_id"], None) for item in facts.sanctions),
        *(RestsOn("assessment", item["id"], item.get("version")) for item in facts.assessments),
        *(RestsOn("match", str(hit), None) for hit in sorted(hits, key=str)),
        *(RestsOn("source", code, None) for code in facts.stale_sources),
        *(RestsOn("policy", str(item.id), item.version) for item in facts.policies.values()),
        *(RestsOn("transfer_restriction", item["id"], None) for item in facts.transfers),
    )


def _identity(facts: Facts, verdict: Verdict) -> None:
    if facts.ambiguous:
        verdict.add("IDENTITY_AMBIGUOUS", "registry", "REFER")
    elif facts.partner is None:
        verdict.add("IDENTITY_UNKNOWN", "registry", "REFER")
    elif facts.partner["status"] == "deactivated":
        verdict.add("PARTNER_INACTIVE", "registry", "REFER")


def _flags(facts: Facts, verdict: Verdict) -> None:
    if facts.flags is None:
        return
    inherited = facts.flags["inherited"]["red"]
    count = facts.flags["red"] + inherited
    if count:
        own = facts.flags["red_mine"]
        verdict.add("RED_FLAG", "registry", "REFER", count=count, inherited=inherited, own=own)


def _matches(facts: Facts, verdict: Verdict) -> None:
    # A score is a question to a person, whatever its height: never BLOCKED by itself, but by what
    # persons confirmed.
    open_by_source: dict[str, list[Mapping[str, Any]]] = {}
    for hit in facts.potential_matches:
        decision = hit.get("decision")
        if decision is None:
            open_by_source.setdefault(hit["source"], []).append(hit)
        elif decision["decision"] == "TRUE_MATCH":
            _confirmed(facts, verdict, hit, decision)
    for source, hits in sorted(open_by_source.items()):
        people = sum(hit.get("subject") == "person" for hit in hits)
        about = {"people": people} if people else {}
        verdict.add("POTENTIAL_MATCH_OPEN", source, "REFER", count=len(hits), **about)


def _confirmed(
    facts: Facts, verdict: Verdict, hit: Mapping[str, Any], decision: Mapping[str, Any]
) -> None:
    policy = facts.policies.get("SANCTIONS")
    rule = SanctionsRule.model_validate(policy.rules[0]) if policy else None
    verdict.add(
        "SANCTIONED_EXTERNAL",
        hit["source"],
        matches.confirmed(hit["source"], rule),
        reference=hit["reference"],
        subject=hit["subject"],
        by=decision["agency"],
        on=decision["on"],
    )


def _sanctions(facts: Facts, verdict: Verdict) -> None:
    policy = facts.policies.get("SANCTIONS")
    rule = SanctionsRule.model_validate(policy.rules[0]) if policy else None
    asked = measures.Asked(facts.agency, facts.country, facts.modality)
    found = [measures.weigh(entry, asked, rule) for entry in facts.sanctions]
    held = measures.held_back(facts.transfers, asked)
    for item in (*found, *measures.suspended(facts.suspended), *held):
        verdict.add(item.code, item.source, item.outcome, **item.detail)
    if policy is None:
        verdict.add("NO_POLICY", facts.agency, "REFER", requirement="SANCTIONS")


# ---------------------------------------------------------------------------------- requirements


def _requirement(facts: Facts, verdict: Verdict) -> None:
    """The PSEA requirement: own assessment first, then what the policy recognises of others."""
    policy = facts.policies.get("PSEA")
    if policy is None:
        verdict.add("NO_POLICY", facts.agency, "REFER", requirement="PSEA")
        return
    if facts.partner is None:
        return
    number, rule = _first_rule(policy, facts)
    if rule is None:
        verdict.recognition.append(_line(policy, None, "NOT_REQUIRED", satisfied=True))
        return
    refusals: list[str] = []
    for assessment in _own_first(facts):
        problem = _refuse(assessment, rule, facts)
        if problem is None:
            verdict.recognition.append(_line(policy, number, "ACCEPTED", assessment, facts.agency))
            return
        refusals.append(problem)
    code = refusals[0] if refusals else "NO_PSEA"
    outcome = rule.gap.regular if facts.context == "regular" else rule.gap.emergency
    verdict.add(code, "registry", outcome, requirement="PSEA")
    verdict.recognition.append(_line(policy, number, code, satisfied=False))


def _first_rule(policy: Policy, facts: Facts) -> tuple[int | None, AssessmentRule | None]:
    if facts.contact_with_beneficiaries is False or facts.partner is None:
        return None, None
    for number, text in enumerate(policy.rules, start=1):
        rule = AssessmentRule.model_validate(text)
        if facts.partner["partner_type"] in rule.partner_types:
            return number, rule
    return None, None


def _own_first(facts: Facts) -> list[Mapping[str, Any]]:
    found = [item for item in facts.assessments if item["type"] == "psea"]
    newest_first = sorted(found, key=lambda item: str(item["conducted_on"]), reverse=True)
    return sorted(newest_first, key=lambda item: item["owner_agency"] != facts.agency)


def _refuse(assessment: Mapping[str, Any], rule: AssessmentRule, facts: Facts) -> str | None:
    """Why an assessment does not satisfy the rule, or None."""
    rating = assessment["rating"]
    own = assessment["owner_agency"] == facts.agency
    accepted = set(rule.accept_from)
    if not own and not accepted & {"ANY_UN", assessment["owner_agency"]}:
        return "AGENCY_NOT_ACCEPTED"
    if assessment["methodology"] not in rule.methodologies or rating["level"] not in RANK:
        return "METHOD_NOT_ACCEPTED"
    if rating["rating_source"] == "reported" and not rule.accept_reported:
        return "METHOD_NOT_ACCEPTED"
    conducted = date.fromisoformat(str(assessment["conducted_on"]))
    if add_months(conducted, rule.max_age_months) < facts.today:
        return "PSEA_EXPIRED"
    until = assessment["valid_until"]
    if rule.must_be_unexpired and until and date.fromisoformat(str(until)) < facts.today:
        return "PSEA_EXPIRED"
    if RANK[rating["level"]] > RANK[rule.max_risk]:
        return "PSEA_LOW_CAPACITY"
    return None


def _line(
    policy: Policy,
    rule: int | None,
    reason: str,
    assessment: Mapping[str, Any] | None = None,
    agency: str | None = None,
    *,
    satisfied: bool = True,
) -> dict[str, Any]:
    owner = assessment["owner_agency"] if assessment else None
    return {
        "requirement": policy.requirement,
        "satisfied": satisfied,
        "by": None if owner is None else "own" if owner == agency else "recognised",
        "from_agency": owner,
        "assessment_id": assessment["id"] if assessment else None,
        "policy_id": policy.id,
        "policy_version": policy.version,
        "rule": rule,
        "reason": reason,
    }


def codes_of(reasons: Sequence[Mapping[str, Any]]) -> list[str]:
    """Codes of the reasons in order, each once."""
    return list(dict.fromkeys(reason["code"] for reason in reasons))
