"""Compiled: two names as numbers, which the model turns into a score."""

import numpy as np
from numba import njit

from .alignment import align, light
from .letters import (
    BONES,
    EDIT,
    EXACT,
    INITIAL,
    JOINED,
    MEANING,
    NICK,
    PREFIX,
    SOUND,
    VARIANT,
    bits,
    distance,
)
from .sound import PATRONYMIC, PINYIN
from .tables import CONTENT, GIVEN, LETTER, NUMBER, PLACE, TITLE, TYPE, WORD

FEATURES = (
    "covered_a", "covered_b", "missing_a", "missing_b", "heaviest_missing_a", "heaviest_missing_b",
    "missing_words_a", "missing_words_b", "contradicted", "nearest_contradicted", "telling_met",
    "heaviest_met", "met_alike", "words_exact", "words_alike", "least_like", "least_letters",
    "edits", "by_sound", "by_consonants", "by_translation", "by_nickname", "by_initial",
    "by_prefix", "joined", "order", "first_met", "last_met", "whole", "words_a", "words_b",
    "numbers_differ", "numbers_agree", "types_differ", "places_differ", "forms_differ",
    "forms_agree", "acronym", "letters_a", "letters_b", "rough", "particles_met",
    "syllables_differ", "patronymics_differ", "initials_differ", "two_words", "endings_differ",
    "initial_refused", "own_met", "own_missing_a", "own_missing_b",
)  # fmt: skip
"""In the order of the model's columns. ``a`` is the subject, ``b`` the listed name."""
COUNT = len(FEATURES)
(
    COVERED_A, COVERED_B, MISSING_A, MISSING_B, HEAVIEST_MISSING_A, HEAVIEST_MISSING_B,
    MISSING_WORDS_A, MISSING_WORDS_B, CONTRADICTED, NEAREST_CONTRADICTED, TELLING_MET,
    HEAVIEST_MET, MET_ALIKE, WORDS_EXACT, WORDS_ALIKE, LEAST_LIKE, LEAST_LETTERS,
    EDITS, BY_SOUND, BY_CONSONANTS, BY_TRANSLATION, BY_NICKNAME, BY_INITIAL,
    BY_PREFIX, JOINED_WORDS, ORDER, FIRST_MET, LAST_MET, WHOLE, WORDS_A, WORDS_B,
    NUMBERS_DIFFER, NUMBERS_AGREE, TYPES_DIFFER, PLACES_DIFFER, FORMS_DIFFER,
    FORMS_AGREE, ACRONYM, LETTERS_A, LETTERS_B, ROUGH, PARTICLES_MET,
    SYLLABLES_DIFFER, PATRONYMICS_DIFFER, INITIALS_DIFFER, TWO_WORDS, ENDINGS_DIFFER,
    INITIAL_REFUSED, OWN_MET, OWN_MISSING_A, OWN_MISSING_B,
) = range(COUNT)  # fmt: skip
_WHOLE = 48
_MOST_WORDS = 14
_JOINED_WEIGHT = 6.0
_HEAVY = 10.0  # weights are nats; features hold tenths of this
_STEM, _ENDING = 3, 3  # letters that the names of man and woman share; of what differs
_A = ord("a")
_ENDS = np.zeros(128, dtype=np.bool_)
_ENDS[[ord(c) for c in "aeiyj"]] = True


@njit(cache=True, nogil=True)
def describe(store, weights, a, na, forms_a, acronym_a, b, nb, forms_b, acronym_b, out, rows):
    """The features of two names: rows of words, bits of legal forms, rows of acronyms."""
    to_b = np.empty(_MOST_WORDS, dtype=np.int64)
    to_a = np.empty(_MOST_WORDS, dtype=np.int64)
    likes = np.zeros((2, _MOST_WORDS), dtype=np.float64)
    manners = np.zeros((2, _MOST_WORDS), dtype=np.int64)
    align(store, a, na, b, nb, to_b, to_a, likes, manners, rows)
    out[:] = 0.0
    _met(store, weights, a, na, b, nb, to_b, to_a, likes, manners, out)
    _missing(store, weights, a, na, b, nb, to_b, to_a, out, rows)
    _order(store, a, na, b, nb, to_b, to_a, out)
    out[WHOLE] = _whole(store, a, na, b, nb, to_b, rows)
    if forms_a and forms_b:
        out[FORMS_AGREE if forms_a & forms_b else FORMS_DIFFER] = 1.0
    out[ACRONYM] = max(
        _is_acronym(store, a, na, acronym_b, nb), _is_acronym(store, b, nb, acronym_a, na)
    )


