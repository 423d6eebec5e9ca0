"""Letters compared: what is computed fast is what the definition says."""

import random

import numpy as np
from numpy.typing import NDArray

from partner_registry_matcher.letters import LONGEST, distance

_ROWS = np.empty((3, LONGEST), np.int32)
_VOWELS = set("aeiouy")


def _cost(*letters: str) -> int:
    return 1 if all(letter in _VOWELS for letter in letters) else 2


def _by_definition(a: str, b: str) -> int:
    """The whole table, nothing left out."""
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in range(len(a) + 1):
        for j in range(len(b) + 1):
            ways = [0] if i == j == 0 else []
            if i:
                ways.append(table[i - 1][j] + _cost(a[i - 1]))
            if j:
                ways.append(table[i][j - 1] + _cost(b[j - 1]))
            if i and j:
                same = a[i - 1] == b[j - 1]
                ways.append(table[i - 1][j - 1] + (0 if same else _cost(a[i - 1], b[j - 1])))
            if i > 1 and j > 1 and a[i - 2 : i] == b[j - 1] + b[j - 2]:
                ways.append(table[i - 2][j - 2] + 2)
            table[i][j] = min(ways)
    return table[-1][-1]


def _letters(word: str) -> NDArray[np.uint8]:
    return np.frombuffer(word.encode(), np.uint8)


def test_the_distance_is_that_of_the_whole_table_as_far_as_it_is_asked_for() -> None:
    rng = random.Random(4)
    for _ in range(3_000):
        a = "".join(rng.choice("abekst") for _ in range(rng.randrange(1, 9)))
        b = list(a)
        for _ in range(rng.randrange(4)):
            at = rng.randrange(len(b) + 1)
            b[at : at + rng.randrange(2)] = rng.choice(["", "a", "k", "st", "e"])
        other = "".join(b) or "a"
        most = rng.choice([2, 4, 6, 40])
        found = distance(_letters(a), len(a), _letters(other), len(other), most, _ROWS)
        whole = _by_definition(a, other)
        if abs(len(a) - len(other)) <= most:
            assert found == min(whole, most + 1), (a, other, most)
