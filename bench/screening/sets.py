"""Build the development sets: ``python -m bench.screening.sets --lists FOLDER --out FOLDER``.

Every row says in which half it is: ``fit`` to learn from, ``held`` to judge by. The half belongs
to the party, so nothing of a held party is ever learned from. Nothing of the lists is committed.
"""

import argparse
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from bench.screening import cases, set_crosslist, set_pairs, set_typed, set_variants
from bench.screening.parties import Party, load

Row = dict[str, Any]


def _variants(parties: Sequence[Party]) -> dict[str, Iterable[Row]]:
    listed, asked = set_variants.rows(parties)
    return {"variants_list": listed, "variants": asked}


SETS: dict[str, Callable[[Sequence[Party]], dict[str, Iterable[Row]]]] = {
    "pairs": lambda parties: {"pairs": set_pairs.build(parties)},
    "crosslist": lambda parties: {
        "un_list": set_crosslist.target(parties, "unsc"),
        "crosslist": set_crosslist.queries(parties, "unsc"),
    },
    "crosslist_eu": lambda parties: {
        "eu_list": set_crosslist.target(parties, "eu_fsf"),
        "crosslist_eu": set_crosslist.queries(parties, "eu_fsf"),
    },
    "typed": lambda parties: {
        "typed_list": set_typed.target(parties),
        "typed": set_typed.queries(parties),
    },
    "variants": _variants,
    "cases": lambda parties: {"cases": cases.rows()},
}
"""What each set is made of: the files it writes."""


def write(path: Path, rows: Iterable[Row]) -> int:
    """Write a set whole or not at all; how many rows it has."""
    count = 0
    part = path.with_suffix(".part")
    with part.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
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
        for file, rows in SETS[name](parties).items():
            print(file, write(wanted.out / f"{file}.jsonl", rows), flush=True)


if __name__ == "__main__":
    main()
