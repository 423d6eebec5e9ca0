"""Every select of matching.

Cost is bounded by construction: PostgreSQL's own statistics (ANALYZE) say how many profiles a key
of names has; combinations that would meet too many are not asked for, those that are give a
limited number of rows each, and a limited number of candidates is compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.names.keys import Probe
from app.partners.matching.models import PossibleDuplicate
from app.partners.models import Partner
from app.partners.visibility import visible

_MET = 600
"""Profiles that a combination of keys may be expected to meet."""
_READ = 12_000
"""Entries of its rarest key that may be read for it."""
_PROBES = 16
_EACH = 300
_NEAR = 20
"""Key by key: of `keys && $3` with a limit the planner makes a scan of the whole table."""
_COMPARED = 60
_PAIR_MET, _PAIR_PROBES, _PAIR_COMPARED = 60, 12, 12
"""The same for the check of many profiles at once, which looks for near duplicates only."""
_RARE = 20
"""Profiles of a key that the statistics do not name: assumed."""

_TELLS = "power(ln(1 + size.n / n.met), 2)"
"""How much it says to be met: more where a probe meets few. The statistics cannot tell, as among a
million profiles they name only keys that some thousands have."""

# S608 below: the texts are built of constants of this module, never of input.
_COUNTED = """
common AS MATERIALIZED (
  SELECT e.key, f.share FROM pg_stats s
    CROSS JOIN unnest(s.most_common_elems::text::int4[]) WITH ORDINALITY AS e (key, n)
    JOIN unnest(s.most_common_elem_freqs) WITH ORDINALITY AS f (share, n) ON f.n = e.n
  WHERE s.schemaname = 'public' AND s.tablename = 'partner_names' AND s.attname = 'keys'),
size AS MATERIALIZED (
  SELECT greatest(c.reltuples, 1)::float8 AS n FROM pg_class c
  WHERE c.oid = 'public.partner_names'::regclass)"""
"""How common each key is, and how many profiles there are."""


def hits_of(near: str = "$3::int4[]") -> str:
    """Common tables of a statement: ``hits`` are the profiles that share most keys with what is
    looked for. $1 and $2 are the probes (`sent`), ``near`` gives the keys of near spellings.
    """
    return f"""{_COUNTED},
probes AS MATERIALIZED (
  SELECT q.want::int4[] AS want, q.weight
  FROM size CROSS JOIN unnest($1::text[], $2::float8[]) WITH ORDINALITY AS q (want, weight, n)
    CROSS JOIN LATERAL unnest(q.want::int4[]) AS k LEFT JOIN common c ON c.key = k
    CROSS JOIN LATERAL (
      SELECT coalesce(c.share, least(1, {_RARE} / size.n))::float8 AS share) is_in
  GROUP BY q.n, q.want, q.weight, size.n
  HAVING size.n * exp(sum(ln(is_in.share))) <= {_MET} AND size.n * min(is_in.share) <= {_READ}
  ORDER BY sum(ln(is_in.share)), q.weight DESC LIMIT {_PROBES}),
hits AS MATERIALIZED (
  SELECT h.partner_id, sum(h.weight) AS weight FROM (
    SELECT n.partner_id, p.weight * {_TELLS} AS weight
    FROM probes p CROSS JOIN size CROSS JOIN LATERAL (
      SELECT m.partner_id, count(*) OVER () AS met FROM (
        SELECT partner_id FROM partner_names WHERE keys @> p.want LIMIT {_EACH}) m) n
    UNION ALL
    SELECT n.partner_id, 3 * {_TELLS} FROM unnest({near}) AS near (key) CROSS JOIN size
      CROSS JOIN LATERAL (SELECT m.partner_id, count(*) OVER () AS met FROM (
        SELECT partner_id FROM partner_names WHERE keys @> ARRAY[near.key] LIMIT {_NEAR}) m) n) h
  GROUP BY h.partner_id ORDER BY sum(h.weight) DESC, h.partner_id LIMIT {_COMPARED})"""  # noqa: S608 - texts of ours; values are bound


HITS = hits_of()

_FOUND = """h.partner_id AS found_id, f.legal_name AS found_name, f.legal_name_native, f.acronym,
  f.aliases, f.former_names, f.year_established, f.website,
  p.id AS partner_id, p.number, p.version, p.legal_name, p.country, p.hq_id"""

CANDIDATES = f"""WITH {HITS}
SELECT {_FOUND}, {visible("p", "$4", "$5")} AS visible
FROM hits h JOIN partners f ON f.id = h.partner_id
  JOIN partners p ON p.id = partner_root(f.id)
