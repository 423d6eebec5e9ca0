"""The statement that reads what clearances rest on: of several partners at once, in one snapshot.

Whoever is asked about alone is read by the same statement.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from app.agencies.facts import FACTS as KINDS
from app.agencies.facts import default as counted_by_default
from app.assessments.queries import RECOGNITION_FACTS
from app.auth.bound import BOUND, behind
from app.auth.caller import STATUS_COLUMNS
from app.core.idempotency import KEPT, KEPT_COLUMNS
from app.partners.identifiers.schemas import IdentifierRef
from app.partners.lineage import ids_inline, root_inline
from app.partners.people.blind import RULES
from app.partners.visibility import visible
from app.recognition.policies.queries import IN_FORCE
from app.sanctions.entries.status import in_force_sql
from app.sanctions.lists.freshness import FRESHNESS_SQL, OWN_LISTS_SQL
from partner_registry_matcher import ALGORITHM

# S608 below: the texts are built of constants, never of input.
_DEFAULTS = json.dumps(KINDS.facts)
# Row security leaves out RESTRICTED measures of other agencies: see _SUSPENDED.
_SANCTIONS = f"""(SELECT coalesce(json_agg(json_build_object('entry_id', e.id,
    'imposing_agency', a.code, 'regime', e.regime, 'measure', e.measure, 'blocking', e.blocking,
    'level', e.level, 'procedure', e.procedure,
    'effect', json_build_object('new_agreements', e.new_agreements, 'renewals', e.renewals,
      'payments_due', e.payments_due, 'running_agreements', e.running_agreements,
      'wind_down_until', e.wind_down_until, 'continuity_contact', e.continuity_contact),
    'scope', json_build_object('countries', e.scope_countries, 'modalities', e.scope_modalities),
    'conditions', (SELECT coalesce(json_agg(json_build_object('condition', c.condition,
        'due_on', c.due_on, 'state', c.state) ORDER BY c.position), '[]')
      FROM sanction_conditions c WHERE c.entry_id = e.id),
    'recognition', (SELECT r.decision FROM sanction_recognitions r WHERE r.entry_id = e.id
      AND r.owner_agency = s.agency_id ORDER BY r.decided_at DESC LIMIT 1),
    'practices', e.practices, 'practice_ended_on', e.practice_ended_on,
    'decided_on', e.decided_on,
    'effective_from', e.effective_from, 'effective_to', e.effective_to,
    'partner_id', e.partner_id,
    'inherited_from', CASE WHEN e.partner_id <> ALL (l.own) THEN l.above[1] END,
    'contact_office', coalesce(e.contact_office, a.contact_office),
    'contact_email', a.contact_email)
    ORDER BY e.effective_from, e.id), '[]')::text
    FROM sanction_entries e JOIN agencies a ON a.id = e.imposing_agency
    WHERE e.partner_id = ANY (l.own || l.above) AND {in_force_sql("e")})"""  # noqa: S608 - texts of ours
# Which other agencies are to be asked; what each lets be known of its suspensions.
_SUSPENDED = f"""(SELECT coalesce(json_agg(json_build_object('agency', u.agency,
    'counted', u.counted, 'contact_office', u.contact_office, 'contact_email', u.contact_email)
    ORDER BY u.agency), '[]')::text
    FROM suspended_elsewhere(l.own || l.above, '{counted_by_default("interim_suspension")}',
      current_date) u)"""  # noqa: S608 - texts of ours

# Row security leaves out those that the asking agency may not know of: they count for nobody else.
_TRANSFERS = """(SELECT coalesce(json_agg(json_build_object('id', r.id, 'agency', a.code,
    'owner_id', r.owner_agency, 'country', r.country, 'suspended', r.suspended,
    'allowed', r.allowed, 'starts_on', r.starts_on, 'ends_on', r.ends_on,
    'contact_office', coalesce(r.contact_office, a.contact_office),
    'contact_email', a.contact_email) ORDER BY r.starts_on, r.id), '[]')::text
    FROM transfer_restrictions r JOIN agencies a ON a.id = r.owner_agency
    WHERE r.partner_id = ANY (l.own || l.above) AND r.state = 'set' AND r.valid @> current_date)"""
# Work items of the partner and its headquarters, with the words of agencies that stand about each,
# and whether both sides still say what they said. What the caller accepts of others is read where
# there is something to accept.
_MATCHES = """(SELECT coalesce(json_agg(json_build_object('match_id', m.id,
    'entry_id', m.entry_id, 'source', m.source, 'reference', m.reference, 'score', m.score,
    'person', m.person_id IS NOT NULL, 'own_list', m.holder IS NOT NULL,
    'inherited', m.partner_id <> ALL (l.own),
    'fresh', m.person_id IS NOT NULL OR (
      m.subject_digest IS NOT DISTINCT FROM match_subject_digest(m.partner_id)
      AND m.entry_digest IS NOT DISTINCT FROM match_entry_digest(m.source, m.entry_id)),
    'accepts', (SELECT g.value FROM agency_settings g WHERE g.agency_id = s.agency_id
      AND g.key = 'accept_not_a_match' AND g.superseded_at IS NULL
      AND g.effective_from <= current_date
      AND (g.effective_to IS NULL OR g.effective_to >= current_date)),
    'words', (SELECT json_agg(json_build_object('agency', a.code, 'decision', d.decision,
        'accepted', d.accepted_from IS NOT NULL,
        'on', (coalesce(d.confirmed_at, d.proposed_at) AT TIME ZONE 'UTC')::date) ORDER BY d.id)
      FROM match_decisions d JOIN agencies a ON a.id = d.owner_agency
      WHERE d.match_id = m.id AND d.round = m.round AND d.state = 'standing'))
    ORDER BY m.source, m.id), '[]')::text
    FROM screening_matches m
    WHERE m.partner_id = ANY (l.own || l.above) AND m.state <> 'obsolete')"""

_COUNTED = {
    "observations": "f.kind = 'OBSERVATION'",
    "yellow": "f.kind = 'YELLOW' AND f.state <> 'escalated'",
    "escalated": "f.state = 'escalated'",
    "red": "f.kind = 'RED'",
}


def _counts(extra: str) -> str:
    return ", ".join(
        f"'{name}', count(*) FILTER (WHERE {counted} AND {extra})"
        for name, counted in _COUNTED.items()
    )


# As the SQL function `standing_flags` counts, over the lineages that this statement has already;
# and those that are no observations one by one.
_FLAGS = f"""(SELECT json_build_object({_counts("f.partner_id = ANY (l.own)")},
    'mine', count(*) FILTER (WHERE f.owner_agency = s.agency_id),
    'red_mine', count(*) FILTER (WHERE f.kind = 'RED' AND f.owner_agency = s.agency_id),
    'inherited', json_build_object({_counts("f.partner_id <> ALL (l.own)")}),
    'standing', coalesce(json_agg(json_build_object('id', f.id, 'agency', a.code,
      'kind', f.kind, 'state', f.state, 'version', f.version,
      'inherited', f.partner_id <> ALL (l.own)) ORDER BY f.made_at, f.id)
      FILTER (WHERE f.kind <> 'OBSERVATION'), '[]'))::text
    FROM partner_flags f JOIN agencies a ON a.id = f.owner_agency
    WHERE f.partner_id = ANY (l.own || l.above) AND f.state NOT IN ('invalid', 'lapsed')
      AND NOT (f.kind = 'RED' AND f.until <= now()))"""  # noqa: S608 - texts of ours; values are bound

# LIMIT keeps the planner from working these out anew in every place that asks for them.
_LINEAGE = f"""SELECT {ids_inline("p.id")} AS own, CASE WHEN p.hq_id IS NULL THEN '{{}}'
    ELSE ARRAY(SELECT h.id FROM (SELECT {root_inline("p.hq_id")} AS id) t,
      unnest({ids_inline("t.id")}) h (id)) END AS above LIMIT 1"""  # noqa: S608 - texts of ours; values are bound

_OTHER_NAMES = """CASE WHEN cardinality(l.own) = 1 THEN '{}' ELSE
    ARRAY(SELECT n FROM partner_aliases m JOIN partners o ON o.id = m.partner_id,
    unnest(ARRAY[o.legal_name, o.legal_name_native] || o.aliases || o.former_names) n
    WHERE m.survivor_id = p.id AND n IS NOT NULL ORDER BY n) END"""

# Statements with an objection that waits for its answer, and whether that is overdue.
_CONTESTED = """(SELECT coalesce(json_object_agg(o.subject_id, o.overdue), '{}')::text FROM (
    SELECT subject_id, bool_or(due_on < current_date) AS overdue FROM objections
    WHERE partner_id = ANY (l.own || l.above) AND state = 'open' GROUP BY subject_id) o)"""
# RESTRICTED records, by the one function that may tell of those of others.
_RESTRICTED = f"""(SELECT coalesce(json_agg(json_build_object('agency', c.agency, 'kind', c.kind,
    'counted', c.counted, 'open_high', c.open_high, 'oldest_open_high', c.oldest_open_high,
    'band', c.band, 'contact_office', c.contact_office, 'contact', c.contact_email)
    ORDER BY c.agency, c.kind), '[]')::text
    FROM clearance_facts(l.own || l.above, '{_DEFAULTS}', s.max_level = 'AGENCY_ONLY',
      current_date) c)"""  # noqa: S608 - texts of ours
_PLANS = """(SELECT coalesce(json_agg(json_build_object('id', c.id, 'agency', a.code,
    'kind', c.kind, 'status', c.status, 'window_ends_on', c.window_ends_on)
    ORDER BY c.agreed_on, c.id), '[]')::text
    FROM capacity_plans c JOIN agencies a ON a.id = c.owner_agency
    WHERE c.partner_id = ANY (l.own) AND c.status IN ('agreed', 'not_completed')
      AND (c.assessment_level IS DISTINCT FROM 'AGENCY_ONLY' OR s.max_level = 'AGENCY_ONLY'))"""
# What owners of RESTRICTED assessments let them count as, and whom to ask.
_OWNERS_SAY = """(SELECT coalesce(json_object_agg(a.code, json_build_object('said', c.value,
    'contact_office', a.contact_office, 'contact', a.contact_email)), '{}')::text
    FROM agencies a LEFT JOIN counted_facts(ARRAY[a.id], current_date) c ON true
    WHERE a.id <> s.agency_id AND a.id IN (SELECT x.owner_agency FROM assessments x
      WHERE x.partner_id = ANY (l.own || l.above) AND x.confidentiality = 'RESTRICTED'))"""
# Of its papers: how many certificates, the last day of the last, and that a reason was given.
_REGISTRATION = """(SELECT json_build_object(
    'certificates', coalesce(jsonb_array_length(nullif(r.body -> 'certificates', 'null')), 0),
    'explained', r.body ->> 'missing_reason' IS NOT NULL,
    'unlimited', EXISTS (SELECT FROM jsonb_array_elements(
      nullif(r.body -> 'certificates', 'null')) e WHERE e ->> 'expires_on' IS NULL),
    'expires_on', (SELECT max(e ->> 'expires_on') FROM jsonb_array_elements(
      nullif(r.body -> 'certificates', 'null')) e))::text
    FROM partner_sections r WHERE r.partner_id = p.id AND r.section = 'registration')"""
_VERIFICATION = """(SELECT v.id FROM partner_verifications v WHERE v.partner_id = ANY (l.own)
    ORDER BY v.recorded_at DESC, v.sequence DESC LIMIT 1)"""
_ELIGIBLE = """(SELECT g.value::text FROM agency_settings g WHERE g.agency_id = s.agency_id
    AND g.key = 'eligible_partner_types' AND g.superseded_at IS NULL
    AND g.effective_from <= current_date
    AND (g.effective_to IS NULL OR g.effective_to >= current_date))"""
# Its people whom the lists are compared with, and whether one of them, or a listed party, waits for
# it: what was found of them is in work items, and cannot be found by who asks.
_COMPARED = " OR ".join(
    (
        f"q.role = ANY ('{{{','.join(RULES['roles'])}}}')",
        *(f"q.{flag}" for flag in RULES["flags"]),
    )
)
_PEOPLE = f"""(SELECT coalesce(bool_or(NOT EXISTS (SELECT FROM screened_subjects c
      WHERE c.subject_id = q.id AND c.version = q.version AND c.algorithm = '{ALGORITHM}'))
      OR parties_wait(), false)
    FROM partner_people q WHERE q.partner_id = ANY (l.own || l.above) AND q.sealed IS NOT NULL
      AND ({_COMPARED})
      AND (q.valid_to IS NULL OR q.valid_to >= current_date - {RULES["days_after_end"]})
    HAVING count(*) > 0)"""  # noqa: S608 - texts of ours; values are bound
# Asked in this statement, so that it costs no round trip: the variation is noted once a day, with
# the answer.
_INQUIRIES = """(SELECT count(*) FROM clearance_inquiries i WHERE i.agency_id = s.agency_id
    AND i.partner_id = p.id AND i.on_day >= current_date - 1)"""
_NEW_INQUIRY = """(w.digest IS NOT NULL AND NOT EXISTS (SELECT FROM clearance_inquiries i
    WHERE i.agency_id = s.agency_id AND i.partner_id = p.id AND i.on_day = current_date
    AND i.digest = w.digest))"""

# What is the same for whoever is asked about.
_OF_ALL = f"""SELECT {IN_FORCE} AS policies, ({FRESHNESS_SQL}) AS sources,
    ({OWN_LISTS_SQL}) AS own_lists, {_ELIGIBLE} AS eligible,
    coalesce((SELECT seq_to FROM feed_heads WHERE stream = 'inter_agency'), 0) AS seq_to
    WHERE true"""  # noqa: S608 - texts of ours; values are bound
# LIMIT keeps the planner from asking twice.
_ASKED_FOR = f"""(SELECT {root_inline("h.id")} FROM (SELECT CASE WHEN w.scheme IS NULL
    THEN w.partner ELSE identifier_holder(w.scheme, w.value, w.country,
      CASE WHEN w.scheme = 'AGENCY_VENDOR' THEN s.agency_id END) END AS id LIMIT 1) h)"""  # noqa: S608 - texts of ours; values are bound
_OF_PARTNER = f"""SELECT p.id AS partner_id, p.number, p.version, p.status, p.legal_name,
    p.legal_name_native, p.acronym, p.aliases, p.former_names, p.partner_type, p.country,
    p.verification, p.verified_on, p.verified_until,
    (SELECT code FROM agencies WHERE id = p.verified_by) AS verified_by,
    {visible("p", "s.agency_id", "false")} AS visible, l.own AS lineage,
    {_OTHER_NAMES} AS other_names, {_SANCTIONS} AS sanctions, {_SUSPENDED} AS suspended,
    {_MATCHES} AS matches, {_TRANSFERS} AS transfers, {_FLAGS} AS flags, {
    RECOGNITION_FACTS.format(lineage="l.own", max_level="s.max_level")
}::text AS assessments,
    CASE WHEN cardinality(l.above) = 0 THEN '[]' ELSE {
    RECOGNITION_FACTS.format(lineage="l.above", max_level="s.max_level")
}::text END AS headquarters,
    {_CONTESTED} AS contested, {_RESTRICTED} AS restricted,
    {_PLANS} AS plans, {_OWNERS_SAY} AS counted, {_REGISTRATION} AS registration,
    {_VERIFICATION} AS verification_id, p.complete,
    {_INQUIRIES} AS inquiries, {_NEW_INQUIRY} AS new_inquiry, {_PEOPLE} AS people_wait
    FROM (SELECT {_ASKED_FOR} AS id) q LEFT JOIN partners p ON p.id = q.id
    LEFT JOIN LATERAL ({_LINEAGE}) l ON true WHERE true"""  # noqa: S608 - texts of ours; values are bound
FACTS = f"""{BOUND} SELECT {STATUS_COLUMNS}, {KEPT_COLUMNS}, c.*, f.* FROM s
    CROSS JOIN LATERAL {behind(_OF_ALL)} c
    CROSS JOIN unnest((SELECT $3::text[]), (SELECT $4::uuid[]), (SELECT $5::text[]),
      (SELECT $6::text[]), (SELECT $7::text[]), (SELECT $8::bytea[]))
      WITH ORDINALITY AS w (key, partner, scheme, value, country, digest, n)
    LEFT JOIN LATERAL {behind(KEPT.format(route="$2", keys="ARRAY[w.key]"))} k ON true
    LEFT JOIN LATERAL {behind(_OF_PARTNER)} f ON true
    ORDER BY w.n"""  # noqa: S608 - texts of ours; values are bound
"""Everything that clearances for the client ``$1`` rest on: a row for each that is asked for, in
order; without a row the client may not act. Of a merged profile: all that is said of the one that
stands for it, and of every profile merged into that. ``$2``: route of the Idempotency-Keys.
Within SELECT an array's length is no reason to plan anew: one plan serves one and many."""


@dataclass(frozen=True, slots=True)
class Question:
    """Whom a clearance is about: by id, by identifier, or nobody.

    ``key``: the text of its Idempotency-Key. ``digest``: of what is asked, without the partner;
    without one nothing counts as a new inquiry.
    """

    partner_id: UUID | None = None
    identifier: IdentifierRef | None = None
    key: str = ""
    digest: bytes | None = None

    @property
    def values(self) -> tuple[Any, ...]:
        """Its place in the arrays of FACTS."""
        named = self.identifier
        if named is None:
            return self.key, self.partner_id, None, None, None, self.digest
        return self.key, None, named.scheme.value, named.value, named.country, self.digest


async def read(
    connection: asyncpg.Connection, client_id: str, route: str, asked: Sequence[Question]
) -> list[asyncpg.Record]:
    """A row of FACTS for each question, in their order; none where the client may not act."""
    arrays = map(list, zip(*(one.values for one in asked), strict=True))
    found: list[asyncpg.Record] = await connection.fetch(FACTS, client_id, route, *arrays)
    return found
