"""What a policy asks beside the assessment itself: findings, opinions, plans, amounts. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any, NamedTuple

from pydantic import Field

from app.core.clock import add_months
from app.recognition.facts import Facts
from app.recognition.rules import Data

AUDITS = ("audit", "special_audit")
MODIFIED = ("QUALIFIED", "ADVERSE", "DISCLAIMER")


class Unmet(NamedTuple):
    """A condition that does not hold: code, whose statement, its id if it has one, and what of it
    may be told.
    """

    code: str
    source: str
    statement: str | None
    detail: dict[str, Any]


class Conditions(Data):
    """Each is asked only where it is given."""

    open_high_findings_months: int | None = Field(None, ge=0, le=120)
    modified_opinion_months: int | None = Field(None, ge=1, le=240)
    csip_on_track: bool = False
    unsupported_amounts: bool = Field(False, description="none may be pending")

    def unmet(self, facts: Facts) -> Iterator[Unmet]:
        """Those that do not hold, of every agency that lets it be known."""
        if self.open_high_findings_months is not None:
            yield from _findings(facts, self.open_high_findings_months)
        if self.modified_opinion_months is not None:
            yield from _opinions(facts, self.modified_opinion_months)
        if self.csip_on_track:
            yield from _plans(facts)
        if self.unsupported_amounts:
            yield from _amounts(facts)


def day(value: Any) -> date:
    """A day of a fact, which may come as text."""
    return value if isinstance(value, date) else date.fromisoformat(str(value)[:10])


def _findings(facts: Facts, months: int) -> Iterator[Unmet]:
    for item in facts.restricted:
        oldest = item.get("oldest_open_high")
        if item["kind"] != "findings" or item["counted"] != "named" or not oldest:
            continue
        if add_months(day(oldest), months) <= facts.today:
            told = {"open_high": item["open_high"], "oldest": str(oldest)}
            yield Unmet("OPEN_HIGH_FINDINGS", item["agency"], None, told)


def _opinions(facts: Facts, months: int) -> Iterator[Unmet]:
    for item in facts.assessments:
        if item["type"] not in AUDITS or item.get("consult"):
            continue
        if item["rating"]["value"] not in MODIFIED:
            continue
        if add_months(day(item["conducted_on"]), months) >= facts.today:
            told = {"opinion": item["rating"]["value"], "assessment_id": item["id"]}
            yield Unmet("MODIFIED_OPINION", item["owner_agency"], item["id"], told)


def _plans(facts: Facts) -> Iterator[Unmet]:
    for plan in facts.plans:
        ends = plan.get("window_ends_on")
        if plan["kind"] != "PSEA_CSIP" or not ends or day(ends) >= facts.today:
            continue
        if plan["status"] not in ("agreed", "not_completed") or _assessed_since(facts, plan):
            continue
        told = {"plan_id": plan["id"], "window_ends_on": str(ends)}
        yield Unmet("CSIP_OVERDUE", plan["agency"], None, told)


def _assessed_since(facts: Facts, plan: Any) -> bool:
    """What was found after its window is newer than the plan."""
    return any(
        item["type"] == "psea"
        and item["owner_agency"] == plan["agency"]
        and not item.get("consult")
        and day(item["conducted_on"]) >= day(plan["window_ends_on"])
        for item in facts.assessments
    )


def _amounts(facts: Facts) -> Iterator[Unmet]:
    for item in facts.restricted:
        band = item.get("band")
        if item["kind"] == "unsupported_amounts" and item["counted"] == "named" and band:
            yield Unmet("UNSUPPORTED_AMOUNT", item["agency"], None, {"band": band})
