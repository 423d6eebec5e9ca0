"""The whole matrix: what `rules` and `model` say and what every module in `features` adds.

A module of `features` may have RULES (operation id: Rule), TABLES (table: Table) and a coroutine
``prepare(scene)`` that makes its records and puts their ids into ``scene.ids``; STAGED are
statements of a superuser before raw SQL is tried.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Awaitable, Callable

from tests.confidentiality import features, model, rules
from tests.confidentiality.model import Table
from tests.confidentiality.rules import Rule
from tests.confidentiality.scene import Scene

RULES: dict[str, Rule] = dict(rules.RULES)
TABLES: dict[str, Table] = dict(model.TABLES)
STAGED: list[str] = []
PREPARE: list[Callable[[Scene], Awaitable[None]]] = []

for _found in pkgutil.iter_modules(features.__path__):
    _module = importlib.import_module(f"{features.__name__}.{_found.name}")
    for _all, _more in ((RULES, "RULES"), (TABLES, "TABLES")):
        _lines = getattr(_module, _more, {})
        assert _all.keys().isdisjoint(_lines), f"two lines for {sorted(_all.keys() & _lines)}"
        _all.update(_lines)
    STAGED.extend(getattr(_module, "STAGED", ()))
    if hasattr(_module, "prepare"):
        PREPARE.append(_module.prepare)
