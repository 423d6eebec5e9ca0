"""Requirements that an assessment meets: which one, of whom, how old, how good. Pure.

An own assessment comes before those of others, a newer before an older one. What an assessment
says is not outvoted: one that is bad, or about which its owner is to be asked, ends the search.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from app.core.clock import add_months
from app.core.schemas import Line, Money
from app.partners.types import PartnerType
from app.recognition.facts import Facts, Policy, Verdict
from app.recognition.requirements.base import Kind, Rule, held_to
from app.recognition.requirements.conditions import Conditions, day
from app.recognition.rules import GROUPS, RANK, SERIES, Data, Level, Outcome

Item = Mapping[str, Any]


class Editions(Data):
    """Editions of one tool, from one to another, both included; without an end also newer ones."""

    model_config = ConfigDict(populate_by_name=True)

    series: str
    from_: str | None = Field(None, alias="from")
    to: str | None = None

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.series not in SERIES:
            raise ValueError("is no series of methodologies")
        if any(one is not None and one not in SERIES[self.series] for one in (self.from_, self.to)):
            raise ValueError("from and to are editions of the series")
        if not self.codes:
            raise ValueError("to must not be older than from")
        return self

    @property
    def codes(self) -> tuple[str, ...]:
        """Methodologies that it stands for now."""
        editions = SERIES[self.series]
        first = editions.index(self.from_) if self.from_ else 0
        last = editions.index(self.to) if self.to else len(editions)
        return editions[first : last + 1]


ONE, SOME = "methodology:one", "methodology:some"
"""Which of the two shapes was meant: steps of an error's place that nobody wrote."""
Named = Annotated[
    Annotated[str, Tag(ONE)] | Annotated[Editions, Tag(SOME)],
    Discriminator(lambda value: ONE if isinstance(value, str) else SOME),
]


def _some(found: tuple[str | Editions, ...]) -> tuple[str | Editions, ...]:
    # Not by min_length, which counts what is left when others of them are wrong.
    if not found:
        raise PydanticCustomError("too_short", "at least one methodology is needed")
    return found


class AssessmentRule(Rule):
    """Which assessments are accepted, and how far. ``accept_from`` names agencies and groups; the
    own agency's need no mention. ``methodologies`` are codes, or editions of a series.

    ``max_risk`` is on the common scale, ``accept_values`` are a scheme's own; ``evidence``
    ``if_there`` asks nothing of who was never assessed.
    """

    evidence: Literal["needed", "if_there"] = "needed"
    accept_from: tuple[str, ...]
    methodologies: Annotated[tuple[Named, ...], AfterValidator(_some)] = Field(
        json_schema_extra={"minItems": 1}
    )
    max_age_months: int = Field(ge=1, le=240)
    must_be_unexpired: bool
    max_risk: Level | None = None
    accept_values: tuple[str, ...] | None = Field(None, min_length=1)
    accept_adjusted: bool = False
    accept_reported: bool
    country_scope: Literal["SAME_PROFILE", "SAME_COUNTRY", "HQ_INHERIT", "ANY"] = "SAME_PROFILE"
    partner_types: tuple[PartnerType, ...] | None = Field(None, min_length=1)
    amount_ceiling_usd: Money | None = None
    conditions: Conditions = Conditions()
    outcome: Literal["ACCEPT", "ACCEPT_WITH_APPROVAL", "ACCEPT_PARTIAL", "REJECT"] = "ACCEPT"
    approval: Line | None = Field(None, description="role that approves what is accepted with one")
    complete: tuple[Line, ...] = Field((), description="what is accepted in part still lacks")

    def takes(self, methodology: str) -> bool:
        """Whether it is one of those that are named, or an edition that is."""
        return any(
            methodology == one if isinstance(one, str) else methodology in one.codes
            for one in self.methodologies
        )


@dataclass(slots=True)
class _Search:
    """What was found on the way to an answer."""

    refused: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    taken: tuple[Item, int, AssessmentRule] | None = None
    bad: tuple[Item, int, AssessmentRule] | None = None
    ask: Item | None = None


