"""Every field of every request, read from the contract: where it is and what kind it has."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from app.openapi.examples import Examples
from tests.contract.contract import Operation, contract, resolve

_PLACE = "@@hostile@@"
_DEPTH = 6

Path = tuple[str | int, ...]
Schema = dict[str, Any]


class Field(NamedTuple):
    """A place in a request body, with the body that leads to it."""

    path: Path
    kind: str
    body: Any
    schema: Schema

    @property
    def pointer(self) -> str:
        return "/" + "/".join(str(part) for part in self.path)

    def with_unknown(self, name: str) -> bytes:
        """The body with an unknown member in the object that this field is."""
        body = copy.deepcopy(self.body)
        here = body
        for part in self.path:
            here = here[part]
        here[name] = {"admin": True}
        return json.dumps(body).encode()

    def with_value(self, raw: str) -> bytes:
        """The body with this JSON text in the place of the field."""
        body = _put(copy.deepcopy(self.body), self.path, _PLACE)  # the root itself included
        return json.dumps(body).replace(f'"{_PLACE}"', raw).encode("utf-8", "surrogatepass")


def json_body(operation: Operation) -> Schema | None:
    """The media type object of the JSON body of an operation."""
    content: dict[str, Any] = operation.spec.get("requestBody", {}).get("content", {})
    return content.get("application/json")


def examples() -> Examples:
    """The builder of the contract's own examples."""
    return Examples(contract()["components"]["schemas"])


def variants(operation: Operation) -> list[tuple[Schema, Any]]:
    """Schemas that the body may have, each with a valid example."""
    content = json_body(operation)
    if content is None:
        return []
    schema = resolve(content["schema"])
    options = [item for key in ("oneOf", "anyOf") for item in schema.get(key, ())]
    if not options:
        example = content.get("example")
        if example is None:
            example = next(iter(content["examples"].values()))["value"]
        return [(schema, example)]
    return [(resolve(option), examples().of(option, full=False)) for option in options]


def fields(operation: Operation) -> list[Field]:
    """Every field of the JSON body, containers and the body itself included."""
    found: dict[tuple[Path, str, int], Field] = {}
    for number, (schema, example) in enumerate(variants(operation)):
        for path, kind, body, own in _walk(schema, (), example, 0):
            found.setdefault((path, kind, number), Field(path, kind, body, own))
    return list(found.values())


def _walk(
    schema: Schema, path: Path, body: Any, depth: int
) -> Iterator[tuple[Path, str, Any, Schema]]:
    schema = resolve(schema)
    for option in [item for key in ("anyOf", "oneOf") for item in schema.get(key, ())]:
        if option.get("type") != "null":
            filled = _put(copy.deepcopy(body), path, examples().of(option, full=False))
            yield from _walk(option, path, filled, depth)
    kind = _kind(schema)
    if kind is None:
        return
    yield path, kind, body, schema
    if depth >= _DEPTH:
        return
    for name, field in schema.get("properties", {}).items():
        filled = _with(body, (*path, name), field)
        yield from _walk(field, (*path, name), filled, depth + 1)
    if kind == "list" and "items" in schema:
        filled = _with(body, (*path, 0), schema["items"])
        yield from _walk(schema["items"], (*path, 0), filled, depth + 1)


def _kind(schema: Schema) -> str | None:
    if "enum" in schema or "const" in schema:
        return "enum"
    kind = schema.get("type")
    if kind == "object" and schema.get("additionalProperties") is not False:
        return "open object"
    if kind == "string":
        return "date" if schema.get("format") in ("date", "date-time") else "string"
    known = {
        "integer": "number", "number": "number", "boolean": "boolean", "array": "list",
        "object": "object",
    }  # fmt: skip
    return known.get(str(kind))


def _with(body: Any, path: Path, schema: Schema) -> Any:
    """A body in which ``path`` exists, with a valid value where nothing stood."""
    here = body
    for part in path[:-1]:
        here = here[part]
    last = path[-1]
    there = last < len(here) if isinstance(last, int) else here.get(last) is not None
    if there:
        return body
    return _put(copy.deepcopy(body), path, examples().of(_not_null(schema), str(last), full=False))


def _not_null(schema: Schema) -> Schema:
    schema = resolve(schema)
    options: list[Schema] = [item for item in schema.get("anyOf", ()) if item.get("type") != "null"]
    return options[0] if options else schema


def _put(body: Any, path: Path, value: Any) -> Any:
    if not path:
        return value
    here = body
    for part in path[:-1]:
        here = here[part]
    last = path[-1]
    if isinstance(last, int) and last == len(here):
        here.append(value)
    else:
        here[last] = value
    return body
