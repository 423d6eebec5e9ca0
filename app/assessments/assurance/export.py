"""What of assurance plans is an agency's own."""

from __future__ import annotations

from app.agencies.export import ExportTable

TABLES = (
    ExportTable(
        "assurance_plans",
        """SELECT id, revision, owner_agency, country, year, status, version, created_by,
        created_at, submitted_by, submitted_at, approved_by, approved_at
        FROM assurance_plans WHERE owner_agency = :agency ORDER BY id, revision""",
    ),
    ExportTable(
        "assurance_rows",
        """SELECT id, plan_id, revision, owner_agency, country, year, state, line, partner_id,
        type, quarter, basis, joint_with, lead_agency, status, reason, to_year, to_quarter,
        done_by, version, created_at, updated_at
        FROM assurance_rows WHERE owner_agency = :agency ORDER BY plan_id, revision, id""",
    ),
)
