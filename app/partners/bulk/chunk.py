"""A chunk of a load, and what new and changed lines of it are asked alike."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.caller import Caller
from app.partners.bulk.lines import Entry, identifier_key
from app.partners.identifiers.service import authority_key, taken_by

_ANYWHERE = frozenset({"NGO_INTL", "NGO_REGIONAL", "RCRC_INTL", "IGO", "UN_ENTITY"})
"""Types whose headquarters may have vendor numbers of every country, as the trigger has it."""


@dataclass(slots=True)
class Chunk:
    """What holds for all lines of a chunk."""

    session: AsyncSession
    caller: Caller
    load_id: UUID
    today: date
    listed: frozenset[str]
    known: dict[str, Any]
    created: list[tuple[UUID, int]]
    changed: list[tuple[UUID, int]]


def vendor_countries(entry: Entry, partner_type: str, country: str, head: object) -> None:
    """Refuse a vendor number of a country where the profile does not work."""
    assert entry.item is not None
    for place, held in enumerate(entry.item.identifiers):
        if held.scheme.value == "AGENCY_VENDOR" and held.country != country:
            if head is None and partner_type in _ANYWHERE:
                continue
            message = "a vendor number belongs to the country of the profile"
            pointer = f"/identifiers/{place}/country"
            entry.refuse("invalid", "vendor_country_unfit", message, pointer)
            return


def held_keys(chunk: Chunk, entry: Entry) -> list[tuple[Any, ...]]:
    """The identifiers of a line as the unique index compares them."""
    assert entry.item is not None
    return [
        identifier_key(
            item,
            authority_key(item.authority),
            chunk.caller.agency_id if item.scheme.value == "AGENCY_VENDOR" else None,
        )
        for item in entry.item.identifiers
    ]


async def taken(chunk: Chunk, entry: Entry, number: int, holder: UUID) -> None:
    """Refuse a line for an identifier that another profile holds."""
    refusal = await taken_by(chunk.session, chunk.caller, holder)
    more: dict[str, Any] = dict(refusal.extra or {})
    entry.refuse("conflict", refusal.code, refusal.title, f"/identifiers/{number}", **more)
