"""Use cases of observations and flags. Works inside the caller's transaction, never commits.

A kind never changes but by a step: an escalated yellow flag that headquarters confirms is red.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.audit.exceptions import withholding
from app.audit.exceptions.errors import SecondPersonRequired
from app.audit.exceptions.schemas import WithholdingIn
from app.auth import policy
from app.auth.caller import Caller
from app.core.clock import add_months
from app.core.crypto import KeyRing
from app.core.errors import FieldError, InvalidRequest
from app.core.http import PreconditionFailed
from app.core.ids import new_secret_id
from app.partners import restraints
from app.partners.flags import moves, queries, texts
from app.partners.flags.codes import CODES
from app.partners.flags.errors import (
    AlreadyEscalated,
    AlreadyRenewed,
    FlagNotFound,
    FlagStateUnfit,
    OfficeRequired,
    ReviewDateInvalid,
)
from app.partners.flags.models import PartnerFlag, PartnerFlagText
from app.partners.flags.schemas import FlagDecisionIn, FlagFilter, FlagIn, ReviewIn
from app.partners.objections.contested import contested
from app.partners.public_authority import GovernmentEntity, names_public_authority
from app.partners.restraints import Reason
from app.partners.service import visible_partner

_STANDING = ("open", "escalated", "deferred", "confirmed")


async def make(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    partner_id: UUID,
    new: FlagIn,
    now: datetime,
) -> dict[str, Any]:
    """Make an observation or flag.

    A red one locks the partner at once; it is the headquarters unit's alone, here as everywhere.
    Raises PartnerNotFound, PersonRequired, ScopeMissing, RoleRequired, RoleLacksRight,
    GovernmentEntity, ReviewDateInvalid or InvalidRequest.
    """
    partner = await visible_partner(session, caller, partner_id)
    person = caller.require_person()
    resource = policy.Resource("FLAG_TEXT", caller.agency_id, country=partner.country)
    policy.require_writable(policy.can(caller, "create", resource))
    red = new.kind == "RED"
    if red:
        moves.headquarters(caller)
        if names_public_authority(partner):
            raise GovernmentEntity
    if new.factual_basis.on > now.date():
        raise InvalidRequest(
            errors=[
                FieldError(
                    pointer="/factual_basis/on", code="value_error", message="lies in the future"
                )
            ]
        )
    flag = PartnerFlag(id=new_secret_id(), partner_id=partner_id, owner_agency=caller.agency_id)
    values: dict[str, Any] = {
        "office": person.office,
        "author": person.id,
        "kind": new.kind,
        "state": "confirmed" if red else "open",
        "review_by": _review(new.review_by, now),
        **new.model_dump(include=_GIVEN),
    }
    if red:
        values |= {"decided_by": person.id, "decided_at": now, "until": moves.red_until(now)}
    fixed = {"id": flag.id, "partner_id": partner_id, "owner_agency": flag.owner_agency}
    async with moves.explained():
        await session.execute(insert(PartnerFlag).values(fixed | values).inline())
    sealed = await texts.seal_text(session, keyring, flag.id, flag.owner_agency, new)
    await session.execute(
        insert(PartnerFlagText)
        .values(flag_id=flag.id, owner_agency=flag.owner_agency, sealed=sealed)
        .inline()
    )
    await moves.note_step(session, keyring, flag, "made", person)
    if red:
        await _lock(session, flag, values["until"])
    if new.withhold is not None:
        mark = WithholdingIn(subject_kind="flag", subject_id=flag.id, **new.withhold.model_dump())
        await withholding.withhold(session, keyring, caller, mark, now)
    await moves.tell(session, caller, Event.FLAG_MADE, flag, new.kind, values["state"])
    return await get_flag(session, caller, partner_id, flag.id)


_GIVEN = {"category", "risk_category", "contact_office", "contact_email", "partner_visible"}


def _review(day: Any, now: datetime) -> Any:
    """The review date: the one given, else the default. Raises ReviewDateInvalid."""
    if day is None:
        return add_months(now.date(), CODES.periods.review_months)
    if not now.date() < day <= add_months(now.date(), CODES.periods.longest_review_months):
        raise ReviewDateInvalid
    return day


async def _lock(session: AsyncSession, flag: Any, until: datetime) -> None:
    await restraints.put(
        session,
        flag.partner_id,
        Reason.RED_FLAG,
        moves.source(flag.id),
        by=flag.owner_agency,
        until=until,
    )


async def escalate(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    partner_id: UUID,
    flag_id: UUID,
    comment: str,
) -> dict[str, Any]:
    """Send a yellow flag to headquarters, once in its life.

    The author's office may, whoever wrote it, and the headquarters unit itself. Raises
    PartnerNotFound, FlagNotFound, AlreadyEscalated, FlagStateUnfit or OfficeRequired.
    """
    row = await moves.own_flag(session, caller, partner_id, flag_id)
    person = caller.require_person()
    if row.escalated_once:
        raise AlreadyEscalated
    if row.kind != "YELLOW" or row.state != "open":
        raise FlagStateUnfit
    if person.office != row.office and moves.HEADQUARTERS not in caller.roles:
        raise OfficeRequired
    await moves.move(session, row, state="escalated", escalated_once=True, escalated_by=person.id)
    await moves.note_step(session, keyring, row, "escalated", person, comment)
    await moves.tell(session, caller, Event.FLAG_ESCALATED, row, "YELLOW", "escalated")
    return await get_flag(session, caller, partner_id, flag_id)


async def decide(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    partner_id: UUID,
    flag_id: UUID,
    version: int,
    decision: FlagDecisionIn,
    now: datetime,
) -> dict[str, Any]:
    """Headquarters confirms an escalated flag (red, the partner is locked) or defers it.

    Raises PartnerNotFound, FlagNotFound, ScopeMissing, RoleRequired, PreconditionFailed,
    FlagStateUnfit, SecondPersonRequired or GovernmentEntity.
    """
    person = moves.headquarters(caller)
    row = await moves.own_flag(session, caller, partner_id, flag_id)
    if row.version != version:
        raise PreconditionFailed
    if row.state != "escalated":
        raise FlagStateUnfit
    if person.id in (row.escalated_by, row.author):
        raise SecondPersonRequired
    decided = {"decided_by": person.id, "decided_at": now}
    if decision.decision == "confirm":
        until = moves.red_until(now)
        await moves.move(session, row, kind="RED", state="confirmed", until=until, **decided)
        await _lock(session, row, until)
        kind, state = "RED", "confirmed"
    else:
        await moves.move(session, row, state="deferred", **decided)
        kind, state = "YELLOW", "deferred"
    await moves.note_step(session, keyring, row, state, person, decision.reason)
    await moves.tell(session, caller, Event.FLAG_DECIDED, row, kind, state)
    return await get_flag(session, caller, partner_id, flag_id)


async def invalidate(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    partner_id: UUID,
    flag_id: UUID,
    comment: str,
) -> dict[str, Any]:
    """The owner says that its flag does not stand: hidden from others at once, its lock lifted.

    What headquarters decided, headquarters takes back. Raises PartnerNotFound, FlagNotFound,
    FlagStateUnfit, ScopeMissing or RoleRequired.
    """
    row = await moves.own_flag(session, caller, partner_id, flag_id)
    if row.state not in _STANDING:
        raise FlagStateUnfit
    if row.kind == "RED":
        moves.headquarters(caller)
    await _invalid(session, keyring, caller, row, comment)
    return await get_flag(session, caller, partner_id, flag_id)


async def invalidate_contested(
    session: AsyncSession, keyring: KeyRing, caller: Caller, flag_id: UUID, comment: str
) -> None:
    """As `invalidate`, of an own flag to which an objection was upheld; over, it stays so."""
    row = await queries.lock_own(session, flag_id)
    if row is None:
        raise FlagNotFound
    if row.state in _STANDING:
        await _invalid(session, keyring, caller, row, comment)


async def _invalid(
    session: AsyncSession, keyring: KeyRing, caller: Caller, row: Any, comment: str
) -> None:
    person = caller.require_person()
    await moves.move(session, row, state="invalid", closed_by=person.id, closed_at=func.now())
    # Its own restraint alone: what else holds the partner back stays in force.
    await restraints.lift(session, moves.source(row.id))
    await moves.note_step(session, keyring, row, "invalidated", person, comment)
    await moves.tell(session, caller, Event.FLAG_INVALIDATED, row, row.kind, "invalid")


async def renew(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    partner_id: UUID,
    flag_id: UUID,
    comment: str,
    now: datetime,
) -> dict[str, Any]:
    """Another person of headquarters gives a red flag one second period, from now.

    Raises PartnerNotFound, FlagNotFound, ScopeMissing, RoleRequired, FlagStateUnfit,
    AlreadyRenewed or SecondPersonRequired.
    """
    person = moves.headquarters(caller)
    row = await moves.own_flag(session, caller, partner_id, flag_id)
    if row.kind != "RED" or row.state != "confirmed" or row.until <= now:
        raise FlagStateUnfit
    if row.renewed_by is not None:
        raise AlreadyRenewed
    if row.decided_by == person.id:
        raise SecondPersonRequired
    until = moves.red_until(now)
    await moves.move(session, row, until=until, renewed_by=person.id, renewed_at=now)
    await restraints.prolong(session, moves.source(row.id), Reason.RED_FLAG, until)
    await moves.note_step(session, keyring, row, "renewed", person, comment)
    await moves.tell(session, caller, Event.FLAG_RENEWED, row, "RED", "confirmed")
    return await get_flag(session, caller, partner_id, flag_id)


async def review(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    partner_id: UUID,
    flag_id: UUID,
    done: ReviewIn,
    now: datetime,
) -> dict[str, Any]:
    """The owner looked at the flag, which stays until it is looked at again.

    Raises PartnerNotFound, FlagNotFound, FlagStateUnfit or ReviewDateInvalid.
    """
    row = await moves.own_flag(session, caller, partner_id, flag_id)
    if row.state not in _STANDING:
        raise FlagStateUnfit
    values: dict[str, Any] = {"review_by": _review(done.review_by, now)}
    if done.partner_visible is not None:
        values["partner_visible"] = done.partner_visible
    await moves.move(session, row, **values)
    await moves.note_step(session, keyring, row, "reviewed", caller.require_person(), done.comment)
    await moves.tell(session, caller, Event.FLAG_REVIEWED, row, row.kind, row.state)
    return await get_flag(session, caller, partner_id, flag_id)


async def replace_by_case(
    session: AsyncSession, caller: Caller, flag_id: UUID, case_id: UUID
) -> None:
    """A sanction case takes the place of an own red flag, whose lock ends with it.

    For the feature of sanctions, in the transaction of its own measure. Raises FlagNotFound or
    FlagStateUnfit.
    """
    row = await queries.lock_own(session, flag_id)
    if row is None:
        raise FlagNotFound
    if row.kind != "RED" or row.state != "confirmed":
        raise FlagStateUnfit
    await moves.move(session, row, state="lapsed", closed_at=func.now(), replaced_by=case_id)
    await restraints.lift(session, moves.source(row.id))
    await moves.note_step(session, None, row, "replaced", caller.person)
    await moves.tell(session, caller, Event.FLAG_LAPSED, row, "RED", "lapsed", case=str(case_id))


async def get_flag(
    session: AsyncSession, caller: Caller, partner_id: UUID, flag_id: UUID
) -> dict[str, Any]:
    """One flag on a profile, without its text. Raises PartnerNotFound or FlagNotFound."""
    await visible_partner(session, caller, partner_id)
    row = await queries.read_flag(session, partner_id, flag_id)
    if row is None:
        raise FlagNotFound
    return (await wire(session, [row]))[0]


async def list_flags(
    session: AsyncSession,
    caller: Caller,
    partner_id: UUID,
    filters: FlagFilter,
    after: tuple[datetime, UUID] | None,
) -> list[Any]:
    """One row more than a page of the flags on a profile, newest first. Raises PartnerNotFound."""
    await visible_partner(session, caller, partner_id)
    wanted = {
        "kind": filters.kind,
        "state": filters.state,
        "owner": caller.agency_id if filters.mine else None,
        "after_at": after[0] if after else None,
        "after_id": after[1] if after else None,
    }
    return list(await queries.list_flags(session, partner_id, wanted, filters.limit + 1))


async def wire(session: AsyncSession, rows: list[Any]) -> list[dict[str, Any]]:
    """Rows of the queries as FlagOut needs them."""
    objections = await contested(session, "flag", [row.id for row in rows])
    return [
        {name: value for name, value in row._mapping.items() if name != "owner_id"}
        | {"contested": objections.get(row.id)}
        for row in rows
    ]


async def told(
    session: AsyncSession, caller: Caller, after: tuple[datetime, UUID] | None, limit: int
) -> list[Any]:
    """One row more than a page of the flags that the calling partner is told of."""
    assert caller.partner_id is not None
    return list(await queries.told(session, caller.partner_id, after, limit + 1))


async def told_wire(
    session: AsyncSession, keyring: KeyRing, caller: Caller, rows: list[Any]
) -> list[dict[str, Any]]:
    """Those rows as SelfFlagOut needs them. Each text that the partner reads is in the log."""
    objections = await contested(session, "flag", [row.id for row in rows])
    shown = []
    for row in rows:
        opened = None
        if row.sealed is not None:
            opened = await texts.open_text(session, keyring, row)
            subject = audit.Subject(row.id, row.owner_id, row.partner_id)
            await audit.record(session, caller, Event.FLAG_TEXT_READ, subject, basis="self")
        shown.append(
            {
                "id": row.id,
                "inherited_from": row.inherited_from,
                "kind": row.kind,
                "state": row.state,
                "category": row.category,
                "agency": row.owner_agency,
                "contact_office": row.contact_office,
                "contact_email": row.contact_email,
                "since": row.made_at,
                "until": row.until,
                "text": opened and opened["text"],
                "contested": objections.get(row.id),
            }
        )
    return shown
