"""Where a partner stands now: computed from what is in force, never set by hand."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.caller import Caller
from app.partners.service import visible_partner
from app.partners.verifications import queries
from app.partners.verifications.schemas import StandingOut


async def get_standing(session: AsyncSession, caller: Caller, partner_id: UUID) -> StandingOut:
    """The standing as this caller may see it. Raises PartnerNotFound.

    A verification past its last day counts as none, also before the worker has said so. A
    restraint that is not counted (a possible match) is shown to the agency that put it alone.
    """
    await visible_partner(session, caller, partner_id)
    row = await queries.standing(session, partner_id, caller.agency_id)
    lapsed = bool(row.lapsed)
    verification: dict[str, Any] = {
        "status": (None if lapsed else row.verification) or "pending_verification",
        "agency": None if lapsed else row.verified_by,
        "on": None if lapsed else row.verified_on,
        "until": None if lapsed else row.verified_until,
        "by_agency": row.by_agency,
    }
    without = "pending_verification" if row.complete else "draft"
    # What oversight keeps back from the partner is not there for it, neither by its effect.
    in_force = [one for one in row.restraints if not one["withheld"]]
    shown = [one for one in in_force if one["shown"]]
    return StandingOut.model_validate(
        {
            "partner_id": row.id,
            "status": without if lapsed and row.status == "verified" else row.status,
            "verification": verification,
            "locked": any(one["locks"] for one in in_force),
            "lock_reasons": sorted({one["reason"] for one in shown if one["locks"]}),
            "restraints": [
                {name: one[name] for name in ("reason", "since", "until", "inherited_from")}
                for one in shown
            ],
            "flags": row.flags,
            "contested": row.contested,
            "completeness": {"complete": row.complete},
            "public": row.public,
            "deactivated": row.deactivated_at is not None,
            "deactivated_at": row.deactivated_at,
            "control": row.control,
        }
    )
