"""The sealed detail: written, read for a purpose, and who has read it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
from pydantic_core import to_json
from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies import service as agencies
from app.assessments import access, queries, rules
from app.assessments.errors import AssessmentNotFound, PurposeNotShared, PurposeRequired
from app.assessments.schemas import DetailOut
from app.assessments.types import ALL
from app.assessments.wire import common, etag_of
from app.audit import queries as log
from app.audit import service as audit
from app.audit.events import Event
from app.audit.exceptions.errors import ContentRedacted
from app.audit.purposes import OWN_RECORD, StatedPurpose, parse_purpose
from app.auth import policy
from app.auth.caller import Caller
from app.auth.errors import RoleLacksRight
from app.core.crypto import Connection, KeyRing, agency_scope
from app.core.errors import NotFound
from app.core.schemas import Schema
from app.partners.objections.contested import objection_of
from app.partners.visibility import sees_protected

READINGS = (Event.ASSESSMENT_DETAIL_READ, Event.ASSESSMENT_DOCUMENT_READ)
"""What its owner is shown as a disclosure."""


def seal_context(assessment_id: UUID, version: int, owner: UUID) -> str:
    """Encryption context of a detail: moved to another record, version or owner, it stays shut."""
    return f"assessment_details|{assessment_id}|{version}|{owner}"


async def seal(
    session: AsyncSession,
    keyring: KeyRing,
    assessment_id: UUID,
    version: int,
    owner: UUID,
    detail: Schema,
) -> bytes:
    """A detail sealed for its owner, as of one version of its record."""
    plain = to_json(detail.model_dump(mode="json", exclude_none=True))
    context = seal_context(assessment_id, version, owner)
    return await keyring.seal(session, agency_scope(owner), context, plain)


@dataclass(frozen=True, slots=True)
class Permit:
    """That a caller may read a detail, and on what ground."""

    row: Any
    decision: policy.Decision
    stated: StatedPurpose | None


async def permitted(
    session: AsyncSession,
    caller: Caller,
    assessment_id: UUID,
    purpose_headers: Sequence[str],
    absent: type[NotFound] = AssessmentNotFound,
) -> Permit:
    """May the caller read the detail, and what goes with it? Raises as `permit`."""
    row = await queries.read_detail(session, assessment_id, holder=sees_protected(caller))
    return permit(caller, row, purpose_headers, absent)


def permit(
    caller: Caller,
    row: Any | None,
    purpose_headers: Sequence[str],
    absent: type[NotFound] = AssessmentNotFound,
) -> Permit:
    """The one place that decides on a detail, and all that goes with it, whoever read the row.

    ``row`` is what `queries.read_detail` or `queries.detail_of` found. Raises ``absent``,
    ContentRedacted, then PurposeRequired or PurposeNotShared, in this order: a purpose is asked
    only of a caller who may know that the detail exists.
    """
    if row is None:
        raise absent
    # Two headers would leave open which one the log should believe.
    stated = parse_purpose(purpose_headers[0]) if len(purpose_headers) == 1 else None
    resource = access.detail_of(row, access.shares_of(row))
    decision = policy.can(caller, "read", resource, stated.purpose if stated else None)
    policy.require_readable(decision, absent)
    if row.redacted:
        raise ContentRedacted
    if row.own:
        stated = None
    elif stated is None and (purpose_headers or not decision.allowed):
        raise PurposeRequired
    elif not decision.allowed:
        raise PurposeNotShared
    return Permit(row, decision, stated)


async def record_reading(
    session: AsyncSession, caller: Caller, permit: Permit, event: Event, **about: Any
) -> None:
    """Put a reading into the log of the transaction in which it happens."""
    await audit.record(session, caller, event, _subject(permit), **_reading(permit), **about)


def _subject(permit: Permit) -> audit.Subject:
    row = permit.row
    return audit.Subject(row.id, owner_agency=row.owner_id, partner_id=row.partner_id)


def _reading(permit: Permit) -> dict[str, Any]:
    """What the log says of a reading, whatever was read."""
    row, stated, share = permit.row, permit.stated, permit.decision.share
    said = {
        "purpose": OWN_RECORD if row.own else stated.purpose if stated else None,
        "reference": stated.reference if stated else None,
        "basis": permit.decision.basis,
        "version": row.version,
    }
    return said if share is None else said | {"share_id": str(share.id)}


@dataclass(frozen=True, slots=True)
class Told:
    """What the reader of a detail gets: the body, and its ETag."""

    etag: str
    body: bytes


async def read_detail(
    connection: asyncpg.Connection,
    keyring: KeyRing,
    caller: Caller,
    record: asyncpg.Record,
    purpose_headers: Sequence[str],
    request: Mapping[str, Any],
) -> Told:
    """Summary facts and detail of what `queries.DETAIL_FAST` found. The reading is in the log,
    durably, when this returns; ``request`` is the ASGI scope of the request.

    Raises what `permit` raises, and Undecipherable; then nothing was read, and nothing is logged.
    """
    permitted = permit(caller, queries.detail_of(record), purpose_headers)
    opened = await unseal(connection, keyring, permitted.row)
    # Put together while the database stores the reading: a task begins when this one waits.
    telling = asyncio.create_task(_told(permitted.row, opened))
    event, about = Event.ASSESSMENT_DETAIL_READ, _reading(permitted)
    await audit.record_fast(connection, request, caller, event, _subject(permitted), **about)
    return await telling


async def _told(row: Any, opened: dict[str, Any]) -> Told:
    kind = ALL[row.type]
    found = {
        **common(row, objection_of(row)),
        "detail": opened if row.own else kind.disclose(opened),
        # A draft has no rating yet, and may be too incomplete to say anything of one.
        "computed": rules.explain(kind, row.methodology, opened) if row.rating_value else {},
        "self_assessment_id": row.self_assessment_id,
    }
    return Told(etag_of(found), to_json(DetailOut.model_validate(found)))


async def unseal(connection: Connection, keyring: KeyRing, row: Any) -> dict[str, Any]:
    """The detail of a row of `queries.read_detail`. Raises ContentRedacted or Undecipherable."""
    if row.redacted:
        raise ContentRedacted
    context = seal_context(row.id, row.sealed_version, row.owner_id)
    opened: dict[str, Any] = json.loads(await keyring.open(connection, context, row.sealed))
    return opened


async def disclosures(
    session: AsyncSession, caller: Caller, assessment_id: UUID, after: UUID | None, limit: int
) -> list[dict[str, Any]]:
    """Who read the detail of the caller's own assessment, newest first.

    Names of persons are for oversight roles only.

    Raises AssessmentNotFound for anyone but the owner, RoleLacksRight for its roles that do not
    read the log.
    """
    row = await access.readable(session, caller, assessment_id)
    if row.owner_id != caller.agency_id or not policy.reaches(caller, "RESTRICTED"):
        raise AssessmentNotFound
    if not policy.has_right(caller, "read", "AUDITLOG"):
        raise RoleLacksRight
    reads = await log.events_on(session, READINGS, assessment_id, caller.agency_id, after, limit)
    codes = await agencies.codes_by_id(session)
    return [
        {
            "id": read.id,
            "agency": codes[read.agency_id],
            "office": read.office,
            "role": read.role,
            "person": read.person if caller.oversight else None,
            "purpose": read.purpose,
            "reference": read.reference,
            "basis": read.basis,
            "share_id": read.detail.get("share_id"),
            "document_id": read.detail.get("document"),
            "version": read.detail.get("version"),
            "at": read.at,
        }
        for read in reads
    ]
