"""Procedures: how an agency runs its cases. Proposed by one person, approved by a second.

Every agency reads those that are approved. A case stays with the one in force when its partner
was told. Never commits.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies import service as agencies
from app.audit import service as audit
from app.audit.events import Event
from app.auth import policy
from app.auth.caller import Caller
from app.core.errors import FieldError
from app.core.http import PreconditionFailed
from app.core.ids import new_id
from app.core.paging import PageQuery
from app.core.schemas import Code, Day, Flag, Instant, Line, Schema
from app.events import service as events
from app.events.catalogue import EventType
from app.sanctions.cases import errors, queries
from app.sanctions.cases.follow_models import SanctionProcedure
from app.sanctions.cases.models import SanctionCase
from app.sanctions.codes import CODES, ProcedureFloor

Days = Annotated[int, Field(strict=True, ge=1, le=366)]
Months = Annotated[int, Field(strict=True, ge=1, le=60)]


class ProcedureIn(Schema):
    """A version of the own agency's procedure. What is left out is as the common floor says."""

    effective_from: Day = Field(examples=["2027-01-01"])
    legal_basis: Line = Field(examples=["Vendor sanctions policy, revision 2026"])
    appeal_body: Line = Field(
        description="to whom a partner appeals", examples=["Vendor review appeals committee"]
    )
    reply_period_days: Days | None = Field(None, examples=[30])
    appeal_days: Days | None = Field(None, examples=[30])
    appeal_suspensive: Flag | None = Field(
        None, description="an appeal suspends: a measure begins after the time for one"
    )
    interim_months: Months | None = Field(None, examples=[6])
    interim_renewals: Annotated[int, Field(strict=True, ge=0, le=12)] | None = None
    review_months: Months | None = Field(
        None, description="after how long a measure without an end is reviewed", examples=[12]
    )
    panel_form: Literal["reviewer", "panel"] | None = None
    panel_members: Annotated[int, Field(strict=True, ge=1, le=15)] | None = None
    departure: Literal["refused", "with_reasons"] | None = Field(
        None, description="whether a decision may depart from a review that advises against it"
    )


class ProcedureDecisionIn(Schema):
    """Whether the proposed version comes into force."""

    decision: Literal["approve", "refuse"] = Field(examples=["approve"])


class ProcedureOut(Schema):
    """A version of an agency's procedure, or the common floor, which has no agency."""

    id: UUID
    agency: str | None = Field(examples=["UNDP"])
    number: int
    state: Literal["proposed", "approved", "refused"]
    effective_from: date
    legal_basis: str
    appeal_body: str
    reply_period_days: int
    appeal_days: int
    appeal_suspensive: bool
    interim_months: int
    interim_renewals: int
    review_months: int
    panel_form: Literal["reviewer", "panel"]
    panel_members: int
    departure: Literal["refused", "with_reasons"]
    proposed_at: Instant
    decided_at: Instant | None
    version: int


class ProcedureFilter(PageQuery):
    """Filters of the list of procedures."""

    agency: Code | None = Field(None, description="code of the agency", examples=["UNDP"])


_AT_LEAST = ("reply_period_days", "appeal_days", "panel_members", "appeal_suspensive")
_AT_MOST = ("interim_months", "interim_renewals", "review_months")
TERMS = (*_AT_LEAST, *_AT_MOST, "panel_form", "departure")


def below_floor(terms: dict[str, Any], floor: ProcedureFloor) -> list[FieldError]:
    """What of these terms gives a partner less than the common floor."""
    less = [name for name in _AT_LEAST if terms[name] < getattr(floor, name)]
    less += [name for name in _AT_MOST if terms[name] > getattr(floor, name)]
    if floor.panel_form == "panel" and terms["panel_form"] != "panel":
        less.append("panel_form")
    return [
        FieldError(
            pointer=f"/{name}",
            code="below_floor",
            message=f"the common floor is {getattr(floor, name)}",
        )
        for name in less
    ]


