"""A rule switched off, a failure swallowed, a test left out: each says why."""

from __future__ import annotations

import ast
import functools
import io
import re
import tokenize

import pytest

from tests.house.source import Module, modules

_ALL = ("app", "bench", "clients", "migrations", "tests")
_SILENT = re.compile(r"#\s*(?:noqa|type:\s*ignore|pragma:\s*no cover)\b(.*)")
_CODES = re.compile(r":(?:\s*,?\s*[A-Z]+[0-9]+\b)+|\[[\w\s,-]+\]")
_WHY = re.compile(r"\s*(?:-|#)\s*\w.{2,}")
_LEFT_OUT = ("skip", "skipif", "xfail")
_BROAD = {None, "Exception", "BaseException"}


@functools.cache
def _comments(text: str) -> list[tuple[int, str]]:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return [(token.start[0], token.string) for token in tokens if token.type == tokenize.COMMENT]


def _unreasoned(text: str) -> list[int]:
    """Lines of a text with a silencing comment that names no rule, or gives no reason."""
    if not _SILENT.search(text):
        return []
    found = []
    for line, comment in _comments(text):
        for silent in _SILENT.finditer(comment):
            codes = _CODES.match(silent[1])
            named = codes is not None or "no cover" in silent[0]
            rest = silent[1][codes.end() :] if codes else silent[1]
            if not named or not _WHY.match(rest):
                found.append(line)
    return found


def _swallowing(text: str, tree: ast.AST) -> list[int]:
    """Lines of a text that catch whatever comes, and do not say why."""
    found = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id in _BROAD))
    ]
    said = {line for line, _ in _comments(text)} if found else set()
    return [node.lineno for node in found if not {node.lineno, node.body[0].lineno - 1} & said]


def _left_out(tree: ast.AST) -> list[int]:
    """Lines that leave a test out without a word."""
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        name = ast.unparse(node.func) if node.func.attr in _LEFT_OUT else ""
        if name == "pytest.skip" and not node.args:
            found.append(node.lineno)
        if name.startswith("pytest.mark.") and not any(w.arg == "reason" for w in node.keywords):
            found.append(node.lineno)
    return found


def _places(module: Module, lines: list[int]) -> list[str]:
    return [f"{module.name}:{line}" for line in lines]


def test_every_silenced_rule_has_a_reason_behind_it() -> None:
    found = [place for one in modules(*_ALL) for place in _places(one, _unreasoned(one.text))]
    assert found == []


def test_whoever_catches_everything_says_why() -> None:
    found = [
        place
        for one in modules("app", "bench", "clients")
        for place in _places(one, _swallowing(one.text, one.tree))
    ]
    assert found == []


def test_nothing_is_left_for_later() -> None:
    """A method that a class must have is abstract, so that none can be made without it."""
    found = [
        f"{one.name}:{node.lineno}"
        for one in modules("app", "bench", "clients")
        for node in ast.walk(one.tree)
        if isinstance(node, ast.Raise)
        and node.exc is not None
        and "NotImplementedError" in ast.unparse(node.exc)
    ]
    assert found == []


def test_a_test_that_is_left_out_says_why() -> None:
    found = [
        place
        for one in modules("tests", "clients")
        if "pytest." in one.text
        for place in _places(one, _left_out(one.tree))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("comment", "good"),
    [
        ("noqa: S608", False),
        ("noqa", False),
        ("noqa - because", False),
        ("noqa: S608 -", False),
        ("noqa: S608 - texts of ours", True),
        ("noqa: S608, E501 - texts of ours", True),
        ("type: ignore", False),
        ("type: ignore[arg-type]", False),
        ("type: ignore[arg-type, misc]  # refused", True),
        ("pragma: no cover", False),
        ("pragma: no cover - never run", True),
    ],
)
def test_what_counts_as_a_reason(comment: str, good: bool) -> None:
    assert _unreasoned(f"x = 1  # {comment}\n") == ([] if good else [1])


def test_what_counts_as_swallowing_and_leaving_out() -> None:
    bare = "try:\n    go()\nexcept Exception as error:\n    pass\n"
    assert _swallowing(bare, ast.parse(bare)) == [3]
    said = bare.replace("error:", "error:  # one of many")
    assert _swallowing(said, ast.parse(said)) == []
    left = "pytest.skip()\n@pytest.mark.skipif(True)\ndef test() -> None: ...\n"
    assert _left_out(ast.parse(left)) == [1, 2]
