"""What a profile still lacks, by the rules of ``completeness.yaml``. Pure: it asks nobody.

Each section is judged as of the day it was saved: a profile that was complete does not stop being
so overnight. What has lapsed since is told apart, by `lapsed`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.core import codelists, datafiles
from app.partners.sections.kinds import ALL
from app.partners.types import PartnerType

Body = Mapping[str, Any]
DECLARATION = "declaration"
"""Stands beside the sections: whether a declaration that says yes to everything is signed."""


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rule(_Data):
    """One thing that is asked; see the head of completeness.yaml."""

    field: str
    groups: tuple[str, ...] = Field((), alias="for")
    profile: Literal["hq", "country"] | None = None
    when: dict[str, bool] = {}
    least: int = 0
    check: Literal["papers", "address", "budgets", "controls", "policies", "confirmed"] | None = (
        None
    )


class Rules(_Data):
    """An edition of the rules."""

    version: str
    effective_from: date
    source: str
    confirmed: bool
    groups: dict[str, tuple[PartnerType, ...]]
    civil_society: tuple[PartnerType, ...]
    headquarters: tuple[PartnerType, ...]
    declaration: tuple[str, ...]
    budget_years: dict[str, int]
    budget_age: int
    sections: dict[str, tuple[Rule, ...]]

    def group(self, partner_type: str) -> str:
        """The group that a partner type is in."""
        return next(name for name, types in self.groups.items() if partner_type in types)


RULES = Rules.model_validate(datafiles.read("app.partners.sections", "completeness.yaml"))


@dataclass(frozen=True, slots=True)
class Profile:
    """What of a profile decides what it is asked."""

    partner_type: str
    hq: bool
    """Whether it is the headquarters of an organisation in several countries."""

    @classmethod
    def of(cls, partner_type: str, hq_id: object) -> Profile:
        """The profile of this type, with or without a headquarters above it."""
        return cls(partner_type, hq_id is None and partner_type in RULES.headquarters)

    @property
    def group(self) -> str:
        """Its group in the rules."""
        return RULES.group(self.partner_type)

    @property
    def declares(self) -> bool:
        """Whether the declaration is asked of it."""
        return self.group in RULES.declaration

    def statements(self) -> frozenset[str]:
        """Codes of the statements that it declares, of the form in force."""
        civil = self.partner_type in RULES.civil_society
        return frozenset(
            item.code
            for item in codelists.current("declaration_statements").items
            if civil or item.facts.get("applies_to") == "all"
        )


def _papers(body: Body, profile: Profile, on: date) -> bool:
    if body.get("missing_reason"):
        return True
    if body.get("registered_to_operate") is not True:
        return False
    expiries = [item.get("expires_on") for item in body.get("certificates") or ()]
    return any(day is None or date.fromisoformat(day) >= on for day in expiries)


def _address(body: Body, profile: Profile, on: date) -> bool:
    place = {"STREET": "street", "PO_BOX": "po_box"}.get(body.get("mailing_type") or "")
    return place is not None and bool(body.get(place))


def _budgets(body: Body, profile: Profile, on: date) -> bool:
    years = [item["year"] for item in body.get("budgets") or ()]
    needed = RULES.budget_years[profile.group]
    return len(years) >= needed and max(years) >= on.year - RULES.budget_age


def _all_of(code_list: str, field: str, key: str) -> Callable[[Body, Profile, date], bool]:
    def check(body: Body, profile: Profile, on: date) -> bool:
        wanted = {item.code for item in codelists.current(code_list).items if not item.deprecated}
        return wanted <= {item[key] for item in body.get(field) or ()}

    return check


_CHECKS: dict[str, Callable[[Body, Profile, date], bool]] = {
    "papers": _papers,
    "address": _address,
    "budgets": _budgets,
    "controls": _all_of("control_functions", "controls", "function"),
    "policies": _all_of("policy_areas", "policies", "area"),
    "confirmed": lambda body, profile, on: body.get("data_confirmed") is True,
}


def _met(rule: Rule, body: Body, profile: Profile, on: date) -> bool:
    if rule.groups and profile.group not in rule.groups:
        return True
    if rule.profile is not None and (rule.profile == "hq") != profile.hq:
        return True
    if any(body.get(field) is not value for field, value in rule.when.items()):
        return True
    if rule.check is not None:
        return _CHECKS[rule.check](body, profile, on)
    value = body.get(rule.field)
    return value is not None and (not rule.least or len(value) >= rule.least)


def missing(section: str, body: Body, profile: Profile, on: date) -> list[str]:
    """JSON pointers of what the section lacks; empty: it is complete."""
    return [
        f"/{rule.field}" for rule in RULES.sections[section] if not _met(rule, body, profile, on)
    ]


def all_missing(
    saved: Mapping[str, tuple[Body, date]], profile: Profile, declared: bool, today: date
) -> dict[str, list[str]]:
    """What each section lacks, and the declaration where it is asked.

    ``saved`` has the body of each section and the day of its last change.
    """
    found = {}
    for section in ALL:
        body, on = saved.get(section, ({}, today))
        found[section] = missing(section, body, profile, on)
    if profile.declares:
        found[DECLARATION] = [] if declared else [f"/{DECLARATION}"]
    return found


def lapsed(registration: Body, today: date) -> list[str]:
    """JSON pointers of certificates that have expired by now."""
    return [
        f"/certificates/{place}"
        for place, item in enumerate(registration.get("certificates") or ())
        if item.get("expires_on") and date.fromisoformat(item["expires_on"]) < today
    ]
