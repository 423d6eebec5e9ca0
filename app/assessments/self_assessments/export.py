"""What of self-assessments belongs to an agency: those handed in to it."""

from __future__ import annotations

from app.agencies.export import ExportTable, Sealed
from app.assessments.self_assessments.service import seal_context

TABLES = (
    ExportTable(
        "psea_self_assessments",
        """SELECT id, partner_id, agency_id, methodology, state, version, sealed_version,
        CASE WHEN state IN ('submitted', 'taken_up') THEN sealed END AS sealed, sealed_reason,
        submitted_at, decided_by, decided_at, assessment_id, created_at, updated_at
        FROM psea_self_assessments WHERE agency_id = :agency AND submitted_at IS NOT NULL
        ORDER BY created_at, id""",
        {
            "sealed": Sealed(
                "standards",
                lambda row: seal_context(row.id, "answers", row.sealed_version, row.agency_id),
            ),
            "sealed_reason": Sealed(
                "reason", lambda row: seal_context(row.id, "reason", 0, row.agency_id), json=False
            ),
        },
    ),
)
"""What the partner took back, or has in hand, is not the agency's to take away."""
