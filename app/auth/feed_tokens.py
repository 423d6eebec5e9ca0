"""Feed tokens: long-lived and opaque, for programs that cannot ask for a token of 300 seconds.

They open only the routes that depend on `feed_reader`, and nothing above INTER_AGENCY. Whether
token, client and agency are still good is read on every request.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request, Security
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.caller import Caller, VerifiedToken, admit, caller_from, scheme, verified_token
from app.auth.clients import ClientProblem
from app.auth.errors import NotAuthenticated
from app.auth.models import Client, FeedToken
from app.auth.scopes import Scope
from app.core import metrics
from app.core.db import database_of
from app.core.ids import new_id
from app.core.limits import LIMIT_KEY

PREFIX = "prf_"
MAX_DAYS = 365
_KINDS = frozenset({"token", "apikey"})
"""Ways to send it that no other token has; `Bearer` is told apart by the prefix."""
_FIND = """SELECT t.id, t.client_id, extract(epoch FROM t.expires_at)::float8 AS expires_at,
    coalesce(a.code, '') AS agency
    FROM feed_tokens t JOIN clients c ON c.id = t.client_id
    LEFT JOIN agencies a ON a.id = c.agency_id
    WHERE t.digest = $1 AND t.revoked_at IS NULL AND t.expires_at > now()"""


async def create_feed_token(
    session: AsyncSession, client: Client, name: str, days: int
) -> tuple[FeedToken, str]:
    """A new token of 256 random bits, shown once; its SHA-256 is kept.

    Raises ClientProblem for a client that is revoked or may not follow the feed.
    """
    if client.status != "active":
        raise ClientProblem(f"There is no active client {client.id}.", code="revoked")
    if Scope.FEED_READ not in client.scopes:
        words = f"Client {client.id} does not hold {Scope.FEED_READ}."
        raise ClientProblem(words, "scopes", "feed_scope_missing")
    if not 1 <= days <= MAX_DAYS:
        raise ClientProblem(f"A feed token lives 1 to {MAX_DAYS} days.", "days", "life")
    token, now = PREFIX + secrets.token_urlsafe(32), datetime.now(UTC)
    row = FeedToken(
        id=new_id(),
        client_id=client.id,
        name=name,
        digest=_digest(token),
        created_at=now,
        expires_at=now + timedelta(days=days),
    )
    session.add(row)
    await session.flush()
    return row, token


async def revoke_feed_token(session: AsyncSession, client_id: str, token_id: UUID) -> bool | None:
    """End a token: True when it ended now, False when it had already, None for an unknown one."""
    found = await session.get(FeedToken, token_id)
    if found is None or found.client_id != client_id:
        return None
    ended = await session.execute(
        update(FeedToken)
        .where(FeedToken.id == token_id, FeedToken.revoked_at.is_(None))
        .values(revoked_at=datetime.now(UTC))
        .returning(FeedToken.id)
    )
    return ended.first() is not None


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


@dataclass(frozen=True, slots=True)
class FeedReader:
    """Who asks for a file of the feed, by an access token or by a feed token."""

    token: VerifiedToken
    opaque: bool

    def caller(self, request: Request, row: Any | None) -> Caller:
        """The Caller of a ``client_status`` row, as `caller_from`.

        By a feed token it is a machine without roles, and reads INTER_AGENCY at most.
        """
        caller = caller_from(request, self.token, row, Scope.FEED_READ)
        if self.opaque:
            caller = replace(caller, max_level="INTER_AGENCY", person=None, roles=frozenset())
            request.scope["identity"] = caller
        return caller


async def feed_reader(
    request: Request, header: Annotated[str | None, Depends(scheme)]
) -> FeedReader:
    """Dependency of the few routes that take a feed token beside access tokens.

    Raises NotAuthenticated, RateLimited or AgencyBusy; an unknown, expired or revoked token costs
    the same work: one hash and one look-up.
    """
    kind, _, token = (header or "").partition(" ")
    opaque = kind.lower() in _KINDS or (kind.lower() == "bearer" and token.startswith(PREFIX))
    if not opaque:
        return FeedReader(await verified_token(request, header), opaque=False)
    async with database_of(request).fast_read() as connection:
        row = await connection.fetchrow(_FIND, _digest(token))
    metrics.feed_token_requests_total.labels("refused" if row is None else "accepted").inc()
    if row is None:
        raise NotAuthenticated
    verified = VerifiedToken(
        row["client_id"],
        frozenset({Scope.FEED_READ.value}),
        float(row["expires_at"]),
        row["agency"],
    )
    request.scope["presented_client"] = verified.client_id
    # What rate limits count by: a busy feed does not use up its client's own budget.
    request.scope[LIMIT_KEY] = f"feed_token:{row['id']}"
    await admit(request, verified)
    return FeedReader(verified, opaque=True)


def reads_feed() -> Any:
    """Annotation of a `FeedReader`: ``Annotated[FeedReader, reads_feed()]``."""
    return Security(feed_reader, scopes=[Scope.FEED_READ.value])
