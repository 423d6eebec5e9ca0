"""Bodies that are not what they say: encodings, lengths, depth, duplicate keys, wrong types.

One middleware and one reader judge the body of every operation, before its own code is reached. So
the first operation of each method gets all there is, which shows what those two do, and each other
one a few in turn, which shows that its bodies pass through them. The drills give all to all.
"""

from __future__ import annotations

import functools
import json
import re
import zlib
from collections.abc import AsyncIterator, Container, Iterable
from operator import attrgetter
from typing import Any, TypeVar

import httpx
import pytest
from fastapi import FastAPI

from tests.contract.contract import Operation, contract, operations
from tests.hostile.calls import (
    Known,
    caller,
    example_body,
    fault,
    headers_of,
    open_to_agencies,
    path_of,
    query_of,
)
from tests.hostile.fields import json_body
from tests.hostile.sampling import first_of_methods
from tests.hostile.values import CANARY
from tests.support import World, in_turn

_T = TypeVar("_T")
_BODIES = [item for item in operations() if json_body(item) is not None]
_LIMIT = 262_144
_ALWAYS = frozenset({"duplicate key", "NaN", "a list", "a text", "null", "nothing"})
"""What a plain reader of JSON would take, and what each operation's own model has to refuse."""
_EXTRA = f'{{"{CANARY}": 1, '.encode()


_each = functools.partial(in_turn, "operation", size=8, label=attrgetter("name"))


_EXTENT = [False, pytest.param(True, marks=[pytest.mark.drill, pytest.mark.timeout(4_800)])]
_everywhere = pytest.mark.parametrize("all_", _EXTENT, ids=["some", "all"])


def _some(
    operation: Operation, found: Iterable[_T], all_: bool, always: Container[Any] = ()
) -> list[_T]:
    """All of them, or one that takes turns from operation to operation and those in `always`."""
    items = list(found)
    if all_ or operation.name in first_of_methods(with_body=True):
        return items
    turn = items[zlib.crc32(operation.name.encode()) % len(items)]
    return [item for item in items if item == turn or item in always]


def _bodies(good: bytes) -> dict[str, tuple[bytes, int]]:
    """Bodies that are no acceptable JSON, with the status they deserve."""
    text = good.decode()
    first = json.dumps(next(iter(json.loads(good)), "x"))
    return {
        "UTF-16": (text.encode("utf-16"), 400),
        "UTF-16 without mark": (text.encode("utf-16-le"), 400),
        "UTF-32": (text.encode("utf-32"), 400),
        "byte-order mark": (b"\xef\xbb\xbf" + good, 400),
        "Latin-1": (_EXTRA.replace(b"1", '"é"'.encode("latin-1")) + good[1:], 400),
        "surrogate bytes": (b'{"a": "\xed\xa0\x80"}', 400),
        "duplicate key": (good[:-1] + f", {first}: 1, {first}: 2}}".encode(), 400),
        "duplicate key inside": (b'{"a": {"b": 1, "b": 2}}', 400),
        "100,000 deep": (b"[" * 100_000 + b"]" * 100_000, 400),
        "100,000 deep objects": (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, 413),
        "33 deep": (b"[" * 33 + b"]" * 33, 400),
        "brackets in a text": (b'{"' + CANARY.encode() + b'": "' + b"[" * 1_000 + b'"}', 422),
        "never closed": (b"[" * 2_000, 400),
        "NaN": (b'{"a": NaN}', 400),
        "1e999": (b'{"a": 1e999}', 400),
        "5,000 digits": (b'{"a": ' + b"9" * 5_000 + b"}", 400),
        "two documents": (good + good, 400),
        "trailing bytes": (good + b"\x00", 400),
        "single quotes": (b"{'a': 1}", 400),
        "comment": (b"/* */" + good, 400),
        "a list": (b"[]", 422),
        "a text": (f'"{CANARY}"'.encode(), 422),
        "null": (b"null", 422),
        "nothing": (b"", 422),
        "blank": (b"   \n", 400),
    }


