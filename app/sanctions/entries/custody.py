"""Measures of an agency that has withdrawn are handed to another, which may lift them."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies import life_cycle
from app.agencies.life_cycle import AgencyProblem
from app.audit import service as audit
from app.audit.events import Event
from app.core.ids import new_id
from app.events import service as events
from app.events.catalogue import EventType
from app.sanctions.entries.models import SanctionCustody

_HAND_OVER = """UPDATE sanction_entries SET custodian_agency = :to, version = version + 1
    WHERE coalesce(custodian_agency, imposing_agency) = :from AND end_reason IS NULL
      AND coalesce(upper(valid) > current_date, true)
      AND imposing_agency <> :to {one} RETURNING id, imposing_agency, partner_id, version"""


async def hand_over(
    session: AsyncSession,
    from_code: str,
    to_code: str,
    *,
    entry_id: UUID | None,
    reason: str,
    by: str,
) -> int:
    """Make an active agency custodian of one running measure of a withdrawn one, or of all.

    Who imposed a measure, and the measure itself, stay as they are. Returns how many were handed
    over. Raises AgencyProblem.
    """
    if not reason.strip():
        raise AgencyProblem("Say why.")
    giver = await life_cycle.find(session, from_code, lock=True)
    taker = await life_cycle.find(session, to_code, lock=True)
    if giver.status != "withdrawn":
        raise AgencyProblem(f"{from_code} is {giver.status}: only a withdrawn one hands over.")
    if taker.status != "active":
        raise AgencyProblem(f"{to_code} is {taker.status}, not active.")
    one = "AND id = :entry" if entry_id is not None else ""
    values = {"from": giver.id, "to": taker.id} | ({"entry": entry_id} if entry_id else {})
    rows = (await session.execute(text(_HAND_OVER.format(one=one)), values)).all()
    if not rows:
        raise AgencyProblem(f"{from_code} holds no such running measure.")
    for row in rows:
        await session.execute(
            insert(SanctionCustody)
            .values(
                id=new_id(),
                entry_id=row.id,
                from_agency=giver.id,
                to_agency=taker.id,
                reason=reason.strip(),
                recorded_by=by,
            )
            .inline()
        )
        about = {"from_agency": str(giver.id), "to_agency": str(taker.id)}
        subject = audit.Subject(row.id, row.imposing_agency, row.partner_id)
        await audit.record(
            session,
            audit.OPERATOR,
            Event.ENTRY_HANDED_OVER,
            subject,
            version=row.version,
            **about,
        )
        await events.publish(
            session,
            EventType.ENTRY_HANDED_OVER,
            row.id,
            taker.id,
            partner_id=str(row.partner_id),
            **about,
        )
    return len(rows)
