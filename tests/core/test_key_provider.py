"""Root keys: from a file or the environment, one that wraps and one that is read as well."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import ValidationError

from app.core.key_provider import RootKey, RootKeys, Undecipherable, load_root_keys
from app.core.safety import check_root_key
from app.core.settings import Settings, UnsafeSettings
from tests.core.test_settings import GOOD

ONE, TWO = RootKey.generate("production"), RootKey.generate("production")


def text_of(key: RootKey) -> str:
    return f"registry-root-key:v1:{key.purpose}:{base64.b64encode(key.secret).decode()}"


def saved(key: RootKey, path: Path) -> Path:
    key.save(path)
    return path


def test_a_root_key_comes_from_a_file_or_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = saved(ONE, tmp_path / "one.key")
    assert load_root_keys(Settings(root_key_file=file)) == RootKeys(ONE)
    monkeypatch.setenv("REGISTRY_ROOT_KEY", text_of(ONE) + "\n")
    settings = Settings()
    assert load_root_keys(settings) == RootKeys(ONE)
    assert text_of(ONE) not in repr(settings)
    monkeypatch.setenv("REGISTRY_ROOT_KEY_SECOND", text_of(TWO))
    assert load_root_keys(Settings()) == RootKeys(ONE, (TWO,))
    monkeypatch.setenv("REGISTRY_ROOT_KEY_SECOND", text_of(ONE))
    assert load_root_keys(Settings()) == RootKeys(ONE), "the same key is no second one"


def test_a_second_root_key_comes_from_a_file_as_well(tmp_path: Path) -> None:
    one, two = saved(ONE, tmp_path / "one.key"), saved(TWO, tmp_path / "two.key")
    settings = Settings(root_key_file=one, root_key_second_file=two)
    assert load_root_keys(settings) == RootKeys(ONE, (TWO,))


@pytest.mark.parametrize("name", ["root_key", "root_key_second"])
def test_never_both_origins(name: str, tmp_path: Path) -> None:
    values: dict[str, Any] = {name: text_of(ONE), f"{name}_file": tmp_path / "one.key"}
    words = f"Set REGISTRY_{name.upper()}_FILE or REGISTRY_{name.upper()}, not both."
    with pytest.raises(ValidationError, match=words):
        Settings(**values)


def test_what_is_missing_or_broken_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnsafeSettings, match="REGISTRY_ROOT_KEY_FILE is not set"):
        load_root_keys(Settings())
    monkeypatch.setenv("REGISTRY_ROOT_KEY", "secret words")
    with pytest.raises(UnsafeSettings, match=r"^REGISTRY_ROOT_KEY does not hold a root key\.$"):
        load_root_keys(Settings())


def test_production_takes_its_root_key_from_the_environment_too_but_no_demo_key() -> None:
    settings = Settings(**(GOOD | {"root_key_file": None, "root_key": text_of(ONE)}))
    check_root_key(load_root_keys(settings), settings)
    demo = RootKey.generate("demo")
    for keys in (RootKeys(demo), RootKeys(ONE, (demo,)), demo):
        with pytest.raises(UnsafeSettings, match="made for the demo"):
            check_root_key(keys, settings)


async def test_a_wrapped_key_says_which_root_key_wrapped_it() -> None:
    assert ONE.current_id != TWO.current_id
    old, both = RootKeys(ONE), RootKeys(TWO, (ONE,))
    wrapped = await old.wrap(b"key", "context")
    assert bytes.fromhex(old.current_id) in wrapped
    assert (old.is_current(wrapped), both.is_current(wrapped)) == (True, False)
    assert await both.unwrap(wrapped, "context") == b"key"
    anew = await both.wrap(b"key", "context")
    assert both.is_current(anew)
    assert await RootKeys(ONE, (TWO,)).unwrap(anew, "context") == b"key"
    for keys, context in ((old, "context"), (both, "other"), (RootKeys(TWO), "other")):
        with pytest.raises(Undecipherable):
            await keys.unwrap(anew, context)
    assert both.derive("x") == TWO.derive("x") != old.derive("x")


async def test_the_name_of_the_root_key_cannot_be_exchanged() -> None:
    wrapped = bytearray(await ONE.wrap(b"key", "context"))
    wrapped[1:9] = bytes.fromhex(TWO.current_id)
    with pytest.raises(Undecipherable):
        await RootKeys(ONE, (TWO,)).unwrap(bytes(wrapped), "context")


async def test_what_an_older_release_wrapped_is_read() -> None:
    nonce = os.urandom(12)
    wrapped = nonce + AESGCM(ONE.derive("wrap")).encrypt(nonce, b"key", b"context")
    for keys in (ONE, RootKeys(ONE), RootKeys(TWO, (ONE,))):
        assert await keys.unwrap(wrapped, "context") == b"key"
        assert not keys.is_current(wrapped)
