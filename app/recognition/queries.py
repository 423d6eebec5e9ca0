"""The statements of clearances."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.bound import BOUND
from app.core.idempotency import KEEP
from app.partners.lineage import lineage
from app.partners.visibility import visible
from app.recognition.rests_on import SHARE

_STORED = f"""{BOUND}, used AS (
    INSERT INTO clearance_editions (sha256, editions) SELECT $5, $6::jsonb FROM s
    ON CONFLICT (sha256) DO NOTHING),
  noted AS (
    INSERT INTO clearance_inquiries (agency_id, partner_id, digest)
    SELECT s.agency_id, n.partner_id, n.digest
    FROM s, unnest($34::uuid[], $35::bytea[]) AS n (partner_id, digest) ON CONFLICT DO NOTHING),
  clearance AS (
    INSERT INTO clearances (id, agency_id, client_id, partner_id, purpose, outcome, reasons,
        list_version, evaluated_at, expires_at, sealed_request, sealed_answer, sealed_inputs,
        receipt_payload, audit_event_id, editions)
    SELECT n.id, s.agency_id, $1, n.partner_id, n.purpose, n.outcome, n.reasons::text[], $2, $3, $4,
        n.request, n.answer, n.inputs, n.payload, n.event, $5
    FROM s, unnest($11::uuid[], $12::uuid[], $13::text[], $14::text[], $15::text[], $16::bytea[],
        $17::bytea[], $18::bytea[], $19::bytea[], $20::uuid[])
      AS n (id, partner_id, purpose, outcome, reasons, request, answer, inputs, payload, event)),
  dependencies AS (
    INSERT INTO clearance_dependencies (clearance_id, agency_id, until, kind, ref, version)
     SELECT d.id::uuid, s.agency_id, $4, d.kind, d.ref, d.version::integer
     FROM s, unnest($25::text[], $26::text[], $27::text[], $28::text[])
       AS d (id, kind, ref, version)
     UNION ALL SELECT d.id::uuid, s.agency_id, $4, '{SHARE}', x.share_id || '/' || x.record_id, NULL
     FROM s CROSS JOIN unnest($25::text[], $26::text[], $27::text[]) AS d (id, kind, ref)
       JOIN assessments_acl x ON x.record_id = d.ref::uuid AND x.agency_id = s.agency_id
     WHERE d.kind = 'assessment' AND x.valid_from <= now()
       AND (x.valid_to IS NULL OR x.valid_to > now())),
  recognised AS (
    INSERT INTO clearance_recognitions (clearance_id, agency_id, partner_id, purpose, held, at,
        requirement, satisfied, by, owner_agency, assessment_id, reason)
    SELECT n.id, s.agency_id, n.partner_id, n.purpose, n.held, $3, r.requirement, r.satisfied,
        r.by, o.id, r.assessment_id, r.reason
    FROM s CROSS JOIN unnest($11::uuid[], $12::uuid[], $13::text[], $23::boolean[], $24::text[])
        AS n (id, partner_id, purpose, held, recognition)
      CROSS JOIN json_to_recordset(n.recognition::json) AS r (requirement text, satisfied boolean,
        by text, from_agency text, assessment_id uuid, reason text)
      LEFT JOIN agencies o ON o.code = r.from_agency ON CONFLICT DO NOTHING),
  audit AS (
    INSERT INTO audit_events (id, event, agency_id, client_id, person_id, office, role, subject_id,
        partner_id, purpose, request_id, detail, held)
    SELECT n.event, $7, s.agency_id, $1, $8, $9, $10, n.id, n.partner_id, n.purpose, n.request_id,
        n.detail::jsonb, n.held
    FROM s, unnest($11::uuid[], $12::uuid[], $13::text[], $20::uuid[], $21::text[], $22::text[],
        $23::boolean[]) AS n (id, partner_id, purpose, event, request_id, detail, held)),
  published AS (
    INSERT INTO outbox (id, type, agency_id, subject_id, data)
    SELECT n.id, n.type, a.id, n.subject_id, n.data::jsonb
    FROM s CROSS JOIN unnest($29::uuid[], $30::text[], $31::text[], $32::uuid[], $33::text[])
        AS n (id, type, agency, subject_id, data)
      JOIN agencies a ON a.code = n.agency)
  """  # noqa: S608 - texts of ours; values are bound
STORE_LINES = f"{_STORED} SELECT s.agency_id FROM s"  # noqa: S608 - texts of ours; values are bound
"""Everything of some answers to the client ``$1``. No row: the client was stopped, and nothing is
stored. `STORE` keeps them for repeated requests, too."""
STORE = _STORED + KEEP.format(
    route="$36", keys="$37", fingerprints="$38", headers="$39", sealed_bodies="$40"
)
_CLEARANCE = text(
    """SELECT id, client_id, partner_id, outcome, reasons, evaluated_at, expires_at, sealed_request,
      sealed_answer, sealed_inputs, contents_erased_at, receipt_payload, audit_event_id
    FROM clearances WHERE id = :id"""
)
_RECEIPT = text("SELECT receipt FROM clearance_receipts WHERE clearance_id = :id")


async def find_clearance(session: AsyncSession, clearance_id: UUID) -> Row[Any] | None:
    """The own agency's clearance."""
    return (await session.execute(_CLEARANCE, {"id": clearance_id})).one_or_none()


