"""An index from a file answers as the one that was saved, or is not taken at all."""

import random
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from matcher_support import organisations, persons

from partner_registry_matcher import Matcher, Party, Subject, count, saved

_KEY = b"of the test"
_PARTIES = [
    *(Party(f"o{at}", ("organisation",), [name]) for at, name in enumerate(organisations())),
    *(Party(f"p{at}", ("person",), [name, f"{name} Junior"]) for at, name in enumerate(persons())),
    Party("both", ("person", "organisation"), ["Garowe Mine Action a.k.a. GMA; عبد الله"]),
]
_WEIGHTS = count([(name, party.kinds[0]) for party in _PARTIES for name in party.names])
_ASKED = ["Gulu Nutrition Aliance", "Amina Warsame", "OKELO Peter", "GMA", "Абдулла", "Taiz", ""]


@pytest.fixture(scope="module")
def made() -> Matcher:
    return Matcher(_PARTIES, _WEIGHTS)


@pytest.fixture
def path(tmp_path: Path, made: Matcher) -> Path:
    path = tmp_path / "index"
    saved.save(made, path, _KEY)
    return path


def _answers(matcher: Matcher) -> list[Any]:
    return [
        [(hit.owner, hit.score, hit.explanation) for hit in matcher.screen(Subject(None, [n]), 0.0)]
        for n in _ASKED
    ]


def _void(path: Path, key: bytes = _KEY) -> bool:
    return saved.load(path, _PARTIES, _WEIGHTS, key) is None


def test_it_answers_bit_for_bit_as_before(path: Path, made: Matcher, tmp_path: Path) -> None:
    found = saved.load(path, reversed(_PARTIES), _WEIGHTS, _KEY)
    assert found is not None
    assert (found.others, found.void) == ([], frozenset())
    assert _answers(found.matcher) == _answers(made)
    # What was asked for meanwhile is nothing that a file keeps.
    again = tmp_path / "again"
    saved.save(found.matcher, again, _KEY)
    assert again.read_bytes() == path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_index_of_nothing_is_kept_too(tmp_path: Path) -> None:
    saved.save(Matcher([], _WEIGHTS), tmp_path / "none", _KEY)
    found = saved.load(tmp_path / "none", _PARTIES[:3], _WEIGHTS, _KEY)
    assert found is not None
    assert found.others == _PARTIES[:3]
    assert _answers(found.matcher) == [[]] * len(_ASKED)


def test_what_changed_since_is_told(path: Path) -> None:
    renamed = replace(_PARTIES[3], names=["Quite Another Society"])
    # What is no name does not lie in the index: it counts as it is now.
    dated = replace(_PARTIES[-2], birth_dates=["1970-01-02"])
    new = Party("new", ("person",), ["Somebody New"])
    now = [*_PARTIES[1:3], renamed, *_PARTIES[4:-2], dated, _PARTIES[-1], new]
    found = saved.load(path, now, _WEIGHTS, _KEY)
    assert found is not None
    assert found.others == [renamed, new]
    assert found.void == {"o0", renamed.owner}
    asked = Subject("person", dated.names[:1], birth_date="1990-03-04")
    [hit] = [hit for hit in found.matcher.screen(asked, 0.0) if hit.owner == dated.owner]
    assert hit.score == Matcher(now, _WEIGHTS).compare(asked, dated).score


def test_only_an_untouched_file_of_the_same_making_counts(path: Path, tmp_path: Path) -> None:
    whole = path.read_bytes()
    assert not _void(path)
    assert _void(path, b"another key")
    assert saved.load(path, _PARTIES, count([("Another", "person")]), _KEY) is None
    assert _void(tmp_path / "absent")
    touched = tmp_path / "touched"
    rng = random.Random(4)
    for at in (0, 8, 39, 40, 48, len(whole) - 1, *rng.sample(range(len(whole)), 20)):
        touched.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert _void(touched), at
    for length in (0, 1, 39, 40, 100, len(whole) - 1):
        touched.write_bytes(whole[:length])
        assert _void(touched), length


def test_a_file_of_other_code_does_not_count(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved, "_code", lambda: "later")
    assert _void(path)


def test_what_cannot_be_written_leaves_the_former_file(
    path: Path, made: Matcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = path.read_bytes()

    def full(*_: Any) -> None:
        raise OSError("no space")

    monkeypatch.setattr(saved.os, "replace", full)
    with pytest.raises(OSError, match="no space"):
        saved.save(made, path, _KEY)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
