"""Small plots as inline SVG: lines over two axes, and bars side by side."""

import math
from collections.abc import Mapping, Sequence
from html import escape

COLOURS = ("#0b6e4f", "#d1495b", "#30638e", "#edae49", "#6a4c93", "#8d99ae", "#3d405b")
_WIDE, _HIGH, _LEFT, _LOW = 440, 260, 46, 34
Point = tuple[float, float]


def _frame(body: list[str], title: str, high: float = _HIGH, wide: float = _WIDE) -> str:
    head = f'<svg viewBox="0 0 {wide} {high}" width="{wide}" height="{high}" role="img">'
    return "".join([head, f"<title>{escape(title)}</title>", *body, "</svg>"])


def _text(x: float, y: float, text: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _line(a: Point, b: Point, colour: str = "#ddd") -> str:
    return (
        f'<line x1="{a[0]:.1f}" y1="{a[1]:.1f}" x2="{b[0]:.1f}" y2="{b[1]:.1f}" stroke="{colour}"/>'
    )


def lines(
    title: str,
    series: Mapping[str, Sequence[Point]],
    labels: tuple[str, str],
    *,
    logarithmic: bool = False,
    diagonal: bool = False,
) -> str:
    """Points joined, both axes from 0 to 1; the horizontal one from 0.0005 if logarithmic."""
    across = _logarithmic if logarithmic else _linear
    ticks = (0.001, 0.01, 0.1, 1.0) if logarithmic else (0.0, 0.25, 0.5, 0.75, 1.0)
    body = []
    for tick in ticks:
        body.append(_line((across(tick), _up(0)), (across(tick), _up(1))))
        body.append(_text(across(tick), _HIGH - _LOW + 14, f"{tick:g}"))
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        body.append(_line((_LEFT, _up(tick)), (_WIDE - 10, _up(tick))))
        body.append(_text(_LEFT - 6, _up(tick) + 4, f"{tick:g}", "end"))
    if diagonal:
        body.append(_line((across(0), _up(0)), (across(1), _up(1)), "#999"))
    for number, (name, points) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(f"{across(x):.1f},{_up(y):.1f}" for x, y in points)
        body.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        body += [f'<circle cx="{across(x):.1f}" cy="{_up(y):.1f}" r="2" fill="{colour}"/>'
                 for x, y in (points if len(points) < 15 else ())]  # fmt: skip
        body.append(_legend(number, name, colour))
    body.append(_text(_WIDE / 2, _HIGH - 4, labels[0]))
    body.append(
        f'<g transform="translate(10 {_HIGH / 2}) rotate(-90)">{_text(0, 0, labels[1])}</g>'
    )
    return _frame(body, title)


def bars(title: str, groups: Mapping[str, Mapping[str, float | None]], most: float = 1.0) -> str:
    """For each group a bar of each series, from 0 to ``most``; the figure beside it."""
    series = list(dict.fromkeys(name for group in groups.values() for name in group))
    body, y, left = [], 8.0, 190
    for group, values in groups.items():
        body.append(_text(left - 8, y + 7 * len(values) + 2, group, "end"))
        for name, value in values.items():
            colour = COLOURS[series.index(name) % len(COLOURS)]
            long = 300 * min(value or 0, most) / most
            shown = "–" if value is None else f"{value:.3f}"
            body.append(
                f'<rect x="{left}" y="{y:.0f}" width="{long:.1f}" height="12" fill="{colour}"/>'
            )
            body.append(_text(left + long + 4, y + 10, f"{shown} {name}", "start"))
            y += 14
        y += 8
    return _frame(body, title, y, left + 430)


def _legend(number: int, name: str, colour: str) -> str:
    y = _HIGH - _LOW - 12 - 14 * number
    box = f'<rect x="{_WIDE - 130}" y="{y - 8}" width="10" height="10" fill="{colour}"/>'
    return box + _text(_WIDE - 116, y + 1, name, "start")


def _linear(value: float) -> float:
    return _LEFT + (_WIDE - 10 - _LEFT) * value


def _logarithmic(value: float) -> float:
    return _linear(math.log(max(value, 0.0005) / 0.0005) / math.log(2000))


def _up(value: float) -> float:
    return _HIGH - _LOW - (_HIGH - _LOW - 10) * value
