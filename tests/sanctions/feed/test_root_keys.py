"""The offline root keys: two of three sign, and nothing else does."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.auth import jose
from app.sanctions.feed.root_keys import (
    RootKeyProblem,
    read_anchor,
    read_root_keys,
    root_init,
)

ISSUER = "https://registry.example.org"


def test_two_different_keys_of_the_anchor_are_enough_and_one_twice_is_not(tmp_path: Path) -> None:
    anchor = read_anchor(root_init(tmp_path / "root", ISSUER))
    one, two = tmp_path / "root" / "root-1.pem", tmp_path / "root" / "root-2.pem"
    assert len({key.kid for key in read_root_keys([one, two], anchor)}) == 2
    with pytest.raises(RootKeyProblem, match="2 different root keys must sign; 1 given"):
        read_root_keys([one, one], anchor)


def test_a_key_of_another_anchor_or_no_key_at_all_is_refused(tmp_path: Path) -> None:
    anchor = read_anchor(root_init(tmp_path / "root", ISSUER))
    foreign = tmp_path / "foreign.pem"
    foreign.write_bytes(jose.generate_key())
    with pytest.raises(RootKeyProblem, match="is no key of this anchor"):
        read_root_keys([foreign], anchor)
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("nothing")
    with pytest.raises(RootKeyProblem, match="is no root key"):
        read_root_keys([nothing], anchor)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"issuer": "x", "threshold": 2, "keys": 3}'])
def test_a_file_that_is_no_anchor_is_said_to_be_none(tmp_path: Path, content: str) -> None:
    path = tmp_path / "anchor.json"
    path.write_text(content)
    with pytest.raises(RootKeyProblem, match="is no anchor"):
        read_anchor(path)


def test_keys_that_exist_are_never_overwritten(tmp_path: Path) -> None:
    root_init(tmp_path / "root", ISSUER)
    with pytest.raises(RootKeyProblem, match="exists already"):
        root_init(tmp_path / "root", ISSUER)
