"""From when an answer may be another though nobody writes. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from app.core.clock import add_months
from app.recognition.facts import Facts
from app.recognition.requirements import ALL, rules_of
from app.recognition.requirements.assessed import Assessed, AssessmentRule
from app.recognition.requirements.conditions import AUDITS, day
from app.recognition.requirements.verification import VerificationRule

PASSING = frozenset({"index", "people"})
"""What makes an answer stale for as long as something is being worked off."""
SOON = timedelta(seconds=30)
_ONE_DAY = timedelta(days=1)


def first_moment(facts: Facts, asked: datetime, now: datetime) -> datetime | None:
    """The first moment after ``now`` at which something that these facts say is over, too old or
    overdue. What it means is decided when it comes. The longer ago it was ``asked``, the later it
    is seen whether what waits is worked off.
    """
    if PASSING & {*facts.stale_sources}:
        return now + max(SOON, now - asked)
    days = [one for one in _days(facts) if one > facts.today]
    return datetime.combine(min(days), time(), UTC) if days else None


def _days(facts: Facts) -> Iterator[date]:
    """First days on which a fact says something else."""
    yield from _of_profile(facts)
    for item in (*facts.assessments, *facts.headquarters):
        if item["valid_until"]:
            yield day(item["valid_until"]) + _ONE_DAY
    for plan in facts.plans:
        if plan.get("window_ends_on"):
            yield day(plan["window_ends_on"]) + _ONE_DAY
    for policy in facts.policies.values():
        kind = ALL[policy.requirement]
        for rule in rules_of(policy):
            if isinstance(rule, VerificationRule):
                yield from _of_verification(facts, rule)
            elif isinstance(rule, AssessmentRule) and isinstance(kind, Assessed):
                yield from _of_rule(facts, kind, rule)


def _of_profile(facts: Facts) -> Iterator[date]:
    if facts.partner is None:
        return
    for block in ("verification", "registration"):
        until = (facts.partner.get(block) or {}).get("until")
        if until:
            yield day(until) + _ONE_DAY


def _of_verification(facts: Facts, rule: VerificationRule) -> Iterator[date]:
    on = ((facts.partner or {}).get("verification") or {}).get("on")
    if on:
        yield add_months(day(on), rule.max_age_months) + _ONE_DAY


def _of_rule(facts: Facts, kind: Assessed, rule: AssessmentRule) -> Iterator[date]:
    asked = rule.conditions
    for item in (*facts.assessments, *facts.headquarters):
        if kind.fits(item):
            yield add_months(day(item["conducted_on"]), rule.max_age_months) + _ONE_DAY
        if item["type"] in AUDITS and asked.modified_opinion_months is not None:
            yield add_months(day(item["conducted_on"]), asked.modified_opinion_months) + _ONE_DAY
    if asked.open_high_findings_months is not None:
        for found in facts.restricted:
            if found.get("oldest_open_high"):
                yield add_months(day(found["oldest_open_high"]), asked.open_high_findings_months)
