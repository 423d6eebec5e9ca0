"""A fuzzer reads the contract and calls the service: nothing fails, every answer is as written."""

from __future__ import annotations

import functools
import warnings
from operator import attrgetter
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.contract.contract import Operation, contract, operations
from tests.hostile.calls import Known, caller, raw_url
from tests.support import BASE, World, in_turn

_CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
_SHORT, _LONG = 2, 400
_PATIENCE_S = 1
"""The longest that a fuzzed request waits for news: none comes, and the answer is the same."""
_OURS = ("authorization", "content-length", "host", "cookie")


@functools.cache
def _schema() -> Any:
    return schemathesis.openapi.from_dict(contract())


def _cases(operation: Operation, known: Known, mode: GenerationMode, count: int) -> list[Any]:
    """Cases of one operation; the same on every run. Collected first, because sending awaits."""
    found = _schema()[operation.path][operation.method]
    places = {
        item["name"]: known[collection]
        for item in operation.spec.get("parameters", ())
        if item["in"] == "path"
        and (collection := operation.path.partition(f"/{{{item['name']}}}")[0]) in known
    }
    collected: list[Any] = []

    @seed(20260301)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(found.as_strategy(mode, path_parameters=places or None))
    def collect(case: Any) -> None:
        collected.append(case)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        collect()
    return collected


def _can_be_wrong(operation: Operation) -> bool:
    places = {item["in"] for item in operation.spec.get("parameters", ())}
    return "requestBody" in operation.spec or bool(places - {"path"})


def _is_stream(operation: Operation) -> bool:
    """Whether it takes lines: the fuzzer cannot write them, the tests of loads send bad ones."""
    return "application/x-ndjson" in operation.spec.get("requestBody", {}).get("content", {})


async def _send(client: httpx.AsyncClient, case: Any) -> httpx.Response:
    wait = (case.query or {}).get("wait")
    if isinstance(wait, int) and wait > _PATIENCE_S:
        case.query["wait"] = _PATIENCE_S
    prepared = requests.Request(**case.as_transport_kwargs(base_url=BASE)).prepare()
    body = prepared.body
    content = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    assert content is None or isinstance(content, bytes)
    headers = [
        (name.encode(), value if isinstance(value, bytes) else value.encode("latin-1", "replace"))
        for name, value in prepared.headers.items()
        if name.lower() not in _OURS
    ]
    return await client.request(
        str(prepared.method),
        raw_url(prepared.path_url),
        headers=headers,
        content=content,
    )


async def _fuzz(
    app: FastAPI, world: World, known: Known, operation: Operation, count: int
) -> list[str]:
    modes = [GenerationMode.POSITIVE]
    modes += [GenerationMode.NEGATIVE] if _can_be_wrong(operation) else []
    faults: list[str] = []
    for mode in modes:
        try:
            cases = _cases(operation, known, mode, count)
        except Unsatisfiable:
            # A request of texts only cannot be wrong in kind; a right one there must always be.
            assert mode is GenerationMode.NEGATIVE
            continue
        assert cases
        async with caller(app, world) as client:
            for case in cases:
                answer = await _send(client, case)
                try:
                    case.validate_response(answer, checks=_CHECKS)
                except (FailureGroup, AssertionError) as error:
                    faults.append(f"{mode.value}: {error}\n{case.as_curl_command()[:500]}")
    return faults


_KNOWN_TO_IT = [op for op in operations() if not _is_stream(op)]
_each = functools.partial(in_turn, "operation", _KNOWN_TO_IT, label=attrgetter("name"))


@_each(size=8)
async def test_no_answer_breaks_the_contract(
    operation: Operation, own_app: FastAPI, agencies: World, known: Known
) -> None:
    faults = await _fuzz(own_app, agencies, known, operation, _SHORT)
    assert not faults, "\n\n".join(faults[:5])


@pytest.mark.drill
@pytest.mark.timeout(1_200)
@_each(size=1)
async def test_no_answer_breaks_the_contract_in_the_long_run(
    operation: Operation, own_app: FastAPI, agencies: World, known: Known
) -> None:
    faults = await _fuzz(own_app, agencies, known, operation, _LONG)
    assert not faults, "\n\n".join(faults[:5])
