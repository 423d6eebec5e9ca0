"""Names of one kind, ready to be searched: nearest names first, each with its score."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .features import COUNT, describe
from .letters import LONGEST, all_keys
from .model import Model, model, total
from .search import CANDIDATES, SPREAD, Names, Scratch, Words, joined, search
from .statistics import Statistics
from .store import WordStore
from .tables import LEGAL, Kind, table
from .words import ACRONYMS, MAX_WORDS, Name, analyse, parts_of

_FORGET = 50_000  # words of subjects that are remembered
_REMEMBERED = 8192  # words whose neighbours are remembered
_ACRONYM = 12
_NOTHING = np.empty(0, np.float64)


class Row(NamedTuple):
    """A name as arrays: rows of its words, bits of its legal forms, letters of its acronyms."""

    words: NDArray[np.int32]
    size: int
    forms: int
    acronyms: NDArray[np.uint8]


class Found(NamedTuple):
    """A name of the index; ``raw``: the trees' sum."""

    name: int
    raw: float


@lru_cache(maxsize=1)
def _form_order() -> dict[str, int]:
    entries = table("organisation").entries.values()
    classes = sorted({entry.canonical for entry in entries if entry.klass == LEGAL})
    return {canonical: at % 62 for at, canonical in enumerate(classes)}


def form_bits(forms: Iterable[str]) -> int:
    """Legal forms as bits, one for each class."""
    found = 0
    for form in forms:
        found |= 1 << _form_order()[form]
    return found


def acronym_letters(acronyms: Sequence[str]) -> NDArray[np.uint8]:
    """A row for each acronym of a name, filled up with zeros."""
    found = np.zeros((ACRONYMS, _ACRONYM), np.uint8)
    for row, acronym in enumerate(acronyms):
        letters = acronym.encode("ascii", "ignore")[:_ACRONYM]
        found[row, : len(letters)] = np.frombuffer(letters, np.uint8)
    return found


def acronym_key(acronym: str) -> int:
    """The key of an acronym, FNV-1a."""
    found = 2166136261
    for char in acronym:
        found = (found ^ ord(char)) * 16777619 & 0xFFFFFFFF
    return found


