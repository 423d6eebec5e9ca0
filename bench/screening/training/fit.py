"""The model: ``python -m bench.screening.training.fit fit.npz held.npz``; needs lightgbm.

Writes `model.json` of the matcher: for each kind the trees, fitted on the one half of the parties,
and the curve that makes a probability of their sum, fitted on the other. Directions that must hold
(more covered is never worse) are constraints of the trees.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

import partner_registry_matcher
from partner_registry_matcher.features import FEATURES

VERSION = "names-3"
_BETTER = (
    "covered_a", "covered_b", "telling_met", "heaviest_met", "met_alike", "least_like", "whole",
    "order", "numbers_agree", "forms_agree", "acronym", "first_met", "last_met",
    "nearest_contradicted", "own_met",
)  # fmt: skip
_WORSE = (
    "missing_a", "missing_b", "heaviest_missing_a", "heaviest_missing_b", "missing_words_a",
    "missing_words_b", "contradicted", "edits", "numbers_differ", "types_differ", "places_differ",
    "forms_differ", "syllables_differ", "patronymics_differ", "initials_differ", "two_words",
    "endings_differ", "initial_refused", "own_missing_a", "own_missing_b",
)  # fmt: skip
_WEIGHTS = {"pairs_empty": 0.5, "generated_200": 6.0}
_NUMBERED = 10.0
_ROUNDS, _LEAVES = 180, 31
_DOUBTFUL = 1.5  # strangers of two real lists that score above this are likely one party
_SETTINGS: dict[str, Any] = {
    "objective": "binary",
    "learning_rate": 0.1,
    "num_leaves": _LEAVES,
    "min_data_in_leaf": 100,
    "lambda_l2": 2.0,
    "monotone_constraints": [(f in _BETTER) - (f in _WORSE) for f in FEATURES],
    "monotone_constraints_method": "advanced",
    "feature_fraction": 0.7,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "seed": 1,
    "deterministic": True,
    "num_threads": 1,
    "verbose": -1,
}

_LEAF = {"feature": [-1], "bound": [0.0], "left": [-1], "right": [-1], "value": [0.0], "roots": [0]}
_BLANK: dict[str, Any] = {
    "version": VERSION,
    "features": list(FEATURES),
    "kinds": {k: {"trees": _LEAF, "curve": [1.0, 0.0]} for k in ("person", "organisation")},
}

Rows = dict[str, NDArray[Any]]


_DIFFER = FEATURES.index("numbers_differ")


def _train(rows: Rows, rounds: int, **settings: Any) -> lightgbm.Booster:
    weights = np.array([_WEIGHTS.get(name, 1.0) for name in rows["set"]])
    # Names that differ in a number alone are two, and too rare to be learnt from as they come.
    weights[(rows["features"][:, _DIFFER] == 1.0) & ~rows["same"].astype(bool)] *= _NUMBERED
    data = lightgbm.Dataset(
        rows["features"].astype(float), rows["same"], weight=weights, feature_name=list(FEATURES)
    )
    return lightgbm.train(_SETTINGS | settings, data, rounds)


def _without_doubtful(rows: Rows) -> Rows:
    """Parties that two lists have without a link are labelled as strangers: left out."""
    rough = _train(rows, 80, num_leaves=12)
    raw = np.asarray(rough.predict(rows["features"].astype(float), raw_score=True))
    real = np.char.startswith(rows["set"], "crosslist")
    return _only(rows, ~(real & ~rows["same"] & (raw > _DOUBTFUL)))


def _only(rows: Rows, kept: NDArray[np.bool_]) -> Rows:
    return {name: column[kept] for name, column in rows.items()}


def _curve(raw: NDArray[np.float64], same: NDArray[np.bool_]) -> list[float]:
    """Slope and offset of the logistic through the held half, by Newton's method."""
    x = np.column_stack([raw, np.ones_like(raw)])
    found = np.array([1.0, 0.0])
    for _ in range(30):
        p = 1 / (1 + np.exp(-x @ found))
        found += np.linalg.solve((x * (p * (1 - p))[:, None]).T @ x, x.T @ (same - p))
    return [round(float(value), 4) for value in found]


def _flat(booster: lightgbm.Booster) -> dict[str, list[Any]]:
    """The trees as columns, a row a node."""
    columns: dict[str, list[Any]] = {
        name: [] for name in ("feature", "bound", "left", "right", "value", "roots")
    }

    def add(node: dict[str, Any]) -> int:
        at = len(columns["feature"])
        leaf = "split_feature" not in node
        columns["feature"].append(-1 if leaf else node["split_feature"])
        columns["bound"].append(0.0 if leaf else float(f"{node['threshold']:.5g}"))
        columns["value"].append(round(node["leaf_value" if leaf else "internal_value"], 5))
        columns["left"].append(-1)
        columns["right"].append(-1)
        if not leaf:
            columns["left"][at] = add(node["left_child"])
            columns["right"][at] = add(node["right_child"])
        return at

    columns["roots"] = [add(t["tree_structure"]) for t in booster.dump_model()["tree_info"]]
    return columns


def model(fit: Rows, held: Rows) -> dict[str, Any]:
    """The content of `model.json`."""
    kinds = {}
    for kind in ("person", "organisation"):
        rows = _without_doubtful(_only(fit, fit["kind"] == kind))
        booster = _train(rows, _ROUNDS)
        other = _only(held, (held["kind"] == kind) & (held["set"] != "pairs_empty"))
        raw = np.asarray(booster.predict(other["features"].astype(float), raw_score=True))
        kinds[kind] = {"trees": _flat(booster), "curve": _curve(raw, other["same"])}
    return {"version": VERSION, "features": list(FEATURES), "kinds": kinds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("fit", type=Path, nargs="?")
    parser.add_argument("held", type=Path, nargs="?")
    parser.add_argument("--blank", action="store_true", help="no trees: after a change of features")
    wanted = parser.parse_args()
    content = (
        _BLANK if wanted.blank else model(dict(np.load(wanted.fit)), dict(np.load(wanted.held)))
    )
    target = Path(partner_registry_matcher.__file__).with_name("model.json")
    target.write_text(json.dumps(content, separators=(",", ":")), "utf-8")


if __name__ == "__main__":
    main()
