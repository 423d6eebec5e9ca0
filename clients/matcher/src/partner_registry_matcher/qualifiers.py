"""What else is known of two parties: it confirms or contradicts what the names say.

Effects are in units of the logit and stand in `qualifiers.json`, with what they rest on.
Countries are compared as given: both sides use the same codes (the service uses alpha-3).
"""

import json
import re
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from typing import Any, TypeAlias

from .tables import Kind
from .text import fold

Years: TypeAlias = tuple[int, int]
_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")
_SHORTEST = 5  # shorter identifiers are too often the same by chance
_NEAR = 1  # years between two statements of one birth


@dataclass(frozen=True)
class Subject:
    """Who is asked about. ``kind`` None: a person or an organisation. ``birth_date`` is ISO: a
    year, a month or a day; anything else is ignored."""

    kind: Kind | None
    names: list[str]
    countries: list[str] = field(default_factory=list)
    birth_date: str | None = None
    identifiers: list[str] = field(default_factory=list)
    gender: str | None = None


@dataclass(frozen=True)
class Party:
    """A listed party; its first name is its caption. Birth dates are ISO or (from, to) years."""

    owner: str
    kinds: tuple[Kind, ...]
    names: list[str]
    weak: frozenset[str] = frozenset()
    countries: list[str] = field(default_factory=list)
    birth_dates: list[str | Years] = field(default_factory=list)
    identifiers: list[str] = field(default_factory=list)
    gender: str | None = None


@lru_cache(maxsize=1)
def effects() -> dict[str, float]:
    """The effect of each finding, in units of the logit."""
    text = resources.files(__package__).joinpath("qualifiers.json").read_text("utf-8")
    return {name: float(effect) for name, effect in json.loads(text)["effects"].items()}


def bare(identifiers: list[str]) -> frozenset[str]:
    """Identifiers without case, spacing and punctuation; those too short to decide left out."""
    folded = (fold(identifier).replace(" ", "") for identifier in identifiers)
    return frozenset(text for text in folded if len(text) >= _SHORTEST)


def factor(name: str, detail: str) -> dict[str, Any]:
    """A finding as an explanation shows it."""
    return {"factor": name, "effect": effects()[name], "detail": detail}


def findings(subject: Subject, party: Party) -> list[dict[str, Any]]:
    """What confirms or contradicts, `{"factor", "effect", "detail"}` each."""
    found = [_birth(subject, party), _country(subject, party), _gender(subject, party)]
    return [one for one in found if one]


def _years(date: str | Years) -> Years | None:
    if isinstance(date, tuple):
        return date
    match = _DATE.fullmatch(date.strip())
    return (int(match[1]), int(match[1])) if match else None


def _birth(subject: Subject, party: Party) -> dict[str, Any] | None:
    own = _years(subject.birth_date) if subject.birth_date else None
    spans = [span for date in party.birth_dates if (span := _years(date))]
    if own is None or subject.birth_date is None or not spans:
        return None
    if len(subject.birth_date) == 10:
        if subject.birth_date in party.birth_dates:
            return factor("birth_date_equal", f"{subject.birth_date} is listed")
        if _turned(subject.birth_date) in party.birth_dates:
            return factor("birth_date_turned", "listed with day and month the other way round")
    if any(low <= own[0] <= high for low, high in spans):
        return factor("birth_year_equal", f"{own[0]} fits a listed date of birth")
    listed = ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in spans)
    if any(low - _NEAR <= own[0] <= high + _NEAR for low, high in spans):
        return factor("birth_year_near", f"{own[0]} is one year from a listed one: {listed}")
    return factor("birth_year_differs", f"{own[0]}, but listed is {listed}")


def _turned(date: str) -> str:
    return f"{date[:4]}-{date[8:]}-{date[5:7]}"


def _country(subject: Subject, party: Party) -> dict[str, Any] | None:
    own = {country.strip().upper() for country in subject.countries}
    listed = {country.strip().upper() for country in party.countries}
    if not own or not listed:
        return None
    if own & listed:
        return factor("country_shared", f"both: {', '.join(sorted(own & listed))}")
    return factor("country_differs", f"listed: {', '.join(sorted(listed))}")


def _gender(subject: Subject, party: Party) -> dict[str, Any] | None:
    own = (subject.gender or "").strip().lower()[:1]
    listed = (party.gender or "").strip().lower()[:1]
    if own not in ("f", "m") or listed not in ("f", "m"):
        return None
    if own == listed:
        return factor("gender_equal", f"both: {listed}")
    return factor("gender_differs", f"listed: {listed}")
