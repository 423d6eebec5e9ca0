"""Break-glass: two operators open one record's content for one hour, and its owner is told.

What each operator signed is kept with its signature and checked again at every read, so that a
row that was written or changed in the database alone opens nothing. Never commits.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.audit.exceptions import queries
from app.audit.exceptions.models import BreakGlass, Operator
from app.core.clock import rfc3339
from app.core.crypto import KeyRing, agency_scope
from app.core.db import Binding, bind_now
from app.core.ids import new_id

WINDOW = timedelta(hours=1)
PENDING = timedelta(hours=24)
Kind = Literal["assessment", "sanction_case"]
KINDS: tuple[Kind, ...] = ("assessment", "sanction_case")
PrivateKey = Ed25519PrivateKey | ec.EllipticCurvePrivateKey
PublicKey = Ed25519PublicKey | ec.EllipticCurvePublicKey


class BreakGlassRefused(Exception):
    """Break-glass cannot go on; the message is one sentence."""


# ------------------------------------------------------------------------------ keys


def read_private(pem: bytes, passphrase: bytes | None = None) -> PrivateKey:
    """An operator's key: Ed25519, or EC P-256. Raises BreakGlassRefused, or TypeError when the
    file wants a passphrase."""
    try:
        key = load_pem_private_key(pem, passphrase)
    except ValueError:
        raise BreakGlassRefused("The key file does not hold a private key in PEM.") from None
    return key if isinstance(key, Ed25519PrivateKey) else _p256(key)


def _p256(key: Any) -> ec.EllipticCurvePrivateKey:
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
        raise BreakGlassRefused("An operator's key is Ed25519 or EC P-256.")
    return key


def read_public(pem: bytes) -> PublicKey:
    """The public half of such a key. Raises BreakGlassRefused."""
    try:
        key = load_pem_public_key(pem)
    except ValueError:
        raise BreakGlassRefused("The key file does not hold a public key in PEM.") from None
    if isinstance(key, Ed25519PublicKey):
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == "secp256r1":
        return key
    raise BreakGlassRefused("An operator's key is Ed25519 or EC P-256.")


def spelled(key: PublicKey) -> str:
    """The one way in which a public key is written down."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _sign(key: PrivateKey, statement: dict[str, Any]) -> bytes:
    message = rfc8785.dumps(statement)
    if isinstance(key, Ed25519PrivateKey):
        return key.sign(message)
    return key.sign(message, ec.ECDSA(SHA256()))


def _check(operator: Operator, statement: dict[str, Any], signature: bytes) -> None:
    key, message = read_public(operator.public.encode()), rfc8785.dumps(statement)
    try:
        if isinstance(key, Ed25519PublicKey):
            key.verify(signature, message)
        else:
            key.verify(signature, message, ec.ECDSA(SHA256()))
    except InvalidSignature:
        raise BreakGlassRefused(f"The signature of {operator.name} does not hold.") from None


# ------------------------------------------------------------------------------ operators


async def add_operator(session: AsyncSession, name: str, key: PublicKey) -> None:
    """Take in an operator. Raises BreakGlassRefused for a name or key that is known."""
    public = spelled(key)
    known = await session.scalars(
        select(Operator.name).where((Operator.name == name) | (Operator.public == public))
    )
    if known.first() is not None:
        raise BreakGlassRefused("There is an operator of this name, or with this key.")
    session.add(Operator(name=name, public=public))


async def remove_operator(session: AsyncSession, name: str, now: datetime) -> None:
    """End an operator's part; what it opened stops at once. Raises BreakGlassRefused."""
    operator = await session.get(Operator, name)
    if operator is None or operator.removed_at is not None:
        raise BreakGlassRefused(f"There is no operator {name}.")
    operator.removed_at = now


async def _holder(session: AsyncSession, key: PrivateKey) -> Operator:
    query = select(Operator).where(
        Operator.public == spelled(key.public_key()), Operator.removed_at.is_(None)
    )
    operator = (await session.scalars(query)).one_or_none()
    if operator is None:
        raise BreakGlassRefused("The key is that of no operator.")
    return operator


async def _operator(session: AsyncSession, name: str | None) -> Operator:
    operator = await session.get(Operator, name) if name else None
    if operator is None or operator.removed_at is not None:
        raise BreakGlassRefused(f"{name} is no operator any more.")
    return operator


