"""Reads decisions.yaml: facts by their names, policies, and what is to be answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from app.recognition.facts import Cash, Facts, Policy
from app.recognition.rules import DEFAULTS

TODAY = date(2026, 11, 22)
BOOK: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("decisions.yaml").read_text("utf-8"))
OUTCOMES = {
    "C": "CLEAR",
    "CC": "CLEAR_WITH_CONDITIONS",
    "R": "REFER",
    "B": "BLOCKED",
}
DEFAULT_POLICIES: dict[str, Policy] = {
    text.requirement: Policy(f"d-{text.requirement}", 1, text.requirement, text.rules)
    for text in DEFAULTS.of("WFP")
}
_LISTS = (
    *("sanctions", "potential_matches", "stale_sources", "suspended", "transfers"),
    *("standing_flags", "restricted", "plans", "eligible_types"),
)


@dataclass(frozen=True)
class Case:
    """One line of the book."""

    name: str
    facts: Facts
    outcome: str
    reasons: list[tuple[str, str]]


def build(
    given: list[str],
    *,
    without: list[str] | None = None,
    work: dict[str, Any] | None = None,
    policies: str | None = None,
) -> Facts:
    """The facts of a case: the base, and what is given beside it."""
    base = BOOK["base"]
    partner = dict(base["partner"])
    assessed = {"assessments": dict(base["assessments"]), "headquarters": {}}
    lists: dict[str, list[Any]] = {name: [] for name in _LISTS}
    contested: dict[str, bool] = {}
    flags = {"unknown": False, "ambiguous": False, "merged": False}
    for name in given:
        for key, value in BOOK["facts"][name].items():
            if key == "partner":
                partner |= value
            elif key in assessed:
                assessed[key] |= value
            elif key in lists:
                lists[key] += value
            elif key == "contested":
                contested |= value
            else:
                flags[key] = value
    for name in without or []:
        del assessed["assessments"][name]
    asked = base["work"] | (work or {})
    chosen: dict[str, Any] = DEFAULT_POLICIES | {
        code: rules and Policy(f"{policies}-{code}", 1, code, rules)
        for code, rules in (BOOK["policies"][policies] if policies else {}).items()
    }
    known = not flags["unknown"]
    more: dict[str, Any] = {name: lists[name] for name in _LISTS}
    return Facts(
        agency="WFP",
        today=TODAY,
        context=asked.get("context", "regular"),
        contact_with_beneficiaries=asked.get("contact"),
        partner=partner if known else None,
        ambiguous=flags["ambiguous"],
        merged=flags["merged"],
        assessments=_items(assessed["assessments"]) if known else [],
        headquarters=_items(assessed["headquarters"]) if known else [],
        policies={code: policy for code, policy in chosen.items() if policy},
        country=asked.get("country"),
        modality=asked.get("modality"),
        amount=_money(asked.get("amount")),
        months=asked.get("months", 12),
        cash=Cash(**{name: _money(value) for name, value in asked.get("cash", {}).items()}),
        contested=contested,
        **more,
    )


def _items(named: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"id": name, "version": 1, **item} for name, item in named.items()]


def _money(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)


def cases() -> list[Case]:
    """Every case of the book."""
    found = []
    for line in BOOK["cases"]:
        facts = build(
            line.get("given", []),
            without=line.get("without"),
            work=line.get("work"),
            policies=line.get("policies"),
        )
        reasons = [tuple(text.split()) for text in line["reasons"]]
        meant = [(code, OUTCOMES[alone]) for code, alone in reasons]
        found.append(Case(line["case"], facts, OUTCOMES[line["outcome"]], meant))
    return found
