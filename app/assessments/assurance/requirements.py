"""What assurance a partner needs of an agency in a year, by the agency's policy. Pure.

Every answer says which rule gave it, from which source, and whether that is confirmed. What is not
known is null, never nought.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from app.assessments.assurance import inheritance
from app.assessments.assurance.coverage import scheduled_in_year
from app.assessments.assurance.facts import Facts, RatingFact
from app.assessments.assurance.policies import ROWS, RiskRow, Rules
from app.core.clock import add_months

HACT, SEA = "hact_micro", "psea"
"""Assessment types that say a risk."""


def as_of(year: int, today: date) -> date:
    """The day for which ratings are asked: today, or the nearest day of another year."""
    return min(max(today, date(year, 1, 1)), date(year, 12, 31))


def require(rules: Rules, facts: Facts) -> dict[str, Any]:
    """The requirements, as RequirementsOut needs them."""
    exempt = facts.partner_type in rules.exempt.partner_types
    ratings = inheritance.counted(rules, facts)
    valid = [rating for rating in ratings if _valid(rules, facts, rating)]
    micro = _micro(rules, facts, valid, exempt)
    risk = _risk(rules, facts, valid, micro["needed"] is True)
    missing = [
        name
        for name, amount in (("cash_usd", facts.cash), ("liquidations_usd", facts.liquidations))
        if amount is None
    ]
    return {
        "agency": facts.agency,
        "year": facts.year,
        "as_of": facts.as_of,
        "cycle_start": facts.cycle_start,
        "cash_usd": facts.cash,
        "cycle_cash_usd": facts.cycle_cash,
        "liquidations_usd": facts.liquidations,
        "missing": [] if exempt else missing,
        "exempt": exempt,
        "exempt_rule": rule(rules, "exempt") if exempt else None,
        "policy": policy(rules),
        "risk": risk,
        "headquarters": _headquarters(rules, facts, risk),
        "micro_assessment": micro,
        "programmatic_visits": _visits(rules, facts, risk["row"], exempt),
        "spot_checks": _spot_checks(rules, facts, risk["hact"], exempt),
        "audits": _audits(rules, facts, exempt),
    }


def policy(rules: Rules) -> dict[str, Any]:
    """Which policy holds."""
    found = rules.policy
    return {
        "agency": found.name,
        "title": found.title,
        "version": found.version,
        "effective_from": found.effective_from,
        "effective_to": found.effective_to,
        "dates_confirmed": found.dates_confirmed,
    }


def rule(rules: Rules, section: str) -> dict[str, Any]:
    """Where a rule is written."""
    origin = rules.origin(section)
    found = getattr(origin, section)
    return {
        "policy": origin.name,
        "version": origin.version,
        "section": section,
        "source": found.source,
        "confirmed": found.confirmed,
        "note": found.note,
    }


# --------------------------------------------------------------------------------- the risk


def _valid(rules: Rules, facts: Facts, rating: RatingFact) -> bool:
    """Whether a rating still counts; the cycle ends micro-assessments only."""
    validity = rules.validity
    if not rating.conducted_on <= facts.as_of <= rating.valid_until:
        return False
    if rating.source == "reported" and not rules.risk.accept_reported:
        return False
    if rating.type != HACT:
        return True
    if add_months(rating.conducted_on, validity.months) < facts.as_of:
        return False
    start = facts.cycle_start if validity.ends_with_cycle else None
    return start is None or rating.conducted_on >= start


def _newest(rules: Rules, valid: Sequence[RatingFact], kind: str) -> dict[str, Any] | None:
    """The newest rating of a type that says a risk; of one day, the higher."""
    found = [
        (rating.conducted_on, ROWS.index(row), str(rating.id), rating, row)
        for rating in valid
        if rating.type == kind
        and (row := rules.risk.row_of(rating.value, rating.level)) is not None
    ]
    if not found:
        return None
    *_, rating, row = max(found, key=lambda one: one[:3])
    return _named(rating) | {"row": row}


def _named(rating: RatingFact) -> dict[str, Any]:
    return {
        "assessment_id": rating.id,
        "type": rating.type,
        "agency": rating.agency,
        "conducted_on": rating.conducted_on,
        "valid_until": rating.valid_until,
        "scheme": rating.scheme,
        "value": rating.value,
        "level": rating.level,
        "rating_source": rating.source,
        "inherited_from": rating.inherited_from,
    }


def _headquarters(rules: Rules, facts: Facts, risk: dict[str, Any]) -> dict[str, Any] | None:
    if facts.headquarters is None:
        return None
    said = inheritance.told(rules, facts, (risk["hact"], risk["sea"]))
    return said | {"rule": rule(rules, "headquarters")}


def _risk(
    rules: Rules, facts: Facts, valid: Sequence[RatingFact], not_assessed: bool
) -> dict[str, Any]:
    """The row of the table: the highest of what is known of the two risks."""
    hact, sea = _newest(rules, valid, HACT), _newest(rules, valid, SEA)
    known: list[RiskRow] = [found["row"] for found in (hact, sea) if found is not None]
    row: RiskRow | None = max(known, key=ROWS.index) if known else None
    basis = "highest_known" if known else "unknown"
    data = rules.risk
    stated = data.not_assessed_above_threshold
    if stated is not None and hact is None and not_assessed:
        if row is None or ROWS.index(stated) > ROWS.index(row):
            row, basis = stated, "not_assessed_above_threshold"
    elif row is None and facts.cash is not None and facts.cash > data.unknown_above_usd:
        row, basis = data.unknown_row, "unknown_above_threshold"
    return {
        "row": row,
        "basis": basis,
        "assumed": basis in ("not_assessed_above_threshold", "unknown_above_threshold"),
        "hact": hact,
        "sea": sea,
        "unknown": [name for name, one in (("hact", hact), ("sea", sea)) if one is None],
        "rule": rule(rules, "risk"),
    }


# ------------------------------------------------------------------------- the requirements


def _of_cycle(facts: Facts) -> Decimal | None:
    """Cash of the cycle; without it, at least that of the year."""
    return facts.cash if facts.cycle_cash is None else facts.cycle_cash


def _micro(rules: Rules, facts: Facts, valid: Sequence[RatingFact], exempt: bool) -> dict[str, Any]:
    data = rules.micro
    amount = facts.cash if data.basis == "per_year" else _of_cycle(facts)
    assessed = [one for one in valid if one.type == HACT and one.value not in data.not_assessments]
    held = max(assessed, key=lambda one: (one.conducted_on, str(one.id)), default=None)
    above = None if amount is None else amount > data.threshold_usd
    needed: bool | None
    if exempt:
        needed, reason = False, "exempt_partner_type"
    elif held is not None:
        needed, reason = False, "valid_one_exists"
    elif above is None:
        needed, reason = None, "cash_not_given"
    else:
        needed, reason = above, "above_threshold" if above else "not_above_threshold"
    line = data.approaching_usd
    return {
        "needed": needed,
        "reason": reason,
        "approaching": bool(
            needed is False
            and reason == "not_above_threshold"
            and line is not None
            and amount is not None
            and amount > line
        ),
        "threshold_usd": data.threshold_usd,
        "approaching_usd": line,
        "basis": data.basis,
        "aggregate": data.aggregate,
        "valid": None if held is None else _named(held),
        "rule": rule(rules, "micro_assessment"),
    }


def _visits(rules: Rules, facts: Facts, row: RiskRow | None, exempt: bool) -> dict[str, Any]:
    data = rules.visits
    band = None if facts.cash is None else data.band(facts.cash)
    minimum: int | None = None
    if exempt:
        minimum = 0
    elif band is not None:
        # A band that asks the same of every risk needs none.
        asked = {getattr(band, name) for name in ROWS} if row is None else {getattr(band, row)}
        minimum = asked.pop() if len(asked) == 1 else None
    return {
        "minimum": minimum,
        "band": None if band is None else {"above": band.above, "up_to": band.up_to},
        "row": row,
        "bands": [one.model_dump() for one in data.bands],
        "rule": rule(rules, "programmatic_visits"),
    }


def _spot_checks(
    rules: Rules, facts: Facts, hact: dict[str, Any] | None, exempt: bool
) -> dict[str, Any]:
    data = rules.spot_checks
    follow_ups = sum(
        1
        for row in facts.rows
        if row.type == "spot_check" and row.basis == "follow_up" and scheduled_in_year(row)
    )
    audit = any(row.type == "audit" and scheduled_in_year(row) for row in facts.rows) or any(
        one.type == "audit" and one.owner == facts.agency_id and one.conducted_on.year == facts.year
        for one in facts.activities
    )
    minimum: int | None
    if exempt:
        minimum, reason = 0, "exempt_partner_type"
    elif hact is not None and hact["value"] in data.not_when_values:
        minimum, reason = 0, "low_risk_assumed"
    elif audit and data.not_with_scheduled_audit:
        minimum, reason = 0, "audit_scheduled"
    elif facts.liquidations is None:
        minimum, reason = None, "liquidations_not_given"
    elif facts.liquidations > data.liquidations_above_usd:
        minimum, reason = data.minimum, "above_threshold"
    else:
        minimum, reason = 0, "not_above_threshold"
    return {
        "minimum": minimum,
        "reason": reason,
        "follow_ups": follow_ups,
        "required": None if minimum is None else minimum + follow_ups,
        "liquidations_above_usd": data.liquidations_above_usd,
        "rule": rule(rules, "spot_checks"),
    }


def _audits(rules: Rules, facts: Facts, exempt: bool) -> dict[str, Any]:
    data = rules.audits
    amount = facts.cash if data.per == "year" else _of_cycle(facts)
    planned = sum(
        1 for row in facts.rows if row.type in ("audit", "special_audit") and scheduled_in_year(row)
    )
    earlier = sum(
        1
        for one in facts.activities
        if one.type in ("audit", "special_audit")
        and one.owner == facts.agency_id
        and one.conducted_on.year < facts.year
    )
    asked = planned if data.planned_are_required else 0
    minimum: int | None
    if exempt:
        minimum, reason = 0, "exempt_partner_type"
    elif amount is None:
        minimum, reason = None, "cash_not_given"
    elif amount <= data.threshold_usd:
        minimum, reason = asked, "planned" if asked else "not_above_threshold"
    elif data.per == "cycle" and earlier >= data.minimum:
        minimum, reason = asked, "planned" if asked else "audited_in_cycle"
    else:
        minimum, reason = max(data.minimum, asked), "above_threshold"
    return {
        "minimum": minimum,
        "reason": reason,
        "planned": planned,
        "in_cycle_before": earlier,
        "threshold_usd": data.threshold_usd,
        "per": data.per,
        "cycle_cash_unknown": data.per == "cycle" and facts.cycle_cash is None and not exempt,
        "rule": rule(rules, "audits"),
    }
