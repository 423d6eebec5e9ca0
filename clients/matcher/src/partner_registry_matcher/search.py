"""Compiled: from the words of a subject to the names of an index, nearest first."""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .features import ACRONYM, COUNT, COVERED_A, describe
from .letters import LONGEST, _hash, distance, neighbours
from .model import total
from .store import BONES, TEXT

SPREAD = 40
"""Indexed words that a word of a subject may stand for."""
CANDIDATES = 20
"""Names that are compared word by word."""
_NEAREST = 0.5
_LONG = 1000  # names with a word: more are added only if they can matter
_FEW = 5  # words of a name
_ENOUGH = 4  # consonants that make a word known
_SURE = 4  # candidates that are compared in any case
_AS_TWO = 0.9  # of what a word says where a name has it as two
_LIKE = 0.8
_HOPELESS = 0.8  # of the best candidate's cover: what covers less is not compared


class Words(NamedTuple):
    """Keys of words and the words, both sorted by key; for each word where its names begin."""

    keys: NDArray[np.uint32]
    words: NDArray[np.int32]
    starts: NDArray[np.int64]
    names: NDArray[np.int32]
    joined_keys: NDArray[np.uint32]
    joined_names: NDArray[np.int32]
    acronym_keys: NDArray[np.uint32]
    acronym_names: NDArray[np.int32]


class Names(NamedTuple):
    """Names one after the other; ``heft``: the weight of a name's words."""

    words: NDArray[np.int32]
    ends: NDArray[np.int32]
    forms: NDArray[np.int64]
    acronyms: NDArray[np.uint8]
    heft: NDArray[np.float32]


class Scratch(NamedTuple):
    """Room of an index to work in. ``place``: where in ``near`` the neighbours of a word stand."""

    sums: NDArray[np.float32]
    stamps: NDArray[np.int64]
    touched: NDArray[np.int32]
    best: NDArray[np.int32]
    covers: NDArray[np.float64]
    raws: NDArray[np.float64]
    near: NDArray[np.int32]
    likes: NDArray[np.float32]
    counts: NDArray[np.int32]
    clock: NDArray[np.int64]
    marks: NDArray[np.float32]


@njit(cache=True, nogil=True)
def search(
    store, weights, place, index, names, scratch, trees, subject, size, forms, letters, asked
):
    """Score the names nearest to a subject; how many stand in ``best``/``raws`` of the scratch.

    ``asked``: key of the acronym that the subject may be, or 0. Names that were found but cannot
    be among the best have -inf.
    """
    rows = np.empty((3, LONGEST), dtype=np.int32)
    # When the room for neighbours is used up it is used anew, between two subjects.
    if scratch.clock[1] + size > scratch.near.shape[0]:
        place[:] = -1
        scratch.clock[1] = 0
    for i in range(size):
        if place[subject[i]] < 0:
            _spread(store, place, index, scratch, subject[i], rows)
    count = _collect(store, weights, place, index, names, scratch, subject, size, asked, rows)
    best, covers, raws = scratch.best, scratch.covers, scratch.raws
    row = np.empty(COUNT, dtype=np.float64)
    nothing = np.empty(0, dtype=np.float64)
    for at in range(count):
        if at >= _SURE and covers[at] < _HOPELESS * covers[0]:
            raws[at] = -np.inf
            continue
        name = best[at]
        first, last = names.ends[name], names.ends[name + 1]
        describe(
            store, weights, subject, size, forms, letters, names.words[first:last],
            last - first, names.forms[name], names.acronyms[name], row, rows,
        )  # fmt: skip
        met = row[COVERED_A] > 0.0 or row[ACRONYM] > 0.0
        raws[at] = total(trees, row, nothing) if met else -np.inf
    return count


@njit(cache=True, nogil=True)
def _spread(store, place, index, scratch, word, rows):
    """Remember the indexed words like this one."""
    slot = scratch.clock[1]
    scratch.clock[1] = slot + 1
    found = np.empty(SPREAD, dtype=np.int32)
    likes = np.empty(SPREAD, dtype=np.float64)
    count = neighbours(store, word, index.keys, index.words, _NEAREST, found, likes, rows)
    scratch.near[slot, :count] = found[:count]
    scratch.likes[slot, :count] = likes[:count]
    scratch.counts[slot] = count
    place[word] = slot


