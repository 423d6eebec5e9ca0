"""Keys of names: two ways to write one name share a key, and few keys are kept."""

from __future__ import annotations

import pytest

from app.core.names.keys import Probes, probes, search_keys, stored, text_key

NAME = "Zawadi Njema Relief Trust"


def met(kept: str, asked: str, country: str | None = "KEN") -> bool:
    """Whether a search for ``asked`` would meet a profile named ``kept``."""
    keys, wanted = stored(kept, "KEN"), probes(asked, country)
    return any(keys.issuperset(probe.keys) for probe in wanted.all_of) or not keys.isdisjoint(
        wanted.near
    )


@pytest.mark.parametrize(
    ("kept", "asked"),
    [
        (NAME, "Zawadi Njema Releif Trust"),
        (NAME, "Trust Relief Zawadi Njema"),
        (NAME, "Zawadi Njema Relief Trust Ltd"),
        (NAME, "Zawadinjema Relieftrust"),
        (NAME, "Zawadi-Njema Relief Trust"),
        (NAME, "Zawadi Nhema Relief"),
        ("Tumaini", "Tumiani"),
        ("Kivulini", "Kivumini"),
        ("مؤسسة نوري", "Muassasat Nuri"),
        ("Благодійний фонд Зореслава", "Blahodiinyi fond Zoreslava"),
        ("中国红十字会", "Zhongguo Hongshizihui"),
        ("中国红十字会", "中国红十字总会"),
        ("ተስፋ ማህበር", "Tesfa Mahber"),
        ("Adventist Development and Relief Agency", "ADRA"),
        ("ADRA", "Adventist Development and Relief Agency"),
        ("ADRA Kenya", "Adventist Development and Relief Agency"),
    ],
)
def test_one_name_written_in_two_ways_is_met(kept: str, asked: str) -> None:
    assert met(kept, asked)


def test_a_name_of_another_body_is_not_met() -> None:
    assert not met("Zawadi Njema Relief Trust", "Pochaleri Women's Union")


@pytest.mark.parametrize("name", ["", "!!!", "\u200d", "a" * 500, "ة " * 300, "中" * 400, "🙂"])
def test_any_text_is_taken_and_costs_little(name: str) -> None:
    assert len(stored(name, "KEN")) <= 25
    asked = probes(name, None)
    assert isinstance(asked, Probes)
    assert len(asked.all_of) <= 60
    assert len(asked.near) <= 600


def test_keys_are_numbers_that_a_database_holds() -> None:
    keys = stored(NAME, "KEN") | set(search_keys(NAME)) | {text_key("web", "amani.example")}
    assert all(-(2**31) <= key < 2**31 for key in keys)
    assert search_keys("zawadi trust") == search_keys("Zawaadi, Trust")
