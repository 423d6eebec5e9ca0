"""Where the rules of two policies differ. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from app.recognition.requirements import ALL


def whole(requirement: str, rules: Sequence[Any]) -> list[dict[str, Any]]:
    """Rules with everything that they leave to the defaults filled in: what is left out on one
    side and said on the other is the same.
    """
    return [rule.model_dump(mode="json", by_alias=True) for rule in ALL[requirement].parse(rules)]


def differences(left: Any, right: Any, at: str = "") -> Iterator[dict[str, Any]]:
    """Each place that differs, as far down as both have the same shape."""
    if isinstance(left, dict) and isinstance(right, dict):
        for name in sorted({*left, *right}):
            yield from differences(left.get(name), right.get(name), f"{at}/{name}")
    elif isinstance(left, list) and isinstance(right, list) and _rules(left, right):
        for place in range(max(len(left), len(right))):
            one = left[place] if place < len(left) else None
            other = right[place] if place < len(right) else None
            yield from differences(one, other, f"{at}/{place}")
    elif left != right:
        yield {"pointer": at, "left": left, "right": right}


def _rules(left: list[Any], right: list[Any]) -> bool:
    """Lists of values are sets; lists of rules are compared one by one."""
    return all(isinstance(item, dict) for item in (*left, *right))
