"""Token exchange (RFC 8693): a machine client acts for a person whom its agency's issuer names.

The token that comes of it stands for the person, names the machine as actor, and ends when the
person, the machine or the issuer does: `client_status` looks at all three on every request.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth import jose, service
from app.auth.errors import TokenRefused
from app.auth.issuers import TrustedTokens
from app.auth.key_sets import IssuerTerms
from app.auth.models import AssertionReplay, Client, Person
from app.auth.principals import subject_of
from app.core.db import bind_now

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a name of RFC 8693
JWT = "urn:ietf:params:oauth:token-type:jwt"
_SUBJECT_TYPES = frozenset({JWT, ACCESS_TOKEN, "urn:ietf:params:oauth:token-type:id_token"})
_ISSUED_TYPES = frozenset({None, "", JWT, ACCESS_TOKEN})

_STATUS = text("SELECT 1 FROM client_status WHERE client_id = :client_id")


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a token exchange asks for."""

    subject_token: str | None
    subject_token_type: str | None
    requested_token_type: str | None
    actor_token: str | None
    scope: str | None


async def exchange(
    session: AsyncSession,
    trusted: TrustedTokens,
    key: jose.SigningKey,
    issuer: str,
    machine: Client,
    asked: Exchange,
    certificate: str | None = None,
) -> dict[str, Any]:
    """The RFC 8693 answer for an authenticated machine client. Raises TokenRefused.

    ``certificate`` is the thumbprint that the machine's tokens are bound to.

    A user assertion that is not good, not of the machine's own agency, used before, or of nobody
    registered is always ``invalid_request``: the answer does not say which.
    """
    if not asked.subject_token or asked.subject_token_type not in _SUBJECT_TYPES:
        raise TokenRefused("invalid_request")
    # The machine is who authenticated; another actor would be a claim without proof.
    if asked.actor_token or asked.requested_token_type not in _ISSUED_TYPES:
        raise TokenRefused("invalid_request")
    if machine.agency_id is None or machine.person_id is not None:
        raise TokenRefused("unauthorized_client")
    await bind_now(session, machine.agency_id)
    try:
        client, terms, expires = await _principal(session, trusted, machine, asked.subject_token)
    except jose.AuthError:
        raise TokenRefused("invalid_request") from None
    scopes = service.grant(client, asked.scope)
    life = min(service.TOKEN_LIFE_S, int(expires - time.time()))
    if life <= 0:
        raise TokenRefused("invalid_request")
    answer = service.issue_token(
        key,
        issuer,
        client.id,
        terms.agency_code,
        scopes,
        life_s=life,
        certificate=certificate,
        act={"sub": machine.id},
    )
    named = JWT if asked.requested_token_type == JWT else ACCESS_TOKEN
    return answer | {"issued_token_type": named}


async def _principal(
    session: AsyncSession, trusted: TrustedTokens, machine: Client, token: str
) -> tuple[Client, IssuerTerms, float]:
    """The person's client through this machine, and the end of the assertion. Raises AuthError."""
    claimed = jose.unverified_claims(token).get("iss")
    if not isinstance(claimed, str):
        raise jose.AuthError("issuer")
    known = await trusted.issuers.find(claimed)
    if known is None or known.agency_id != machine.agency_id:
        raise jose.AuthError("issuer")
    terms, claims = await trusted.claims(token, claimed)
    subject = subject_of(claims, "sub")
    await _use_once(session, terms, claims)
    person_id = await session.scalar(
        select(Person.id).where(
            Person.issuer_id == terms.id, Person.subject == subject, Person.status == "active"
        )
    )
    if person_id is None:
        raise jose.AuthError("person unknown")
    client_id = await trusted.principals.admit(session, terms, person_id, subject, machine)
    if (await session.execute(_STATUS, {"client_id": client_id})).first() is None:
        raise jose.AuthError("revoked")
    client = await session.get_one(Client, client_id, populate_existing=True)
    return client, terms, float(claims["exp"])


async def _use_once(session: AsyncSession, terms: IssuerTerms, claims: dict[str, Any]) -> None:
    """Note the assertion's identifier, where its issuer gives one. Raises AuthError if it is known.

    The store is that of client assertions; the prefix keeps it apart from theirs.
    """
    if terms.token_id_claim is None:
        return
    identifier = claims[terms.token_id_claim]
    if not identifier.isprintable():
        raise jose.AuthError("jti")
    used = await session.execute(
        insert(AssertionReplay)
        .values(
            client_id=f"issuer|{terms.id}",
            jti=identifier,
            expires_at=datetime.fromtimestamp(claims["exp"] + 60, UTC),
        )
        .on_conflict_do_nothing()
        .returning(AssertionReplay.jti)
    )
    if used.first() is None:
        raise jose.AuthError("replay")
