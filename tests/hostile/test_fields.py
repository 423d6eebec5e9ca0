"""No value in any field of any request makes the service fail, or say what it was given."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Iterator
from operator import attrgetter
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from fastapi import FastAPI

from tests.contract.contract import Operation, operations
from tests.hostile import values
from tests.hostile.calls import (
    Known,
    caller,
    example_body,
    fault,
    headers_of,
    open_to_agencies,
    path_of,
    query_of,
    raw_url,
)
from tests.hostile.fields import fields, json_body
from tests.hostile.sampling import first_of_methods, is_first, place, some
from tests.support import World, in_turn, plain_client

_BODIES = [item for item in operations() if json_body(item) is not None]
_EDGE_HEADERS = (
    "X-Request-Id", "If-None-Match", "Accept", "Host", "Range", "Cookie", "Origin",
    "X-On-Behalf-Of", "Client-Cert", "X-Forwarded-For", "Forwarded",
)  # fmt: skip


def _parameters(operation: Operation, *places: str) -> list[dict[str, Any]]:
    return [item for item in operation.spec.get("parameters", ()) if item["in"] in places]


_each = functools.partial(in_turn, "operation", size=8, label=attrgetter("name"))


class Sender:
    """Sends one operation with something hostile in it, at the version that was last answered."""

    def __init__(self, client: httpx.AsyncClient, operation: Operation, known: Known) -> None:
        self._client = client
        self._operation = operation
        self.path = path_of(operation, known)
        self._etag = '"v1"'

    async def __call__(
        self,
        body: bytes | None = None,
        *,
        url: str | None = None,
        headers: dict[str, bytes] | None = None,
    ) -> httpx.Response:
        wanted = {key: value.encode() for key, value in headers_of(self._operation).items()}
        if "If-Match" in wanted:
            wanted["If-Match"] = self._etag.encode()
        wanted |= headers or {}
        answer = await self._send(body, url, wanted)
        if answer.status_code == 412 and wanted.get("If-Match") == self._etag.encode():
            # Another operation changed the record meanwhile.
            now = await self._client.get(raw_url(self.path))
            self._etag = now.headers.get("etag", self._etag)
            answer = await self._send(body, url, wanted | {"If-Match": self._etag.encode()})
        self._etag = answer.headers.get("etag", self._etag)
        return answer

    async def _send(
        self, body: bytes | None, url: str | None, headers: dict[str, bytes]
    ) -> httpx.Response:
        return await self._client.request(
            self._operation.method,
            raw_url(url or self.path + query_of(self._operation)),
            content=example_body(self._operation) if body is None else body,
            headers=[(name.encode(), value) for name, value in headers.items()],
        )


_EXTENT = [False, pytest.param(True, marks=[pytest.mark.drill, pytest.mark.timeout(4_800)])]
_everywhere = pytest.mark.parametrize("all_", _EXTENT, ids=["some", "all"])
"""In the suite as `sampling` says, in the drills every value everywhere."""


@_everywhere
@_each(_BODIES)
async def test_no_value_of_a_body_field_is_a_server_error(
    operation: Operation, all_: bool, own_app: FastAPI, agencies: World, known: Known
) -> None:
    faults = []
    async with caller(own_app, agencies) as client:
        send = Sender(client, operation, known)
        for field in fields(operation):
            where = place(operation, field.pointer)
            found = values.ANY | values.BY_KIND[field.kind]
            for name, raw in some(found, where, first=all_ or is_first(where)).items():
                wrong = fault(await send(field.with_value(raw)))
                if wrong:
                    faults.append(f"{field.pointer} ({field.kind}) = {name}: {wrong}")
    assert not faults, "\n".join(faults)


@_everywhere
@_each(_BODIES)
async def test_a_text_of_300_kb_is_too_large_in_every_field(
    operation: Operation, all_: bool, own_app: FastAPI, agencies: World, known: Known
) -> None:
    async with caller(own_app, agencies) as client:
        send = Sender(client, operation, known)
        for field in list(fields(operation))[: None if all_ else 2]:
            answer = await send(field.with_value('"' + "x" * 300_000 + '"'))
            assert answer.status_code == 413, field.pointer
            assert answer.json()["code"] == "body_too_large"


@_each([item for item in _BODIES if open_to_agencies(item)])
async def test_an_unknown_member_is_refused_at_every_level(
    operation: Operation, own_app: FastAPI, agencies: World, known: Known
) -> None:
    async with caller(own_app, agencies) as client:
        send = Sender(client, operation, known)
        for field in fields(operation):
            if field.kind not in ("object", "open object"):
                continue
            answer = await send(field.with_unknown(values.CANARY))
            assert fault(answer) is None, (field.pointer, fault(answer))
            if field.kind == "open object":  # its type is known to the service, not to the contract
                assert answer.status_code in (404, 409, 422), (field.pointer, answer.text)
                continue
            assert answer.status_code == 422, (field.pointer, answer.text)
            codes = {item["code"] for item in answer.json()["errors"]}
            assert "extra_forbidden" in codes, (field.pointer, answer.text)


@_everywhere
@_each([item for item in operations() if _parameters(item, "query", "path")])
async def test_no_value_of_a_query_or_path_parameter_is_a_server_error(
    operation: Operation, all_: bool, own_app: FastAPI, agencies: World, known: Known
) -> None:
    faults = []
    async with caller(own_app, agencies) as client:
        send = Sender(client, operation, known)
        for parameter in _parameters(operation, "query", "path"):
            where = place(operation, parameter["name"])
            for name, raw in some(values.URL, where, first=all_ or is_first(where)).items():
                url = _url_with(operation, known, parameter, raw)
                wrong = fault(await send(url=url))
                if wrong:
                    faults.append(f"{parameter['in']}:{parameter['name']} = {name}: {wrong}")
    assert not faults, "\n".join(faults)


_UNKNOWN = ("contry", values.CANARY, "__proto__", quote("\x00"), "items[0]", "")


def _url_with(operation: Operation, known: Known, parameter: dict[str, Any], raw: str) -> str:
    if parameter["in"] == "path":
        return path_of(operation, known, **{parameter["name"]: raw}) + query_of(operation)
    query = query_of(operation)
    return (
        path_of(operation, known) + (query + "&" if query else "?") + f"{parameter['name']}={raw}"
    )


@_each([item for item in operations() if item.under_v1])
async def test_an_unknown_or_repeated_query_parameter_is_no_silent_no_op(
    operation: Operation, own_app: FastAPI, agencies: World, known: Known
) -> None:
    async with caller(own_app, agencies) as client:
        send = Sender(client, operation, known)
        unknown = {name: name for name in _UNKNOWN}
        for name in some(unknown, operation.name, first=operation.name in first_of_methods()):
            query = query_of(operation)
            url = send.path + (query + "&" if query else "?") + f"{name}=1"
            answer = await send(url=url)
            assert answer.status_code == 422, (name, answer.text)
            assert fault(answer) is None, (name, fault(answer))


@_everywhere
@_each([item for item in operations() if item.under_v1])
async def test_no_value_of_a_header_is_a_server_error(
    operation: Operation, all_: bool, own_app: FastAPI, agencies: World, known: Known
) -> None:
    faults = []
    names = [*(item["name"] for item in _parameters(operation, "header")), *_EDGE_HEADERS]
    async with caller(own_app, agencies) as client:
        send = Sender(client, operation, known)
        for header in names:
            where = place(operation, header)
            first = all_ or is_first(where) or operation.name in first_of_methods()
            if header in _EDGE_HEADERS and not first and not _in_turn(operation, header):
                continue
            for name, raw in some(values.HEADER, where, first=first).items():
                wrong = fault(await send(headers={header: raw}))
                if wrong:
                    faults.append(f"{header} = {name}: {wrong}")
    assert not faults, "\n".join(faults)


def _in_turn(operation: Operation, header: str) -> bool:
    """Whether this operation gets this header, which the edge reads alike for all of them."""
    return zlib.crc32(operation.name.encode()) % len(_EDGE_HEADERS) == _EDGE_HEADERS.index(header)


_SCHEMES = {
    scheme: scheme.encode() for scheme in ("Bearer", "Bearer ", "bearer  x", "Basic eA==", "DPoP x")
} | {"none": b" "}
_TOKENS = _SCHEMES | {name: b"Bearer " + value for name, value in values.HEADER.items()}


@_everywhere
@_each([item for item in operations() if item.under_v1 and "security" in item.spec])
async def test_no_authorization_header_is_anything_but_a_401(
    operation: Operation, all_: bool, own_app: FastAPI, known: Known
) -> None:
    first = all_ or operation.name in first_of_methods()
    async with plain_client(own_app) as client:
        send = Sender(client, operation, known)
        for raw in some(_TOKENS, operation.name, first=first).values():
            answer = await send(headers={"Authorization": raw})
            assert answer.status_code == 401, (raw[:40], answer.text)
            assert answer.json()["code"] == "not_authenticated"
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert fault(answer, sane=frozenset({401})) is None


async def test_no_value_of_a_token_form_field_is_a_server_error(
    own_app: FastAPI, agencies: World
) -> None:
    faults = []
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    async with plain_client(own_app) as client:
        for field, name, body in _forms():
            for auth in (("UNICEF", agencies.secrets["UNICEF"]), None):
                answer = await client.post(
                    "/oauth/token",
                    content=body,
                    headers=form,
                    auth=auth or httpx.USE_CLIENT_DEFAULT,
                )
                wrong = fault(answer, sane=frozenset({200, 400, 401, 413, 415, 422}))
                if wrong:
                    faults.append(f"{field} = {name}: {wrong}")
    assert not faults, "\n".join(faults)


def _forms() -> Iterator[tuple[str, str, bytes]]:
    """Form bodies with one hostile field each."""
    for field in ("grant_type", "scope", "client_id", "client_assertion", "resource", "unknown"):
        for name, raw in values.URL.items():
            base = "" if field == "grant_type" else "grant_type=client_credentials&"
            kind = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
            if field == "client_assertion":
                base += f"client_assertion_type={kind}&"
            yield field, name, f"{base}{field}={raw}".encode()
