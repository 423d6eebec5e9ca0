"""Strict readers of the formats that the registry signs: base64url, JSON, digests.

Two parsers that read the same bytes differently are how signed data is abused,
so anything with more than one reading is refused here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

import rfc8785

from partner_registry_client.errors import Malformed

MAX_INTEGER = 2**53 - 1  # beyond it JSON readers disagree
_B64URL = re.compile(rb"[A-Za-z0-9_-]+")
_HEX_DIGEST = re.compile(r"[0-9a-f]{64}")


def b64url_encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def b64url_decode(text: bytes) -> bytes:
    """Decode unpadded base64url; one value has exactly one accepted spelling."""
    if not _B64URL.fullmatch(text):
        raise Malformed("not base64url")
    try:
        data = base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except binascii.Error as error:
        raise Malformed("not base64url") from error
    if b64url_encode(data).encode("ascii") != text:
        raise Malformed("base64url with stray bits")
    return data


def read_json(data: bytes, what: str) -> Any:
    """Parse UTF-8 JSON; duplicate members, NaN and bottomless nesting are refused."""
    try:
        return json.loads(
            data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant
        )
    except (ValueError, RecursionError) as error:
        raise Malformed(f"{what} is not valid JSON") from error


def canonical(value: Any) -> bytes:
    """RFC 8785 bytes of a JSON value."""
    try:
        return rfc8785.dumps(value)
    except (ValueError, RecursionError) as error:
        raise Malformed("a value has no canonical JSON form") from error


def sha256_hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("duplicate member")
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


class Fields:
    """Typed access to the members of a JSON object; unknown members are left alone."""

    def __init__(self, value: object, what: str) -> None:
        if not isinstance(value, dict):
            raise Malformed(f"{what} is not an object")
        self.raw: Mapping[str, Any] = value
        self._what = what

    def text(self, name: str, longest: int = 1024) -> str:
        value = self.raw.get(name)
        if not isinstance(value, str) or not 0 < len(value) <= longest:
            raise self._bad(name)
        return value

    def optional_text(self, name: str, longest: int = 1024) -> str | None:
        return None if self.raw.get(name) is None else self.text(name, longest)

    def integer(self, name: str, least: int = 0, most: int = MAX_INTEGER) -> int:
        value = self.raw.get(name)
        if type(value) is not int or not least <= value <= most:  # bool is an int to isinstance
            raise self._bad(name)
        return value

    def optional_integer(self, name: str) -> int | None:
        return None if self.raw.get(name) is None else self.integer(name)

    def digest(self, name: str) -> str:
        value = self.raw.get(name)
        if not isinstance(value, str) or not _HEX_DIGEST.fullmatch(value):
            raise self._bad(name)
        return value

    def optional_digest(self, name: str) -> str | None:
        return None if self.raw.get(name) is None else self.digest(name)

    def items(self, name: str, most: int) -> list[Any]:
        value = self.raw.get(name)
        if not isinstance(value, list) or len(value) > most:
            raise self._bad(name)
        return value

    def fields(self, name: str) -> Fields:
        return Fields(self.raw.get(name), f"{self._what}.{name}")

    def _bad(self, name: str) -> Malformed:
        return Malformed(f"{self._what}: {name!r} is missing or not valid")