@njit(cache=True, nogil=True)
def _collect(store, weights, place, index, names, scratch, subject, size, asked, rows):
    """The names whose words come nearest to the subject's.

    A name counts a word of the subject once, by its likest: stamps grow with every word of every
    subject, so nothing has to be cleared. When no name not yet seen can reach the last of the best
    any more, names are no longer added.
    """
    turn = scratch.clock[0]
    first, seen, closed = turn, 0, False
    heaviness = np.empty(size, dtype=np.float64)
    for i in range(size):
        heaviness[i] = _heaviness(weights, scratch, place[subject[i]], subject[i])
    whole = heaviness.sum()
    remaining = whole
    for i in np.argsort(-heaviness):
        slot = place[subject[i]]
        turn += 1
        held = _held(index, scratch, slot)
        if not closed and seen and held > _LONG:
            least = _select(names, scratch, whole, seen)
            closed = remaining / whole < max(least, _HOPELESS * scratch.covers[0])
        if closed and held > _FEW * seen:
            _raise_each(weights, names, scratch, slot, heaviness[i], seen)
            remaining -= heaviness[i]
            continue
        # Words that may be two, or half of one, are tried so first: a name counts a word once.
        if i + 1 < size:
            seen = _pair(
                store, weights, index, scratch, subject[i], subject[i + 1], first, turn, seen, rows
            )
        low, high = _range(index.joined_keys, _own_key(store, subject[i]))
        gain = heaviness[i] * _AS_TWO
        seen = _add(index.joined_names, low, high, gain, scratch, first, turn, seen)
        for k in range(scratch.counts[slot]):
            row = scratch.near[slot, k]
            low, high = index.starts[row], index.starts[row + 1]
            gain = min(heaviness[i], weights[row]) * scratch.likes[slot, k]
            if closed:
                _raise(index.names, low, high, gain, scratch, first, turn)
            else:
                seen = _add(index.names, low, high, gain, scratch, first, turn, seen)
        remaining -= heaviness[i]
    if asked:
        low, high = _range(index.acronym_keys, asked)
        turn += 1
        seen = _add(index.acronym_names, low, high, whole, scratch, first, turn, seen)
    scratch.clock[0] = turn
    if seen:
        _select(names, scratch, whole, seen)
    return min(seen, CANDIDATES)


@njit(cache=True, nogil=True)
def _heaviness(weights, scratch, slot, word):
    """What a subject's word can say: one that no name holds, no more than the likest that is."""
    if word < scratch.marks.shape[0] or scratch.counts[slot] == 0:
        return weights[word]
    if scratch.likes[slot, 0] < _LIKE:
        return weights[word]
    return min(weights[word], weights[scratch.near[slot, 0]])


@njit(cache=True, nogil=True)
def _held(index, scratch, slot):
    """How many names hold a word or one like it."""
    total = 0
    for k in range(scratch.counts[slot]):
        row = scratch.near[slot, k]
        total += index.starts[row + 1] - index.starts[row]
    return total


@njit(cache=True, nogil=True)
def joined_key(store, one, other):
    """The key of two words written as one: by their consonants, few ones by all letters."""
    heard, bones, lengths = store[1], store[2], store[3]
    both = np.empty(2 * TEXT, dtype=np.uint8)
    la, lb = lengths[one, 2], lengths[other, 2]
    size = 0
    for i in range(la + lb):
        letter = bones[one, i] if i < la else bones[other, i - la]
        if size == 0 or both[size - 1] != letter:
            both[size] = letter
            size += 1
    if size >= _ENOUGH:
        return _hash(3, both, min(size, BONES), -1)
    la, lb = lengths[one, 1], lengths[other, 1]
    size = 0
    for i in range(la + lb):
        letter = heard[one, i] if i < la else heard[other, i - la]
        if size == 0 or both[size - 1] != letter:
            both[size] = letter
            size += 1
    return _hash(2, both, size, -1)


@njit(cache=True, nogil=True)
def _own_key(store, word):
    """As `joined_key`, of one word."""
    heard, bones, lengths = store[1], store[2], store[3]
    if lengths[word, 2] >= _ENOUGH:
        return _hash(3, bones[word], lengths[word, 2], -1)
    return _hash(2, heard[word], lengths[word, 1], -1)


