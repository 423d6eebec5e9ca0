"""Why two names score as they do: which words answer each other, and what each feature adds."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .alignment import align
from .features import FEATURES
from .index import NameIndex, Row
from .letters import LONGEST, MANNERS
from .model import total
from .tables import CLASS_NAMES
from .words import MAX_WORDS, Name

_SHOWN = 0.005  # parts of the score that are smaller are summed up


def alignment(
    index: NameIndex, subject: Name, listed: Name, rows: tuple[Row, Row]
) -> list[dict[str, Any]]:
    """A line for each word of the subject, then the words of the listed name without an answer."""
    a, b = rows
    to_b = np.empty(MAX_WORDS, np.int64)
    to_a = np.empty(MAX_WORDS, np.int64)
    likes = np.zeros((2, MAX_WORDS), np.float64)
    manners = np.zeros((2, MAX_WORDS), np.int64)
    align(
        index.store.arrays, a.words, a.size, b.words, b.size, to_b, to_a, likes, manners,
        np.empty((3, LONGEST), np.int32),
    )  # fmt: skip
    found = []
    for i in range(a.size):
        j = int(to_b[i])
        found.append(
            {
                "subject": subject.words[i].text,
                "listed": listed.words[j].text if j >= 0 else None,
                "manner": MANNERS[manners[0, i]],
                "class": CLASS_NAMES[subject.words[i].klass],
                "likeness": round(float(likes[0, i]), 3),
                "weight": round(index.weight(int(a.words[i])), 2),
            }
        )
    answered = {line["listed"] for line in found}
    found += [
        {
            "subject": None,
            "listed": listed.words[j].text,
            "manner": MANNERS[0],
            "class": CLASS_NAMES[listed.words[j].klass],
            "likeness": 0.0,
            "weight": round(index.weight(int(b.words[j])), 2),
        }
        for j in range(b.size)
        if to_a[j] < 0 and not (manners[1, j] and listed.words[j].text in answered)
    ]
    return found


def contributions(index: NameIndex, features: NDArray[np.float64]) -> dict[str, float]:
    """What each feature adds to the logit, largest first; together with `base` it is the logit."""
    model = index.model
    parts = np.zeros(len(FEATURES) + 1)
    total(model.trees, np.asarray(features, np.float64), parts)
    slope, offset = model.curve
    parts *= slope
    *values, base = parts.tolist()
    told = sorted((-abs(value), at) for at, value in enumerate(values) if abs(value) >= _SHOWN)
    rest = sum(value for value in values if abs(value) < _SHOWN)
    shown = {FEATURES[at]: round(values[at], 4) for _, at in told}
    return {"base": round(base + offset + rest, 4), **shown}