@njit(cache=True, nogil=True)
def _met(store, weights, a, na, b, nb, to_b, to_a, likes, manners, out):
    """What the words that answer each other say. Numbers tell bodies of one name apart and say
    nothing of the name: they are counted by themselves (`_missing`).
    """
    lengths, klass, rough = store[3], store[7], store[8]
    chinese = _all_syllables(store, a, na) and _all_syllables(store, b, nb)
    numbers = _all_numbers(store, a, na) and _all_numbers(store, b, nb)
    least, letters = 1.0, 20.0
    total, all_a = 0.0, 0.0
    told = False
    for i in range(na):
        out[LETTERS_A] += lengths[a[i], 0] * 0.1
        if rough[a[i]]:
            out[ROUGH] = 1.0
        j = to_b[i]
        if klass[a[i]] == NUMBER and not numbers:
            continue
        if j < 0:
            all_a += weights[a[i]]
            continue
        manner, like = manners[0, i], likes[0, i]
        weight = min(weights[a[i]], _JOINED_WEIGHT if manner == JOINED else weights[b[j]])
        all_a += weight
        total += weight * like
        kind = klass[a[i]]
        if light(kind):
            out[PARTICLES_MET] += 1.0
            if manner == INITIAL:
                out[BY_INITIAL] += 1.0
            continue
        told = True
        share = weight / _HEAVY
        # Words in no table are what a body calls itself; "relief" and "fund" are everybody's.
        out[OWN_MET] += share * like * (kind == CONTENT)
        out[MET_ALIKE] += share * like
        if manner == EXACT:
            out[WORDS_EXACT] += 1.0
            out[TELLING_MET] += share * (0.5 if kind == TYPE else 1.0)
            out[HEAVIEST_MET] = max(out[HEAVIEST_MET], share)
        else:
            out[WORDS_ALIKE] += 1.0
            least = min(least, like)
            letters = min(letters, min(lengths[a[i], 0], lengths[b[j], 0]))
            if chinese and manner != JOINED:
                out[SYLLABLES_DIFFER] += 1.0 - like
            _alike(store, weights, a[i], b[j], manner, out)
        _count_manner(manner, share, like, max(lengths[a[i], 0], lengths[b[j], 0]), out)
    met_b, all_b = _met_of_b(store, weights, a, b, nb, to_a, likes, manners, numbers, out)
    # Particles and initials alone cover nothing.
    out[COVERED_A] = total / all_a if told else 0.0
    out[COVERED_B] = met_b / all_b if told else 0.0
    out[LEAST_LIKE] = least
    out[LEAST_LETTERS] = letters
    out[WORDS_A] = na
    out[WORDS_B] = nb


@njit(cache=True, nogil=True)
def _alike(store, weights, p, q, manner, out):
    """What speaks against two words that are alike: they may be two all the same."""
    text = store[0]
    if manner == EDIT or manner == BONES:
        out[INITIALS_DIFFER] += manner == EDIT and text[p, 0] != text[q, 0]
        out[TWO_WORDS] = max(out[TWO_WORDS], _two_words(store, weights, p, q))
    if manner == EDIT or manner == SOUND or manner == PREFIX:
        out[ENDINGS_DIFFER] += _endings_differ(store, p, q)


@njit(cache=True, nogil=True)
def _two_words(store, weights, p, q):
    """How surely two words that look alike are words of their own, and none a slip of the other:
    the tables know both, or names hold both often.
    """
    meaning, klass = store[5], store[7]
    if meaning[p] != meaning[q] and _in_tables(klass[p]) and _in_tables(klass[q]):
        return 1.0
    return max(0.0, 1.0 - max(weights[p], weights[q]) / _HEAVY)


@njit(cache=True, nogil=True)
def _in_tables(klass):
    return klass == TYPE or klass == WORD or klass == PLACE or klass == GIVEN


@njit(cache=True, nogil=True)
def _endings_differ(store, p, q):
    """Whether the one word is the other's with the ending of a woman's name ("-a", "-aya")."""
    text, lengths = store[0], store[3]
    lp, lq = lengths[p, 0], lengths[q, 0]
    same = 0
    while same < min(lp, lq) and text[p, same] == text[q, same]:
        same += 1
    if (
        same < _STEM
        or max(lp, lq) - same > _ENDING
        or (text[p, lp - 1] == _A) == (text[q, lq - 1] == _A)
    ):
        return 0.0
    for k in range(same, lp):
        if not _ENDS[text[p, k]]:
            return 0.0
    for k in range(same, lq):
        if not _ENDS[text[q, k]]:
            return 0.0
    return 1.0


