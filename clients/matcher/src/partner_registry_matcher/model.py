"""The trained model: features of two names to a score, and what each feature contributed.

For each kind of name a sum of small decision trees (`model.json`), brought to a probability by a
curve fitted on names that were not used for the trees.
"""

import json
from functools import lru_cache
from importlib import resources
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .features import FEATURES
from .tables import Kind


class Trees(NamedTuple):
    """A row for each node; a leaf has feature -1. An inner node's ``value``: mean of its leaves."""

    feature: NDArray[np.int32]
    bound: NDArray[np.float64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: NDArray[np.float64]
    roots: NDArray[np.int32]


class Model(NamedTuple):
    """``curve``: (slope, offset) of the logistic that turns the trees' sum into a probability."""

    trees: Trees
    curve: tuple[float, float]


@njit(cache=True, nogil=True)
def total(trees, row, parts):
    """Sum of the trees for a row of features; each feature's part is added to ``parts``.

    ``parts`` may be empty; its last place takes what does not depend on the names.
    """
    feature, bound, left, right, value, roots = trees
    found = 0.0
    explain = parts.shape[0] > 0
    for root in roots:
        node = root
        if explain:
            parts[-1] += value[root]
        while feature[node] >= 0:
            column = feature[node]
            following = left[node] if row[column] <= bound[node] else right[node]
            if explain:
                parts[column] += value[following] - value[node]
            node = following
        found += value[node]
    return found


def _trees(content: dict[str, Any]) -> Trees:
    return Trees(
        np.asarray(content["feature"], np.int32),
        np.asarray(content["bound"], np.float64),
        np.asarray(content["left"], np.int32),
        np.asarray(content["right"], np.int32),
        np.asarray(content["value"], np.float64),
        np.asarray(content["roots"], np.int32),
    )


@lru_cache(maxsize=1)
def _content() -> dict[str, Any]:
    text = resources.files(__package__).joinpath("model.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


@lru_cache(maxsize=2)
def model(kind: Kind) -> Model:
    """The model for names of a kind."""
    if tuple(_content()["features"]) != FEATURES:
        raise RuntimeError("model.json was trained on other features")
    content = _content()["kinds"][kind]
    slope, offset = content["curve"]
    return Model(_trees(content["trees"]), (slope, offset))


@lru_cache(maxsize=1)
def version() -> str:
    """Name of the algorithm: a change that can change a score gets a new one."""
    return str(_content()["version"])
