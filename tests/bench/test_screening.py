"""The quality bench of screening: its sets are true to their labels, its figures add up."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.screening import cases, metrics, parties, report, set_crosslist, set_pairs, text
from bench.screening.engines.base import once
from bench.screening.engines.fuzzy import TOKEN_SORT
from bench.screening.invented import Taken, invented
from bench.screening.measure import Plan, even, measure
from bench.screening.parties import Name, Party
from bench.screening.set_variants import VARIANTS
from bench.screening.sets import write


def _party(
    key: str,
    *names: str,
    kind: str = "organization",
    birth: str = "",
    references: tuple[str, ...] = (),
) -> Party:
    code = key.split(":")[0]
    return Party(
        id=key,
        source=code,
        kind=kind,
        names=[Name(name, "primary" if not i else "alias") for i, name in enumerate(names)],
        births=frozenset({birth} if birth else ()),
        countries=(),
        programme="",
        reference=key.split(":")[1],
        references=references,
    )


def _linked(*found: Party) -> list[Party]:
    parties.link(list(found))
    return list(found)


def test_scripts_and_word_order_are_seen() -> None:
    assert text.script("ООО Вектор LLC") == "Cyrl"
    assert text.script("محمد") == "Arab"
    assert text.script("123") == "Zyyy"
    assert text.tokens("Petrov, Iván") == text.tokens("ivan PETROV")


def test_parties_are_linked_by_reference_by_birth_and_by_a_long_name() -> None:
    listed, quoting, alike, other = _linked(
        _party("unsc:QDi.001", "Omar Saleh", kind="person", birth="1970-01-01"),
        _party("eu_fsf:1", "Umar Salih", kind="person", references=("unsc:QDi.001",)),
        _party("ca_sema:1", "SALEH Omar", kind="person", birth="1970-01-01"),
        _party("ca_sema:2", "Omar Saleh", kind="person", birth="1981-05-05"),
    )
    assert listed.cluster == quoting.cluster == alike.cluster != other.cluster
    assert listed.half == quoting.half == alike.half


def test_pairs_are_labelled_by_party_and_never_cross_the_halves() -> None:
    found = _linked(
        *(
            _party(f"eu_fsf:{i}", f"Vektor Plant {word}", f"Завод Вектор {word}")
            for i, word in enumerate(("Alpha", "Beta", "Gamma", "Delta", "Epsilon", "Zeta"))
        )
    )
    halves = {party.id: party.half for party in found}
    rows = list(set_pairs.build(found))
    assert {row["same"] for row in rows} == {True, False}
    for row in rows:
        assert row["same"] == (row["party_a"] == row["party_b"])
        assert row["half"] == halves[row["party_a"]] == halves[row["party_b"]]


def test_a_query_that_may_be_a_listed_party_is_no_negative() -> None:
    found = _linked(
        _party("unsc:QDe.001", "Northern Relief Committee", "NRC Relief"),
        _party("ofac_sdn:1", "Northern Relief Commitee"),
        _party("ofac_sdn:2", "Volga Shipping"),
        _party("uk_ofsi:1", "Comité du Nord", references=("unsc:QDe.001",)),
    )
    asked = {row["name"]: row for row in set_crosslist.queries(found, "unsc")}
    assert "Northern Relief Commitee" not in asked
    assert asked["Volga Shipping"]["category"] == "stranger"
    assert asked["Comité du Nord"]["truth"] == ["unsc:QDe.001"]
    assert asked["Comité du Nord"]["category"] == "hard:primary"


def test_invented_organisations_are_told_apart_and_vary() -> None:
    rng = random.Random(3)
    made = invented(rng, 60)
    taken = Taken(made)
    assert all(taken.by(one) for one in made)
    for category, vary in VARIANTS.items():
        assert any(vary(one, rng) for one in made), category


def test_curated_pairs_are_many_and_each_once() -> None:
    rows = list(cases.rows())
    pairs = {(row["a"], row["b"]) for row in rows}
    assert len(pairs) == len(rows) >= 400
    assert {row["kind"] for row in rows} == {"person", "organization"}
    assert 0.3 < sum(row["same"] for row in rows) / len(rows) < 0.7


def test_figures_of_pairs() -> None:
    pairs = [(0.9, True), (0.6, True), (0.3, True), (0.7, False), (0.1, False), (0.0, False)]
    found = metrics.judged(pairs, 0.6)
    assert found["default"] == {
        "threshold": 0.6,
        "precision": 0.6667,
        "recall": 0.6667,
        "f1": 0.6667,
        "fpr": 0.33333,
    }
    assert found["best"]["threshold"] == 0.3
    assert found["recall_at_fpr_0.01"] == 0.3333  # above the best stranger's 0.7
    assert found["auc"] == 0.7778


def test_scores_are_honest_where_shares_agree_with_them() -> None:
    bins = metrics.reliability([(0.95, True), (0.95, True), (0.15, False), (-1.0, False)])
    assert [(one["count"], one["same"]) for one in bins] == [(1, 0.0), (2, 1.0)]


@pytest.mark.parametrize(("total", "sizes"), [(8, [2, 3, 3]), (100, [2, 9, 9])])
def test_rare_categories_are_sampled_whole(total: int, sizes: Sequence[int]) -> None:
    assert even([2, 9, 9], total) == sizes


def test_a_party_is_a_hit_once() -> None:
    assert once([("a", 0.5), ("b", 0.7), ("a", 0.9)], 5) == [("a", 0.9), ("b", 0.7)]


def test_an_engine_is_measured_and_reported(tmp_path: Path) -> None:
    listed = [("1", "Al-Amal Foundation"), ("2", "Volga Shipping"), ("2", "Volga Lines")]
    asked = [("Foundation Al Amal", ["1"]), ("Volga Lines Ltd", ["2"]), ("Delta Fishing", [])]
    common = {"kind": "organization", "half": "held", "script": "Latn", "category": "hard:alias"}
    write(tmp_path / "un_list.jsonl", ({**common, "id": i, "name": n} for i, n in listed))
    write(tmp_path / "crosslist.jsonl", ({**common, "name": n, "truth": t} for n, t in asked))
    write(tmp_path / "cases.jsonl", cases.rows())
    plan = Plan(tmp_path, "held", None)
    sets = {name: measure(TOKEN_SORT, plan, name) for name in ("cases", "crosslist")}
    assert sets["crosslist"]["all"]["recall@1"] == 1.0
    assert sets["crosslist"]["all"]["default"]["fpr"] == 0.0
    run = {"half": "held", "sample": None, "engines": {"ours": {"threshold": 0.8, "sets": sets}}}
    page = report.page(json.loads(json.dumps(run)))
    assert page.count("<svg") >= 4
    assert "patronymic_contradicted" in page
    assert "| crosslist | ours | 3 |" in report.table(run)
