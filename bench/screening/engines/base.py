"""What the bench asks of an engine."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

Row = dict[str, Any]
Hit = tuple[str, float]


class Engine(Protocol):
    """A matcher of names. Scores lie in 0..1; `threshold` is its own default for an alert."""

    name: str
    threshold: float

    def score(self, a: str, b: str, kind: str) -> float:
        """How alike two names of persons, or of organisations, are."""
        ...

    def build(self, entities: Sequence[Row]) -> None:
        """Take in a list: rows of one id are the names of one party."""
        ...

    def query(
        self,
        name: str,
        kind: str,
        k: int,
        birth_date: str | None = None,
        countries: Sequence[str] = (),
    ) -> list[Hit]:
        """The best k parties of the list and their scores, best first, each party once."""
        ...

    def memory(self) -> float | None:
        """MiB used outside of this process, or None."""
        ...

    def close(self) -> None:
        """End what was started."""
        ...


class Plain:
    """What engines without a server or a process of their own have in common."""

    def memory(self) -> float | None:
        """Everything is in this process."""
        return None

    def close(self) -> None:
        """There is nothing to end."""


def once(hits: Iterable[Hit], k: int) -> list[Hit]:
    """The best k parties, each with the best of its names."""
    best: defaultdict[str, float] = defaultdict(float)
    for party, score in hits:
        best[party] = max(best[party], score)
    return sorted(best.items(), key=lambda hit: (-hit[1], hit[0]))[:k]
