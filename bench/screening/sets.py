"""Build the development sets: ``python -m bench.screening.sets --lists FOLDER --out FOLDER``.

Every row says in which half it is: ``fit`` to learn from, ``held`` to judge by. The half belongs
to the party, so nothing of a held party is ever learned from. Nothing of the lists is committed.
"""

import argparse
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from bench.screening import set_crosslist, set_pairs, set_typed
from bench.screening.parties import Party, load

Row = dict[str, Any]
SETS: dict[str, Callable[[Sequence[Party]], Iterable[Row]]] = {
    "pairs": set_pairs.build,
    "un_list": lambda parties: set_crosslist.target(parties, "unsc"),
    "crosslist": lambda parties: set_crosslist.queries(parties, "unsc"),
    "eu_list": lambda parties: set_crosslist.target(parties, "eu_fsf"),
    "crosslist_eu": lambda parties: set_crosslist.queries(parties, "eu_fsf"),
    "typed_list": set_typed.target,
    "typed": set_typed.queries,
}


def write(path: Path, rows: Iterable[Row]) -> int:
    """Write a set whole or not at all; how many rows it has."""
    count = 0
    part = path.with_suffix(".part")
    with part.open("w", encoding="utf-8") as file:
        for count, row in enumerate(rows, 1):
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    part.rename(path)
    return count


def main() -> None:
    """Build the sets asked for, all of them by default."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lists", type=Path, required=True, help="folder of the real lists")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="*", choices=SETS, default=list(SETS))
    wanted = parser.parse_args()
    wanted.out.mkdir(parents=True, exist_ok=True)
    parties = load(wanted.lists)
    for name in wanted.only:
        print(name, write(wanted.out / f"{name}.jsonl", SETS[name](parties)), flush=True)


if __name__ == "__main__":
    main()
