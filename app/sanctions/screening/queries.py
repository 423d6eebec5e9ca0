"""The statements of screening: one reads every fact, one stores; and those of stored ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.bound import BOUND, behind
from app.auth.caller import STATUS_COLUMNS
from app.core.idempotency import KEEP, KEPT, KEPT_COLUMNS
from app.partners.lineage import lineage, root_inline
from app.partners.visibility import held, visible
from app.sanctions import sources
from app.sanctions.lists.freshness import OWN_LISTS_SQL

_REQUIRED = ", ".join(f"'{code}'" for code, one in sources.ALL.items() if one.required) or "''"

_SHARED = f"""SELECT coalesce(json_agg(json_build_object('code', code, 'version', version,
    'last_success', last_success, 'max_staleness_s', max_staleness_s, 'required', required
    ) ORDER BY code), '[]')::text FROM list_sources
    WHERE 'inter_agency' = ANY (streams) OR code IN ({_REQUIRED})"""  # noqa: S608 - texts of ours; values are bound
"""Lists that count for all, as JSON; required ones whether they were ever imported or not."""

# As clearances read them (recognition/queries.py), of the profile itself: work items with the
# words of agencies that stand, and whether both sides still say what they said.
_MATCHES = f"""(SELECT coalesce(json_agg(json_build_object('match_id', m.id,
    'entry_id', m.entry_id, 'source', m.source, 'own_list', m.holder IS NOT NULL,
    'fresh', m.subject_digest IS NOT DISTINCT FROM match_subject_digest(m.partner_id)
      AND m.entry_digest IS NOT DISTINCT FROM match_entry_digest(m.source, m.entry_id),
    'accepts', (SELECT g.value FROM agency_settings g WHERE g.agency_id = s.agency_id
      AND g.key = 'accept_not_a_match' AND g.superseded_at IS NULL
      AND g.effective_from <= current_date
      AND (g.effective_to IS NULL OR g.effective_to >= current_date)),
    'words', (SELECT json_agg(json_build_object('id', d.id, 'agency', a.code,
        'decision', d.decision, 'accepted', d.accepted_from IS NOT NULL,
        'on', (coalesce(d.confirmed_at, d.proposed_at) AT TIME ZONE 'UTC')::date) ORDER BY d.id)
      FROM match_decisions d JOIN agencies a ON a.id = d.owner_agency
      WHERE d.match_id = m.id AND d.round = m.round AND d.state = 'standing'))
    ORDER BY m.source, m.id), '[]')
  FROM screening_matches m WHERE m.partner_id IN {lineage("p.id")} AND m.person_id IS NULL
    AND m.state <> 'obsolete')"""  # noqa: S608 - texts of ours; values are bound
_PARTNERS = f"""SELECT coalesce(json_agg(json_build_object('asked', w.id, 'id', p.id,
    'names', (SELECT json_agg(DISTINCT n) FROM partners o, unnest(
        ARRAY[o.legal_name, o.legal_name_native] || o.aliases || o.former_names) n
      WHERE o.id IN {lineage("p.id")} AND n IS NOT NULL),
    'countries', (SELECT json_agg(DISTINCT o.country) FROM partners o
      WHERE o.id IN {lineage("p.id")}),
    'identifiers', (SELECT json_agg(DISTINCT i.value) FROM partner_identifiers i
      WHERE i.partner_id IN {lineage("p.id")} AND i.active AND NOT i.claimed
        AND i.agency_id IS NULL),
    'matches', {_MATCHES})), '[]')::text
  FROM unnest({{ids}}::uuid[]) w (id) JOIN partners p ON p.id = {root_inline("w.id")}
  WHERE (cardinality(s.countries) = 0 OR p.country = ANY (s.countries))
    AND {visible("p", "s.agency_id", held("{holds}"))}"""  # noqa: S608 - texts of ours; values are bound
"""Profiles that a request names and the caller may know of, with what was decided about them."""

_ABOUT = f"""coalesce((SELECT seq_to FROM feed_heads WHERE stream = 'inter_agency'), 0) AS seq_to,
    ({_SHARED}) AS sources, ({OWN_LISTS_SQL}) AS own_lists"""  # noqa: S608 - texts of ours; values are bound
_OF_GROUP = _PARTNERS.replace("{ids}", "$2").replace("{holds}", "$3::boolean")
_FACTS = f"SELECT {_ABOUT}, ({_OF_GROUP}) AS partners WHERE true"
_KEPT = behind(KEPT.format(route="$4", keys="$5"), 100)
FACTS = f"""{BOUND} SELECT {STATUS_COLUMNS}, f.*, {KEPT_COLUMNS}
    FROM s CROSS JOIN LATERAL {behind(_FACTS)} f LEFT JOIN LATERAL {_KEPT} k ON true"""  # noqa: S608 - texts of ours; values are bound
"""Facts for screenings of one client: profiles they name, whether the token holds
`partners:protected`, route and Idempotency-Keys. One row for each answer that is kept under one of
the keys; one row where there is none."""
FACTS_OF_GROUP = f"""{BOUND} SELECT {STATUS_COLUMNS}, f.*
    FROM s CROSS JOIN LATERAL {behind(_FACTS)} f"""  # noqa: S608 - texts of ours; values are bound
"""The same without keys."""

_STORED = f"""{BOUND}, screening AS (
    INSERT INTO screenings (id, role, kind, partner_id, threshold, outcome, own_lists, lists,
        stale_sources, hits, more, held, sealed, entry_ids, agency_id, client_id, at, algorithm,
        statistics_version, list_version, batch_id, rerun_of)
      SELECT n.id, n.role, n.kind, n.partner_id, n.threshold, n.outcome, n.own_lists::jsonb,
        n.lists::jsonb, n.stale_sources::jsonb, n.hits::jsonb, n.more, n.held, n.sealed,
        ARRAY(SELECT h ->> 'entry_id' FROM jsonb_array_elements(n.hits::jsonb) h),
        s.agency_id, $1, $2, $3, $4, $5, $6, $7
      FROM s, unnest($8::uuid[], $9::text[], $10::text[], $11::uuid[], $12::float8[], $13::text[],
          $14::text[], $15::text[], $16::text[], $17::text[], $18::int[], $19::bool[], $20::bytea[])
        AS n (id, role, kind, partner_id, threshold, outcome, own_lists, lists, stale_sources,
          hits, more, held, sealed)),
  audit AS (
    INSERT INTO audit_events (id, event, subject_id, detail, purpose, held, request_id,
        claimed_user, agency_id, client_id, person_id, office, role)
      SELECT n.id, n.event, n.subject_id, n.detail::jsonb, n.purpose, n.held, n.request_id,
        n.claimed_user, s.agency_id, $1, $21, $22, $23
      FROM s, unnest($24::uuid[], $25::text[], $26::uuid[], $27::text[], $28::text[], $29::bool[],
          $30::text[], $31::text[])
        AS n (id, event, subject_id, detail, purpose, held, request_id, claimed_user))
