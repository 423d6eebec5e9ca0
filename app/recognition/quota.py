"""How often an agency may vary what it asks about one partner.

Who asks again and again with other amounts and countries learns where the lines of others lie.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from pydantic import Field

from app.core import datafiles
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


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A variation that is to be noted."""

    partner_id: UUID
    digest: bytes

    @property
    def place(self) -> tuple[str, bytes]:
        """In the one order in which all are noted, or two rounds could wait for each other."""
        return str(self.partner_id), self.digest


@dataclass(slots=True)
class Inquiries:
    """Variations that a round is about to note, beside those that are noted already."""

    _noted: dict[UUID, set[bytes]] = field(default_factory=dict)

    def count(self, row: Any, asked: bytes) -> tuple[Inquiry | None, int]:
        """Of a row of `snapshot.FACTS`: what to note if it is answered, where it is a new
        variation, and how many there are then of the partner.
        """
        noted = self._noted.get(row["partner_id"], set())
        new = row["new_inquiry"] and asked not in noted
        inquiry = Inquiry(row["partner_id"], asked) if new else None
        return inquiry, row["inquiries"] + len(noted) + new

    def note(self, one: Inquiry) -> None:
        """It is answered."""
        self._noted.setdefault(one.partner_id, set()).add(one.digest)


def owners(agency: str, facts: Facts) -> list[str]:
    """Who is told of the last one: the other agencies whose RESTRICTED records count in it."""
    every = (*facts.assessments, *facts.headquarters)
    found = {one["owner_agency"] for one in every if one["confidentiality"] == "RESTRICTED"}
    found |= {one["agency"] for one in (*facts.restricted, *facts.suspended)}
    return sorted(found - {agency})
