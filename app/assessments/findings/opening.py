"""Findings begin with the final report: made from its detail, in its transaction.

Nobody files them by hand, so they cannot say anything else than the report does.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments.findings import texts
from app.assessments.findings.models import AssessmentFinding, FindingResolution
from app.assessments.types import ALL
from app.assessments.types.assurance_parts import AssuranceType, Found
from app.audit import service as audit
from app.audit.events import Event
from app.auth.caller import Caller
from app.core.crypto import KeyRing
from app.core.ids import new_secret_id
from app.core.schemas import Schema
from app.events import service as events
from app.events.catalogue import EventType

_TEXTS = ("reference", "recommendation", "agreed_action", "responsible", "partner_response")


async def open_findings(
    session: AsyncSession, keyring: KeyRing, caller: Caller, row: Any, detail: Schema
) -> int:
    """Make the findings of an assessment that has just become final; how many.

    ``row`` is its row of `assessments.queries.COLUMNS`. None for types without findings.
    """
    kind = ALL[row.type]
    found = kind.found(detail) if isinstance(kind, AssuranceType) else []
    for one in found:
        await _open(session, keyring, caller, row, one)
    if found:
        high = sum(1 for one in found if one.priority == "HIGH")
        subject = audit.Subject(row.id, row.owner_id, row.partner_id)
        await audit.record(
            session, caller, Event.FINDINGS_OPENED, subject, count=len(found), high=high
        )
        await events.publish(
            session,
            EventType.FINDINGS_OPENED,
            row.id,
            row.owner_id,
            partner_id=str(row.partner_id),
            level=row.level,
        )
    return len(found)


async def _open(
    session: AsyncSession, keyring: KeyRing, caller: Caller, row: Any, one: Found
) -> None:
    finding_id, owner = new_secret_id(), row.owner_id
    said = {name: getattr(one.follow_up, name) for name in _TEXTS}
    said["description"] = one.description
    values = {
        "id": finding_id,
        "assessment_id": row.id,
        "owner_agency": owner,
        "level": row.level,
        "partner_id": row.partner_id,
        "part": one.part,
        "position": one.position,
        "code": one.code,
        "priority": one.priority,
        "found_on": row.conducted_on,
        "amount_usd": one.amount_usd,
        "due_on": one.follow_up.due_on,
        "sealed": await texts.seal(
            session, keyring, "assessment_findings", finding_id, owner, said
        ),
    }
    await session.execute(insert(AssessmentFinding).values(values).inline())
    for kind, usd in one.settled:
        await add_resolution(
            session,
            keyring,
            caller,
            row.id,
            {
                "finding_id": finding_id,
                "owner_agency": owner,
                "kind": kind,
                "amount_usd": usd,
                "settled_on": row.conducted_on,
            },
            "as in the report",
        )


async def add_resolution(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    assessment_id: Any,
    values: dict[str, Any],
    reference: str,
) -> Any:
    """Store money that was settled; its id. The database refuses more than is pending."""
    resolution_id = new_secret_id()
    owner = values["owner_agency"]
    body = {"reference": reference}
    sealed = await texts.seal(session, keyring, "finding_resolutions", resolution_id, owner, body)
    await session.execute(
        insert(FindingResolution)
        .values(
            id=resolution_id,
            assessment_id=assessment_id,
            sealed=sealed,
            recorded_by=caller.person.id if caller.person else None,
            recorded_client=caller.client_id,
            **values,
        )
        .inline()
    )
    return resolution_id
