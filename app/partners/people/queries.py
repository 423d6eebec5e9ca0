"""Every select of people and of what they ask for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.partners.lineage import lineage

# S608 below: the texts are built of constants, never of input.
_PARTNER = f"p.partner_id IN {lineage('CAST(:partner AS uuid)')}"
_PERSON = f"""SELECT p.id, p.partner_id, p.version, p.role, p.authorised, p.board_member, p.sealed,
    p.sealed_version, p.valid_from, p.valid_to, p.replaced_by, p.notice_version,
    p.notice_given_on, p.added_by AS adder, a.code AS added_by, p.created_at, p.updated_at,
    p.erased_at
  FROM partner_people p LEFT JOIN agencies a ON a.id = p.added_by WHERE {_PARTNER}"""  # noqa: S608 - texts of ours; values are bound
_FIND = text(f"{_PERSON} AND p.id = :id")
_LIST = text(
    f"""{_PERSON} AND (CAST(:role AS text) IS NULL OR p.role = :role)
    AND (:ended OR p.valid_to IS NULL)
    AND (CAST(:at AS timestamptz) IS NULL OR (p.created_at, p.id) > (:at, CAST(:after AS uuid)))
  ORDER BY p.created_at, p.id LIMIT :limit"""
)
_REQUEST = """SELECT q.id, q.partner_id, q.person_id, q.version, q.kind, q.through, q.received_on,
    q.due_on, q.rules, q.state = 'open' AND q.due_on < current_date AS overdue, q.state,
    q.decision, q.owner_agency AS owner_id, o.code AS owner_agency, f.code AS filed_by,
    q.decided_at, q.created_at, q.sealed_text, q.sealed_reason
  FROM partner_people_requests q JOIN agencies o ON o.id = q.owner_agency
    LEFT JOIN agencies f ON f.id = q.filed_by"""
_BEFORE = """(CAST(:at AS timestamptz) IS NULL
    OR (q.created_at, q.id) < (:at, CAST(:after AS uuid)))
  ORDER BY q.created_at DESC, q.id DESC LIMIT :limit"""
_FIND_REQUEST = text(f"{_REQUEST} WHERE q.person_id = :person AND q.id = :id")
_OF_PERSON = text(f"{_REQUEST} WHERE q.person_id = :person AND {_BEFORE}")
_OF_AGENCY = text(
    f"""{_REQUEST} WHERE q.owner_agency = :agency
    AND (CAST(:state AS text) IS NULL OR q.state = :state)
    AND (NOT :overdue OR (q.state = 'open' AND q.due_on < current_date)) AND {_BEFORE}"""
)
_ANSWERING = text(
    """SELECT a.id FROM unnest(CAST(:agencies AS uuid[])) WITH ORDINALITY AS n (id, place)
    JOIN agencies a ON a.id = n.id WHERE a.status = 'active' ORDER BY n.place LIMIT 1"""
)
_TIED = text(
    """SELECT coalesce((SELECT bool_or(is_held(x)) FROM unnest(
        CAST(:person AS uuid) || ARRAY(SELECT partner_lineage(CAST(:partner AS uuid)))) x), false)
      AS held,
    EXISTS (SELECT 1 FROM restraints_in_force(CAST(:partner AS uuid)) f
      WHERE f.reason = ANY (CAST(:ties AS text[]))) AS tied"""
)
After = tuple[datetime, UUID] | None


async def find_person(session: AsyncSession, partner_id: UUID, person_id: UUID) -> Row[Any] | None:
    """An entry of the partner, its merged profiles' included."""
    values = {"partner": partner_id, "id": person_id}
    return (await session.execute(_FIND, values)).one_or_none()


async def list_people(
    session: AsyncSession,
    partner_id: UUID,
    role: str | None,
    ended: bool,
    after: After,
    limit: int,
) -> Sequence[Row[Any]]:
    """Entries of the partner, oldest first."""
    at, after_id = after or (None, None)
    values = {"partner": partner_id, "role": role, "ended": ended, "at": at, "after": after_id}
    return (await session.execute(_LIST, values | {"limit": limit})).all()


async def find_request(session: AsyncSession, person_id: UUID, request_id: UUID) -> Row[Any] | None:
    """A request that the bound agency answers or filed."""
    values = {"person": person_id, "id": request_id}
    return (await session.execute(_FIND_REQUEST, values)).one_or_none()


async def requests_of_person(
    session: AsyncSession, person_id: UUID, after: After, limit: int
) -> Sequence[Row[Any]]:
    """Requests about one person that the bound agency answers or filed, newest first."""
    at, after_id = after or (None, None)
    values = {"person": person_id, "at": at, "after": after_id, "limit": limit}
    return (await session.execute(_OF_PERSON, values)).all()


async def requests_of_agency(
    session: AsyncSession,
    agency_id: UUID,
    state: str | None,
    overdue: bool,
    after: After,
    limit: int,
) -> Sequence[Row[Any]]:
    """Requests that an agency answers, newest first."""
    at, after_id = after or (None, None)
    values = {"agency": agency_id, "state": state, "overdue": overdue, "at": at}
    return (await session.execute(_OF_AGENCY, values | {"after": after_id, "limit": limit})).all()


async def answering_agency(session: AsyncSession, candidates: Sequence[UUID | None]) -> UUID | None:
    """The first of these agencies that is active."""
    named = [agency for agency in candidates if agency is not None]
    found: UUID | None = await session.scalar(_ANSWERING, {"agencies": named})
    return found


async def ties(
    session: AsyncSession, person_id: UUID, partner_id: UUID, reasons: Sequence[str]
) -> tuple[bool, bool]:
    """Whether a legal hold, and whether a sanction keeps this entry from being erased."""
    values = {"person": person_id, "partner": partner_id, "ties": list(reasons)}
    row = (await session.execute(_TIED, values)).one()
    return row.held, row.tied
