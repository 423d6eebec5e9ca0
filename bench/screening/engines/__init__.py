"""The matchers compared, each behind the protocol of `base.py`."""

from collections.abc import Callable
from pathlib import Path

from bench.screening.engines import fuzzy, logic_v2, ours, trigram
from bench.screening.engines.base import Engine, Hit, Row
from bench.screening.engines.ours import PARTS

ENGINES: dict[str, Callable[[Path], Engine]] = {
    "ours": lambda _: ours.Ours(),
    "wratio": lambda _: fuzzy.WRATIO,
    "token_sort": lambda _: fuzzy.TOKEN_SORT,
    "pg_trgm": trigram.Trigram,
    "logic-v2": logic_v2.LogicV2,
}
"""How to make each engine, given a folder for what it keeps on disk."""


def make(name: str, folder: Path) -> Engine:
    """The engine of this name; ``ours-without:part`` is ours with a part switched off."""
    if name.startswith("ours-without:"):
        return ours.Ours(without=name.split(":", 1)[1])
    return ENGINES[name](folder)


__all__ = ["ENGINES", "PARTS", "Engine", "Hit", "Row", "make"]
