"""Compiled: which word of one name answers which of the other."""

import numpy as np
from numba import njit

from .letters import EXACT, JOINED, NONE, distance, likeness, strangers
from .tables import LETTER, NUMBER, PARTICLE, TITLE

_JOINED_ROOM = 2 * 28
_WEAK = 0.75  # a word met worse than this may rather be half of another
_LEAST = 5  # letters of a word that may be two
_LONG = 6  # letters of one that may be written otherwise, too


@njit(cache=True, nogil=True)
def align(store, a, na, b, nb, to_b, to_a, likes, manners, rows):
    """Pair the words of two names, the likest first; words of ``a`` are told by column.

    ``to_b[i]``/``to_a[j]``: the partner's place or -1; ``likes``/``manners`` are of ``a``'s words,
    those of ``b``'s stand in the second row. A word that answers two neighbours is JOINED.
    """
    every = np.zeros((na, nb), dtype=np.float64)
    how = np.zeros((na, nb), dtype=np.int32)
    to_b[:na] = -1
    to_a[:nb] = -1
    likes[:, :] = 0.0
    manners[:, :] = NONE
    for i in range(na):
        for j in range(nb):
            if not strangers(store, a[i], b[j]):
                every[i, j], how[i, j] = likeness(store, a[i], b[j], rows)
    for _ in range(min(na, nb)):
        best, bi, bj = 0.0, -1, -1
        for i in range(na):
            if to_b[i] >= 0:
                continue
            for j in range(nb):
                if to_a[j] < 0:
                    # Of equal ones the pair that stands at the same place.
                    value = every[i, j] - 0.001 * abs(i - j)
                    if every[i, j] > 0.0 and value > best:
                        best, bi, bj = value, i, j
        if bi < 0:
            break
        to_b[bi], to_a[bj] = bj, bi
        likes[0, bi] = likes[1, bj] = every[bi, bj]
        manners[0, bi] = manners[1, bj] = how[bi, bj]
    _join(store, a, na, b, nb, to_b, to_a, likes, manners, 0, rows)
    _join(store, b, nb, a, na, to_a, to_b, likes, manners, 1, rows)


@njit(cache=True, nogil=True)
def _join(store, a, na, b, nb, to_b, to_a, likes, manners, side, rows):
    """Two neighbours of ``a`` against one word of ``b`` that nothing answers well."""
    heard, lengths, klass = store[1], store[3], store[7]
    both = np.empty(_JOINED_ROOM, dtype=np.uint8)
    other = 1 - side
    for i in range(na - 1):
        if likes[side, i] >= _WEAK and likes[side, i + 1] >= _WEAK:
            continue
        if klass[a[i]] == NUMBER or klass[a[i + 1]] == NUMBER:
            continue
        if manners[side, i] == EXACT or manners[side, i + 1] == EXACT:
            continue
        la, lb = lengths[a[i], 1], lengths[a[i + 1], 1]
        both[:la] = heard[a[i], :la]
        both[la : la + lb] = heard[a[i + 1], :lb]
        for j in range(nb):
            size = lengths[b[j], 1]
            if likes[other, j] >= _WEAK and to_a[j] != i and to_a[j] != i + 1:
                continue
            if manners[other, j] == JOINED or size < _LEAST or abs(la + lb - size) > 2:
                continue
            most = 2 if size < _LONG else 3
            edits = distance(both, la + lb, heard[b[j]], size, most, rows)
            if edits <= most:
                like = 0.97 - edits / (2.0 * size)
                if likes[side, i] + likes[side, i + 1] >= 2 * like:
                    continue
                _free(i, to_b, to_a, likes, manners, side)
                _free(i + 1, to_b, to_a, likes, manners, side)
                _free(j, to_a, to_b, likes, manners, other)
                to_b[i] = to_b[i + 1] = j
                to_a[j] = i
                likes[side, i] = likes[side, i + 1] = likes[other, j] = like
                manners[side, i] = manners[side, i + 1] = manners[other, j] = JOINED
                break


@njit(cache=True, nogil=True)
def _free(i, to_b, to_a, likes, manners, side):
    j = to_b[i]
    if j >= 0:
        to_a[j] = -1
        likes[1 - side, j] = 0.0
        manners[1 - side, j] = NONE
    to_b[i] = -1
    likes[side, i] = 0.0
    manners[side, i] = NONE


@njit(cache=True, nogil=True)
def light(klass):
    """Whether words of this class tell no names apart."""
    return klass == PARTICLE or klass == TITLE or klass == LETTER