"""  # noqa: S608 - texts of ours; values are bound
STORE = _STORED + KEEP.format(
    route="$32", keys="$33", fingerprints="$34", headers="$35", sealed_bodies="$36"
)
"""Screenings of the client ``$1``, their events in the log, and the answers for replays."""
STORE_GROUP = f"{_STORED} SELECT s.agency_id FROM s"  # noqa: S608 - texts of ours; values are bound
"""The same without a replay. No row: the client was stopped, and nothing is stored."""

_COLUMNS = """t.id, t.at, t.client_id, t.role, t.kind, t.batch_id, t.rerun_of, t.outcome,
    t.algorithm, t.statistics_version, t.threshold, t.list_version, t.own_lists, t.lists,
    t.stale_sources, t.hits, t.more, t.held, t.agency_id, t.subject_erased_at"""
_PARTNER = f"""CASE WHEN (cardinality(CAST(:countries AS text[])) = 0
      OR p.country = ANY (:countries))
    AND {visible("p", ":agency", ":protected")} THEN t.partner_id END AS partner_id"""
"""The partner of a screening, unless the caller may not know of it."""
_FROM = "FROM screenings t LEFT JOIN partners p ON p.id = t.partner_id"
_FILTERS = {
    "outcome": "t.outcome = :outcome",
    "role": "t.role = :role",
    "algorithm": "t.algorithm = :algorithm",
    "batch_id": "t.batch_id = :batch_id",
    "since": "t.at >= :since",
    "until": "t.at < :until",
}


async def list_screenings(
    session: AsyncSession,
    who: dict[str, Any],
    filters: dict[str, Any],
    after: list[Any] | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """The own agency's screenings, newest first."""
    clauses = ["t.agency_id = :agency"]
    values = who | {"limit": limit}
    for name, clause in _FILTERS.items():
        if filters.get(name) is not None:
            clauses.append(clause)
            values[name] = filters[name]
    if after is not None:
        clauses.append("(t.at, t.id) < (CAST(:at AS timestamptz), CAST(:id AS uuid))")
        values |= {"at": datetime.fromisoformat(after[0]), "id": UUID(after[1])}
    sql = (
        f"SELECT {_COLUMNS}, {_PARTNER} {_FROM} WHERE {' AND '.join(clauses)} "
        "ORDER BY t.at DESC, t.id DESC LIMIT :limit"
    )
    return (await session.execute(text(sql), values)).all()


async def find_screening(
    session: AsyncSession, who: dict[str, Any], screening_id: UUID
) -> Row[Any] | None:
    """A screening of the own agency, with what is sealed of it."""
    sql = (
        f"SELECT {_COLUMNS}, {_PARTNER}, t.partner_id AS named, t.sealed {_FROM} "
        "WHERE t.agency_id = :agency AND t.id = :id"
    )
    return (await session.execute(text(sql), who | {"id": screening_id})).one_or_none()


REASONS = """SELECT id, match_id, owner_agency, sealed FROM match_decisions
    WHERE id = ANY ($1::uuid[]) AND NOT redacted"""
TELL = "INSERT INTO outbox (id, type, agency_id, subject_id, data) VALUES ($1, $2, $3, $4, $5)"

ENTRIES = """SELECT DISTINCT ON (f.entry_id) f.entry_id, f.stream, f.entry, c.at
    FROM feed_entries f LEFT JOIN feed_changes c ON c.stream = f.stream AND c.seq = f.seq
    WHERE f.stream = ANY ($1) AND f.entry_id = ANY ($2)
    ORDER BY f.entry_id, f.stream <> 'inter_agency', f.stream"""
"""Entries as the feed has them now, and when each last changed."""

HEADS = """SELECT h.stream, h.version, h.count, c.at FROM feed_heads h
    LEFT JOIN feed_changes c ON c.stream = h.stream AND c.seq = h.seq_to
    WHERE h.stream = ANY ($1)"""