class Assessed(Kind[AssessmentRule]):
    """A requirement that an assessment of one of the ``types`` meets."""

    rule = AssessmentRule
    types: ClassVar[tuple[str, ...]]
    none_code: ClassVar[str] = "REQUIREMENT_MISSING"
    old_code: ClassVar[str] = "REQUIREMENT_EXPIRED"
    bad_code: ClassVar[str] = "RISK_ABOVE_APPETITE"

    def weigh(
        self,
        facts: Facts,
        policy: Policy,
        rules: Sequence[AssessmentRule],
        verdict: Verdict,
    ) -> None:
        """See `Kind.weigh`."""
        fitting = [
            (number, rule)
            for number, rule in enumerate(rules, start=1)
            if rule.applies_when.holds(facts) and _of_type(rule, facts)
        ]
        if not fitting:
            verdict.recognition.append(self.line(policy, None, "NOT_REQUIRED", satisfied=True))
            return
        number, first = fitting[0]
        found = self._search(facts, fitting)
        if found.bad is not None:
            line = self._bad(facts, policy, verdict, found.bad)
        elif found.ask is not None:
            line = self._ask(policy, verdict, found.ask, number, first)
        elif found.taken is not None:
            line = self._taken(facts, policy, verdict, found.taken)
        elif first.evidence == "if_there":
            line = self.line(policy, number, "NOT_REQUIRED", satisfied=True, tier=first.tier)
        else:
            codes = found.refused or [(self.none_code, "registry", {})]
            line = self.line(policy, number, codes[0][0], tier=first.tier)
            line |= self.missing(facts, verdict, first, codes)
        self._conditions(facts, verdict, first, line)
        verdict.recognition.append(line)

    def _search(self, facts: Facts, fitting: Sequence[tuple[int, AssessmentRule]]) -> _Search:
        found = _Search()
        for item in self._ordered(facts):
            if item.get("consult"):
                found.ask = item
                return found
            chosen, why = _choose(item, fitting, facts)
            if chosen is None:
                found.refused.append((why, item["owner_agency"], {"assessment_id": item["id"]}))
                continue
            number, rule = chosen
            problem = self._judge(item, rule, facts)
            if problem is None:
                found.taken = (item, number, rule)
                return found
            if problem == self.bad_code:
                found.bad = (item, number, rule)
                return found
            found.refused.append((problem, item["owner_agency"], {"assessment_id": item["id"]}))
        return found

    def _ordered(self, facts: Facts) -> Iterable[Item]:
        found = [item for item in (*facts.assessments, *facts.headquarters) if self.fits(item)]
        newest_first = sorted(found, key=lambda item: str(item["conducted_on"]), reverse=True)
        return sorted(
            newest_first,
            key=lambda item: (bool(item.get("inherited")), item["owner_agency"] != facts.agency),
        )

    def fits(self, item: Item) -> bool:
        """Whether an assessment is one of those that may meet this requirement."""
        return item["type"] in self.types

    def _judge(self, item: Item, rule: AssessmentRule, facts: Facts) -> str | None:
        """Why an assessment that the rule is for does not satisfy it, or None."""
        rating = item["rating"]
        if rating["rating_source"] == "reported" and not rule.accept_reported:
            return "METHOD_NOT_ACCEPTED"
        level, value = _said(item, rule)
        if rule.max_risk is not None and level not in RANK:
            return "METHOD_NOT_ACCEPTED"
        if add_months(day(item["conducted_on"]), rule.max_age_months) < facts.today:
            return self.old_code
        until = item["valid_until"]
        if rule.must_be_unexpired and until and day(until) < facts.today:
            return self.old_code
        if rule.max_risk is not None and level is not None and RANK[level] > RANK[rule.max_risk]:
            return self.bad_code
        if rule.accept_values is not None and value not in rule.accept_values:
            return self.bad_code
        return None

    def _bad(
        self,
        facts: Facts,
        policy: Policy,
        verdict: Verdict,
        found: tuple[Item, int, AssessmentRule],
    ) -> dict[str, Any]:
        item, number, rule = found
        outcome = held_to(rule.adverse, facts.contested.get(item["id"]))
        about = {"assessment_id": item["id"], "value": item["rating"].get("value")}
        verdict.add(self.bad_code, item["owner_agency"], outcome, requirement=self.code, **about)
        verdict.next("gap", self.code, codes=[self.bad_code])
        return self.line(policy, number, self.bad_code, tier=rule.tier)

    def _ask(
        self, policy: Policy, verdict: Verdict, item: Item, number: int, rule: AssessmentRule
    ) -> dict[str, Any]:
        contact = {name: item.get(name) for name in ("contact_office", "contact")}
        verdict.add(
            "CONSULT_OWNER", item["owner_agency"], "REFER", requirement=self.code, **contact
        )
        verdict.next("ask", self.code, agency=item["owner_agency"], **contact)
        return self.line(policy, number, "CONSULT_OWNER", tier=rule.tier)

    def _taken(
        self,
        facts: Facts,
        policy: Policy,
        verdict: Verdict,
        found: tuple[Item, int, AssessmentRule],
    ) -> dict[str, Any]:
        item, number, rule = found
        owner, about = item["owner_agency"], {"assessment_id": item["id"]}
        if rule.outcome == "ACCEPT_WITH_APPROVAL":
            told = {"requirement": self.code, "role": rule.approval, **about}
            verdict.add("APPROVAL_NEEDED", owner, "CLEAR_WITH_CONDITIONS", **told)
            verdict.next("approval", self.code, role=rule.approval, of="acceptance")
        elif rule.outcome == "ACCEPT_PARTIAL":
            told = {"requirement": self.code, "complete": list(rule.complete), **about}
            verdict.add("PARTLY_ACCEPTED", owner, "CLEAR_WITH_CONDITIONS", **told)
            verdict.next("gap", self.code, complete=list(rule.complete))
        by = "own" if owner == facts.agency else "recognised"
        accepted: dict[str, Any] = {"satisfied": True, "by": by, "from_agency": owner}
        return self.line(policy, number, "ACCEPTED", tier=rule.tier, **accepted, **about)

    def _conditions(
        self, facts: Facts, verdict: Verdict, rule: AssessmentRule, line: dict[str, Any]
    ) -> None:
        for unmet in rule.conditions.unmet(facts):
            overdue = facts.contested.get(unmet.statement) if unmet.statement else None
            outcome: Outcome = held_to(rule.adverse, overdue)
            verdict.add(unmet.code, unmet.source, outcome, requirement=self.code, **unmet.detail)
            if line["satisfied"]:
                line |= {"satisfied": False, "reason": unmet.code}


