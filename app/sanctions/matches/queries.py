"""Every select of potential matches."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.partners.lineage import lineage
from app.partners.visibility import visible
from app.sanctions.matches.models import MatchDecision, MatchQuestion

# Another agency's word is accepted by policy only while no agency says the opposite.
_MATCH = """SELECT m.id, m.version, p.id AS partner_id, m.partner_id AS stored_partner_id,
    m.person_id, m.entry_id, m.source, m.reference, m.holder, m.public_office, m.state, m.round,
    m.opened_at, m.due_at, m.emergency, m.escalated_at, m.score, m.script, m.subject_hash,
    m.entry_hash, m.sealed, own.decision AS own_decision, own.since AS own_since,
    own.accepted_from, own.agency AS own_agency, pending.id AS pending, taken.agency AS taken_from,
    taken.since AS taken_since
  FROM screening_matches m JOIN partners p ON p.id = partner_root(m.partner_id)
  LEFT JOIN LATERAL (SELECT d.decision, d.accepted_from, a.code AS agency,
      coalesce(d.confirmed_at, d.proposed_at) AS since
    FROM match_decisions d LEFT JOIN match_decisions o ON o.id = d.accepted_from
      JOIN agencies a ON a.id = coalesce(o.owner_agency, d.owner_agency)
    WHERE d.match_id = m.id AND d.owner_agency = :agency AND d.round = m.round
      AND d.state = 'standing') own ON true
  LEFT JOIN LATERAL (SELECT d.id FROM match_decisions d WHERE d.match_id = m.id
      AND d.owner_agency = :agency AND d.round = m.round AND d.state = 'proposed') pending ON true
  LEFT JOIN LATERAL (SELECT a.code AS agency, coalesce(d.confirmed_at, d.proposed_at) AS since
    FROM match_decisions d JOIN agencies a ON a.id = d.owner_agency
    WHERE d.match_id = m.id AND d.owner_agency <> :agency AND d.round = m.round
      AND d.state = 'standing' AND d.decision = 'NOT_A_MATCH' AND d.accepted_from IS NULL
      AND (:all OR a.code = ANY (CAST(:accepted AS text[])))
      AND NOT EXISTS (SELECT FROM match_decisions t WHERE t.match_id = m.id AND t.round = m.round
        AND t.state = 'standing' AND t.decision = 'TRUE_MATCH')
    ORDER BY 2, d.id LIMIT 1) taken ON true"""
_SEEN = f"""{visible("p", ":agency", ":protected")}
    AND (cardinality(CAST(:countries AS text[])) = 0 OR p.country = ANY (:countries))"""
_FILTERS = {
    "partner_id": f"m.partner_id IN {lineage('CAST(:partner_id AS uuid)')}",
    "state": "m.state = :state",
    "source": "m.source = :source",
    "due_before": "m.due_at < :due_before",
    "mine": "m.state <> 'obsolete' AND own.decision IS NULL AND taken.agency IS NULL",
}
_FIND = text(f"{_MATCH} WHERE m.id = :id AND {_SEEN}")
_LOCK = text("SELECT lock_match(:id)")
_ENTRY = text(
    """SELECT coalesce(
    (SELECT l.entry FROM listed_parties l WHERE l.source = :source AND l.entry_id = :entry
      ORDER BY l.from_version DESC LIMIT 1),
    (SELECT convert_from(f.entry, 'UTF8')::jsonb FROM feed_entries f
      WHERE f.stream = 'inter_agency' AND f.entry_id = CAST(:entry AS uuid)::text))"""
)
_PROFILES = text(
    f"""SELECT p.legal_name, p.legal_name_native, p.acronym, p.aliases, p.former_names, p.country,
    ARRAY(SELECT i.value FROM partner_identifiers i WHERE i.partner_id = p.id AND i.active
      AND i.agency_id IS NULL ORDER BY i.value) AS identifiers
  FROM partners p WHERE p.id IN {lineage("CAST(:partner AS uuid)")} ORDER BY p.id"""  # noqa: S608 - texts of ours; values are bound
)
_STATISTICS = text(
    """SELECT m.script, count(*) AS decided, count(*) FILTER (WHERE NOT EXISTS (
      SELECT FROM match_decisions t WHERE t.match_id = m.id AND t.round = m.round
        AND t.state = 'standing' AND t.decision = 'TRUE_MATCH')) AS clean
  FROM screening_matches m
  WHERE EXISTS (SELECT FROM match_decisions d WHERE d.match_id = m.id AND d.round = m.round
    AND d.state = 'standing')
  GROUP BY m.script ORDER BY m.script"""
)


def _where(filters: dict[str, Any]) -> str:
    return " AND ".join(clause for name, clause in _FILTERS.items() if filters.get(name))


async def find_match(session: AsyncSession, match_id: UUID, who: dict[str, Any]) -> Row[Any] | None:
    """A pair whose partner the caller may know of; ``who`` says who asks."""
    return (await session.execute(_FIND, who | {"id": match_id})).one_or_none()


async def lock_match(session: AsyncSession, match_id: UUID) -> None:
    """Hold the pair until the transaction ends."""
    await session.execute(_LOCK, {"id": match_id})


async def list_matches(
    session: AsyncSession,
    who: dict[str, Any],
    filters: dict[str, Any],
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """Pairs by the day they are due."""
    clauses = [_SEEN, *([_where(filters)] if _where(filters) else [])]
    values = who | {"limit": limit}
    values |= {name: filters[name] for name in _FILTERS if filters.get(name) and name != "mine"}
    if after is not None:
        clauses.append("(m.due_at, m.id) > (:after_due, CAST(:after_id AS uuid))")
        values |= {"after_due": after[0], "after_id": after[1]}
    sql = f"{_MATCH} WHERE {' AND '.join(clauses)} ORDER BY m.due_at, m.id LIMIT :limit"
    return (await session.execute(text(sql), values)).all()


async def decisions_of(session: AsyncSession, match_id: UUID) -> Sequence[MatchDecision]:
    """The own agency's words and those of others that may be read, oldest first."""
    query = (
        select(MatchDecision)
        .where(MatchDecision.match_id == match_id)
        .order_by(MatchDecision.proposed_at, MatchDecision.id)
        .execution_options(populate_existing=True)
    )
    return (await session.scalars(query)).all()


async def questions_of(session: AsyncSession, match_id: UUID) -> Sequence[MatchQuestion]:
    """What the own agency asked about a pair, oldest first."""
    query = (
        select(MatchQuestion)
        .where(MatchQuestion.match_id == match_id)
        .order_by(MatchQuestion.asked_at, MatchQuestion.id)
    )
    return (await session.scalars(query)).all()


async def listed(session: AsyncSession, source: str, entry_id: UUID) -> dict[str, Any]:
    """What the feed says of a listed party, also of one that is no longer listed."""
    found: dict[str, Any] | None = await session.scalar(
        _ENTRY, {"source": source, "entry": entry_id}
    )
    return found or {}


async def profiles(session: AsyncSession, partner_id: UUID) -> Sequence[Row[Any]]:
    """What is compared of a partner, of every profile that is the same."""
    return (await session.execute(_PROFILES, {"partner": partner_id})).all()


async def statistics(session: AsyncSession) -> Sequence[Row[Any]]:
    """Decided pairs that the caller may know of, by script."""
    return (await session.execute(_STATISTICS)).all()
