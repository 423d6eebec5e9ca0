"""The steps of an exchange done over HTTP, blocking or not. Nothing that arrives is believed here:
this module only bounds how much may arrive, for how long, and from where.
"""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Callable
from contextlib import closing
from typing import Any

import httpx

from partner_registry_client.errors import Malformed, TooLarge
from partner_registry_client.transport import (
    MAX_PROBLEM_BYTES,
    Answer,
    Call,
    Exchange,
    Pause,
    Steps,
)

DEADLINE_S = 300.0
READ_S = 30.0


class Wire:
    """The blocking way of doing the steps; close it when done."""

    def __init__(
        self,
        exchange: Exchange,
        *,
        sleep: Callable[[float], None] = time.sleep,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._exchange = exchange
        self._sleep = sleep
        self._deadline_s = deadline_s
        self._http = httpx.Client(**_settings(exchange))

    def close(self) -> None:
        self._http.close()

    def run(self, call: Call) -> Answer:
        with closing(self._exchange.steps(call)) as steps:
            return self._drive(steps)

    def _drive(self, steps: Steps) -> Answer:
        try:
            step = next(steps)
            while True:
                if isinstance(step, Pause):
                    self._sleep(step.seconds)
                    step = steps.send(None)
                    continue
                try:
                    answer = self._once(step)
                except httpx.HTTPError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(answer)
        except StopIteration as done:
            found: Answer = done.value
            return found

    def _once(self, call: Call) -> Answer:
        with self._http.stream(call.method, **_request(self._exchange, call)) as response:
            body = _Body(call, response, self._deadline_s)
            for piece in response.iter_raw():
                body.add(piece)
            return body.answer()


class AsyncWire:
    """The same for `async` programs."""

    def __init__(self, exchange: Exchange, *, deadline_s: float = DEADLINE_S) -> None:
        self._exchange = exchange
        self._deadline_s = deadline_s
        self._http = httpx.AsyncClient(**_settings(exchange))

    async def close(self) -> None:
        await self._http.aclose()

    async def run(self, call: Call) -> Answer:
        with closing(self._exchange.steps(call)) as steps:
            try:
                step = next(steps)
                while True:
                    if isinstance(step, Pause):
                        await asyncio.sleep(step.seconds)
                        step = steps.send(None)
                        continue
                    try:
                        answer = await self._once(step)
                    except httpx.HTTPError as error:
                        step = steps.throw(error)
                    else:
                        step = steps.send(answer)
            except StopIteration as done:
                found: Answer = done.value
                return found

    async def _once(self, call: Call) -> Answer:
        async with self._http.stream(call.method, **_request(self._exchange, call)) as response:
            body = _Body(call, response, self._deadline_s)
            async for piece in response.aiter_raw():
                body.add(piece)
            return body.answer()


class _Body:
    """Collects an answer, never more or for longer than allowed."""

    def __init__(self, call: Call, response: httpx.Response, deadline_s: float) -> None:
        self._call = call
        self._response = response
        self._ends = time.monotonic() + deadline_s + call.wait_s
        failed = response.status_code >= 400
        self._limit = MAX_PROBLEM_BYTES if failed else call.limit
        self._body = bytearray()
        encoding = response.headers.get("content-encoding", "identity").lower()
        self._packed = encoding == "gzip" and call.takes_gzip
        if not failed and encoding != "identity" and not self._packed:
            raise Malformed(f"{call.path}: compressed on the way; the bytes cannot be checked")

    def add(self, piece: bytes) -> None:
        self._body += piece
        if len(self._body) > self._limit:
            raise self._too_large()
        if time.monotonic() > self._ends:
            raise httpx.ReadTimeout("the answer takes too long")

    def answer(self) -> Answer:
        body = self._inflated() if self._packed else bytes(self._body)
        return Answer(self._response.status_code, self._response.headers, body)

    def _inflated(self) -> bytes:
        stream = zlib.decompressobj(wbits=31)
        try:
            body = stream.decompress(bytes(self._body), self._limit + 1)
        except zlib.error as error:
            raise Malformed(f"{self._call.path}: not gzip, as it was called") from error
        if len(body) > self._limit:
            raise self._too_large()
        if self._body and (not stream.eof or stream.unused_data):
            raise Malformed(f"{self._call.path}: truncated on the way")
        return body

    def _too_large(self) -> TooLarge:
        return TooLarge(f"{self._call.path}: more than the {self._limit} bytes that may come")


def _settings(exchange: Exchange) -> dict[str, Any]:
    return {
        "follow_redirects": False,
        "verify": exchange.encrypted,  # without TLS no certificates need be read
        "trust_env": not exchange.loopback,  # a proxy has no business with this host's addresses
        "headers": {"Accept-Encoding": "identity", "User-Agent": "partner-registry-client"},
    }


def _request(exchange: Exchange, call: Call) -> dict[str, Any]:
    headers = dict(call.headers)
    if call.takes_gzip:
        headers["Accept-Encoding"] = "gzip"
    return {
        "url": exchange.base + call.path,
        "params": call.params,
        "headers": headers,
        "content": call.content,
        "data": call.form,
        "timeout": httpx.Timeout(READ_S + call.wait_s, connect=10),
    }
