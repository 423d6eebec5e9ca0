"""Keyset paging with sealed cursors.

A cursor holds the sort values of the last row, sealed with AES-GCM and bound to the caller's
agency, the route and its filters: it says nothing, cannot be edited, and fits no other list.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from fastapi import Request, Response
from pydantic import Field

from app.core.errors import ServiceError
from app.core.schemas import QueryInt, Schema

LIMIT_DEFAULT, LIMIT_MAX = 50, 200
_LIFE_S = 7 * 86_400
_BACK = "<"

Limit = Annotated[QueryInt, Field(ge=1, le=LIMIT_MAX, description="items per page")]
CursorText = Annotated[
    str,
    Field(
        max_length=1_000,
        pattern=r"^[A-Za-z0-9_-]+$",
        description="`next_cursor` of the previous page, as it was given",
    ),
]


class PageQuery(Schema):
    """Base of a list's filters: page size and cursor."""

    limit: Limit = LIMIT_DEFAULT
    cursor: CursorText | None = None


class CursorInvalid(ServiceError):
    """The cursor was not given out for this list and these filters, or is older than seven days."""

    status = 422
    code = "cursor_invalid"
    title = "The cursor does not belong to this list; start again without one."


class Cursors:
    """Seals and opens cursors under a key derived from the root key.

    Those sealed under ``former`` ones, while the root key changes, still open.
    """

    def __init__(self, key: bytes, *former: bytes) -> None:
        self._aead = AESGCM(key)
        self._all = (self._aead, *(AESGCM(one) for one in former))

    def seal(self, binding: bytes, values: list[Any], life_s: int = _LIFE_S) -> str:
        """A cursor after the row with these sort values (JSON scalars)."""
        nonce = os.urandom(12)
        plain = json.dumps([int(time.time()) + life_s, values]).encode()
        return _b64(nonce + self._aead.encrypt(nonce, plain, binding))

    def open(self, binding: bytes, cursor: str) -> list[Any]:
        """Undo `seal`. Raises CursorInvalid."""
        try:
            raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        except ValueError:
            raise CursorInvalid from None
        for aead in self._all:
            try:
                expires, values = json.loads(aead.decrypt(raw[:12], raw[12:], binding))
            except (ValueError, InvalidTag):
                continue
            if expires < time.time():
                break
            result: list[Any] = values
            return result
        raise CursorInvalid


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class Window:
    """A page of a list that pages both ways: which of the rows read, in the order of the list."""

    places: list[int]
    next_cursor: str | None
    prev_cursor: str | None
    headers: dict[str, str]


class Pager:
    """Paging of one request: opens its cursor and seals the next one."""

    def __init__(self, request: Request, agency: object, limit: int, cursor: str | None) -> None:
        self._request = request
        self._cursors: Cursors = request.app.state.cursors
        filters = sorted(
            (key, value)
            for key, value in request.query_params.multi_items()
            if key not in ("cursor", "limit")
        )
        text = json.dumps([str(agency), request.url.path, filters])
        self._binding = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
        self.limit = limit
        opened = self._cursors.open(self._binding, cursor) if cursor else None
        # A list that pages both ways puts the direction first; no other list takes such a cursor.
        self.backward = opened is not None and opened[:1] == [_BACK]
        self.after = opened[1:] if opened and self.backward else opened

    def page(self, rows: list[Any], key: Any, response: Response) -> tuple[list[Any], str | None]:
        """Cut ``limit + 1`` rows to a page; sets ``Link: rel="next"`` when there is another.

        ``key(row)`` gives the sort values of a row as JSON scalars.
        """
        if len(rows) <= self.limit:
            return rows, None
        rows = rows[: self.limit]
        cursor = self._cursors.seal(self._binding, key(rows[-1]))
        response.headers["Link"] = self._link(cursor, "next")
        return rows, cursor

    def both_ways(self, found: int, key: Callable[[int], list[Any]]) -> Window:
        """The page within ``found`` rows, at most ``limit + 1``, read in the direction asked for.

        ``key(n)`` gives the sort values of the n-th row read as JSON scalars.
        """
        more = found > self.limit
        order = range(min(found, self.limit))
        places = list(reversed(order)) if self.backward else list(order)
        following = previous = None
        if places and (more or self.backward):
            following = self._cursors.seal(self._binding, key(places[-1]))
        if places and (more if self.backward else self.after is not None):
            previous = self._cursors.seal(self._binding, [_BACK, *key(places[0])])
        links = [(following, "next"), (previous, "prev")]
        link = ", ".join(self._link(cursor, rel) for cursor, rel in links if cursor)
        return Window(places, following, previous, {"Link": link} if link else {})

    def _link(self, cursor: str, rel: str) -> str:
        url = self._request.url.include_query_params(cursor=cursor, limit=self.limit)
        target = url.path + (f"?{url.query}" if url.query else "")
        return f'<{target}>; rel="{rel}"'
