"""Folding, tokens, legal forms, scripts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.names import MAX_LENGTH, MAX_TOKENS, fold, strip_legal_form, tokens
from partner_registry_matcher import scripts

ANY_TEXT = st.text(alphabet=st.characters(codec=None, exclude_categories=()), max_size=80)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("  José  MUÑOZ-López ", "jose munoz lopez"),
        ("Владимир Кедров", "vladimir kedrov"),
        ("ﬁnance Straße", "finance strasse"),
        ("Al-Qa'ida’s", "al qaidas"),
        ("林小云", "lin xiao yun"),
        ("김하늘", "gim ha neul"),
        ("zero\u200bwidth \u202eturned", "zerowidth turned"),
        ("!!!", ""),
        ("", ""),
    ],
)
def test_fold_gives_the_searchable_form(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(ANY_TEXT)
def test_fold_never_raises_and_is_stable(text: str) -> None:
    folded = fold(text)
    assert folded.isascii()
    assert fold(folded) == folded


def test_length_and_words_are_capped() -> None:
    assert len(fold("ab " * 5_000)) <= MAX_LENGTH
    assert len(tokens("a b " * 5_000)) == MAX_TOKENS


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("Blue Heron Trading Ltd.", "blue heron trading"),
        ("Blue Heron Trading Co., Ltd", "blue heron trading"),
        ("Sonnental GmbH & Co. KG", "sonnental"),
        ("Lumière d'Orient S.A.R.L.", "lumiere dorient"),
        ("Luz del Alba S.A. de C.V.", "luz del alba"),
        ("ООО «Ромашка»", "romashka"),
        ("PT Angin Timur Tbk", "angin timur"),
        ("Amani Foundation", "amani foundation"),
        ("LLC", "llc"),
        ("Ltd LLC", "ltd llc"),
    ],
)
def test_legal_forms_are_stripped_but_never_the_whole_name(text: str, bare: str) -> None:
    assert strip_legal_form(text) == bare


def test_scripts_are_named() -> None:
    assert scripts("Amani آماني Амани 阿") == {"Latn", "Arab", "Cyrl", "Hani"}
    assert scripts("123 -") == frozenset()
