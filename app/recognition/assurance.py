"""Assurance in an answer: what is known of it, and what this amount and risk would need. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from app.assessments.assurance import requirements
from app.assessments.assurance.facts import Facts as AssuranceFacts
from app.assessments.assurance.facts import RatingFact
from app.assessments.assurance.policies import POLICIES, rules_for
from app.auth.caller import Caller
from app.recognition.facts import Facts, Verdict
from app.recognition.requirements.conditions import AUDITS, day
from app.recognition.schemas import ClearanceIn

_RATED = (requirements.HACT, requirements.SEA)


def told(facts: Facts) -> dict[str, Any]:
    """The newest audit opinion, and of each agency that lets it be known what is open."""
    audits = [one for one in facts.assessments if one["type"] in AUDITS and not one.get("consult")]
    newest = max(audits, key=lambda one: str(one["conducted_on"]), default=None)
    named = [one for one in facts.restricted if one["counted"] == "named"]
    return {
        "last_opinion": None
        if newest is None
        else {
            "opinion": newest["rating"]["value"],
            "year": day(newest["conducted_on"]).year,
            "agency": newest["owner_agency"],
        },
        "open_high_findings": [
            {"agency": one["agency"], "count": one["open_high"], "oldest": one["oldest_open_high"]}
            for one in named
            if one["kind"] == "findings"
        ],
        "pending_unsupported": [
            {"agency": one["agency"], "band": one["band"]}
            for one in named
            if one["kind"] == "unsupported_amounts"
        ],
    }


def minimums(caller: Caller, wanted: ClearanceIn, facts: Facts, verdict: Verdict) -> None:
    """Add what the agency's assurance policy asks for at this amount and risk, a year."""
    if wanted.amount_usd is None or facts.partner is None:
        return
    yearly = wanted.amount_usd * 12 / facts.months if facts.months > 12 else wanted.amount_usd
    rules = rules_for(POLICIES, caller.agency_code, facts.today.year)
    needed = requirements.require(
        rules,
        AssuranceFacts(
            agency=caller.agency_code,
            agency_id=caller.agency_id,
            partner_type=facts.partner["partner_type"],
            year=facts.today.year,
            as_of=facts.today,
            cash=yearly,
            ratings=[_rating(one) for one in facts.assessments if _counts(one)],
        ),
    )
    visits, checks, audits = (
        needed[name]["minimum"] for name in ("programmatic_visits", "spot_checks", "audits")
    )
    verdict.next(
        "assurance",
        policy=needed["policy"]["agency"],
        policy_version=needed["policy"]["version"],
        risk=needed["risk"]["row"],
        basis=needed["risk"]["basis"],
        programmatic_visits=visits,
        spot_checks=checks,
        audits=audits,
    )
    if needed["risk"]["row"] == "high":
        verdict.next("modality", advice=["reimbursement", "direct_payment"])


def _counts(item: Mapping[str, Any]) -> bool:
    return item["type"] in _RATED and not item.get("consult") and bool(item["valid_until"])


def _rating(item: Mapping[str, Any]) -> RatingFact:
    rating, adjusted = item["rating"], item.get("adjusted")
    return RatingFact(
        id=UUID(item["id"]),
        type=item["type"],
        agency=item["owner_agency"],
        conducted_on=day(item["conducted_on"]),
        valid_until=day(item["valid_until"]),
        scheme=rating["scheme"],
        value=adjusted["value"] if adjusted else rating["value"],
        level=adjusted["level"] if adjusted else rating["level"],
        source=rating["rating_source"],
    )
