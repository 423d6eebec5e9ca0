"""RESTRICTED measures: suspensions while a review lasts, for those who must act on them.

An agency reads its own. Those of others are read by its sanctions authority and its compliance
officers, for a stated purpose, through one function of the database; everybody else learns in a
clearance what the owner lets be known.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.audit.purposes import OWN_RECORD
from app.auth import policy
from app.auth.caller import Caller
from app.partners.lineage import lineage
from app.partners.purpose import stated_purpose
from app.partners.service import visible_partner
from app.sanctions.entries import service
from app.sanctions.entries.queries import ENTRY_COLUMNS, JOINED, KNOWN, Times

READERS = frozenset({"SAO", "CO"})
"""Roles that read those of other agencies (field reference 7.4)."""
_OWN = f"""(SELECT {KNOWN}, recorded_from FROM sanction_entries WHERE level = 'RESTRICTED'
    AND valid @> CAST(:day AS date) AND partner_id IN {lineage("CAST(:partner AS uuid)")})"""  # noqa: S608 - constants
_ALL = "restricted_measures(CAST(:partner AS uuid), CAST(:day AS date))"


async def list_interim(
    session: AsyncSession,
    caller: Caller,
    partner_id: UUID,
    headers: Sequence[str],
    now: datetime,
) -> list[dict[str, Any]]:
    """RESTRICTED measures in force on a partner that the caller may read; each is logged.

    Raises PartnerNotFound, PartnerMerged or PurposeRequired.
    """
    await visible_partner(session, caller, partner_id)
    said = stated_purpose(headers)
    if not policy.reaches(caller, "RESTRICTED"):
        return []
    source = _ALL if caller.roles & READERS else _OWN
    statement = text(
        f"SELECT {ENTRY_COLUMNS} FROM {source} e {JOINED} ORDER BY e.effective_from, e.id"  # noqa: S608 - texts of ours; values are bound
    )
    values = {"partner": partner_id, "day": now.date()}
    rows = (await session.execute(statement, values)).all()
    for row in rows:
        own = caller.agency_id in (row.imposing_id, row.custodian_id)
        await audit.record(
            session,
            caller,
            Event.ENTRY_RESTRICTED_READ,
            audit.Subject(row.entry_id, row.imposing_id, row.partner_id),
            purpose=OWN_RECORD if own else said.purpose,
            reference=None if own else said.reference,
            basis="owner" if own else "role",
        )
    times = Times(day=now.date())
    return await service.shown_entries(session, rows, times, reader=caller.agency_id)
