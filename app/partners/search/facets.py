"""How many profiles there are of each country, type and so on, among those that filters leave.

Few are counted, many are estimated: from one profile in `EACH`, by an index that holds what the
filters ask and is read without the table. Measured at a million profiles: 300 pages, where a sample
of the table's own pages (TABLESAMPLE SYSTEM) read 490 and would have gone wrong where profiles of
one country came in together, and counting 10,000 profiles by the index of terms read 9,000.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, get_args
from uuid import UUID

import asyncpg

from app.auth.caller import STATUS_COLUMNS, STATUS_WIDTH
from app.core import codelists
from app.partners.models import EACH, SAMPLED
from app.partners.search.conditions import OWN_COUNTRY, SCOPED, VISIBLE, Conditions
from app.partners.search.schemas import Facet, FacetsOut, FacetTotal, FacetValue
from app.partners.search.words import WORDS
from app.partners.types import TYPE_RULES, PartnerType

ENOUGH = 50
"""Profiles of the sample from which on the others are estimated; fewer are counted, all of them."""
BOUND = 20_000
"""Profiles that are counted at most."""
VALUES = 50
_ABROAD = "/abroad"

_LISTS: dict[Facet, str] = {
    "country": "countries",
    "partner_type": "partner_types",
    "status": "partner_statuses",
    "verification": "verification_outcomes",
    "tag": "partner_tags",
    "localisation": "localisation_classes",
    "sector": "sectors",
    "population": "populations",
}
_ONE_EACH: dict[Facet, str] = {
    "country": "p.country",
    "partner_type": "p.partner_type",
    "status": "p.status",
    "verification": "coalesce(p.verification, 'none')",
    "localisation": f"p.partner_type || CASE WHEN {OWN_COUNTRY} THEN '' ELSE '{_ABROAD}' END",
}
_ANY_OF: dict[Facet, str] = {"tag": "p.tags", "sector": "p.sectors", "population": "p.populations"}
_ONE_CODE = "SELECT '{facet}', h.{facet}, count(*) FROM h GROUP BY h.{facet}"
_ANY_CODE = """SELECT '{facet}', v.code, count(*)
        FROM (SELECT unnest(h.{facet}) AS code FROM h WHERE h.{facet} <> '{{}}') v
        GROUP BY v.code"""
assert set(_LISTS) == {*_ONE_EACH, *_ANY_OF} == set(get_args(Facet))


_HELD = ", ".join(
    (
        *("id", "country", "country_of_origin", "partner_type", "status", "verification"),
        *("verified_until", "tags", "sectors", "populations", "protected", "created_by"),
        *("publication_consent", "merged_into", "hq_id", "updated_at"),
    )
)
"""Columns of the sample's index."""


_HALF = "uuid_hash(id) & 1 = 0"


def _each(made: Conditions) -> int:
    """One in how many is sampled. Half of it where each has to be looked up among identifiers."""
    return EACH if made.scheme is None else 2 * EACH


def _sample(made: Conditions) -> str:
    """One profile in `_each`; none where a scheme is asked for that few profiles have."""
    # Without the filters: with them, the planner would begin with the index of one of them.
    more = ", specialisations" if any("p.specialisations" in one for one in made.walked) else ""
    gate, few = "", ENOUGH * EACH
    if made.scheme is not None:
        # In order: or it would look for a scheme that nobody has through the whole table.
        gate = f"""AND {_HALF} AND (SELECT count(*) = {few} FROM (SELECT FROM partner_identifiers i
          WHERE i.scheme = {made.scheme} AND i.active ORDER BY i.value LIMIT {few}) i)"""  # noqa: S608 - texts of ours
    return f"SELECT {_HELD}{more} FROM partners WHERE {SAMPLED} {gate}"  # noqa: S608 - texts of ours


