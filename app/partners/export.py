"""What of partners belongs to one agency: its vendor numbers. Profiles belong to all."""

from __future__ import annotations

from app.agencies.export import ExportTable
from app.partners.verifications import export as verifications

TABLES = (
    ExportTable(
        "vendor_numbers",
        """SELECT id, partner_id, scheme, value, country, active
        FROM partner_identifiers WHERE agency_id = :agency ORDER BY id""",
    ),
    *verifications.TABLES,
)
