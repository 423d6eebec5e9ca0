"""Where clearances are handed in: those that one client asks for at once are read and stored
together, by two statements for all of them.

What one is told rests on the same facts as if it had come alone; what is wrong with one is that
one's error.
"""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg
import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.auth.bound import replaying
from app.core.clock import utc_now
from app.core.db import Database
from app.core.gathering import Gathering
from app.core.idempotency import IdempotencyInProgress
from app.core.limits import Limits, release
from app.recognition import snapshot
from app.recognition.asking import Ask, search
from app.recognition.clearing import answers_to
from app.recognition.storing import Answered, prepare, store
from app.sanctions.screening.service import Screener

log = structlog.get_logger()
ROUTE = "/v1/clearances"
_WAIT_S = 5.0


class Desk:
    """Rounds of the clearances of this process."""

    def __init__(self, database: Database, screener: Screener, limits: Limits) -> None:
        self._database = database
        self._screener = screener
        self._bulkhead = limits.bulkhead
        self._gathering: Gathering[Ask, Answered] = Gathering(
            self._together, faults=(IdempotencyInProgress, asyncpg.DataError)
        )

    async def clear(self, ask: Ask) -> Answered:
        """The answer, once it is stored. Raises Replay and the errors of one clearance."""
        if ask.wanted.partner.name is not None:
            return await replaying(lambda: self._by_name(ask))
        release(ask.request.scope)  # the round takes the agency's share, once for all of it
        return await replaying(lambda: self._gathering.ask(ask.token.client_id, ask))

    async def warm(self) -> None:
        """Have the statements planned on a connection that the first to ask will get. What fails
        here is done by them.
        """
        try:
            async with self._database.fast_steady() as connection:
                await snapshot.read(connection, "", "", [snapshot.Question()])
                await prepare(connection)
        except (OSError, asyncpg.PostgresError, SQLAlchemyError) as error:
            log.warning("clearances_not_warm", kind=type(error).__name__)

    async def _together(self, asks: Sequence[Ask]) -> list[Answered | Exception]:
        token = asks[0].token
        async with (
            self._bulkhead.slot(token.agency or token.client_id, _WAIT_S),
            self._database.fast_steady() as connection,
        ):
            return await self._answered(connection, asks)

    async def _by_name(self, ask: Ask) -> Answered:
        """Alone: a search by name reads by the rules of its own statement, which binds nobody."""
        assert ask.key is not None  # every request has one
        agency_id = ask.key.agency_id
        async with self._database.fast_write(agency_id) as connection:
            meant = await search(connection, agency_id, ask.wanted, ask.sees_all)
            told = (await self._answered(connection, [ask.meaning(meant)]))[0]
            if isinstance(told, Exception):
                raise told
            return told

    async def _answered(
        self, connection: asyncpg.Connection, asks: Sequence[Ask]
    ) -> list[Answered | Exception]:
        given, told = await answers_to(connection, self._screener, ROUTE, asks, utc_now())
        if given:
            await store(connection, given, ROUTE)
        return told
