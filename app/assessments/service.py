"""Use cases of assessments. Works inside the caller's transaction and never commits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments import access, detail, queries, rules
from app.assessments.errors import (
    AssessmentFinal,
    AssessmentNotFound,
    AssessmentSubmitted,
    NoteMissing,
)
from app.assessments.findings.opening import open_findings
from app.assessments.life_cycle import milestones, notes, participants, superseding
from app.assessments.models import Assessment, AssessmentDetail
from app.assessments.schemas import AssessmentFilter, AssessmentPatch
from app.assessments.types import ALL
from app.assessments.types.base import AssessmentBase, Assessor, Rating
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


@dataclass(frozen=True, slots=True)
class Step:
    """Where a record goes now: what of it follows from the new status."""

    status: str
    outcome: rules.Outcome
    confidentiality: str

    @property
    def final(self) -> bool:
        return self.status == "final"

    @property
    def current_key(self) -> str | None:
        """Of what this is the current result. What only the owner sees is a line of its own: it
        says nothing to others, not by taking back what they see either.
        """
        key = self.outcome.current_key
        return f"{key}:own" if key and self.confidentiality == "AGENCY_ONLY" else key

    def columns(self, superseded_by: UUID | None) -> dict[str, Any]:
        """Columns of the record, but for its contents."""
        now = utc_now()
        days = self.outcome.comment_days if self.final else None
        held = now + timedelta(days=days) if days else None
        open_now = self.final and held is None
        return {
            "status": "superseded" if superseded_by else self.status,
            "superseded_by": superseded_by,
            "level": self.confidentiality if open_now else "AGENCY_ONLY",
            "held_until": held,
            "valid_until": self.outcome.valid_until,
            "summary": self.outcome.summary,
            "current_key": self.current_key,
            **({"finalised_at": now} if self.final else {}),
            **({"submitted_at": now} if self.status == "submitted" else {}),
            **_rating_columns(self.outcome.rating),
        }


async def file_assessment(
    session: AsyncSession, keyring: KeyRing, caller: Caller, new: AssessmentBase, today: date
) -> dict[str, Any]:
    """File an assessment, or start a draft, owned by the calling agency.

    Raises PartnerNotFound, MethodologyUnknown, InvalidRequest, DetailInvalid, AgencyUnknown,
    RoleLacksRight or LevelAboveClient; then nothing is stored.
    """
    outcome = rules.judge(
        new.type,
        new.methodology,
        new.detail,
        conducted_on=new.conducted_on,
        final=new.status == "final",
        today=today,
    )
    partner = await partners.get_partner(session, caller, new.partner_id)
    step = Step(new.status, outcome, new.confidentiality)
    level = new.confidentiality if step.final else "AGENCY_ONLY"
    planned = policy.Resource(
        access.detail_kind(new.type), caller.agency_id, level, partner["country"]
    )
    policy.require_writable(policy.can(caller, "create", planned))
    assessment_id = new_secret_id()
    later = await _make_room(session, caller, partner["id"], step, new.conducted_on, assessment_id)
    columns = step.columns(later)
    await session.execute(
        insert(Assessment).values(
            id=assessment_id,
            owner_agency=caller.agency_id,
            partner_id=partner["id"],
            type=new.type,
            methodology=new.methodology,
            conducted_on=new.conducted_on,
            confidentiality=new.confidentiality,
            **_assessor_columns(new.assessor),
            **columns,
        )
    )
    await session.execute(
        insert(AssessmentDetail).values(
            assessment_id=assessment_id,
            owner_agency=caller.agency_id,
            level=columns["level"],
            version=1,
            sealed=await detail.seal(
                session, keyring, assessment_id, 1, caller.agency_id, new.detail
            ),
        )
    )
    await participants.put(session, caller, assessment_id, new.participating_agencies)
    row = await queries.read_assessment(session, assessment_id, holder=True)
    assert row is not None
    await _record(session, caller, Event.ASSESSMENT_FILED, row)
    if step.final:
        await open_findings(session, keyring, caller, row, new.detail)
    return wire(row)


async def _make_room(
    session: AsyncSession,
    caller: Caller,
    partner_id: UUID,
    step: Step,
    conducted_on: date | None,
    new: UUID,
) -> UUID | None:
    """What a result that becomes final supersedes; the later one that supersedes it, if any."""
    if not step.final or conducted_on is None:
        return None
    earlier, later = await superseding.make_room(
        session, caller.agency_id, partner_id, step.current_key, conducted_on, new
    )
    for row in earlier:
        subject = audit.Subject(row.id, owner_agency=caller.agency_id, partner_id=row.partner_id)
        await audit.record(session, caller, Event.ASSESSMENT_SUPERSEDED, subject, by=str(new))
        if row.level != "AGENCY_ONLY":
            await events.publish(
                session,
                EventType.ASSESSMENT_SUPERSEDED,
                row.id,
                caller.agency_id,
                partner_id=str(row.partner_id),
            )
    return later


def _assessor_columns(assessor: Assessor | None) -> dict[str, Any]:
    return {
        "assessor_kind": assessor.kind if assessor else None,
        "assessor_name": assessor.name if assessor else None,
    }


async def _record(session: AsyncSession, caller: Caller, event: Event, row: Any) -> None:
    subject = audit.Subject(row.id, owner_agency=row.owner_id, partner_id=row.partner_id)
    await audit.record(
        session, caller, event, subject, version=row.version, status=row.status, type=row.type
    )
    # What is not final, or held for the partner's word, is nobody else's business, not even that
    # it exists.
    if row.status in ("final", "superseded") and row.held_until is None:
        await tell_filed(session, row, caller.agency_id)


async def tell_filed(session: AsyncSession, row: Any, agency_id: UUID) -> None:
    """Publish that a final result is there to be seen."""
    await events.publish(
        session,
        EventType.ASSESSMENT_FILED,
        row.id,
        agency_id,
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
    """Apply a merge patch to the caller's own draft of version ``version``; perhaps move it on.

    Raises AssessmentNotFound, PreconditionFailed, AssessmentFinal, AssessmentSubmitted,
    NoteMissing, UnderLegalHold, PatchEmpty, ContentRedacted, and what filing raises.
    """
    fields = patch.model_dump(exclude_unset=True, exclude={"assessor"})
    row = await _own_open(session, caller, assessment_id, version, fields)
    stored = await queries.read_detail(session, assessment_id, holder=True)
    opened = await detail.unseal(session, keyring, stored)
    body = rules.parse_detail(ALL[row.type], rules.merge_patch(opened, fields.get("detail", {})))
    status = fields.get("status", "draft")
    conducted_on = fields.get("conducted_on", row.conducted_on)
    outcome = rules.judge(
        row.type,
        row.methodology,
        body,
        conducted_on=conducted_on,
        final=status in ("submitted", "final"),
        today=today,
    )
    if outcome.comment_days and await milestones.reached(session, row.id, "partner_comments"):
        outcome = replace(outcome, comment_days=None)
    step = Step(status, outcome, fields.get("confidentiality", row.confidentiality))
    later = await _make_room(session, caller, row.partner_id, step, conducted_on, row.id)
    values = {
        **step.columns(later),
        "confidentiality": step.confidentiality,
        "conducted_on": conducted_on,
    }
    if "assessor" in patch.model_fields_set:
        values |= _assessor_columns(patch.assessor)
    sealed = await detail.seal(session, keyring, assessment_id, version + 1, caller.agency_id, body)
    if "participating_agencies" in fields:
        await participants.put(session, caller, assessment_id, fields["participating_agencies"])
    await _write_draft(session, assessment_id, version + 1, sealed, values)
    if patch.note is not None and status in _NOTED:
        await notes.write(session, keyring, caller, row, _NOTED[status], patch.note)
    changed = await queries.read_assessment(session, assessment_id, holder=True)
    assert changed is not None
    await _record(session, caller, _EVENTS.get(status, Event.ASSESSMENT_CHANGED), changed)
    if step.final:
        await open_findings(session, keyring, caller, changed, body)
    return wire(changed)


_NOTED = {"draft": "sent_back", "cancelled": "cancelled"}
_EVENTS = {
    "submitted": Event.ASSESSMENT_SUBMITTED,
    "final": Event.ASSESSMENT_FINALISED,
    "cancelled": Event.ASSESSMENT_CANCELLED,
}


async def _own_open(
    session: AsyncSession,
    caller: Caller,
    assessment_id: UUID,
    version: int,
    fields: dict[str, Any],
) -> Any:
    """The caller's own draft or submitted record, if the change fits its status."""
    row = await access.governed(session, caller, assessment_id)
    if row.status == "draft":
        # Who decides on what is submitted does not by that write drafts.
        drafting = policy.can(caller, "create", access.detail_of(row))
        policy.require_writable(drafting, AssessmentNotFound)
    if row.version != version:
        raise PreconditionFailed
    if row.status not in ("draft", "submitted"):
        raise AssessmentFinal
    if not fields:
        raise PatchEmpty
    moved_on = fields.get("status", "draft" if row.status == "draft" else None)
    if row.status == "submitted" and (
        moved_on in (None, "submitted") or fields.keys() - {"status", "note"}
    ):
        raise AssessmentSubmitted
    back = row.status == "submitted" and moved_on == "draft"
    if (back or moved_on == "cancelled") and not fields.get("note"):
        raise NoteMissing
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
