"""Decisions taken before joining or outside the registry. Never commits.

One person records what was decided, with its real days and its document; a second one certifies
that there was due process. No day is invented: what is not known stays empty.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.events import Event
from app.auth import policy
from app.auth.caller import Caller
from app.core.crypto import KeyRing
from app.core.ids import new_secret_id
from app.core.schemas import Day, Flag, Line, Paragraph, Schema
from app.sanctions.cases import errors, listing, queries
from app.sanctions.cases.models import SanctionCase, SanctionRespondent
from app.sanctions.cases.schemas import Practices
from app.sanctions.cases.service import known_partner
from app.sanctions.cases.steps import get_case, moved, not_future, read_step, take, write_step
from app.sanctions.codes import CODES
from app.sanctions.entries import service as entries
from app.sanctions.entries.errors import MeasureNeedsPeriod
from app.sanctions.entries.schemas import MeasureTerms
from app.sanctions.errors import DateNotPossible

Sha256 = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9a-f]{64}$"),
    Field(
        description="SHA-256 of the file of the decision, in hex",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    ),
]


class RecordIn(Schema):
    """A decision as it was taken, with its real days; a day that is not known is left out."""

    partner_id: UUID
    practices: Practices
    legal_reference: Line = Field(examples=["VRC decision 2024/17"])
    document_sha256: Sha256
    decided_on: Day = Field(examples=["2024-09-30"])
    finding_on: Day | None = Field(None, examples=["2024-02-12"])
    notice_sent_on: Day | None = Field(None, examples=["2024-04-02"])
    reply_received_on: Day | None = Field(None, examples=["2024-04-28"])
    decision_sent_on: Day | None = Field(None, examples=["2024-10-04"])
    terms: MeasureTerms = Field(description="the measure, as far as it still runs")
    note: Paragraph | None = Field(None, examples=["Taken over from the vendor register."])


class CertificateIn(Schema):
    """Certifies that the decision was taken with due process; every line must hold."""

    notice_given: Flag = Field(examples=[True])
    reply_possible: Flag = Field(examples=[True])
    decided_by_another_than_investigated: Flag = Field(examples=[True])
    reasons_given: Flag = Field(examples=[True])
    appeal_route_given: Flag = Field(examples=[True])
    statement: Paragraph = Field(examples=["File 2024/17 was seen in full."])

    @model_validator(mode="after")
    def _all(self) -> Self:
        lines = (
            self.notice_given,
            self.reply_possible,
            self.decided_by_another_than_investigated,
            self.reasons_given,
            self.appeal_route_given,
        )
        if not all(lines):
            raise ValueError("a decision without due process is not listed")
        return self


def _check_days(new: RecordIn, now: datetime) -> None:
    """Raises DateNotPossible unless the known days lie in their order and none lies ahead;
    MeasureTermsInvalid or MeasureNeedsPeriod for terms that cannot be listed.
    """
    listing.not_interim(new.terms)
    days: tuple[date | None, ...] = (
        new.finding_on,
        new.notice_sent_on,
        new.reply_received_on,
        new.decided_on,
        new.decision_sent_on,
    )
    known = [day for day in days if day is not None]
    for day in known:
        not_future(day, now)
    if known != sorted(known) or new.terms.effective_from < new.decided_on:
        raise DateNotPossible("The days of a decision follow each other.")
    ends = new.terms.effective_to
    end = CODES.measures.codes[new.terms.measure].end
    if (ends is None and end == "required") or (ends is not None and end == "none"):
        raise MeasureNeedsPeriod
    if ends is not None and ends < now.date():
        raise DateNotPossible("The measure has ended; what has ended is not listed.")


async def record(
    session: AsyncSession, keys: KeyRing, caller: Caller, new: RecordIn, now: datetime
) -> SanctionCase:
    """Record a decision. Nothing is listed before a second person certifies it.

    Raises PartnerUnknown, PartnerMerged, GovernmentEntity, DateNotPossible, MeasureTermsInvalid,
    MeasureNeedsPeriod,
    RoleLacksRight or LevelAboveClient.
    """
    _check_days(new, now)
    partner = await known_partner(session, caller, new.partner_id)
    planned = policy.Resource("DEBAR_CASE", caller.agency_id, country=partner.country)
    policy.require_writable(policy.can(caller, "create", planned))
    person = caller.require_person()
    case_id = new_secret_id()
    both = {"agency_id": caller.agency_id, "investigator_id": person.id, "track": "RECORDED"}
    await session.execute(
        insert(SanctionCase)
        .values(
            id=case_id,
            partner_id=new.partner_id,
            practices=sorted(set(new.practices)),
            finding_on=new.finding_on,
            legal_reference=new.legal_reference,
            document_sha256=new.document_sha256,
            **both,
        )
        .inline()
    )
    await session.execute(
        insert(SanctionRespondent)
        .values(
            id=new_secret_id(),
            case_id=case_id,
            main=True,
            kind="PARTNER",
            relation="PRINCIPAL",
            partner_id=new.partner_id,
            state="RECORDED",
            notice_sent_on=new.notice_sent_on,
            reply_received_on=new.reply_received_on,
            decided_on=new.decided_on,
            decision_sent_on=new.decision_sent_on,
            **both,
        )
        .inline()
    )
    case = await get_case(session, caller, case_id)
    respondent = await queries.find_respondent(session, case_id, None)
    await write_step(session, keys, caller, case, "record", Event.CASE_RECORDED, new, respondent)
    return case


async def certify(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    case_id: UUID,
    certificate: CertificateIn,
    now: datetime,
) -> dict[str, Any]:
    """A second person certifies; the measure is listed as decided on its real day.

    Raises StepOutOfOrder, SamePerson, and what `take` and `listing.put` raise.
    """
    case, respondent = await take(session, caller, case_id, None, "approve")
    if respondent.state != "RECORDED":
        raise errors.StepOutOfOrder
    person = caller.require_person()
    if person.id == respondent.investigator_id:
        raise errors.SamePerson
    written = await queries.case_steps(session, case_id, "record")
    if not written:  # redacted meanwhile: what is not known any more is not listed
        raise errors.StepOutOfOrder
    recorded = RecordIn.model_validate(await read_step(session, keys, written[-1]))
    respondent.state = "IMPOSED"
    respondent.decider_id = person.id
    await moved(session, case, respondent, "certificate")
    step = await write_step(
        session, keys, caller, case, "certificate", Event.CASE_CERTIFIED, certificate, respondent
    )
    entry = await listing.put(
        session,
        keys,
        caller,
        case,
        respondent,
        recorded.terms,
        now,
        decided_on=recorded.decided_on,
        certificate=str(step),
    )
    respondent.entry_id = entry.id
    await session.flush()
    return await entries.get_entry(session, entry.id)
