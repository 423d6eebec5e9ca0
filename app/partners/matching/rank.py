"""Scoring candidates: the names first, then what else agrees or differs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import Any, Literal
from uuid import UUID

from rapidfuzz import fuzz

from app.core.ids import registry_number
from app.core.names import Explanation, fold
from app.core.names.keys import Probe, acronym_keys, probes, text_key
from app.core.names.normalise import Name, analyse
from app.core.names.score import compare
from app.partners.matching.rules import RULES, domain_of
from app.partners.matching.schemas import Candidate, Factor, MatchExplanation, NameCompared

_MOST_NAMES = 6
"""Names of a search that are looked for; of a candidate twice as many are compared."""
_JUDGED = 18
"""Profiles that are compared word by word; the others were less alike at a glance."""
_BONES = 0.95
_VOWELS = str.maketrans("", "", "aeiouyw")
_SMALL = frozenset(
    ("of", "the", "and", "for", "in", "on", "de", "la", "le", "les", "des", "du", "et", "y")
)
"""Words that an acronym may leave out."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The organisation that is looked for. ``names`` are (which of its names, the name)."""

    names: Sequence[tuple[str, str]]
    acronym: str | None = None
    country: str | None = None
    year: int | None = None
    website: str | None = None

    def asked(self) -> tuple[list[Probe], list[int]]:
        """What to ask the database for: probes, and keys of near spellings."""
        all_of: dict[Probe, None] = {}
        near: set[int] = set()
        for kind, name in self.names[:_MOST_NAMES]:
            if kind == "acronym":
                continue  # as a word it sounds like too many others; its own keys follow
            found = probes(name, self.country)
            all_of |= dict.fromkeys(found.all_of)
            near.update(found.near)
        if self.acronym:
            for key in acronym_keys(self.acronym, self.country):
                all_of[Probe((key,), 1.5)] = None
        domain = domain_of(self.website)
        if domain:
            all_of[Probe((text_key("web", domain),), 4.0)] = None
        return list(all_of), sorted(near)


@dataclass(frozen=True, slots=True)
class Ranked:
    """Candidates best first: those the caller may know of, and whether there are others."""

    candidates: list[Candidate]
    hidden: bool
    versions: dict[UUID, int] = field(default_factory=dict)
    heads: dict[UUID, UUID] = field(default_factory=dict)
    """The headquarters of each; its own id where it has none."""


@dataclass(frozen=True, slots=True)
class _Compared:
    score: float
    kind: str
    wanted: str
    explanation: Explanation


def _names(row: Any) -> Iterator[tuple[str, str]]:
    yield "legal_name", row.found_name
    if row.legal_name_native:
        yield "legal_name_native", row.legal_name_native
    yield from (("alias", name) for name in row.aliases)
    yield from (("former_name", name) for name in row.former_names)


def _nearest(asked: Sequence[tuple[str, Name]], row: Any) -> _Compared | None:
    best: _Compared | None = None
    for kind, text in islice(_names(row), 2 * _MOST_NAMES):
        own = _analysed(text)
        for wanted, name in asked:
            if best is not None and best.score >= 1.0:
                return best
            value, explanation = compare(name, own)
            if best is None or value > best.score:
                best = _Compared(value, kind, wanted, explanation)
    return best


@lru_cache(4_096)
def _analysed(name: str) -> Name:
    return analyse(name, "organisation")


@lru_cache(16_384)
def _letters(name: str) -> tuple[str, str]:
    """The words of a name in alphabetical order, written as one; and its consonants."""
    text = "".join(sorted(fold(name).split()))
    return text, text.translate(_VOWELS)


@lru_cache(8_192)
def _bare(text: str | None) -> str:
    return fold(text or "").replace(" ", "")


def _acronyms(acronym: str | None, names: Iterable[tuple[str, str]]) -> set[str]:
    """The acronym, and names that are one word and may be one."""
    found = {_bare(acronym)} | {_bare(name) for _, name in names if " " not in name.strip()}
    return {item for item in found if 2 <= len(item) <= 10}


@lru_cache(8_192)
def _initials(name: str) -> frozenset[str]:
    words = fold(name).split()
    made = {
        "".join(word[0] for word in words),
        "".join(word[0] for word in words if word not in _SMALL),
    }
    return frozenset(item for item in made if len(item) > 2)


def _begin(names: Iterable[tuple[str, str]], acronyms: set[str]) -> bool:
    return bool(acronyms) and any(acronyms & _initials(name) for _, name in names)


def _acronym(wanted: Wanted, row: Any) -> Literal["given", "implied"] | None:
    """Whether both give the same acronym, or one's acronym is the other's initials."""
    given = _bare(wanted.acronym)
    if given and given == _bare(row.acronym):
        return "given"
    names = list(_names(row))
    mine, theirs = _acronyms(wanted.acronym, wanted.names), _acronyms(row.acronym, names)
    if mine & theirs or _begin(names, mine) or _begin(wanted.names, theirs):
        return "implied"
    return None


