"""What tests of clearances share."""

from __future__ import annotations

import secrets
from typing import Any

from tests.partners.factories import make_partner
from tests.support import Api

_CONSONANTS, _VOWELS = "bdfgklmnprstvz", "aeiou"


def _word() -> str:
    return "".join(secrets.choice(_CONSONANTS) + secrets.choice(_VOWELS) for _ in range(4)).title()


async def lone_partner(api: Api, **more: Any) -> dict[str, Any]:
    """A profile whose name is like no other's: a measure on another one is no match of it."""
    named: dict[str, Any] = {
        "legal_name": f"{_word()} {_word()} {_word()}",
        "acronym": None,
        "aliases": [],
    }
    return await make_partner(api, **(named | more))
