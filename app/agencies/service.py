"""Use cases of agencies. Works inside the caller's transaction."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import insert, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies import queries
from app.agencies.errors import (
    AgencyNotFound,
    AgencyUnknown,
    FocalPointNotFound,
    PatchEmpty,
    explained,
)
from app.agencies.models import Agency, AgencySignatory, FocalPoint
from app.agencies.schemas import FocalPointIn, FocalPointPatch, MutualRecognition, ProfilePatch
from app.audit import service as audit
from app.audit.events import Event
from app.auth.caller import Caller
from app.core.errors import FieldError, InvalidRequest
from app.core.http import PreconditionFailed
from app.core.ids import new_id
from app.events import service as events
from app.events.catalogue import EventType


async def get_agency(session: AsyncSession, code: str) -> Any:
    """The public profile of the agency with this code. Raises AgencyNotFound."""
    agency = await queries.find_profile(session, code)
    if agency is None:
        raise AgencyNotFound
    return agency


async def recipient(session: AsyncSession, code: str) -> Agency:
    """The active agency a body names. Raises AgencyUnknown."""
    agency = await queries.find_agency(session, code)
    if agency is None or agency.status != "active":
        raise AgencyUnknown
    return agency


async def active_by_code(session: AsyncSession) -> dict[str, UUID]:
    """Id of every active agency by its code."""
    return await queries.active_by_code(session)


async def codes_by_id(session: AsyncSession) -> dict[UUID, str]:
    """Code of every agency by its id."""
    return await queries.codes_by_id(session)


def administered(caller: Caller, code: str) -> UUID:
    """Id of the caller's own agency, which a named person changes.

    Raises PersonRequired, or AgencyNotFound when ``code`` is another's.
    """
    caller.require_person()
    return own(caller, code)


def own(caller: Caller, code: str) -> UUID:
    """Id of the caller's own agency. Raises AgencyNotFound when ``code`` is another's."""
    if code != caller.agency_code:
        raise AgencyNotFound
    return caller.agency_id


async def note(session: AsyncSession, caller: Caller, event: Event, **detail: Any) -> None:
    """Write down a change of the caller's own agency, and tell of it."""
    subject = audit.Subject(caller.agency_id, owner_agency=caller.agency_id)
    await audit.record(session, caller, event, subject, **detail)
    await events.publish(
        session,
        EventType.AGENCY_CHANGED,
        caller.agency_id,
        caller.agency_id,
        what=event.value,
        **detail,
    )


# --------------------------------------------------------------------------------------- profile


async def change_profile(
    session: AsyncSession, caller: Caller, code: str, version: int, patch: ProfilePatch, today: date
) -> Any:
    """Apply a merge patch to the own profile of version ``version``.

    Raises PersonRequired, AgencyNotFound, PreconditionFailed, PatchEmpty or InvalidRequest.
    """
    agency_id = administered(caller, code)
    fields = {name: getattr(patch, name) for name in patch.model_fields_set}
    if not fields:
        raise PatchEmpty
    signature = fields.pop("mutual_recognition", None)
    if "mutual_recognition" in patch.model_fields_set:
        _check_signature(signature, today)
    if "eligible_partner_types" in fields:
        fields["eligible_partner_types"] = sorted(set(fields["eligible_partner_types"]))
    # The row is held from here on; of two patches at once the second finds another version.
    changed = await session.execute(
        update(Agency)
        .where(Agency.id == agency_id, Agency.version == version)
        .values(version=version + 1, **fields)
        .execution_options(synchronize_session=False)
        .returning(Agency.partner_unit, Agency.partner_unit_email)
    )
    row = changed.one_or_none()
    if row is None:
        raise PreconditionFailed
    if signature is not None:
        await _sign(session, caller, signature)
    await note(
        session,
        caller,
        Event.AGENCY_CHANGED,
        version=version + 1,
        fields=sorted(patch.model_fields_set),
    )
    return await get_agency(session, code)


def _check_signature(signature: MutualRecognition | None, today: date) -> None:
    if signature is None:
        raise _invalid("/mutual_recognition", "state signed_on null instead of removing it")
    if signature.signed_on is not None and signature.signed_on > today:
        raise _invalid("/mutual_recognition/signed_on", "must not lie in the future")


def _invalid(pointer: str, message: str) -> InvalidRequest:
    return InvalidRequest(errors=[FieldError(pointer=pointer, code="value_error", message=message)])


async def _sign(session: AsyncSession, caller: Caller, signature: MutualRecognition) -> None:
    # The agency's row is locked, so the next number is ours.
    newest = await session.scalar(
        text("SELECT coalesce(max(version), 0) FROM agency_signatories WHERE agency_id = :agency"),
        {"agency": caller.agency_id},
    )
    await session.execute(
        insert(AgencySignatory).values(
            agency_id=caller.agency_id,
            version=(newest or 0) + 1,
            set_by=caller.require_person().id,
            **dict(signature),
        )
    )


# ---------------------------------------------------------------------------------- focal points


async def add_focal_point(
    session: AsyncSession, caller: Caller, code: str, new: FocalPointIn
) -> FocalPoint:
    """Name a mailbox of the own agency for a subject.

    Raises PersonRequired, AgencyNotFound or OfficeUnknown.
    """
    agency_id = administered(caller, code)
    row = FocalPoint(id=new_id(), agency_id=agency_id, version=1, **dict(new))
    async with explained(session):
        session.add(row)
    await note(session, caller, Event.FOCAL_POINT_CREATED, focal_point=str(row.id))
    return row


async def change_focal_point(
    session: AsyncSession,
    caller: Caller,
    code: str,
    focal_point_id: UUID,
    version: int,
    patch: FocalPointPatch,
) -> FocalPoint:
    """Apply a merge patch to a focal point of the own agency.

    Raises PersonRequired, AgencyNotFound, FocalPointNotFound, PreconditionFailed,
    PatchEmpty, OfficeUnknown or LastFocalPoint.
    """
    agency_id = administered(caller, code)
    row = await queries.find_focal_point(session, agency_id, focal_point_id)
    if row is None:
        raise FocalPointNotFound
    if row.version != version:
        raise PreconditionFailed
    if not patch.model_fields_set:
        raise PatchEmpty
    async with explained(session):
        for name in patch.model_fields_set:
            setattr(row, name, getattr(patch, name))
        row.version = version + 1
    await note(session, caller, Event.FOCAL_POINT_CHANGED, focal_point=str(row.id))
    return row


async def remove_focal_point(
    session: AsyncSession, caller: Caller, code: str, focal_point_id: UUID
) -> None:
    """Take a focal point of the own agency away.

    Raises PersonRequired, AgencyNotFound, FocalPointNotFound or LastFocalPoint.
    """
    agency_id = administered(caller, code)
    row = await queries.find_focal_point(session, agency_id, focal_point_id)
    if row is None:
        raise FocalPointNotFound
    async with explained(session):
        await session.delete(row)
    await note(session, caller, Event.FOCAL_POINT_REMOVED, focal_point=str(focal_point_id))
