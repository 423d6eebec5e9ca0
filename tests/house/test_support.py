"""What the suite is built with: several cases in one test are each a case of their own."""

from __future__ import annotations

import inspect

import pytest

from tests.support import in_turn

_seen: list[int] = []


async def _odd(number: int, other: str) -> None:
    """Only an odd number passes."""
    _seen.append(number)
    assert number % 2, other


async def test_each_of_several_is_tried_and_every_failure_is_named() -> None:
    several = in_turn("number", [1, 2, 3, 4, 5], size=4)(_odd)
    assert list(inspect.signature(several).parameters) == ["several", "other"]
    [mark] = several.pytestmark  # type: ignore[attr-defined]  # pytest's own place for it
    assert mark.args[1] == [[1, 2, 3, 4], [5]]
    with pytest.raises(ExceptionGroup, match="2 of 4") as failed:
        await several(several=[1, 2, 3, 4], other="even")
    assert _seen == [1, 2, 3, 4]
    assert [error.__notes__ for error in failed.value.exceptions] == [["number: 2"], ["number: 4"]]
    await several(several=[5], other="even")
