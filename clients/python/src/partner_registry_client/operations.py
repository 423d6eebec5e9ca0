"""Every operation of the API as a method, by the table that the OpenAPI document was made into.

`operations.pyi` has the signatures. Unknown arguments are refused here, values by the registry.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from functools import partial
from importlib.resources import files
from typing import Any
from urllib.parse import quote

from partner_registry_client.encoding import read_json
from partner_registry_client.reply import Reply
from partner_registry_client.transport import Answer, Call

MAX_ANSWER_BYTES = 256 * 1024 * 1024
TABLE: dict[str, dict[str, Any]] = json.loads(
    (files("partner_registry_client") / "operations.json").read_text("utf-8")
)
_JSON, _LINES = "application/json", "application/x-ndjson"
_KEY = "Idempotency-Key"
_PAGED = "iter_"


class Operations:
    """Methods named after the operations: `client.get_partner(partner_id)`.

    An operation with pages has `iter_…`, too, which goes through all of them.
    """

    _ask: Callable[[Call], Answer]

    def __getattr__(self, name: str) -> Any:
        row = _row(name)
        if name.startswith(_PAGED):
            return partial(self._every, row)
        return partial(self._call, row)

    def _call(self, row: dict[str, Any], *path: str, **given: Any) -> Reply[Any]:
        return _reply(self._ask(_made(row, path, given)))

    def _every(self, row: dict[str, Any], *path: str, **given: Any) -> Iterator[Any]:
        more = True
        while more:
            page = self._call(row, *path, **given).data
            yield from page["items"]
            given["cursor"] = page["next_cursor"]
            more = page["next_cursor"] is not None


class AsyncOperations:
    """The same for `async` programs."""

    _ask: Callable[[Call], Awaitable[Answer]]

    def __getattr__(self, name: str) -> Any:
        row = _row(name)
        if name.startswith(_PAGED):
            return partial(self._every, row)
        return partial(self._call, row)

    async def _call(self, row: dict[str, Any], *path: str, **given: Any) -> Reply[Any]:
        return _reply(await self._ask(_made(row, path, given)))

    async def _every(self, row: dict[str, Any], *path: str, **given: Any) -> AsyncIterator[Any]:
        more = True
        while more:
            page = (await self._call(row, *path, **given)).data
            for item in page["items"]:
                yield item
            given["cursor"] = page["next_cursor"]
            more = page["next_cursor"] is not None


def _row(name: str) -> dict[str, Any]:
    row = TABLE.get(name)
    if row is None and name.startswith(_PAGED):
        row = TABLE.get(name.removeprefix(_PAGED))
        row = row if row is not None and "paged" in row else None
    if row is None:
        raise AttributeError(f"the registry has no operation {name!r}")
    return row


def _made(row: dict[str, Any], path: tuple[str, ...], given: Mapping[str, Any]) -> Call:
    """The request that an operation's arguments make. Raises TypeError, as a call would."""
    places, query, header = (row.get(place, {}) for place in ("path", "query", "header"))
    named = dict(zip(places, path, strict=False)) | {k: given[k] for k in given if k in places}
    unknown = given.keys() - places.keys() - query.keys() - header.keys() - {"body"}
    if unknown or len(path) > len(places) or named.keys() != places.keys():
        raise TypeError(f"{row['method']} {row['url']} takes {[*places, *query, *header]}")
    url = row["url"]
    for name, real in places.items():
        url = url.replace("{" + real + "}", quote(str(named[name]), safe=""))
    headers = {
        real: str(given[name]) for name, real in header.items() if given.get(name) is not None
    }
    if _KEY in header.values():
        headers.setdefault(_KEY, secrets.token_urlsafe(24))
    call = Call(
        row["method"],
        url,
        MAX_ANSWER_BYTES,
        params=_query({query[name]: given[name] for name in query if name in given}),
        headers=headers,
        takes_gzip=True,
        again=row["method"] == "GET" or _KEY in headers,
    )
    return _with_body(call, row.get("media"), given.get("body"))


def _query(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Query parameters: absent ones left out, several of one name repeated."""
    found = []
    for name, value in values.items():
        every = value if isinstance(value, list | tuple) else [value]
        found += [(name, _text(one)) for one in every if one is not None]
    return found


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _with_body(call: Call, media: str | None, body: Any) -> Call:
    if media is None or body is None:
        return call
    if media == "application/x-www-form-urlencoded":
        return call.but(form=dict(body))
    if media == _LINES:
        content = b"".join(_dumped(line) + b"\n" for line in body)
    elif media == _JSON or media.endswith("+json"):
        content = _dumped(body)
    else:
        content = bytes(body)
    return call.but(headers={**call.headers, "Content-Type": media}, content=content)


def _dumped(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()


def _reply(answer: Answer) -> Reply[Any]:
    media = answer.headers.get("content-type", "").partition(";")[0].strip()
    data: Any = answer.body or None
    if answer.body and (media == _JSON or media.endswith("+json")):
        data = read_json(answer.body, "answer")
    elif media == _LINES:
        data = [read_json(line, "line") for line in answer.body.splitlines()]
    return Reply(data, answer.body, answer.status, answer.headers)
