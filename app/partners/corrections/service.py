"""Use cases of correction requests. Works inside the caller's transaction and never commits."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import func, insert, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.audit.purposes import OWN_RECORD
from app.auth.caller import Caller
from app.core.crypto import KeyRing, partner_scope
from app.core.http import PreconditionFailed
from app.core.ids import new_secret_id
from app.core.schemas import Schema
from app.events import service as events
from app.events.catalogue import EventType
from app.partners import service as profiles
from app.partners.claims.rules import RULES
from app.partners.corrections.errors import (
    CorrectionDecided,
    CorrectionNotFound,
    NotKeptByPartner,
    ProposalUnfit,
)
from app.partners.corrections.models import PartnerCorrection
from app.partners.corrections.schemas import CorrectionDecision, CorrectionFilter, CorrectionIn
from app.partners.schemas import PartnerPatch
from app.partners.sections import queries as section_queries
from app.partners.sections import service as sections
from app.partners.sections.kinds import ALL

After = tuple[datetime, UUID] | None
_NO_CORRECTIONS = {"correction", "valid_from"}
# Row security shows the agency its own and the partner those about it.
_LIST = """SELECT c.id, c.version, c.partner_id, a.code AS filed_by, c.filed_by AS filer, c.pointer,
      c.sealed, c.document_ids, c.filed_at, c.due_on, c.sealed_reason, c.state,
      c.state = 'open' AND c.due_on < current_date AS overdue, c.decided_at
    FROM partner_corrections c JOIN agencies a ON a.id = c.filed_by
    WHERE c.partner_id IN (SELECT partner_lineage(:partner))
      AND (CAST(:state AS text) IS NULL OR c.state = :state)
      AND (CAST(:at AS timestamptz) IS NULL OR (c.filed_at, c.id) < (:at, CAST(:after AS uuid)))
      AND (CAST(:id AS uuid) IS NULL OR c.id = :id)"""
_PAGE = text(f"{_LIST} ORDER BY c.filed_at DESC, c.id DESC LIMIT :limit")
_ONE = text(f"{_LIST} FOR NO KEY UPDATE OF c")


def _context(correction_id: UUID, field: str) -> str:
    return f"partner_corrections|{correction_id}|{field}"


def proposal(pointer: str, proposed: Any) -> tuple[str | None, Schema]:
    """The section (None: the profile) and the patch that a request asks for.

    Raises ProposalUnfit.
    """
    *place, field = pointer.strip("/").split("/")
    section = place[1] if len(place) == 2 else None
    model: type[Schema] = PartnerPatch
    if section is not None:
        if section not in ALL:
            raise ProposalUnfit
        model = ALL[section].patch
    if field not in model.model_fields or field in _NO_CORRECTIONS:
        raise ProposalUnfit
    try:
        return section, model.model_validate({field: proposed})
    except ValidationError:
        raise ProposalUnfit from None


async def file_correction(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    partner_id: UUID,
    new: CorrectionIn,
    now: datetime,
) -> dict[str, Any]:
    """Ask the partner to change a field.

    Raises PartnerNotFound, NotKeptByPartner or ProposalUnfit.
    """
    partner = await profiles.visible_partner(session, caller, partner_id)
    if partner.control == "agency":
        raise NotKeptByPartner
    proposal(new.pointer, new.proposed)
    correction_id = new_secret_id()
    plain = json.dumps({"proposed": new.proposed, "reason": new.reason}, ensure_ascii=False)
    context = _context(correction_id, "request")
    values = {
        "id": correction_id,
        "partner_id": partner_id,
        "filed_by": caller.agency_id,
        "pointer": new.pointer,
        "sealed": await keyring.seal(session, partner_scope(), context, plain.encode()),
        "document_ids": new.document_ids,
        "due_on": now.date() + timedelta(days=RULES.correction_days),
    }
    await session.execute(insert(PartnerCorrection).values(values).inline())
    subject = audit.Subject(correction_id, caller.agency_id, partner_id)
    await audit.record(session, caller, Event.CORRECTION_FILED, subject, pointer=new.pointer)
    await _publish(session, EventType.CORRECTION_FILED, correction_id, caller.agency_id, partner_id)
    return await _shown(session, keyring, await _found(session, partner_id, correction_id))


async def _publish(
    session: AsyncSession, kind: EventType, correction_id: UUID, agency: UUID, partner: UUID
) -> None:
    await events.publish(session, kind, correction_id, agency, partner_id=str(partner))


async def _found(session: AsyncSession, partner_id: UUID, correction_id: UUID) -> Any:
    values = {"partner": partner_id, "state": None, "at": None, "after": None, "id": correction_id}
    sql = text(_LIST)
    row = (await session.execute(sql, values)).one_or_none()
    if row is None:
        raise CorrectionNotFound
    return row


async def _shown(session: AsyncSession, keyring: KeyRing, row: Any) -> dict[str, Any]:
    opened = json.loads(await keyring.open(session, _context(row.id, "request"), row.sealed))
    answer = None
    if row.sealed_reason is not None:
        context = _context(row.id, "answer")
        answer = (await keyring.open(session, context, row.sealed_reason)).decode()
    hidden = ("sealed", "sealed_reason", "filer")
    facts: dict[str, Any] = {
        name: value for name, value in row._mapping.items() if name not in hidden
    }
    return {**facts, **opened, "answer": answer}


async def list_corrections(
    session: AsyncSession, caller: Caller, partner_id: UUID, filters: CorrectionFilter, after: After
) -> Sequence[Any]:
    """One row more than a page, newest first: the agency's own, or all about the partner.

    Raises PartnerNotFound or PartnerMerged.
    """
    await profiles.visible_partner(session, caller, partner_id)
    at, after_id = after or (None, None)
    values: dict[str, Any] = {"partner": partner_id, "state": filters.state, "at": at}
    values |= {"after": after_id} | {"id": None, "limit": filters.limit + 1}
    return (await session.execute(_PAGE, values)).all()


async def disclose(
    session: AsyncSession, keyring: KeyRing, caller: Caller, rows: Sequence[Any]
) -> list[dict[str, Any]]:
    """Rows of the list with their texts; each reading is in the log."""
    for row in rows:
        subject = audit.Subject(row.id, row.filer, row.partner_id)
        basis = "self" if caller.subject == "partner" else "owner"
        await audit.record(
            session, caller, Event.CORRECTION_READ, subject, purpose=OWN_RECORD, basis=basis
        )
    return [await _shown(session, keyring, row) for row in rows]


async def decide(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    correction_id: UUID,
    version: int,
    given: CorrectionDecision,
) -> dict[str, Any]:
    """Answer as the partner; what is accepted is applied as the partner's own change.

    Raises CorrectionNotFound, PreconditionFailed, CorrectionDecided, PartnerMerged, EditsFrozen,
    ProposalUnfit where the field has changed since so that the value does not fit any more, or
    whatever that change raises.
    """
    assert caller.partner_id is not None
    values = {"partner": caller.partner_id, "state": None, "at": None, "after": None}
    row = (await session.execute(_ONE, values | {"id": correction_id})).one_or_none()
    if row is None:  # row security locks open ones only; an answered one is still there to read
        row = await _found(session, caller.partner_id, correction_id)
    if row.state != "open":
        raise CorrectionDecided
    if row.version != version:
        raise PreconditionFailed
    accepted = given.decision == "accept"
    if accepted:
        await _apply(session, keyring, caller, row)
    context = _context(row.id, "answer")
    sealed = await keyring.seal(session, partner_scope(), context, given.reason.encode())
    await session.execute(
        update(PartnerCorrection)
        .where(PartnerCorrection.id == row.id, PartnerCorrection.version == version)
        .values(
            state="accepted" if accepted else "rejected",
            sealed_reason=sealed,
            decided_client=caller.client_id,
            decided_at=func.now(),
            version=version + 1,
        )
        .execution_options(synchronize_session=False)
    )
    subject = audit.Subject(row.id, row.filer, row.partner_id)
    about = {"decision": given.decision, "pointer": row.pointer}
    await audit.record(session, caller, Event.CORRECTION_DECIDED, subject, basis="self", **about)
    kind = EventType.CORRECTION_DECIDED
    await _publish(session, kind, row.id, row.filer, row.partner_id)
    return await _shown(session, keyring, await _found(session, row.partner_id, row.id))


async def _apply(session: AsyncSession, keyring: KeyRing, caller: Caller, row: Any) -> None:
    opened = json.loads(await keyring.open(session, _context(row.id, "request"), row.sealed))
    section, patch = proposal(row.pointer, opened["proposed"])
    partner = await profiles.visible_partner(session, caller, row.partner_id)
    if section is None:
        assert isinstance(patch, PartnerPatch)
        await profiles.change_partner(session, caller, partner.id, partner.version, patch)
        return
    saved = (await section_queries.sections_of(session, partner.id)).get(section)
    version = saved.version if saved else 0
    await sections.change_section(
        session, keyring, caller, partner.id, ALL[section], version, patch
    )
