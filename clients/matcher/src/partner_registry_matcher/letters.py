"""Compiled: two words compared letter by letter, and the keys by which like words are found.

Words are rows of a `WordStore`; ``store`` is its tuple of arrays (see `store.Arrays`). Everything
here is a function of its arguments alone.
"""

import numpy as np
from numba import njit

from .sound import PATRONYMIC
from .tables import GIVEN, NUMBER

NONE, EXACT, VARIANT, SOUND, EDIT, BONES, MEANING, NICK, INITIAL, PREFIX, JOINED = range(11)
"""How two words meet."""
MANNERS = (
    "none", "exact", "variant", "sound", "edit", "consonants", "translation", "nickname",
    "initial", "abbreviation", "joined",
)  # fmt: skip
MOST_KEYS = 80
LONGEST = 64
"""Letters that `distance` compares; the width of its rows."""
_FNV, _PRIME = 2166136261, 16777619
_ENDING = 4
_CROWD = 120  # words with one key that are looked at
_APART = 6  # letters that only one of two words has: more, and they are two
_SURELY = 0.85  # patronymics are standard names: less alike, they are two
_VOWELS = np.zeros(128, dtype=np.bool_)
_VOWELS[[ord(c) for c in "aeiouy"]] = True
_VOWEL_BITS = np.uint32(sum(1 << (ord(c) - ord("a")) for c in "aeiouy"))
_SHORT = 4  # letters of a word that has a key by kinds of sounds
_KIND_OF = np.arange(128, dtype=np.uint8)
"""Of the sounds that romanisations write soft or hard ("Gao", "Kao") one for all."""
for _sounds in ("gkx", "dt", "bp", "cjsz"):
    _KIND_OF[[ord(c) for c in _sounds]] = ord(_sounds[0])


@njit(cache=True, nogil=True)
def distance(a, la, b, lb, most, rows):
    """Edits, neighbours swapped counting one, times two; a vowel gained or changed costs half.

    At most ``most`` (doubled) is told apart; beyond, ``most + 1``. ``rows``: room for three rows.
    """
    if abs(la - lb) > most:
        return most + 1
    # Equal beginnings and ends cost nothing and never more than any other way.
    start = 0
    while start < la and start < lb and a[start] == b[start]:
        start += 1
    while la > start and lb > start and a[la - 1] == b[lb - 1]:
        la -= 1
        lb -= 1
    la -= start
    lb -= start
    before, previous, row = 0, 1, 2
    rows[row, 0] = 0
    for j in range(lb):
        rows[row, j + 1] = rows[row, j] + (1 if _VOWELS[b[start + j]] else 2)
    for i in range(la):
        before, previous, row = previous, row, before
        letter = a[start + i]
        vowel = _VOWELS[letter]
        rows[row, 0] = rows[previous, 0] + (1 if vowel else 2)
        # Farther from the diagonal every cost is above what is asked for.
        first, last = max(0, i - most), min(lb, i + most + 1)
        if first:
            rows[row, first] = most + 1
        lowest = rows[row, first]
        for j in range(first, last):
            against = b[start + j]
            if letter == against:
                cost = rows[previous, j]
            else:
                other = _VOWELS[against]
                cost = rows[previous, j] + (1 if vowel and other else 2)
                cost = min(cost, rows[previous, j + 1] + (1 if vowel else 2))
                cost = min(cost, rows[row, j] + (1 if other else 2))
                if i > 0 and j > 0 and letter == b[start + j - 1] and a[start + i - 1] == against:
                    cost = min(cost, rows[before, j - 1] + 2)
            rows[row, j + 1] = cost
            lowest = min(lowest, cost)
        if last < lb:
            rows[row, last + 1] = most + 1
        if lowest > most:
            return most + 1
    return min(rows[row, lb], most + 1)


@njit(cache=True, nogil=True)
def _equal(a, la, b, lb):
    if la != lb:
        return False
    for i in range(la):
        if a[i] != b[i]:
            return False
    return True


@njit(cache=True, nogil=True)
def bits(x):
    """How many bits of 32 are set."""
    left = np.uint32(x)
    left = left - ((left >> 1) & 0x55555555)
    left = (left & 0x33333333) + ((left >> 2) & 0x33333333)
    return ((((left + (left >> 4)) & 0x0F0F0F0F) * 0x01010101) & 0xFFFFFFFF) >> 24


@njit(cache=True, nogil=True)
def _at_least(p, q):
    """What `distance` cannot be below, of the letters that words hold at all."""
    differ = np.uint32(p ^ q)
    vowels = bits(differ & _VOWEL_BITS)
    return bits(differ) - vowels + vowels // 2