@_everywhere
@_each([item for item in _BODIES if open_to_agencies(item)])
async def test_a_body_that_is_no_clean_json_is_refused(
    operation: Operation, all_: bool, own_app: FastAPI, agencies: World, known: Known
) -> None:
    faults = []
    good = example_body(operation) or b"{}"
    async with caller(own_app, agencies) as client:
        bodies = _bodies(good)
        for name in _some(operation, bodies, all_, _ALWAYS):
            body, status = bodies[name]
            answer = await _send(client, operation, known, content=body)
            wrong = fault(answer, sane=frozenset({status}))
            if wrong:
                faults.append(f"{name}: {wrong}")
    assert not faults, "\n".join(faults)


@_everywhere
@_each(_BODIES)
async def test_only_json_in_utf_8_is_taken(
    operation: Operation, all_: bool, own_app: FastAPI, agencies: World, known: Known
) -> None:
    kinds = (
        "text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data",
        "application/json; charset=utf-16", "application/json;charset=latin1", "application/jsonx",
        "application/vnd.api+json", "", "application/json, text/plain", CANARY, "*/*",
    )  # fmt: skip
    async with caller(own_app, agencies) as client:
        for kind in _some(operation, kinds, all_):
            answer = await _send(client, operation, known, **{"Content-Type": kind})
            assert fault(answer, sane=frozenset({415})) is None, (kind, answer.text)
        for coding in _some(operation, ("gzip", "identity", "br", CANARY), all_):
            answer = await _send(client, operation, known, **{"Content-Encoding": coding})
            assert fault(answer, sane=frozenset({415})) is None, (coding, answer.text)
        fine = ("application/json; charset=utf-8", 'Application/JSON; charset="UTF-8"')
        for kind in _some(operation, fine, all_):
            answer = await _send(client, operation, known, **{"Content-Type": kind})
            assert answer.status_code != 415, kind


@_everywhere
@_each(_BODIES)
async def test_the_size_of_a_body_is_counted_not_believed(
    operation: Operation, all_: bool, own_app: FastAPI, agencies: World, known: Known
) -> None:
    large = b'{"a": "' + b"x" * _LIMIT + b'"}'

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(large), 8_192):
            yield large[start : start + 8_192]

    claims: list[dict[str, str]] = [
        {}, {"Content-Length": "10"}, {"Content-Length": "-1"}, {"Content-Length": "9" * 40},
        {"Content-Length": "1_0"}, {"Content-Length": "x"},
    ]  # fmt: skip
    async with caller(own_app, agencies) as client:
        for claim in _some(operation, claims, all_):
            answer = await _send(client, operation, known, content=chunks(), **claim)
            assert fault(answer, sane=frozenset({413})) is None, (claim, answer.text)
            assert answer.json()["code"] == "body_too_large"


@in_turn("path", list(contract()["paths"]), size=32)
async def test_a_method_that_a_path_does_not_take_is_a_405(
    path: str, own_app: FastAPI, agencies: World
) -> None:
    sample = path_of(next(item for item in operations() if item.path == path))
    taken = {item.method for item in operations() if _matches(item.path, sample)}
    async with caller(own_app, agencies) as client:
        for method in ("get", "post", "put", "patch", "delete", "trace", "options", "x-odd"):
            if method in taken:
                continue
            answer = await client.request(method, sample)
            assert fault(answer, sane=frozenset({405})) is None, (method, answer.text)
            assert answer.json()["code"] == "method_not_allowed"


def _matches(template: str, path: str) -> bool:
    """Whether a path is one of a template: ``/partners/match`` is also ``/partners/{id}``."""
    return re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", template), path) is not None


async def _send(
    client: httpx.AsyncClient, operation: Operation, known: Known, **more: Any
) -> httpx.Response:
    content = more.pop("content", None)
    return await client.request(
        operation.method,
        path_of(operation, known) + query_of(operation),
        content=example_body(operation) if content is None else content,
        headers=headers_of(operation) | more,
    )