@njit(cache=True, nogil=True)
def _range(keys, key):
    return np.searchsorted(keys, key), np.searchsorted(keys, key, side="right")


@njit(cache=True, nogil=True)
def _add(names, low, high, gain, scratch, first, turn, seen):
    sums, stamps, touched = scratch.sums, scratch.stamps, scratch.touched
    for at in range(low, high):
        name = names[at]
        stamp = stamps[name]
        if stamp == turn:
            continue
        if stamp <= first:
            sums[name] = 0.0
            touched[seen] = name
            seen += 1
        stamps[name] = turn
        sums[name] += gain
    return seen


@njit(cache=True, nogil=True)
def _raise(names, low, high, gain, scratch, first, turn):
    """As `_add`, but only names that have been seen."""
    sums, stamps = scratch.sums, scratch.stamps
    for at in range(low, high):
        name = names[at]
        if first < stamps[name] < turn:
            stamps[name] = turn
            sums[name] += gain


@njit(cache=True, nogil=True)
def _raise_each(weights, names, scratch, slot, heaviness, seen):
    """As `_raise` for all words that one word may stand for, name by name instead."""
    marks = scratch.marks
    for k in range(scratch.counts[slot]):
        row = scratch.near[slot, k]
        marks[row] = min(heaviness, weights[row]) * scratch.likes[slot, k]
    for at in range(seen):
        name = scratch.touched[at]
        gain = np.float32(0.0)
        for place in range(names.ends[name], names.ends[name + 1]):
            gain = max(gain, marks[names.words[place]])
        scratch.sums[name] += gain
    for k in range(scratch.counts[slot]):
        marks[scratch.near[slot, k]] = 0.0


@njit(cache=True, nogil=True)
def _pair(store, weights, index, scratch, one, other, first, turn, seen, rows):
    """Names with two neighbouring words of the subject written as one."""
    heard, lengths = store[1], store[3]
    if lengths[one, 1] < 2 or lengths[other, 1] < 2:
        return seen
    low, high = _range(index.keys, joined_key(store, one, other))
    if low == high:
        return seen
    la, lb = lengths[one, 1], lengths[other, 1]
    both = np.empty(2 * TEXT, dtype=np.uint8)
    both[:la] = heard[one, :la]
    both[la : la + lb] = heard[other, :lb]
    for at in range(low, min(high, low + 50)):
        row = index.words[at]
        if abs(la + lb - lengths[row, 1]) > 2:
            continue
        if distance(both, la + lb, heard[row], lengths[row, 1], 2, rows) <= 2:
            gain = 0.95 * min(weights[one] + weights[other], weights[row] + 3.0)
            low_names, high_names = index.starts[row], index.starts[row + 1]
            seen = _add(index.names, low_names, high_names, gain, scratch, first, turn, seen)
    return seen


@njit(cache=True, nogil=True)
def _select(names, scratch, whole, seen):
    """The touched names that cover most of both sides, best first; the last one's cover or 0."""
    sums, heft, best, covers = scratch.sums, names.heft, scratch.best, scratch.covers
    size = 0
    for at in range(seen):
        name = scratch.touched[at]
        # Words that may be one or two were added both ways.
        value = min(sums[name], whole)
        value *= 0.6 / whole + 0.4 / max(heft[name], value)
        if size == CANDIDATES:
            if value <= covers[size - 1]:
                continue
            j = size - 1
        else:
            j = size
            size += 1
        while j > 0 and covers[j - 1] < value:
            covers[j], best[j] = covers[j - 1], best[j - 1]
            j -= 1
        covers[j], best[j] = value, name
    return covers[size - 1] if size == CANDIDATES else 0.0


@njit(cache=True, nogil=True)
def joined(store, words, ends):
    """Keys of all neighbouring words written as one and their names, sorted by key."""
    size = max(words.shape[0], 1)
    keys = np.empty(size, dtype=np.uint32)
    names = np.empty(size, dtype=np.int32)
    count = 0
    for name in range(ends.shape[0] - 1):
        for at in range(ends[name], ends[name + 1] - 1):
            keys[count] = joined_key(store, words[at], words[at + 1])
            names[count] = name
            count += 1
    order = np.argsort(keys[:count], kind="mergesort")
    return keys[:count][order], names[:count][order]
