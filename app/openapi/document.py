"""The OpenAPI document: what FastAPI makes of the routes, completed by the rules of this API.

Everything here follows from the routes, so a new operation needs no line in this package.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.core.errors import PROBLEM_JSON, Problem
from app.core.json_schema import rename_bounds
from app.openapi import texts
from app.openapi.examples import Examples
from app.openapi.headers import COMPONENTS as HEADERS
from app.openapi.headers import document_headers
from app.openapi.refusals import add_refusals
from app.openapi.sharing import share

_METHODS = ("get", "put", "post", "delete", "patch")
_REF = "#/components/schemas/"
_FASTAPI_ERRORS = ("HTTPValidationError", "ValidationError")
_TEXTUAL = re.compile(r"^(text/|application/(json|jose|x-ndjson|.*\+json)$)")
_JOSE = "eyJhbGciOiJFUzI1NiJ9.eyJleGFtcGxlIjp0cnVlfQ.c2lnbmF0dXJl"
_HEADER_SCHEMAS: dict[str, dict[str, Any]] = {
    "idempotency-key": {
        "type": "string",
        "minLength": 16,
        "maxLength": 64,
        "pattern": "^[!-~]{16,64}$",
        "examples": ["4f2c8c1e-0c5e-4e58-9b3d-5a1f7c2e9d10"],
    },
    "if-match": {"type": "string", "pattern": '^"v[0-9]{1,9}"$', "examples": ['"v1"']},
}
_HEADER_NAMES = {"idempotency-key": "Idempotency-Key", "if-match": "If-Match"}

Operation = dict[str, Any]


def describe(app: FastAPI) -> None:
    """Give the application its title, version and texts, and make `document` its contract."""
    app.title = "Partner registry"
    app.version = version("partner-registry")
    app.summary = texts.SUMMARY
    app.description = texts.DESCRIPTION
    app.license_info = {"name": "Apache License 2.0", "identifier": "Apache-2.0"}
    app.servers = [{"url": "/", "description": "the server this document came from"}]
    app.openapi = functools.partial(document, app)  # type: ignore[method-assign]  # FastAPI's own way of extending it


def document(app: FastAPI) -> dict[str, Any]:
    """The contract of these routes. Made once; the caller must not change it."""
    if app.openapi_schema is None:
        app.openapi_schema = _complete(
            get_openapi(
                title=app.title,
                version=app.version,
                summary=app.summary,
                description=app.description,
                license_info=app.license_info,
                servers=app.servers,
                routes=app.routes,
                separate_input_output_schemas=app.separate_input_output_schemas,
            )
        )
    return app.openapi_schema


def operations(contract: dict[str, Any]) -> Iterator[tuple[str, str, Operation]]:
    """Every (path, method, operation)."""
    for path, item in contract["paths"].items():
        for method in _METHODS:
            if method in item:
                yield path, method, item[method]


def _any_scope(operation: dict[str, Any]) -> None:
    """Several scopes are alternatives here; in one entry all of them would be asked."""
    ways = operation.get("security", [])
    if len(ways) == 1 and len(ways[0].get("oauth2", ())) > 1:
        operation["security"] = [{"oauth2": [scope]} for scope in ways[0]["oauth2"]]


def _complete(contract: dict[str, Any]) -> dict[str, Any]:
    schemas = contract["components"]["schemas"]
    for name in _FASTAPI_ERRORS:
        schemas.pop(name, None)
    _add_problem(schemas)
    contract["components"]["headers"] = HEADERS
    readable = {path for path, methods in contract["paths"].items() if "get" in methods}
    for path, method, operation in operations(contract):
        _parameters(contract, operation)
        _any_scope(operation)
        if method == "patch":
            _merge_patch(operation, schemas)
        _success_texts(operation)
        add_refusals(path, method, operation)
        document_headers(path, method, operation, schemas, readable)
    rename_bounds(contract)
    _drop_titles(contract)
    examples = Examples(schemas)
    for _path, _method, operation in operations(contract):
        _add_examples(operation, examples)
    tags = sorted({tag for *_, operation in operations(contract) for tag in operation["tags"]})
    contract["tags"] = [{"name": tag, "description": texts.tag_description(tag)} for tag in tags]
    share(contract, [operation for *_, operation in operations(contract)])
    return contract


def _add_problem(schemas: dict[str, Any]) -> None:
    problem = Problem.model_json_schema(ref_template=_REF + "{model}", mode="serialization")
    for name, schema in problem.pop("$defs", {}).items():
        schemas.setdefault(name, schema)
    schemas["Problem"] = problem


def _parameters(contract: dict[str, Any], operation: Operation) -> None:
    kept = []
    for parameter in operation.get("parameters", []):
        name = parameter["name"].lower()
        if parameter["in"] == "header" and name == "authorization":
            # OpenAPI ignores a parameter of this name; it is a way to prove who asks.
            contract["components"]["securitySchemes"]["clientSecret"] = {
                "type": "http",
                "scheme": "basic",
                "description": "Client id and secret (RFC 6749 2.3.1).",
            }
            operation["security"] = [{"clientSecret": []}, {}]
            continue
        if parameter["in"] == "header" and name in _HEADER_SCHEMAS:
            parameter |= {
                "name": _HEADER_NAMES[name],
                "required": True,
                "schema": dict(_HEADER_SCHEMAS[name]),
            }
        kept.append(parameter)
    if kept or "parameters" in operation:
        operation["parameters"] = kept


def _merge_patch(operation: Operation, schemas: dict[str, Any]) -> None:
    """In a merge patch what is absent stays: a default would say something else."""
    content = operation.get("requestBody", {}).get("content", {})
    body = content.get("application/json")
    if body is None:
        return
    content.setdefault("application/merge-patch+json", dict(body))
    schema = schemas.get(body["schema"].get("$ref", "").removeprefix(_REF), body["schema"])
    for field in schema.get("properties", {}).values():
        field.pop("default", None)


def _success_texts(operation: Operation) -> None:
    for status, response in operation["responses"].items():
        if response.get("description") == "Successful Response":
            made = "Made" if status == "201" else "Done"
            response["description"] = f"{made}: {operation.get('summary', '').lower()}."


def _drop_titles(contract: dict[str, Any]) -> None:
    """A field's title is its name again, with a capital letter."""
    for schema in contract["components"]["schemas"].values():
        for field in schema.get("properties", {}).values():
            field.pop("title", None)
    for _path, _method, operation in operations(contract):
        for parameter in operation.get("parameters", ()):
            parameter.get("schema", {}).pop("title", None)


def _add_examples(operation: Operation, examples: Examples) -> None:
    for content in operation.get("requestBody", {}).get("content", {}).values():
        if "example" not in content and "examples" not in content:
            content["example"] = examples.of(content["schema"], full=False)
    for status, response in operation["responses"].items():
        for kind, content in response.get("content", {}).items():
            if "example" in content or "examples" in content or kind == PROBLEM_JSON:
                continue
            if kind == "application/jose":
                content["example"] = _JOSE
            elif content.get("schema") and _TEXTUAL.match(kind):
                content["example"] = examples.of(content["schema"], full=status.startswith("2"))