async def propose(session: AsyncSession, caller: Caller, new: ProcedureIn) -> dict[str, Any]:
    """Propose a version. Raises ProcedureBelowFloor with what is too little; RoleLacksRight."""
    policy.require_writable(
        policy.can(caller, "approve", policy.Resource("DEBAR_CASE", caller.agency_id))
    )
    floor = CODES.procedure_floor
    given = new.model_dump(exclude_none=True)
    terms = {name: given.get(name, getattr(floor, name)) for name in TERMS}
    if wrong := below_floor(terms, floor):
        raise errors.ProcedureBelowFloor(errors=wrong)
    procedure_id = new_id()
    # Two at once: the unique number refuses the second with a conflict, to be sent again.
    number = await queries.last_number(session, caller.agency_id) + 1
    await session.execute(
        insert(SanctionProcedure)
        .values(
            id=procedure_id,
            agency_id=caller.agency_id,
            number=number,
            effective_from=new.effective_from,
            legal_basis=new.legal_basis,
            appeal_body=new.appeal_body,
            proposed_by=caller.require_person().id,
            **terms,
        )
        .inline()
    )
    subject = audit.Subject(procedure_id, caller.agency_id)
    await audit.record(session, caller, Event.PROCEDURE_PROPOSED, subject, number=number)
    return await get(session, procedure_id)


async def get(session: AsyncSession, procedure_id: UUID) -> dict[str, Any]:
    """A procedure as it is served. Raises ProcedureNotFound."""
    procedure = await queries.find_procedure(session, procedure_id)
    if procedure is None:
        raise errors.ProcedureNotFound
    codes = await agencies.codes_by_id(session)
    return wire(procedure, codes.get(procedure.agency_id) if procedure.agency_id else None)


def wire(procedure: SanctionProcedure, agency: str | None) -> dict[str, Any]:
    """A procedure as ProcedureOut needs it."""
    names = ProcedureOut.model_fields.keys() - {"agency"}
    return {name: getattr(procedure, name) for name in names} | {"agency": agency}


async def approve(
    session: AsyncSession,
    caller: Caller,
    procedure_id: UUID,
    version: int,
    decision: ProcedureDecisionIn,
    now: datetime,
) -> dict[str, Any]:
    """A second person of the agency decides; an approved version never changes.

    Raises ProcedureNotFound (also for another agency's), ProcedureDecided, SamePerson,
    PreconditionFailed or RoleLacksRight.
    """
    own = policy.Resource("DEBAR_CASE", caller.agency_id)
    policy.require_writable(policy.can(caller, "approve", own))
    seen = await queries.find_procedure(session, procedure_id)
    if seen is None or seen.agency_id != caller.agency_id:
        raise errors.ProcedureNotFound
    # What is decided is nobody's to hold any more.
    procedure = await queries.find_procedure(session, procedure_id, lock=True)
    if procedure is None or procedure.state != "proposed":
        raise errors.ProcedureDecided
    if procedure.version != version:
        raise PreconditionFailed
    person = caller.require_person()
    if person.id == procedure.proposed_by:
        raise errors.SamePerson
    procedure.state = "approved" if decision.decision == "approve" else "refused"
    procedure.decided_by = person.id
    procedure.decided_at = now
    procedure.version += 1
    await session.flush()
    subject = audit.Subject(procedure.id, caller.agency_id)
    about: dict[str, Any] = {"version": procedure.version, "state": procedure.state}
    await audit.record(session, caller, Event.PROCEDURE_DECIDED, subject, **about)
    await events.publish(
        session,
        EventType.SANCTION_PROCEDURE_DECIDED,
        procedure.id,
        caller.agency_id,
        state=procedure.state,
    )
    return await get(session, procedure.id)


async def procedure_of(session: AsyncSession, case: SanctionCase) -> SanctionProcedure:
    """The procedure that a case is bound to. Raises StepOutOfOrder before its first notice."""
    if case.procedure_id is None:
        raise errors.StepOutOfOrder
    procedure = await queries.find_procedure(session, case.procedure_id)
    assert procedure is not None
    return procedure
