"""Writing the contract to a file, and comparing the file with the code."""

from __future__ import annotations

import difflib
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from app.core.crypto import RootKey
from app.core.settings import Settings
from app.openapi.document import document

_SHOWN = 60
_LINE = 100


def offline_app(create: Callable[[Settings], FastAPI]) -> FastAPI:
    """The application without database or key file, for its routes only; it cannot be started.

    ``create`` is `app.main.create_app`, which stands on a floor above this one.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "throw-away.key"
        RootKey.generate("demo").save(path)
        return create(Settings(env="test", root_key_file=path))


def export(app: FastAPI) -> str:
    """The contract as stable JSON text: sorted keys, short parts in one line, a final newline."""
    return _written(document(app), 0) + "\n"


def _written(node: Any, depth: int) -> str:
    line = json.dumps(node, sort_keys=True, ensure_ascii=False)
    if not isinstance(node, dict | list) or len(line) + depth <= _LINE:
        return line
    if isinstance(node, dict):
        ends = "{}"
        parts = [f"{json.dumps(key)}: {_written(node[key], depth + 1)}" for key in sorted(node)]
    else:
        ends = "[]"
        parts = [_written(part, depth + 1) for part in node]
    inner = ",\n".join(" " * (depth + 1) + part for part in parts)
    return f"{ends[0]}\n{inner}\n{' ' * depth}{ends[1]}"


def check(app: FastAPI, path: Path) -> list[str]:
    """What differs between the file and the code, as lines of a diff; empty when nothing does."""
    try:
        committed = path.read_text("utf-8")
    except FileNotFoundError:
        return [f"{path.name} does not exist; `registry openapi export` writes it."]
    text = export(app)
    if committed == text:
        return []
    differences = list(
        difflib.unified_diff(
            committed.splitlines(),
            text.splitlines(),
            f"{path.name} (committed)",
            f"{path.name} (code)",
            lineterm="",
            n=1,
        )
    )
    if len(differences) > _SHOWN:
        more = len(differences) - _SHOWN
        return [*differences[:_SHOWN], f"… and {more} more lines."]
    return differences
