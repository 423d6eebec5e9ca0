"""JSON Schema as readers know it."""

from __future__ import annotations

from typing import Any

_BOUNDS = {"ge": "minimum", "le": "maximum", "gt": "exclusiveMinimum", "lt": "exclusiveMaximum"}


def rename_bounds(node: Any) -> None:
    """Bounds behind a validator come out under Python's names; readers know JSON Schema's."""
    if isinstance(node, list):
        for item in node:
            rename_bounds(item)
        return
    if not isinstance(node, dict):
        return
    for ours, theirs in _BOUNDS.items():
        if isinstance(node.get(ours), int | float):
            node[theirs] = node.pop(ours)
    for key in ("minimum", "maximum"):
        if isinstance(node.get(key), float) and node[key].is_integer():
            node[key] = int(node[key])
    for item in node.values():
        rename_bounds(item)
