"""In whose name a command acts: the operator, for an agency or a partner, in the log."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies import queries
from app.agencies.models import Agency
from app.auth.caller import Caller
from app.cli.shell import Refused
from app.core.db import NO_AGENCY

OPERATOR = "operator"
"""Client id of what the operator does; no client has it."""


def as_operator(
    agency_id: UUID | None, code: str = "", *, partner_id: UUID | None = None
) -> Caller:
    """Who the log names for an act of the operator on an agency's or a partner's behalf."""
    return Caller(
        agency_id=agency_id or NO_AGENCY,
        agency_code=code,
        client_id=OPERATOR,
        scopes=frozenset(),
        person=None,
        partner_id=partner_id,
    )


async def agency_of(session: AsyncSession, code: str) -> Agency:
    """The agency with this code. Raises Refused."""
    agency = await queries.find_agency(session, code)
    if agency is None:
        raise Refused(f"There is no agency {code}.")
    return agency