ORDER BY h.weight DESC, h.partner_id"""  # noqa: S608 - texts of ours; values are bound
"""Profiles that may be the one named: what `rank` needs, for both paths. A merged profile is met
by its names and gives its survivor. $4 is the calling agency, $5 whether the caller may know of
every protected profile."""

ALIKE = f"""WITH {_COUNTED},
probes AS MATERIALIZED (
  SELECT r.who, r.want, r.weight FROM (
    SELECT q.who, q.want::int4[] AS want, q.weight, row_number() OVER (PARTITION BY q.who
      ORDER BY cardinality(q.want::int4[]), sum(ln(is_in.share)), q.n) AS place
    FROM size CROSS JOIN unnest($1::uuid[], $2::text[], $3::float8[])
        WITH ORDINALITY AS q (who, want, weight, n)
      CROSS JOIN LATERAL unnest(q.want::int4[]) AS k LEFT JOIN common c ON c.key = k
      CROSS JOIN LATERAL (
        SELECT coalesce(c.share, least(1, {_RARE} / size.n))::float8 AS share) is_in
    GROUP BY q.n, q.who, q.want, q.weight, size.n
    HAVING size.n * exp(sum(ln(is_in.share))) <= {_PAIR_MET}) r
  WHERE r.place <= {_PAIR_PROBES}),
hits AS MATERIALIZED (
  SELECT h.who, h.partner_id, row_number() OVER (
    PARTITION BY h.who ORDER BY sum(h.weight) DESC, h.partner_id) AS place
  FROM (SELECT p.who, n.partner_id, p.weight * {_TELLS} AS weight
    FROM probes p CROSS JOIN size CROSS JOIN LATERAL (
      SELECT m.partner_id, count(*) OVER () AS met FROM (
        SELECT partner_id FROM partner_names WHERE keys @> p.want LIMIT {_PAIR_MET}) m) n
    WHERE n.partner_id <> p.who) h
  GROUP BY h.who, h.partner_id)
