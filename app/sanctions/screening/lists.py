"""Which lists count for one screening, and which of them are too old to answer from. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.sanctions.lists.freshness import own_lists, required_stale
from app.sanctions.screening.errors import ListUnknown

AGENCIES = "agency"
"""Code of the measures that agencies imposed, among lists."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The lists that count. ``sources`` None: all of the stream of all."""

    sources: frozenset[str] | None
    own: list[dict[str, Any]]
    lists: list[dict[str, Any]]
    stale: list[str]

    @property
    def own_codes(self) -> frozenset[str]:
        """Codes of the agency's own lists."""
        return frozenset(one["code"] for one in self.own)

    def takes(self, source: str) -> bool:
        """Whether a hit on this list counts."""
        return self.sources is None or source in self.sources


@dataclass(frozen=True, slots=True)
class Lists:
    """Every list that counts for the caller now."""

    shared: list[dict[str, Any]]
    own: list[dict[str, Any]]
    stale: list[str]

    @classmethod
    def read(cls, sources: list[dict[str, Any]], own: list[dict[str, Any]], now: datetime) -> Lists:
        """Of the JSON that the statements give."""
        agencies = {"code": AGENCIES, "version": None, "checked_at": None, "stale": False}
        shared = [one | {"version": row["version"]} for one, row in _described(sources, now)]
        return cls([agencies, *shared], own_lists(own, now), required_stale(sources, now))

    def choose(self, codes: Sequence[str] | None) -> Chosen:
        """Those that are asked for; without ``codes`` all. Raises ListUnknown.

        A list that is asked for by its name must be fresh: what is too old, or was never
        imported, cannot say that somebody is not on it.
        """
        if codes is None:
            return Chosen(None, self.own, self._shown(), self.stale)
        wanted = frozenset(codes)
        if not wanted <= {one["code"] for one in self._shown()}:
            raise ListUnknown
        return self.pick(wanted, wanted, whole=False)

    def pick(self, codes: frozenset[str], named: frozenset[str], *, whole: bool) -> Chosen:
        """These lists; those that are ``named`` must be fresh, and with ``whole`` (the stream of
        all, or much of it) those that every answer needs.
        """
        shown = [one for one in self._shown() if one["code"] in codes]
        old = {one["code"] for one in shown if one["stale"] and one["code"] in named}
        held = {one["code"] for one in self.shared}
        needed = {one for one in self.stale if one in codes or one not in held}
        own = [one for one in self.own if one["code"] in codes]
        return Chosen(codes, own, shown, sorted(old | (needed if whole else set())))

    def _shown(self) -> list[dict[str, Any]]:
        return [one | {"audience": "all"} for one in self.shared] + [
            one | {"audience": "own"} for one in self.own
        ]


def _described(
    sources: list[dict[str, Any]], now: datetime
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Each with code, check and staleness, as own lists have them, and its row."""
    rows = [row | {"seq": row["version"] or 0} for row in sources]
    return list(zip(own_lists(rows, now), rows, strict=True))
