"""Compare engines: ``python -m bench.screening.run --lists FOLDER --out FOLDER``.

The sets are built in the output folder if they are not there. Every engine runs in a process of
its own; its figures are `ENGINE.json`, and all of them together `report.json` and `report.html`.
``--ablate`` measures ours again and again with one part switched off.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from bench.screening import report
from bench.screening.engines import ENGINES, PARTS, make
from bench.screening.measure import PAIRS, RETRIEVAL, Plan, measure

_SETS = [*PAIRS, *RETRIEVAL]


def main() -> None:
    """Build what is missing, measure, report."""
    wanted = _arguments().parse_args()
    wanted.out.mkdir(parents=True, exist_ok=True)
    sets = wanted.ready or wanted.out / "sets"
    plan = Plan(sets, wanted.half, wanted.sample)
    if wanted.only_engine:
        _measure_here(wanted.only_engine, plan, wanted.sets, wanted.out)
        return
    needed = dict.fromkeys([*wanted.sets, "crosslist"])  # the last for the shared list
    missing = [name for name in needed if not (sets / f"{name}.jsonl").exists()]
    if missing:
        command = ["bench.screening.sets", "--lists", str(wanted.lists), "--out", str(sets)]
        _child([*command, "--only", *missing])
    parts = wanted.ablate or (PARTS if wanted.ablate is not None else ())
    engines = wanted.engines + [f"ours-without:{part}" for part in parts]
    for engine in engines:
        _child(["bench.screening.run", *sys.argv[1:], "--only-engine", engine])
    figures = {engine: json.loads(_file(wanted.out, engine).read_text()) for engine in engines}
    run = {"half": wanted.half, "sample": wanted.sample, "engines": figures}
    (wanted.out / "report.json").write_text(json.dumps(run, indent=1))
    (wanted.out / "report.html").write_text(report.page(run), encoding="utf-8")
    print(report.table(run))


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lists", type=Path, help="folder of the real lists")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--ready", type=Path, help="folder of sets that are built already")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--sets", nargs="+", choices=_SETS, default=_SETS)
    parser.add_argument("--half", choices=("held", "fit", "all"), default="held")
    parser.add_argument("--sample", type=int, help="rows of a set at most, by category")
    parser.add_argument("--ablate", nargs="*", help="parts of ours to switch off; none named: each")
    parser.add_argument("--only-engine", help=argparse.SUPPRESS)
    return parser


def _measure_here(name: str, plan: Plan, sets: list[str], out: Path) -> None:
    engine = make(name, out)
    try:
        found = {}
        for one in sets:
            found[one] = measure(engine, plan, one)
            print(name, one, found[one]["all"]["default"], found[one]["speed"], flush=True)
    finally:
        engine.close()
    _file(out, name).write_text(json.dumps({"threshold": engine.threshold, "sets": found}))


def _file(out: Path, engine: str) -> Path:
    return out / f"{engine.replace(':', '-')}.json"


def _child(module: list[str]) -> None:
    subprocess.run([sys.executable, "-m", *module], check=True)


if __name__ == "__main__":
    main()
