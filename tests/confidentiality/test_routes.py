"""The confidentiality matrix over HTTP: every operation × every relation to its owner."""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.confidentiality.matrix import RULES
from tests.confidentiality.rules import FORBIDDEN, OPEN, Call, Rule
from tests.confidentiality.scene import AGENCIES, CANARY, RELATIONS, Scene, absent
from tests.support import Api, in_turn, plain_client


@functools.cache
def operations(app: FastAPI) -> dict[str, tuple[str, str, list[str]]]:
    """Method, path and scopes of every operation, by its id."""
    found: dict[str, tuple[str, str, list[str]]] = {}
    for path, methods in app.openapi()["paths"].items():
        for method, operation in methods.items():
            scopes = [
                one for item in operation.get("security", []) for one in item.get("oauth2", [])
            ]
            found[operation["operationId"]] = (method.upper(), path, scopes)
    return found


def test_every_operation_has_a_line_in_the_matrix(app: FastAPI) -> None:
    assert set(operations(app)) == set(RULES) | OPEN


async def send(api: httpx.AsyncClient, method: str, path: str, call: Call) -> httpx.Response:
    url = path.format(**call.path)
    return await api.request(
        method,
        url,
        json=call.json,
        content=call.content,
        headers=call.headers,
        params=call.params or None,
    )


def expected(rule: Rule, relation: str) -> frozenset[int]:
    return rule.expected.get(relation, FORBIDDEN)


@pytest.mark.parametrize("operation", sorted(RULES))
@in_turn("relation", list(RELATIONS), size=len(RELATIONS))
async def test_who_gets_what(app: FastAPI, scene: Scene, operation: str, relation: str) -> None:
    method, path, scopes = operations(app)[operation]
    rule = RULES[operation]
    call = await rule.make(scene, relation)
    api = await scene.caller(relation, scopes, oversight=rule.oversight)
    answer = await send(api, method, path, call)
    assert answer.status_code in expected(rule, relation), answer.text
    if answer.status_code >= 400:
        assert CANARY not in answer.text
        if answer.status_code == 403 or (rule.hides and answer.status_code == 404):
            assert await events(scene, answer.headers["x-request-id"]) == 1, "not in the log"
    elif rule.logged if rule.logged is not None else method != "GET":
        assert await events(scene, answer.headers["x-request-id"]) >= 1
    for name, seen_by in rule.shows.items():
        if relation in AGENCIES:
            listed = await listed_ids(api, method, path, call)
            # As the item itself: an agency's own refusals also name what it asked for.
            here = any(f'"{key}":"{scene.ids[name]}"' in listed for key in _OWN_IDS)
            assert here == (relation in seen_by), name
    if rule.hides is not None and answer.status_code == 404 and relation in AGENCIES:
        await _looks_absent(api, method, path, call, rule.hides, answer)


_OWN_IDS = ("id", "clearance_id", "screening_id")


async def events(scene: Scene, request_id: str) -> int:
    """Events in the log that a request left."""
    async with scene.operator.connection() as connection:
        count: int = await connection.fetchval(
            "SELECT count(*) FROM audit_events WHERE request_id = $1", request_id
        )
        return count


async def _looks_absent(
    api: Api, method: str, path: str, call: Call, name: str, hidden: httpx.Response
) -> None:
    """A hidden record and one that does not exist: the same bytes, but for the request's id."""
    other = replace(call, path={**call.path, name: absent()})
    missing = await send(api, method, path, other)
    assert visible(missing) == visible(hidden)


_OF_THIS_REQUEST = {"x-request-id", "ratelimit", "date"}


def visible(answer: httpx.Response) -> tuple[int, dict[str, str], bytes]:
    """What a caller sees of an answer, without what names this one request."""
    headers = {k: v for k, v in answer.headers.items() if k.lower() not in _OF_THIS_REQUEST}
    body: dict[str, Any] = json.loads(answer.content)
    assert body.pop("instance", "").startswith("urn:request:")
    return answer.status_code, headers, json.dumps(body).encode()


async def listed_ids(api: Api, method: str, path: str, call: Call) -> str:
    """The whole list as text, all pages."""
    pages, params = "", {**call.params, "limit": "200"}
    for _ in range(50):
        answer = await api.request(method, path.format(**call.path), params=params)
        assert answer.status_code == 200, answer.text
        pages += answer.text
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return pages
        params["cursor"] = cursor
    raise AssertionError("the list does not end")


@in_turn("operation", sorted(RULES), size=32)
async def test_without_a_token_there_is_nothing(app: FastAPI, scene: Scene, operation: str) -> None:
    method, path, _ = operations(app)[operation]
    call = await RULES[operation].make(scene, "stranger")
    async with plain_client(app) as nobody:
        answer = await send(nobody, method, path, call)
    assert answer.status_code == 401, answer.text