@njit(cache=True, nogil=True)
def strangers(store, p, q):
    """Whether two words surely have nothing in common: what most pairs are, told at once."""
    if p == q:
        return False
    if store[0][p, 0] == store[0][q, 0] or bits(store[4][p] ^ store[4][q]) <= _APART:
        return False
    if store[5][p] == store[5][q] or store[8][p] or store[8][q]:
        return False
    return store[6][p, 0] < 0 and store[6][q, 0] < 0


@njit(cache=True, nogil=True)
def likeness(store, p, q, rows):
    """How alike two words are, 0 to 1, and how they meet."""
    if p == q:
        return 1.0, EXACT
    text, heard, bones, lengths, mask, meaning, nick, klass, rough, shape, heard_mask = store
    lp, lq = lengths[p, 0], lengths[q, 0]
    kp, kq = klass[p], klass[q]
    if kp == NUMBER or kq == NUMBER:
        return (1.0, EXACT) if _equal(text[p], lp, text[q], lq) else (0.0, NONE)
    if lp == 1 or lq == 1:
        if text[p, 0] != text[q, 0]:
            return 0.0, NONE
        return (1.0, EXACT) if lp == lq else (0.6, INITIAL)
    if _equal(text[p], lp, text[q], lq):
        return 1.0, EXACT
    spelled, manner = _spelled(store, p, q, rows)
    if meaning[p] == meaning[q]:
        if kp == GIVEN or kq == GIVEN:
            # Spellings of one name; or one saint's name in two languages, which says less.
            near = spelled >= 0.55 or _equal(bones[p], lengths[p, 2], bones[q], lengths[q, 2])
            return (max(spelled, 0.93), VARIANT) if near else (0.8, MEANING)
        return (max(spelled, 0.9), VARIANT) if spelled > 0.7 else (0.85, MEANING)
    if spelled > 0.0:
        return spelled, manner
    for i in range(nick.shape[1]):
        if nick[p, i] == meaning[q] or nick[q, i] == meaning[p]:
            return 0.7, NICK
    return 0.0, NONE


@njit(cache=True, nogil=True)
def _spelled(store, p, q, rows):
    """Likeness by letters and sound alone."""
    text, heard, bones, lengths, mask, meaning, nick, klass, rough, shape, heard_mask = store
    lp, lq = lengths[p, 0], lengths[q, 0]
    if rough[p] or rough[q]:
        return _by_bones(bones[p], lengths[p, 2], bones[q], lengths[q, 2], rows)
    longer, shorter = max(lp, lq), min(lp, lq)
    if shorter >= 3 and longer - shorter >= 3 and _equal(text[p], shorter, text[q], shorter):
        return 0.35 + 0.4 * shorter / longer, PREFIX
    if bits(mask[p] ^ mask[q]) > _APART:
        return 0.0, NONE
    sp, sq = lengths[p, 1], lengths[q, 1]
    if _equal(heard[p], sp, heard[q], sq):
        # Of short words that sound alike the letters still tell ("Zhi", "Jie").
        plain = distance(text[p], lp, text[q], lq, 2 * longer, rows)
        return 0.98 - 0.12 * plain / longer, SOUND
    most = 2 if longer <= 4 else (4 if longer <= 7 else 6)
    plain = by_ear = most + 1
    if _at_least(mask[p], mask[q]) <= most:
        plain = distance(text[p], lp, text[q], lq, most, rows)
    # Words heard as they are written can only be farther by ear.
    as_written = _equal(text[p], lp, heard[p], sp) and _equal(text[q], lq, heard[q], sq)
    if not as_written and _at_least(heard_mask[p], heard_mask[q]) <= most:
        by_ear = distance(heard[p], sp, heard[q], sq, most, rows)
    # A long ending that both share says less than the rest of the word ("-ovich", "-oglu").
    size = longer - _ENDING + 1 if _same_ending(text[p], lp, text[q], lq) else longer
    best = 0.0
    if plain <= most:
        best = 1.0 - plain / (2.0 * size)
    if by_ear <= most:
        best = max(best, 0.98 - by_ear / (2.0 * min(size, max(sp, sq))))
    if shape[p] == PATRONYMIC and shape[q] == PATRONYMIC and best < _SURELY:
        return 0.0, NONE
    if best >= 0.55:
        return best, EDIT
    if lengths[p, 2] >= 3 and _equal(bones[p], lengths[p, 2], bones[q], lengths[q, 2]):
        return 0.6, BONES
    return 0.0, NONE


