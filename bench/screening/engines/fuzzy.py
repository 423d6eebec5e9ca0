"""Plain rapidfuzz: a scan over all names of the kind, romanised."""

from collections import defaultdict
from collections.abc import Callable, Sequence

from rapidfuzz import fuzz, process

from bench.screening.engines.base import Hit, Plain, Row, once
from bench.screening.text import folded, tokens


class Fuzzy(Plain):
    """One of rapidfuzz's scorers over one way to fold names."""

    def __init__(
        self, name: str, scorer: Callable[..., float], fold: Callable[[str], str], threshold: float
    ) -> None:
        self.name = name
        self.threshold = threshold
        self._scorer, self._fold = scorer, fold
        self._names: defaultdict[str, list[str]] = defaultdict(list)
        self._ids: defaultdict[str, list[str]] = defaultdict(list)

    def score(self, a: str, b: str, kind: str) -> float:
        return self._scorer(self._fold(a), self._fold(b)) / 100

    def build(self, entities: Sequence[Row]) -> None:
        self._names.clear()
        self._ids.clear()
        for row in entities:
            self._names[row["kind"]].append(self._fold(row["name"]))
            self._ids[row["kind"]].append(row["id"])

    def query(
        self,
        name: str,
        kind: str,
        k: int,
        birth_date: str | None = None,
        countries: Sequence[str] = (),
    ) -> list[Hit]:
        ids = self._ids[kind]
        found = process.extract(
            self._fold(name), self._names[kind], scorer=self._scorer, limit=4 * k
        )
        return once(((ids[index], score / 100) for _, score, index in found), k)


WRATIO = Fuzzy("wratio", fuzz.WRatio, folded, 0.9)
TOKEN_SORT = Fuzzy("token_sort", fuzz.ratio, tokens, 0.85)
"""The library has no default threshold: these are the customary ones."""
