"""What of assurance plans is an agency's own."""

from __future__ import annotations

from app.agencies.export import ExportTable, Sealed
from app.assessments.assurance.returns import seal_context

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
    ExportTable(
        "assurance_plan_returns",
        """SELECT id, plan_id, revision, owner_agency, returned_by, returned_at, sealed_reason
        FROM assurance_plan_returns WHERE owner_agency = :agency
        ORDER BY plan_id, returned_at, id""",
        {
            "sealed_reason": Sealed(
                "reason", lambda row: seal_context(row.id, row.owner_agency), json=False
            )
        },
    ),
)
