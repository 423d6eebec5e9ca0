"""Profiles by words of a name, in any script: met by the keys of matching, best first.

All words as they are heard, in any order; and names that are near to the whole of what was typed,
unless enough have all of its words. At most `WORDS` profiles are met by their words before the
other filters; `MOST` are ranked, by their names alone, and a page of those is read in full.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import asyncpg

from app.auth.caller import STATUS_COLUMNS, STATUS_WIDTH
from app.core.names.keys import search_keys
from app.partners.lineage import root_inline
from app.partners.matching import queries as matching
from app.partners.matching.rank import Wanted, rank
from app.partners.search import queries
from app.partners.search.conditions import SCOPED, VISIBLE, Conditions
from app.partners.search.queries import Order
from app.partners.search.service import Found

WORDS = 1_000
MOST = 200
_FIRST = 300
"""Profiles that are read before the others: where no filter takes many away, they are enough."""
_ALL_WORDS = 0.5
"""Score of a profile that has all words in a name that is otherwise not alike."""

_NEAR = f"(SELECT CASE WHEN count(*) < {MOST} THEN $3::int4[] ELSE '{{}}' END FROM words)"  # noqa: S608 - texts of ours
_MET = f"""WITH words AS MATERIALIZED (
  SELECT partner_id FROM partner_names WHERE $4::int4[] <> '{{}}' AND keys @> $4::int4[]
  LIMIT {WORDS}),
{matching.hits_of(_NEAR)}
SELECT array_agg(m.id ORDER BY m.weight DESC, m.id DESC) FROM (
  SELECT i.id, max(a.weight) AS weight FROM (
      SELECT partner_id, weight FROM hits UNION ALL SELECT partner_id, 0 FROM words) a
    CROSS JOIN LATERAL (VALUES (a.partner_id), ({root_inline("a.partner_id")})) AS i (id)
  GROUP BY i.id) m"""  # noqa: S608 - texts of ours; values are bound
"""A merged profile is met by its names and stands for its survivor, too."""


def _wanted(words: str) -> Wanted:
    return Wanted([("legal_name", words)], acronym=words if " " not in words else None)


async def met(connection: asyncpg.Connection, words: str) -> Sequence[UUID]:
    """Profiles that are met by these words, before all filters; the likeliest first."""
    probes, near = _wanted(words).asked()
    asked = (*matching.sent(probes), near, search_keys(words))
    return await connection.fetchval(_MET, *asked) or []


async def find(
    connection: asyncpg.Connection, made: Conditions, words: str
) -> tuple[Any | None, list[tuple[float, str]]]:
    """The client's status, None when there is no such client, and score (below zero) and id of the
    profiles, best first.
    """
    ids = await met(connection, words)
    asked = len(made.values)
    where = " AND ".join([*made.walked, SCOPED, VISIBLE])
    place = made.param(ids[:_FIRST])
    # What `rank` compares, and nothing else.
    sql = f"""SELECT {STATUS_COLUMNS}, x.* FROM client_status s LEFT JOIN LATERAL (
        SELECT p.id AS found_id, p.number, p.version, p.hq_id, p.country, p.legal_name,
          p.legal_name AS found_name, p.legal_name_native, p.acronym, p.aliases, p.former_names,
          p.year_established, p.website, true AS visible
        FROM partners p WHERE p.id = ANY ({place}::uuid[]) AND {where}) x ON true
      WHERE s.client_id = $1"""  # noqa: S608 - texts of ours; values are bound
    rows = await connection.fetch(sql, *made.values)
    if not rows:
        return None, []
    found = {row["found_id"]: row for row in rows}
    if len(ids) > _FIRST and len(found) < MOST:
        made.values[-1] = ids[_FIRST:]
        more = await connection.fetch(sql, *made.values)
        found |= {row["found_id"]: row for row in more}
    del made.values[asked:]
    # The likeliest first, as they were met.
    profiles = [_profile(found[one]) for one in ids if one in found][:MOST]
    return rows[0], _ranked(profiles, _wanted(words))


def _profile(row: Any) -> SimpleNamespace:
    # By place: the client's status has a column of the name `partner_id`, too.
    columns = list(row.items())[STATUS_WIDTH:]
    return SimpleNamespace(partner_id=row["found_id"], **dict(columns))


def _ranked(rows: Sequence[Any], wanted: Wanted) -> list[tuple[float, str]]:
    scores = {one.partner_id: one.score for one in rank(rows, wanted).candidates}
    order = [
        (-max(scores.get(row.partner_id, 0.0), _ALL_WORDS), str(row.partner_id)) for row in rows
    ]
    return sorted(order)


async def page(
    connection: asyncpg.Connection, made: Conditions, ids: Sequence[str]
) -> tuple[Found, list[int]]:
    """These profiles in full, as far as the conditions still let them be read, and their places in
    the order of ``ids``. ``made`` holds no parameter but those of its conditions.
    """
    if not ids:
        return Found(None), []
    made.add(f"p.id = ANY ({made.param(ids)}::uuid[])")
    sql = queries.look_up(made, Order("newest", False), None, len(ids), (), terms=False)
    found = Found(await connection.fetchrow(sql, *made.values))
    places = {str(one): place for place, one in enumerate(found.ids)}
    return found, [places[one] for one in ids if one in places]
