"""The report of a run: one page of HTML that needs nothing else, and a short table."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from bench.screening import svg
from bench.screening.measure import PAIRS

Run = dict[str, Any]
_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 72em; padding: 0 1em; }
table { border-collapse: collapse; margin: 0.6em 0 1.4em; font-size: 13px; }
th, td { border-bottom: 1px solid #ddd; padding: 2px 9px; text-align: right; }
th:first-child, td:first-child { text-align: left; }
svg { margin: 0.4em 1em 0.4em 0; } svg text { font: 11px system-ui, sans-serif; }
"""
_COLUMNS = ("rows", "P", "R", "F1", "FPR", "best F1 (at)", "R @ 1 % FPR", "R @ 0.1 % FPR")
_PER_PAIRS = ("kind", "slice", "category", "script")
_PER_QUERIES = ("kind", "category", "script")


def table(run: Run) -> str:
    """All engines on all sets, as Markdown."""
    head = ["set", "engine", *_COLUMNS, "a second", "p99 ms"]
    rows = [
        [name, engine + more, *_figures(figures), *_speed(found)]
        for name, engine, found in _all(run)
        for more, figures in _parts(found)
    ]
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def page(run: Run) -> str:
    """The whole report."""
    engines: dict[str, Any] = run["engines"]
    sets = list(dict.fromkeys(name for engine in engines.values() for name in engine["sets"]))
    thresholds = ", ".join(f"{name} {one['threshold']:g}" for name, one in engines.items())
    parts = [
        "<h1>Screening: how well and how fast names are found</h1>",
        f"<p>Half: {escape(run['half'])}; rows of a set: {run['sample'] or 'all'}. "
        f"P, R, F1 and FPR are at each engine's own threshold: {escape(thresholds)}. "
        "The best F1 is at the threshold that suits the set best.</p>",
        *(_section(name, _engines_of(run, name)) for name in sets),
    ]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Screening bench</title>'
        f"<style>{_STYLE}</style><body>{''.join(parts)}</body></html>"
    )


def _section(name: str, engines: dict[str, Any]) -> str:
    per = _PER_PAIRS if name in PAIRS else _PER_QUERIES
    parts = [
        f"<h2>{escape(name)}</h2>",
        _table(
            ("engine", *_COLUMNS, "a second", "p50 ms", "p99 ms", "build s", "MiB"),
            (
                [engine + more, *_figures(figures), *_costs(one)]
                for engine, one in engines.items()
                for more, figures in _parts(one)
            ),
        ),
        svg.lines(
            f"{name}: recall over false positives",
            {engine: one["curve"] for engine, one in engines.items()},
            ("false-positive rate", "recall"),
            logarithmic=True,
        ),
    ]
    ours = {
        engine: [(step["score"], step["same"]) for step in one["reliability"]]
        for engine, one in engines.items()
        if engine == "ours"
    }
    if ours:
        title = f"{name}: is a score of 0.9 right nine times in ten?"
        parts.append(svg.lines(title, ours, ("score", "same party"), diagonal=True))
    parts.append(_false_by_script(name, engines))
    for group in per:
        parts.append(f"<h3>By {group}</h3>")
        parts.append(_grouped(engines, group))
    return "".join(parts)


def _parts(found: dict[str, Any]) -> Iterable[tuple[str, dict[str, Any]]]:
    """All rows; and without the queries whose words are the listed ones, if there are such."""
    yield "", found["all"]
    if "hard" in found and found["hard"]["meant"] not in (0, found["all"]["meant"]):
        yield ", hard only", found["hard"]


def _false_by_script(name: str, engines: dict[str, Any]) -> str:
    scripts = dict.fromkeys(script for one in engines.values() for script in one["script"])
    groups = {
        script: {
            engine: one["script"][script]["default"]["fpr"]
            for engine, one in engines.items()
            if script in one["script"]
        }
        for script in scripts
    }
    shown = {k: v for k, v in groups.items() if any(rate is not None for rate in v.values())}
    if not shown:
        return ""
    most = max((rate or 0.0 for one in shown.values() for rate in one.values()), default=0.0)
    title = f"{name}: false-positive rate by script"
    return f"<h3>False-positive rate by script</h3>{svg.bars(title, shown, most or 1.0)}"


def _grouped(engines: dict[str, Any], group: str) -> str:
    names = dict.fromkeys(one for engine in engines.values() for one in engine[group])
    return _table(
        (group, "engine", *_COLUMNS),
        (
            [name, engine, *_figures(one[group][name])]
            for name in names
            for engine, one in engines.items()
            if name in one[group]
        ),
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    cells = "".join(f"<th>{escape(one)}</th>" for one in head)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    return f"<table><tr>{cells}</tr>{body}</table>"


def _figures(found: dict[str, Any]) -> list[str]:
    at, best = found["default"], found["best"]
    return [
        str(found.get("pairs", found.get("queries"))),
        *(_shown(at[name]) for name in ("precision", "recall", "f1", "fpr")),
        f"{_shown(best['f1'])} ({best['threshold']:.2f})",
        _shown(found["recall_at_fpr_0.01"]),
        _shown(found["recall_at_fpr_0.001"]),
    ]


def _speed(found: dict[str, Any]) -> list[str]:
    return [f"{found['speed']['per_second']:,.0f}", f"{found['speed']['p99_ms']:.2f}"]


def _costs(found: dict[str, Any]) -> list[str]:
    speed = found["speed"]
    return [
        f"{speed['per_second']:,.0f}",
        f"{speed['p50_ms']:.2f}",
        f"{speed['p99_ms']:.2f}",
        _shown(found.get("build_s")),
        _shown(found.get("memory_mib")),
    ]


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _engines_of(run: Run, name: str) -> dict[str, Any]:
    return {
        engine: one["sets"][name] for engine, one in run["engines"].items() if name in one["sets"]
    }


def _all(run: Run) -> Iterable[tuple[str, str, dict[str, Any]]]:
    for engine, one in run["engines"].items():
        for name, found in one["sets"].items():
            yield name, engine, found
