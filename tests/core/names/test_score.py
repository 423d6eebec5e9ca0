"""What is and what is not the same name. All names are made up."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.names import MAX_LENGTH, score
from partner_registry_matcher import Kind

ALIKE = 0.78
"""From here two names are of one party, or of parties that share most of theirs."""
ANY_TEXT = st.text(alphabet=st.characters(codec=None, exclude_categories=()), max_size=60)
WORDS = st.lists(
    st.sampled_from(
        [
            "al",
            "abu",
            "karim",
            "salem",
            "haddad",
            "ivan",
            "petrov",
            "lee",
            "wu",
            "relief",
            "trust",
            "ltd",
            "of",
            "the",
            "J",
            "B",
            "7",
            "noor",
            "nur",
            "محمد",
            "كريم",
            "Кедров",
            "林",
        ]
    ),
    min_size=1,
    max_size=6,
).map(" ".join)
KINDS = st.sampled_from(["person", "organisation"])

SAME_PERSON = [
    ("Tomas Varga", "Varga, Tomás"),
    ("T. Varga", "Tomas Varga"),
    ("Tomas Varga", "Tomas Emil Varga"),
    ("Dr. Tomas Varga", "Tomas Varga"),
    ("Tomsa Varga", "Tomas Varga"),
    ("Tomas Vagra", "Tomas Varga"),
    ("Leontina Marchetti", "Leontima Marchtti"),
    ("Abdul Karim Zaytun", "Abdelkarim al-Zaytoun"),
    ("Qasim Soleimanpour", "Kassem Sulaymanpur"),
    ("كريم الزيتوني", "Karim al-Zaytuni"),
    ("محمد زيتون", "Mohammed Zaytoun"),
    ("Владимир Кедровский", "Vladimir Kedrovskiy"),
    ("Хусейн Магомедов", "Hussein Magomedov"),
    ("林小云", "Lin Xiaoyun"),
    ("김하늘", "Kim Haneul"),
    ("Yusuf Omar Farsi", "Youssef Umar al-Farsi"),
]
OTHER_PERSON = [
    ("Ali", "Ali Zaytun"),
    ("Ali", "Alia"),
    ("Ali", "LLC"),
    ("Muhammad", "Muhammad Karim Zaytun"),
    ("John Paul Varga", "John Mark Varga"),
    ("Ahmed Hassan Farsi", "Ahmed Hussein Farsi"),
    ("Zahra Ahmadi", "Zahra Mohammadi"),
    ("Tomas Varga", "Tomas Kedrov"),
    ("Al Bin", "Al Bin Zaytun"),
    ("Issam Anwar", "Ansar Islam"),
    ("Wu Li", "Wu Lan"),
]
SAME_BODY = [
    ("Amani Releif Trust", "Amani Relief Trust"),
    ("Blue Heron Trading Co., Ltd", "Blue Heron Trading LLC"),
    ("Al Noor Trading Company", "Al-Nur Trading Co. Ltd"),
    ("Bank Samara", "Samara Bank PLC"),
    ("Sun-Rise Aid", "Sunrise Aid"),
    ("B.H.R.O.", "BHRO"),
    ("ООО Ромашка", "Romashka LLC"),
    ("شركة النور للتجارة", "Al Noor Trading Company"),
    ("International Organisation for Blue Herons", "Intl. Organization for Blue Heron"),
    ("Fondation Lumière d’Orient", "Fondation Lumiere d'Orient SARL"),
]
OTHER_BODY = [
    ("Emma LLC", "Emma Daniels"),
    ("LLC", "Emma LLC"),
    ("Corp", "Heron Corp"),
    ("International Trading Company", "International Trading Group"),
    ("Amani Foundation", "Amani Trust"),
    ("Green Valley Relief", "Green Hills Relief"),
    ("Heron Relief", "Relief"),
    ("Heron 44", "Heron 45"),
]


@pytest.mark.parametrize(("a", "b"), SAME_PERSON)
def test_one_person_written_twice_is_found(a: str, b: str) -> None:
    assert score(a, b, "person")[0] >= ALIKE


@pytest.mark.parametrize(("a", "b"), OTHER_PERSON)
def test_another_person_is_not(a: str, b: str) -> None:
    assert score(a, b, "person")[0] < ALIKE


@pytest.mark.parametrize(("a", "b"), SAME_BODY)
def test_one_body_written_twice_is_found(a: str, b: str) -> None:
    assert score(a, b, "organisation")[0] >= ALIKE


@pytest.mark.parametrize(("a", "b"), OTHER_BODY)
def test_another_body_is_not(a: str, b: str) -> None:
    assert score(a, b, "organisation")[0] < ALIKE


def test_the_exact_name_ranks_before_its_likenesses() -> None:
    ranked = [
        score("Tomas Emil Varga", other, "person")[0]
        for other in ("tomás emil VARGA", "Varga Tomas Emil", "Tomas Emil Vargas", "Tomas Varga")
    ]
    assert ranked == sorted(ranked, reverse=True)
    assert len(set(ranked)) == len(ranked)
    assert ranked[0] == 1.0


def test_the_explanation_says_what_met_what() -> None:
    value, why = score("Tomsa Varga", "Tomas Emil Varga", "person")
    assert 0 < value < 1
    assert why["name"] == "Tomas Emil Varga"
    assert why["method"] == "similar_words"
    assert [pair[:2] for pair in why["matched"]] == [("tomsa", "tomas"), ("varga", "varga")]
    assert (why["unmatched_query"], why["unmatched_candidate"]) == ([], ["emil"])


@given(ANY_TEXT, ANY_TEXT, KINDS)
def test_any_text_scores_between_0_and_1(a: str, b: str, kind: Kind) -> None:
    assert 0.0 <= score(a, b, kind)[0] <= 1.0


@given(ANY_TEXT.filter(str.strip), KINDS)
def test_a_name_is_itself(name: str, kind: Kind) -> None:
    assert score(name, name, kind)[0] == 1.0


@given(WORDS, WORDS, KINDS)
def test_scores_are_symmetric(a: str, b: str, kind: Kind) -> None:
    assert score(a, b, kind)[0] == pytest.approx(score(b, a, kind)[0], abs=0.03)


@pytest.mark.parametrize("name", ["muhammad ahmad " * 700, "习近云金正小明" * 1_500, "ﷺ" * 10_000])
def test_a_hostile_name_costs_little(name: str) -> None:
    score(name, name[::-1], "person")
    whole = min(_seconds(name, name[::-1]) for _ in range(5))
    cut = min(_seconds(name[:MAX_LENGTH], name[::-1][:MAX_LENGTH]) for _ in range(5))
    # What lies beyond the cap costs nothing, on however slow a machine this runs.
    assert whole < 3 * cut + 0.002


def _seconds(a: str, b: str) -> float:
    start = time.thread_time()
    score(a, b, "person")
    return time.thread_time() - start
