"""Every select of invitations, claims and disputes over control."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

After = tuple[datetime, UUID] | None

# S608 below: the texts are built of constants of this module, never of input.
_INVITATIONS = """SELECT i.id, i.partner_id, i.created_at, i.expires_at, i.used_at, i.revoked_at
    FROM partner_invitations i WHERE i.partner_id = :partner"""
_CLAIMS = """SELECT c.id, c.version, c.partner_id, c.state, f.code AS filed_by,
      g.code AS invited_by, c.document_ids, c.filed_at, c.checked, d.code AS decided_by,
      c.decided_at, c.client_id, c.jwks, c.filed_person, c.sealed_claimant, c.sealed_reason,
      EXISTS (SELECT 1 FROM partner_control_disputes x WHERE x.claim_id = c.id
        AND x.state = 'open') AS contested
    FROM partner_claims c LEFT JOIN agencies f ON f.id = c.filed_by
    LEFT JOIN partner_invitations i ON i.id = c.invitation_id
    LEFT JOIN agencies g ON g.id = i.invited_by
    LEFT JOIN agencies d ON d.id = c.decided_by
    WHERE c.partner_id IN (SELECT partner_lineage(:partner))"""
_AFTER = "AND ({0}, {1}) < (CAST(:at AS timestamptz), CAST(:after AS uuid))"
_DISPUTES = """SELECT d.id, d.version, d.partner_id, d.claim_id,
      CASE WHEN d.raised_by_client IS NULL THEN 'claim' ELSE 'administrator' END AS raised_by,
      d.raised_at, n.code AS not_by, d.state, d.outcome, d.checked, b.code AS decided_by,
      d.decided_at
    FROM partner_control_disputes d LEFT JOIN agencies n ON n.id = d.not_by
    LEFT JOIN agencies b ON b.id = d.decided_by"""
_LATEST = text(
    f"""{_DISPUTES} WHERE d.partner_id = :partner
    ORDER BY (d.state = 'open') DESC, d.raised_at DESC, d.id DESC LIMIT 1"""
)
_DISPUTE = text(f"{_DISPUTES} WHERE d.id = :id")
_BY_CODE = text("SELECT claim, partner FROM claim_by_invitation(:code, :id, :claimant, :keys)")
_ADMINISTRATORS = text(
    """SELECT c.id AS claim_id, coalesce(c.client_id, k.id) AS client_id,
      CASE WHEN k.id IS NOT NULL THEN k.status
        WHEN c.state = 'open' THEN 'asking' ELSE 'rejected' END AS state,
      coalesce(c.decided_at, c.filed_at, k.created_at) AS since, d.code AS approved_by
    FROM partner_claims c FULL JOIN
      (SELECT id, status, created_at FROM clients WHERE partner_id = :partner) k
      ON k.id = c.client_id
    LEFT JOIN agencies d ON d.id = c.decided_by AND c.state <> 'rejected'
    WHERE c.id IS NULL OR c.partner_id = :partner
    ORDER BY since, client_id LIMIT 200"""
)
_CLIENTS = text(
    "SELECT id FROM clients WHERE partner_id = :partner AND status = 'active' ORDER BY id"
)


def _paged(sql: str, at: str, row_id: str, after: After) -> str:
    clause = _AFTER.format(at, row_id) if after else ""
    return f"{sql} {clause} ORDER BY {at} DESC, {row_id} DESC LIMIT :limit"


def _values(partner_id: UUID, after: After, limit: int) -> dict[str, Any]:
    values: dict[str, Any] = {"partner": partner_id, "limit": limit}
    return values | {"at": after[0], "after": after[1]} if after else values


async def list_invitations(
    session: AsyncSession, partner_id: UUID, after: After, limit: int
) -> Sequence[Row[Any]]:
    """The own agency's invitations for a partner, newest first."""
    sql = text(_paged(_INVITATIONS, "i.created_at", "i.id", after))
    return (await session.execute(sql, _values(partner_id, after, limit))).all()


async def find_invitation(
    session: AsyncSession, partner_id: UUID, invitation_id: UUID
) -> Row[Any] | None:
    """One of that list."""
    sql = text(f"{_INVITATIONS} AND i.id = :id")
    values = {"partner": partner_id, "id": invitation_id}
    return (await session.execute(sql, values)).one_or_none()


async def list_claims(
    session: AsyncSession, partner_id: UUID, after: After, limit: int
) -> Sequence[Row[Any]]:
    """Claims on a partner and what was merged into it, newest first."""
    sql = text(_paged(_CLAIMS, "c.filed_at", "c.id", after))
    return (await session.execute(sql, _values(partner_id, after, limit))).all()


async def find_claim(
    session: AsyncSession, partner_id: UUID, claim_id: UUID, *, lock: bool = False
) -> Row[Any] | None:
    """One of that list; ``lock``: held until the transaction ends."""
    sql = text(f"{_CLAIMS} AND c.id = :id{' FOR NO KEY UPDATE OF c' if lock else ''}")
    values = {"partner": partner_id, "id": claim_id}
    return (await session.execute(sql, values)).one_or_none()


async def claim_by_code(session: AsyncSession, values: dict[str, Any]) -> Row[Any] | None:
    """File a claim with an invitation code; None where the code cannot be used."""
    return (await session.execute(_BY_CODE, values)).one_or_none()


async def latest_dispute(session: AsyncSession, partner_id: UUID) -> Row[Any] | None:
    """The open, else the latest dispute over who controls a profile."""
    return (await session.execute(_LATEST, {"partner": partner_id})).one_or_none()


async def find_dispute(session: AsyncSession, dispute_id: UUID) -> Row[Any] | None:
    """One dispute that the caller sees."""
    return (await session.execute(_DISPUTE, {"id": dispute_id})).one_or_none()


async def administrators(session: AsyncSession, partner_id: UUID) -> Sequence[Row[Any]]:
    """Clients of a partner, and who else asked to act for it, oldest first; at most 200."""
    return (await session.execute(_ADMINISTRATORS, {"partner": partner_id})).all()


async def active_clients(session: AsyncSession, partner_id: UUID) -> list[str]:
    """Ids of the clients that act for a partner now."""
    return list((await session.scalars(_CLIENTS, {"partner": partner_id})).all())
