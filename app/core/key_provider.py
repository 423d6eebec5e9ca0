"""The key above all keys, and what stands between it and the rest: `KeyProvider`.

Today it comes from a file or from the environment. A key management service can stand behind the
same interface: nothing else in the application knows what a root key is made of.
"""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.core.settings import Settings, UnsafeSettings

Purpose = Literal["demo", "production"]
_FORMAT = b"\x02"
_PREFIX = "registry-root-key:v1:"
_ID = 8


class Undecipherable(Exception):
    """A sealed value does not open: wrong key, wrong record, or altered bytes."""


class KeyProvider(Protocol):
    """Wraps and unwraps the keys of the database; holds what never leaves it."""

    @property
    def purpose(self) -> Purpose:
        """What its keys were made for; production refuses ``demo``."""
        ...

    @property
    def current_id(self) -> str:
        """Name of the root key that wraps now."""
        ...

    def derive(self, label: str) -> bytes:
        """A 256-bit key for one purpose, the same until the root key changes."""
        ...

    async def wrap(self, plain: bytes, context: str) -> bytes:
        """Encrypt key material under the current root key, bound to ``context``."""
        ...

    async def unwrap(self, wrapped: bytes, context: str) -> bytes:
        """Undo `wrap`. Raises Undecipherable."""
        ...

    def is_current(self, wrapped: bytes) -> bool:
        """Whether the current root key wrapped this."""
        ...


@dataclass(frozen=True, slots=True)
class RootKey:
    """One root key, as its file holds it. A KeyProvider by itself."""

    secret: bytes
    purpose: Purpose

    @classmethod
    def generate(cls, purpose: Purpose) -> RootKey:
        return cls(os.urandom(32), purpose)

    @classmethod
    def load(cls, path: Path) -> RootKey:
        """Read a root-key file. Raises UnsafeSettings with one sentence when it is not one."""
        try:
            content = path.read_text("ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise UnsafeSettings(f"The root key file {path} cannot be read.") from error
        return cls.parse(content, f"The root key file {path}")

    @classmethod
    def parse(cls, content: str, origin: str) -> RootKey:
        """The key in the text of a root-key file. Raises UnsafeSettings naming ``origin``."""
        content = content.strip()
        purpose, _, encoded = content.removeprefix(_PREFIX).partition(":")
        try:
            secret = base64.b64decode(encoded, validate=True)
        except ValueError:
            secret = b""
        if not content.startswith(_PREFIX) or len(secret) != 32:
            raise UnsafeSettings(f"{origin} does not hold a root key.")
        if purpose == "demo":
            return cls(secret, "demo")
        if purpose == "production":
            return cls(secret, "production")
        raise UnsafeSettings(f"{origin} names an unknown purpose.")

    def save(self, path: Path) -> None:
        """Write the key to a new file that only its owner can read; never overwrites one."""
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{_PREFIX}{self.purpose}:{base64.b64encode(self.secret).decode()}\n")

    @property
    def current_id(self) -> str:
        return self.derive("id")[:_ID].hex()

    def derive(self, label: str) -> bytes:
        return HKDF(SHA256(), 32, salt=None, info=b"partner-registry|" + label.encode()).derive(
            self.secret
        )

    async def wrap(self, plain: bytes, context: str) -> bytes:
        nonce = os.urandom(12)
        sealed = AESGCM(self.derive("wrap")).encrypt(nonce, plain, self._bound(context))
        return b"".join((_FORMAT, bytes.fromhex(self.current_id), nonce, sealed))

    async def unwrap(self, wrapped: bytes, context: str) -> bytes:
        if self.is_current(wrapped):
            return self._decrypt(wrapped[1 + _ID :], self._bound(context), context)
        # The first format: without a header, by whichever root key there was.
        return self._decrypt(wrapped, context.encode(), context)

    def is_current(self, wrapped: bytes) -> bool:
        return wrapped[: 1 + _ID] == _FORMAT + bytes.fromhex(self.current_id)

    def _bound(self, context: str) -> bytes:
        return f"v2|{self.current_id}|{context}".encode()

    def _decrypt(self, wrapped: bytes, bound: bytes, context: str) -> bytes:
        try:
            return AESGCM(self.derive("wrap")).decrypt(wrapped[:12], wrapped[12:], bound)
        except (InvalidTag, ValueError) as error:
            raise Undecipherable(context) from error


@dataclass(frozen=True, slots=True)
class RootKeys:
    """The root key that wraps, and others that are still, or already, read."""

    current: RootKey
    others: tuple[RootKey, ...] = ()

    @property
    def all(self) -> tuple[RootKey, ...]:
        """Every key, the one that wraps first."""
        return (self.current, *self.others)

    @property
    def purpose(self) -> Purpose:
        return "demo" if any(key.purpose == "demo" for key in self.all) else "production"

    @property
    def current_id(self) -> str:
        return self.current.current_id

    def derive(self, label: str) -> bytes:
        return self.current.derive(label)

    async def wrap(self, plain: bytes, context: str) -> bytes:
        return await self.current.wrap(plain, context)

    async def unwrap(self, wrapped: bytes, context: str) -> bytes:
        for key in self.all:
            try:
                return await key.unwrap(wrapped, context)
            except Undecipherable:
                continue
        raise Undecipherable(context)

    def is_current(self, wrapped: bytes) -> bool:
        return self.current.is_current(wrapped)


def load_root_keys(settings: Settings) -> RootKeys:
    """The root keys that the settings name. Raises UnsafeSettings with one sentence."""
    current = _named(settings, "root_key")
    if current is None:
        settings.require("root_key_file")
        raise AssertionError
    second = _named(settings, "root_key_second")
    return RootKeys(current, (second,) if second is not None and second != current else ())


def _named(settings: Settings, name: str) -> RootKey | None:
    path: Path | None = getattr(settings, f"{name}_file")
    if path is not None:
        return RootKey.load(path)
    secret = getattr(settings, name)
    if secret is None:
        return None
    return RootKey.parse(secret.get_secret_value(), f"REGISTRY_{name.upper()}")
