"""Statements of the list: the caller's status and a page of profiles, in one round trip.

A page is found in one of two ways. A walk goes along an index that has the order of the list and
stops when the page is full; it looks at a bounded number of profiles. Where that was not enough the
filters meet few profiles, and a look-up by all of them at once, in the index of terms, finds those
and sorts them. So a rare combination costs as little as a common one, on any page.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from app.auth.caller import STATUS_COLUMNS
from app.partners.queries import IDENTIFIERS, PROFILE
from app.partners.search.conditions import SCOPED, VISIBLE, Column, Conditions

BUDGET = 2_000
"""Profiles that a walk along one or more values looks at."""
FREE_BUDGET = 4 * BUDGET
"""The same along the order of the whole list: neighbours there are neighbours on disk, too."""
Sort = Literal["newest", "updated"]

_TIMES = ("last_confirmed_at", "created_at", "updated_at")


def _instant(column: str) -> str:
    text = f"to_char(p.{column} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
    return f"{text} AS {column}"


def _item() -> str:
    """A profile as JSON text, but for what only Python computes: number and script."""
    columns = [f"p.{name}" for name in PROFILE if name not in (*_TIMES, "number")]
    times = [_instant(name) for name in _TIMES]
    return (
        f"SELECT {', '.join([*columns, *times])}, {IDENTIFIERS} AS identifiers, "
        "a.code AS created_by"
    )


ITEM = _item()
_WALKED = ", ".join(
    f"p.{name}"
    for name in (
        *PROFILE,
        *("created_by", "updated_at", "verification", "verified_until"),
        *("sectors", "specialisations", "populations"),
    )
)
"""What conditions may ask of a profile that a walk passes."""


class Order:
    """The order of a list, and which way along it the page lies."""

    def __init__(self, sort: Sort, backward: bool) -> None:
        self.way = "ASC" if backward else "DESC"
        self._than = ">" if backward else "<"
        self.sort = sort

    def by(self, alias: str) -> str:
        """ORDER BY of rows with ``id`` and ``updated_at``."""
        last = f"{alias}.id {self.way}"
        return last if self.sort == "newest" else f"{alias}.updated_at {self.way}, {last}"

    def after(self, made: Conditions, values: Sequence[Any] | None) -> list[str]:
        """The condition that a row comes after these sort values: (id) or (updated_at, id)."""
        if values is None:
            return []
        places = [made.param(value) for value in values]
        if self.sort == "newest":
            return [f"p.id {self._than} {places[0]}::uuid"]
        return [f"(p.updated_at, p.id) {self._than} ({places[0]}::timestamptz, {places[1]}::uuid)"]


def _and(clauses: Sequence[str]) -> str:
    return " AND ".join(clauses) or "true"


def _shown(chosen: str, order: Order, limit: int) -> str:
    """The statement around what chooses (id, updated_at)."""
    by = order.by("x")
    return f"""SELECT {STATUS_COLUMNS}, page.ids, page.stamps, page.numbers, page.natives,
      page.bodies
    FROM client_status s LEFT JOIN LATERAL (
      SELECT array_agg(x.id ORDER BY {by}) AS ids, array_agg(x.updated_at ORDER BY {by}) AS stamps,
        array_agg(x.number ORDER BY {by}) AS numbers,
        array_agg(x.legal_name_native ORDER BY {by}) AS natives,
        array_agg(x.body ORDER BY {by}) AS bodies
      FROM (SELECT p.id, p.updated_at, p.number, p.legal_name_native, row_to_json(b)::text AS body
        FROM (SELECT k.id, k.updated_at FROM ({chosen}) k ORDER BY {order.by("k")} LIMIT {limit}) k
          JOIN partners p ON p.id = k.id JOIN agencies a ON a.id = p.created_by
          CROSS JOIN LATERAL ({ITEM}) b) x) page ON true
    WHERE s.client_id = $1"""  # noqa: S608 - texts of ours


def _walk_codes(
    codes: str, column: Column, beside: list[str], after: list[str], order: Order, limit: int
) -> str:
    """Along the index of each value of a column, merged."""
    here = _and([f"p.{column} = c.code", *after])
    if beside == ["p.merged_into IS NULL"] or not beside:
        return f"""SELECT w.id, w.updated_at FROM ({codes}) c CROSS JOIN LATERAL (
          SELECT p.id, p.updated_at FROM partners p WHERE {_and([here, *beside, VISIBLE])}
          ORDER BY {order.by("p")} LIMIT {limit}) w"""  # noqa: S608 - texts of ours; values are bound
    # Ids first and from the index alone: the newest of all values, then what else is asked.
    return f"""SELECT p.id, p.updated_at FROM (SELECT w.id FROM ({codes}) c CROSS JOIN LATERAL (
          SELECT p.id FROM partners p WHERE {here} ORDER BY {order.by("p")} LIMIT {BUDGET}) w
        ORDER BY w.id {order.way} LIMIT {BUDGET}) w JOIN partners p ON p.id = w.id
      WHERE {_and([*beside, VISIBLE])} ORDER BY w.id {order.way} LIMIT {limit}"""  # noqa: S608 - texts of ours; values are bound


def _walk_all(
    gate: list[str], beside: list[str], after: list[str], order: Order, limit: int
) -> str:
    """Along the index of the order itself."""
    by = order.by("p")
    if not set(beside) - {"p.merged_into IS NULL"}:
        where = _and([*gate, *after, *beside, VISIBLE])
        return f"""(SELECT p.id, p.updated_at FROM partners p WHERE {where}
          ORDER BY {by} LIMIT {limit})"""  # noqa: S608 - texts of ours; values are bound
    return f"""(SELECT p.id, p.updated_at FROM (SELECT {_WALKED} FROM partners p
          WHERE {_and([*gate, *after])} ORDER BY {by} LIMIT {FREE_BUDGET}) p
        WHERE {_and([*beside, VISIBLE])} ORDER BY {by} LIMIT {limit})"""  # noqa: S608 - texts of ours; values are bound


def _never(scoped: bool) -> bool:
    return False


def walk(
    made: Conditions, order: Order, after: Sequence[Any] | None, limit: int
) -> tuple[str, Callable[[bool], bool]]:
    """The statement of a walk, and whether it finds all there is, however far it has to go, for
    callers with (True) or without countries of their own.

    A caller with countries walks along those, if the request names none of its own.
    """
    then = order.after(made, after)
    if order.sort == "updated":
        beside = [*made.walked, SCOPED]
        since = [clause for clause in made.walked if clause.startswith("p.updated_at >=")]
        rest = [clause for clause in beside if clause not in since]
        return _shown(_walk_all([], rest, [*then, *since], order, limit), order, limit), _never
    prefix = made.prefix
    beside = made.beside(prefix)
    whole = not set(beside) - {"p.merged_into IS NULL"}
    scoped_whole = not set(made.walked) - {"p.merged_into IS NULL"}
    if prefix == "country":
        codes = (
            f"SELECT DISTINCT g.code FROM unnest({made.prefixes['country']}::text[]) AS g (code) "  # noqa: S608 - texts of ours; values are bound
            "WHERE s.countries = '{}' OR g.code = ANY (s.countries)"
        )
        chosen = _walk_codes(codes, "country", beside, then, order, limit)
        return _shown(chosen, order, limit), lambda scoped: whole
    if prefix is None:
        free = _walk_all(["s.countries = '{}'"], beside, then, order, limit)
    else:
        codes = (
            f"SELECT DISTINCT g.code FROM unnest({made.prefixes[prefix]}::text[]) AS g (code) "  # noqa: S608 - texts of ours; values are bound
            "WHERE s.countries = '{}'"
        )
        free = f"({_walk_codes(codes, prefix, beside, then, order, limit)})"
    scope = "SELECT DISTINCT unnest(s.countries) AS code"
    scoped = f"({_walk_codes(scope, 'country', made.walked, then, order, limit)})"
    chosen = f"{free} UNION ALL {scoped}"
    return _shown(chosen, order, limit), lambda has: scoped_whole if has else whole


def look_up(
    made: Conditions,
    order: Order,
    after: Sequence[Any] | None,
    limit: int,
    countries: Sequence[str],
    *,
    terms: bool = True,
) -> str:
    """The statement of a look-up; ``countries`` are those of the caller, if it has any.

    Without ``terms`` the profiles are known by something rarer.
    """
    clauses = made.look_up(countries) if terms else made.walked
    where = _and([*clauses, *order.after(made, after), SCOPED, VISIBLE])
    # Materialized: the planner must not walk along the order once more.
    chosen = f"""WITH h AS MATERIALIZED (
        SELECT p.id, p.updated_at FROM partners p WHERE {where})
      SELECT h.id, h.updated_at FROM h ORDER BY {order.by("h")} LIMIT {limit}"""  # noqa: S608 - texts of ours; values are bound
    return _shown(chosen, order, limit)
