"""Undoing a load, by the operator: what it made and nobody has touched is deactivated.

Nothing is deleted: a profile that the load made stays as a deactivated one, its identifiers end,
and the agency's keys are free again, so that a right file can be loaded in its place. A profile
that has changed since, that a restraint holds, on which a country profile outside the load hangs,
or that another agency has a vendor number for, stays as it is and is counted as kept.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.auth.caller import Caller
from app.core.db import Database, bind_now
from app.events import service as events
from app.events.catalogue import EventType
from app.partners.bulk import loads
from app.partners.bulk.models import PartnerLoad

BATCH = 1_000
# Country profiles go before their headquarters: the newest first.
_TAKE = text(
    """SELECT k.partner_id FROM partner_keys k JOIN partners p ON p.id = k.partner_id
    WHERE k.created_by_load = :load AND k.agency_id = :agency AND p.version = k.version
      AND p.deactivated_at IS NULL AND p.merged_into IS NULL AND p.control = 'agency'
      AND NOT EXISTS (SELECT FROM restraints r WHERE r.partner_id = p.id AND r.lifted_at IS NULL)
      AND NOT EXISTS (SELECT FROM partner_aliases a WHERE a.survivor_id = p.id)
      AND NOT EXISTS (SELECT FROM partner_identifiers i WHERE i.partner_id = p.id AND i.active
        AND (i.agency_id <> :agency OR i.disputed))
      AND NOT EXISTS (SELECT FROM partners c WHERE c.hq_id = p.id AND c.deactivated_at IS NULL)
    ORDER BY k.partner_id DESC LIMIT :batch FOR NO KEY UPDATE OF p"""
)
_END_IDENTIFIERS = text(
    """UPDATE partner_identifiers SET active = false, ended_at = now(), end_reason = 'wrong',
      ended_by = :agency
    WHERE partner_id = ANY (CAST(:ids AS uuid[])) AND active"""
)
_DEACTIVATE = text(
    """UPDATE partners SET deactivated_at = now(), version = version + 1, updated_by = :agency
    WHERE id = ANY (CAST(:ids AS uuid[])) RETURNING id, version"""
)
_FREE_KEYS = text(
    "DELETE FROM partner_keys WHERE agency_id = :agency AND partner_id = ANY (CAST(:ids AS uuid[]))"
)
_COUNT = text("UPDATE partner_loads SET undone = undone + :count WHERE id = :load")
_END = text(
    """UPDATE partner_loads SET state = 'undone', finished_at = coalesce(finished_at, now())
    WHERE id = :load"""
)
_SAY = text(
    """INSERT INTO outbox (id, type, agency_id, subject_id, data)
    SELECT uuidv7(), :type, :agency, r.id, jsonb_build_object('version', r.version)
    FROM json_to_recordset(CAST(CAST(:rows AS text) AS json)) AS r(id uuid, version integer)"""
)
_KEPT = text("SELECT count(*) FROM partner_keys WHERE created_by_load = :load")


async def undo(database: Database, caller: Caller, load_id: UUID) -> tuple[int, int]:
    """Undo a load of the caller's agency; how many profiles ended and how many were kept.

    In steps, each a transaction: begun again after a cut, it goes on. Raises LoadNotFound.
    """
    ended = 0
    async with database.session() as session:
        await loads.find(session, caller, load_id)
        # From here on nothing more comes into this load.
        await session.execute(_END, {"load": load_id})
    while True:
        async with database.session() as session:
            await bind_now(session, caller.agency_id)
            count = await _step(session, caller, load_id)
        ended += count
        if not count:
            break
    async with database.session() as session:
        kept = int(await session.scalar(_KEPT, {"load": load_id}) or 0)
    return ended, kept


async def _step(session: AsyncSession, caller: Caller, load_id: UUID) -> int:
    values = {"load": load_id, "agency": caller.agency_id, "batch": BATCH}
    ids = list(await session.scalars(_TAKE, values))
    if not ids:
        return 0
    await session.execute(_END_IDENTIFIERS, {"agency": caller.agency_id, "ids": ids})
    done = await session.execute(_DEACTIVATE, {"agency": caller.agency_id, "ids": ids})
    rows = [{"id": row.id, "version": row.version} for row in done]
    await session.execute(_FREE_KEYS, {"agency": caller.agency_id, "ids": ids})
    await session.execute(_COUNT, {"count": len(ids), "load": load_id})
    said = {"agency": caller.agency_id, "type": EventType.PARTNER_DEACTIVATED.value}
    await session.execute(_SAY, said | {"rows": to_json(rows).decode()})
    about: dict[str, Any] = {"ended": [[str(row["id"]), row["version"]] for row in rows]}
    subject = audit.Subject(load_id, caller.agency_id)
    await audit.record(session, caller, Event.LOAD_UNDONE, subject, **about)
    await events.publish(session, EventType.LOAD_UNDONE, load_id, caller.agency_id, ended=len(rows))
    return len(rows)


async def find_load(session: AsyncSession, load_id: UUID) -> PartnerLoad | None:
    """A load of whichever agency, for the operator."""
    return await session.get(PartnerLoad, load_id)