def _counted(facets: Sequence[Facet], source: str | None, clauses: Sequence[str]) -> str:
    """The statement: the client's status and [facet, code, count] of what meets the clauses.

    They are asked of the rows of ``source``, of all profiles without one. The count without a
    facet is that of the profiles.
    """
    columns = [f"{(_ONE_EACH | _ANY_OF)[facet]} AS {facet}" for facet in facets]
    groups = [_ANY_CODE if facet in _ANY_OF else _ONE_CODE for facet in facets]
    counts = [group.format(facet=facet) for group, facet in zip(groups, facets, strict=True)]
    where = " AND ".join([*clauses, SCOPED, VISIBLE])
    sampled = f"sampled AS MATERIALIZED ({source}), " if source else ""
    return f"""SELECT {STATUS_COLUMNS}, f.counts FROM client_status s LEFT JOIN LATERAL (
      WITH {sampled}h AS MATERIALIZED (
        SELECT {", ".join(columns)} FROM {"sampled" if source else "partners"} p
        WHERE {where} LIMIT {BOUND + 1})
      SELECT json_agg(json_build_array(c.facet, c.code, c.n))::text AS counts
      FROM (SELECT NULL AS facet, NULL AS code, count(*) AS n FROM h
        UNION ALL {" UNION ALL ".join(counts)}) c) f ON true
    WHERE s.client_id = $1"""  # noqa: S608 - texts of ours; values are bound


class Counts:
    """Counts of a statement's row."""

    def __init__(self, row: Any | None) -> None:
        self.total = 0
        self.values: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for facet, code, count in json.loads(row[STATUS_WIDTH]) if row is not None else ():
            if facet is None:
                self.total = count
            else:
                self.values[facet][_class_of(code) if facet == "localisation" else code] += count


def _class_of(code: str) -> str:
    kind = code.removesuffix(_ABROAD)
    name = TYPE_RULES.types[PartnerType(kind)].localisation
    if name != "by_country":
        return name
    return "national" if kind == code else "not_local"


async def find(
    connection: asyncpg.Connection,
    made: Conditions,
    facets: Sequence[Facet],
    met: Sequence[UUID] | None = None,
) -> tuple[Any | None, FacetsOut]:
    """The client's status, None when there is no such client, and the counts.

    ``met`` are the profiles of a search by words, none others are counted then.
    """
    asked = len(made.values)
    countries: Sequence[str] = ()
    if not made.direct and met is None:
        row = await connection.fetchrow(_counted(facets, _sample(made), made.walked), *made.values)
        sample = Counts(row)
        if row is None or sample.total >= ENOUGH:
            return row, _answer(facets, sample, times=_each(made))
        del made.values[asked:]
        countries = row["countries"]
    if met is None:
        clauses, whole = made.look_up(countries), True
    else:
        clauses = [*made.walked, f"p.id = ANY ({made.param(met)}::uuid[])"]
        whole = len(met) < WORDS
    row = await connection.fetchrow(_counted(facets, None, clauses), *made.values)
    counts = Counts(row)
    return row, _answer(facets, counts, whole=whole and counts.total <= BOUND)


def _answer(
    facets: Sequence[Facet], counts: Counts, *, times: int = 1, whole: bool = False
) -> FacetsOut:
    shown: dict[Facet, list[FacetValue]] = {}
    more: list[Facet] = []
    for facet in facets:
        known = codelists.current(_LISTS[facet]).by_code
        ordered = sorted(counts.values[facet].items(), key=lambda one: (-one[1], one[0]))
        if len(ordered) > VALUES:
            more.append(facet)
        shown[facet] = [
            FacetValue(
                code=code,
                label=known[code].labels["en"] if code in known else code,
                count=_scaled(count, times),
            )
            for code, count in ordered[:VALUES]
        ]
    total = FacetTotal(count=_scaled(counts.total, times), exact=whole)
    return FacetsOut(total=total, facets=shown, more=more)


def _scaled(count: int, times: int) -> int:
    """An estimate says no more than it knows: two digits."""
    return count if times == 1 else two_digits(count * times)


def two_digits(number: int) -> int:
    """The number rounded, half up, to its first two digits."""
    unit: int = 10 ** max(0, len(str(number)) - 2)
    return (number + unit // 2) // unit * unit
