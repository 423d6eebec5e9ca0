"""What of transfer restrictions belongs to an agency: its own, with their statements."""

from __future__ import annotations

from app.agencies.export import ExportTable, Sealed
from app.sanctions.transfer_restrictions.service import context

TABLES = (
    ExportTable(
        "transfer_restrictions",
        """SELECT id, partner_id, owner_agency, country, suspended, allowed, reason, contact_office,
        starts_on, ends_on, review_by, state, redacted, set_by, set_at, decided_by, decided_at,
        reviewed_by, reviewed_at, lifted_by, lifted_on, version,
        CASE WHEN NOT redacted THEN sealed END AS sealed
        FROM transfer_restrictions WHERE owner_agency = :agency ORDER BY set_at, id""",
        {"sealed": Sealed("statement", lambda row: context(row.id, row.owner_agency))},
    ),
)
