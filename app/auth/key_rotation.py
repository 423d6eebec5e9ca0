"""Signing keys change in two steps: `prepare` publishes the next key, `rotate` signs with it.

Between the two lies the time in which everyone who verifies has learned of it. Works as the
operator.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.keys import LOCK, Use, context_of, new_row
from app.auth.models import SigningKeyRow
from app.core.key_provider import KeyProvider
from app.core.rekeying import WrappedKeys

PUBLISHED_FOR: dict[Use, timedelta] = {
    "token": timedelta(hours=24),
    "list": timedelta(days=7),
    "receipt": timedelta(days=7),
    "checkpoint": timedelta(days=7),
}
"""How long a next key must have been published before it signs."""
HANDOVER = timedelta(seconds=60)
"""A process may sign with the old key for half a minute more; so the old key ends after that."""
WRAPPED = WrappedKeys("signing_keys", "kid", "'signing|' || use || '|' || kid")


class KeyProblem(Exception):
    """A signing key cannot change as asked; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Change:
    """From which key to which."""

    old: str
    new: str


async def list_keys(session: AsyncSession) -> list[SigningKeyRow]:
    """Every signing key, by use, the newest first."""
    found = await session.scalars(
        select(SigningKeyRow).order_by(
            SigningKeyRow.use, SigningKeyRow.not_before.desc(), SigningKeyRow.kid
        )
    )
    return list(found)


async def find_next(session: AsyncSession, use: Use) -> SigningKeyRow | None:
    """The key that will sign next, if there is one."""
    return await _of_state(session, use, "next")


async def prepare(session: AsyncSession, root: KeyProvider, use: Use) -> str:
    """Make the next key of this use and publish it; returns its kid.

    Raises KeyProblem when there is one already.
    """
    await session.execute(LOCK)
    waiting = await find_next(session, use)
    if waiting is not None:
        raise KeyProblem(f"There is a next {use} key already: {waiting.kid}.")
    await _check(root, await _of_state(session, use, "current"))
    row = await new_row(root, use)
    await session.execute(insert(SigningKeyRow).values(**row, state="next"))
    kid: str = row["kid"]
    return kid


async def rotate(
    session: AsyncSession, use: Use, published_at: datetime | None, now: datetime
) -> Change:
    """Make the next key current and retire the current one.

    ``published_at`` is since when those who verify can know the next key, None for never: of
    a token key since it was made, of others since a signed keys document names it. Raises
    KeyProblem when there is no next key or it has not been published for long enough.
    """
    await session.execute(LOCK)
    coming = await find_next(session, use)
    if coming is None:
        raise KeyProblem(f"There is no next {use} key: run `registry keys prepare {use}` first.")
    if use == "token":
        published_at = coming.not_before
    if published_at is None:
        raise KeyProblem(
            f"The next {use} key is not in the newest keys document: run `registry keys root "
            "sign` first."
        )
    wait = PUBLISHED_FOR[use]
    if now - published_at < wait:
        ready = published_at + wait
        raise KeyProblem(
            f"The next {use} key was published at {published_at:%Y-%m-%d %H:%M} UTC and may sign "
            f"from {ready:%Y-%m-%d %H:%M} UTC."
        )
    old = await _end(session, use, "current", "retired", now + HANDOVER)
    await session.execute(
        update(SigningKeyRow).where(SigningKeyRow.kid == coming.kid).values(state="current")
    )
    return Change(old or "-", coming.kid)


async def replace(session: AsyncSession, root: KeyProvider, use: Use, now: datetime) -> Change:
    """In an emergency: a new key signs at once, the current and the next one are withdrawn.

    Access tokens of a withdrawn key are refused as soon as the processes have read the keys
    again. Clients do not know the new list, receipt or checkpoint key before a new keys document.
    """
    await session.execute(LOCK)
    await _check(root, await _of_state(session, use, "current"))
    old = await _end(session, use, "current", "withdrawn", now)
    await _end(session, use, "next", "withdrawn", now)
    row = await new_row(root, use)
    await session.execute(insert(SigningKeyRow).values(**row, state="current"))
    return Change(old or "-", row["kid"])


async def _check(root: KeyProvider, current: SigningKeyRow | None) -> None:
    """With a root key that is not this database's, no key may be made. Raises Undecipherable."""
    if current is not None:
        await root.unwrap(current.wrapped, context_of(current.use, current.kid))


async def _of_state(session: AsyncSession, use: Use, state: str) -> SigningKeyRow | None:
    found: SigningKeyRow | None = await session.scalar(
        select(SigningKeyRow).where(SigningKeyRow.use == use, SigningKeyRow.state == state)
    )
    return found


async def _end(session: AsyncSession, use: Use, state: str, ended: str, at: datetime) -> str | None:
    row = await _of_state(session, use, state)
    if row is None:
        return None
    await session.execute(
        update(SigningKeyRow).where(SigningKeyRow.kid == row.kid).values(state=ended, not_after=at)
    )
    return row.kid
