"""An identity provider on a real socket, with every bad habit one can have."""

from __future__ import annotations

import asyncio
import gzip
import json
import secrets
from typing import Any

from tests.auth.forge import EcKey, claims, forge, jwk, new_key
from tests.sockets import Peer
from tests.support import BASE


class Idp(Peer):
    """Serves one key set at ``/keys``; ``mode`` says how; ``fetches`` counts requests."""

    def __init__(self) -> None:
        super().__init__()
        self.key: EcKey = new_key()
        self.kid = "k1"
        self.document: Any = None
        self.mode = "good"
        self.elsewhere = "http://127.0.0.1:1/"
        self.fetches = 0
        self.requests: list[bytes] = []
        # Ports are given out again; an issuer is known for ever.
        self.name = secrets.token_hex(4)

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}/{self.name}/tenant"

    @property
    def jwks_uri(self) -> str:
        return f"http://127.0.0.1:{self.port}/keys"

    def rotate(self, kid: str) -> None:
        """Sign and publish with a new key only."""
        self.key, self.kid = new_key(), kid

    def token(self, subject: str, **more: Any) -> str:
        """A token of this issuer; a value of `...` leaves a claim out."""
        header = {"alg": "ES256", "typ": "at+jwt", "kid": self.kid} | more.pop("header", {})
        values: dict[str, Any] = {"iss": self.issuer, "scope": ..., "client_id": ...} | more
        key = values.pop("key", self.key)
        return forge(
            {name: value for name, value in header.items() if value is not ...},
            claims(subject, **values),
            key,
        )

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.requests.append(await reader.readuntil(b"\r\n\r\n"))
        self.fetches += 1
        await self._answer(writer)

    def _document(self) -> bytes:
        document = self.document
        if document is None:
            document = {"keys": [jwk(self.key, self.kid, alg="ES256")]}
        return document if isinstance(document, bytes) else json.dumps(document).encode()

    async def _answer(self, writer: asyncio.StreamWriter) -> None:
        body = self._document()
        match self.mode:
            case "slow":
                await asyncio.sleep(60)
            case "drip":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                for _ in range(1_000):
                    writer.write(b" ")
                    await writer.drain()
                    await asyncio.sleep(0.05)
            case "huge":
                writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
                for _ in range(320):
                    writer.write(b" " * 65_536)
                    await writer.drain()
            case "claims_huge":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 20000000\r\n\r\n")
                await asyncio.sleep(60)
            case "redirect":
                writer.write(
                    b"HTTP/1.1 302 Found\r\nLocation: " + self.elsewhere.encode() + b"\r\n"
                    b"Set-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"
                )
            case "garbage":
                writer.write(bytes(range(256)) * 4)
            case "silence":
                pass
            case "gzip":
                packed = gzip.compress(body)
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s"
                    % (len(packed), packed)
                )
            case mode:
                status = 500 if mode == "error" else 200
                writer.write(
                    b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)
                )
        await writer.drain()


def terms(idp: Idp, **more: Any) -> dict[str, Any]:
    """Body that proposes this identity provider."""
    return {
        "issuer": idp.issuer,
        "jwks_uri": idp.jwks_uri,
        "algorithms": ["ES256"],
        "audience": BASE,
        "token_type": "at+jwt",
        "max_life_s": 600,
        "scope_ceiling": ["partners:read", "partners:write", "agencies:read", "assessments:share"],
    } | more
