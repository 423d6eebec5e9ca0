"""Fast statements about what row security guards: each binds itself to its caller.

Who calls is known only by the row of `client_status` that comes with the statement, and row
security must know it before a row is looked at. So the statement begins by binding its own
transaction as that row says; what depends on it (LATERAL) is looked at afterwards. Were it ever
looked at before, the transaction would be bound to nobody and would see nothing.

A statement that stores begins alike, and makes each of its rows out of ``s``: no row can come
before the binding, and of a client that was stopped meanwhile nothing is stored. One that reads
all facts and one that stores all of the answer are two messages, where a transaction around them
would be four. Between the two nothing is locked: twins with one Idempotency-Key end at its primary
key, and `replaying` gives the second the answer of the first.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import asyncpg

from app.auth.caller import OVERSIGHT, STATUS_COLUMNS
from app.auth.errors import NotAuthenticated
from app.core.db import NO_AGENCY
from app.core.idempotency import IdempotencyInProgress

Result = TypeVar("Result")

BOUND = f"""WITH s AS MATERIALIZED (SELECT {STATUS_COLUMNS},
    set_config('app.agency_id', coalesce(nullif(s.agency_id::text, '{NO_AGENCY}'), ''), true)
      AS bound_agency,
    set_config('app.partner_id', coalesce(s.partner_id::text, ''), true) AS bound_partner,
    set_config('app.oversight', CASE WHEN '{OVERSIGHT}' = ANY (s.roles) THEN 'on' ELSE '' END,
      true) AS bound_oversight
    FROM client_status s WHERE s.client_id = $1)"""  # noqa: S608 - constants of ours
"""Beginning of such a statement, in autocommit (`Database.fast_read`): the status ``s`` of the
client ``$1``, and the transaction bound as `Caller.binding` says of it.
"""


def behind(statement: str, most: int = 1) -> str:
    """SQL for LATERAL: this select of at most so many rows, which ends in its WHERE, run only for a
    bound caller.
    """
    # LIMIT keeps the planner from taking the select apart and joining in another order.
    return f"({statement} AND s.bound_agency IS NOT NULL LIMIT {most})"


async def store(
    connection: asyncpg.Connection, statement: str, *args: Any, answers: int = 1
) -> None:
    """Run a statement that stores by `BOUND` and ends in so many answers with Idempotency-Key.

    In autocommit all of it is durable when this returns. Raises IdempotencyInProgress when a twin
    stored its answer meanwhile, NotAuthenticated when the client was stopped meanwhile.
    """
    try:
        done = await connection.execute(statement, *args)
    except asyncpg.UniqueViolationError as error:
        if error.table_name != "idempotency_keys":
            raise
        raise IdempotencyInProgress(headers={"Retry-After": "1"}) from None
    if done != f"INSERT 0 {answers}":
        raise NotAuthenticated


async def replaying(attempt: Callable[[], Awaitable[Result]]) -> Result:
    """What ``attempt`` returns. It is made once more when a twin was quicker: it then reads the
    answer that is stored by now, and replays it.
    """
    try:
        return await attempt()
    except IdempotencyInProgress:
        return await attempt()
