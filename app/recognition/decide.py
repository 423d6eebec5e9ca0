"""The decision: facts in, reasons and outcome out. Pure.

Order and meaning: domain reference 6.3. Every reason is returned, the worst one gives the
outcome; unknown or stale never means clear. The answer informs, the agency decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.partners.types import TYPE_RULES
from app.recognition import matches, measures
from app.recognition.facts import Facts, Policy, Verdict, codes_of
from app.recognition.requirements import ALL, rules_of
from app.recognition.requirements.base import held_to
from app.recognition.requirements.sanctions import KIND as SANCTIONS
from app.recognition.requirements.sanctions import SanctionsRule
from app.recognition.rests_on import RestsOn
from app.recognition.rules import SEVERITY, Outcome

__all__ = ["SEVERITY", "Facts", "Policy", "Verdict", "codes_of", "decide"]


def decide(facts: Facts) -> Verdict:
    """Weigh the facts by the caller's policies."""
    verdict = Verdict(rests_on=_rests_on(facts))
    policy = facts.policies.get(SANCTIONS.code)
    rule: SanctionsRule | None = rules_of(policy)[0] if policy else None
    _identity(facts, verdict)
    for source in facts.stale_sources:
        verdict.add("LIST_STALE", source, "REFER")
    _sanctions(facts, rule, verdict)
    _flags(facts, rule, verdict)
    _matches(facts, rule, verdict)
    _to_ask(facts, verdict)
    _contested(facts, verdict)
    _requirements(facts, verdict)
    return verdict


def _rests_on(facts: Facts) -> tuple[RestsOn, ...]:
    found = [RestsOn("policy", item.id, item.version) for item in facts.policies.values()]
    if facts.partner is not None and facts.partner.get("id"):
        found.append(RestsOn("partner", str(facts.partner["id"]), facts.partner.get("version")))
        verified = (facts.partner.get("verification") or {}).get("id")
        if verified:
            found.append(RestsOn("verification", str(verified), None))
    found += [RestsOn("source", code, version) for code, version in facts.sources.items()]
    found += [RestsOn("measure", item["entry_id"], None) for item in facts.sanctions]
    found += [
        RestsOn("assessment", item["id"], item.get("version"))
        for item in (*facts.assessments, *facts.headquarters)
    ]
    found += [RestsOn("flag", item["id"], item.get("version")) for item in facts.standing_flags]
    found += [RestsOn("transfer_restriction", item["id"], None) for item in facts.transfers]
    matched = (item.get("match_id") for item in facts.potential_matches)
    found += [RestsOn("match", match_id, None) for match_id in matched if match_id]
    return tuple(dict.fromkeys(found))


def _identity(facts: Facts, verdict: Verdict) -> None:
    if facts.ambiguous:
        verdict.add("IDENTITY_AMBIGUOUS", "registry", "REFER")
    elif facts.partner is None:
        verdict.add("IDENTITY_UNKNOWN", "registry", "REFER")
    else:
        if facts.merged:
            verdict.add("PARTNER_MERGED", "registry", "CLEAR")
        if facts.partner["status"] == "deactivated":
            verdict.add("PARTNER_INACTIVE", "registry", "REFER")
        kind = facts.partner["partner_type"]
        rule = TYPE_RULES.types.get(kind)
        if rule is not None and rule.needs_listing and kind not in facts.eligible_types:
            verdict.add("TYPE_NOT_ELIGIBLE", facts.agency, "REFER", partner_type=kind)


def _sanctions(facts: Facts, rule: SanctionsRule | None, verdict: Verdict) -> None:
    asked = measures.Asked(facts.agency, facts.country, facts.modality)
    for entry in facts.sanctions:
        item = measures.weigh(entry, asked, rule)
        outcome = item.outcome
        if entry["imposing_agency"] != facts.agency:
            # Own measures stand whatever waits for an answer; another's are the partner's word
            # against its agency's silence.
            outcome = held_to(outcome, facts.contested.get(entry["entry_id"]))
        verdict.add(item.code, item.source, outcome, **item.detail)
    held = measures.held_back(facts.transfers, asked)
    for item in (*measures.suspended(facts.suspended), *held):
        verdict.add(item.code, item.source, item.outcome, **item.detail)
    if rule is None:
        verdict.add("NO_POLICY", facts.agency, "REFER", requirement=SANCTIONS.code)


