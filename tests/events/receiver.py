"""A receiver of webhooks on a real socket, that answers as it is told."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.sockets import Peer


@dataclass(frozen=True)
class Received:
    """A call: its headers, by lower-case name, and its body."""

    headers: dict[str, str]
    body: bytes

    @property
    def said(self) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(self.body)
        return said

    @property
    def signatures(self) -> list[tuple[str, bytes]]:
        """Scheme and value of each signature."""
        parts = (one.partition(",") for one in self.headers["webhook-signature"].split(" "))
        return [(scheme, base64.b64decode(value)) for scheme, _, value in parts]

    @property
    def _content(self) -> bytes:
        names = ("webhook-id", "webhook-timestamp")
        return b".".join((*(self.headers[name].encode() for name in names), self.body))

    def signed_with(self, secret: str) -> bool:
        """Whether one of the `v1` signatures is of this ``whsec_``. As the standard says, not as
        the service does it."""
        key = base64.b64decode(secret.removeprefix("whsec_"))
        made = hmac.new(key, self._content, hashlib.sha256).digest()
        return ("v1", made) in self.signatures

    def signed_by(self, public_key: str) -> bool:
        """Whether one of the `v1a` signatures is of this ``whpk_``."""
        raw = base64.b64decode(public_key.removeprefix("whpk_"))
        key = Ed25519PublicKey.from_public_bytes(raw)
        for scheme, value in self.signatures:
            with contextlib.suppress(Exception):
                if scheme == "v1a":
                    key.verify(value, self._content)
                    return True
        return False


class Receiver(Peer):
    """Listens on 127.0.0.1. ``answers`` are statuses for the next calls, then 204; a challenge is
    echoed unless ``echo`` is off. ``raw`` answers with these very bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Received] = []
        self.answers: list[int] = []
        self.headers: dict[str, str] = {}
        self.echo = True
        self.raw: bytes | None = None
        self.hold: asyncio.Event | None = None
        self.most = 0
        self._now = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events among the calls."""
        return [one.said for one in self.calls if "seq" in one.said]

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._now += 1
        self.most = max(self.most, self._now)
        try:
            await self._take(reader, writer)
        finally:
            self._now -= 1

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        pairs = (line.partition(": ") for line in head[1:] if line)
        headers = {name.lower(): value for name, _, value in pairs}
        body = await reader.readexactly(int(headers["content-length"]))
        call = Received(headers, body)
        self.calls.append(call)
        if self.hold is not None:
            await self.hold.wait()
        writer.write(self._answer(call))
        await writer.drain()

    def _answer(self, call: Received) -> bytes:
        if self.raw is not None:
            return self.raw
        status = self.answers.pop(0) if self.answers else 200
        body = b""
        if call.said["type"] == "webhook.challenge" and self.echo:
            body = json.dumps({"challenge": call.said["data"]["challenge"]}).encode()
        more = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{more}\r\n"
        return head.encode() + body