def _factors(wanted: Wanted, row: Any) -> list[Factor]:
    """What beside the names agrees or differs."""
    effects, found = RULES.effects, []
    if wanted.country is not None:
        same = wanted.country == row.country
        found.append(
            Factor(
                factor="country",
                agrees=same,
                effect=effects.country_agrees if same else effects.country_differs,
            )
        )
    acronym = _acronym(wanted, row)
    if acronym is not None:
        # The initials of a name that is alike say nothing the name has not said.
        effect = effects.acronym_agrees if acronym == "given" else 0.0
        found.append(Factor(factor="acronym", agrees=True, effect=effect))
    if wanted.year is not None and row.year_established is not None:
        apart = abs(wanted.year - row.year_established)
        if apart == 0:
            found.append(Factor(factor="year_established", agrees=True, effect=effects.year_agrees))
        elif apart > RULES.year_tolerance:
            found.append(
                Factor(factor="year_established", agrees=False, effect=effects.year_differs)
            )
    domain = domain_of(wanted.website)
    if domain is not None and domain == domain_of(row.website):
        found.append(Factor(factor="website", agrees=True, effect=effects.website_agrees))
    return found


def _order(item: Candidate) -> tuple[float, float, str]:
    # Scores end at 1: what agrees beside the name must not put a near one before the same one.
    name = item.explanation.name
    return -item.score, -(name.score if name else 0.0), str(item.partner_id)


def _counted(factors: Iterable[Factor]) -> list[str]:
    return [item.factor for item in factors if item.agrees and item.effect > 0]


def _judge(wanted: Wanted, asked: Sequence[tuple[str, Name]], row: Any) -> Candidate | None:
    """The candidate, or None where neither its names nor the other evidence are enough."""
    nearest, factors = _nearest(asked, row), _factors(wanted, row)
    agreeing: list[str] = [item.factor for item in factors if item.agrees]
    effect = sum(item.effect for item in factors)
    total, matched = 0.0, agreeing
    if nearest is not None and nearest.score >= RULES.floor:
        total, matched = nearest.score + effect, [nearest.kind, *_counted(factors)]
    for name, alone in (("acronym", RULES.alone.acronym), ("website", RULES.alone.website)):
        own = next((item.effect for item in factors if item.factor == name), 0.0)
        if name in agreeing and alone + effect - own > total:
            total, matched = alone + effect - own, agreeing
    total = round(min(1.0, max(0.0, total)), 4)
    if not matched or total < RULES.floor - abs(RULES.effects.country_differs):
        return None
    if nearest is None or nearest.score == 0:
        compared = None
    else:
        compared = NameCompared(
            wanted=nearest.wanted, of=nearest.kind, score=nearest.score, **nearest.explanation
        )
    return Candidate(
        partner_id=row.partner_id,
        registry_number=registry_number(row.number),
        legal_name=row.legal_name,
        country=row.country,
        score=total,
        matched_on=matched,
        explanation=MatchExplanation(name=compared, factors=factors, rules=RULES.version),
    )


def _likeness(asked: Sequence[tuple[str, str]], row: Any) -> float:
    """Roughly how alike the nearest names are: letters, or consonants where scripts differ."""
    best = 0.0
    for _, name in islice(_names(row), 2 * _MOST_NAMES):
        text, bones = _letters(name)
        for letters, consonants in asked:
            best = max(best, fuzz.ratio(text, letters), _BONES * fuzz.ratio(bones, consonants))
    return best


def _worth_judging(rows: Sequence[Any], wanted: Wanted, most: int) -> list[Any]:
    """The rows that are most alike at a glance, and those that share most keys.

    Of those the caller may not know of as many: neither kind may push the other out.
    """
    asked = [_letters(name) for _, name in wanted.names[:_MOST_NAMES]]
    kept: list[Any] = []
    for visible in (True, False):
        own = [row for row in rows if row.visible is visible]
        if len(own) > most:
            sharing = most // 3
            others = sorted(own[sharing:], key=lambda row: -_likeness(asked, row))
            own = own[:sharing] + others[: most - sharing]
        kept += own
    return kept


def rank(rows: Iterable[Any], wanted: Wanted, most: int = _JUDGED) -> Ranked:
    """Rows of `queries.CANDIDATES` scored, one candidate a partner, best first.

    A profile the caller may not know of is no candidate; one that may be the partner is told by
    ``hidden`` alone. At most ``most`` of either kind are compared word by word.
    """
    found: dict[UUID, Candidate] = {}
    versions: dict[UUID, int] = {}
    heads: dict[UUID, UUID] = {}
    hidden = False
    asked = [(kind, _analysed(name)) for kind, name in wanted.names[:_MOST_NAMES]]
    for row in _worth_judging(list(rows), wanted, most):
        candidate = _judge(wanted, asked, row)
        if candidate is None:
            continue
        if not row.visible:
            hidden = hidden or candidate.score >= RULES.duplicate
            continue
        known = found.get(row.partner_id)
        if known is None or candidate.score > known.score:
            found[row.partner_id] = candidate
            versions[row.partner_id] = row.version
            heads[row.partner_id] = row.hq_id or row.partner_id
    best = sorted(found.values(), key=_order)
    return Ranked(best, hidden, versions, heads)
