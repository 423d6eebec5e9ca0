"""What a decision is made of: facts of one snapshot in, reasons and outcome out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from app.recognition.rests_on import RestsOn
from app.recognition.rules import CODES, SEVERITY, Outcome


@dataclass(frozen=True, slots=True)
class Policy:
    """A version of an agency's policy for one requirement."""

    id: str
    version: int
    requirement: str
    rules: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Cash:
    """What the caller says went to the partner already, beside the amount it asks about."""

    own_year: Decimal | None = None
    own_cycle: Decimal | None = None
    all_year: Decimal | None = None
    all_cycle: Decimal | None = None


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
    merged: bool = False
    """What was asked for was merged into the partner that is answered for."""
    amount: Decimal | None = None
    months: int = 12
    """How much, in US dollars, over how many months."""
    cash: Cash = Cash()
    headquarters: Sequence[Mapping[str, Any]] = ()
    """Assessments of the partner's headquarters."""
    standing_flags: Sequence[Mapping[str, Any]] = ()
    """Those of them that are no observations: whose, and since when."""
    contested: Mapping[str, bool] = field(default_factory=dict)
    """Statements with an open objection; whether its answer is overdue."""
    restricted: Sequence[Mapping[str, Any]] = ()
    """What RESTRICTED records of agencies come to, each as its owner lets it be counted."""
    plans: Sequence[Mapping[str, Any]] = ()
    """Capacity-strengthening plans that were agreed with the partner."""
    eligible_types: Sequence[str] = ()
    """Types that need it and that the agency takes as partners."""
    sources: Mapping[str, int | None] = field(default_factory=dict)
    """Version of each required list."""


@dataclass(slots=True)
class Verdict:
    """Reasons with what each means alone; the worst is the outcome."""

    outcome: Outcome = "CLEAR"
    reasons: list[dict[str, Any]] = field(default_factory=list)
    recognition: list[dict[str, Any]] = field(default_factory=list)
    required_next: list[dict[str, Any]] = field(default_factory=list)
    rests_on: tuple[RestsOn, ...] = ()
    """Every fact that was read, whether or not it gave a reason."""

    def add(self, code: str, source: str, outcome: Outcome, **detail: Any) -> None:
        """One more reason; its code is one of reason_codes.yaml."""
        assert code in CODES, code
        self.reasons.append(
            {"code": code, "source": source, "detail": {**detail, "alone": outcome}}
        )
        if SEVERITY[outcome] > SEVERITY[self.outcome]:
            self.outcome = outcome

    def next(self, kind: str, requirement: str | None = None, **detail: Any) -> None:
        """One more thing to do before or after signing."""
        self.required_next.append({"kind": kind, "requirement": requirement, "detail": detail})


def codes_of(reasons: Sequence[Mapping[str, Any]]) -> list[str]:
    """Codes of the reasons in order, each once."""
    return list(dict.fromkeys(reason["code"] for reason in reasons))
