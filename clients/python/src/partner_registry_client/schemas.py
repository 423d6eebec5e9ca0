"""The shapes of the API, for annotations. Type checkers read `schemas.pyi`; at run time each is a
plain `dict`, which is what the client takes and gives.
"""

from __future__ import annotations


def __getattr__(name: str) -> type[dict[str, object]]:
    if name.startswith("_"):
        raise AttributeError(name)
    return dict
