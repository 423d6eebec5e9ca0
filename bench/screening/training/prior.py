"""How common words are in names in general: ``python -m bench.screening.training.prior SETS``.

Counted on the half of the parties that fits; single words, and only those that many names hold.
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import partner_registry_matcher
from partner_registry_matcher.tables import Kind
from partner_registry_matcher.words import analyse

_KINDS: dict[str, Kind] = {"person": "person", "organization": "organisation"}
_RAREST = 2.5e-4
_FEWEST = 4
_ABOUT = (
    "Share of names that hold a word, for the commonest words; counted on public sanction lists of "
    "the UN, the EU, the USA, the United Kingdom and Canada. Single words only."
)


def _names(sets: Path) -> Iterator[tuple[str, str]]:
    for name in ("eu_list", "un_list", "crosslist", "crosslist_eu", "pairs"):
        with (sets / f"{name}.jsonl").open(encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                if row["half"] == "fit":
                    for text in [row["a"], row["b"]] if "a" in row else [row["name"]]:
                        yield text, row["kind"]


def shares(names: set[tuple[str, str]]) -> dict[str, dict[str, float]]:
    """For each kind the share of names that hold a word."""
    found = {}
    for kind in _KINDS.values():
        mine = [text for text, written in names if _KINDS[written] == kind]
        words = Counter(w for t in mine for w in {word.means for word in analyse(t, kind).words})
        found[kind] = {
            word: float(f"{count / len(mine):.2g}")
            for word, count in sorted(words.items())
            if count >= _FEWEST and count / len(mine) >= _RAREST
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", type=Path)
    content = {"about": _ABOUT, "words": shares(set(_names(parser.parse_args().sets)))}
    target = Path(partner_registry_matcher.__file__).with_name("prior.json")
    target.write_text(json.dumps(content, separators=(",", ":"), ensure_ascii=False), "utf-8")


if __name__ == "__main__":
    main()
