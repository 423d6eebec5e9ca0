"""The words of all names, each once, in arrays that compiled code reads.

Words of an index come first; words of queries are added behind them and forgotten again when there
are many, so that what strangers ask for never fills the memory.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .sound import bones, shape, sound
from .tables import CONTENT, GIVEN, TYPE, Kind, near_types, nicknames
from .words import Word

TEXT, BONES, NICKS = 28, 12, 4


class Arrays(NamedTuple):
    """A row for each word; the order is the one compiled code unpacks."""

    text: NDArray[np.uint8]
    heard: NDArray[np.uint8]
    bones: NDArray[np.uint8]
    lengths: NDArray[np.int32]
    mask: NDArray[np.int32]
    meaning: NDArray[np.int32]
    nick: NDArray[np.int32]
    klass: NDArray[np.uint8]
    rough: NDArray[np.bool_]
    shape: NDArray[np.uint8]
    heard_mask: NDArray[np.int32]


def _empty(size: int) -> Arrays:
    return Arrays(
        np.zeros((size, TEXT), np.uint8),
        np.zeros((size, TEXT), np.uint8),
        np.zeros((size, BONES), np.uint8),
        np.zeros((size, 3), np.int32),
        np.zeros(size, np.int32),
        np.zeros(size, np.int32),
        np.full((size, NICKS), -1, np.int32),
        np.zeros(size, np.uint8),
        np.zeros(size, np.bool_),
        np.zeros(size, np.uint8),
        np.zeros(size, np.int32),
    )


class WordStore:
    """Words of names of one kind, known by their row."""

    def __init__(self, kind: Kind, room: int = 4096) -> None:
        self.kind = kind
        self.arrays = _empty(room)
        self.rows: dict[Word, int] = {}
        self.words: list[Word] = []
        self.meanings: dict[str, int] = {}
        self.fixed = self._fixed_meanings = 0
        """Rows that are never forgotten."""

    @classmethod
    def restored(
        cls, kind: Kind, words: list[Word], meanings: list[str], arrays: Sequence[NDArray[Any]]
    ) -> "WordStore":
        """A store of what another one held for good: its words, meanings and arrays."""
        store = cls(kind, 0)
        store.arrays = Arrays(*arrays)
        store.words, store.rows = words, {word: row for row, word in enumerate(words)}
        store.meanings = {text: at for at, text in enumerate(meanings)}
        store.fix()
        return store

    @property
    def kept(self) -> tuple[list[Word], list[str], Arrays]:
        """What it holds for good: words, meanings and arrays, for `restored`. Of words that were
        asked for nothing is left in it.
        """
        meanings = list(self.meanings)[: self._fixed_meanings]
        return self.words[: self.fixed], meanings, self._copied(len(self.arrays.klass), self.fixed)

    def _copied(self, size: int, rows: int) -> Arrays:
        copy = _empty(size)
        columns: list[tuple[NDArray[Any], NDArray[Any]]] = list(zip(self.arrays, copy, strict=True))
        for old, new in columns:
            new[:rows] = old[:rows]
        return copy

    def __len__(self) -> int:
        return len(self.words)

    def row(self, word: Word) -> int:
        """The row of a word, which is added if it is new."""
        found = self.rows.get(word)
        return self._add(word) if found is None else found

    def rows_of(self, words: Sequence[Word]) -> list[int]:
        return [self.row(word) for word in words]

    def fix(self) -> None:
        """Keep what is there for good; everything added later may be forgotten."""
        self.fixed, self._fixed_meanings = len(self.words), len(self.meanings)

    def forget(self) -> None:
        """Drop every word that is not fixed."""
        for word in self.words[self.fixed :]:
            del self.rows[word]
        del self.words[self.fixed :]
        while len(self.meanings) > self._fixed_meanings:
            self.meanings.popitem()

    def _meaning(self, text: str) -> int:
        return self.meanings.setdefault(text, len(self.meanings))

    def _may_stand_for(self, word: Word) -> list[str]:
        if self.kind == "organisation":
            return near_types().get(word.means, []) if word.klass == TYPE else []
        return nicknames().get(word.text, []) if word.klass in (CONTENT, GIVEN) else []

    def _add(self, word: Word) -> int:
        row = len(self.words)
        if row == len(self.arrays.klass):
            self.arrays = self._copied(2 * row, row)
        self.words.append(word)
        self.rows[word] = row
        arrays = self.arrays
        short = (word.text, sound(word.text), bones(word.text))
        for column, (target, text) in enumerate(
            zip((arrays.text, arrays.heard, arrays.bones), short, strict=True)
        ):
            letters = text.encode("ascii", "ignore")[: target.shape[1]]
            target[row, : len(letters)] = np.frombuffer(letters, np.uint8)
            target[row, len(letters) :] = 0
            arrays.lengths[row, column] = len(letters)
        arrays.mask[row] = _mask(short[0])
        arrays.heard_mask[row] = _mask(short[1])
        arrays.meaning[row] = self._meaning(word.means)
        arrays.nick[row] = -1
        arrays.klass[row] = word.klass
        arrays.rough[row] = word.rough
        arrays.shape[row] = shape(word.text)
        for at, name in enumerate(self._may_stand_for(word)[:NICKS]):
            arrays.nick[row, at] = self._meaning(name)
        return row


def _mask(text: str) -> int:
    found = 0
    for char in text:
        if "a" <= char <= "z":
            found |= 1 << (ord(char) - 97)
    return found
