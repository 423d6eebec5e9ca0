"""Use cases of assessments. Works inside the caller's transaction and never commits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments import access, detail, queries, rules
from app.assessments.errors import AssessmentFinal
from app.assessments.findings.opening import open_findings
from app.assessments.models import Assessment, AssessmentDetail
from app.assessments.schemas import AssessmentFilter, AssessmentPatch
from app.assessments.types import ALL
from app.assessments.types.base import AssessmentBase, Rating
from app.assessments.wire import shown, wire
from app.audit import service as audit
from app.audit.events import Event
from app.audit.exceptions.errors import UnderLegalHold
from app.auth import policy
from app.auth.caller import Caller
from app.core.clock import utc_now
from app.core.crypto import KeyRing
from app.core.http import PreconditionFailed
from app.core.ids import new_secret_id
from app.events import service as events
from app.events.catalogue import EventType
from app.partners import service as partners
from app.partners.errors import PatchEmpty
from app.partners.visibility import sees_protected


def _rating_columns(rating: Rating | None) -> dict[str, Any]:
    return {
        "rating_scheme": rating.scheme if rating else None,
        "rating_value": rating.value if rating else None,
        "rating_dimension": rating.dimension if rating else None,
        "rating_level": rating.level if rating else None,
        "rating_source": rating.rating_source if rating else None,
    }


async def file_assessment(
    session: AsyncSession, keyring: KeyRing, caller: Caller, new: AssessmentBase, today: date
) -> dict[str, Any]:
    """File an assessment, or start a draft, owned by the calling agency.

    Raises PartnerNotFound, MethodologyUnknown, InvalidRequest, DetailInvalid, RoleLacksRight or
    LevelAboveClient; then nothing is stored.
    """
    final = new.status == "final"
    outcome = rules.judge(
        new.type,
        new.methodology,
        new.detail,
        conducted_on=new.conducted_on,
        final=final,
        today=today,
    )
    partner = await partners.get_partner(session, caller, new.partner_id)
    level = new.confidentiality if final else "AGENCY_ONLY"
    planned = policy.Resource(
        access.detail_kind(new.type), caller.agency_id, level, partner["country"]
    )
    policy.require_writable(policy.can(caller, "create", planned))
    assessment = Assessment(
        id=new_secret_id(),
        owner_agency=caller.agency_id,
        level=level,
        valid_until=outcome.valid_until,
        **new.model_dump(exclude={"detail", "partner_id", "participating_agencies", "assessor"}),
        partner_id=partner["id"],
        **_rating_columns(outcome.rating),
    )
    session.add(assessment)
    await session.flush()  # the detail refers to the row
    await session.execute(
        insert(AssessmentDetail).values(
            assessment_id=assessment.id,
            owner_agency=caller.agency_id,
            level=level,
            version=1,
            sealed=await detail.seal(
                session, keyring, assessment.id, 1, caller.agency_id, new.detail
            ),
        )
    )
    row = await queries.read_assessment(session, assessment.id, holder=True)
    assert row is not None
    await _record(session, caller, Event.ASSESSMENT_FILED, row)
    if final:
        await open_findings(session, keyring, caller, row, new.detail)
    return wire(row)


async def _record(session: AsyncSession, caller: Caller, event: Event, row: Any) -> None:
    subject = audit.Subject(row.id, owner_agency=row.owner_id, partner_id=row.partner_id)
    await audit.record(
        session, caller, event, subject, version=row.version, status=row.status, type=row.type
    )
    # A draft is nobody else's business, not even that it exists.
    if row.status != "final":
        return
    await events.publish(
        session,
        EventType.ASSESSMENT_FILED,
        row.id,
        caller.agency_id,
        partner_id=str(row.partner_id),
        type=row.type,
        level=row.level,
        version=row.version,
    )


async def change_draft(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    assessment_id: UUID,
    version: int,
    patch: AssessmentPatch,
    today: date,
) -> dict[str, Any]:
    """Apply a merge patch to the caller's own draft of version ``version``; perhaps file it.

    Raises AssessmentNotFound, PreconditionFailed, AssessmentFinal, UnderLegalHold, PatchEmpty,
    ContentRedacted, and what filing raises.
    """
    row = await _own_draft(session, caller, assessment_id, version)
    fields = patch.model_dump(exclude_unset=True)
    if not fields:
        raise PatchEmpty
    stored = await queries.read_detail(session, assessment_id, holder=True)
    merged = rules.merge_patch(
        await detail.unseal(session, keyring, stored), fields.pop("detail", {})
    )
    body = rules.parse_detail(ALL[row.type], merged)
    status = fields.get("status", "draft")
    confidentiality = fields.get("confidentiality", row.confidentiality)
    conducted_on = fields.get("conducted_on", row.conducted_on)
    final = status == "final"
    outcome = rules.judge(
        row.type, row.methodology, body, conducted_on=conducted_on, final=final, today=today
    )
    await _write_draft(
        session,
        assessment_id,
        version + 1,
        await detail.seal(session, keyring, assessment_id, version + 1, caller.agency_id, body),
        {
            "status": status,
            "confidentiality": confidentiality,
            "level": confidentiality if final else "AGENCY_ONLY",
            "conducted_on": conducted_on,
            "valid_until": outcome.valid_until,
            **_rating_columns(outcome.rating),
        },
    )
    changed = await queries.read_assessment(session, assessment_id, holder=True)
    assert changed is not None
    event = Event.ASSESSMENT_FINALISED if final else Event.ASSESSMENT_CHANGED
    await _record(session, caller, event, changed)
    if final:
        await open_findings(session, keyring, caller, changed, body)
    return wire(changed)


async def _own_draft(
    session: AsyncSession, caller: Caller, assessment_id: UUID, version: int
) -> Any:
    row = await access.owned(session, caller, assessment_id, "create")
    if row.version != version:
        raise PreconditionFailed
    if row.status != "draft":
        raise AssessmentFinal
    if row.held:
        # The older text of a draft is destroyed by its change.
        raise UnderLegalHold
    return row


async def _write_draft(
    session: AsyncSession, assessment_id: UUID, version: int, sealed: bytes, values: dict[str, Any]
) -> None:
    # The row is locked, so its version cannot have moved; its level cascades to the detail.
    await session.execute(
        update(Assessment)
        .where(Assessment.id == assessment_id)
        .values(version=version, updated_at=utc_now(), **values)
    )
    await session.execute(
        update(AssessmentDetail)
        .where(AssessmentDetail.assessment_id == assessment_id)
        .values(version=version, sealed=sealed)
    )


async def get_assessment(
    session: AsyncSession, caller: Caller, assessment_id: UUID
) -> dict[str, Any]:
    """The summary. Raises AssessmentNotFound, also when the caller may not see it."""
    row = await access.readable(session, caller, assessment_id)
    return (await shown(session, [row]))[0]


async def list_assessments(
    session: AsyncSession, caller: Caller, filters: AssessmentFilter, after: Sequence[Any] | None
) -> list[Any]:
    """One row more than a page of summaries the caller may see, newest first."""
    wanted = filters.model_dump(exclude={"limit", "cursor"})
    wanted["countries"] = sorted(caller.countries) or None
    wanted["open_only"] = None if policy.reaches(caller, "AGENCY_ONLY") else True
    holder = sees_protected(caller)
    return list(
        await queries.list_assessments(session, wanted, after, filters.limit + 1, holder=holder)
    )


async def summaries_for(session: AsyncSession, partner_id: UUID) -> list[dict[str, Any]]:
    """A partner's final summaries that the bound agency may see, newest first: for recognition."""
    return await queries.summaries(session, partner_id)