@njit(cache=True, nogil=True)
def _met_of_b(store, weights, a, b, nb, to_a, likes, manners, numbers, out):
    """How much of the other name is met, and how much it says."""
    lengths, klass, rough = store[3], store[7], store[8]
    met_b, all_b = 0.0, 0.0
    for j in range(nb):
        out[LETTERS_B] += lengths[b[j], 0] * 0.1
        if rough[b[j]]:
            out[ROUGH] = 1.0
        if klass[b[j]] == NUMBER and not numbers:
            continue
        weight, i = weights[b[j]], to_a[j]
        if i >= 0:
            weight = min(weight, _JOINED_WEIGHT if manners[1, j] == JOINED else weights[a[i]])
            met_b += weight * likes[1, j]
        all_b += weight
    return met_b, all_b


@njit(cache=True, nogil=True)
def _count_manner(manner, share, like, letters, out):
    """By which means two words were met that are not written alike."""
    if manner == SOUND or manner == VARIANT:
        out[BY_SOUND] += share
    elif manner == EDIT:
        out[EDITS] += (1.0 - like) * letters
    elif manner == BONES:
        out[BY_CONSONANTS] += share
    elif manner == MEANING:
        out[BY_TRANSLATION] += share
    elif manner == NICK:
        out[BY_NICKNAME] += 1.0
    elif manner == INITIAL:
        out[BY_INITIAL] += 1.0
    elif manner == PREFIX:
        out[BY_PREFIX] += 1.0
    elif manner == JOINED:
        out[JOINED_WORDS] += 1.0


@njit(cache=True, nogil=True)
def _all_numbers(store, words, count):
    klass = store[7]
    for i in range(count):
        if klass[words[i]] != NUMBER:
            return False
    return True


@njit(cache=True, nogil=True)
def _all_syllables(store, words, count):
    """Whether a name may be Chinese: every word is made of its syllables."""
    klass, shape = store[7], store[9]
    for i in range(count):
        if shape[words[i]] != PINYIN and not light(klass[words[i]]):
            return False
    return count <= 4


@njit(cache=True, nogil=True)
def _missing(store, weights, a, na, b, nb, to_b, to_a, out, rows):
    """What the words without an answer say; worst are those that stand against each other."""
    klass, shape = store[7], store[9]
    patronymics_a, patronymics_b = 0, 0
    letters_a, letters_b = 0, 0
    numbers_a, numbers_b, types_a, types_b, places_a, places_b = 0, 0, 0, 0, 0, 0
    for i in range(na):
        kind = klass[a[i]]
        if to_b[i] >= 0:
            out[NUMBERS_AGREE] += kind == NUMBER
            continue
        if kind == NUMBER:
            numbers_a += 1
            continue
        share = weights[a[i]] / _HEAVY
        out[MISSING_A] += share
        out[HEAVIEST_MISSING_A] = max(out[HEAVIEST_MISSING_A], share)
        out[MISSING_WORDS_A] += 0.0 if light(kind) else 1.0
        if kind == CONTENT:
            out[OWN_MISSING_A] = max(out[OWN_MISSING_A], share)
        letters_a += kind == LETTER
        patronymics_a += shape[a[i]] == PATRONYMIC
        types_a += kind == TYPE
        places_a += kind == PLACE
    for j in range(nb):
        kind = klass[b[j]]
        if to_a[j] >= 0:
            continue
        if kind == NUMBER:
            numbers_b += 1
            continue
        share = weights[b[j]] / _HEAVY
        out[MISSING_B] += share
        out[HEAVIEST_MISSING_B] = max(out[HEAVIEST_MISSING_B], share)
        out[MISSING_WORDS_B] += 0.0 if light(kind) else 1.0
        if kind == CONTENT:
            out[OWN_MISSING_B] = max(out[OWN_MISSING_B], share)
        letters_b += kind == LETTER
        patronymics_b += shape[b[j]] == PATRONYMIC
        types_b += kind == TYPE
        places_b += kind == PLACE
    out[NUMBERS_DIFFER] = 1.0 if numbers_a and numbers_b else 0.5 * (numbers_a + numbers_b > 0)
    refused = (letters_a and out[MISSING_WORDS_B]) or (letters_b and out[MISSING_WORDS_A])
    out[INITIAL_REFUSED] = 1.0 if refused or (letters_a and letters_b) else 0.0
    out[PATRONYMICS_DIFFER] = 1.0 if patronymics_a and patronymics_b else 0.0
    out[TYPES_DIFFER] = 1.0 if types_a and types_b else 0.0
    out[PLACES_DIFFER] = 1.0 if places_a and places_b else 0.0
    out[CONTRADICTED] = min(out[HEAVIEST_MISSING_A], out[HEAVIEST_MISSING_B])
    out[NEAREST_CONTRADICTED] = _nearest(store, a, na, b, nb, to_b, to_a, rows)


