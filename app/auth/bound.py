"""Fast reads of what row security guards: one statement, in a transaction bound to its caller.

Who calls is known only by the row of `client_status` that comes with the statement, and row
security must be told before. So the transaction is bound as this client was the last time, and
the answer counts only if its own status row says the same; else it is bound as the row says and
asked again. A client that moved, or whose role changed, is never answered by what it was.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import asyncpg
from fastapi import Depends, Request, Security

from app.auth.caller import Caller, VerifiedToken, caller_from, verified_token
from app.auth.errors import NotAuthenticated
from app.auth.scopes import Scope
from app.core.db import Binding, database_of, rebind

_REMEMBERED = 10_000
_TRIES = 3


class Asked(NamedTuple):
    """What a statement answered to whom, and the transaction it ran in, which is still open."""

    connection: asyncpg.Connection
    caller: Caller
    row: asyncpg.Record


@dataclass(frozen=True, slots=True)
class BoundReader:
    """A good token, whose client is looked up by the statement itself."""

    request: Request
    token: VerifiedToken

    @asynccontextmanager
    async def ask(self, scope: Scope, statement: str, *args: object) -> AsyncIterator[Asked]:
        """One row of ``statement`` under the caller's binding; the transaction commits on return.

        The statement begins with `STATUS_COLUMNS` of the client ``$1``; ``args`` follow it. Raises
        NotAuthenticated or ScopeMissing.
        """
        known: dict[str, Binding] = self.request.app.state.binding_by_client
        client = self.token.client_id
        bound = known.get(client, Binding())
        async with database_of(self.request).fast_write(bound) as connection:
            for _ in range(_TRIES):
                row = await connection.fetchrow(statement, client, *args)
                caller = caller_from(self.request, self.token, row, scope)
                if caller.binding == bound:
                    break
                bound = caller.binding
                await rebind(connection, bound)
                if len(known) >= _REMEMBERED:
                    known.clear()
                known[client] = bound
            else:
                raise NotAuthenticated
            yield Asked(connection, caller, row)


async def _bound_reader(
    request: Request, token: Annotated[VerifiedToken, Depends(verified_token)]
) -> BoundReader:
    return BoundReader(request, token)


def requires_bound(scope: Scope) -> Any:
    """As `requires`, for a `BoundReader`: its `ask` checks the scope."""
    return Security(_bound_reader, scopes=[scope.value])
