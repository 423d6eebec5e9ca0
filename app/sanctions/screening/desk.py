"""Single screenings that are asked for at once by one client: read, scored and stored together.

Two statements for all of them, where each alone would take two. What one is told rests on the same
facts as if it had come alone; what is wrong with one is that one's error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

import asyncpg
import structlog

from app.auth.caller import caller_from
from app.auth.errors import NotAuthenticated
from app.auth.scopes import Scope
from app.core.clock import utc_now
from app.core.db import Database
from app.core.errors import ServiceError
from app.core.gathering import OF_ONE, Gathering
from app.core.idempotency import IdempotencyInProgress, Replay
from app.core.limits import Limits, release
from app.sanctions.screening import queries
from app.sanctions.screening.answers import Answer, answered, prepare
from app.sanctions.screening.service import Screener
from app.sanctions.screening.storing import Ask, Given, facts_of, named, store_each

log = structlog.get_logger()
_WAIT_S = 5.0


class Desk:
    """Where single screenings are handed in."""

    def __init__(self, database: Database, screener: Screener, limits: Limits) -> None:
        self._database = database
        self._screener = screener
        self._bulkhead = limits.bulkhead
        self._gathering: Gathering[Ask, Answer] = Gathering(
            self._together, faults=(IdempotencyInProgress, asyncpg.DataError)
        )

    async def screen(self, ask: Ask) -> Answer:
        """The answer, once it is stored. Raises Replay and the errors of one screening."""
        release(ask.request.scope)  # the round takes the agency's share, once for all of it
        return await self._gathering.ask((ask.client_id, ask.sees_all), ask)

    async def _together(self, asks: Sequence[Ask]) -> list[Answer | Exception]:
        token = asks[0].writer.token
        async with (
            self._bulkhead.slot(token.agency or token.client_id, _WAIT_S),
            self._database.fast_steady() as connection,
        ):
            given, told = await answers_to(connection, self._screener, asks, utc_now())
            if given:
                await store_each(connection, given)
            return told


async def answers_to(
    connection: asyncpg.Connection, screener: Screener, asks: Sequence[Ask], now: datetime
) -> tuple[list[Given], list[Answer | Exception]]:
    """Answers to requests of one client, to be stored; and in the order of the requests, the answer
    or the error of each.
    """
    first = asks[0]
    keys = [ask.writer.key.key for ask in asks]
    about = (named(ask.wanted for ask in asks), first.sees_all, first.writer.key.route, keys)
    rows = await connection.fetch(queries.FACTS, first.client_id, *about)
    row = rows[0] if rows else None
    kept = {one["idempotency_key"]: one for one in rows}
    given: list[Given] = []
    told: list[Answer | Exception] = []
    if row is None:
        return given, [NotAuthenticated() for _ in asks]
    facts = facts_of(row, row["agency_code"], now)
    layers = await screener.layers(connection, facts.seq, facts.lists.own)
    for ask in asks:
        try:
            caller = caller_from(ask.request, ask.writer.token, row, Scope.SCREENING_RUN)
            key = ask.writer.key
            if key.key in kept:
                await key.check(ask.writer.keys, connection, kept[key.key])
            prepared = prepare(ask.wanted, facts, layers)
            answer = answered(prepared, prepared.find(), now)
        except (Replay, ServiceError) as error:
            told.append(error)
        except OF_ONE as error:
            log.error("screening_failed", kind=type(error).__name__, exc_info=error)
            told.append(error)
        else:
            given.append(Given(ask, caller, answer))
            told.append(answer)
        if len(asks) > 1:
            await asyncio.sleep(0)  # others have their turn: comparing takes a while
    return given, told
