"""Use cases of claims. Works inside the caller's transaction and never commits.

Triggers keep the rules: who may decide, that a claim on a partner which keeps itself freezes it,
and that the profile changes hands in the very transaction of the approval.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies.clients.schemas import ClientKeys
from app.audit import service as audit
from app.audit.events import Event
from app.auth import clients
from app.auth.caller import Caller
from app.auth.scopes import PARTNER
from app.core import explain
from app.core.crypto import KeyRing, partner_scope
from app.core.db import NO_AGENCY, Binding, bind_now
from app.core.errors import ServiceError
from app.core.http import PreconditionFailed
from app.core.ids import new_secret_id
from app.events import service as events
from app.events.catalogue import EventType
from app.partners.claims import queries
from app.partners.claims.errors import (
    ClaimDecided,
    ClaimNotFound,
    ClaimsCompete,
    ControlInDispute,
    DeciderApprovedIt,
    DeciderFiledIt,
    InvitationUnusable,
    KeysUnfit,
)
from app.partners.claims.invitations import claimable, digest_of
from app.partners.claims.models import PartnerClaim
from app.partners.claims.schemas import Claimant, ClaimDecision, ClaimIn, OwnClaimIn
from app.partners.models import Partner
from app.partners.purpose import stated_purpose

_HIDDEN = {"jwks", "filed_person", "sealed_claimant", "sealed_reason"}
_REFUSED: dict[str, type[ServiceError]] = {
    "claim_control_disputed": ControlInDispute,
    "claim_competes": ClaimsCompete,
    "claim_state": ClaimDecided,
    "ck_partner_claims_decided_person": DeciderFiledIt,
    "dispute_decider": DeciderFiledIt,
    "ck_partner_control_disputes_decided_by": DeciderApprovedIt,
}


def _context(claim_id: UUID, field: str) -> str:
    return f"partner_claims|{claim_id}|{field}"


explained = partial(explain.explained, refusals=_REFUSED)
"""A savepoint in which the database's refusal becomes the error that says what it means."""


def _check_keys(keys: ClientKeys | None) -> dict[str, Any] | None:
    """The keys as they are kept. Raises KeysUnfit."""
    stored = keys.stored() if keys else None
    if stored is not None:
        try:
            clients.check_keys("private_key_jwt", stored)
        except clients.ClientProblem:
            raise KeysUnfit from None
    return stored


async def _seal(session: AsyncSession, keyring: KeyRing, claim_id: UUID, who: Claimant) -> bytes:
    plain = json.dumps(who.model_dump(), ensure_ascii=False).encode()
    return await keyring.seal(session, partner_scope(), _context(claim_id, "claimant"), plain)


async def claim_with_code(
    session: AsyncSession, keyring: KeyRing, new: OwnClaimIn
) -> dict[str, Any]:
    """File a claim by invitation. The same code and keys again give the same claim.

    Raises KeysUnfit, InvitationUnusable or ControlInDispute.
    """
    keys, claim_id = _check_keys(new.jwks), new_secret_id()
    values = {
        "code": digest_of(new.code),
        "id": claim_id,
        "claimant": await _seal(session, keyring, claim_id, new.claimant),
        "keys": json.dumps(keys),
    }
    async with explained(session):
        made = await queries.claim_by_code(session, values)
    if made is None:
        raise InvitationUnusable
    if made.claim == claim_id:
        # The code has shown for which partner it speaks; the log and the events are about it.
        await bind_now(session, Binding(NO_AGENCY, made.partner))
        subject = audit.Subject(claim_id, partner_id=made.partner)
        basis = "invitation"
        nobody = Caller(NO_AGENCY, "PARTNER", "", frozenset(), None, made.partner)
        await audit.record(session, nobody, Event.CLAIM_FILED, subject, basis=basis)
        await _tell_filed(session, made.partner, claim_id, None)
    return {"claim_id": made.claim, "state": "open"}


async def _tell_filed(
    session: AsyncSession, partner_id: UUID, claim_id: UUID, agency: UUID | None
) -> None:
    await events.publish(
        session, EventType.PARTNER_CLAIM_FILED, partner_id, agency, claim_id=str(claim_id)
    )
    dispute = await queries.latest_dispute(session, partner_id)
    if dispute is not None and dispute.state == "open" and dispute.claim_id == claim_id:
        await tell_disputed(session, partner_id, dispute.id, agency)


async def tell_disputed(
    session: AsyncSession, partner_id: UUID, dispute_id: UUID, agency: UUID | None
) -> None:
    """Tell agencies and administrators that control is in dispute."""
    kind = EventType.PARTNER_CONTROL_DISPUTED
    await events.publish(session, kind, partner_id, agency, dispute_id=str(dispute_id))


async def file_claim(
    session: AsyncSession, keyring: KeyRing, caller: Caller, partner_id: UUID, new: ClaimIn
) -> dict[str, Any]:
    """File a claim for somebody, with documents.

    Raises PersonRequired, KeysUnfit, ControlInDispute or what `claimable` raises.
    """
    person = caller.require_person()
    await claimable(session, caller, partner_id)
    keys, claim_id = _check_keys(new.jwks), new_secret_id()
    values = {
        "id": claim_id,
        "partner_id": partner_id,
        "filed_by": caller.agency_id,
        "filed_person": person.id,
        "sealed_claimant": await _seal(session, keyring, claim_id, new.claimant),
        "document_ids": new.document_ids,
        **({"jwks": keys} if keys else {}),
    }
    async with explained(session):
        await session.execute(insert(PartnerClaim).values(values).inline())
    subject = audit.Subject(claim_id, caller.agency_id, partner_id)
    await audit.record(session, caller, Event.CLAIM_FILED, subject, basis="on_behalf")
    await _tell_filed(session, partner_id, claim_id, caller.agency_id)
    return wire(await found(session, partner_id, claim_id))


