"""How an agency's RESTRICTED facts count in the clearances of others.

The setting `facts_in_clearances` maps kinds of facts to one of three words; what it leaves out
counts as facts.yaml says. Kinds are those of facts.yaml and every assessment type.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import datafiles

Counted = Literal["named", "consult", "not_counted"]
_COUNTED = text(
    "SELECT agency_id, value FROM counted_facts(CAST(:owners AS uuid[]), CAST(:today AS date))"
)


class Facts(BaseModel):
    """What holds until an agency sets it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    effective_from: date
    source: str
    confirmed: bool
    facts: dict[str, Counted]
    assessment_types: Counted


FACTS = Facts.model_validate(datafiles.read("app.agencies", "facts.yaml"))
_types: set[str] = set()


def register_types(codes: Iterable[str]) -> None:
    """Make assessment types known as kinds of facts; the feature above calls it once."""
    _types.update(codes)


def known(kinds: dict[str, Counted]) -> dict[str, Counted]:
    """The mapping itself. Raises ValueError for a kind of fact that there is not."""
    if unknown := kinds.keys() - FACTS.facts.keys() - _types:
        raise ValueError(f"{len(unknown)} of the keys are no kinds of facts")
    return kinds


def default(kind: str) -> Counted:
    """How a kind of fact counts where its owner has not said."""
    return FACTS.facts.get(kind, FACTS.assessment_types)


async def counted(
    session: AsyncSession, owners: Iterable[UUID], today: date
) -> dict[UUID, dict[str, Counted]]:
    """What each of these owners has set for this day; owners that set nothing are left out.

    Works in any agency's transaction: this one setting of others it may know.
    """
    rows = await session.execute(_COUNTED, {"owners": list(owners), "today": today})
    return {row.agency_id: row.value for row in rows}


async def how_counted(session: AsyncSession, owner: UUID, fact_kind: str, today: date) -> Counted:
    """How a fact of this owner counts in others' clearances on this day.

    ``fact_kind`` is a kind of facts.yaml or the code of an assessment type. Whoever asks of many
    owners calls `counted` once, and `default` for what it leaves out.
    """
    said = (await counted(session, [owner], today)).get(owner, {})
    return said.get(fact_kind, default(fact_kind))
