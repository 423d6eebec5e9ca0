"""Identifiers: time-ordered in general, random for restricted records."""

from __future__ import annotations

import os
import time
from functools import lru_cache
from uuid import UUID, uuid4

from stdnum.iso7064 import mod_37_36


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562 5.7): 48 bits of milliseconds, then 74 random bits."""
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)


def new_secret_id() -> UUID:
    """A UUIDv4, for records whose time and number of creation nobody may read off the id."""
    return uuid4()


@lru_cache(65_536)
def registry_number(number: int) -> str:
    """The public number of a partner, ``IPR-0000001-C``: ISO 7064 MOD 37,36 check character."""
    digits = f"{number:07d}"
    return f"IPR-{digits}-{mod_37_36.calc_check_digit(digits)}"
