"""The one place that knows which matcher screens: it turns entries of the feed into an index, asks
the index for a subject, and compares two subjects by the same means.

Everything else here speaks of `Layer`, `Hit`, `Subject` and the names below.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from app.core.names import (
    ALGORITHM,
    DEFAULT_THRESHOLD,
    Hit,
    IndexedName,
    Kind,
    NameIndex,
    Party,
    Subject,
    fold,
)
from app.core.names import screen as _screen

STATISTICS_VERSION: str | None = None
"""Which word statistics the scores rest on; None: they depend on the two names alone."""
USES = ("names", "kind", "birth_date", "countries", "identifiers")
"""What of a subject moves a score. The rest is kept with the screening."""
SCORE = (
    "0 to 1: how alike the nearest names are, raised or lowered by what else is known of both. It "
    "ranks; it is no probability. An identifier that both have makes it 1."
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
    """Entries and their names, ready to be searched."""

    parties: dict[str, Party] = field(default_factory=dict)
    listed: dict[str, Listed] = field(default_factory=dict)
    entries: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    index: NameIndex = field(default_factory=lambda: NameIndex(()))

    def screen(self, subject: Subject, threshold: float) -> list[tuple[Hit, Listed]]:
        """Entries that may be the subject, best first."""
        found = _screen(self.index, self.parties, subject, threshold)
        return [(hit, self.listed[hit.owner]) for hit in found]


def build_layer(entries: Iterable[Mapping[str, Any]], *, keep: bool = False) -> Layer:
    """Index these entries (feed objects); ``keep`` holds them for a later overlay, too."""
    layer = Layer()
    names: list[IndexedName] = []
    for entry in entries:
        entry_id = entry["entry_id"]
        if keep:
            layer.entries[entry_id] = entry
        kinds = _COMPARED.get(entry["kind"], ())
        if not kinds:
            continue
        layer.parties[entry_id] = _party(entry)
        layer.listed[entry_id] = Listed(
            entry_id,
            entry["source"],
            entry["reference"],
            entry["names"][0]["name"],
            entry["partner_id"],
            entry["blocking"],
            entry["kind"],
        )
        names += [
            IndexedName(entry_id, item["name"], kind, weak=item["type"] == "weak_alias")
            for kind in kinds
            for item in entry["names"]
        ]
    layer.index = NameIndex(names)
    return layer


def _party(entry: Mapping[str, Any]) -> Party:
    return Party(
        owner=entry["entry_id"],
        kind="organisation" if entry["kind"] == "organisation" else "person",
        names=[name["name"] for name in entry["names"]],
        countries=entry["countries"],
        birth_dates=[_date(item) for item in entry["birth_dates"]],
        identifiers=[item["value"] for item in entry["identifiers"]],
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
    )


def compare(a: Described, b: Described) -> tuple[float, dict[str, Any]]:
    """How alike two subjects are, ``b`` in the place of a listed party: score and explanation.

    0.0 where nothing of the names meets; the explanation then says so.
    """
    kinds = _COMPARED[b.kind]
    index = NameIndex(IndexedName("b", name, kind) for kind in kinds for name in b.names)
    party = Party(
        "b",
        kinds[0],
        list(b.names),
        list(b.countries),
        [b.birth_date] if b.birth_date else [],
        list(b.identifiers),
    )
    found = _screen(index, {"b": party}, subject_of(a), 0.0)
    if not found:
        return 0.0, {"method": "none", "name_score": 0.0, "weak_alias": False, "factors": []}
    return found[0].score, found[0].explanation


def features(explanation: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """An explanation by the parts of the score: names first, then what moved it."""
    met = {
        "score": explanation.get("name_score", 0.0),
        "detail": explanation.get("method"),
        "candidate": explanation.get("name"),
    }
    moved = {
        one["factor"]: {"score": one["effect"], "detail": one["detail"]}
        for one in explanation.get("factors", ())
    }
    return {"name_match": met} | moved


__all__ = [
    "ALGORITHM",
    "DEFAULT_THRESHOLD",
    "SCORE",
    "STATISTICS_VERSION",
    "USES",
    "Hit",
    "Layer",
    "Listed",
    "Subject",
    "build_layer",
    "compare",
    "features",
    "fold",
    "subject_of",
]
