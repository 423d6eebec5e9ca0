"""The source files that the house rules speak of."""

from __future__ import annotations

import ast
import functools
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]


class Module(NamedTuple):
    """A Python file and its tree."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()


def modules(*folders: str) -> list[Module]:
    """Every Python file under these folders, in a fixed order."""
    return [module for folder in folders for module in _modules(folder)]


@functools.cache
def _modules(folder: str) -> list[Module]:
    found = [(path, path.read_text("utf-8")) for path in sorted((ROOT / folder).rglob("*.py"))]
    return [Module(path, text, ast.parse(text)) for path, text in found]


@functools.cache
def texts(module: Module) -> list[tuple[int, str]]:
    """Every string of a module but its docstrings, f-strings' fixed parts included."""
    return list(_texts(module))


def _texts(module: Module) -> Iterator[tuple[int, str]]:
    documented = {
        id(node.body[0].value)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(module.tree):
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and id(node) not in documented:
            yield getattr(node, "lineno", 0), text


def tracked() -> list[Path]:
    """Files that are in the repository or would be with the next commit."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    names = listed.stdout.decode().split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]
