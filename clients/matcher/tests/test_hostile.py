"""Whatever comes in: no failure, no long work. The long run is `test_a_hundred_thousand`."""

import gc
import random
import time

import pytest
from matcher_support import crowd, organisations, persons

from partner_registry_matcher import Matcher, Subject

_RANGES = (
    (0x20, 0x7F),
    (0xA0, 0x250),
    (0x370, 0x5FF),
    (0x600, 0x700),
    (0x900, 0xE80),
    (0x1000, 0x1200),
)
_MORE = (
    (0x3040, 0x3100),
    (0x4E00, 0x9FFF),
    (0xAC00, 0xD7A3),
    (0x1F300, 0x1F700),
    (0, 0x20),
    (0xFE00, 0xFFFF),
)
_SLOWEST = 0.050


def _hostile(r: random.Random) -> str:
    kind = r.randrange(6)
    if kind == 0:
        low, high = r.choice(_RANGES + _MORE)
        return "".join(chr(r.randrange(low, high)) for _ in range(r.randrange(1, 200)))
    if kind == 1:
        return r.choice(["a", "ab ", "\u0301", "مح ", "д", "王", "1 ", "the "]) * r.randrange(
            1, 400
        )
    if kind == 2:
        return " ".join(r.choice(organisations()).split()[0] for _ in range(r.randrange(1, 60)))
    if kind == 3:
        letters = list(r.choice(persons() + organisations()))
        for _ in range(r.randrange(5)):
            letters[r.randrange(len(letters))] = chr(r.randrange(0x20, 0x3000))
        return "".join(letters)
    if kind == 4:
        return "\x00".join(r.choice(persons()) for _ in range(3)) + "\ud800"
    return r.choice(
        ["", " ", "a.k.a.", ";;;", "'" * 500, "(" * 500, "٣٤٥", "\u202e" * 50, "ß" * 500]
    )


def _run(number: int, seed: int) -> float:
    parties, statistics = crowd()
    matcher = Matcher(parties, statistics)
    r = random.Random(seed)
    matcher.screen(Subject(None, ["Amina Warsame"]), 0.5)
    gc.collect()
    gc.freeze()
    slowest = 0.0
    for _ in range(number):
        name = _hostile(r)
        start = time.process_time()
        hits = matcher.screen(Subject(r.choice([None, "person", "organisation"]), [name]), 0.5)
        slowest = max(slowest, time.process_time() - start)
        assert all(0.5 <= hit.score < 1.0 for hit in hits)
    gc.unfreeze()
    return slowest


def test_hostile_names_neither_fail_nor_take_long() -> None:
    assert _run(1500, 7) < 4 * _SLOWEST


@pytest.mark.drill
def test_a_hundred_thousand_hostile_names() -> None:
    assert _run(100_000, 11) < _SLOWEST
