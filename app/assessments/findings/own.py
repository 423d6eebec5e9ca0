"""The partner's side: it reads the findings about itself, and answers them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments.findings import queries, service, wire
from app.assessments.findings.errors import FindingClosed, FindingNotFound
from app.assessments.findings.reading import After
from app.assessments.findings.schemas import ResponseIn
from app.audit import service as audit
from app.audit.events import Event
from app.audit.purposes import OWN_RECORD
from app.auth.caller import Caller
from app.core.crypto import KeyRing
from app.events import service as events
from app.events.catalogue import EventType
from app.partners.self_service.access import own_id


async def list_own(session: AsyncSession, caller: Caller, after: After, limit: int) -> list[Any]:
    """Findings of final reports about the calling partner, newest first; ``limit`` rows."""
    return list(await queries.list_own(session, own_id(caller), after, limit))


async def disclose(
    session: AsyncSession, keyring: KeyRing, caller: Caller, rows: Sequence[Any]
) -> list[dict[str, Any]]:
    """Rows of the list with texts and amounts; the reading of each report is in the log."""
    for assessment_id in dict.fromkeys(row.assessment_id for row in rows):
        row = next(one for one in rows if one.assessment_id == assessment_id)
        await _log(session, caller, row)
    return await wire.opened(session, keyring, rows)


async def read_own(
    session: AsyncSession, keyring: KeyRing, caller: Caller, finding_id: UUID
) -> dict[str, Any]:
    """A finding about the calling partner, with its follow-up. Raises FindingNotFound."""
    row = await find_own(session, caller, finding_id)
    await _log(session, caller, row)
    return await wire.with_history(session, keyring, row, for_partner=True)


async def respond(
    session: AsyncSession, keyring: KeyRing, caller: Caller, finding_id: UUID, new: ResponseIn
) -> dict[str, Any]:
    """Answer a finding until it is closed; the newest answer counts, all stay.

    Raises FindingNotFound or FindingClosed.
    """
    row = await find_own(session, caller, finding_id)
    if row.state == "closed":
        raise FindingClosed
    body = new.model_dump(mode="json")
    action = await service.note(session, keyring, caller, row, "response", body)
    subject = audit.Subject(row.id, row.owner_id, row.partner_id)
    about = {"action": str(action)}
    await audit.record(session, caller, Event.FINDING_ANSWERED, subject, basis="self", **about)
    await events.publish(
        session,
        EventType.FINDING_ANSWERED,
        row.id,
        row.owner_id,
        assessment_id=str(row.assessment_id),
        partner_id=str(row.partner_id),
    )
    return wire.facts(row)


async def find_own(session: AsyncSession, caller: Caller, finding_id: UUID) -> Any:
    """The row of a finding about the calling partner. Raises FindingNotFound."""
    rows = await queries.list_own(session, own_id(caller), None, 1, finding_id)
    if not rows:
        raise FindingNotFound
    return rows[0]


async def _log(session: AsyncSession, caller: Caller, row: Any) -> None:
    subject = audit.Subject(row.assessment_id, row.owner_id, row.partner_id)
    await audit.record(
        session, caller, Event.FINDINGS_READ_BY_PARTNER, subject, purpose=OWN_RECORD, basis="self"
    )
