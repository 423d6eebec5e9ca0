"""Use cases of trusted issuers: one person proposes, another decides, one ends it at once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies.issuers import queries
from app.agencies.issuers.errors import (
    IssuerDecided,
    IssuerExists,
    IssuerKeyShared,
    IssuerKeysUnusable,
    IssuerNotFound,
    SamePerson,
)
from app.agencies.issuers.schemas import ApprovalIn, TrustedIssuerIn
from app.audit import service as audit
from app.audit.events import Event
from app.auth.caller import Caller, Person
from app.auth.key_sets import KeySet, KeySetRefused, KeySets, sharing_a_key
from app.auth.models import TrustedIssuer
from app.auth.principals import NewPrincipal
from app.auth.scopes import AGENCY
from app.core.db import Database
from app.core.errors import FieldError, InvalidRequest
from app.core.http import PreconditionFailed
from app.core.ids import new_id
from app.core.outbound import Outbound, OutboundRefused
from app.core.settings import Settings

log = structlog.get_logger()
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
# Two approvals at once must not both find that nobody else has the key.
_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('trusted_issuers'))")


def wire(row: TrustedIssuer, agency: str) -> dict[str, Any]:
    """A row as TrustedIssuerOut needs it."""
    return {
        "id": row.id,
        "issuer": row.issuer,
        "agency": agency,
        "status": row.status,
        "valid_from": row.valid_from,
        "valid_to": row.valid_to,
        "jwks_uri": row.jwks_uri,
        "algorithms": row.algorithms,
        "audience": row.audience,
        "token_type": row.token_type,
        "ignored_headers": row.ignored_headers,
        "client_claim": row.client_claim,
        "token_id_claim": row.token_id_claim,
        "max_life_s": row.max_life_s,
        "scope_ceiling": row.scope_ceiling,
        "proposed_by": row.proposed_by,
        "decided_by": row.approved_by,
        "decided_at": row.decided_at,
        "reason": row.reason,
        "version": row.version,
        "created_at": row.created_at,
    }


async def propose(
    session: AsyncSession,
    settings: Settings,
    outbound: Outbound,
    caller: Caller,
    new: TrustedIssuerIn,
) -> TrustedIssuer:
    """Propose an issuer of the caller's agency. Raises PersonRequired, InvalidRequest, -Exists."""
    person = caller.require_person()
    problems = _problems(settings, outbound, new)
    if problems:
        raise InvalidRequest(errors=problems)
    issuer_id = new_id()
    values = new.model_dump() | {
        "id": issuer_id,
        "agency_id": caller.agency_id,
        "proposed_by": person.id,
        "algorithms": sorted(set(new.algorithms)),
        "ignored_headers": sorted(set(new.ignored_headers)),
        "scope_ceiling": sorted(set(new.scope_ceiling)),
    }
    made = await session.execute(
        insert(TrustedIssuer)
        .values(values)
        .on_conflict_do_nothing(
            index_elements=["issuer"], index_where=text("status IN ('proposed', 'active')")
        )
        .returning(TrustedIssuer.id)
    )
    if made.scalar_one_or_none() is None:
        raise IssuerExists
    subject = audit.Subject(issuer_id, caller.agency_id)
    await audit.record(
        session, caller, Event.ISSUER_PROPOSED, subject, scopes=values["scope_ceiling"]
    )
    return await get_issuer(session, caller, issuer_id)


def _problems(settings: Settings, outbound: Outbound, new: TrustedIssuerIn) -> list[FieldError]:
    found: list[FieldError] = []
    own = new.issuer.rstrip("/").casefold() == settings.issuer.casefold()
    if own or not _is_address(settings, new.issuer):
        found.append(_problem("/issuer", "issuer_refused", "Not an https address of an issuer"))
    try:
        outbound.check(new.jwks_uri)
    except OutboundRefused:
        found.append(_problem("/jwks_uri", "address_refused", "Not an address that is called"))
    if not AGENCY.issuperset(new.scope_ceiling):
        found.append(_problem("/scope_ceiling", "scope_unknown", "Holds an unknown scope"))
    if new.valid_to is not None and new.valid_to <= datetime.now(UTC):
        found.append(_problem("/valid_to", "period_invalid", "Lies in the past"))
    return found


def _is_address(settings: Settings, issuer: str) -> bool:
    try:
        parts = urlsplit(issuer)
    except ValueError:  # a bracket that is no IPv6 address
        return False
    local = settings.env != "production" and parts.hostname in _LOOPBACK
    odd = "@" in parts.netloc or parts.query or parts.fragment or not parts.hostname
    return not odd and (parts.scheme == "https" or local)


def _problem(pointer: str, code: str, message: str) -> FieldError:
    return FieldError(pointer=pointer, code=code, message=message)


