"""The one place that knows which matcher screens: it turns entries of the feed into an index, asks
the index for a subject, and compares two subjects by the same means.

Everything else here speaks of `Layer`, `Pairs`, `Hit`, `Subject` and the names below.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from app.core.names import fold
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
    ready,
    saved,
)

USES = ("names", "kind", "birth_date", "countries", "gender", "identifiers")
"""What of a subject moves a score. The rest is kept with the screening."""
SCORE = (
    "0 to 1: how probable it is that both are the same party, by the names and by what else is "
    "known of both. An identifier that both have brings it near 1, which no score reaches."
)
_COMPARED: dict[str, tuple[Kind, ...]] = {
    "person": ("person",),
    "organisation": ("organisation",),
    "unknown": ("person", "organisation"),
}
"""As what a listed party is compared. Ships and aeroplanes are nobody's name."""


class Described(Protocol):
    """A subject as callers describe it."""

    @property
    def kind(self) -> str: ...
    @property
    def names(self) -> list[str]: ...
    @property
    def countries(self) -> list[str]: ...
    @property
    def birth_date(self) -> str | None: ...
    @property
    def gender(self) -> str | None: ...
    @property
    def identifiers(self) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class Listed:
    """What an answer repeats of an entry."""

    entry_id: str
    source: str
    reference: str
    caption: str
    partner_id: str | None
    blocking: bool
    kind: str = "unknown"


@dataclass(slots=True)
class Layer:
    """Entries and their names, ready to be searched by several threads, one at a time."""

    matcher: Matcher
    listed: dict[str, Listed]
    entries: dict[str, Mapping[str, Any]]
    void: frozenset[str] = frozenset()
    """Entries that a saved index had and the list has not, or has otherwise."""
    _turn: threading.Lock = field(default_factory=threading.Lock)

    @property
    def statistics(self) -> Statistics:
        """The word statistics that its scores rest on."""
        return self.matcher.statistics

    def screen(self, subject: Subject, threshold: float) -> list[tuple[Hit, Listed]]:
        """Entries that may be the subject, best first."""
        with self._turn:
            found = self.matcher.screen(subject, threshold)
        return [(hit, self.listed[hit.owner]) for hit in found if hit.owner not in self.void]

    def save(self, path: Path, key: bytes) -> None:
        """Write the index, sealed with this key. Raises OSError."""
        with self._turn:
            saved.save(self.matcher, path, key)


def build_layer(
    entries: Iterable[Mapping[str, Any]], statistics: Statistics, *, keep: bool = False
) -> Layer:
    """Index these entries (feed objects); ``keep`` holds them for a later overlay, too.

    Takes seconds for a long list, and longer in a process that compiles first: not for the loop.
    """
    ready()
    parties, listed, kept = _read(entries)
    return Layer(Matcher(parties, statistics), listed, kept if keep else {})


def load_layer(
    entries: Iterable[Mapping[str, Any]], statistics: Statistics, path: Path, key: bytes
) -> tuple[Layer, Layer, frozenset[str]] | None:
    """A saved index for these entries, what is to be laid over it, and entries that the index
    hides. None where no file counts.
    """
    ready()
    parties, listed, kept = _read(entries)
    found = saved.load(path, parties, statistics, key)
    if found is None:
        return None
    others = [kept[party.owner] for party in found.others]
    over = build_layer(others, statistics, keep=True)
    return Layer(found.matcher, listed, {}, found.void), over, found.void


def _read(
    entries: Iterable[Mapping[str, Any]],
) -> tuple[list[Party], dict[str, Listed], dict[str, Mapping[str, Any]]]:
    kept: dict[str, Mapping[str, Any]] = {}
    listed: dict[str, Listed] = {}
    parties: list[Party] = []
    for entry in entries:
        entry_id = entry["entry_id"]
        kept[entry_id] = entry
        if entry["kind"] not in _COMPARED:
            continue
        parties.append(party_of(entry))
        listed[entry_id] = Listed(
            entry_id,
            entry["source"],
            entry["reference"],
            entry["names"][0]["name"],
            entry["partner_id"],
            entry["blocking"],
            entry["kind"],
        )
    return parties, listed, kept


def party_of(entry: Mapping[str, Any]) -> Party:
    """An entry of the feed as it is compared."""
    numbers = (entry.get("registry_number"), entry.get("partner_id"))
    return Party(
        owner=entry["entry_id"],
        kinds=_COMPARED.get(entry["kind"], ()),
        names=[name["name"] for name in entry["names"]],
        weak=frozenset(one["name"] for one in entry["names"] if one["type"] == "weak_alias"),
        countries=entry["countries"],
        birth_dates=[_date(item) for item in entry["birth_dates"]],
        identifiers=[*(item["value"] for item in entry["identifiers"]), *filter(None, numbers)],
        gender=entry.get("gender"),
    )


def _date(text: str) -> str | tuple[int, int]:
    first, slash, last = text.partition("/")
    return (int(first), int(last)) if slash else text


def subject_of(described: Described) -> Subject:
    """A subject as the index is asked for it."""
    kinds = _COMPARED[described.kind]
    return Subject(
        kinds[0] if len(kinds) == 1 else None,
        list(described.names),
        list(described.countries),
        described.birth_date,
        list(described.identifiers),
        None if described.kind == "organisation" else described.gender,
    )


class Pairs:
    """Compares two at a time, with the scores of a screening under the same statistics."""

    def __init__(self, statistics: Statistics = EMPTY) -> None:
        ready()
        self.statistics = statistics
        self._matcher = Matcher((), statistics)
        self._turn = threading.Lock()

    def compare(self, subject: Subject, party: Party) -> Hit:
        """How surely a subject is this party."""
        with self._turn:
            return self._matcher.compare(subject, party)

    def described(self, a: Described, b: Described) -> tuple[float, dict[str, Any]]:
        """The same of two subjects, ``b`` in the place of a listed party: score, explanation.

        0.0 where the two are of different kinds; the explanation then says so.
        """
        of_a_person = b.kind != "organisation"
        party = Party(
            "b",
            _COMPARED[b.kind],
            list(b.names),
            countries=list(b.countries),
            birth_dates=[b.birth_date] if b.birth_date else [],
            identifiers=list(b.identifiers),
            gender=b.gender if of_a_person else None,
        )
        hit = self.compare(subject_of(a), party)
        return hit.score, hit.explanation


def features(explanation: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """An explanation by the parts of the score: names, what moved it, what of the names did."""
    met = {
        "score": explanation.get("name_score", 0.0),
        "detail": explanation.get("method"),
        "candidate": explanation.get("name"),
    }
    moved = {
        one["factor"]: {"score": one["effect"], "detail": one["detail"]}
        for one in explanation.get("factors", ())
    }
    names = {
        name: {"score": effect, "detail": "of the names, in units of the logit"}
        for name, effect in explanation.get("contributions", {}).items()
    }
    return {"name_match": met} | names | moved


__all__ = [
    "ALGORITHM",
    "DEFAULT_THRESHOLD",
    "EMPTY",
    "SCORE",
    "USES",
    "Hit",
    "Layer",
    "Listed",
    "Pairs",
    "Party",
    "Statistics",
    "Subject",
    "build_layer",
    "features",
    "fold",
    "load_layer",
    "party_of",
    "ready",
    "subject_of",
]
