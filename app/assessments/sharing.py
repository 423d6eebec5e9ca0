"""Shares: the owner lets another agency read, and takes it back. Never commits."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, insert, text, update
from sqlalchemy.dialects.postgresql import insert as insert_or
from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies import service as agencies
from app.agencies import settings
from app.assessments import access, queries
from app.assessments.errors import (
    NotShareable,
    SharedWithSelf,
    ShareExists,
    ShareNotFound,
    SharePeriodInvalid,
)
from app.assessments.models import AssessmentAcl, AssessmentShare
from app.assessments.sharing_schemas import ShareIn
from app.assessments.terms import Basis, opened, seal_note
from app.audit import service as audit
from app.audit.events import Event
from app.auth.caller import Caller
from app.auth.roles import check_roles
from app.core.clock import add_months
from app.core.crypto import KeyRing
from app.core.ids import new_id
from app.events import service as events
from app.events.catalogue import EventType


@dataclass(frozen=True, slots=True)
class Terms:
    """What a share lets whom do."""

    shared_with: UUID
    level: str
    purpose: str
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    access_request_id: UUID | None = None
    roles: tuple[str, ...] = ()
    basis: Basis = field(default_factory=Basis)
    note: str | None = None


async def share(
    session: AsyncSession, keyring: KeyRing, caller: Caller, assessment_id: UUID, new: ShareIn
) -> dict[str, Any]:
    """Let another agency read the caller's assessment, for one purpose and a period.

    Raises PersonRequired, AssessmentNotFound (a stranger's too), RoleLacksRight, AgencyUnknown,
    and what `give` raises.
    """
    caller.require_person()
    row = await access.owned(session, caller, assessment_id, "share")
    recipient = await agencies.recipient(session, new.shared_with)
    terms = Terms(
        recipient.id,
        new.level,
        new.purpose.value,
        new.valid_from,
        new.valid_until,
        roles=tuple(new.roles),
        basis=Basis.of(new),
        note=new.note,
    )
    share_id = await give(session, keyring, caller, row, terms)
    return await opened(
        session, keyring, "assessment_shares", await queries.read_share(session, share_id)
    )


async def give(
    session: AsyncSession, keyring: KeyRing, caller: Caller, row: Any, terms: Terms
) -> UUID:
    """Store a share of the caller's own assessment, ``row`` of `queries.lock_owned`.

    Raises NotShareable, SharedWithSelf, RoleUnknown, SharePeriodInvalid or ShareExists. Takes
    effect, and is told to the recipient, with the transaction.
    """
    if row.level == "AGENCY_ONLY" or row.status not in ("final", "superseded") or row.redacted:
        raise NotShareable
    if terms.shared_with == caller.agency_id:
        raise SharedWithSelf
    check_roles(terms.roles)
    months = await settings.value(
        session, caller.agency_id, settings.DEFAULT_SHARE_MONTHS, row.now.date()
    )
    start, end = _period(row, terms, months)
    await _end_expired(session, row, terms)
    share_id = await _insert_share(session, keyring, caller, row, terms, (start, end))
    await session.execute(
        insert(AssessmentAcl).values(
            agency_id=terms.shared_with,
            record_id=row.id,
            share_id=share_id,
            owner_agency=caller.agency_id,
            level=terms.level,
            purpose=terms.purpose,
            valid_from=start,
            valid_to=end,
        )
    )
    about: dict[str, Any] = {
        "share_id": str(share_id),
        "shared_with": str(terms.shared_with),
        "level": terms.level,
        "roles": sorted(set(terms.roles)),
        "legal_basis": terms.basis.legal_basis,
    }
    await audit.record(
        session, caller, Event.SHARE_GIVEN, _subject(row), purpose=terms.purpose, **about
    )
    await events.publish(
        session,
        EventType.ASSESSMENT_SHARED,
        row.id,
        caller.agency_id,
        purpose=terms.purpose,
        **about,
    )
    return share_id


def _period(row: Any, terms: Terms, months: int) -> tuple[datetime, datetime]:
    # By the database's clock, which is the one that row security asks.
    start: datetime = terms.valid_from or row.now
    last_day = min(add_months(start.date(), months), row.valid_until)
    if last_day < start.date():
        # The result has expired; the owner may still show it.
        last_day = add_months(start.date(), months)
    end = terms.valid_until or _end_of(last_day)
    if end <= start or end <= row.now:
        raise SharePeriodInvalid
    return start, end


def _end_of(day: Any) -> datetime:
    return datetime.combine(day, time(), UTC) + timedelta(days=1, seconds=-1)


async def _end_expired(session: AsyncSession, row: Any, terms: Terms) -> None:
    await session.execute(
        update(AssessmentShare)
        .where(
            AssessmentShare.assessment_id == row.id,
            AssessmentShare.shared_with == terms.shared_with,
            AssessmentShare.purpose == terms.purpose,
            AssessmentShare.active,
            AssessmentShare.valid_until <= row.now,
        )
        .values(active=False)
        .execution_options(synchronize_session=False)
    )


async def _insert_share(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    row: Any,
    terms: Terms,
    period: tuple[datetime, datetime],
) -> UUID:
    share_id = new_id()
    note = await seal_note(
        session, keyring, "assessment_shares", share_id, caller.agency_id, terms.note
    )
    # The index decides who is first when the same share is given twice at once.
    given = await session.execute(
        insert_or(AssessmentShare)
        .values(
            id=share_id,
            assessment_id=row.id,
            owner_agency=caller.agency_id,
            shared_with=terms.shared_with,
            level=terms.level,
            purpose=terms.purpose,
            valid_from=period[0],
            valid_until=period[1],
            created_by_person=caller.require_person().id,
            created_by_client=caller.client_id,
            access_request_id=terms.access_request_id,
            roles=sorted(set(terms.roles)),
            sealed_note=note,
            **terms.basis.columns,
        )
        .on_conflict_do_nothing(
            index_elements=["assessment_id", "shared_with", "purpose"],
            index_where=text("active"),
        )
        .returning(AssessmentShare.id)
    )
    if given.scalar_one_or_none() is None:
        raise ShareExists
    return share_id


def _subject(row: Any) -> audit.Subject:
    return audit.Subject(row.id, owner_agency=row.owner_id, partner_id=row.partner_id)


async def revoke(
    session: AsyncSession, caller: Caller, assessment_id: UUID, share_id: UUID
) -> None:
    """Take a share back; it holds from the next request on.

    Raises PersonRequired, RoleLacksRight, or ShareNotFound when the caller gave no such share or
    it has ended.
    """
    person = caller.require_person()
    row = await access.owned(session, caller, assessment_id, "share", ShareNotFound)
    revoked = await session.execute(
        update(AssessmentShare)
        .where(
            AssessmentShare.id == share_id,
            AssessmentShare.assessment_id == assessment_id,
            AssessmentShare.active,
        )
        .values(active=False, revoked_at=row.now, revoked_by=person.id)
        .execution_options(synchronize_session=False)
        .returning(AssessmentShare.shared_with, AssessmentShare.purpose)
    )
    share_row = revoked.one_or_none()
    if share_row is None:
        raise ShareNotFound
    await session.execute(
        delete(AssessmentAcl)
        .where(AssessmentAcl.record_id == assessment_id, AssessmentAcl.share_id == share_id)
        .execution_options(synchronize_session=False)
    )
    about = {"share_id": str(share_id), "shared_with": str(share_row.shared_with)}
    await audit.record(
        session, caller, Event.SHARE_REVOKED, _subject(row), purpose=share_row.purpose, **about
    )
    await events.publish(session, EventType.SHARE_REVOKED, row.id, caller.agency_id, **about)


async def list_shares(
    session: AsyncSession, caller: Caller, assessment_id: UUID, after: UUID | None, limit: int
) -> list[Any]:
    """Shares of a readable assessment that the caller gave or got, newest first.

    Raises AssessmentNotFound.
    """
    await access.readable(session, caller, assessment_id)
    return list(await queries.list_shares(session, assessment_id, after, limit))
