"""The only HTTP client for addresses that come from data: key sets, webhooks, list files.

The name is resolved once, every address of the answer is checked, and the connection goes to a
checked address, so that a second answer of the name server changes nothing. It works on the
connection pool itself: there are no redirects to follow, no proxies, cookies or decoders.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any, BinaryIO

import httpcore
import httpx
from fastapi import Depends, Request

from app.core.addresses import Address, AllowedNetwork, is_public, parse_address

LIMIT_BYTES = 65_536
DEADLINE_S = 5.0
_PORTS = {"https": 443, "http": 80}
_MAX_URL = 2_048
_POOL = 20
# Not the threads of everything else: a name server that never answers holds one for half a minute,
# and the names come from data.
_LOOKUPS = ThreadPoolExecutor(32, thread_name_prefix="lookup")


class OutboundRefused(Exception):
    """The address is not one the service calls; the argument is a code, for log and caller."""


class OutboundFailed(Exception):
    """No usable answer came; the argument is a code, for log and caller."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. A redirect is an answer like any other: it is not followed."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Guard(httpcore.AsyncNetworkBackend):
    """Connects to checked addresses only."""

    def __init__(self, allowed: Sequence[AllowedNetwork], scheme: str) -> None:
        self._allowed = tuple(allowed)
        self._scheme = scheme
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """As its base. Raises OutboundRefused when any address of the host is refused."""
        addresses = await _resolve(host, port)
        if not all(self._may(address, port) for address in addresses):
            raise OutboundRefused("address")
        failure: Exception = OutboundFailed("resolve")
        for address in addresses:
            try:
                return await self._inner.connect_tcp(
                    str(address), port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    def _may(self, address: Address, port: int) -> bool:
        if any(allowed.covers(address, port) for allowed in self._allowed):
            return True
        return self._scheme == "https" and port == _PORTS["https"] and is_public(address)


def _look_up(host: str, port: int) -> list[Any]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


async def _resolve(host: str, port: int) -> list[Address]:
    try:
        found = await asyncio.get_running_loop().run_in_executor(_LOOKUPS, _look_up, host, port)
    except (OSError, UnicodeError) as error:
        raise OutboundFailed("resolve") from error
    # The same address may be given more than once; the order is the resolver's.
    return [parse_address(text) for text in dict.fromkeys(str(item[4][0]) for item in found)]


class Outbound:
    """Calls addresses that come from data. One for the application; close it at the end."""

    def __init__(
        self,
        allowed: Sequence[AllowedNetwork] = (),
        tls: ssl.SSLContext | None = None,
        connections: int = _POOL,
    ) -> None:
        context = tls or httpx.create_ssl_context()
        self._allowed = tuple(allowed)
        self._pools = {
            scheme: httpcore.AsyncConnectionPool(
                ssl_context=context,
                max_connections=connections,
                # A kept connection would be used without a new check of its address.
                max_keepalive_connections=0,
                network_backend=_Guard(allowed, scheme),
            )
            for scheme in _PORTS
        }

    def check(self, url: str) -> httpx.URL:
        """The parsed address, if its form may be called at all. Raises OutboundRefused.

        What the name resolves to is checked when it is called.
        """
        try:
            parsed = httpx.URL(url)
        except (httpx.InvalidURL, TypeError, ValueError):
            raise OutboundRefused("url") from None
        plain = url.isascii() and url.isprintable() and not set(url) & set(" \\")
        if len(url) > _MAX_URL or not plain or parsed.scheme not in _PORTS or not parsed.host:
            raise OutboundRefused("url")
        if "@" in url.partition("://")[2].partition("/")[0] or parsed.fragment:
            raise OutboundRefused("url")
        port = parsed.port or _PORTS[parsed.scheme]
        standard = parsed.scheme == "https" and port == _PORTS["https"]
        if not standard and not any(allowed.port in (None, port) for allowed in self._allowed):
            raise OutboundRefused("scheme_or_port")
        return parsed

    async def call(
        self,
        url: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        content: bytes | AsyncIterable[bytes] | None = None,
        seconds: float = DEADLINE_S,
        limit: int = LIMIT_BYTES,
        cut: bool = False,
    ) -> Answer:
        """Send one request and read the whole answer, at most ``limit`` bytes, in ``seconds``.

        With ``cut`` what is beyond the limit stays unread, and is no reason to refuse the answer.
        Content that comes in pieces needs its ``Content-Length`` among the headers.

        Raises OutboundRefused for an address that is not called, OutboundFailed for no answer, a
        late, too large or encoded one.
        """
        parsed = self.check(url)
        try:
            async with asyncio.timeout(seconds), self._sent(parsed, method, headers, content) as it:
                return await (_read_start if cut else _read)(it, limit)
        except TimeoutError as error:
            raise OutboundFailed("late") from error
        except (httpcore.TimeoutException, httpcore.NetworkError, OSError) as error:
            raise OutboundFailed("connection") from error
        except (httpcore.ProtocolError, httpcore.UnsupportedProtocol) as error:
            raise OutboundFailed("protocol") from error

    @asynccontextmanager
    async def stream(
        self, url: str, *, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[tuple[int, AsyncIterator[bytes]]]:
        """GET a body of any length piece by piece: its status, and the pieces.

        Each wait for the peer is bounded, the whole is not: its reader sets the pace. Raises as
        `call`, also while the pieces are read.
        """
        parsed = self.check(url)
        waits = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), DEADLINE_S)}
        try:
            async with self._sent(parsed, "GET", headers, None, waits) as response:
                yield response.status, response.aiter_stream()
        except (httpcore.TimeoutException, httpcore.NetworkError, OSError) as error:
            raise OutboundFailed("connection") from error
        except (httpcore.ProtocolError, httpcore.UnsupportedProtocol) as error:
            raise OutboundFailed("protocol") from error

    async def save(
        self,
        url: str,
        into: BinaryIO,
        *,
        headers: Mapping[str, str] | None = None,
        seconds: float,
        limit: int,
    ) -> Answer:
        """GET a body of at most ``limit`` bytes into an open file; the answer's own body is empty.

        The body of any status but 200 is left unread. Raises as `call`.
        """
        parsed = self.check(url)
        try:
            async with (
                asyncio.timeout(seconds),
                self._sent(parsed, "GET", headers, None) as response,
            ):
                found = _headers(response, limit)
                if response.status == 200:
                    size = 0
                    async for chunk in response.aiter_stream():
                        size += len(chunk)
                        if size > limit:
                            raise OutboundFailed("too_large")
                        await asyncio.to_thread(into.write, chunk)
                    if found.get("content-length", str(size)) != str(size):
                        raise OutboundFailed("cut_short")
                return Answer(response.status, found, b"")
        except TimeoutError as error:
            raise OutboundFailed("late") from error
        except (httpcore.TimeoutException, httpcore.NetworkError, OSError) as error:
            raise OutboundFailed("connection") from error
        except (httpcore.ProtocolError, httpcore.UnsupportedProtocol) as error:
            raise OutboundFailed("protocol") from error

    @asynccontextmanager
    async def _sent(
        self,
        url: httpx.URL,
        method: str,
        headers: Mapping[str, str] | None,
        content: bytes | AsyncIterable[bytes] | None,
        extensions: dict[str, Any] | None = None,
    ) -> AsyncIterator[httpcore.Response]:
        target = httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        )
        sent = {"Accept-Encoding": "identity", "User-Agent": "partner-registry"}
        fields = [
            (name.encode(), value.encode()) for name, value in (sent | dict(headers or {})).items()
        ]
        pool = self._pools[url.scheme]
        # httpcore names an iterator where it takes any iterable.
        async with pool.stream(
            method,
            target,
            headers=fields,
            content=content,  # type: ignore[arg-type]  # see above
            extensions=extensions,
        ) as response:
            yield response

    async def close(self) -> None:
        """Close every connection."""
        for pool in self._pools.values():
            await pool.aclose()