def wire(row: Any) -> dict[str, Any]:
    """A row of the queries as ClaimOut needs it."""
    return {name: value for name, value in row._mapping.items() if name not in _HIDDEN}


async def found(
    session: AsyncSession, partner_id: UUID, claim_id: UUID, *, lock: bool = False
) -> Any:
    """A claim on the partner. Raises ClaimNotFound."""
    row = await queries.find_claim(session, partner_id, claim_id, lock=lock)
    if row is None and lock:  # row security locks no claim that is over; it is there to read
        row = await queries.find_claim(session, partner_id, claim_id)
    if row is None:
        raise ClaimNotFound
    return row


async def list_claims(
    session: AsyncSession, caller: Caller, partner_id: UUID, after: queries.After, limit: int
) -> Sequence[Any]:
    """Claims, newest first; one row more than a page. Raises as `claimable`."""
    await claimable(session, caller, partner_id)
    return await queries.list_claims(session, partner_id, after, limit + 1)


async def read_claim(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    partner_id: UUID,
    claim_id: UUID,
    purposes: Sequence[str],
) -> dict[str, Any]:
    """A claim with its claimant; the reading is logged.

    Raises ClaimNotFound, PurposeRequired or what `claimable` raises.
    """
    await claimable(session, caller, partner_id)
    row = await found(session, partner_id, claim_id)
    stated = stated_purpose(purposes)
    await audit.record(
        session,
        caller,
        Event.CLAIM_READ,
        audit.Subject(claim_id, partner_id=row.partner_id),
        purpose=stated.purpose,
        reference=stated.reference,
        basis="role",
    )
    who = await keyring.open(session, _context(claim_id, "claimant"), row.sealed_claimant)
    reason = None
    if row.sealed_reason is not None:
        context = _context(claim_id, "reason")
        reason = (await keyring.open(session, context, row.sealed_reason)).decode()
    return wire(row) | {"claimant": json.loads(who), "reason": reason}


async def decide(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    partner_id: UUID,
    claim_id: UUID,
    version: int,
    given: ClaimDecision,
) -> dict[str, Any]:
    """Approve or reject an open claim that no dispute is about; approval makes its client.

    Raises PersonRequired, ClaimNotFound, PreconditionFailed, ClaimDecided, ClaimsCompete,
    ControlInDispute, DeciderFiledIt or what `claimable` raises.
    """
    partner = await claimable(session, caller, partner_id)
    row = await found(session, partner_id, claim_id, lock=True)
    if row.state != "open":
        raise ClaimDecided
    if row.version != version:
        raise PreconditionFailed
    if row.contested:
        raise ControlInDispute
    approve = given.decision == "approve"
    secret = await settle(
        session, keyring, caller, partner, row, approve, given.checked, given.reason
    )
    return wire(await found(session, partner_id, claim_id)) | {"client_secret": secret}


async def settle(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    partner: Partner,
    row: Any,
    approve: bool,
    checked: str,
    reason: str,
) -> str | None:
    """Write the decision on an open claim; the secret of the client it made, if it has one.

    Raises as `decide`.
    """
    client_id = f"partner-{partner.number:07d}-{secrets.token_hex(4)}" if approve else None
    sealed = await keyring.seal(
        session, partner_scope(), _context(row.id, "reason"), reason.encode()
    )
    values = {
        "state": "approved" if approve else "rejected",
        "checked": checked,
        "sealed_reason": sealed,
        "decided_by": caller.agency_id,
        "decided_person": caller.require_person().id,
        "decided_at": func.now(),
        "client_id": client_id,
        "version": row.version + 1,
    }
    async with explained(session):
        await session.execute(
            update(PartnerClaim)
            .where(PartnerClaim.id == row.id, PartnerClaim.version == row.version)
            .values(values)
            .execution_options(synchronize_session=False)
        )
    secret = None
    if client_id is not None:
        secret = await clients.create_client(
            session,
            clients.NewClient(
                id=client_id,
                name=f"Partner {partner.number:07d}",
                scopes=tuple(sorted(PARTNER)),
                partner_id=row.partner_id,
                auth_method="private_key_jwt" if row.jwks else "client_secret_basic",
                jwks=row.jwks,
            ),
        )
    await _tell_decided(session, caller, row, approve, checked, client_id)
    return secret


async def _tell_decided(
    session: AsyncSession, caller: Caller, row: Any, approve: bool, checked: str, client: str | None
) -> None:
    subject = audit.Subject(row.id, partner_id=row.partner_id)
    about = {"decision": "approve" if approve else "reject", "checked": checked}
    await audit.record(session, caller, Event.CLAIM_DECIDED, subject, basis="role", **about)
    if client is None:
        return
    made = audit.Subject(None, partner_id=row.partner_id)
    await audit.record(session, caller, Event.CLIENT_CREATED, made, client=client)
    kind = EventType.PARTNER_CLAIMED
    await events.publish(
        session, kind, row.partner_id, caller.agency_id, claim_id=str(row.id), client_id=client
    )
