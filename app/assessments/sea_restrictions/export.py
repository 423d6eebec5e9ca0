"""What of SEA restriction markers belongs to an agency: its own."""

from __future__ import annotations

from app.agencies.export import ExportTable

TABLES = (
    ExportTable(
        "sea_restrictions",
        """SELECT id, partner_id, owner_agency, contact_office, contact_email, review_by, set_by,
        set_at, reviewed_by, reviewed_at, lifted_by, lifted_at, version
        FROM sea_restrictions WHERE owner_agency = :agency ORDER BY set_at, id""",
    ),
)