def _named(response: httpcore.Response) -> dict[str, str]:
    return {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers
    }


def _headers(response: httpcore.Response, limit: int) -> dict[str, str]:
    headers = _named(response)
    # A compressed answer grows after it was counted: none is asked for, none is taken.
    if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise OutboundFailed("encoded")
    length = headers.get("content-length", "0")
    if length.isdecimal() and len(length) < 20 and int(length) > limit:
        raise OutboundFailed("too_large")
    return headers


async def _read(response: httpcore.Response, limit: int) -> Answer:
    headers = _headers(response, limit)
    body = bytearray()
    async for chunk in response.aiter_stream():
        body += chunk
        if len(body) > limit:
            raise OutboundFailed("too_large")
    return Answer(response.status, headers, bytes(body))


async def _read_start(response: httpcore.Response, limit: int) -> Answer:
    """The answer with the beginning of its body, as it came: nothing is decoded."""
    body = bytearray()
    async for chunk in response.aiter_stream():
        body += chunk
        if len(body) >= limit:
            break
    return Answer(response.status, _named(response), bytes(body[:limit]))


async def outbound_of(request: Request) -> Outbound:
    """Dependency: the application's client for addresses that come from data."""
    outbound: Outbound = request.app.state.outbound
    return outbound


OutboundDep = Annotated[Outbound, Depends(outbound_of)]
