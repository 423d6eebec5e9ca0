"""The life of clients and persons: what may be made, secrets, revocation.

Works inside the caller's transaction; who may do it and the log are the features' business.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth import jose, queries, roles
from app.auth.errors import RoleUnknown
from app.auth.models import Client, ClientSecret, Person
from app.auth.scopes import AGENCY, DECIDING, PARTNER
from app.core.ids import new_id

AuthMethod = Literal["private_key_jwt", "client_secret_basic", "trusted_issuer"]
SECRET_LIFE = timedelta(days=180)
SECRET_WARNING = timedelta(days=30)
"""A secret that ends sooner than this is pointed out to operators."""
MAX_SECRETS = 2


class ClientProblem(Exception):
    """A client or person cannot be made or changed as asked; the message is one sentence.

    ``field`` is what is wrong with it, ``code`` the stable name of the reason.
    """

    def __init__(self, words: str, field: str = "", code: str = "unfit") -> None:
        super().__init__(words)
        self.field = field
        self.code = code


class ClientTaken(ClientProblem):
    """There is a client of this id."""


@dataclass(frozen=True, slots=True)
class NewClient:
    """What it takes to create a client, of an agency or of a partner."""

    id: str
    name: str
    scopes: tuple[str, ...]
    agency_id: UUID | None = None
    partner_id: UUID | None = None
    auth_method: AuthMethod = "private_key_jwt"
    jwks: dict[str, Any] | None = None
    person_id: UUID | None = None
    roles: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    max_level: str = "AGENCY_ONLY"
    office_id: UUID | None = None
    certificate_bound: bool = False
    issuer_id: UUID | None = None
    subject: str | None = None
    demo: bool = False


def check_roles(codes: Iterable[str]) -> None:
    """Raises ClientProblem unless every code is that of a role which agencies' callers hold."""
    try:
        roles.check_roles(codes)
    except RoleUnknown:
        words = "A role is not one of the code list."
        raise ClientProblem(words, "roles", "role_unknown") from None


def check_scopes(scopes: Iterable[str], *, partner: bool, person: bool) -> None:
    """Raises ClientProblem for scopes that a client of this kind cannot hold."""
    wanted, possible = set(scopes), PARTNER if partner else AGENCY
    unknown = sorted(wanted - possible)
    if unknown:
        kind = "A partner's client cannot hold" if partner else "Unknown scope"
        raise ClientProblem(f"{kind}: {', '.join(unknown)}.", "scopes", "scope_unknown")
    if DECIDING & wanted and not person:
        raise ClientProblem(
            "A deciding scope needs a client bound to a named person.", "scopes", "person_required"
        )


def check_keys(auth_method: str, jwks: dict[str, Any] | None) -> None:
    """Raises ClientProblem unless the keys fit the way the client proves itself."""
    if auth_method != "private_key_jwt":
        if jwks is not None:
            raise ClientProblem("Only private_key_jwt takes a JWKS.", "jwks", "not_taken")
        return
    try:
        usable = bool(jwks and jose.load_jwks(jwks, jose.INBOUND_ALGORITHMS))
    except jose.AuthError:
        usable = False
    if not usable:
        raise ClientProblem(
            "private_key_jwt needs a JWKS with at least one usable public key.", "jwks", "no_key"
        )


async def add_person(
    session: AsyncSession,
    agency_id: UUID,
    name: str,
    office: str,
    role: str,
    *,
    roles: Iterable[str] = (),
    office_id: UUID | None = None,
    staff_id: str | None = None,
    issuer_id: UUID | None = None,
    subject: str | None = None,
) -> Person:
    """Record a person of an agency who may decide. Raises ClientProblem for an unknown role."""
    roles = sorted(set(roles))
    check_roles(roles)
    person = Person(
        id=new_id(),
        agency_id=agency_id,
        name=name,
        office=office,
        role=role,
        roles=roles,
        office_id=office_id,
        staff_id=staff_id,
        issuer_id=issuer_id,
        subject=subject,
    )
    session.add(person)
    await session.flush()  # clients refer to the row by its key
    return person


