"""The published contract says everything a client needs, and the committed file says the same."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
from fastapi import FastAPI
from openapi_spec_validator import OpenAPIV31SpecValidator

from app.auth.scopes import ALL, DECIDING
from app.core.errors import PROBLEM_JSON
from app.main import create_app
from app.openapi import check, export, offline_app
from tests.contract.contract import (
    COMMITTED,
    Operation,
    contract,
    each,
    exported,
    offline,
    operations,
)

OPEN = frozenset({"claimPartner"})
"""Needs no token: its invitation code is the proof, and makes a repetition the same claim."""
CALCULATORS = (
    "/match",
    "/rate",
    "/compare",
    "/check",
    "/dry-run",
    "/partners/bulk",
    "/assessments/bulk",
    "/batch",
)
GUARDED = ("/decision", "/approval", "/merge", "/lift", "/annul")
_TEXTUAL = re.compile(r"^(text/|application/(json|jose|x-ndjson|.*\+json)$)")


def test_the_document_is_valid_openapi_3_1() -> None:
    assert contract()["openapi"].startswith("3.1.")
    OpenAPIV31SpecValidator(contract()).validate()


def test_the_committed_file_is_what_the_code_says() -> None:
    differences = check(offline(), COMMITTED)
    assert not differences, "run `registry openapi export`:\n" + "\n".join(differences)


def test_the_export_is_stable_and_drift_is_shown(tmp_path: Path) -> None:
    app, first = offline(), exported()
    # Made once more, of another application, it is the same to the letter.
    assert export(offline_app(create_app)) == first
    assert first.endswith("}\n")
    file = tmp_path / "openapi.json"
    assert check(app, file) == ["openapi.json does not exist; `registry openapi export` writes it."]
    file.write_text(first.replace("Partner registry", "Something else"), "utf-8")
    assert any("Something else" in line for line in check(app, file))
    file.write_text("{}\n", "utf-8")
    assert check(app, file)[-1].startswith("… and ")
    file.write_text(first, "utf-8")
    assert check(app, file) == []


def test_the_document_says_who_it_is_and_how_it_changes() -> None:
    info = contract()["info"]
    assert info["license"]["identifier"] == "Apache-2.0"
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", info["version"])
    assert "additive within `/v1`" in info["description"]
    assert "contact" not in info
    assert [server["url"] for server in contract()["servers"]] == ["/"]
    used = {tag for operation in operations() for tag in operation.spec["tags"]}
    assert {tag["name"] for tag in contract()["tags"] if tag["description"]} == used


def test_operation_ids_are_unique() -> None:
    counted = Counter(operation.spec.get("operationId") for operation in operations())
    assert [name for name, count in counted.items() if count > 1 or not name] == []


def test_nothing_of_the_framework_shows() -> None:
    text = exported()
    for word in ("HTTPValidationError", "Successful Response", '"ge"', '"le"', "fastapi"):
        assert word not in text, word


@each()
def test_an_operation_explains_itself(operation: Operation) -> None:
    assert re.fullmatch(r"[a-z][A-Za-z0-9]+", operation.spec["operationId"])
    assert operation.spec["summary"]
    assert operation.spec["description"].strip()
    assert len(operation.spec["tags"]) == 1


@each()
def test_every_body_and_every_success_has_an_example_of_its_schema(operation: Operation) -> None:
    for where, content in _contents(operation):
        shown = [content["example"]] if "example" in content else []
        shown += [_shared(item)["value"] for item in content.get("examples", {}).values()]
        assert shown, f"{where} has no example"
        for example in shown:
            _validate(content["schema"], example, where)


def _shared(example: dict[str, Any]) -> dict[str, Any]:
    """The example behind a reference."""
    if "$ref" not in example:
        return example
    found: dict[str, Any] = contract()["components"]["examples"][example["$ref"].rsplit("/", 1)[1]]
    return found


def _contents(operation: Operation) -> list[tuple[str, dict[str, Any]]]:
    found = [
        (f"body as {kind}", content)
        for kind, content in operation.spec.get("requestBody", {}).get("content", {}).items()
    ]
    for status, response in operation.spec["responses"].items():
        for kind, content in response.get("content", {}).items():
            if status.startswith("2") and _TEXTUAL.match(kind) and "schema" in content:
                assert content["schema"], f"{status} as {kind} has no schema"
                found.append((f"{status} as {kind}", content))
    return found


def _validate(schema: dict[str, Any], example: Any, where: str) -> None:
    validator = jsonschema.Draft202012Validator(
        {**schema, "components": contract()["components"]},
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
    )
    errors = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(example)]
    assert not errors, f"{where}: {errors}; give the field an example of its own"


@each()
def test_every_refusal_is_a_problem_with_an_example(operation: Operation) -> None:
    if not operation.under_v1:
        return
    for status, response in operation.spec["responses"].items():
        if not status.startswith(("4", "5")):
            continue
        content = response["content"]
        assert list(content) == [PROBLEM_JSON], status
        assert content[PROBLEM_JSON]["schema"] == {"$ref": "#/components/schemas/Problem"}
        for code, named in content[PROBLEM_JSON]["examples"].items():
            example = _shared(named)
            assert str(example["value"]["status"]) == status, code
            assert example["value"]["code"] == code
            _validate(content[PROBLEM_JSON]["schema"], example["value"], code)


@each(v1=True)
def test_an_operation_names_its_scope_and_its_standard_refusals(operation: Operation) -> None:
    if operation.name in OPEN:
        assert "security" not in operation.spec
        return
    ways = operation.spec["security"]
    assert all(len(way["oauth2"]) == 1 for way in ways)
    scopes = [way["oauth2"][0] for way in ways]
    assert scopes
    assert set(scopes) <= ALL
    responses = operation.spec["responses"]
    assert {"401", "403", "422", "503"} <= responses.keys()
    assert scopes[0] in responses["403"]["description"]
    if DECIDING.issuperset(scopes):
        assert "person_required" in responses["403"]["content"][PROBLEM_JSON]["examples"]
    if "requestBody" in operation.spec:
        assert {"400", "413", "415"} <= responses.keys()


@each(v1=True)
def test_a_post_that_stores_documents_its_idempotency_key(operation: Operation) -> None:
    if operation.method != "post":
        assert "Idempotency-Key" not in operation.header_names()
        return
    if operation.path.endswith(CALCULATORS) or operation.name in OPEN:
        return
    assert "Idempotency-Key" in operation.header_names()
    responses = operation.spec["responses"]
    for status, code in (
        ("400", "idempotency_key_required"),
        ("409", "idempotency_in_progress"),
        ("422", "idempotency_key_reused"),
    ):
        assert code in responses[status]["content"][PROBLEM_JSON]["examples"]


@each(v1=True)
def test_a_change_documents_if_match(operation: Operation) -> None:
    deciding = operation.method == "post" and operation.path.endswith(GUARDED)
    if operation.method in ("patch", "put") or deciding:
        assert "If-Match" in operation.header_names()
        assert {"412", "428"} <= operation.spec["responses"].keys()


@each()
def test_every_reference_leads_somewhere_and_every_answer_has_its_headers(
    operation: Operation,
) -> None:
    for status, response in operation.spec["responses"].items():
        for reference in response["headers"].values():
            name = reference["$ref"].removeprefix("#/components/headers/")
            assert name in contract()["components"]["headers"], status
        assert "X-Request-Id" in response["headers"], status


def test_a_list_documents_its_link_and_a_creation_its_location() -> None:
    by_name = {operation.name: operation.spec["responses"] for operation in operations()}
    assert {"Link", "Cache-Control"} <= by_name["listPartners"]["200"]["headers"].keys()
    made = by_name["createPartner"]["201"]["headers"]
    assert {"Location", "ETag", "Idempotency-Replayed"} <= made.keys()
    assert "ETag" in by_name["getPartner"]["304"]["headers"]


def test_describing_needs_neither_database_nor_key_file() -> None:
    assert isinstance(offline_app(create_app), FastAPI)
