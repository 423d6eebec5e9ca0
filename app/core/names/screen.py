"""Screening: one subject against listed parties; names first, then what confirms or contradicts.

Countries are compared as given: both sides use the same codes (the service uses alpha-3).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .index import NameIndex, NameMatch
from .normalise import Kind, fold

# At this score a person is asked to look. Below it lie mostly parties that share common words.
DEFAULT_THRESHOLD = 0.78

BIRTH_DATE_AGREES = 0.04
BIRTH_YEAR_AGREES = 0.02
BIRTH_YEAR_CONTRADICTS = -0.15
COUNTRY_AGREES = 0.02
COUNTRIES_DISJOINT = -0.04
_HIGHEST_RAISE = BIRTH_DATE_AGREES + COUNTRY_AGREES
_IDENTIFIER_LENGTH = 5  # shorter ones are too often the same by chance
_PER_NAME = 100

Years = tuple[int, int]
_DATE = re.compile(r"(\d{4})(?:-\d{2}(?:-\d{2})?)?")


def _bare(identifiers: list[str]) -> frozenset[str]:
    """Identifiers without case, spacing and punctuation."""
    bare = (fold(identifier).replace(" ", "") for identifier in identifiers)
    return frozenset(i for i in bare if len(i) >= _IDENTIFIER_LENGTH)


@dataclass(frozen=True)
class Subject:
    """Who is screened. `birth_date` is ISO: a year, a month or a day; anything else is ignored."""

    kind: Kind | None
    names: list[str]
    countries: list[str] = field(default_factory=list)
    birth_date: str | None = None
    identifiers: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Party:
    """A listed party; its first name is its caption. Birth dates are ISO or (from, to) years."""

    owner: str
    kind: Kind
    names: list[str]
    countries: list[str] = field(default_factory=list)
    birth_dates: list[str | Years] = field(default_factory=list)
    identifiers: list[str] = field(default_factory=list)
    bare_identifiers: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "bare_identifiers", _bare(self.identifiers))


@dataclass(frozen=True)
class Hit:
    """A listed party that may be the subject. The explanation is JSON-able and names each factor:

    `{"name": …, "method": …, "matched": …, "name_score": …, "weak_alias": …, "factors":
    [{"factor": "birth_year", "effect": -0.15, "detail": …}, …]}`.
    """

    owner: str
    caption: str
    score: float
    explanation: dict[str, Any]


def _factor(name: str, effect: float, detail: str) -> dict[str, Any]:
    return {"factor": name, "effect": effect, "detail": detail}


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
    if len(subject.birth_date) == 10 and subject.birth_date in party.birth_dates:
        return _factor("birth_date", BIRTH_DATE_AGREES, f"{subject.birth_date} is listed")
    if any(low <= own[0] <= high for low, high in spans):
        return _factor("birth_year", BIRTH_YEAR_AGREES, f"{own[0]} fits a listed date of birth")
    listed = ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in spans)
    if any(low - 1 <= own[0] <= high + 1 for low, high in spans):
        return _factor("birth_year", 0.0, f"{own[0]} is one year from a listed one: {listed}")
    return _factor("birth_year", BIRTH_YEAR_CONTRADICTS, f"{own[0]}, but listed is {listed}")


def _country(subject: Subject, party: Party) -> dict[str, Any] | None:
    own = {country.strip().upper() for country in subject.countries}
    listed = {country.strip().upper() for country in party.countries}
    if not own or not listed:
        return None
    if own & listed:
        return _factor("country", COUNTRY_AGREES, f"both: {', '.join(sorted(own & listed))}")
    return _factor("country", COUNTRIES_DISJOINT, f"listed: {', '.join(sorted(listed))}")


def _best_names(index: NameIndex, subject: Subject, floor: float) -> dict[str, NameMatch]:
    """The best match of any of the subject's names, for each owner."""
    best: dict[str, NameMatch] = {}
    for name in dict.fromkeys(subject.names):
        for match in index.search(name, subject.kind, floor, limit=_PER_NAME):
            known = best.get(match.owner)
            if known is None or match.score > known.score:
                best[match.owner] = match
    return best


def _judge(subject: Subject, party: Party, match: NameMatch | None, same: frozenset[str]) -> Hit:
    explanation: dict[str, Any] = (
        {**match.explanation, "name_score": match.score, "weak_alias": match.weak}
        if match
        else {"method": "identifier", "name_score": 0.0, "weak_alias": False}
    )
    factors = [f for f in (_birth(subject, party), _country(subject, party)) if f]
    if same:
        factors.insert(0, _factor("identifier", 1.0, f"equal: {', '.join(sorted(same))}"))
        value = 1.0
    else:
        value = explanation["name_score"] + sum(f["effect"] for f in factors)
    explanation["factors"] = factors
    caption = party.names[0] if party.names else party.owner
    return Hit(party.owner, caption, round(min(max(value, 0.0), 1.0), 4), explanation)


def screen(
    index: NameIndex,
    parties_by_owner: Mapping[str, Party],
    subject: Subject,
    threshold: float = DEFAULT_THRESHOLD,
) -> list[Hit]:
    """Parties that may be the subject, best first, each scoring at least `threshold`.

    An equal identifier makes the score 1.0 whatever the names. Otherwise the best name score of
    the party is raised a little by an agreeing date of birth or country and lowered by a
    contradictory one. Owners in the index that `parties_by_owner` does not hold are left out.
    """
    best = _best_names(index, subject, max(threshold - _HIGHEST_RAISE, 0.0))
    own = _bare(subject.identifiers)
    equal: dict[str, frozenset[str]] = {}
    if own:
        equal = {
            owner: party.bare_identifiers & own
            for owner, party in parties_by_owner.items()
            if not own.isdisjoint(party.bare_identifiers)
        }
    hits = [
        _judge(subject, parties_by_owner[owner], best.get(owner), equal.get(owner, frozenset()))
        for owner in {*best, *equal}
        if owner in parties_by_owner
    ]
    hits = [hit for hit in hits if hit.score >= threshold]
    return sorted(hits, key=lambda hit: (-hit.score, hit.owner))