def _flags(facts: Facts, rule: SanctionsRule | None, verdict: Verdict) -> None:
    """A flag is a warning: another agency's never outranks a decision to debar."""
    for item in facts.standing_flags:
        about = {"flag_id": item["id"], "inherited": item["inherited"]}
        overdue = facts.contested.get(item["id"])
        outcome: Outcome
        if item["kind"] == "RED":
            others: Outcome = rule.red_flag_of_others if rule else "REFER"
            outcome = "BLOCKED" if item["agency"] == facts.agency else others
            verdict.add("RED_FLAG", item["agency"], held_to(outcome, overdue), **about)
        elif item["state"] == "escalated":
            verdict.add("ESCALATED_FLAG", item["agency"], "REFER", **about)
        else:
            outcome = rule.yellow_flag if rule else "REFER"
            verdict.add("YELLOW_FLAG", item["agency"], outcome, **about)


def _matches(facts: Facts, rule: SanctionsRule | None, verdict: Verdict) -> None:
    # A score is a question to a person, whatever its height: never BLOCKED by itself, but by what
    # persons confirmed.
    open_by_source: dict[str, list[Mapping[str, Any]]] = {}
    for hit in facts.potential_matches:
        decision = hit.get("decision")
        if decision is None:
            open_by_source.setdefault(hit["source"], []).append(hit)
        elif decision["decision"] == "TRUE_MATCH":
            verdict.add(
                "SANCTIONED_EXTERNAL",
                hit["source"],
                matches.confirmed(hit["source"], rule),
                reference=hit["reference"],
                subject=hit["subject"],
                by=decision["agency"],
                on=decision["on"],
            )
    for source, hits in sorted(open_by_source.items()):
        people = sum(hit.get("subject") == "person" for hit in hits)
        about = {"people": people} if people else {}
        verdict.add("POTENTIAL_MATCH_OPEN", source, "REFER", count=len(hits), **about)


_NAMED_CODES = {"sea_restriction": "SEA_RESTRICTION"}


def _to_ask(facts: Facts, verdict: Verdict) -> None:
    """RESTRICTED records: named with their code, or only whom to ask, as their owner says.

    Findings and amounts that are named are conditions of policies. Which record it is that an
    owner is to be asked about is not told; one question is enough.
    """
    asked: set[str] = set()
    for item in facts.restricted:
        contact = {name: item.get(name) for name in ("contact_office", "contact")}
        code = _NAMED_CODES.get(item["kind"])
        if item["counted"] == "named" and code is not None:
            verdict.add(code, item["agency"], "REFER", **contact)
            verdict.next("ask", agency=item["agency"], **contact)
        elif item["counted"] == "consult" or item["kind"] == "case_facts":
            if item["agency"] not in asked:
                verdict.add("CONSULT_OWNER", item["agency"], "REFER", **contact)
                verdict.next("ask", agency=item["agency"], **contact)
            asked.add(item["agency"])


def _contested(facts: Facts, verdict: Verdict) -> None:
    counted = [
        ("sanction_entry", one["entry_id"], one["imposing_agency"]) for one in facts.sanctions
    ]
    counted += [("flag", one["id"], one["agency"]) for one in facts.standing_flags]
    counted += [
        ("assessment", one["id"], one["owner_agency"])
        for one in (*facts.assessments, *facts.headquarters)
        if not one.get("consult")
    ]
    verified = ((facts.partner or {}).get("verification")) or {}
    if verified.get("id"):
        counted.append(("verification", str(verified["id"]), verified.get("by") or "registry"))
    for kind, statement, owner in counted:
        overdue = facts.contested.get(statement)
        if overdue is not None:
            about = {"statement": kind, "id": statement, "overdue": overdue}
            verdict.add("STATEMENT_CONTESTED", owner, "CLEAR", **about)


def _requirements(facts: Facts, verdict: Verdict) -> None:
    """What the caller's policies ask of the partner. One it never made is nobody's consent."""
    for kind in ALL.values():
        policy = facts.policies.get(kind.code)
        if policy is not None:
            if facts.partner is not None:
                kind.weigh(facts, policy, rules_of(policy), verdict)
        elif kind.needed:
            verdict.add("NO_POLICY", facts.agency, "REFER", requirement=kind.code)
