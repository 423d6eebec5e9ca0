"""The registry's own matcher, `clients/matcher`."""

import importlib
from collections.abc import Sequence
from typing import Any

from bench.screening.engines.base import Hit, Plain, Row


class Ours(Plain):
    """The matcher of the repository; ``without`` names a part of it that is switched off."""

    def __init__(self, without: str = "") -> None:
        # Not a dependency of the bench: the other engines are compared without it too.
        self._bench: Any = importlib.import_module("partner_registry_matcher.bench")
        self.name = f"ours-without:{without}" if without else "ours"
        self._matcher = self._bench.open(without)
        self.threshold = float(self._matcher.threshold)

    def score(self, a: str, b: str, kind: str) -> float:
        return float(self._matcher.score(a, b, kind))

    def build(self, entities: Sequence[Row]) -> None:
        self._matcher.build(entities)

    def query(
        self,
        name: str,
        kind: str,
        k: int,
        birth_date: str | None = None,
        countries: Sequence[str] = (),
    ) -> list[Hit]:
        hits: list[Hit] = self._matcher.query(name, kind, k, birth_date, countries)
        return hits
