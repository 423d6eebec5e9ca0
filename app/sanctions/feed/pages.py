"""Pages of changes, written once for each stream and cursor and sent to all who ask for them."""

from __future__ import annotations

import asyncio
import zlib
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any

Key = tuple[str, str, int, int]
"""Stream, manifest, cursor, limit."""
_LIMIT = 33_554_432


class Page:
    """A page as it is and compressed. It has no digest of its own: the manifest proves it."""

    __slots__ = ("body", "packed")

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.packed = _packed(body)

    def __len__(self) -> int:
        return len(self.body) + len(self.packed)


class Pages:
    """The pages used last, at most so many bytes; of each stream those of its newest head only."""

    def __init__(self, limit: int = _LIMIT) -> None:
        self._limit = limit
        self._size = 0
        self._pages: OrderedDict[Key, Page] = OrderedDict()
        self._newest: dict[str, str] = {}
        self._making: dict[Key, asyncio.Task[Page]] = {}

    async def get(self, key: Key, make: Callable[[], Coroutine[Any, Any, bytes]]) -> Page:
        """The page; who asks while it is being made waits for that. Raises as ``make``."""
        page = self._pages.get(key)
        if page is not None:
            self._pages.move_to_end(key)
            return page
        task = self._making.get(key)
        if task is None:
            task = self._making[key] = asyncio.create_task(self._make(key, make))
        # One reader that goes away does not take the page from the others.
        return await asyncio.shield(task)

    async def _make(self, key: Key, make: Callable[[], Coroutine[Any, Any, bytes]]) -> Page:
        try:
            page = await asyncio.to_thread(Page, await make())
        finally:
            del self._making[key]
        self._keep(key, page)
        return page

    def _keep(self, key: Key, page: Page) -> None:
        stream, manifest = key[:2]
        if self._newest.get(stream) != manifest:
            for old in [one for one in self._pages if one[0] == stream]:
                self._drop(old)
            self._newest[stream] = manifest
        self._pages[key] = page
        self._size += len(page)
        while self._size > self._limit:
            self._drop(next(iter(self._pages)))

    def _drop(self, key: Key) -> None:
        self._size -= len(self._pages.pop(key))


def _packed(body: bytes) -> bytes:
    """A page as gzip. The manifest gets codes of its own, being of other letters than entries."""
    stream = zlib.compressobj(9, wbits=31)
    at = body.rfind(b',"manifest":')
    return (
        stream.compress(body[:at])
        + stream.flush(zlib.Z_BLOCK)
        + stream.compress(body[at:])
        + stream.flush()
    )
