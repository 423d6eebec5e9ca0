"""Settings of agencies with effective dates. A key stands here, with what may stand in it.

A key is registered together with the code that asks for it by `value`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    Field,
    StrictInt,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)
from sqlalchemy import func, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies import facts, queries, service
from app.agencies.errors import SettingDateInvalid, SettingNotFound
from app.agencies.models import AgencySetting
from app.agencies.schemas import SettingIn
from app.audit.events import Event
from app.auth.caller import Caller
from app.core.errors import FieldError, InvalidRequest, violated_constraint
from app.core.http import PreconditionFailed

ACCEPT_NOT_A_MATCH = "accept_not_a_match"
DEFAULT_SHARE_MONTHS = "default_share_months"
ELIGIBLE_PARTNER_TYPES = "eligible_partner_types"
FACTS_IN_CLEARANCES = "facts_in_clearances"
UNUSUAL_READING_RECORDS = "unusual_reading_records"
_TAKEN = ("pk_agency_settings", "ex_agency_settings_no_overlap")
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Key:
    """What a setting is called, what it may hold, and what holds until an agency sets it."""

    title: str
    type: TypeAdapter[Any]
    default: Any


KEYS: dict[str, Key] = {
    ACCEPT_NOT_A_MATCH: Key(
        "Whose finding that a potential list match is none the agency takes over: all, none, or "
        "the agencies with these codes",
        TypeAdapter(
            Literal["all", "none"]
            | Annotated[
                list[Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{1,15}$")]],
                Field(min_length=1, max_length=60),
            ]
        ),
        "none",
    ),
    DEFAULT_SHARE_MONTHS: Key(
        "Months that a share of an assessment lasts when its giver names no end",
        TypeAdapter(Annotated[StrictInt, Field(ge=1, le=60)]),
        12,
    ),
    ELIGIBLE_PARTNER_TYPES: Key(
        "Partner types that are normally vendors and that the agency takes as partners",
        TypeAdapter(Annotated[list[Literal["PRIVATE_FP"]], Field(max_length=1)]),
        [],
    ),
    FACTS_IN_CLEARANCES: Key(
        "How RESTRICTED facts of the agency count in others' clearances: named, consult or "
        "not_counted, by kind of fact or assessment type; what is left out counts as by default",
        TypeAdapter(
            Annotated[dict[str, facts.Counted], Field(max_length=60), AfterValidator(facts.known)]
        ),
        facts.FACTS.facts,
    ),
    UNUSUAL_READING_RECORDS: Key(
        "Assessments of the agency whose detail one client of another agency may read within 24 "
        "hours before that counts as unusual",
        TypeAdapter(Annotated[StrictInt, Field(ge=1, le=100_000)]),
        50,
    ),
}


async def value(session: AsyncSession, agency_id: UUID, key: str, today: date) -> Any:
    """The value in effect today for the agency the transaction is bound to, else the default."""
    row = await queries.setting_on(session, agency_id, key, today)
    return KEYS[key].default if row is None else row.value


async def read(session: AsyncSession, agency_id: UUID, key: str, today: date) -> dict[str, Any]:
    """A setting as SettingOut shows it. Raises SettingNotFound."""
    known = KEYS.get(key)
    if known is None:
        raise SettingNotFound
    row = await queries.setting_on(session, agency_id, key, today)
    return {
        "key": key,
        "title": known.title,
        "value": known.default if row is None else row.value,
        "default": known.default,
        "effective_from": row.effective_from if row else None,
        "effective_to": row.effective_to if row else None,
        "version": await queries.setting_version(session, agency_id, key),
    }


async def put(
    session: AsyncSession,
    caller: Caller,
    code: str,
    key: str,
    version: int,
    new: SettingIn,
    today: date,
) -> dict[str, Any]:
    """Set a value of the own agency from a day on; what is past stays as it was.

    Raises PersonRequired, AgencyNotFound, SettingNotFound, InvalidRequest, SettingDateInvalid or
    PreconditionFailed.
    """
    agency_id = service.administered(caller, code)
    known = KEYS.get(key)
    if known is None:
        raise SettingNotFound
    try:
        wanted = known.type.validate_python(new.value)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        why = FieldError(pointer="/value", code=first["type"], message=first["msg"])
        raise InvalidRequest(errors=[why]) from None
    start = new.effective_from or today
    if start < today or (new.effective_to is not None and new.effective_to < start):
        raise SettingDateInvalid
    if await queries.setting_version(session, agency_id, key) != version:
        raise PreconditionFailed
    await _make_room(session, agency_id, key, start, new.effective_to)
    row = AgencySetting(
        agency_id=agency_id,
        key=key,
        version=version + 1,
        value=wanted,
        effective_from=start,
        effective_to=new.effective_to,
        set_by=caller.require_person().id,
    )
    try:
        async with session.begin_nested():
            session.add(row)
    except IntegrityError as error:
        # The key decides which of two that read the same version was first.
        if violated_constraint(error) not in _TAKEN:
            raise
        raise PreconditionFailed from error
    await service.note(session, caller, Event.SETTING_CHANGED, key=key, version=version + 1)
    return await read(session, agency_id, key, today)


async def _make_room(
    session: AsyncSession, agency_id: UUID, key: str, start: date, end: date | None
) -> None:
    """End what runs into the new period on the eve of it; overtake what begins inside it."""
    live = (
        AgencySetting.agency_id == agency_id,
        AgencySetting.key == key,
        AgencySetting.superseded_at.is_(None),
    )
    open_on_start = (AgencySetting.effective_to.is_(None)) | (AgencySetting.effective_to >= start)
    inside = [AgencySetting.effective_from >= start]
    if end is not None:
        inside.append(AgencySetting.effective_from <= end)
    for conditions, values in (
        ([AgencySetting.effective_from < start, open_on_start], {"effective_to": start - _ONE_DAY}),
        (inside, {"superseded_at": func.now()}),
    ):
        await session.execute(
            update(AgencySetting)
            .where(*live, *conditions)
            .values(**values)
            .execution_options(synchronize_session=False)
        )