SELECT h.who, {_FOUND}, true AS visible
FROM hits h JOIN partners f ON f.id = h.partner_id JOIN partners p ON p.id = partner_root(f.id)
WHERE h.place <= {_PAIR_COMPARED} ORDER BY h.who, h.place"""  # noqa: S608 - texts of ours; values are bound
"""For many profiles at once, those that may be duplicates of each. $1 to $3 are the probes of all:
whose, which keys, the weight. A duplicate shares nearly all of its names, so that few of the
probes are enough: those of the fewest keys, which take in the others, as far as they meet few."""

_QUEUE_COLUMNS = """d.id, d.version, d.state, d.score, d.matched_on, d.rules, d.found_at,
  d.decided_at, d.reason, g.code AS decided_by,
  a.id AS a_id, a.number AS a_number, a.legal_name AS a_name, a.country AS a_country,
  b.id AS b_id, b.number AS b_number, b.legal_name AS b_name, b.country AS b_country"""
_QUEUE = f"""SELECT {_QUEUE_COLUMNS} FROM possible_duplicates d
  JOIN partners a ON a.id = d.partner_a JOIN partners b ON b.id = d.partner_b
  LEFT JOIN agencies g ON g.id = d.decided_by
  WHERE {visible("a", ":agency", ":holder")} AND {visible("b", ":agency", ":holder")}
    AND (CAST(:countries AS text[]) = '{{}}' OR (a.country = ANY (CAST(:countries AS text[]))
      AND b.country = ANY (CAST(:countries AS text[]))))
    AND a.merged_into IS NULL AND b.merged_into IS NULL"""  # noqa: S608 - texts of ours; values are bound
_PAGE = text(
    f"""{_QUEUE} AND d.state = :state AND (CAST(:country AS text) IS NULL
    OR CAST(:country AS text) IN (a.country, b.country))
  AND (CAST(:after AS uuid) IS NULL OR d.id < CAST(:after AS uuid))
  ORDER BY d.id DESC LIMIT :limit"""
)
_PAIR = text(f"{_QUEUE} AND d.id = :id")
_WAITING = text(
    """SELECT (SELECT count(*) FROM (SELECT FROM duplicate_checks LIMIT 1000000) w) AS waiting,
    (SELECT min(queued_at) FROM (SELECT queued_at FROM duplicate_checks ORDER BY partner_id
      LIMIT 1) f) AS since"""
)


def sent(probes: Sequence[Probe]) -> tuple[list[str], list[float]]:
    """Probes as $1 and $2 of `HITS`."""
    wants = ["{" + ",".join(map(str, probe.keys)) + "}" for probe in probes]
    return wants, [probe.weight for probe in probes]


async def candidates(
    session: AsyncSession,
    probes: Sequence[Probe],
    near: Sequence[int],
    agency_id: UUID,
    *,
    sees_protected: bool,
) -> Sequence[Row[Any]]:
    """Rows of `CANDIDATES`, those that share most keys first."""
    connection = await session.connection()
    wants, weights = sent(probes)
    values = (wants, weights, list(near), agency_id, sees_protected)
    return (await connection.exec_driver_sql(CANDIDATES, values)).all()


async def read_named(session: AsyncSession, partners: Sequence[UUID]) -> Sequence[Row[Any]]:
    """What of these profiles a check for duplicates needs, in order of their ids."""
    columns = (
        *(Partner.id, Partner.version, Partner.hq_id, Partner.merged_into, Partner.country),
        *(Partner.legal_name, Partner.legal_name_native, Partner.acronym, Partner.aliases),
        *(Partner.former_names, Partner.year_established, Partner.website),
    )
    query = select(*columns).where(Partner.id.in_(partners)).order_by(Partner.id)
    # Typed column by column, the row is another type than what callers take.
    rows: Any = (await session.execute(query)).all()
    found: Sequence[Row[Any]] = rows
    return found


async def alike(
    session: AsyncSession, asked: Sequence[tuple[UUID, Sequence[Probe]]]
) -> Sequence[Row[Any]]:
    """Rows of `ALIKE`, as the worker: profiles in order of ``who``, likeliest first."""
    whose = [partner_id for partner_id, probes in asked for _ in probes]
    wants, weights = sent([probe for _, probes in asked for probe in probes])
    connection = await session.connection()
    return (await connection.exec_driver_sql(ALIKE, (whose, wants, weights))).all()


async def read_pairs(session: AsyncSession, **values: Any) -> Sequence[Row[Any]]:
    """A page of pairs in one state, newest first, of which the caller may know both profiles."""
    return (await session.execute(_PAGE, values)).all()


async def read_pair(session: AsyncSession, **values: Any) -> Row[Any] | None:
    """One such pair by id."""
    return (await session.execute(_PAIR, values)).one_or_none()


async def lock_pair(session: AsyncSession, pair_id: UUID) -> PossibleDuplicate | None:
    """The pair, locked."""
    query = select(PossibleDuplicate).where(PossibleDuplicate.id == pair_id).with_for_update()
    return (await session.scalars(query)).one_or_none()


async def waiting(session: AsyncSession) -> Row[Any]:
    """How many profiles wait to be checked, and since when the first of them."""
    return (await session.execute(_WAITING)).one()