async def find_receipt(session: AsyncSession, clearance_id: UUID) -> str | None:
    """The stored signature."""
    receipt: str | None = await session.scalar(_RECEIPT, {"id": clearance_id})
    return receipt


_CHANGE_AT = text(
    """SELECT status, outcome FROM clearance_changes WHERE clearance_id = :id AND at <= :at
    ORDER BY version DESC LIMIT 1"""
)


async def change_at(session: AsyncSession, clearance_id: UUID, at: datetime) -> Row[Any] | None:
    """The last change of a clearance's status up to a moment."""
    return (await session.execute(_CHANGE_AT, {"id": clearance_id, "at": at})).one_or_none()


_SHOWN = f"CASE WHEN {visible('p', ':agency', ':holder')} THEN c.partner_id END"
"""The partner of a clearance, unless it is protected from the caller."""
_FILTERS = {
    # The first is what the index finds; the second keeps a protected partner from being asked for.
    "partner_id": f"c.partner_id IN {lineage(':partner_id')} AND {_SHOWN} IS NOT NULL",
    "outcome": "c.outcome = :outcome",
}


async def list_clearances(
    session: AsyncSession,
    agency_id: UUID,
    filters: dict[str, Any],
    after: list[Any] | None,
    limit: int,
    *,
    holder: bool,
) -> Sequence[Row[Any]]:
    """The own agency's clearances, newest first; ``holder``: of `partners:protected`."""
    clauses = ["c.agency_id = :agency"]
    values: dict[str, Any] = {"agency": agency_id, "limit": limit, "holder": holder}
    for name, clause in _FILTERS.items():
        if filters.get(name) is not None:
            clauses.append(clause)
            values[name] = filters[name]
    if after is not None:
        clauses.append("(c.evaluated_at, c.id) < (CAST(:at AS timestamptz), CAST(:id AS uuid))")
        values |= {"at": after[0], "id": after[1]}
    sql = (
        f"SELECT c.id AS clearance_id, {_SHOWN} AS partner_id, c.outcome, c.reasons, "  # noqa: S608 - texts of ours; values are bound
        "c.purpose, c.evaluated_at, c.expires_at "
        "FROM clearances c LEFT JOIN partners p ON p.id = c.partner_id "
        f"WHERE {' AND '.join(clauses)} ORDER BY c.evaluated_at DESC, c.id DESC LIMIT :limit"
    )
    return (await session.execute(text(sql), values)).all()
