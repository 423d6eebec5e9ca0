"""A page of profiles: found, checked against the caller, and put together as bytes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import asyncpg

from app.auth.caller import STATUS_WIDTH
from app.core.ids import registry_number
from app.partners import naming
from app.partners.search import queries
from app.partners.search.conditions import Conditions
from app.partners.search.queries import Order


class Found:
    """Profiles of a page, in the order they were read: sort values and JSON of each."""

    def __init__(self, row: Any | None) -> None:
        page: Sequence[Any] = row[STATUS_WIDTH:] if row is not None else (None,) * 5
        self.ids, self.stamps, self.numbers, self._natives, self._bodies = (
            value or [] for value in page
        )

    def __len__(self) -> int:
        return len(self.ids)

    def item(self, at: int) -> str:
        """JSON of a profile."""
        native = self._natives[at]
        script = json.dumps(naming.script_of(native)) if native else "null"
        number = registry_number(self.numbers[at])
        return f'{{"registry_number":"{number}","script":{script},{self._bodies[at][1:]}'


async def find(
    connection: asyncpg.Connection,
    made: Conditions,
    order: Order,
    after: Sequence[Any] | None,
    limit: int,
) -> Any | None:
    """The row of `queries`: the client's status and a page of ``limit`` profiles at most.

    None when there is no such client.
    """
    asked = len(made.values)
    if not made.direct:
        sql, whole = queries.walk(made, order, after, limit)
        row = await connection.fetchrow(sql, *made.values)
        if row is None or len(Found(row)) >= limit or whole(bool(row["countries"])):
            return row
        del made.values[asked:]
        countries = row["countries"]
    else:
        countries = ()
    sql = queries.look_up(made, order, after, limit, countries)
    return await connection.fetchrow(sql, *made.values)
