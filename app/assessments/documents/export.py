"""What of documents belongs to an agency: the entries of its assessments', without the files."""

from __future__ import annotations

from app.agencies.export import ExportTable, Sealed
from app.assessments.documents.papers import seal_context

TABLES = (
    ExportTable(
        "assessment_documents",
        """SELECT d.id, d.assessment_id, d.finding_id, d.owner_agency, d.version, d.kind,
        d.standard, d.language, d.media_type, d.partner_visible, d.sealed, d.sealed_version,
        d.uploaded_at, d.created_at
        FROM assessment_documents d WHERE d.owner_agency = :agency ORDER BY d.id""",
        {
            "sealed": Sealed(
                "document",
                lambda row: seal_context(
                    row.id,
                    row.assessment_id,
                    row.sealed_version,
                    row.owner_agency,
                    row.finding_id,
                ),
            )
        },
    ),
)
