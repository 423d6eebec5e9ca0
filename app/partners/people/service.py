"""Use cases of the people of a profile. Never commits.

What was just written is not read back: only a reading for a stated purpose shows a person, and so
no stored answer of a write holds one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from pydantic_core import to_json
from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.audit.purposes import OWN_RECORD, StatedPurpose
from app.auth import policy
from app.auth.caller import Caller
from app.core.clock import utc_now
from app.core.crypto import KeyRing, partner_scope
from app.core.http import PreconditionFailed
from app.core.ids import new_secret_id
from app.events import service as events
from app.events.catalogue import EventType
from app.partners.custody import require_editable
from app.partners.errors import PartnerNotFound
from app.partners.models import Partner
from app.partners.people import blind, errors, queries
from app.partners.people.models import PartnerPerson
from app.partners.people.rules import NOTICES
from app.partners.people.schemas import PeopleFilter, PersonBody, PersonEnd, PersonIn, PersonPatch
from app.partners.purpose import stated_purpose
from app.partners.service import author, visible_partner

_BODY = set(PersonBody.model_fields)
_NEVER_EMPTY = frozenset({"full_name", "role", "authorised", "board_member"})
_COMPARED = _BODY | {"role", *blind.RULES["flags"]}
"""What decides whether, and as whom, somebody is compared with the lists."""


def seal_context(person_id: UUID, version: int, partner_id: UUID) -> str:
    """Encryption context of a body: moved to another entry or version, it stays shut."""
    return f"partner_people|{person_id}|{version}|{partner_id}"


async def _seal(
    session: AsyncSession,
    keyring: KeyRing,
    person_id: UUID,
    version: int,
    partner_id: UUID,
    body: PersonBody,
) -> bytes:
    plain = to_json(body.model_dump(mode="json", exclude_none=True))
    context = seal_context(person_id, version, partner_id)
    return await keyring.seal(session, partner_scope(), context, plain)


async def _open(session: AsyncSession, keyring: KeyRing, row: Any) -> dict[str, Any]:
    context = seal_context(row.id, row.sealed_version, row.partner_id)
    opened: dict[str, Any] = json.loads(await keyring.open(session, context, row.sealed))
    return opened


def entry(row: Any) -> dict[str, Any]:
    """A row of the queries as PersonEntry needs it."""
    hidden = ("sealed", "sealed_version", "adder")
    return {name: value for name, value in row._mapping.items() if name not in hidden}


async def found(session: AsyncSession, partner_id: UUID, person_id: UUID) -> Any:
    """An entry. Raises PersonEntryNotFound."""
    row = await queries.find_person(session, partner_id, person_id)
    if row is None:
        raise errors.PersonEntryNotFound
    return row


# ------------------------------------------------------------------------------------- reading


async def list_people(
    session: AsyncSession,
    caller: Caller,
    partner_id: UUID,
    filters: PeopleFilter,
    after: queries.After,
    purposes: Sequence[str],
) -> tuple[Sequence[Any], StatedPurpose | None]:
    """One row more than a page, oldest first, and the purpose; `disclose` shows the page.

    Raises PartnerNotFound, then PurposeRequired.
    """
    await _readable(session, caller, partner_id)
    stated = _stated(caller, purposes)
    rows = await queries.list_people(
        session, partner_id, filters.role, filters.ended, after, filters.limit + 1
    )
    return rows, stated


async def read_person(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    partner_id: UUID,
    person_id: UUID,
    purposes: Sequence[str],
) -> dict[str, Any]:
    """One entry with its person. Raises PartnerNotFound, PersonEntryNotFound, PurposeRequired."""
    await _readable(session, caller, partner_id)
    row = await found(session, partner_id, person_id)
    stated = _stated(caller, purposes)
    return (await disclose(session, keyring, caller, partner_id, [row], stated))[0]


async def _readable(session: AsyncSession, caller: Caller, partner_id: UUID) -> Partner:
    partner = await visible_partner(session, caller, partner_id)
    if caller.subject == "partner":
        return partner
    decision = policy.can(caller, "read", policy.Resource("PEOPLE", country=partner.country))
    policy.require_readable(decision, PartnerNotFound)
    return partner


def _stated(caller: Caller, purposes: Sequence[str]) -> StatedPurpose | None:
    """What the reader states; the partner need not. Raises PurposeRequired."""
    return None if caller.subject == "partner" else stated_purpose(purposes)


async def disclose(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    partner_id: UUID,
    rows: Sequence[Any],
    stated: StatedPurpose | None,
) -> list[dict[str, Any]]:
    """Entries with their persons; the log names every one of them, in the same transaction."""
    shown = []
    for row in rows:
        person = None if row.sealed is None else await _open(session, keyring, row)
        shown.append(entry(row) | {"person": person})
    await audit.record(
        session,
        caller,
        Event.PEOPLE_READ,
        audit.Subject(partner_id, partner_id=partner_id),
        purpose=stated.purpose if stated else OWN_RECORD,
        reference=stated.reference if stated else None,
        basis="role" if stated else "self",
        people=[str(row.id) for row in rows],
    )
    return shown


# ------------------------------------------------------------------------------------- writing


async def add_person(
    session: AsyncSession, keyring: KeyRing, caller: Caller, partner_id: UUID, new: PersonIn
) -> dict[str, Any]:
    """Add somebody, as the partner or on its behalf.

    Raises PartnerNotFound, EditsFrozen, OwnedByPartner or NoticeUnknown.
    """
    await _writable(session, caller, partner_id)
    if new.notice_version is not None and new.notice_version not in NOTICES:
        raise errors.NoticeUnknown
    person_id = new_secret_id()
    body = PersonBody(**new.model_dump(include=_BODY))
    values = new.model_dump(mode="python", exclude=_BODY) | {
        "id": person_id,
        "partner_id": partner_id,
        "role": new.role.value,
        "sealed": await _seal(session, keyring, person_id, 1, partner_id, body),
        "sealed_version": 1,
        "added_by": author(caller),
    }
    await session.execute(insert(PartnerPerson).values(values).inline())
    added = await found(session, partner_id, person_id)
    await blind.write_tokens(session, keyring, added._mapping, body.model_dump(), utc_now().date())
    await _tell(session, caller, Event.PERSON_ADDED, partner_id, person_id, 1)
    return entry(added)


async def _writable(session: AsyncSession, caller: Caller, partner_id: UUID) -> None:
    partner = await visible_partner(session, caller, partner_id)
    if caller.subject == "agency":
        resource = policy.Resource("PEOPLE_ON_BEHALF", country=partner.country)
        policy.require_writable(policy.can(caller, "create", resource), PartnerNotFound)
    await require_editable(session, caller, partner_id, hold=True)


async def _tell(
    session: AsyncSession,
    caller: Caller,
    event: Event,
    partner_id: UUID,
    person_id: UUID,
    version: int,
    **detail: Any,
) -> None:
    subject = audit.Subject(person_id, partner_id=partner_id)
    await audit.record(session, caller, event, subject, version=version, **detail)
    await events.publish(
        session,
        EventType.PARTNER_PEOPLE_CHANGED,
        partner_id,
        author(caller),
        person_id=str(person_id),
        version=version,
    )


async def change_person(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    partner_id: UUID,
    person_id: UUID,
    version: int,
    patch: PersonPatch,
) -> dict[str, Any]:
    """Apply a merge patch to version ``version``; what was before is kept, sealed.

    Raises as `add_person`, PersonEntryNotFound, PersonErased, PersonPatchInvalid or
    PreconditionFailed.
    """
    await _writable(session, caller, partner_id)
    row = await found(session, partner_id, person_id)
    if row.sealed is None:
        raise errors.PersonErased
    if row.version != version:
        raise PreconditionFailed
    given = patch.model_dump(exclude_unset=True)
    if not given or any(given.get(name, "") is None for name in _NEVER_EMPTY):
        raise errors.PersonPatchInvalid
    values = {name: value for name, value in given.items() if name not in _BODY}
    notice = {"notice_version": row.notice_version, "notice_given_on": row.notice_given_on} | values
    if (notice["notice_version"] is None) != (notice["notice_given_on"] is None):
        raise errors.PersonPatchInvalid
    if values.get("notice_version") is not None and values["notice_version"] not in NOTICES:
        raise errors.NoticeUnknown
    _check_period(values.get("valid_from", row.valid_from), row.valid_to)
    if given.keys() & _BODY:
        body = _merged(await _open(session, keyring, row), given)
        values["sealed"] = await _seal(session, keyring, row.id, version + 1, row.partner_id, body)
        values["sealed_version"] = version + 1
    await _update(session, row, version, values)
    changed = await found(session, partner_id, person_id)
    if given.keys() & _COMPARED:
        now_held = await _open(session, keyring, changed)
        await blind.write_tokens(session, keyring, changed._mapping, now_held, utc_now().date())
    fields = sorted(given)
    await _tell(
        session,
        caller,
        Event.PERSON_ENTRY_CHANGED,
        row.partner_id,
        row.id,
        version + 1,
        fields=fields,
    )
    return entry(changed)


def _merged(old: dict[str, Any], given: dict[str, Any]) -> PersonBody:
    try:
        return PersonBody(**(old | {name: given[name] for name in given.keys() & _BODY}))
    except ValidationError:
        raise errors.PersonPatchInvalid from None


def _check_period(first: date | None, last: date | None) -> None:
    if first is not None and last is not None and last < first:
        raise errors.PeriodInvalid


async def _update(session: AsyncSession, row: Any, version: int, values: dict[str, Any]) -> None:
    done = await session.execute(
        update(PartnerPerson)
        .where(PartnerPerson.id == row.id, PartnerPerson.version == version)
        .values(**values, version=version + 1)
        .returning(PartnerPerson.id)
        .execution_options(synchronize_session=False)
    )
    if done.one_or_none() is None:
        raise PreconditionFailed


async def end_person(
    session: AsyncSession,
    caller: Caller,
    partner_id: UUID,
    person_id: UUID,
    end: PersonEnd,
    today: date,
) -> dict[str, Any]:
    """Somebody no longer stands for the partner. The entry stays as long as retention says.

    Raises as `add_person`, PersonEntryNotFound, PersonErased, PersonEnded, PeriodInvalid or
    ReplacementUnknown.
    """
    await _writable(session, caller, partner_id)
    row = await found(session, partner_id, person_id)
    if row.sealed is None:
        raise errors.PersonErased
    if row.valid_to is not None:
        raise errors.PersonEnded
    _check_period(row.valid_from, end.valid_to)
    if end.valid_to > today:
        raise errors.PeriodInvalid
    if end.replaced_by is not None:
        other = await queries.find_person(session, partner_id, end.replaced_by)
        if other is None or other.id == row.id or other.partner_id != row.partner_id:
            raise errors.ReplacementUnknown
        if other.valid_to is not None or other.erased_at is not None:
            raise errors.ReplacementUnknown
    values = {"valid_to": end.valid_to, "replaced_by": end.replaced_by}
    await _update(session, row, row.version, values)
    ended = await found(session, partner_id, person_id)
    if not blind.is_compared(ended._mapping, today):
        await blind.empty_tokens(session, ended._mapping)
    await _tell(session, caller, Event.PERSON_ENDED, row.partner_id, row.id, row.version + 1)
    return entry(ended)
