"""Screening against the local copy, without a network.

An answer from a copy is always provisional: it is what the list said when it was last
verified. A copy that cannot be trusted to be current never answers `no_hit`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from partner_registry_client.errors import Mismatch, NotConfigured, StoreDamaged
from partner_registry_client.state import State
from partner_registry_client.store import STATISTICS, Store
from partner_registry_matcher import (
    ALGORITHM,
    DEFAULT_THRESHOLD,
    EMPTY,
    Hit,
    Kind,
    Matcher,
    Party,
    Statistics,
    Subject,
    fold,
    load,
    ready,
)

_YEARS = re.compile(r"(\d{4})/(\d{4})")
_BIRTH_DATE = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")
_COUNTRY = re.compile(r"[A-Z]{3}")
# What a person needs to look an entry up; names and scores come from the match.
_SHOWN = (
    "entry_id",
    "source",
    "reference",
    "kind",
    "imposing_agency",
    "measure",
    "blocking",
    "status",
    "effective_from",
    "effective_to",
    "partner_id",
    "registry_number",
)


@dataclass(frozen=True)
class LocalList:
    """The stored lists, ready to be searched; load once, screen many."""

    states: list[State]
    matcher: Matcher
    entries: dict[str, dict[str, Any]]

    @classmethod
    def load(cls, *stores: Store) -> LocalList:
        """Read the copies of one or more streams; one that does not hold its signed set is refused.

        An agency's own stream is beside what all share: give both.
        """
        states, statistics = [], EMPTY
        entries: dict[str, dict[str, Any]] = {}
        for store in stores:
            with store.snapshot() as state:
                if state.held is not None:
                    try:
                        store.require_set(state.held.manifest)
                    except Mismatch as error:
                        raise StoreDamaged(
                            f"the local copy is damaged: {error}; pull again"
                        ) from error
                entries |= {entry["entry_id"]: entry for entry in map(json.loads, store.entries())}
                # They come with the stream of all; what single agencies list counts in none.
                statistics = statistics if statistics is not EMPTY else _statistics(store)
                states.append(state)
        ready()
        return cls(states, Matcher(map(party_of, entries.values()), statistics), entries)

    def stale_reason(self, now: float) -> str | None:
        """Why what is not found here may be listed all the same."""
        return next(filter(None, (state.stale_reason(now) for state in self.states)), None)

    def screen(
        self, subject: Subject, *, now: float, threshold: float = DEFAULT_THRESHOLD
    ) -> dict[str, Any]:
        """The provisional answer for one subject. Raises NotConfigured for an unusable one."""
        check_subject(subject)
        found = self.matcher.screen(subject, threshold)
        listed, *beside = [describe_list(state, now) for state in self.states]
        outcome = "potential_match" if found else "no_hit"
        if self.stale_reason(now) is not None:
            outcome = "unknown_stale"  # what was found is shown, but proves nothing either way
        return {
            "outcome": outcome,
            "provisional": True,
            "list": listed,
            "also": beside,
            "algorithm": ALGORITHM,
            "statistics_version": self.matcher.statistics.version,
            "threshold": threshold,
            "hits": [self._hit(hit) for hit in found],
        }

    def _hit(self, hit: Hit) -> dict[str, Any]:
        entry = self.entries[hit.owner]
        shown = {name: entry.get(name) for name in _SHOWN}
        return shown | {
            "caption": hit.caption,
            "score": hit.score,
            "explanation": hit.explanation,
        }


def screen_offline(
    store: Store, subject: Subject, *, now: float, threshold: float = DEFAULT_THRESHOLD
) -> dict[str, Any]:
    """Screen one subject against the store."""
    check_subject(subject)
    return LocalList.load(store).screen(subject, now=now, threshold=threshold)


def check_subject(subject: Subject) -> None:
    """Refuse what could only lower a score by mistake: a misread field must not hide a hit."""
    if not subject.names or not all(fold(name) for name in subject.names):
        raise NotConfigured("a name without letters or digits cannot be screened")
    if not all(_COUNTRY.fullmatch(country) for country in subject.countries):
        raise NotConfigured("a country is given by its three-letter code, such as KEN")
    if subject.birth_date is not None and not _BIRTH_DATE.fullmatch(subject.birth_date):
        raise NotConfigured("a date of birth is YYYY, YYYY-MM or YYYY-MM-DD")


def describe_list(state: State, now: float) -> dict[str, Any]:
    """Which list is held, how old it is, and whether it may still be relied on."""
    reason = state.stale_reason(now)
    about = {"stream": state.stream, "issuer": state.anchor.issuer}
    if state.held is None:
        return about | {"version": None, "age_s": None, "stale": True, "stale_reason": reason}
    manifest = state.held.manifest
    return about | {
        "version": manifest.version,
        "seq": manifest.seq_to,
        "count": manifest.count,
        "set_sha256": manifest.set_sha256,
        "issued_at": manifest.iat,
        "age_s": int(now - manifest.iat),
        "max_staleness_s": manifest.max_staleness_s,
        "next_transition_at": manifest.next_transition_at,
        "stale": reason is not None,
        "stale_reason": reason,
    }


def _names(entry: dict[str, Any]) -> list[dict[str, Any]]:
    """The usable names of an entry, primary ones first."""
    names = [
        name
        for name in entry.get("names") or []
        if isinstance(name, dict) and isinstance(name.get("name"), str)
    ]
    return sorted(names, key=lambda name: name.get("type") != "primary")


def _kinds(entry: dict[str, Any]) -> tuple[Kind, ...]:
    """An entry of a kind that this version does not know is searched as either."""
    match entry.get("kind"):
        case "person":
            return ("person",)
        case "organisation":
            return ("organisation",)
    return ("organisation", "person")


def _statistics(store: Store) -> Statistics:
    """Those that came with the list; a copy without any is weighed by general ones alone."""
    content = store.attachment(STATISTICS)
    if content is None:
        return EMPTY
    try:
        return load(content)
    except ValueError as error:
        raise StoreDamaged("the local copy's statistics are damaged; pull again") from error


def party_of(entry: dict[str, Any]) -> Party:
    """An entry as the matcher takes it."""
    identifiers = [
        item["value"]
        for item in entry.get("identifiers") or []
        if isinstance(item, dict) and isinstance(item.get("value"), str)
    ]
    gender = entry.get("gender")
    numbers = [entry.get("registry_number"), entry.get("partner_id")]
    return Party(
        owner=entry["entry_id"],
        kinds=_kinds(entry),
        names=[name["name"] for name in _names(entry)],
        weak=frozenset(n["name"] for n in _names(entry) if n.get("type") == "weak_alias"),
        countries=_texts(entry.get("countries")),
        birth_dates=[_birth_date(text) for text in _texts(entry.get("birth_dates"))],
        identifiers=identifiers + _texts(numbers),
        gender=gender if isinstance(gender, str) else None,
    )


def _birth_date(text: str) -> str | tuple[int, int]:
    years = _YEARS.fullmatch(text)
    return (int(years[1]), int(years[2])) if years else text


def _texts(values: object) -> list[str]:
    return [v for v in values if isinstance(v, str)] if isinstance(values, list) else []
