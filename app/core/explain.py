"""What a constraint refuses, as the error that says what it means."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import ServiceError, violated_constraint


@asynccontextmanager
async def explained(
    session: AsyncSession, refusals: Mapping[str, type[ServiceError]]
) -> AsyncIterator[None]:
    """A savepoint; a constraint in it that refuses raises the error it is named with.

    The database decides, for a look first would lose a race. Any other error stays as it is.
    """
    try:
        async with session.begin_nested():
            yield
    except IntegrityError as error:
        kind = refusals.get(violated_constraint(error) or "")
        if kind is None:
            raise
        raise kind from error
