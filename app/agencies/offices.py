"""Offices of an agency: a tree from headquarters to countries. In the caller's transaction.

The tables keep the tree whole (trigger ``offices_tree``, one open headquarters); their refusals
become errors by `explained`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies import queries, service
from app.agencies.errors import OfficeNotFound, ParentUnfit, PatchEmpty, explained
from app.agencies.models import Office
from app.agencies.schemas import OfficeIn, OfficePatch
from app.audit.events import Event
from app.auth.caller import Caller
from app.core.errors import FieldError, InvalidRequest
from app.core.http import PreconditionFailed
from app.core.ids import new_id

_COUNTRIES = {"hq": (0, 0), "region": (0, 100), "multi_country": (2, 100), "country": (1, 1)}
"""How many countries an office of a kind has: fewest and most."""


def _countries(kind: str, countries: Sequence[str]) -> list[str]:
    found = sorted(set(countries))
    fewest, most = _COUNTRIES[kind]
    if not fewest <= len(found) <= most:
        message = f"an office of kind {kind} has {fewest} to {most} countries"
        raise InvalidRequest(
            errors=[FieldError(pointer="/countries", code="value_error", message=message)]
        )
    return found


async def open_office(session: AsyncSession, caller: Caller, code: str, new: OfficeIn) -> Office:
    """Open an office of the own agency.

    Raises PersonRequired, AgencyNotFound, InvalidRequest, ParentUnfit, OfficeCodeTaken or
    HeadOfficeExists.
    """
    agency_id = service.administered(caller, code)
    if (new.kind == "hq") != (new.parent_id is None):
        raise ParentUnfit
    row = Office(
        id=new_id(),
        agency_id=agency_id,
        code=new.code,
        name=new.name,
        kind=new.kind,
        parent_id=new.parent_id,
        countries=_countries(new.kind, new.countries),
        active=True,
        version=1,
    )
    async with explained(session):
        session.add(row)
    await service.note(session, caller, Event.OFFICE_CREATED, office=str(row.id))
    await session.refresh(row)
    return row


async def change_office(
    session: AsyncSession,
    caller: Caller,
    code: str,
    office_id: UUID,
    version: int,
    patch: OfficePatch,
) -> Office:
    """Rename, move, close or reopen an office of the own agency.

    Raises PersonRequired, AgencyNotFound, OfficeNotFound, PreconditionFailed, PatchEmpty,
    InvalidRequest, ParentUnfit, HeadOfficeExists or OfficesOpenBelow.
    """
    agency_id = service.administered(caller, code)
    row = await queries.find_office(session, agency_id, office_id)
    if row is None:
        raise OfficeNotFound
    if row.version != version:
        raise PreconditionFailed
    fields: dict[str, Any] = {name: getattr(patch, name) for name in patch.model_fields_set}
    if not fields:
        raise PatchEmpty
    if "countries" in fields:
        fields["countries"] = _countries(row.kind, fields["countries"])
    if "parent_id" in fields and (row.kind == "hq") != (fields["parent_id"] is None):
        raise ParentUnfit
    async with explained(session):
        for name, value in fields.items():
            setattr(row, name, value)
        row.version = version + 1
    await service.note(
        session, caller, Event.OFFICE_CHANGED, office=str(row.id), fields=sorted(fields)
    )
    return row
