"""Screening a subject: names, then what confirms or contradicts."""

import importlib
import sys
from pathlib import Path

from app.core import names
from app.core.names import ALGORITHM, IndexedName, NameIndex, Party, Subject, screen

PARTIES = {
    p.owner: p
    for p in [
        Party("p1", "person", ["Tomas Emil Varga", "T. Emil"], ["HUN"], ["1961-05-04"]),
        Party("p2", "person", ["Tomas Vargas"], ["MEX"], [(1970, 1972)], ["MX-55-1234"]),
        Party("o1", "organisation", ["Blue Heron Relief", "BHR"], ["KEN"], [], ["KE-NCB-77"]),
    ]
}
INDEX = NameIndex(
    IndexedName(p.owner, name, p.kind, weak=at > 0)
    for p in PARTIES.values()
    for at, name in enumerate(p.names)
)


def run(**subject: object) -> dict[str, names.Hit]:
    given = {"kind": "person", "names": ["Tomas Varga"], **subject}
    return {h.owner: h for h in screen(INDEX, PARTIES, Subject(**given), 0.7)}  # type: ignore[arg-type]


def test_the_best_name_of_each_party_counts_once() -> None:
    hits = run(names=["Tomas Varga", "Tomas Emil Varga"])
    assert hits["p1"].score == 1.0
    assert hits["p1"].caption == "Tomas Emil Varga"
    assert hits["p1"].explanation["factors"] == []


def test_agreement_raises_and_contradiction_lowers() -> None:
    plain, agreeing = run()["p2"].score, run(birth_date="1971", countries=["MEX"])["p2"].score
    against = run(birth_date="1940", countries=["KEN"])["p2"]
    assert agreeing > plain > against.score
    assert [f["factor"] for f in against.explanation["factors"]] == ["birth_year", "country"]
    assert all(f["effect"] < 0 for f in against.explanation["factors"])


def test_an_exact_birth_date_counts_more_than_its_year() -> None:
    day, year = run(birth_date="1961-05-04")["p1"], run(birth_date="1961")["p1"]
    near = run(birth_date="1962")["p1"]
    assert day.score > year.score > near.score == run()["p1"].score


def test_an_equal_identifier_is_a_full_match_whatever_the_name() -> None:
    hit = run(names=["Somebody Else"], identifiers=["mx 55 1234"])["p2"]
    assert hit.score == 1.0
    assert hit.explanation["factors"][0]["factor"] == "identifier"
    assert not run(names=["Somebody Else"], identifiers=["1234"])


def test_names_of_the_other_kind_are_not_searched() -> None:
    assert not run(names=["Blue Heron Relief"])
    assert set(run(kind="organisation", names=["Blue Heron Releif"])) == {"o1"}
    assert set(run(kind=None, names=["Blue Heron Relief"])) == {"o1"}


def test_odd_input_is_harmless() -> None:
    assert not run(names=[], identifiers=["", "-----"], birth_date="soon", countries=[""])
    assert not screen(INDEX, {}, Subject("person", ["Tomas Varga"]))


def test_the_client_runs_the_same_source() -> None:
    linked = importlib.import_module("partner_registry_client.names")
    assert linked.ALGORITHM == ALGORITHM
    assert Path(str(linked.__file__)).resolve() == Path(names.__file__).resolve()
    a, b = "Tomsa Varga", "Tomas Emil Varga"
    assert linked.score(a, b, "person") == names.score(a, b, "person")
    assert "app.core.names" in sys.modules
