"""How often an agency may vary what it asks about one partner.

Who asks again and again with other amounts and countries learns where the lines of others lie.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date
from uuid import UUID

import asyncpg
from pydantic import Field

from app.core import datafiles
from app.core.ids import new_id
from app.events.catalogue import EventType
from app.recognition.errors import InquiryQuota
from app.recognition.facts import Facts
from app.recognition.rules import Data
from app.recognition.schemas import ClearanceIn


class Quota(Data):
    """One version of it: so many variations of one partner, today and yesterday together."""

    version: str
    effective_from: date
    source: str
    confirmed: bool
    variations: int = Field(ge=2)


_TELL = """INSERT INTO outbox (id, type, agency_id, subject_id, data)
  SELECT $1, $2, a.id, $4, $5::jsonb FROM agencies a WHERE a.code = $3"""
QUOTA = Quota.model_validate(datafiles.read("app.recognition", "data/quota.yaml"))


def digest(wanted: ClearanceIn) -> bytes:
    """Of what is asked, whoever it is about."""
    text = wanted.model_dump_json(exclude={"partner"})
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def check(variations: int) -> None:
    """Raises InquiryQuota beyond it."""
    if variations > QUOTA.variations:
        raise InquiryQuota


def is_last(variations: int) -> bool:
    """Whether it is the last one that is answered."""
    return variations == QUOTA.variations


async def tell(connection: asyncpg.Connection, agency: str, partner_id: UUID, facts: Facts) -> None:
    """With the last one: tell once whose RESTRICTED records count in it."""
    every = (*facts.assessments, *facts.headquarters)
    owners = {one["owner_agency"] for one in every if one["confidentiality"] == "RESTRICTED"}
    owners |= {one["agency"] for one in (*facts.restricted, *facts.suspended)}
    owners.discard(agency)
    data = json.dumps({"asked_by": agency})
    rows = [
        (new_id(), EventType.CLEARANCE_QUOTA_REACHED.value, code, partner_id, data)
        for code in sorted(owners)
    ]
    if rows:
        await connection.executemany(_TELL, rows)