def _of_type(rule: AssessmentRule, facts: Facts) -> bool:
    if rule.partner_types is None or facts.partner is None:
        return True
    return facts.partner["partner_type"] in rule.partner_types


def _choose(
    item: Item, fitting: Sequence[tuple[int, AssessmentRule]], facts: Facts
) -> tuple[tuple[int, AssessmentRule] | None, str]:
    """The first rule that is for this assessment; else what came nearest to being one."""
    why = "AGENCY_NOT_ACCEPTED"
    nearest = 0
    for number, rule in fitting:
        steps = (
            ("AGENCY_NOT_ACCEPTED", _of_agency(item, rule, facts)),
            ("METHOD_NOT_ACCEPTED", rule.takes(item["methodology"])),
            ("COUNTRY_OUT_OF_SCOPE", _of_country(item, rule, facts)),
            ("AMOUNT_ABOVE_CEILING", _of_amount(rule, facts)),
            ("METHOD_NOT_ACCEPTED", rule.outcome != "REJECT"),
        )
        failed = next((place for place, (_, holds) in enumerate(steps) if not holds), None)
        if failed is None:
            return (number, rule), ""
        if failed >= nearest:
            why, nearest = steps[failed][0], failed
        if steps[failed][0] == "METHOD_NOT_ACCEPTED" and failed == len(steps) - 1:
            return None, why
    return None, why


def _of_agency(item: Item, rule: AssessmentRule, facts: Facts) -> bool:
    owner = item["owner_agency"]
    return owner == facts.agency or any(GROUPS.holds(named, owner) for named in rule.accept_from)


def _of_country(item: Item, rule: AssessmentRule, facts: Facts) -> bool:
    inherited = bool(item.get("inherited"))
    if rule.country_scope == "SAME_COUNTRY":
        return bool(item.get("country") == facts.country)
    return not inherited or rule.country_scope in ("HQ_INHERIT", "ANY")


def _of_amount(rule: AssessmentRule, facts: Facts) -> bool:
    ceiling = rule.amount_ceiling_usd
    return ceiling is None or (facts.amount is not None and facts.amount <= ceiling)


def _said(item: Item, rule: AssessmentRule) -> tuple[str | None, str | None]:
    """Level and value that count. An adjusted rating that the policy does not go by counts all the
    same where it is the worse one.
    """
    rating, adjusted = item["rating"], item.get("adjusted") or {}
    if not adjusted.get("value"):
        return rating["level"], rating.get("value")
    said = rating["level"], rating.get("value")
    other = adjusted.get("level"), adjusted["value"]
    worse = RANK.get(other[0] or "", -1) > RANK.get(said[0] or "", -1)
    return other if rule.accept_adjusted or worse else said
