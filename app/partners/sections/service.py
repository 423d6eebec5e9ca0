"""Use cases of sections. Works inside the caller's transaction and never commits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.auth.caller import Caller
from app.auth.errors import ScopeMissing
from app.auth.scopes import Scope
from app.core.clock import rfc3339, utc_now
from app.core.crypto import KeyRing
from app.core.http import PreconditionFailed
from app.core.schemas import Schema
from app.events import service as events
from app.events.catalogue import EventType
from app.partners.custody import require_editable
from app.partners.errors import PatchEmpty
from app.partners.history.errors import NotKnownThen
from app.partners.models import Partner
from app.partners.sections import access, completeness, queries, refresh, sealed
from app.partners.sections.completeness import Profile
from app.partners.sections.errors import RegistrationReasonNotFound
from app.partners.sections.kinds import ALL, Kind
from app.partners.sections.kinds.other import CONFIRMED
from app.partners.sections.kinds.registration import REASON_TEXT
from app.partners.sections.kinds.since import VALID_FROM
from app.partners.sections.models import PartnerSection
from app.partners.service import not_future, visible_partner

_GIVEN = "missing_reason_text_given"


async def get_section(
    session: AsyncSession, caller: Caller, partner_id: UUID, kind: Kind
) -> dict[str, Any]:
    """A section as the caller may read it. Raises PartnerNotFound."""
    partner = await visible_partner(session, caller, partner_id)
    rows = await queries.sections_of(session, partner.id)
    return _wire(caller, partner, kind, rows.get(kind.code))


async def section_then(
    session: AsyncSession,
    caller: Caller,
    partner_id: UUID,
    kind: Kind,
    as_of: datetime | None,
    valid_on: date | None,
) -> dict[str, Any]:
    """A section as it was known at an instant to hold on a day; either may be None.

    What is kept back from the caller today is kept back of the past, too. Raises PartnerNotFound,
    or NotKnownThen where nothing of the section was recorded, or valid, by then.
    """
    partner = await visible_partner(session, caller, partner_id)
    row = await queries.section_then(session, partner.id, kind.code, as_of, valid_on)
    if row is None:
        raise NotKnownThen
    return _wire(caller, partner, kind, row)


async def versions(
    session: AsyncSession,
    caller: Caller,
    partner_id: UUID,
    section: str,
    after: int | None,
    limit: int,
) -> list[dict[str, Any]]:
    """At most ``limit`` versions of a section, newest first. Raises PartnerNotFound."""
    partner = await visible_partner(session, caller, partner_id)
    rows = await queries.versions_of(session, partner.id, section, after, limit)
    hidden = access.withheld(caller, partner, section)
    # The row past the page is there to be compared with; the first version has none before it.
    before = [*(row.body for row in rows[1:]), {}][: len(rows)]
    return [
        {
            "version": row.version,
            "recorded_from": row.recorded_from,
            "recorded_to": row.recorded_to,
            "valid_from": row.valid_from,
            "by": row.by,
            "changed": sorted(
                name
                for name in (row.body.keys() | old.keys()) - hidden
                if row.body.get(name) != old.get(name)
            ),
        }
        for row, old in zip(rows, before, strict=True)
    ]


async def get_sections(
    session: AsyncSession, caller: Caller, partner_id: UUID
) -> dict[str, dict[str, Any]]:
    """All sections as the caller may read them. Raises PartnerNotFound."""
    partner = await visible_partner(session, caller, partner_id)
    rows = await queries.sections_of(session, partner.id)
    return {code: _wire(caller, partner, kind, rows.get(code)) for code, kind in ALL.items()}


def _wire(caller: Caller, partner: Partner, kind: Kind, row: Any | None) -> dict[str, Any]:
    stored: dict[str, Any] = row.body if row else {}
    on = row.updated_at.date() if row else utc_now().date()
    profile = Profile.of(partner.partner_type, partner.hq_id)
    missing = completeness.missing(kind.code, stored, profile, on)
    hidden = access.withheld(caller, partner, kind.code)
    return {
        "partner_id": partner.id,
        "section": kind.code,
        "version": row.version if row else 0,
        "complete": not missing,
        "missing": missing,
        "withheld": sorted(hidden),
        "body": {
            name: None if name in hidden else stored.get(name) for name in kind.body.model_fields
        },
        "sources": {name: source for name, source in row.sources.items() if name not in hidden}
        if row
        else {},
        "updated_by": row.updated_by if row else None,
        "updated_at": rfc3339(row.updated_at) if row else None,
        "valid_from": row.valid_from if row else None,
    }


async def change_section(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    partner_id: UUID,
    kind: Kind,
    version: int,
    patch: Schema,
) -> dict[str, Any]:
    """Apply a merge patch to version ``version`` of a section, 0 being one that was never saved.

    Raises PartnerNotFound, PatchEmpty, ScopeMissing for where a protected partner is to be found,
    EditsFrozen, OwnedByPartner, InvalidRequest for a day to come, or PreconditionFailed.
    """
    partner = await visible_partner(session, caller, partner_id)
    sent = patch.model_dump(mode="json")
    fields = {name: sent[name] for name in patch.model_fields_set - {VALID_FROM}}
    valid_from = _since(patch)
    if not fields:
        raise PatchEmpty
    if fields.keys() & access.withheld(caller, partner, kind.code):
        raise ScopeMissing(Scope.PARTNERS_PROTECTED)
    await refresh.lock(session, partner)
    await require_editable(session, caller, partner.id)
    row = (await queries.sections_of(session, partner_id)).get(kind.code)
    if (row.version if row else 0) != version:
        raise PreconditionFailed
    if REASON_TEXT in fields:
        words = fields.pop(REASON_TEXT)
        await sealed.write(session, keyring, caller, partner_id, sealed.REASON, words or "")
        fields[_GIVEN] = True if words else None
    await _store(session, caller, partner, kind, row, fields, valid_from)
    confirmed = {"last_confirmed_at": utc_now()} if fields.get(CONFIRMED) else {}
    await refresh.refresh(session, caller, partner, **confirmed)
    await _tell(session, caller, partner_id, kind, version + 1, fields)
    return await get_section(session, caller, partner_id, kind)


def _since(patch: Schema) -> date:
    given: date | None = getattr(patch, VALID_FROM)
    today = utc_now().date()
    not_future(given, today)
    return given or today


async def _store(
    session: AsyncSession,
    caller: Caller,
    partner: Partner,
    kind: Kind,
    row: Any | None,
    fields: dict[str, Any],
    valid_from: date,
) -> None:
    now = utc_now()
    merged = (row.body if row else {}) | fields
    body = {name: value for name, value in merged.items() if value is not None}
    source = {"by": caller.agency_code if caller.partner_id is None else "PARTNER"}
    source["at"] = rfc3339(now)
    profile = Profile.of(partner.partner_type, partner.hq_id)
    values = {
        "version": (row.version if row else 0) + 1,
        "body": body,
        "complete": not completeness.missing(kind.code, body, profile, now.date()),
        "sources": (row.sources if row else {}) | dict.fromkeys(fields, source),
        "updated_by": refresh.agency_of(caller),
        "valid_from": valid_from,
    }
    if row is None:
        key = {"partner_id": partner.id, "section": kind.code}
        await session.execute(insert(PartnerSection).values(key | values).inline())
        return
    await session.execute(
        update(PartnerSection)
        .where(PartnerSection.partner_id == partner.id, PartnerSection.section == kind.code)
        .values(values)
        .execution_options(synchronize_session=False)
    )


async def _tell(
    session: AsyncSession,
    caller: Caller,
    partner_id: UUID,
    kind: Kind,
    version: int,
    fields: dict[str, Any],
) -> None:
    about: dict[str, Any] = {"section": kind.code, "version": version, "fields": sorted(fields)}
    subject = audit.Subject(partner_id, partner_id=partner_id)
    basis = "self" if caller.subject == "partner" else "on_behalf"
    await audit.record(
        session, caller, Event.PARTNER_SECTION_CHANGED, subject, basis=basis, **about
    )
    await events.publish(
        session,
        EventType.PARTNER_SECTION_CHANGED,
        partner_id,
        refresh.agency_of(caller),
        **about,
    )


async def get_completeness(
    session: AsyncSession, caller: Caller, partner_id: UUID
) -> dict[str, Any]:
    """What the profile still lacks. Raises PartnerNotFound."""
    partner = await visible_partner(session, caller, partner_id)
    found = await refresh.missing_of(session, partner)
    rows = await queries.sections_of(session, partner.id)
    registration = rows["registration"].body if "registration" in rows else {}
    return {
        "partner_id": partner.id,
        "complete": not any(found.values()),
        "rules_version": completeness.RULES.version,
        "sections": [
            {"section": name, "complete": not missing, "missing": missing}
            for name, missing in found.items()
        ],
        "lapsed": completeness.lapsed(registration, utc_now().date()),
    }


async def read_reason(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    partner_id: UUID,
    purpose_headers: Sequence[str],
) -> dict[str, Any]:
    """Why the partner is not registered, in words, with the reading in the log.

    Raises PartnerNotFound, RegistrationReasonNotFound, then PurposeRequired.
    """
    partner = await visible_partner(session, caller, partner_id)
    row, words = await sealed.read(
        session,
        keyring,
        caller,
        partner,
        (sealed.REASON, None),
        purpose_headers,
        Event.REGISTRATION_REASON_READ,
        RegistrationReasonNotFound,
    )
    rows = await queries.sections_of(session, partner.id)
    return {
        "partner_id": partner.id,
        "missing_reason": rows["registration"].body.get("missing_reason"),
        "text": words,
        "written_at": row.written_at,
    }