# ------------------------------------------------------------------------------ the window


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an operator asks for."""

    agency_id: UUID
    agency_code: str
    kind: Kind
    record_id: UUID
    reason: str


async def ask(
    session: AsyncSession, keyring: KeyRing, key: PrivateKey, wanted: Wanted, now: datetime
) -> BreakGlass:
    """The first of two operators asks, signed. Opens nothing.

    Raises BreakGlassRefused, also when the agency has no such record.
    """
    operator = await _holder(session, key)
    await bind_now(session, Binding(wanted.agency_id))
    if not await queries.own_record(session, wanted.kind, wanted.record_id):
        raise BreakGlassRefused(f"{wanted.agency_code} has no such {wanted.kind}.")
    window_id = new_id()
    statement = {
        "action": "open",
        "id": str(window_id),
        "agency": str(wanted.agency_id),
        "kind": wanted.kind,
        "record": str(wanted.record_id),
        "reason_sha256": hashlib.sha256(wanted.reason.encode()).hexdigest(),
        "operator": operator.name,
        "at": rfc3339(now),
    }
    context = _context(window_id, wanted.agency_id)
    window = BreakGlass(
        id=window_id,
        owner_agency=wanted.agency_id,
        record_kind=wanted.kind,
        record_id=wanted.record_id,
        sealed_reason=await keyring.seal(
            session, agency_scope(wanted.agency_id), context, wanted.reason.encode()
        ),
        asked_by=operator.name,
        asked_at=now,
        asked=statement,
        asked_signature=_sign(key, statement),
    )
    session.add(window)
    await session.flush()
    await record(session, Event.BREAK_GLASS_ASKED, window)
    return window


def _context(window_id: UUID, owner: UUID) -> str:
    return f"break_glass|{window_id}|reason|{owner}"


async def read_reason(session: AsyncSession, keyring: KeyRing, window: BreakGlass) -> str:
    """Why it was asked for."""
    context = _context(window.id, window.owner_agency)
    return (await keyring.open(session, context, window.sealed_reason)).decode()


async def approve(
    session: AsyncSession, key: PrivateKey, window_id: UUID, now: datetime
) -> BreakGlass:
    """The second operator approves, signed; the record is open for one hour from now.

    Raises BreakGlassRefused.
    """
    window = await find(session, window_id, lock=True)
    operator = await _holder(session, key)
    if window.closed_at is not None or window.approved_at is not None:
        raise BreakGlassRefused("It has been approved or closed already.")
    if window.asked_at < now - PENDING:
        raise BreakGlassRefused("It was asked for more than 24 hours ago; ask again.")
    if operator.name == window.asked_by:
        raise BreakGlassRefused("Another operator than the one who asked must approve.")
    await _check_asked(session, window)
    statement = {
        "action": "approve",
        "id": str(window.id),
        "asked_sha256": _digest(window),
        "operator": operator.name,
        "at": rfc3339(now),
    }
    window.approved_by, window.approved_at = operator.name, now
    window.approved, window.approved_signature = statement, _sign(key, statement)
    window.expires_at = now + WINDOW
    await session.flush()
    await record(session, Event.BREAK_GLASS_OPENED, window)
    return window


async def close(session: AsyncSession, window_id: UUID, now: datetime) -> BreakGlass:
    """End it before its hour is over, or before it is approved. Raises BreakGlassRefused."""
    window = await find(session, window_id, lock=True)
    if window.closed_at is not None:
        raise BreakGlassRefused("It has been closed already.")
    window.closed_at = now
    await session.flush()
    await record(session, Event.BREAK_GLASS_CLOSED, window)
    return window


async def find(session: AsyncSession, window_id: UUID, *, lock: bool = False) -> BreakGlass:
    """One break-glass. Raises BreakGlassRefused."""
    window = await session.get(BreakGlass, window_id, with_for_update=lock or None)
    if window is None:
        raise BreakGlassRefused("There is no such break-glass.")
    return window


async def require_open(session: AsyncSession, window_id: UUID) -> BreakGlass:
    """The break-glass, if it is open now and both signatures hold. Raises BreakGlassRefused."""
    # Locked: closing it and reading by it take turns.
    window = await find(session, window_id, lock=True)
    now: datetime | None = await session.scalar(text("SELECT now()"))
    assert now is not None
    if window.approved_at is None or window.expires_at is None:
        raise BreakGlassRefused("A second operator has not approved it.")
    if window.closed_at is not None or not window.approved_at <= now < window.expires_at:
        raise BreakGlassRefused("It is closed: its hour is over, or somebody ended it.")
    await _check_asked(session, window)
    statement, signature = window.approved or {}, window.approved_signature or b""
    said = {"action": "approve", "id": str(window.id), "asked_sha256": _digest(window)}
    said |= {"operator": window.approved_by or "", "at": rfc3339(window.approved_at)}
    if statement != said:
        raise BreakGlassRefused("What was approved is not what is written.")
    _check(await _operator(session, window.approved_by), statement, signature)
    return window


async def _check_asked(session: AsyncSession, window: BreakGlass) -> None:
    said = {
        "action": "open",
        "id": str(window.id),
        "agency": str(window.owner_agency),
        "kind": window.record_kind,
        "record": str(window.record_id),
        "reason_sha256": window.asked.get("reason_sha256"),
        "operator": window.asked_by,
        "at": rfc3339(window.asked_at),
    }
    if window.asked != said:
        raise BreakGlassRefused("What was asked for is not what is written.")
    _check(await _operator(session, window.asked_by), window.asked, window.asked_signature)


def _digest(window: BreakGlass) -> str:
    return hashlib.sha256(rfc8785.dumps(window.asked) + window.asked_signature).hexdigest()


async def record(
    session: AsyncSession, event: Event, window: BreakGlass, partner_id: UUID | None = None
) -> None:
    """Write it to the log, where the owner agency sees it."""
    about = {"break_glass": str(window.id), "kind": window.record_kind, "asked_by": window.asked_by}
    if window.approved_by:
        about["approved_by"] = window.approved_by
    subject = audit.Subject(window.record_id, window.owner_agency, partner_id)
    await audit.record(session, None, event, subject, basis="break_glass", **about)