class NameIndex:
    """Built once from (owner, name) pairs; ``owner`` is a number of the caller's.

    Searching writes to scratch arrays of the index: one thread at a time.
    """

    def __init__(
        self, kind: Kind, names: Iterable[tuple[int, str]], statistics: Statistics
    ) -> None:
        self.kind = kind
        self.statistics = statistics
        self.store = WordStore(kind)
        self.model: Model = model(kind)
        self.texts: list[str] = []
        """Each name as it was given; with several names in one text, once for each."""
        self.owners: NDArray[np.int32]
        self._read(names)
        self._work()

    @classmethod
    def restored(
        cls,
        statistics: Statistics,
        store: WordStore,
        texts: list[str],
        arrays: Sequence[NDArray[Any]],
    ) -> "NameIndex":
        """An index of what `kept` gave of another one, under the same statistics."""
        index = cls.__new__(cls)
        index.kind, index.statistics, index.store = store.kind, statistics, store
        index.model, index.texts = model(store.kind), texts
        index.owners, index._weights, *rest = arrays
        index.names = Names(*rest[: len(Names._fields)])
        index.index = Words(*rest[len(Names._fields) :])
        index._place = np.full(len(index._weights), -1, np.int32)
        index._work()
        return index

    @property
    def kept(self) -> list[NDArray[Any]]:
        """All that was reckoned out of the names, beside the words themselves and the texts.
        What was asked for meanwhile is not among it.
        """
        weights = self._weights.copy()
        weights[self.store.fixed :] = 0
        return [self.owners, weights, *self.names, *self.index]

    def __len__(self) -> int:
        return len(self.owners)

    def _read(self, names: Iterable[tuple[int, str]]) -> None:
        owners: list[int] = []
        made: list[Name] = []
        for owner, text in names:
            for part in parts_of(text):
                name = analyse(part, self.kind)
                if name.words:
                    owners.append(owner)
                    made.append(name)
                    self.texts.append(text)
        self.owners = np.asarray(owners, np.int32)
        rows = np.asarray([r for name in made for r in self.store.rows_of(name.words)], np.int32)
        ends = np.zeros(len(made) + 1, np.int32)
        np.cumsum([len(name.words) for name in made], out=ends[1:])
        self.store.fix()
        count = len(self.store)
        self._weights = np.zeros(len(self.store.arrays.klass), np.float64)
        self._place = np.full(len(self.store.arrays.klass), -1, np.int32)
        self._weigh(0, count)
        heft = np.zeros(len(made), np.float32)
        if made:
            heft[:] = np.add.reduceat(self._weights[rows], ends[:-1])
        acronyms = np.zeros((len(made), ACRONYMS, _ACRONYM), np.uint8)
        forms = np.zeros(len(made), np.int64)
        for at, name in enumerate(made):
            if self.kind == "organisation":
                acronyms[at] = acronym_letters(name.acronyms)
                forms[at] = form_bits(name.forms)
        self.names = Names(rows, ends, forms, acronyms, heft)
        self.index = self._words(rows, ends, made)

    def _words(self, rows: NDArray[np.int32], ends: NDArray[np.int32], made: list[Name]) -> Words:
        count = len(self.store)
        keys, words = all_keys(self.store.arrays, 0, count)
        name_of = np.repeat(np.arange(len(made), dtype=np.int32), np.diff(ends))
        starts = np.zeros(count + 1, np.int64)
        np.cumsum(np.bincount(rows, minlength=count), out=starts[1:])
        joined_keys, joined_names = joined(self.store.arrays, rows, ends)
        known = sorted(
            {(acronym_key(a), at) for at, n in enumerate(made) for a in n.acronyms if len(a) > 1}
        )
        return Words(
            keys,
            words,
            starts,
            name_of[np.argsort(rows, kind="stable")],
            joined_keys,
            joined_names,
            np.asarray([key for key, _ in known], np.uint32),
            np.asarray([at for _, at in known], np.int32),
        )

    def _weigh(self, first: int, last: int) -> None:
        for row in range(first, last):
            self._weights[row] = self.statistics.weight(self.store.words[row], self.kind)

    def _work(self) -> None:
        count = len(self.owners)
        self._scratch = Scratch(
            np.zeros(count, np.float32),
            np.zeros(count, np.int64),
            np.zeros(count + 1, np.int32),
            np.zeros(CANDIDATES, np.int32),
            np.zeros(CANDIDATES, np.float64),
            np.zeros(CANDIDATES, np.float64),
            np.zeros((_REMEMBERED, SPREAD), np.int32),
            np.zeros((_REMEMBERED, SPREAD), np.float32),
            np.zeros(_REMEMBERED, np.int32),
            np.array([1, 0], np.int64),
            np.zeros(self.store.fixed, np.float32),
        )

    def describe(self, subject: Row, listed: Row) -> NDArray[np.float64]:
        """The features of two names, whether or not the index holds them."""
        found = np.empty(COUNT, np.float64)
        describe(
            self.store.arrays, self._weights, subject.words, subject.size, subject.forms,
            subject.acronyms, listed.words, listed.size, listed.forms, listed.acronyms, found,
            np.empty((3, LONGEST), np.int32),
        )  # fmt: skip
        return found

    def total(self, features: NDArray[np.float64]) -> float:
        """The trees' sum for these features."""
        return float(total(self.model.trees, features, _NOTHING))

    def weight(self, row: int) -> float:
        """What a word says, in nats."""
        return float(self._weights[row])

    def forget(self) -> None:
        """Drop the words of former subjects when they are many; rows of them are void then."""
        if len(self.store) > self.store.fixed + _FORGET:
            self.store.forget()
            self._place[self.store.fixed :] = -1

    def row(self, name: Name) -> Row:
        """A name as arrays; its words become known to this index."""
        before = len(self.store)
        rows = self.store.rows_of(name.words)
        if len(self.store) > before:
            room = len(self.store.arrays.klass)
            if len(self._weights) < room:
                self._weights = np.resize(self._weights, room)
                known = len(self._place)
                self._place = np.resize(self._place, room)
                self._place[known:] = -1
            self._weigh(before, len(self.store))
        words = np.zeros(MAX_WORDS, np.int32)
        words[: len(rows)] = rows
        return Row(words, len(rows), form_bits(name.forms), acronym_letters(name.acronyms))

    def listed(self, name: int) -> Row:
        """A name of the index as arrays."""
        first, last = int(self.names.ends[name]), int(self.names.ends[name + 1])
        forms = int(self.names.forms[name])
        return Row(self.names.words[first:last], last - first, forms, self.names.acronyms[name])

    def candidates(self, subject: Row) -> list[int]:
        """The names whose words come nearest to a subject's, nearest first."""
        return [int(name) for name in self._scratch.best[: self._search(subject)]]

    def search(self, name: Name, most: int = 5) -> list[Found]:
        """The names most surely meant, best first, at most ``most`` owners."""
        return self._best(self._search(self.row(name)), most) if name.words else []

    def _search(self, subject: Row) -> int:
        if not len(self.owners) or not subject.size:
            return 0
        asked = 0
        if self.kind == "organisation" and subject.size == 1:
            asked = acronym_key(self.store.words[int(subject.words[0])].text)
        return int(
            search(
                self.store.arrays, self._weights, self._place, self.index, self.names,
                self._scratch, self.model.trees, subject.words, subject.size, subject.forms,
                subject.acronyms, np.uint32(asked),
            )
        )  # fmt: skip

    def _best(self, count: int, most: int) -> list[Found]:
        names, raws = self._scratch.best[:count].tolist(), self._scratch.raws[:count].tolist()
        found: list[Found] = []
        owners: set[int] = set()
        for raw, name in sorted(zip(raws, names, strict=True), key=lambda one: (-one[0], one[1])):
            owner = int(self.owners[name])
            if raw == -np.inf or len(found) == most:
                break
            if owner not in owners:
                owners.add(owner)
                found.append(Found(name, raw))
        return found
