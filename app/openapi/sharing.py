"""What many operations say word for word is said once, in the components of the document.

A part is named by what it says: another operation does not rename it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

Node = dict[str, Any]
Place = tuple[Any, Any]
"""A container and the key at which the part stands in it."""


def share(contract: Node, operations: list[Node]) -> None:
    """Put examples of answers, refusals and parameters that are repeated into the components."""
    _share(contract, "examples", "Example", _examples(operations))
    _share(contract, "responses", "Refusal", _refusals(operations))
    _share(contract, "parameters", "Parameter", _parameters(operations))


def _share(contract: Node, kind: str, prefix: str, places: Iterator[Place]) -> None:
    users: dict[str, list[Place]] = {}
    for container, key in places:
        text = json.dumps(container[key], sort_keys=True)
        users.setdefault(text, []).append((container, key))
    shared: Node = {}
    for text, found in sorted(users.items()):
        if len(found) == 1:
            continue
        part = json.loads(text)
        # A refusal begins with its status, a parameter with its name.
        first = found[0][1] if kind == "responses" else part.get("name", "")
        name = f"{prefix}{first}_{hashlib.sha256(text.encode()).hexdigest()[:8]}"
        shared[name] = part
        for container, key in found:
            container[key] = {"$ref": f"#/components/{kind}/{name}"}
    contract["components"][kind] = shared


def _examples(operations: list[Node]) -> Iterator[Place]:
    for operation in operations:
        for response in operation["responses"].values():
            for content in response.get("content", {}).values():
                if "example" in content:
                    content["examples"] = {"example": {"value": content.pop("example")}}
                named = content.get("examples", {})
                yield from ((named, name) for name in list(named))


def _refusals(operations: list[Node]) -> Iterator[Place]:
    for operation in operations:
        responses = operation["responses"]
        yield from ((responses, status) for status in list(responses) if status >= "400")


def _parameters(operations: list[Node]) -> Iterator[Place]:
    for operation in operations:
        found = operation.get("parameters", [])
        yield from ((found, number) for number in range(len(found)))
