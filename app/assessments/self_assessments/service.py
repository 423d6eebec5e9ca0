"""Use cases of PSEA self-assessments. Works inside the caller's transaction, never commits.

The partner answers, hands it in, and has it back if the agency asks for more; the agency takes it
up into a draft of its own. From there on the two go apart: what the partner said stays as it is.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import func, insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies import service as agencies
from app.assessments.self_assessments import errors, queries, rules
from app.assessments.self_assessments.models import PseaSelfAssessment
from app.assessments.self_assessments.schemas import (
    AnswerIn,
    SelfAssessmentIn,
    SelfAssessmentPatch,
)
from app.audit import service as audit
from app.audit.events import Event
from app.auth.caller import Caller
from app.core.crypto import KeyRing, partner_scope
from app.core.explain import explained
from app.core.http import PreconditionFailed
from app.core.ids import new_secret_id
from app.events import service as events
from app.events.catalogue import EventType
from app.partners.errors import PatchEmpty
from app.partners.self_service.access import own_id
from app.partners.service import visible_partner

SHOWN = (
    *("id", "partner_id", "agency", "methodology", "state", "version"),
    *("submitted_at", "decided_at", "created_at", "updated_at"),
)


def seal_context(one: UUID, field: str, version: int, agency: UUID) -> str:
    """Encryption context: moved to another record, version or agency, a text stays shut."""
    return f"psea_self_assessments|{one}|{field}|{version}|{agency}"


def subject_of(row: Any) -> audit.Subject:
    """What the log says a row of the queries is; not its agency's until it was handed in."""
    agency = row.agency_id if row.submitted_at is not None else None
    return audit.Subject(row.id, owner_agency=agency, partner_id=row.partner_id)


def entry(row: Any) -> dict[str, Any]:
    """A row of the queries as SelfAssessmentEntry needs it, without what is the agency's."""
    return {name: getattr(row, name) for name in SHOWN}


async def opened(session: AsyncSession, keyring: KeyRing, row: Any) -> dict[str, Any]:
    """A row with its answers and the reason why it was sent back. Raises Undecipherable."""
    context = seal_context(row.id, "answers", row.sealed_version, row.agency_id)
    said = json.loads(await keyring.open(session, context, row.sealed))
    reason = None
    if row.sealed_reason is not None:
        # Of whichever version: there is one at a time, and the record has it from its agency.
        context = seal_context(row.id, "reason", 0, row.agency_id)
        reason = (await keyring.open(session, context, row.sealed_reason)).decode()
    return entry(row) | {"standards": said, "return_reason": reason}


async def _sealed(
    session: AsyncSession,
    keyring: KeyRing,
    one: UUID,
    version: int,
    agency: UUID,
    said: Sequence[AnswerIn],
) -> bytes:
    context = seal_context(one, "answers", version, agency)
    plain = to_json([item.model_dump(mode="json", exclude_none=True) for item in said])
    return await keyring.seal(session, partner_scope(), context, plain)


async def start(
    session: AsyncSession, keyring: KeyRing, caller: Caller, new: SelfAssessmentIn, today: date
) -> dict[str, Any]:
    """Begin a self-assessment, addressed to one agency.

    Raises PartnerMerged, AgencyUnknown, MethodologyUnknown, AnswersInvalid or SelfAssessmentOpen.
    """
    partner = await visible_partner(session, caller, own_id(caller))
    agency = await agencies.recipient(session, new.agency)
    edition = rules.RULES.methodology
    rules.check(new.standards, edition, today, complete=False)
    one = new_secret_id()
    sealed = await _sealed(session, keyring, one, 1, agency.id, new.standards)
    values = {"id": one, "partner_id": partner.id, "agency_id": agency.id, "methodology": edition}
    values |= {"sealed": sealed, "made_by_client": caller.client_id}
    async with explained(session, {"uq_psea_self_assessments_open": errors.SelfAssessmentOpen}):
        await session.execute(insert(PseaSelfAssessment).values(values).inline())
    row = await _own(session, caller, one)
    await audit.record(
        session, caller, Event.SELF_ASSESSMENT_STARTED, subject_of(row), basis="self"
    )
    return await opened(session, keyring, row)


async def _own(session: AsyncSession, caller: Caller, one: UUID, *, lock: bool = False) -> Any:
    row = await queries.find_own(session, own_id(caller), one, lock=lock)
    if row is None:
        raise errors.SelfAssessmentNotFound
    return row


async def get_own(
    session: AsyncSession, keyring: KeyRing, caller: Caller, one: UUID
) -> dict[str, Any]:
    """An own self-assessment; the reading is in the log. Raises SelfAssessmentNotFound."""
    row = await _own(session, caller, one)
    await audit.record(session, caller, Event.SELF_ASSESSMENT_READ, subject_of(row), basis="self")
    return await opened(session, keyring, row)


_STEPS = {
    "submitted": (Event.SELF_ASSESSMENT_SUBMITTED, EventType.SELF_ASSESSMENT_SUBMITTED),
    "withdrawn": (Event.SELF_ASSESSMENT_WITHDRAWN, EventType.SELF_ASSESSMENT_WITHDRAWN),
}


async def change(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    one: UUID,
    version: int,
    patch: SelfAssessmentPatch,
    today: date,
) -> dict[str, Any]:
    """Give other answers, hand it in, or take it back.

    Raises SelfAssessmentNotFound, PreconditionFailed, PatchEmpty, SelfAssessmentStep,
    AnswersInvalid or MethodologyUnknown.
    """
    row = await _own(session, caller, one, lock=True)
    if row.version != version:
        raise PreconditionFailed
    fields = {name for name in patch.model_fields_set if getattr(patch, name) is not None}
    if not fields:
        raise PatchEmpty
    in_hand = row.state in ("draft", "returned")
    if not in_hand and (row.state != "submitted" or patch.status != "withdrawn" or len(fields) > 1):
        raise errors.SelfAssessmentStep
    values: dict[str, Any] = {"version": version + 1, "updated_at": func.now()}
    if in_hand and patch.status != "withdrawn":
        said = patch.standards
        if said is None:
            before = (await opened(session, keyring, row))["standards"]
            said = [AnswerIn.model_validate(item) for item in before]
        complete = patch.status == "submitted"
        rules.check(said, row.methodology, today, complete=complete)
        values["sealed"] = await _sealed(session, keyring, one, version + 1, row.agency_id, said)
        values["sealed_version"] = version + 1
    if patch.status is not None:
        values["state"] = patch.status
    if patch.status == "submitted":
        values["submitted_at"] = func.now()
    await write(session, one, values)
    changed = await _own(session, caller, one)
    await _tell(session, caller, row, changed, patch.status)
    return await opened(session, keyring, changed)


async def _tell(
    session: AsyncSession, caller: Caller, before: Any, row: Any, status: str | None
) -> None:
    event = _STEPS[status][0] if status else Event.SELF_ASSESSMENT_CHANGED
    about = {"version": row.version, "state": row.state}
    await audit.record(session, caller, event, subject_of(row), basis="self", **about)
    # A draft that is thrown away was never the agency's to know of.
    if status is not None and (status == "submitted" or before.submitted_at is not None):
        about = {"partner_id": str(row.partner_id), "state": row.state}
        await events.publish(session, _STEPS[status][1], row.id, row.agency_id, **about)


async def write(session: AsyncSession, one: UUID, values: dict[str, Any]) -> None:
    """Change the row, which is locked."""
    await session.execute(
        update(PseaSelfAssessment)
        .where(PseaSelfAssessment.id == one)
        .values(values)
        .execution_options(synchronize_session=False)
    )
