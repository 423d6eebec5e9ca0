"""The curated pairs of cases.yaml as rows of a set."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from bench.screening.parties import half_of
from bench.screening.text import script

_FILE = Path(__file__).parent / "cases.yaml"


def rows() -> Iterator[dict[str, Any]]:
    """One labelled pair a row, its trap as category."""
    for group in yaml.safe_load(_FILE.read_text(encoding="utf-8")):
        for label in ("same", "other"):
            for a, b in group.get(label, ()):
                yield {
                    "a": str(a),
                    "b": str(b),
                    "kind": group["kind"],
                    "same": label == "same",
                    "category": group["trap"],
                    "script": f"{script(str(a))}/{script(str(b))}",
                    "half": half_of(f"{a}|{b}"),
                }