async def create_client(session: AsyncSession, new: NewClient) -> str | None:
    """Create a client; returns its secret (shown once) for ``client_secret_basic``, else None.

    Raises ClientTaken, or ClientProblem for scopes or roles it cannot hold, a missing key, or a
    deciding scope without a person.
    """
    partner = new.partner_id is not None
    check_scopes(new.scopes, partner=partner, person=new.person_id is not None)
    check_roles(new.roles)
    check_keys(new.auth_method, new.jwks)
    if (new.auth_method == "trusted_issuer") != (new.issuer_id is not None):
        raise ClientProblem("trusted_issuer goes with an issuer.", "issuer_id", "issuer")
    if await queries.find_client(session, new.id) is not None:
        raise ClientTaken(f"A client {new.id} exists already.", "id", "taken")
    session.add(
        Client(
            id=new.id,
            agency_id=new.agency_id,
            partner_id=new.partner_id,
            person_id=new.person_id,
            name=new.name,
            scopes=sorted(set(new.scopes)),
            roles=sorted(set(new.roles)),
            countries=sorted(set(new.countries)),
            max_level=new.max_level,
            office_id=new.office_id,
            auth_method=new.auth_method,
            jwks=new.jwks,
            certificate_bound=new.certificate_bound,
            issuer_id=new.issuer_id,
            subject=new.subject,
            demo=new.demo,
        )
    )
    await session.flush()  # the secret refers to the row
    if new.auth_method != "client_secret_basic":
        return None
    _, secret = await _add_secret(session, new.id)
    return secret


async def _add_secret(session: AsyncSession, client_id: str) -> tuple[ClientSecret, str]:
    """A new secret of 256 random bits."""
    secret, now = secrets.token_urlsafe(32), datetime.now(UTC)
    row = ClientSecret(
        id=new_id(),
        client_id=client_id,
        digest=hashlib.sha256(secret.encode()).digest(),
        created_at=now,
        expires_at=now + SECRET_LIFE,
    )
    session.add(row)
    await session.flush()
    return row, secret


@dataclass(frozen=True, slots=True)
class Rotation:
    """A new secret, shown once, and the ids of those that it ended."""

    row: ClientSecret
    secret: str
    ended: list[UUID]


async def rotate_secret(session: AsyncSession, client_id: str) -> Rotation:
    """A second secret beside the newest one; older ones stop working.

    The client's row is locked first: of two rotations at once one comes after the other, so a
    client never has more than two secrets. Raises ClientProblem for an unfit client.
    """
    client = await queries.lock_client(session, client_id)
    if client is None or client.status != "active":
        raise ClientProblem(f"There is no active client {client_id}.", code="revoked")
    if client.auth_method != "client_secret_basic":
        words = f"Client {client_id} proves itself otherwise; it has no secret to rotate."
        raise ClientProblem(words, code="no_secret")
    held = await queries.secrets_of(session, client_id)
    ended = [row.id for row in held[MAX_SECRETS - 1 :]]
    await session.execute(delete(ClientSecret).where(ClientSecret.id.in_(ended)))
    row, secret = await _add_secret(session, client_id)
    client.version += 1
    await session.flush()
    return Rotation(row, secret, ended)


async def end_secret(session: AsyncSession, client: Client, secret_id: UUID) -> bool:
    """End one secret of a locked client; False when it has none of this id."""
    found = await session.execute(
        delete(ClientSecret)
        .where(ClientSecret.id == secret_id, ClientSecret.client_id == client.id)
        .returning(ClientSecret.id)
    )
    if found.first() is None:
        return False
    client.version += 1
    await session.flush()
    return True


async def revoke_client(session: AsyncSession, client_id: str) -> Client:
    """Stop a client at once: its next request is refused. Raises ClientProblem."""
    client = await queries.lock_client(session, client_id)
    if client is None:
        raise ClientProblem(f"There is no client {client_id}.", code="unknown")
    client.status = "revoked"
    client.version += 1
    await session.execute(delete(ClientSecret).where(ClientSecret.client_id == client_id))
    await session.flush()
    return client
