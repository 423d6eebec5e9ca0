"""Which hostile values go where.

Places that look the same (the same schema of a field, the same header) are read by the same code.
The first of them gets every value, each other one: the worst and all others take turns from place
to place, so that each operation gets one in each field. The drills give all to all.
"""

from __future__ import annotations

import functools
import json
import zlib
from typing import Any, TypeVar

from tests.contract.contract import Operation, operations
from tests.hostile.fields import fields, json_body

_T = TypeVar("_T")
_WORST = ("NUL", "lone surrogate", "half of a pair")


def some(found: dict[str, _T], place: str, *, first: bool) -> dict[str, _T]:
    """All values for the first place of its kind, else one by its name, half of them the worst."""
    if first:
        return found
    turn, worst = divmod(zlib.crc32(place.encode()), 2)
    names = [name for name in found if (name in _WORST) == bool(worst)] or list(found)
    name = names[turn % len(names)]
    return {name: found[name]}


@functools.cache
def _firsts() -> frozenset[str]:
    """The first place of each kind, by `place`."""
    seen: dict[str, str] = {}
    for operation in operations():
        for field in fields(operation):
            kind = ["body", field.kind, _looks(field.schema) if field.path else operation.method]
            seen.setdefault(_text(kind), place(operation, field.pointer))
        for item in operation.spec.get("parameters", ()):
            kind = [item["in"], _looks(item["schema"])]
            if item["in"] == "header":
                kind += [item["name"], operation.method]
            seen.setdefault(_text(kind), place(operation, item["name"]))
    return frozenset(seen.values())


def place(operation: Operation, name: str) -> str:
    """A name for a place of an operation."""
    return f"{operation.name} {name}"


def is_first(where: str) -> bool:
    """Whether nothing before this place in the contract looks like it."""
    return where in _firsts()


@functools.cache
def first_of_methods(*, with_body: bool = False) -> frozenset[str]:
    """Names of the first operations under /v1 with each method, of all or of those with a body."""
    found: dict[str, str] = {}
    for operation in operations():
        if operation.under_v1 and (not with_body or json_body(operation) is not None):
            found.setdefault(operation.method, operation.name)
    return frozenset(found.values())


_READ = ("type", "format", "pattern", "anyOf")


def _looks(schema: dict[str, Any]) -> dict[str, Any]:
    """What decides how a value is read, without its bounds and the words about it."""
    if "enum" in schema:
        return {}
    looks = {name: schema[name] for name in _READ if name in schema}
    if "anyOf" in looks:
        looks["anyOf"] = [_looks(one) for one in looks["anyOf"]]
    return looks


def _text(kind: Any) -> str:
    return json.dumps(kind, sort_keys=True)