@njit(cache=True, nogil=True)
def _nearest(store, a, na, b, nb, to_b, to_a, rows):
    """How near two words come that stand against each other: a slip, or another word."""
    heard, lengths, mask, klass = store[1], store[3], store[4], store[7]
    best = 0.0
    for i in range(na):
        if to_b[i] >= 0 or light(klass[a[i]]):
            continue
        for j in range(nb):
            if to_a[j] >= 0 or light(klass[b[j]]) or bits(mask[a[i]] ^ mask[b[j]]) > 8:
                continue
            la, lb = lengths[a[i], 1], lengths[b[j], 1]
            most = max(la, lb)
            edits = distance(heard[a[i]], la, heard[b[j]], lb, most, rows)
            if edits <= most:
                best = max(best, 1.0 - edits / (2.0 * most))
    return best


@njit(cache=True, nogil=True)
def _order(store, a, na, b, nb, to_b, to_a, out):
    """Whether the words come in the same order; whether the outer ones are met."""
    klass = store[7]
    pairs, kept, last = 0, 0, -1
    for i in range(na):
        if to_b[i] >= 0 and not light(klass[a[i]]):
            if last >= 0:
                pairs += 1
                kept += to_b[i] >= last
            last = to_b[i]
    out[ORDER] = kept / pairs if pairs else 1.0
    for i in range(na):
        if not light(klass[a[i]]):
            out[FIRST_MET] += 0.5 * (to_b[i] >= 0)
            break
    for j in range(nb):
        if not light(klass[b[j]]):
            out[FIRST_MET] += 0.5 * (to_a[j] >= 0)
            break
    for i in range(na - 1, -1, -1):
        if not light(klass[a[i]]):
            out[LAST_MET] += 0.5 * (to_b[i] >= 0)
            break
    for j in range(nb - 1, -1, -1):
        if not light(klass[b[j]]):
            out[LAST_MET] += 0.5 * (to_a[j] >= 0)
            break


@njit(cache=True, nogil=True)
def _whole(store, a, na, b, nb, to_b, rows):
    """Likeness of the names as heard, written without spaces in the order of ``b``."""
    heard, bones, lengths, klass, rough = store[1], store[2], store[3], store[7], store[8]
    column, letters = 1, heard
    for i in range(na):
        if rough[a[i]]:
            column, letters = 2, bones
    for j in range(nb):
        if rough[b[j]]:
            column, letters = 2, bones
    left = np.empty(_WHOLE, dtype=np.uint8)
    right = np.empty(_WHOLE, dtype=np.uint8)
    la, lb = 0, 0
    used = np.zeros(_MOST_WORDS, dtype=np.bool_)
    for j in range(nb):
        if klass[b[j]] == TITLE:
            continue
        size = min(lengths[b[j], column], _WHOLE - lb)
        right[lb : lb + size] = letters[b[j], :size]
        lb += size
        for i in range(na):
            if to_b[i] == j and not used[i]:
                used[i] = True
                size = min(lengths[a[i], column], _WHOLE - la)
                left[la : la + size] = letters[a[i], :size]
                la += size
    for i in range(na):
        if not used[i] and klass[a[i]] != TITLE:
            size = min(lengths[a[i], column], _WHOLE - la)
            left[la : la + size] = letters[a[i], :size]
            la += size
    longer = max(la, lb)
    if longer == 0:
        return 0.0
    return 1.0 - distance(left, la, right, lb, longer, rows) / (2.0 * longer)


@njit(cache=True, nogil=True)
def _is_acronym(store, a, na, acronym, nb):
    """How surely the one word of ``a`` is the acronym of the other name: more letters, surer."""
    if na != 1 or nb < 2:
        return 0.0
    text, lengths, klass = store[0], store[3], store[7]
    size = lengths[a[0], 0]
    if size < 2 or size > acronym.shape[1] or klass[a[0]] == NUMBER:
        return 0.0
    for at in range(acronym.shape[0]):
        same = size == acronym.shape[1] or acronym[at, size] == 0
        for k in range(size):
            same = same and acronym[at, k] == text[a[0], k]
        if same:
            return float(size)
    return 0.0
