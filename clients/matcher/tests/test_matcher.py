"""Parties, identifiers, qualifiers: what the score of a screening rests on."""

import json
from dataclasses import replace
from typing import Any

import pytest
from matcher_support import crowd, party

from partner_registry_matcher import DEFAULT_THRESHOLD, EMPTY, Matcher, Party, Subject, count, load

_MAN = Party(
    "p",
    ("person",),
    ["Tariq Haddad Mansour"],
    birth_dates=["1970-02-03"],
    countries=["SYR"],
    gender="m",
)
_ASKED = Subject("person", ["Tarik Haddad Mansour"])


def _score(subject: Subject, listed: Party = _MAN) -> float:
    return Matcher([listed], EMPTY).compare(subject, listed).score


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({"birth_date": "1970-02-03"}, {"birth_date": "1970"}),
        ({"birth_date": "1970"}, {}),
        ({"birth_date": "1970-03-02"}, {"birth_date": "1970"}),
        ({"birth_date": "1971"}, {"birth_date": "1985-02-03"}),
        ({}, {"birth_date": "1985-02-03"}),
        ({"countries": ["SYR", "LBN"]}, {}),
        ({}, {"countries": ["PER"]}),
        ({}, {"gender": "f"}),
    ],
)
def test_what_else_is_known_moves_the_score_both_ways(
    better: dict[str, Any], worse: dict[str, Any]
) -> None:
    assert _score(replace(_ASKED, **better)) > _score(replace(_ASKED, **worse))


def test_one_strong_identifier_decides() -> None:
    listed = replace(_MAN, identifiers=["N-004 521"])
    matcher = Matcher([listed], EMPTY)
    for names in (["Someone Else"], ["Tariq Haddad Mansour"]):
        hit = matcher.screen(Subject("person", names, identifiers=["n004521"]))[0]
        assert hit.score > 0.95
        assert hit.explanation["factors"][0]["factor"] == "identifier_equal"
    assert matcher.screen(Subject("person", ["Someone Else"], identifiers=["n004"])) == []


def test_a_weak_alias_weighs_less() -> None:
    plain = _score(Subject("person", ["Abu Tariq"]), party("1", "Abu Tariq", "person"))
    weak = replace(party("1", "Abu Tariq", "person"), weak=frozenset({"Abu Tariq"}))
    assert _score(Subject("person", ["Abu Tariq"]), weak) < plain


def test_a_pair_scores_the_same_alone_in_a_list_and_in_another_list() -> None:
    parties, statistics = crowd()
    listed = party("x", "Kassala Women Education Union")
    subject = Subject("organisation", ["Kassala Womens Education Union"])
    scores = {
        Matcher([listed], statistics).screen(subject)[0].score,
        Matcher([*parties, listed], statistics).screen(subject)[0].score,
        Matcher([], statistics).compare(subject, listed).score,
    }
    assert len(scores) == 1


def test_the_same_input_gives_the_same_bytes() -> None:
    parties, statistics = crowd()
    subject = Subject(None, ["Garowe Legal Aid Society", "Olga Petrowa"])
    answers = {
        json.dumps(
            [vars(hit) for hit in Matcher(parties, statistics).screen(subject, 0.1)], sort_keys=True
        )
        for _ in range(2)
    }
    matcher = Matcher(parties, statistics)
    for name in ("Garowe Relief", "Petrova", "Ola Petro"):
        matcher.screen(Subject(None, [name]), 0.0)
    answers.add(json.dumps([vars(hit) for hit in matcher.screen(subject, 0.1)], sort_keys=True))
    assert len(answers) == 1


def test_statistics_travel_as_bytes_and_change_scores() -> None:
    _, statistics = crowd()
    again = load(statistics.dump())
    assert (again.version, again.dump()) == (statistics.version, statistics.dump())
    subject, listed = (
        Subject("organisation", ["Gulu Nutrition"]),
        party("x", "Gulu Nutrition Alliance"),
    )
    known = Matcher([listed], statistics).compare(subject, listed)
    assert known.score != Matcher([listed], EMPTY).compare(subject, listed).score
    assert known.explanation["statistics"] == statistics.version
    with pytest.raises(ValueError, match="no word statistics"):
        load(b"[]")


def test_limit_threshold_and_order() -> None:
    parties, statistics = crowd()
    matcher = Matcher(parties, statistics)
    hits = matcher.screen(Subject("organisation", ["Gulu Relief Network"]), 0.0)
    assert hits[0].caption == "Gulu Relief Network"
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert (
        matcher.screen(Subject("organisation", ["Gulu Relief Network"]), 0.0, limit=1) == hits[:1]
    )
    above = matcher.screen(Subject("organisation", ["Gulu Relief Network"]), DEFAULT_THRESHOLD)
    assert above == [hit for hit in hits if hit.score >= DEFAULT_THRESHOLD]


def test_an_explanation_adds_up_and_names_its_words() -> None:
    parties, statistics = crowd()
    hit = Matcher(parties, statistics).screen(Subject("organisation", ["Lira Clean Watr Society"]))[
        0
    ]
    explanation = hit.explanation
    assert [line["manner"] for line in explanation["alignment"]] == [
        "exact",
        "exact",
        "edit",
        "exact",
    ]
    assert {"base", "covered_a"} <= set(explanation["contributions"])
    assert explanation["name"] == "Lira Clean Water Society"


def test_several_names_in_one_field_are_several_names() -> None:
    matcher = Matcher([party("1", "Harakat Nur a.k.a. Lantern Movement; HN")], count([]))
    assert matcher.screen(Subject("organisation", ["Lantern Movement"]))[0].owner == "1"


def test_an_empty_list_and_a_name_without_letters_find_nothing() -> None:
    assert Matcher([], EMPTY).screen(Subject(None, ["Anybody"])) == []
    assert Matcher([party("1", "???")], EMPTY).screen(Subject(None, ["!!!", ""]), 0.0) == []
