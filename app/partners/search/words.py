"""Profiles by words of a name, in any script: met by the keys of matching, best first.

All words as they are heard, in any order; and names that are near to the whole of what was typed.
At most `WORDS` profiles are met by their words before the other filters, and `MOST` are shown.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import asyncpg

from app.core.names.keys import search_keys
from app.partners.matching import queries as matching
from app.partners.matching.rank import Wanted, rank
from app.partners.search import queries
from app.partners.search.conditions import Conditions
from app.partners.search.queries import Order
from app.partners.search.service import Found

WORDS = 1_000
MOST = 200
_ALL_WORDS = 0.5
"""Score of a profile that has all words in a name that is otherwise not alike."""

# A merged profile is met by its names and stands for its survivor, too.
_MET = f"""WITH {matching.HITS}, met AS (
  SELECT partner_id FROM hits UNION
  (SELECT partner_id FROM partner_names WHERE $4::int4[] <> '{{}}' AND keys @> $4::int4[]
   LIMIT {WORDS}))
SELECT array_agg(DISTINCT i.id) FROM met
  CROSS JOIN LATERAL (VALUES (met.partner_id), (partner_root(met.partner_id))) AS i (id)"""  # noqa: S608 - texts of ours; values are bound


def _wanted(words: str) -> Wanted:
    return Wanted([("legal_name", words)], acronym=words if " " not in words else None)


async def met(connection: asyncpg.Connection, words: str) -> Sequence[UUID]:
    """Profiles that are met by these words, before all filters."""
    probes, near = _wanted(words).asked()
    asked = (*matching.sent(probes), near, search_keys(words))
    return await connection.fetchval(_MET, *asked) or []


async def find(
    connection: asyncpg.Connection, made: Conditions, words: str
) -> tuple[Any | None, list[tuple[float, str, int]]]:
    """The row of `queries`, and for each profile shown (score below zero, id, its place in the
    row), best first. The row is None when there is no such client.
    """
    wanted = _wanted(words)
    ids = await met(connection, words)
    made.direct = True
    made.add(f"p.id = ANY ({made.param(ids)}::uuid[])")
    sql = queries.look_up(made, Order("newest", False), None, MOST, (), terms=False)
    row = await connection.fetchrow(sql, *made.values)
    return row, _ranked(Found(row), wanted)


def _ranked(found: Found, wanted: Wanted) -> list[tuple[float, str, int]]:
    rows = [_row(found, at) for at in range(len(found))]
    scores = {one.partner_id: one.score for one in rank(rows, wanted).candidates}
    order = [
        (-max(scores.get(row.partner_id, 0.0), _ALL_WORDS), str(row.partner_id), at)
        for at, row in enumerate(rows)
    ]
    return sorted(order)


def _row(found: Found, at: int) -> Any:
    """A profile with the columns that `rank` compares."""
    body = json.loads(found.item(at))
    return SimpleNamespace(
        **body
        | {
            "partner_id": found.ids[at],
            "found_id": found.ids[at],
            "found_name": body["legal_name"],
            "number": found.numbers[at],
            "visible": True,
        }
    )
