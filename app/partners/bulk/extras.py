"""What comes with a load beside profiles: reports of another system, and pending statements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.crypto import KeyRing, agency_scope
from app.core.db import touched
from app.core.ids import new_id, new_secret_id
from app.partners.bulk.files.unpp import SOURCE, Report, Statement
from app.partners.bulk.models import PartnerLoadReport
from app.partners.pending.models import PendingStatement
from app.partners.pending.service import context


async def keep_reports(
    session: AsyncSession,
    agency: UUID,
    load_id: UUID,
    said: Sequence[tuple[UUID, Report]],
) -> None:
    """Keep what the portal says of partners; the same again is kept once."""
    rows = [
        {
            "id": new_id(),
            "agency_id": agency,
            "partner_id": partner,
            "load_id": load_id,
            "source": SOURCE,
            "kind": report.kind,
            "value": report.value,
            "said_by": report.said_by,
            "said_on": report.said_on,
        }
        for partner, report in said
    ]
    if rows:
        await session.execute(insert(PartnerLoadReport).values(rows).on_conflict_do_nothing())


async def keep_statement(
    session: AsyncSession,
    keyring: KeyRing,
    load_id: UUID,
    partner_id: UUID,
    owner: UUID,
    statement: Statement,
) -> bool:
    """Keep a flag or comment for its author agency, to which the transaction is bound; whether
    it is new.
    """
    made = new_secret_id()
    values: dict[str, Any] = {
        "id": made,
        "partner_id": partner_id,
        "owner_agency": owner,
        "load_id": load_id,
        "source": SOURCE,
        "source_key": statement.source_key,
        "kind": statement.kind,
        "category": statement.category,
        "said_on": statement.said_on,
        "sealed": await keyring.seal(
            session, agency_scope(owner), context(made, owner), statement.text.encode()
        ),
    }
    done = await session.execute(insert(PendingStatement).values(values).on_conflict_do_nothing())
    return bool(touched(done))