@njit(cache=True, nogil=True)
def _same_ending(a, la, b, lb):
    if min(la, lb) < 2 * _ENDING:
        return False
    for i in range(1, _ENDING + 1):
        if a[la - i] != b[lb - i]:
            return False
    return True


@njit(cache=True, nogil=True)
def _by_bones(a, la, b, lb, rows):
    """Of two words of which one has no vowels."""
    if la == 0 or lb == 0:
        return 0.0, NONE
    if _equal(a, la, b, lb):
        return (0.5 if la == 1 else (0.7 if la == 2 else 0.9)), BONES
    if min(la, lb) >= 3 and distance(a, la, b, lb, 2, rows) <= 2:
        return 0.4 + 0.04 * min(la, lb), BONES
    return 0.0, NONE


@njit(cache=True, nogil=True)
def _hash(salt, letters, length, skip):
    """FNV-1a of the letters but the one at ``skip``."""
    found = np.uint32((_FNV ^ salt) * _PRIME & 0xFFFFFFFF)
    for i in range(length):
        if i != skip:
            found = np.uint32((np.uint64(found ^ letters[i]) * _PRIME) & 0xFFFFFFFF)
    return found


@njit(cache=True, nogil=True)
def keys_of(store, word, asking, out):
    """Keys of a word: words that share one may be alike. Returns how many there are.

    ``asking``: of a subject's word; two consonants are a key only where there are no vowels.
    """
    text, heard, bones, lengths, mask, meaning, nick, klass, rough, shape, heard_mask = store
    count = 0
    if klass[word] == NUMBER or lengths[word, 0] < 2:
        out[0] = _hash(1, text[word], lengths[word, 0], -1)
        return 1
    out[count] = np.uint32((meaning[word] * 2654435761 + 7) & 0xFFFFFFFF)
    count += 1
    for i in range(nick.shape[1]):
        if nick[word, i] >= 0:
            out[count] = np.uint32((nick[word, i] * 2654435761 + 7) & 0xFFFFFFFF)
            count += 1
    size, bone = lengths[word, 1], lengths[word, 2]
    if not rough[word]:
        out[count] = _hash(2, heard[word], size, -1)
        count += 1
        if size >= 4:
            for i in range(size):
                out[count] = _hash(2, heard[word], size, i)
                count += 1
    if not rough[word] and 2 <= size <= _SHORT:
        out[count] = _hash(5, _KIND_OF[heard[word, :size]], size, -1)
        count += 1
    written = lengths[word, 0]
    if not rough[word] and written > _SHORT and not _equal(text[word], written, heard[word], size):
        for i in range(written):
            out[count] = _hash(2, text[word], written, i)
            count += 1
    if bone >= 3 or (bone == 2 and (rough[word] or not asking)):
        out[count] = _hash(3, bones[word], bone, -1)
        count += 1
        if bone >= 5:
            for i in range(bone):
                out[count] = _hash(3, bones[word], bone, i)
                count += 1
    return count


@njit(cache=True, nogil=True)
def all_keys(store, first, last):
    """Keys of the words [first, last) and the word of each, sorted by key."""
    own = np.empty(MOST_KEYS, dtype=np.uint32)
    total = 0
    for word in range(first, last):
        total += keys_of(store, word, False, own)
    keys = np.empty(total, dtype=np.uint32)
    words = np.empty(total, dtype=np.int32)
    at = 0
    for word in range(first, last):
        for i in range(keys_of(store, word, False, own)):
            keys[at] = own[i]
            words[at] = word
            at += 1
    order = np.argsort(keys, kind="mergesort")
    return keys[order], words[order]


@njit(cache=True, nogil=True)
def neighbours(store, word, keys, words, floor, out, likes, rows):
    """Indexed words like this one, the likest first; at most as many as ``out`` holds."""
    own = np.empty(MOST_KEYS, dtype=np.uint32)
    count = 0
    for i in range(keys_of(store, word, True, own)):
        at = np.searchsorted(keys, own[i])
        seen = 0
        while at < keys.shape[0] and keys[at] == own[i] and seen < _CROWD:
            other = words[at]
            at += 1
            seen += 1
            known = False
            for j in range(count):
                if out[j] == other:
                    known = True
                    break
            if known:
                continue
            if strangers(store, word, other):
                continue
            like, manner = likeness(store, word, other, rows)
            if like < floor:
                continue
            j = min(count, out.shape[0] - 1)
            if count == out.shape[0] and likes[j] >= like:
                continue
            while j > 0 and likes[j - 1] < like:
                out[j], likes[j] = out[j - 1], likes[j - 1]
                j -= 1
            out[j], likes[j] = other, like
            count = min(count + 1, out.shape[0])
    return count
