"""CSV that a spreadsheet opens as text: no cell becomes a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

_STARTS = frozenset("=+-@\t\r\n＝＋－＠")


def safe(text: str) -> str:
    """The text with an apostrophe in front where a spreadsheet would calculate (OWASP)."""
    first = text.lstrip(" \u00a0\u3000")[:1]
    return f"'{text}" if first in _STARTS and first else text


def line(cells: Iterable[str]) -> str:
    """One line of RFC 4180, every cell quoted and safe."""
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerow(map(safe, cells))
    return out.getvalue()
