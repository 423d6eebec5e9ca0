"""Requests for clearances, and which profile each of them means."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import asyncpg
from fastapi import Request

from app.auth.caller import VerifiedToken
from app.auth.scopes import Scope
from app.core.crypto import KeyRing
from app.core.db import Fields
from app.core.idempotency import FastKey
from app.partners.matching import queries as matching
from app.partners.matching.rank import Wanted, rank
from app.partners.matching.schemas import Candidate
from app.recognition import quota
from app.recognition.schemas import ClearanceIn
from app.recognition.snapshot import Question

_SURE = 0.97
"""From this name score, in the same country and without a rival, a name means one profile."""


@dataclass(frozen=True, slots=True)
class Meant:
    """What a name and country mean: one profile for sure, or those that may be meant.

    ``hidden``: one fits that is protected from the caller. ``sees_all``: none is protected from it.
    """

    partner_id: UUID | None
    score: float
    candidates: list[Candidate]
    hidden: bool
    sees_all: bool


@dataclass(frozen=True, slots=True)
class Ask:
    """One request. ``raw`` is what was sent.

    Without a ``key`` nothing is kept for a repeated request. ``meant`` goes with a name.
    """

    request: Request
    wanted: ClearanceIn
    raw: bytes
    token: VerifiedToken
    keys: KeyRing
    key: FastKey | None = None
    meant: Meant | None = None

    @property
    def sees_all(self) -> bool:
        """Whether the token holds `partners:protected`."""
        return Scope.PARTNERS_PROTECTED in self.token.scopes

    @property
    def digest(self) -> bytes:
        """Of what is asked, whoever it is about."""
        return quota.digest(self.wanted)

    def meaning(self, meant: Meant) -> Ask:
        """The same request, once it is known what its name means."""
        return replace(self, meant=meant)

    def question(self) -> Question:
        """What the database is asked."""
        key = self.key.key if self.key is not None else ""
        return question(self.wanted, self.meant, key, self.digest)


def question(
    wanted: ClearanceIn, meant: Meant | None, key: str = "", digest: bytes | None = None
) -> Question:
    """Of the partner that is asked for; without a ``digest`` nobody asked, and nothing counts."""
    if meant is not None:
        return Question(meant.partner_id, None, key, digest)
    return Question(wanted.partner.id, wanted.partner.identifier, key, digest)


@dataclass(frozen=True, slots=True)
class Found:
    """The row of the profile that is meant (`snapshot.FACTS`), and how it was found."""

    row: asyncpg.Record
    by: str
    score: float = 1.0
    candidates: list[Candidate] = field(default_factory=list)
    protected: bool = False
    """A profile fits that is protected from the caller."""

    @property
    def known(self) -> bool:
        """Whether one profile is meant for sure."""
        return self.row["partner_id"] is not None

    @property
    def hidden(self) -> bool:
        """The profile itself is protected from the caller: it is judged by, and never named."""
        return self.protected and self.known and self.by == "identifier"


def found(wanted: ClearanceIn, meant: Meant | None, row: asyncpg.Record, sees_all: bool) -> Found:
    """``sees_all``: no profile is protected from the caller."""
    if meant is not None:
        others = [one for one in meant.candidates if one.partner_id != meant.partner_id]
        return Found(row, "name", meant.score, others, meant.hidden)
    by = "id" if wanted.partner.identifier is None else "identifier"
    return Found(row, by, protected=protected(row, sees_all))


def protected(row: Any, sees_all: bool) -> bool:
    """Whether the profile of the row is protected from the caller."""
    return row["partner_id"] is not None and not row["visible"] and not sees_all


async def search(
    connection: asyncpg.Connection, agency_id: UUID, wanted: ClearanceIn, sees_all: bool
) -> Meant:
    """What the name means, in a transaction that is bound to the agency."""
    name, country = wanted.partner.name or "", wanted.partner.country
    asked = Wanted([("legal_name", name)], country=country)
    probes, near = asked.asked()
    rows = await connection.fetch(
        matching.CANDIDATES, *matching.sent(probes), near, agency_id, sees_all
    )
    ranked = rank((Fields(row) for row in rows), asked)
    candidates = ranked.candidates
    sure = [item for item in candidates if item.score >= _SURE and item.country == country]
    # Where a profile the caller may not know of may be meant, no other one is taken for sure.
    one = sure[0] if len(sure) == 1 and not ranked.hidden else None
    return Meant(
        one.partner_id if one else None,
        one.score if one else 0.0,
        candidates,
        ranked.hidden,
        sees_all,
    )