async def get_issuer(session: AsyncSession, caller: Caller, issuer_id: UUID) -> TrustedIssuer:
    """An issuer of the caller's own agency. Raises IssuerNotFound."""
    row = await queries.find_issuer(session, caller.agency_id, issuer_id)
    if row is None:
        raise IssuerNotFound
    return row


async def decide(
    session: AsyncSession,
    database: Database,
    key_sets: KeySets,
    caller: Caller,
    issuer_id: UUID,
    version: int,
    decision: ApprovalIn,
) -> TrustedIssuer:
    """A second person approves or refuses. What is approved is what was proposed.

    The key set is fetched once, before any lock is taken. Raises IssuerNotFound, PersonRequired,
    SamePerson, IssuerDecided, PreconditionFailed, IssuerKeysUnusable or IssuerKeyShared.
    """
    person = caller.require_person()
    row = await get_issuer(session, caller, issuer_id)
    _check_open(row, person, version)
    found = await _key_set(key_sets, row) if decision.decision == "approve" else None
    await session.execute(_LOCK)
    locked = await queries.find_issuer(session, caller.agency_id, issuer_id, lock=True)
    assert locked is not None  # read above, and issuers are never deleted
    _check_open(locked, person, version)
    if found is not None:
        other = await sharing_a_key(session, issuer_id, found.keys)
        if other is not None:
            await _alert(session, database, caller, issuer_id, other)
            raise IssuerKeyShared
        locked.key_set, locked.key_set_at = found.document, datetime.now(UTC)
    locked.status = "refused" if found is None else "active"
    locked.approved_by, locked.decided_at = person.id, datetime.now(UTC)
    locked.reason = decision.reason
    locked.version += 1
    await session.flush()
    event = Event.ISSUER_REFUSED if found is None else Event.ISSUER_APPROVED
    subject = audit.Subject(issuer_id, caller.agency_id)
    await audit.record(session, caller, event, subject, version=locked.version)
    return locked


def _check_open(row: TrustedIssuer, person: Person, version: int) -> None:
    if row.version != version:
        raise PreconditionFailed
    if row.status != "proposed":
        raise IssuerDecided
    if row.proposed_by == person.id:
        raise SamePerson


async def _key_set(key_sets: KeySets, row: TrustedIssuer) -> KeySet:
    try:
        return await key_sets.fetch(row.jwks_uri, tuple(row.algorithms))
    except KeySetRefused as error:
        raise IssuerKeysUnusable(f"The reason is `{error}`.") from None


async def _alert(
    session: AsyncSession, database: Database, caller: Caller, issuer_id: UUID, other: str
) -> None:
    """Log and record in a transaction of its own: the refusal rolls this one back."""
    log.error("issuer_key_shared", issuer=str(issuer_id), other=other)
    async with database.session(caller.binding) as own:
        own.info["request_id"] = session.info.get("request_id")
        subject = audit.Subject(issuer_id, caller.agency_id)
        await audit.record(own, caller, Event.ISSUER_KEY_SHARED, subject, other=other)


async def revoke(session: AsyncSession, caller: Caller, issuer_id: UUID) -> None:
    """End the trust: tokens of the issuer fail on their next request.

    Raises IssuerNotFound, PersonRequired or IssuerDecided. One person is enough to stop.
    """
    caller.require_person()
    row = await queries.find_issuer(session, caller.agency_id, issuer_id, lock=True)
    if row is None:
        raise IssuerNotFound
    await _end(session, row)
    subject = audit.Subject(issuer_id, caller.agency_id)
    await audit.record(session, caller, Event.ISSUER_REVOKED, subject, version=row.version)


async def revoke_as_operator(session: AsyncSession, issuer_id: UUID) -> TrustedIssuer:
    """As `revoke`, of whatever agency. Raises IssuerNotFound or IssuerDecided."""
    row = await queries.find_any(session, issuer_id)
    if row is None:
        raise IssuerNotFound
    await _end(session, row)
    subject = audit.Subject(issuer_id, row.agency_id)
    await audit.record(
        session, None, Event.ISSUER_REVOKED, subject, basis="operator", version=row.version
    )
    return row


async def _end(session: AsyncSession, row: TrustedIssuer) -> None:
    if row.status not in ("proposed", "active"):
        raise IssuerDecided
    row.status = "revoked"
    row.version += 1
    await session.flush()


async def record_principal(session: AsyncSession, new: NewPrincipal) -> None:
    """Record that a person came by a trusted issuer for the first time and got a client."""
    person = Person(new.person.id, new.person.name, new.person.office, new.person.role)
    caller = Caller(new.terms.agency_id, new.terms.agency_code, new.client_id, frozenset(), person)
    await audit.record(
        session,
        caller,
        Event.PRINCIPAL_MADE,
        audit.Subject(new.person.id, new.terms.agency_id),
        issuer=str(new.terms.id),
        through=new.acts_through,
    )
