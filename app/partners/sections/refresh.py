"""What a profile repeats of its sections, for lists: complete, sectors and the like.

Kept by whoever changes what they are computed from, in the same transaction, with the profile's
row locked: two who save different sections at once take turns, and the second sees the first.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.auth.caller import Caller
from app.core import codelists
from app.core.clock import utc_now
from app.core.db import NO_AGENCY
from app.events import service as events
from app.events.catalogue import EventType
from app.partners.declarations import queries as declarations
from app.partners.models import Partner
from app.partners.sections import completeness, queries
from app.partners.sections.completeness import Profile


def agency_of(caller: Caller) -> UUID | None:
    """The agency that writes; None for the partner itself."""
    return None if caller.agency_id == NO_AGENCY else caller.agency_id


async def lock(session: AsyncSession, partner: Partner) -> None:
    """Lock the profile's row until the end of the transaction, and read it anew."""
    await session.refresh(partner, with_for_update={"key_share": True})


async def missing_of(session: AsyncSession, partner: Partner) -> dict[str, list[str]]:
    """What each section, and the declaration, lacks."""
    found, _ = await _look(session, partner.id, partner.partner_type, partner.hq_id)
    return found


async def columns(
    session: AsyncSession, partner_id: UUID, partner_type: str, hq_id: UUID | None
) -> dict[str, Any]:
    """Values of the columns of ``partners`` that repeat the sections, for a profile of this type
    and headquarters: what a change of either must write along.
    """
    found, bodies = await _look(session, partner_id, partner_type, hq_id)
    mandate = bodies.get("mandate", {})
    parents = codelists.current("specialisations").by_code
    chosen = [parents.get(item["code"]) for item in mandate.get("specialisations") or ()]
    return {
        "complete": not any(found.values()),
        "sectors": sorted({item.parent for item in chosen if item and item.parent}),
        "specialisations": sorted({item.code for item in chosen if item}),
        "populations": sorted(mandate.get("populations") or ()),
    }


async def _look(
    session: AsyncSession, partner_id: UUID, partner_type: str, hq_id: UUID | None
) -> tuple[dict[str, list[str]], dict[str, Any]]:
    rows = await queries.sections_of(session, partner_id)
    profile = Profile.of(partner_type, hq_id)
    signed = await declarations.current(session, partner_id, hq_id) if profile.declares else None
    saved = {name: (row.body, row.updated_at.date()) for name, row in rows.items()}
    found = completeness.all_missing(
        saved, profile, signed is not None and signed.accepted, utc_now().date()
    )
    return found, {name: row.body for name, row in rows.items()}


async def refresh(session: AsyncSession, caller: Caller, partner: Partner, **more: Any) -> None:
    """Write what has changed of the columns above, and ``more``; the profile must be locked."""
    wanted = await columns(session, partner.id, partner.partner_type, partner.hq_id) | more
    changed = {name: value for name, value in wanted.items() if getattr(partner, name) != value}
    if not changed:
        return
    # Counted by the database: what was written before may have ended a verification.
    done = await session.execute(
        update(Partner)
        .where(Partner.id == partner.id)
        .values(**changed, version=Partner.version + 1, updated_by=agency_of(caller))
        .execution_options(synchronize_session=False)
        .returning(Partner.version)
    )
    version: int = done.scalar_one()
    await session.refresh(partner)
    fields = sorted(changed)
    subject = audit.Subject(partner.id, partner_id=partner.id)
    await audit.record(
        session, caller, Event.PARTNER_CHANGED, subject, version=version, fields=fields
    )
    await events.publish(
        session,
        EventType.PARTNER_CHANGED,
        partner.id,
        agency_of(caller),
        version=version,
        fields=fields,
    )
